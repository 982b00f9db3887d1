//! Targets of every spelling, held against a model of the engine's own reading.
//!
//! What the model serves as an endpoint is never taken for another one or for none. The reverse does no harm where nothing but
//! translation depends on it: a request that the engine redirects or does not know.
#![expect(clippy::unwrap_used, reason = "a test")]

mod router;

use hostward::api::endpoint::Endpoint;
use hostward::api::operations::classify;
use proptest::prelude::*;
use router::served;
use std::fmt::Write;

/// Parts of which targets are put together that readers could take apart differently.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(&[
            "/containers", "/create", "/json", "/start", "/restart", "/attach", "/checkpoints", "/exec", "/services",
            "/update", "/tasks", "/volumes", "/plugins", "/set", "/commit", "/events", "/system", "/df", "/x", "/v1.41",
            "/v1", "/v.", "/v1.41a", "/images", "/kill", "/_ping",
        ][..]).prop_map(str::to_owned),
        2 => prop::sample::select(&[
            "/", "//", "/.", "/..", "%2f", "%2F", "/%2e%2e", "%00", "%0a", "%25", "%", "%zz", ";", "#", "?", "&", "=", "+",
            ":", "@", "\\", "*", "\u{7f}", "é", "%ff", "http://d", "x:", "X://", "1:", "//d", "%63", "%73",
        ][..]).prop_map(str::to_owned),
        1 => "[a-z%/.?#:]{0,4}",
    ]
}

/// Such a target, of which some letters are written in escapes.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let escaped = prop::collection::vec(prop::bool::weighted(0.05), 0..40);
    (prop::collection::vec(part(), 0..7), escaped).prop_map(|(parts, escaped)| {
        let mut target = String::new();
        for (n, byte) in parts.concat().bytes().enumerate() {
            if byte.is_ascii_alphabetic() && escaped.get(n) == Some(&true) {
                write!(target, "%{byte:02x}").unwrap();
            } else {
                target.push(char::from(byte));
            }
        }
        target.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_the_engine_serves_is_known_for_what_it_is(
        method in prop::sample::select(&["GET", "POST", "DELETE", "HEAD", "get", "Post"][..]),
        target in target(),
    ) {
        if let Some(endpoint) = served(method, &target) {
            prop_assert_eq!(classify(method.as_bytes(), &target), endpoint, "{} {}", method, String::from_utf8_lossy(&target));
        }
    }
}

#[test]
fn the_model_serves_what_engines_were_seen_to_serve() {
    for (line, endpoint) in [
        ("GET /v1.41/containers/json?all=1", Some(Endpoint::ContainerList)),
        ("GET http://d/v1.41/containers/json", Some(Endpoint::ContainerList)),
        ("GET x:/containers/json", Some(Endpoint::ContainerList)),
        ("GET /%761.41%2f%63ontainers/json", Some(Endpoint::ContainerList)),
        ("GET /containers/a/b/json", Some(Endpoint::ContainerInspect)),
        ("POST /containers/create", Some(Endpoint::ContainerCreate)),
        ("POST /containers/create?x=/../json", Some(Endpoint::ContainerCreate)),
        ("POST /containers/create/start", Some(Endpoint::ContainerStart)),
        ("GET /services/a", Some(Endpoint::ServiceInspect)),
        ("GET //containers/json", None),
        ("GET /images/../containers/json", None),
        ("GET /images/%2e%2e/containers/json", None),
        ("GET /containers/json/", None),
        ("GET /containers/json#a", None),
        ("GET /containers/json%00", None),
        ("GET /containers/%zz/json", None),
        ("GET x:containers/json", None),
        ("GET :/containers/json", None),
        ("GET containers/json", None),
        ("get /containers/json", None),
        ("GET /v1.41a/containers/json", None),
        ("GET /services/a/b", None),
        ("GET /volumes/a/b", Some(Endpoint::VolumeInspect)),
        ("GET /volumes/", None),
    ] {
        let (method, target) = line.split_once(' ').unwrap();
        assert_eq!(served(method, target.as_bytes()), endpoint, "{line}");
    }
}
