//! Lines of decisions, as they are written.

use std::time::{Duration, UNIX_EPOCH};

use hostward::api::endpoint::Endpoint;
use hostward::path::{EnginePath, Rest};
use hostward::rule::{COMES_ALONG, Rule};
use serde_json::Value;

use super::*;
use crate::decision::Forwarded;
use crate::refuse::Refused;
use crate::request_id::RequestId;
use crate::stage;

fn path(before: &str, after: Give) -> TranslatedPath {
    TranslatedPath {
        rule: Rule { number: "T2", says: "" },
        target: Some(CallerPath::parse(b"/x").unwrap()),
        before: CallerPath::parse(before.as_bytes()).unwrap().into(),
        words: Words::Callers,
        after,
        read_only: false,
    }
}

fn bind(path: &str) -> Give {
    Give::Bind(EnginePath::parse(path.as_bytes()).unwrap())
}

fn decision(verdict: Ruling) -> Decision {
    Decision {
        id: RequestId::next(),
        time: UNIX_EPOCH + Duration::from_micros(1_764_000_000_000_001),
        caller: Caller::Guest(stage::guest()),
        process: None,
        endpoint: Endpoint::ContainerCreate,
        request: "POST /v1.41/containers/create?name=web".to_owned(),
        verdict,
        status: Some(201),
        created: Some("c0ffee".to_owned()),
        took: Duration::from_micros(12_345),
    }
}

fn forwarded(paths: Vec<TranslatedPath>) -> Decision {
    let (image, name) = (Some("busybox".to_owned()), Some("web".to_owned()));
    decision(Ruling::Forwarded(Forwarded { image, name, paths, warned: None }))
}

#[test]
fn a_line_has_all_of_a_decision() {
    let volume =
        |subpath: &[u8]| Give::Volume { name: "data".to_owned(), subpath: Rest::parse(subpath).unwrap() };
    let along = TranslatedPath { rule: COMES_ALONG, read_only: true, ..path("/app/db", volume(b"sub")) };
    let engines = TranslatedPath { words: Words::Engines, target: None, ..path("/srv/b", bind("/srv/b")) };
    let decision = forwarded(vec![path("/app", bind("/srv/app")), along, engines]);
    let written: Value = serde_json::from_str(&line(&decision, Shape::Alone)).unwrap();
    assert_eq!(
        written,
        serde_json::json!({
            "time": "2025-11-24T16:00:00.000001Z", "id": decision.id.to_string(), "decision": "translated",
            "caller": { "kind": "unknown", "why": "nobody asked" }, "operation": "ContainerCreate",
            "request": "POST /v1.41/containers/create?name=web", "image": "busybox", "name": "web",
            "created": "c0ffee", "status": 201, "duration_ms": 12.345,
            "paths": [
                { "rule": "T2", "target": "/x", "before": "/app", "after": { "bind": "/srv/app" }, "read_only": false },
                {
                    "rule": "T7", "target": "/x", "before": "/app/db",
                    "after": { "volume": "data", "subpath": "sub" }, "read_only": true,
                },
                {
                    "rule": "T2", "before": "/srv/b", "read_as": "already a host path",
                    "after": { "bind": "/srv/b" }, "read_only": false,
                },
            ],
        })
    );
    let id = decision.id;
    assert_eq!(
        line(&decision, Shape::Log(LineFormat::Text)),
        format!(
            "2025-11-24T16:00:00.000001Z  INFO request{{id={id}}}: audit: decision=translated \
             caller=\"unknown (nobody asked)\" operation=ContainerCreate \
             request=\"POST /v1.41/containers/create?name=web\" image=\"busybox\" name=\"web\" created=\"c0ffee\" \
             status=201 duration_ms=12.345 paths=[\"/app\" -> \"/srv/app\" at \"/x\" (T2), \
             \"/app/db\" -> \"sub\" in volume \"data\" at \"/x\" (T7, read-only), \
             \"/srv/b\" -> \"/srv/b\" (T2, already a host path)]\n"
        )
    );
}

#[test]
fn a_line_of_the_log_has_the_shape_of_its_other_lines() {
    let refused = decision(Ruling::Refused(Refused::new(403, "no").because("tmpfs")));
    let written: Value = serde_json::from_str(&line(&refused, Shape::Log(LineFormat::Json))).unwrap();
    assert_eq!((&written["level"], &written["target"]), (&"WARN".into(), &"audit".into()));
    assert_eq!(written["span"]["id"], refused.id.to_string());
    assert_eq!(
        (&written["fields"]["reason"], &written["fields"]["message"]),
        (&"tmpfs".into(), &"no".into())
    );
    let text = line(&refused, Shape::Log(LineFormat::Text));
    assert!(text.contains("  WARN request{") && text.ends_with(" reason=tmpfs message=\"no\"\n"), "{text}");
}

#[test]
fn no_name_passes_for_another_field_or_another_line() {
    let forged =
        "/a\" -> \"/b\" (T2)] status=201\nrequest{id=1-1}: audit: decision=\u{2028}\u{202e}\u{1b}[31m";
    let mut decision = forwarded(vec![path(forged, bind(forged))]);
    decision.request = format!("POST {forged}");
    for format in [LineFormat::Text, LineFormat::Json] {
        let written = line(&decision, Shape::Log(format));
        assert_eq!(written.lines().count(), 1, "{written}");
        assert_eq!(
            written.matches("\" status=201").count(),
            usize::from(format == LineFormat::Text),
            "{written}"
        );
        assert!(!written.contains('\u{1b}'), "{written}");
    }
    assert!(!line(&decision, Shape::Log(LineFormat::Text)).contains(['\u{2028}', '\u{202e}']));
    let written: Value = serde_json::from_str(&line(&decision, Shape::Alone)).unwrap();
    assert_eq!(written["paths"][0]["before"], forged);
}

#[test]
fn missing_decisions_are_told() {
    let written: Value = serde_json::from_str(&gap(3, Shape::Alone)).unwrap();
    assert_eq!(written["lost"], 3);
    assert!(gap(3, Shape::Log(LineFormat::Text)).ends_with("  WARN audit: lost=3\n"));
}
