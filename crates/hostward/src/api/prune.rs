//! `POST /networks/prune` and `/volumes/prune`: what nobody uses is removed. For a caller under a profile that is what it owns, so
//! the engine is asked for one more label. It goes by all labels of a filter, so that another one can only narrow that down.

use super::query::{pair, pairs, with_pairs};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The target of a prune that goes by one more label; `None` where its filters cannot be read.
pub fn with_label(target: &[u8], key: &str, value: &str) -> Option<Vec<u8>> {
    let (mut filters, mut others) = (Map::new(), Vec::new());
    for one in pairs(target) {
        if *one.key != *b"filters" {
            others.push(Cow::Borrowed(one.raw));
        } else if !one.value.is_empty() {
            filters = serde_json::from_slice(&one.value).ok()?;
        }
    }
    let label = format!("{key}={value}");
    // Either form of a filter's values, as the others of this request have it: engines read all of them alike.
    let is_listed = filters.values().any(Value::is_array);
    let empty = if is_listed { json!([]) } else { json!({}) };
    match filters.entry("label").or_insert(empty) {
        Value::Array(labels) => labels.push(label.into()),
        Value::Object(labels) => drop(labels.insert(label, true.into())),
        _ => return None,
    }
    others.push(Cow::Owned(pair("filters", &Value::Object(filters).to_string())));
    Some(with_pairs(target, &others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::endpoint::decode;

    #[test]
    fn a_label_is_added_to_those_that_are_asked_for() {
        let seen = |target: &str| {
            let target = with_label(target.as_bytes(), "k", "v w")?;
            Some(String::from_utf8(decode(&target).into_owned()).unwrap())
        };
        for (asked, given) in [
            ("/networks/prune", r#"/networks/prune?filters={"label":{"k=v w":true}}"#),
            ("/v1.51/volumes/prune?filters=&x", r#"/v1.51/volumes/prune?x&filters={"label":{"k=v w":true}}"#),
            (
                r#"/volumes/prune?filters={"all":{"1":true},"label":{"a":true}}"#,
                r#"/volumes/prune?filters={"all":{"1":true},"label":{"a":true,"k=v w":true}}"#,
            ),
            (r#"/p?filters={"label":["a=b"]}"#, r#"/p?filters={"label":["a=b","k=v w"]}"#),
            (r#"/p?filters={"all":["1"]}"#, r#"/p?filters={"all":["1"],"label":["k=v w"]}"#),
        ] {
            assert_eq!(seen(asked).as_deref(), Some(given));
        }
        for filters in ["x", "[]", r#"{"label":"a"}"#, r#"{"label":null}"#] {
            assert_eq!(seen(&format!("/p?filters={filters}")), None, "{filters}");
        }
    }
}
