//! A configuration's text as a tree that is read key by key: what is wrong at one place does not hide what is wrong at the next.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::keys::{LISTEN, PROFILE, Setting, TLS, TOP};
use crate::config::mistake::{Mistakes, Span};
use crate::near::nearest;

/// Why a value is not what its key needs.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is of another kind: what to write is in the table of settings.
    Kind,
    /// It is wrong in itself.
    Value(String),
}

impl Unread {
    pub(super) fn value(why: impl std::fmt::Display) -> Self {
        Self::Value(why.to_string())
    }
}

/// A table of the file while it is read.
pub(super) struct Section<'t, 'm> {
    /// How users call it.
    name: &'static str,
    /// What it can have.
    settings: Vec<&'static Setting>,
    table: DeTable<'t>,
    /// Where it is.
    span: Span,
    taken: Vec<&'static str>,
    pub(super) mistakes: &'m mut Mistakes,
}

/// Reads the text as TOML. What cannot be read as that is noted, and the rest is there.
pub(super) fn tree<'t>(text: &'t str, mistakes: &mut Mistakes) -> Spanned<DeTable<'t>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = mistakes.source().line(span.start);
        let before = text.get(line.start..span.start).unwrap_or_default();
        let key = before.split_once('=').map(|(key, _)| key.trim());
        // What is no value was meant to be this key's.
        let advice = match key
            .and_then(|key| [TOP, LISTEN, TLS, &PROFILE].into_iter().flatten().find(|one| one.name == key))
        {
            Some(setting) => format!("; write {}", setting.written()),
            None => String::new(),
        };
        let said = error.message().trim_end().trim_end_matches(", expected nothing");
        mistakes.note_syntax(format_args!("{said}{advice}"), span);
    }
    root
}

impl<'t, 'm> Section<'t, 'm> {
    pub(super) fn new(
        name: &'static str,
        settings: impl IntoIterator<Item = &'static Setting>,
        table: Spanned<DeTable<'t>>,
        mistakes: &'m mut Mistakes,
    ) -> Self {
        let span = table.span();
        let settings = settings.into_iter().collect();
        Self { name, settings, table: table.into_inner(), span, taken: Vec::new(), mistakes }
    }

    /// The value of this key as it is written.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        let value = self.table.remove(key)?;
        self.taken.push(key);
        Some(value)
    }

    /// The value of this key. Where it is wrong, that is noted, and there is none.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, Unread>,
    ) -> Option<Spanned<T>> {
        let value = self.take(key)?;
        self.read_value(key, &value, read)
    }

    /// Each value of the list that this key has.
    pub(super) fn read_each<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'t>) -> Result<T, Unread>,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(values) = value.get_ref() else {
            self.wrong(key, &value.span(), Unread::Kind);
            return Vec::new();
        };
        let values = values.iter().filter_map(|one| self.read_value(key, one, &read));
        values.map(Spanned::into_inner).collect()
    }

    fn read_value<T>(
        &mut self,
        key: &'static str,
        value: &Spanned<DeValue<'t>>,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, Unread>,
    ) -> Option<Spanned<T>> {
        match read(value.get_ref()) {
            Ok(read) => Some(Spanned::new(value.span(), read)),
            Err(why) => {
                self.wrong(key, &value.span(), why);
                None
            }
        }
    }

    /// Notes why a value is not what its key needs.
    pub(super) fn wrong(&mut self, key: &'static str, span: &Span, why: Unread) {
        // The line is no TOML, which has been said.
        if self.mistakes.is_broken(&self.mistakes.source().line(span.start)) {
            return;
        }
        let why = match (why, self.settings.iter().find(|one| one.name == key)) {
            (Unread::Value(why), _) => why,
            (Unread::Kind, Some(setting)) => {
                let found = self.mistakes.source().text(span);
                format!("{found} is not {}; write {}", setting.kind, setting.written())
            }
            (Unread::Kind, None) => format!("`{key}` needs another kind of value"),
        };
        self.mistakes.note(why, Some(span.clone()));
    }

    /// Notes what is left, which nobody knows, and what is not there and has to be.
    pub(super) fn end(self, required: &[&str]) {
        let Self { name, settings, table, span, taken, mistakes } = self;
        let mut meant = Vec::new();
        for key in table.keys() {
            let near = nearest(key.get_ref(), settings.iter().map(|one| one.name));
            meant.extend(near);
            mistakes.note(unknown(name, &settings, key.get_ref(), near), Some(key.span()));
        }
        // A table that a header begins lasts to the next header.
        let text = &mistakes.source().text;
        let rest = text.get(span.end..).unwrap_or_default();
        let end = rest.find("\n[").map_or(text.len(), |at| span.end + at);
        for key in required {
            let is_there = taken.contains(key) || meant.contains(key);
            if !is_there && !mistakes.is_broken(&(span.start..end)) {
                mistakes.note(format_args!("{name} has no `{key}`, which is required"), Some(span.clone()));
            }
        }
    }
}

/// What is said of a key that a table cannot have.
fn unknown(name: &str, settings: &[&Setting], key: &str, near: Option<&str>) -> String {
    let has = |settings: &[Setting]| settings.iter().any(|one| one.name == key);
    let advice = match near {
        _ if has(TOP) => "move it to the top of the file, before the first table".to_owned(),
        Some(near) => format!("did you mean `{near}`?"),
        None if has(LISTEN) => "it belongs to a [[listen]]".to_owned(),
        None if has(&PROFILE) => "it belongs to a [[profile]]".to_owned(),
        None => {
            let known: Vec<_> = settings.iter().map(|one| one.name).collect();
            format!("there are {}", known.join(", "))
        }
    };
    format!("{name} has no setting `{key}`; {advice}")
}
