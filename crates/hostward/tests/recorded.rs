//! What `/proc/PID/cgroup` and `/proc/PID/mountinfo` say in practice, one recording a file (`tests/fixtures/`), and what
//! must be found in it: a container or none, its files in `/etc`, and what is mounted at `/app/storage`.
//!
//! Files that say `from = "recorded"` were read on a machine, with the paths of its engine's data put where they usually
//! are. Those `from = "public reports"` have the form of reports and documentation, with ids that nobody has.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward::cgroup;
use hostward::mountinfo;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    /// By what it was made, and who read it.
    r#where: String,
    from: Origin,
    /// The container that the cgroup names.
    container: Option<String>,
    /// The container whose files are in `/etc`.
    hint: Option<String>,
    /// The root of the mount at `/app/storage`, within its file system.
    storage: Option<String>,
    cgroup: String,
    #[serde(default)]
    mountinfo: String,
}

#[derive(Deserialize)]
enum Origin {
    #[serde(rename = "recorded")]
    Recorded,
    #[serde(rename = "public reports")]
    Reports,
}

fn recordings() -> Vec<(String, Recording)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut recordings = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let recording = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        recordings.push((path.file_stem().unwrap().to_string_lossy().into_owned(), recording));
    }
    recordings
}

#[test]
fn every_recording_gives_its_container_and_its_mount() {
    let mut wrong = Vec::new();
    for (name, recording) in recordings() {
        let mountinfo = recording.mountinfo.as_bytes();
        let container = cgroup::container_id(recording.cgroup.as_bytes()).map(|id| id.to_string());
        let hint = mountinfo::container_id(mountinfo).map(|id| id.to_string());
        let storage = mountinfo::lines(mountinfo)
            .find(|line| line.mount_point.as_bytes() == b"/app/storage")
            .map(|line| String::from_utf8(line.root).unwrap());
        for (what, found, expected) in [
            ("container", container, recording.container),
            ("hint", hint, recording.hint),
            ("storage", storage, recording.storage),
        ] {
            if found != expected {
                wrong.push(format!("{name} ({}): {what} {found:?}, not {expected:?}", recording.r#where));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_line_of_a_recorded_mountinfo_is_read() {
    for (name, recording) in recordings() {
        let lines = recording.mountinfo.lines().count();
        assert_eq!(mountinfo::lines(recording.mountinfo.as_bytes()).count(), lines, "{name}");
        // Who reads a real machine has a root.
        if matches!(recording.from, Origin::Recorded) {
            let root = mountinfo::lines(recording.mountinfo.as_bytes())
                .any(|line| line.mount_point.as_bytes() == b"/");
            assert!(root, "{name}");
        }
    }
}
