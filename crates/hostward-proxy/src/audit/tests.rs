//! Decisions on their way into a file.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::decision::Forwarded;
use crate::refuse::Refused;
use crate::stage;

fn to(file: &Path) -> AuditSettings {
    AuditSettings { to: AuditTo::File(file.to_owned()), ..AuditSettings::default() }
}

/// One that writes by these settings.
fn audit(settings: &AuditSettings) -> Arc<Audit> {
    let audit = Arc::<Audit>::default();
    audit.turn_to(settings, Sink::open(&settings.to).unwrap()).unwrap();
    audit
}

fn decide(audit: &Arc<Audit>, request: &str, verdict: Ruling) -> Option<Pending> {
    let caller = if matches!(verdict, Ruling::Passed) { Caller::Host } else { Caller::Guest(stage::guest()) };
    let arrived = Arrived::now(RequestId::next());
    let (endpoint, request) = (Endpoint::ContainerCreate, request.to_owned());
    let judged = Judged { arrived, caller, endpoint, request };
    audit.decided(judged, verdict, || Some(HostProcess { pid: 7, uid: 1000 }))
}

fn refused() -> Ruling {
    Ruling::Refused(Refused::new(403, "no"))
}

/// What a file holds when all has been written.
fn lines(audit: Arc<Audit>, file: &Path) -> Vec<Value> {
    drop(audit);
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_decision_is_written_once_with_its_answer_or_without() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit");
    let audit = audit(&to(&file));
    let answer = Answered { status: Some(403), created: None };
    decide(&audit, "first", refused()).unwrap().answered(&answer);
    // The client went, or the proxy ended.
    drop(decide(&audit, "second", refused()));
    let lines = lines(audit, &file);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["request"], &lines[0]["status"]), (&"first".into(), &403.into()));
    assert_eq!((&lines[1]["request"], &lines[1]["status"]), (&"second".into(), &Value::Null));
}

#[test]
fn what_changes_nothing_and_processes_of_the_host_are_written_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit");
    let quiet = audit(&to(&file));
    assert!(decide(&quiet, "", Ruling::Forwarded(Forwarded::default())).is_none());
    assert!(decide(&quiet, "", Ruling::Passed).is_none());
    let all = audit(&AuditSettings { unchanged: true, host: true, ..to(&file) });
    drop(decide(&all, "", Ruling::Forwarded(Forwarded::default())));
    drop(decide(&all, "", Ruling::Passed));
    let lines = lines(all, &file);
    assert_eq!((&lines[0]["decision"], &lines[1]["decision"]), (&"unchanged".into(), &"passed".into()));
    assert_eq!(lines[1]["caller"], serde_json::json!({ "kind": "host", "pid": 7, "uid": 1000 }));
    let off = audit(&AuditSettings { to: AuditTo::Off, unchanged: true, host: true });
    assert!(decide(&off, "", refused()).is_none());
}

#[test]
fn a_file_that_was_moved_away_is_made_anew_and_one_that_is_there_is_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let (file, moved) = (folder.path().join("audit"), folder.path().join("audit.1"));
    fs::write(&file, "{\"old\":1}\n").unwrap();
    let settings = to(&file);
    let audit = audit(&settings);
    drop(decide(&audit, "first", refused()));
    fs::rename(&file, &moved).unwrap();
    audit.turn_to(&settings, Sink::open(&settings.to).unwrap()).unwrap();
    drop(decide(&audit, "second", refused()));
    let lines = lines(audit, &file);
    assert_eq!((lines.len(), &lines[0]["request"]), (1, &"second".into()));
    let moved = fs::read_to_string(&moved).unwrap();
    assert!(moved.starts_with("{\"old\":1}\n{") && moved.contains("first"), "{moved}");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    for (file, error) in [("/nonexistent/audit", "No such file"), ("/", "Is a directory")] {
        let failed = Sink::open(&AuditTo::File(file.into())).unwrap_err().to_string();
        assert!(failed.contains(error), "{file}: {failed}");
    }
}

/// Waits until the thread that writes has come so far.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_full_disk_stops_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit");
    let full = to(Path::new("/dev/full"));
    let audit = audit(&full);
    for _ in 0..3 {
        drop(decide(&audit, "lost", refused()));
    }
    wait_until("three are lost", || audit.health().trouble.lost == 3);
    assert!(audit.health().trouble.error.unwrap().contains("No space left"));
    // There is room again.
    let settings = to(&file);
    audit.turn_to(&settings, Sink::open(&settings.to).unwrap()).unwrap();
    drop(decide(&audit, "kept", refused()));
    wait_until("it is written again", || audit.health().trouble.error.is_none());
    let lines = lines(audit, &file);
    assert_eq!((&lines[0]["lost"], &lines[1]["request"]), (&3.into(), &"kept".into()));
}

#[test]
fn what_waits_for_a_disk_that_does_not_answer_has_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let reader = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let audit = audit(&to(&pipe));
    let long = "x".repeat(1 << 20);
    // The pipe holds 64 KiB, the queue 8 MiB.
    for _ in 0..20 {
        drop(decide(&audit, &long, refused()));
    }
    let lost = audit.health().trouble.lost;
    assert!((8..20).contains(&lost), "{lost}");
    // Its reader has gone: the end waits for nobody.
    drop(reader);
}
