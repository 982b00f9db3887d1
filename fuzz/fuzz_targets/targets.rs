//! A request line of any bytes: what a model of the engine's router serves is known for what it is, and what is read of its query,
//! or written into it, is what Go reads there.
#![no_main]

use hostward::api::endpoint::{container, created_name, version};
use hostward::api::operations::classify;
use hostward::api::{commit, podman, sought};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/hostward/tests/router/mod.rs"]
mod router;

fuzz_target!(|line: &[u8]| {
    let Some(blank) = line.iter().position(|&b| b == b' ') else { return };
    let (method, target) = (&line[..blank], &line[blank + 1..]);
    if let Some(endpoint) = str::from_utf8(method).ok().and_then(|method| router::served(method, target)) {
        assert_eq!(classify(method, target), endpoint);
    }
    let _ = (container(target), created_name(target), version(target), podman::check_query(method, target));
    // Go passes over pairs that have a semicolon, and older ones part them there.
    if target.contains(&b';') || router::path_of(target).is_none() {
        return;
    }
    let before = pairs(target);
    let committed = pairs(&commit::without_labels(target, &["hostward.asked"]));
    assert_eq!(committed.first().map(|(key, _)| &key[..]), Some(&b"changes"[..]));
    assert_eq!(committed[1..], before);
    for by_podman in [false, true] {
        let Some((_, without)) = sought::take(target, by_podman) else { continue };
        let rest = |(key, _): &&(Vec<u8>, Vec<u8>)| !matches!(&key[..], b"filters" | b"limit" | b"all");
        let after = pairs(&without);
        assert!(after.iter().filter(rest).eq(before.iter().filter(rest)));
        let filters = after.iter().find(|(key, _)| key == b"filters");
        let filters = filters.and_then(|(_, value)| serde_json::from_slice::<serde_json::Value>(value).ok());
        assert!(filters.is_none_or(|filters| filters.get("volume").is_none()));
    }
});

/// The pairs of a query that Go's `url.ParseQuery` reads: it leaves out those whose escapes are none.
fn pairs(target: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let query = target.iter().position(|&b| b == b'?').map_or(&b""[..], |mark| &target[mark + 1..]);
    let pair = |raw: &[u8]| {
        let equals = raw.iter().position(|&b| b == b'=');
        let (key, value) = equals.map_or((raw, &b""[..]), |at| (&raw[..at], &raw[at + 1..]));
        Some((unescaped(key)?, unescaped(value)?))
    };
    query.split(|&b| b == b'&').filter(|raw| !raw.is_empty()).filter_map(pair).collect()
}

fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    Some(plain)
}
