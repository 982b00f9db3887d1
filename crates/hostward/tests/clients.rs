//! What clients send in practice (`requests/clients.jsonl`, a request a line, recorded before Docker 28), read as under a profile.
//!
//! A profile that refuses what every client sends along is of no use to anybody, however safe it is.
#![expect(clippy::unwrap_used, reason = "a test")]

use hostward::api::{claims, operations};
use hostward::policy::action::Action;
use hostward::policy::profile::Profile;
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    client: String,
    method: String,
    target: String,
    /// Of the body, which archives are left out of.
    r#type: String,
    body: String,
}

fn recorded() -> Vec<Recorded> {
    include_str!("requests/clients.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_request_of_a_client_is_read() {
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for Recorded { client, method, target, r#type, body } in recorded() {
        let found = operations::find(method.as_bytes(), target.as_bytes()).unwrap();
        seen.insert(found.operation.name);
        let read = claims::read(&found, target.as_bytes(), Some(r#type.as_bytes()), Some(body.as_bytes()));
        if let Err(error) = read {
            wrong.push(format!("{client}: {method} {target}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen.len() > 60, "{}", seen.len());
}

/// What each of these rules says of the recorded requests is what it is for; none of the others says anything.
#[test]
fn what_the_preset_ci_refuses_of_them_is_what_it_is_for() {
    let profile = Profile::preset("ci").unwrap();
    let mut refused = BTreeSet::new();
    for Recorded { method, target, r#type, body, .. } in recorded() {
        let found = operations::find(method.as_bytes(), target.as_bytes()).unwrap();
        let read = claims::read(&found, target.as_bytes(), Some(r#type.as_bytes()), Some(body.as_bytes()));
        let judged = profile.judge(Action { operation: found.operation.name, claims: &read.unwrap() });
        refused.extend(judged.err().map(|denial| format!("{}: {}", found.operation.name, denial.rule)));
    }
    insta::assert_snapshot!(refused.into_iter().collect::<Vec<_>>().join("\n"));
}
