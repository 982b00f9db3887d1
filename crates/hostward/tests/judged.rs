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

#[test]
fn a_body_that_engines_may_read_differently_is_none() {
    let target = b"/v1.41/containers/create";
    let found = find(b"POST", target).unwrap();
    let status = |body: &[u8]| {
        let read = hostward::api::claims::read(&found, target, Some(b"application/json"), Some(body));
        read.err().map(|error| error.status())
    };
    assert_eq!(status(br#"{"Image":"busybox","HostConfig":{"Memory":1024}}"#), None);
    let deep = format!(r#"{{"Image":"busybox","Labels":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let mut bodies: Vec<Vec<u8>> = [
        &b"{}{}"[..],
        b"{} {\"HostConfig\":{\"Privileged\":true}}",
        b"{}\0",
        b"\xef\xbb\xbf{}",
        b"{\"Image\":\"busy\xffbox\"}",
        b"[]",
        b"\"x\"",
        b"1",
        b"{",
        deep.as_bytes(),
    ]
    .map(<[u8]>::to_vec)
    .into();
    for member in [
        r#""Memory":1e3"#,
        r#""Memory":1.0"#,
        r#""Memory":9223372036854775808"#,
        r#""Memory":-9223372036854775809"#,
        r#""Memory":"1""#,
        r#""Memory":true"#,
        r#""Memory":[]"#,
        r#""PidsLimit":1e1"#,
        r#""OomScoreAdj":-1e2"#,
        r#""Privileged":"true""#,
        r#""Privileged":1"#,
        r#""Privileged":[]"#,
        r#""CapAdd":"ALL""#,
        r#""CapAdd":[["ALL"]]"#,
        r#""CapAdd":{"0":"ALL"}"#,
        r#""CapAdd":["\ud800"]"#,
        r#""PidMode":["host"]"#,
        r#""PidMode":"ho\udc00st""#,
        r#""Devices":{}"#,
        r#""Devices":["/dev/sda"]"#,
        r#""Sysctls":[]"#,
        r#""Sysctls":{"a":1}"#,
        r#""Sysctls":{"a":"1","a":"2"}"#,
        r#""LogConfig":"json-file""#,
        r#""LogConfig":{"Config":{"a":"b","a":"c"}}"#,
        r#""LogConfig":{"Type":"json-file","TYPE":"syslog"}"#,
        r#""Mounts":[{"Type":"tmpfs","type":"bind","Target":"/x"}]"#,
        r#""Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"o":"a","o":"bind"}}}}]"#,
        r#""Tmpfs":{"/a":"","/a":"exec"}"#,
        r#""PortBindings":{"80/tcp":[],"80/tcp":[{"HostPort":"80"}]}"#,
        r#""CapAdd":[],"CapAdd":["ALL"]"#,
        r#""CapAdd":[],"capadd":null"#,
        r#""\u0043apAdd":[],"CapAdd":[]"#,
    ] {
        bodies.push(format!(r#"{{"Image":"busybox","HostConfig":{{{member}}}}}"#).into_bytes());
    }
    for member in [
        r#""image":"other""#,
        r#""HostConfig":{},"hostconfig":{}"#,
        r#""Labels":{"a":"1","a":"2"}"#,
        r#""Volumes":{"/a":{},"/a":{}}"#,
        r#""Env":{"A":"b"}"#,
        r#""NetworkingConfig":{"EndpointsConfig":{"n":{},"n":{"MacAddress":"x"}}}"#,
        r#""NetworkingConfig":{"EndpointsConfig":{},"endpointsconfig":{}}"#,
    ] {
        bodies.push(format!(r#"{{"Image":"busybox",{member}}}"#).into_bytes());
    }
    let passed: Vec<_> = bodies.iter().filter(|body| status(body).is_none()).collect();
    let passed: Vec<_> =
        passed.iter().map(|body| String::from_utf8_lossy(&body[..body.len().min(120)])).collect();
    assert!(passed.is_empty(), "{passed:#?}");
}
