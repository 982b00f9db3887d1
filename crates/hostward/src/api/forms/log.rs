//! An option of a log driver whose value is a path, or the address of a socket.

use crate::api::asked::{Asked, Noted};
use crate::api::draft::{Draft, alone};
use crate::api::edits::quote;
use crate::api::fields::log_path;
use crate::api::json::{BodyError, Value};
use crate::api::site::{PATH_ALONE, Site, path};
use crate::api::telling::Telling;
use crate::path::{MOST_ADDRESS_BYTES, MOST_BYTES};
use crate::plan::{Given, Wish};
use crate::refusal::Refusal;
use std::ops::Range;

/// An option of a log driver.
#[derive(Debug)]
pub(in crate::api) struct LogOption {
    /// The option's name, which is its key in the label too.
    key: String,
    value: Range<usize>,
    /// What stands before the path.
    scheme: &'static str,
}

/// Reads the options of a log driver, which stand at `name` and may have as many paths as `most`. Each goes to `found`.
///
/// # Errors
/// A path that is none, too many of them, and what `found` fails with.
pub(in crate::api) fn find(
    name: &str,
    options: Value<'_>,
    most: usize,
    mut found: impl FnMut(Site, LogOption) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    // The keys of a map: they match to the letter.
    let mut all = Vec::new();
    options.each_member(|key, value| {
        let Some(text) = value.string()? else { return Ok(()) };
        let Some((scheme, shown)) = log_path(&key, &text) else { return Ok(()) };
        let asked = path(format!("{name}.{key}"), shown)?;
        if all.len() == most {
            return Err(BodyError::Many { what: name.to_owned(), most, unit: "paths" });
        }
        let option = LogOption { key: key.into_owned(), value: value.span(), scheme };
        let longest = if scheme.is_empty() { MOST_BYTES } else { MOST_ADDRESS_BYTES };
        all.push((Site { asked, wish: Wish { longest, ..PATH_ALONE } }, option));
        Ok(())
    })?;
    all.into_iter().try_for_each(|(site, option)| found(site, option))
}

impl LogOption {
    /// Gives it another path.
    ///
    /// # Errors
    /// What is no single path.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let text = format!("{}{}", self.scheme, alone(site, given)?);
        draft.edits.put(self.value.clone(), quote(&text));
        let original = draft.original(&self.value);
        draft.remember(site, given, false, self.key.clone(), original);
        Ok(())
    }
}

/// The options of a log driver in an answer.
///
/// # Errors
/// A body that is not the API's JSON.
pub(in crate::api) fn tell<'a>(
    options: Option<Value<'a>>,
    asked: Option<&Asked>,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    let Some(options) = options else { return Ok(()) };
    options
        .each_member(|key, value| {
            let text = value.string()?.unwrap_or_default();
            let Some((scheme, shown)) = log_path(&key, &text) else { return Ok(()) };
            let original = asked.and_then(|asked| asked.original(&key, &Noted::of_source(shown)));
            if !telling.put_back(value, original)
                && let Some(path) = telling.path(shown, None)
            {
                telling.edits.put(value.span(), quote(&format!("{scheme}{path}")));
            }
            Ok(())
        })
        .map(drop)
}
