//! Editing a JSON body to the byte: what is not touched stays as it is (T12).

use super::json::{BodyError, Value};
use super::scan::has_any;
use std::ops::Range;

/// Where an object ends, to put a member in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ObjectEnd {
    /// The place of its closing brace.
    at: usize,
    /// Whether it has no member yet.
    is_empty: bool,
}

impl ObjectEnd {
    /// That of an object.
    pub(super) fn of(object: Value<'_>) -> Self {
        let inside = &object.text()[1..object.text().len() - 1];
        Self { at: object.span().end - 1, is_empty: inside.trim_ascii().is_empty() }
    }

    /// That of a map of which members are taken out, and others stay or not.
    pub(super) fn of_map(map: Value<'_>, stays: bool) -> Self {
        Self { at: map.span().end - 1, is_empty: !stays }
    }
}

/// Changes to a body, each of which replaces some of its bytes.
#[derive(Debug, Default)]
pub(super) struct Edits {
    changes: Vec<(Range<usize>, String)>,
    /// The ends of empty objects that have got their first member.
    filled: Vec<usize>,
}

impl Edits {
    /// Replaces those bytes by `text`.
    pub(super) fn put(&mut self, span: Range<usize>, text: impl Into<String>) {
        self.changes.push((span, text.into()));
    }

    /// Members more in an object: names and their values as JSON.
    pub(super) fn add_members(&mut self, ObjectEnd { at, is_empty }: ObjectEnd, members: &[(&str, &str)]) {
        if members.is_empty() {
            return;
        }
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("{}:{value}", quote(name))).collect();
        let is_first = is_empty && !self.filled.contains(&at);
        if is_first {
            self.filled.push(at);
        }
        let comma = if is_first { "" } else { "," };
        self.put(at..at, format!("{comma}{}", members.join(",")));
    }

    /// Elements more in an array that ends at `end` and has `left` elements left.
    pub(super) fn add_elements(&mut self, end: usize, left: usize, elements: &[String]) {
        let at = end - 1;
        let comma = if left == 0 || elements.is_empty() { "" } else { "," };
        self.put(at..at, format!("{comma}{}", elements.join(",")));
    }

    /// Takes elements out of an array, with their commas.
    pub(super) fn remove_elements(
        &mut self,
        elements: &[Range<usize>],
        mut is_removed: impl FnMut(usize) -> bool,
    ) {
        let mut kept_before = false;
        for (n, element) in elements.iter().enumerate() {
            if !is_removed(n) {
                kept_before = true;
                continue;
            }
            self.put(
                match elements.get(n + 1) {
                    _ if kept_before => elements[n - 1].end..element.end,
                    Some(next) => element.start..next.start,
                    None => element.clone(),
                },
                "",
            );
        }
    }

    /// How many changes there are.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Takes back all changes but the first ones.
    pub(super) fn keep_first(&mut self, count: usize) {
        self.changes.truncate(count);
    }

    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The body with the changes made.
    pub(super) fn apply(mut self, body: &[u8]) -> Vec<u8> {
        // Stable: what was put at one place stays in its order.
        self.changes.sort_by_key(|(span, _)| (span.start, span.end));
        let grown: usize = self.changes.iter().map(|(_, text)| text.len()).sum();
        let mut changed = Vec::with_capacity(body.len() + grown);
        let mut done = 0;
        for (span, text) in self.changes {
            changed.extend_from_slice(&body[done..span.start]);
            changed.extend_from_slice(text.as_bytes());
            done = span.end;
        }
        changed.extend_from_slice(&body[done..]);
        changed
    }
}

/// A member of a map that is taken out of it, with its comma.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stale {
    /// Its value.
    pub(super) value: Range<usize>,
    /// All of it.
    pub(super) whole: Range<usize>,
}

