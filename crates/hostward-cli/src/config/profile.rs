//! A `[[profile]]` of the file.

use std::collections::BTreeMap;

use hostward::policy::keys::{KEYS, ProfileKey, Unfit};
use hostward::policy::profile::Profile;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::{Table, Value};

use crate::config::document::{Section, Unread};
use crate::config::keys;
use crate::config::mistake::{Mistakes, Span};
use crate::variables;

/// Reads all of them. What is wrong with one, and with all of them together, is noted.
pub(super) fn read_all(tables: Vec<Spanned<DeTable<'_>>>, mistakes: &mut Mistakes) -> Vec<Profile> {
    let mut profiles = Vec::new();
    let mut names = BTreeMap::<String, Span>::new();
    for table in tables {
        let span = table.span();
        let profile = read(table, mistakes);
        let is_new = names.insert(profile.name.clone(), span.clone()).is_none();
        if !is_new && !profile.name.is_empty() {
            mistakes
                .note(format_args!("there is another profile with the name {:?}", profile.name), Some(span));
        }
        profiles.push(profile);
    }
    profiles
}

fn read(table: Spanned<DeTable<'_>>, mistakes: &mut Mistakes) -> Profile {
    let mut section = Section::new("[[profile]]", keys::PROFILE.iter(), table, mistakes);
    let mut profile = section.read("preset", preset).map(Spanned::into_inner).unwrap_or_default();
    // The preset's name is not this one's.
    profile.name = String::new();
    let mut first_rule = None;
    for key in KEYS.iter().filter(|key| !key.is_preset()) {
        let Some(value) = section.take(key.name) else { continue };
        if key.is_rule() {
            first_rule.get_or_insert_with(|| (key.name, value.span()));
        }
        set(key, &mut profile, &value, &mut section);
    }
    if let Some((name, span)) = first_rule.filter(|_| profile.unrestricted) {
        let why = format!("`{name}` has no effect in a profile that is unrestricted: leave one of them out");
        section.mistakes.note(why, Some(span));
    }
    section.end(&["name"]);
    profile
}

/// Gives a profile the value of a key. Where it is wrong, that is noted.
fn set(key: &ProfileKey, profile: &mut Profile, value: &Spanned<DeValue<'_>>, section: &mut Section<'_, '_>) {
    let span = value.span();
    let Some(plain) = plain(value.get_ref()) else { return section.wrong(key.name, &span, Unread::Kind) };
    match key.set(profile, &plain) {
        Ok(()) => {}
        Err(Unfit::Kind) => section.wrong(key.name, &span, Unread::Kind),
        Err(Unfit::Value(item, why)) => {
            let items = value.get_ref().as_array();
            let item = item.and_then(|at| items?.get(at)).map(Spanned::span);
            section.wrong(key.name, &item.unwrap_or(span), Unread::Value(why));
        }
    }
}

/// A preset. One of them is made of this process's variables.
fn preset(value: &DeValue<'_>) -> Result<Profile, Unread> {
    let name = value.as_str().ok_or(Unread::Kind)?;
    Profile::preset_with(name, &variables::plain).map_err(Unread::value)
}

/// A value without its places. None where it is a date, or a number that is none of TOML's own.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(_) => return None,
        DeValue::Array(values) => {
            Value::Array(values.iter().map(|value| plain(value.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                Some((ToString::to_string(name.get_ref()), plain(value.get_ref())?))
            };
            Value::Table(table.iter().map(|(name, value)| entry((name, value))).collect::<Option<Table>>()?)
        }
    })
}
