//! What is judged of a body without an engine: a caller of whom only a map is known.

use std::time::Duration;

use hostward::api::endpoint::Endpoint;
use hostward_engine::http1::HeadEnd;

use super::*;
use crate::body::HeldBody;
use crate::pool::Tenant;
use crate::request::Request;
use crate::stage;

/// What comes of a create: the body that the engine would get, or the refusal.
async fn judged(body: &str, limits: Limits, stop: bool) -> Result<String, Refused> {
    let pools = stage::pools(&limits);
    let identify = stage::identify(&pools);
    let bytes = format!(
        "POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = Request::parse(bytes.as_bytes(), &mut HeadEnd::default()).1.unwrap().unwrap();
    let to_judge =
        ToJudge { request, endpoint: Endpoint::ContainerCreate, guest: stage::guest(), line: None };
    let lease = pools.held.none(Tenant::Strangers);
    let held = HeldBody { bytes: body.as_bytes().to_vec(), wire: None, is_chunked: false, lease };
    let written = pools.lookups.look(Tenant::Strangers, move |cancel| {
        if stop {
            cancel.flag().store(true, std::sync::atomic::Ordering::Relaxed);
        }
        judge(&identify, &limits, to_judge, WholeBody::Held(held), cancel)
    });
    let written = tokio::time::timeout(Duration::from_secs(20), written).await.unwrap().unwrap()?;
    let bytes = String::from_utf8(written.into_sending().request.take_bytes()).unwrap();
    Ok(bytes.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn binding(paths: &[&str]) -> String {
    let binds: Vec<_> = paths.iter().enumerate().map(|(at, path)| format!("\"{path}:/{at}\"")).collect();
    format!("{{\"HostConfig\": {{\"Binds\": [{}]}}}}", binds.join(", "))
}

#[tokio::test]
async fn a_mapped_path_becomes_the_engines_and_all_else_stays_to_the_byte() {
    let body = r#"{ "Env":["A=1"],"HostConfig" : {"Binds":["/v/a/../b:/x:ro"]}, "Unknown": 1.50 }"#;
    let written = judged(body, Limits::default(), false).await.unwrap();
    let (before, after) = body.split_once("/v/a/../b").unwrap();
    assert!(written.starts_with(before), "{written}");
    assert!(written.contains("\"/srv/b:/x:ro\""), "{written}");
    // What was asked is written down at the end.
    let (kept, label) = written.rsplit_once(",\"Labels\":").unwrap();
    assert!(kept.ends_with(after.split_once("]}").unwrap().1.strip_suffix('}').unwrap()), "{written}");
    assert!(label.starts_with("{\"hostward.asked\":") && label.contains("/v/a/../b:/x:ro"), "{written}");
}

#[tokio::test]
async fn a_body_without_a_path_is_the_same_body() {
    let body = r#"{"Image2":"x","HostConfig":{"Binds":["volume:/x"],"Memory":5}}"#;
    assert_eq!(judged(body, Limits::default(), false).await.unwrap(), body);
}

#[tokio::test]
async fn a_stranger_names_no_path_that_nobody_has_mapped() {
    for paths in [&["/etc"][..], &["/v/a", "/etc"], &["/v/../etc"], &["/vv"]] {
        let refused = judged(&binding(paths), Limits::default(), false).await.unwrap_err();
        assert_eq!(refused.status, 403, "{paths:?}: {}", refused.message);
    }
}

#[tokio::test]
async fn what_is_no_body_or_too_much_of_one_is_refused_before_anything_is_looked_at() {
    let limits = Limits { paths: 2, ..Limits::default() };
    for (body, status) in [
        (binding(&["/v/1", "/v/2", "/v/3"]), 413),
        ("{\"HostConfig\": {\"Binds\": [\"/v".to_owned(), 400),
        ("{\"HostConfig\": {}, \"hostconfig\": {\"Binds\": [\"/etc:/x\"]}}".to_owned(), 400),
    ] {
        let refused = judged(&body, limits, false).await.unwrap_err();
        assert_eq!(refused.status, status, "{body}: {}", refused.message);
    }
    assert!(judged(&binding(&["/v/1", "/v/2"]), limits, false).await.is_ok());
}

#[tokio::test]
async fn nothing_is_asked_for_a_client_that_does_not_wait() {
    // The image would be asked about at the engine.
    let body = r#"{"Image":"busybox","HostConfig":{"Binds":["/v/a:/x"]}}"#;
    let refused = judged(body, Limits::default(), true).await.unwrap_err();
    assert_eq!(refused.status, 504, "{}", refused.message);
}

#[tokio::test]
async fn what_the_engine_does_not_tell_is_not_guessed() {
    let body = r#"{"HostConfig":{"VolumesFrom":["other"]}}"#;
    let refused = judged(body, Limits::default(), false).await.unwrap_err();
    assert_eq!(refused.status, 502, "{}", refused.message);
}
