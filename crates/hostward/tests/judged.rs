//! Request lines and bodies under a profile, held against readers that have nothing in common with those under test.

#[path = "judged/check.rs"]
mod check;
#[path = "judged/reader.rs"]
mod reader;
mod router;
#[path = "judged/spell.rs"]
mod spell;

use check::{Law, laws, passes};
use hostward::api::operations::find;
use proptest::prelude::*;
use spell::Choices;
use std::sync::LazyLock;

static LAWS: LazyLock<Vec<Law>> = LazyLock::new(laws);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_passes_holds_nothing_that_the_profile_forbids(choices in prop::collection::vec(any::<u8>(), 0..80)) {
        let body = Choices::new(&choices).create();
        for law in &*LAWS {
            passes(law, &body);
        }
    }

    #[test]
    fn what_is_taken_for_an_operation_is_what_the_engine_serves(
        method in prop::sample::select(&["GET", "POST", "DELETE", "HEAD", "PUT", "post"][..]),
        parts in prop::collection::vec(part(), 0..6),
    ) {
        let target = parts.concat();
        if let Ok(found) = find(method.as_bytes(), target.as_bytes()) {
            let path = router::path_of(target.as_bytes()).expect("Go reads it");
            let mut written = found.operation.pattern.to_owned();
            for (name, value) in &found.names {
                let open = written.find(&format!("{{{name}")).unwrap();
                let close = open + written[open..].find('}').unwrap();
                written.replace_range(open..=close, value);
            }
            let path = String::from_utf8(path).unwrap();
            let behind = found.version.map_or(&path[..], |_| &path[path[1..].find('/').unwrap() + 1..]);
            prop_assert_eq!(&written, behind, "{} {}", method, target);
            // Of those that carry paths the model knows which the engine serves.
            if let Some(endpoint) = router::served(method, target.as_bytes()) {
                prop_assert_eq!(found.operation.endpoint, endpoint, "{} {}", method, target);
            }
        }
    }
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => prop::sample::select(&[
            "/containers", "/create", "/json", "/start", "/attach", "/exec", "/archive", "/images", "/push", "/tag", "/x", "/a:b",
            "/v1.41", "/v1", "/networks", "/connect", "/volumes", "/prune", "/build", "/_ping", "/plugins", "/set", "/services",
            "/session", "/logs", "/json%2Fx", "/a%2fjson", "/x%41",
        ][..]).prop_map(str::to_owned),
        1 => prop::sample::select(&[
            "/", "//", "/.", "/..", "%2f", "/%2e%2e", "%00", "%", ";", "#", "?a=b", "&", "+", "é", "http://d", "x:", "%63", "\\",
        ][..]).prop_map(str::to_owned),
    ]
}

#[test]
fn the_profile_lets_something_pass_and_the_reader_finds_something() {
    let all: Vec<Vec<u8>> = (0..600_u32)
        .map(|seed| {
            // Any numbers do; a multiplication mixes them well enough.
            let mut state = u64::from(seed) + 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            };
            let choices: Vec<u8> = (0..80).map(|_| next()).collect();
            Choices::new(&choices).create()
        })
        .collect();
    let passed: Vec<usize> =
        LAWS.iter().map(|law| all.iter().filter(|body| passes(law, body)).count()).collect();
    let is_forbidden =
        |body: &&Vec<u8>| reader::first(body).is_some_and(|tree| reader::forbidden(&tree).is_some());
    let found = all.iter().filter(is_forbidden).count();
    let is_hostile =
        |body: &&Vec<u8>| reader::first(body).is_some_and(|tree| reader::hostile(&tree).is_some());
    let hostile = all.iter().filter(is_hostile).count();
    let [strict, ci, executor, observer] = passed[..] else { panic!("four laws") };
    assert!(strict > 30 && ci > strict && executor > 30 && observer == 0, "{passed:?} passed");
    assert!(found > 150 && hostile > 60, "{found} hold something, and {hostile} of them the host");
}

#[test]
fn the_reader_folds_as_go_does_and_overlooks_no_duplicate() {
    for (body, what) in [
        (r#"{"hO\u017ftConfig":{"privileged":true}}"#, Some("HostConfig.Privileged: Bool(true)")),
        (
            r#"{"HostConfig":{},"hostconfig":{"PRIVILEGED":true}} trailing"#,
            Some("HostConfig.Privileged: Bool(true)"),
        ),
        (
            r#"{"HostConfig":{"Privileged":true,"privileged":false}}"#,
            Some("HostConfig.Privileged: Bool(true)"),
        ),
        (r#"{"HostConfig":{"Mounts":[{},{"Type":"image"}]}}"#, Some("Mounts.Type: image")),
        (r#"{"HostConfig":{"MaskedPaths":[]}}"#, Some("HostConfig.MaskedPaths: List([])")),
        (r#"{"HostConfig":{"PidMode":"host"}}"#, Some("PidMode: host")),
        (r#"{"HostConfig":{"Privileged":null,"CapAdd":[]}}"#, None),
    ] {
        assert_eq!(reader::forbidden(&reader::first(body.as_bytes()).unwrap()).as_deref(), what, "{body}");
    }
    let binds = br#"{"HostConfig":{"Binds":["/a:/b","v:/c","/d"],"mount\u017f":[{"SOURCE":"/e"}]}}"#;
    assert_eq!(reader::sources(&reader::first(binds).unwrap()), ["/a", "v", "/e"]);
}
