//! `GET /containers/json` by what is mounted: `filters={"volume": …}`.
//!
//! An engine compares such a path with what it has mounted itself, which is other text than the caller has read in the same list.
//! A part of a volume it knows by the volume's name alone, and a link by where it leads. So the engine is asked without that
//! filter, and Hostward compares with what the caller reads.

use super::query::{QueryPair, pair, pairs, with_pairs};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Which containers of a list are asked for, by their mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// Paths and names of volumes: one of them must be mounted.
    values: Vec<String>,
    /// So many of them at most, the newest.
    pub(super) most: Option<usize>,
    /// Whether the engine is Podman, which compares with a source, or with `SOURCE:DESTINATION`.
    by_podman: bool,
}

/// A mount in effect, as it is compared.
pub(super) struct Candidate<'m> {
    pub(super) name: &'m str,
    /// The engine's source, and what the caller reads.
    pub(super) sources: [&'m str; 2],
    pub(super) destination: &'m str,
}

/// The filter by mounts of a list's target where it has a path in it, and the target without it.
pub fn take(target: &[u8], by_podman: bool) -> Option<(Sought, Vec<u8>)> {
    // How that is parted depends on the engine.
    if target.contains(&b';') {
        return None;
    }
    // The first one counts.
    let value = |key: &[u8]| pairs(target).find(|pair| *pair.key == *key).map(|pair| pair.value);
    let mut filters: Map<String, Value> = serde_json::from_slice(&value(b"filters")?).ok()?;
    let values = values(&filters.remove("volume")?)?;
    if !values.iter().any(|value| value.starts_with('/')) {
        return None;
    }
    let most = value(b"limit").and_then(|limit| str::from_utf8(&limit).ok()?.parse::<i64>().ok());
    let most = most.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0);
    let is_kept = |pair: &QueryPair<'_>| match &*pair.key {
        b"filters" => false,
        b"limit" | b"all" => most.is_none(),
        _ => true,
    };
    let kept = pairs(target).filter(is_kept).map(|pair| Cow::Borrowed(pair.raw));
    let filters = (!filters.is_empty()).then(|| pair("filters", &Value::Object(filters).to_string()));
    // The newest are counted whether they run or not.
    let all = most.map(|_| pair("all", "1"));
    let pairs: Vec<_> = kept.chain([filters, all].into_iter().flatten().map(Cow::Owned)).collect();
    Some((Sought { values, most, by_podman }, with_pairs(target, &pairs)))
}

/// The values of a filter, in either of its forms: `{"/app": true}` and `["/app"]`. None of what is neither: the engine refuses it.
fn values(filter: &Value) -> Option<Vec<String>> {
    match filter {
        Value::Object(values) if values.values().all(Value::is_boolean) => {
            Some(values.keys().cloned().collect())
        }
        Value::Array(values) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

impl Sought {
    /// Whether a mount is one of those that are asked for.
    pub(super) fn has(&self, mount: &Candidate<'_>) -> bool {
        let Candidate { name, sources, destination } = mount;
        let is_source = |text: &str| !text.is_empty() && (sources.contains(&text) || *name == text);
        self.values.iter().any(|value| {
            if self.by_podman {
                let (source, at) =
                    value.split_once(':').map_or((&**value, None), |(from, at)| (from, Some(at)));
                is_source(source) && at.is_none_or(|at| at == *destination)
            } else {
                is_source(value) || value == destination
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(query: &str) -> Option<(Vec<String>, Option<usize>, String)> {
        let target = format!("/v1.41/containers/json?{query}");
        let (sought, target) = take(target.as_bytes(), false)?;
        Some((sought.values, sought.most, String::from_utf8(target).unwrap()))
    }

    #[test]
    fn a_filter_by_a_path_is_taken_out_and_all_else_stays() {
        let list = |rest: &str| format!("/v1.41/containers/json{rest}");
        assert_eq!(
            taken("all=1&filters=%7B%22volume%22%3A%7B%22%2Fapp%2Fu%22%3Atrue%7D%7D&size=1"),
            Some((vec!["/app/u".into()], None, list("?all=1&size=1")))
        );
        assert_eq!(
            taken(r#"filters={"volume":["v","/app+u"],"name":["x"]}"#),
            Some((
                vec!["v".into(), "/app u".into()],
                None,
                list("?filters=%7B%22name%22%3A%5B%22x%22%5D%7D")
            ))
        );
        assert_eq!(
            taken(r#"limit=3&all=0&filters={"volume":["/a"]}"#),
            Some((vec!["/a".into()], Some(3), list("?all=1")))
        );
        assert_eq!(taken(r#"limit=-1&filters={"volume":["/a"]}"#).unwrap().2, list("?limit=-1"));
    }

    #[test]
    fn what_the_engine_can_tell_by_itself_is_left_to_it() {
        for query in [
            "",
            "all=1",
            "filters=",
            "filters={",
            "filters=[]",
            r#"filters={"volume":{"v":true}}"#,
            r#"filters={"volume":"/a"}"#,
            r#"filters={"volume":{"/a":1}}"#,
            r#"filters={"volume":["/a",1]}"#,
            r#"filters={"label":["/a"]}"#,
            r#"filters={}&filters={"volume":["/a"]}"#,
            r#"a=1;filters={"volume":["/a"]}"#,
        ] {
            assert_eq!(taken(query), None, "{query}");
        }
    }

    #[test]
    fn a_mount_is_sought_by_its_name_either_source_or_where_it_is() {
        let has = |value: &str, by_podman| {
            let sought = Sought { values: vec!["none".into(), value.into()], most: None, by_podman };
            let mount = Candidate { name: "v", sources: ["/srv/u", "/app/u"], destination: "/d" };
            sought.has(&mount)
        };
        for value in ["v", "/srv/u", "/app/u"] {
            assert!(has(value, false) && has(value, true), "{value}");
        }
        assert!(has("/d", false) && !has("/d", true));
        assert!(has("/app/u:/d", true) && !has("/app/u:/e", true) && !has("/app/u:/d", false));
        for value in ["/app", "/app/u/", "", "/", "w"] {
            assert!(!has(value, false) && !has(value, true), "{value}");
        }
    }
}