/// Finds the members of a map whose keys, to the letter, are these, and says whether others stay beside them.
///
/// # Errors
/// A key that cannot be decoded.
pub(super) fn stale_members(
    map: Value<'_>,
    mut is_stale: impl FnMut(&str) -> bool,
) -> Result<(Vec<Stale>, bool), BodyError> {
    let (mut stale, mut stays) = (Vec::new(), false);
    let (body, map_end) = (map.body(), map.span().end - 1);
    // Where what belongs to the next member begins: behind the comma where nothing before it stays, before it elsewhere.
    let mut begin = map.span().start + 1;
    map.each_member(|key, value| {
        let value = value.span();
        let comma = body[value.end..map_end].iter().position(|b| !b.is_ascii_whitespace());
        if is_stale(&key) {
            let end = match comma {
                Some(comma) if !stays => value.end + comma + 1,
                _ => value.end,
            };
            stale.push(Stale { value: value.clone(), whole: begin..end });
            begin = end;
        } else {
            stays = true;
            begin = value.end;
        }
        Ok(())
    })?;
    Ok((stale, stays))
}

/// A string as a JSON text.
pub(super) fn quote(text: &str) -> String {
    if has_any(text, |b| matches!(b, b'"' | b'\\' | ..b' ')) {
        return serde_json::Value::from(text).to_string();
    }
    ["\"", text, "\""].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(body: &str, edit: impl Fn(Value<'_>, &mut Edits)) -> String {
        let mut edits = Edits::default();
        edit(Value::of(body.as_bytes()).unwrap(), &mut edits);
        String::from_utf8(edits.apply(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_quoted_text_is_what_serde_json_makes_of_it() {
        for c in (0..=0x2ff).chain([0x2028, 0xfffd, 0x1_f4a9]).filter_map(char::from_u32) {
            let text = format!("/a{c}b");
            assert_eq!(quote(&text), serde_json::Value::from(&*text).to_string());
        }
    }

    #[test]
    fn elements_are_taken_out_with_their_commas() {
        for (removed, left) in [
            (&[0][..], "[ 2 , 3 ]"),
            (&[1], "[ 1 , 3 ]"),
            (&[2], "[ 1 , 2 ]"),
            (&[0, 1], "[ 3 ]"),
            (&[1, 2], "[ 1 ]"),
            (&[0, 2], "[ 2 ]"),
            (&[0, 1, 2], "[  ]"),
        ] {
            let seen = edited("[ 1 , 2 , 3 ]", |array, edits| {
                let elements = array.elements().unwrap().unwrap();
                let spans: Vec<_> = elements.iter().map(Value::span).collect();
                edits.remove_elements(&spans, |n| removed.contains(&n));
            });
            assert_eq!(seen, left, "{removed:?}");
        }
    }

    #[test]
    fn members_are_taken_out_and_put_in_with_their_commas() {
        let body = r#"{ "a" : 1 , "b" : {"x{":2} , "c" : 3 }"#;
        for (keys, left) in [
            ("a", r#"{ "b" : {"x{":2} , "c" : 3 }"#),
            ("b", r#"{ "a" : 1 , "c" : 3 }"#),
            ("c", r#"{ "a" : 1 , "b" : {"x{":2} }"#),
            ("ab", r#"{ "c" : 3 }"#),
            ("bc", r#"{ "a" : 1 }"#),
            ("ac", r#"{ "b" : {"x{":2} }"#),
            ("abc", "{ }"),
        ] {
            let seen = edited(body, |map, edits| {
                let (stale, stays) = stale_members(map, |key| keys.contains(key)).unwrap();
                assert_eq!(stays, keys.len() < 3);
                for one in stale {
                    edits.put(one.whole, "");
                }
            });
            assert_eq!(seen, left, "{keys}");
        }
        let add = |object: Value<'_>, edits: &mut Edits| {
            edits.add_members(ObjectEnd::of(object), &[("n\"", "[]"), ("m", "1")]);
        };
        assert_eq!(edited("{ }", add), r#"{ "n\"":[],"m":1}"#);
        assert_eq!(edited(r#"{"a":1}"#, add), r#"{"a":1,"n\"":[],"m":1}"#);
        let twice = |object: Value<'_>, edits: &mut Edits| {
            edits.add_members(ObjectEnd::of(object), &[("n", "1")]);
            edits.add_members(ObjectEnd::of(object), &[("m", "2")]);
        };
        assert_eq!(edited("{}", twice), r#"{"n":1,"m":2}"#);
    }
}
