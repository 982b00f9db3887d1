//! What a profile has written into a request: limits that it asks for, and what it takes away from a container.

use super::edits::{Edits, ObjectEnd};
use super::json::{BodyError, Objects, Value, member};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A member that a request gets, whatever it says there itself.
#[derive(Debug, Clone, Copy)]
pub struct Amend<'a> {
    /// The member, by the names that lead to it: `["HostConfig", "Memory"]`.
    pub names: &'a [&'a str],
    /// Its value.
    pub json: &'a str,
}

/// An object that a request lacks.
#[derive(Debug)]
enum Made<'a> {
    Value(&'a str),
    Object(BTreeMap<&'a str, Made<'a>>),
}

/// Where it comes: a member more of an object, or in the place of a `null`.
#[derive(Debug, Clone, Copy)]
enum MissingPlace {
    Member(ObjectEnd),
    Null { start: usize, end: usize },
}

/// Writes them into a body.
///
/// # Errors
/// A body in which something else than an object is on the way, or a name stands twice.
pub(super) fn amend(json: &[u8], amendments: &[Amend<'_>], edits: &mut Edits) -> Result<(), BodyError> {
    if amendments.is_empty() {
        return Ok(());
    }
    let (top, objects) = (Value::of(json)?, Objects::default());
    // By where each is missing, so that what two of them lack is made once.
    let mut missing: BTreeMap<(usize, &str), (MissingPlace, Made<'_>)> = BTreeMap::new();
    for Amend { names, json } in amendments {
        let mut value = top;
        let mut found = None;
        for (depth, name) in names.iter().enumerate() {
            let place = || names[..depth].join(".");
            let members = objects.fields(&place(), value)?;
            let inner = member(members.as_deref().unwrap_or_default(), name)?;
            let is_last = depth + 1 == names.len();
            match inner {
                Some(inner) if is_last => edits.put(inner.span(), *json),
                Some(inner) if !inner.is_null() => {
                    value = inner;
                    continue;
                }
                Some(null) => {
                    let span = null.span();
                    found =
                        Some((span.start, MissingPlace::Null { start: span.start, end: span.end }, depth));
                }
                None => {
                    let end = ObjectEnd::of(value);
                    found = Some((value.span().end, MissingPlace::Member(end), depth));
                }
            }
            break;
        }
        let Some((at, gap, depth)) = found else { continue };
        let (_, made) = missing.entry((at, names[depth])).or_insert((gap, Made::Object(BTreeMap::new())));
        made.put(&names[depth + 1..], json);
    }
    for ((_, name), (gap, made)) in missing {
        match gap {
            MissingPlace::Member(end) => edits.add_members(end, &[(name, &made.json())]),
            MissingPlace::Null { start, end } => edits.put(start..end, made.json()),
        }
    }
    Ok(())
}

impl<'a> Made<'a> {
    fn put(&mut self, names: &[&'a str], json: &'a str) {
        let Some((first, rest)) = names.split_first() else {
            *self = Self::Value(json);
            return;
        };
        if let Self::Value(_) = self {
            *self = Self::Object(BTreeMap::new());
        }
        let Self::Object(members) = self else { return };
        members.entry(first).or_insert(Self::Object(BTreeMap::new())).put(rest, json);
    }

    fn json(&self) -> String {
        match self {
            Self::Value(json) => (*json).to_owned(),
            Self::Object(members) => {
                let members: BTreeMap<_, _> = members
                    .iter()
                    .filter_map(|(name, made)| Some((name, RawValue::from_string(made.json()).ok()?)))
                    .collect();
                // Texts that are JSON already.
                serde_json::to_string(&members).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_says_is_replaced_and_what_it_lacks_is_made() {
        let memory = ["HostConfig", "Memory"];
        let pids = ["HostConfig", "PidsLimit"];
        let (policy, user) = (["HostConfig", "RestartPolicy", "Name"], ["User"]);
        let all = [
            Amend { names: &memory, json: "5" },
            Amend { names: &pids, json: "9" },
            Amend { names: &policy, json: "\"no\"" },
            Amend { names: &user, json: "\"1000\"" },
        ];
        for (body, becomes) in [
            (
                r#"{"User":"0","HostConfig":{"Memory" : 7, "pidslimit":null,"RestartPolicy":{"Name":"always"}}}"#,
                r#"{"User":"1000","HostConfig":{"Memory" : 5, "pidslimit":9,"RestartPolicy":{"Name":"no"}}}"#,
            ),
            (
                r#"{ "Image":"x", "HostConfig": { } }"#,
                r#"{ "Image":"x", "HostConfig": { "Memory":5,"PidsLimit":9,"RestartPolicy":{"Name":"no"}} ,"User":"1000"}"#,
            ),
            (
                "{}",
                r#"{"HostConfig":{"Memory":5,"PidsLimit":9,"RestartPolicy":{"Name":"no"}},"User":"1000"}"#,
            ),
            (
                r#"{"HostConfig":null}"#,
                r#"{"HostConfig":{"Memory":5,"PidsLimit":9,"RestartPolicy":{"Name":"no"}},"User":"1000"}"#,
            ),
            (
                r#"{"HostConfig":{"RestartPolicy":null}}"#,
                r#"{"HostConfig":{"RestartPolicy":{"Name":"no"},"Memory":5,"PidsLimit":9},"User":"1000"}"#,
            ),
        ] {
            let mut edits = Edits::default();
            amend(body.as_bytes(), &all, &mut edits).unwrap();
            let amended = edits.apply(body.as_bytes());
            assert_eq!(String::from_utf8(amended).unwrap(), becomes, "{body}");
        }
        for wrong in [r#"{"HostConfig":5}"#, r#"{"HostConfig":{},"hostconfig":{}}"#] {
            amend(wrong.as_bytes(), &all, &mut Edits::default()).unwrap_err();
        }
    }
}
