//! An answer on its way to the caller: what is changed in it so that it says the caller's paths.

use super::asked::{Asked, Original};
use super::edits::{Edits, quote};
use super::json::{BodyError, Member, Objects, Value, present};
use super::reader::Reader;
use super::sought::Sought;
use crate::path::{CallerPath, EnginePath, Rest};
use std::rc::Rc;

/// What is told in the place of a path of the host. Whoever sends it back asks for a file of its own that it has not.
pub(super) const HIDDEN: &str = "/hidden";

/// What becomes of an answer.
pub(super) struct Telling<'a> {
    /// Who reads it.
    pub(super) reader: Reader<'a>,
    /// The container that is described is the reader itself.
    pub(super) is_own: bool,
    /// What is to be mounted in a container that is listed; whether it was, in the one that is described.
    pub(super) sought: Option<&'a Sought>,
    pub(super) is_found: bool,
    pub(super) objects: Objects<'a>,
    /// What is changed in it.
    pub(super) edits: Edits,
    /// Whether a path of the host that the caller has none for is not told.
    pub(super) hides: bool,
    /// Paths in it that stay the engine's, where that is remembered: the caller has none for what is there.
    pub(super) shown: Option<Vec<EnginePath>>,
}

impl<'a> Telling<'a> {
    /// Nothing changes yet.
    pub(super) fn to(reader: Reader<'a>) -> Self {
        let (objects, edits) = (Objects::default(), Edits::default());
        Self {
            reader,
            is_own: false,
            sought: None,
            is_found: false,
            objects,
            edits,
            hides: false,
            shown: None,
        }
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

    /// The `Source` of a mount at a place, by the table; gives what it becomes.
    pub(super) fn source(
        &mut self,
        mount: &[Member<'a>],
        at: Option<&CallerPath>,
    ) -> Result<Option<String>, BodyError> {
        present(mount, "Source")?.map_or(Ok(None), |source| self.restore(source, at))
    }

    /// The same of a mount of what a volume has at a subpath: engines tell the volume's directory there.
    pub(super) fn source_in_volume(
        &mut self,
        mount: &[Member<'a>],
        subpath: &Rest,
        at: Option<&CallerPath>,
    ) -> Result<Option<String>, BodyError> {
        let Some(source) = present(mount, "Source")? else { return Ok(None) };
        let Some(text) = source.string()? else { return Ok(None) };
        let part = EnginePath::parse(text.as_bytes()).ok().map(|directory| directory.join(subpath));
        let Some(path) = part.and_then(|part| self.callers(&part, at)) else {
            // It has not that part, and perhaps the whole.
            return self.restore(source, at);
        };
        self.edits.put(source.span(), quote(&path));
        Ok(Some(path))
    }

    /// A text that is a path of the host, mounted at a place, by the table; gives what it becomes.
    pub(super) fn restore(
        &mut self,
        value: Value<'a>,
        at: Option<&CallerPath>,
    ) -> Result<Option<String>, BodyError> {
        let path = value.string()?.and_then(|text| self.path(&text, at));
        if let Some(path) = &path {
            self.edits.put(value.span(), quote(path));
        }
        Ok(path)
    }

    /// The caller's path for one of the host; where it has none, it is shown the host's.
    pub(super) fn path(&mut self, text: &str, at: Option<&CallerPath>) -> Option<String> {
        let path = EnginePath::parse(text.as_bytes()).ok()?;
        let callers = self.callers(&path, at);
        if callers.is_some() {
            return callers;
        }
        if self.hides {
            return Some(HIDDEN.to_owned());
        }
        self.shown.iter_mut().for_each(|shown| shown.push(path.clone()));
        None
    }

    /// The caller's path for one of the host. What is mounted in the caller itself is what it has there: of two
    /// mounts of one directory each is its own (T18).
    fn callers(&self, path: &EnginePath, at: Option<&CallerPath>) -> Option<String> {
        let view = self.reader.view;
        let own = at.filter(|at| self.is_own && view.leads_to(at, path)).cloned();
        let path = own.or_else(|| view.restore(path))?;
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
