//! Going through a text that is known to be JSON, without reading it again.
//!
//! `serde_json` has read all of a body before any value of it is asked for. From then on a value ends where its brackets and
//! quotes say, and whatever else stands in it need not be looked at. That matters because a value is passed over once for each
//! of the objects and arrays around it: by its rules that took half the time of restoring a list of containers.
//!
//! Of a text that is no JSON the parts mean nothing, but nothing here panics, and each step goes forward.

/// The values that stand in an object or an array, one after the other; an object's names are among them.
pub(super) struct Inside<'a> {
    text: &'a str,
    /// Behind the value that was given last.
    at: usize,
}

impl<'a> Inside<'a> {
    /// Of the text of an object or an array.
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 1 }
    }
}

impl<'a> Iterator for Inside<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let between = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':');
        let begin = rest.iter().position(|b| !between(b))?;
        let length = end_of_value(&rest[begin..]).filter(|length| *length > 0)?;
        let begin = self.at + begin;
        self.at = begin + length;
        self.text.get(begin..self.at)
    }
}

/// Where the value ends that a text begins with; zero where it begins with the end of what is around it.
fn end_of_value(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => end_of_string(bytes, 1),
        b'{' | b'[' => end_of_nested(bytes),
        // A number or a word.
        _ => bytes.iter().position(|b| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')),
    }
}

/// Where the object or array ends that a text begins with. It counts the brackets, and calls itself for none of them.
fn end_of_nested(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = end_of_string(bytes, at + 1)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Some(at + 1),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

/// The most objects and arrays that are within each other in a text, of which some may be no JSON.
pub(super) fn depth(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut most) = (0, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => match end_of_string(bytes, at) {
                Some(end) => at = end,
                None => break,
            },
            b'{' | b'[' => {
                depth += 1;
                most = most.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Where the string ends that has its first character at `at`: behind the first quote that no backslash stands before.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = mark(bytes, at)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        // What a backslash stands before is no mark.
        at += 2;
    }
}

/// Whether any byte of a text is such. It looks at all of them, since without a way out the compiler takes many at a time.
pub(super) fn has_any(text: &str, is_such: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |any, byte| any | is_such(byte))
}

/// Where the first quote or backslash is from `at` on.
///
/// It looks at eight bytes at a time, as `serde_json` does: most of a body are strings, and most strings are longer. A byte that
/// is searched for becomes zero, and the lowest zero is the lowest byte that borrows from its highest bit.
fn mark(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    while let Some(eight) = bytes.get(at..)?.first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let marks = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?.iter().position(|b| matches!(b, b'"' | b'\\'));
    rest.map(|rest| at + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Texts that hold what ends a value elsewhere.
    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![r#"[]"\\\\\\\\{}:, \n\[]"#, "[a-zé€𝄞]"], 0..6)
            .prop_map(|parts| parts.concat())
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            text().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(json!(-1.5e-9)),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            let map = prop::collection::vec((text(), inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::Array),
                map.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_end_where_serde_json_says(value in value(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let expected: Vec<_> = match value {
                Value::Array(elements) => elements,
                Value::Object(members) => members.into_iter().flat_map(|(name, value)| [json!(name), value]).collect(),
                _ => return Ok(()),
            };
            let seen: Vec<Value> = Inside::of(&text).map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(seen, expected, "{}", text);
        }

        #[test]
        fn the_depth_is_that_of_the_deepest_value(value in value()) {
            fn deep(value: &Value) -> usize {
                let deepest = |values: &mut dyn Iterator<Item = &Value>| 1 + values.map(deep).max().unwrap_or(0);
                match value {
                    Value::Array(elements) => deepest(&mut elements.iter()),
                    Value::Object(members) => deepest(&mut members.values()),
                    _ => 0,
                }
            }
            prop_assert_eq!(depth(&value.to_string()), deep(&value));
        }

        #[test]
        fn what_is_no_json_has_an_end_too(text in r#"[\[\]{}"\\:, a1é]{0,32}"#) {
            prop_assert!(Inside::of(&text).count() <= text.len());
            prop_assert!(depth(&text) <= text.len());
        }
    }
}
