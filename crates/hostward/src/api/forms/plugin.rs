//! What a plugin has from the host: the mounts in its description, and the settings that say where they come from.
//! No answer tells them.

use crate::api::draft::{Draft, alone, unspelled};
use crate::api::edits::quote;
use crate::api::json::{BodyError, Objects, Value, present, text};
use crate::api::site::{PATH_ALONE, Site, path};
use crate::plan::{Given, Wish};
use crate::refusal::Refusal;
use std::ops::Range;

/// A setting `NAME.source=PATH`.
#[derive(Debug)]
pub(in crate::api) struct PluginSetting {
    value: Range<usize>,
    /// What stands before the equals sign.
    name: String,
}

/// A mount of a plugin.
#[derive(Debug)]
pub(in crate::api) struct PluginMount {
    source: Range<usize>,
}

/// Reads the settings of a plugin: `NAME.source=PATH` says where a mount of it comes from. Each goes to `found`.
///
/// # Errors
/// Another shape than the API's, a path that is none, and what `found` fails with.
pub(in crate::api) fn find_settings(
    array: Value<'_>,
    mut found: impl FnMut(Site, PluginSetting) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    let elements = array.elements()?.ok_or_else(|| BodyError::Type("the whole".into(), "an array"))?;
    for (n, value) in elements.into_iter().enumerate() {
        let place = || format!("[{n}]");
        let text = value.string()?.ok_or_else(|| BodyError::Type(place(), "a string"))?;
        let Some((name, source)) = text.split_once('=') else { continue };
        if !name.ends_with(".source") || !source.starts_with('/') {
            continue;
        }
        let asked = path(place(), source)?;
        let wish = Wish { recursive: true, ..PATH_ALONE };
        let setting = PluginSetting { value: value.span(), name: name.to_owned() };
        found(Site { asked, wish }, setting)?;
    }
    Ok(())
}

/// Reads the mounts that a plugin has by itself. Each bind goes to `found`.
///
/// # Errors
/// Another shape than a plugin's description, a path that is none, and what `found` fails with.
pub(in crate::api) fn find_mounts<'a>(
    array: Value<'a>,
    objects: &Objects<'a>,
    mut found: impl FnMut(Site, PluginMount) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    let elements = array.elements()?.ok_or_else(|| BodyError::Type("mounts".into(), "an array"))?;
    for (n, element) in elements.into_iter().enumerate() {
        let name = format!("mounts[{n}]");
        let Some(members) = objects.fields(&name, element)? else { continue };
        let kind = text(&name, &members, "type")?;
        let Some((shown, source)) = text(&name, &members, "source")? else { continue };
        if kind.is_none_or(|(kind, _)| kind != "bind") || !shown.starts_with('/') {
            continue;
        }
        let options = present(&members, "options")?.map(|options| options.text()).unwrap_or_default();
        let wish = Wish {
            recursive: options.contains("\"rbind\""),
            read_only: options.contains("\"ro\""),
            ..PATH_ALONE
        };
        let asked = path(format!("{name}.source"), &shown)?;
        found(Site { asked, wish }, PluginMount { source: source.span() })?;
    }
    Ok(())
}

impl PluginSetting {
    /// Gives it another path.
    ///
    /// # Errors
    /// What is no single path, or may only be read: a setting has no word for that.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        if given.read_only {
            return Err(unspelled(site, given, "that it is read-only"));
        }
        let setting = format!("{}={}", self.name, alone(site, given)?);
        draft.edits.put(self.value.clone(), quote(&setting));
        Ok(())
    }
}

impl PluginMount {
    /// Gives it another path.
    ///
    /// # Errors
    /// What is no single path, or may only be read where the plugin does not say so itself.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        if given.read_only && !site.wish.read_only {
            return Err(unspelled(site, given, "that it is read-only"));
        }
        draft.edits.put(self.source.clone(), quote(alone(site, given)?));
        Ok(())
    }
}
