//! The body of `POST /_hostward/explain`: `{"paths": ["/app/x"]}`, with so many paths and no more.

use std::fmt;

use hostward::path::AskedPath;
use serde::de::{self, Deserializer as _, MapAccess, SeqAccess, Visitor};

use crate::refuse::Refused;

/// Reads the paths, of which there may be `most`.
///
/// # Errors
/// What is not such a body, and a path that is none.
pub(super) fn read(body: &[u8], most: u64) -> Result<Vec<AskedPath>, Refused> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Body { most }).and_then(|paths| json.end().map(|()| paths));
    read.map_err(|error| {
        Refused::new(400, format!("hostward: the body must be {{\"paths\": [\"/app/file\", …]}}: {error}"))
    })
}

/// An object with `paths` and nothing else.
struct Body {
    most: u64,
}

/// The list.
struct Paths {
    most: u64,
}

impl<'de> Visitor<'de> for Body {
    type Value = Vec<AskedPath>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"paths\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut paths = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "paths" {
                return Err(de::Error::unknown_field(&key, &["paths"]));
            }
            if paths.replace(map.next_value_seed(Paths { most: self.most })?).is_some() {
                return Err(de::Error::duplicate_field("paths"));
            }
        }
        paths.ok_or_else(|| de::Error::missing_field("paths"))
    }
}

impl<'de> de::DeserializeSeed<'de> for Paths {
    type Value = Vec<AskedPath>;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Paths {
    type Value = Vec<AskedPath>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of absolute paths")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut paths = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            if paths.len() as u64 >= self.most {
                return Err(de::Error::custom(format_args!(
                    "more than {} paths, the limit `paths`; ask for fewer at a time",
                    self.most
                )));
            }
            let path = AskedPath::parse(text.as_bytes());
            paths.push(path.map_err(|error| de::Error::custom(format_args!("the path {text:?} {error}")))?);
        }
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(body: &str) -> String {
        read(body.as_bytes(), 2).unwrap_err().message
    }

    #[test]
    fn a_list_of_paths_is_read() {
        let paths = read(br#"{"paths": ["/app/x", "/a/../b"]}"#, 2).unwrap();
        assert_eq!(paths.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/app/x", "/a/../b"]);
        assert!(read(br#"{"paths": []}"#, 2).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_one_is_refused_with_the_reason() {
        for (body, why) in [
            ("", "EOF while parsing"),
            ("[]", "invalid type: sequence, expected an object with \"paths\""),
            ("{}", "missing field `paths`"),
            (r#"{"path": "/a"}"#, "unknown field `path`, expected `paths`"),
            (r#"{"paths": [], "paths": []}"#, "duplicate field `paths`"),
            (r#"{"paths": "/a"}"#, "expected a list of absolute paths"),
            (r#"{"paths": ["a"]}"#, "the path \"a\" is not absolute"),
            (r#"{"paths": ["/a", "/b", "/c"]}"#, "more than 2 paths, the limit `paths`"),
            (r#"{"paths": []} {}"#, "trailing characters"),
        ] {
            let said = wrong(body);
            let is_said = said.starts_with("hostward: the body must be {\"paths\": [\"/app/file\", …]}: ");
            assert!(is_said && said.contains(why), "{body}: {said}");
        }
    }
}
