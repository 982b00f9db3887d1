//! An answer on its way to the caller: what is changed in it so that it says the caller's paths.

use super::asked::{Asked, Original};
use super::edits::{Edits, quote};
use super::json::{BodyError, Member, Objects, Value, present};
use super::reader::Reader;
use crate::path::{CallerPath, EnginePath};
use std::rc::Rc;

/// What becomes of an answer.
pub(super) struct Telling<'a> {
    /// Who reads it.
    pub(super) reader: Reader<'a>,
    /// The container that is described is the reader itself.
    pub(super) is_own: bool,
    pub(super) objects: Objects<'a>,
    /// What is changed in it.
    pub(super) edits: Edits,
}

impl<'a> Telling<'a> {
    /// Nothing changes yet.
    pub(super) fn to(reader: Reader<'a>) -> Self {
        Self { reader, is_own: false, objects: Objects::default(), edits: Edits::default() }
    }

    /// The members of what is an object; none of anything else.
    pub(super) fn members(&self, value: Value<'a>) -> Result<Rc<[Member<'a>]>, BodyError> {
        Ok(self.objects.members(value)?.unwrap_or_default())
    }

    /// Puts back what stood in the request for a value, if that is known and of its kind; says whether it was.
    pub(super) fn put_back(&mut self, value: Value<'a>, original: Option<Original<'_>>) -> bool {
        let text = original.and_then(|original| original.of_kind(value));
        if let Some(text) = text {
            self.edits.put(value.span(), text);
        }
        text.is_some()
    }

    /// The `Source` of a mount at a place, by the table.
    pub(super) fn source(&mut self, mount: &[Member<'a>], at: Option<&CallerPath>) -> Result<(), BodyError> {
        present(mount, "Source")?.map_or(Ok(()), |source| self.restore(source, at))
    }

    /// A text that is a path of the host, mounted at a place, by the table.
    pub(super) fn restore(&mut self, value: Value<'a>, at: Option<&CallerPath>) -> Result<(), BodyError> {
        if let Some(path) = value.string()?.and_then(|text| self.path(&text, at)) {
            self.edits.put(value.span(), quote(&path));
        }
        Ok(())
    }

    /// The caller's path for one of the host. What is mounted in the caller itself is what it has there: of two
    /// mounts of one directory each is its own (T18).
    pub(super) fn path(&self, text: &str, at: Option<&CallerPath>) -> Option<String> {
        let (view, path) = (self.reader.view, EnginePath::parse(text.as_bytes()).ok()?);
        let own = at.filter(|at| self.is_own && view.leads_to(at, &path)).cloned();
        let path = own.or_else(|| view.restore(&path))?;
        str::from_utf8(path.as_bytes()).ok().map(str::to_owned)
    }
}

/// What was written down about a place where something is mounted.
pub(super) fn told<'a, T: Default>(
    asked: Option<&'a Asked>,
    at: Option<&CallerPath>,
    tell: impl FnOnce(&'a Asked, &str) -> T,
) -> T {
    asked.zip(at).map(|(asked, at)| tell(asked, &at.to_string())).unwrap_or_default()
}
