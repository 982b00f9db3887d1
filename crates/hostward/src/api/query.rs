//! The query of a request's target: its pairs as engines read them, and others in their places.

use super::endpoint::decode;
use std::borrow::Cow;

/// A pair of a query.
pub(super) struct QueryPair<'t> {
    /// As it stands there.
    pub(super) raw: &'t [u8],
    pub(super) key: Cow<'t, [u8]>,
    pub(super) value: Cow<'t, [u8]>,
}

/// The pairs of a target's query, decoded as Go does. Older ones part them by semicolons too; newer ones pass a pair over
/// that has one.
pub(super) fn pairs(target: &[u8]) -> impl Iterator<Item = QueryPair<'_>> {
    let query = target.splitn(2, |&b| b == b'?').nth(1).unwrap_or_default();
    query.split(|&b| matches!(b, b'&' | b';')).filter(|raw| !raw.is_empty()).map(|raw| {
        let mut halves = raw.splitn(2, |&b| b == b'=');
        let mut half = || unescape(halves.next().unwrap_or_default());
        QueryPair { raw, key: half(), value: half() }
    })
}

fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return decode(text);
    }
    let spaced: Vec<u8> = text.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    Cow::Owned(decode(&spaced).into_owned())
}

/// A pair as it stands in a query.
pub(super) fn pair(key: &str, value: &str) -> Vec<u8> {
    let mut pair = format!("{key}=").into_bytes();
    for &byte in value.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            pair.push(byte);
        } else {
            pair.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    pair
}

/// The target with these pairs for its query.
pub(super) fn with_pairs(target: &[u8], pairs: &[Cow<'_, [u8]>]) -> Vec<u8> {
    let path = target.split(|&b| b == b'?').next().unwrap_or_default();
    let mut with = path.to_vec();
    for (n, pair) in pairs.iter().enumerate() {
        with.push(if n == 0 { b'?' } else { b'&' });
        with.extend_from_slice(pair);
    }
    with
}
