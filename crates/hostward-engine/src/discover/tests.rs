//! Where a process is, by what it can see and what an engine says.

use super::*;
use crate::stub::{self, Reply, block_on};

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";

fn traces(cgroup: &str, mountinfo: &str, hostname: &str) -> Traces {
    Traces::of(cgroup.as_bytes(), mountinfo.as_bytes(), hostname.as_bytes())
}

#[test]
fn a_host_name_counts_only_when_it_looks_like_an_id() {
    assert_eq!(traces("0::/", "", "0b1c2d3e4f50\n").hostname.as_deref(), Some("0b1c2d3e4f50"));
    for name in ["web", "0b1c2d3e4f5", "0B1C2D3E4F50", "deadbeef-1234"] {
        assert_eq!(traces("0::/", "", name).hostname, None, "{name}");
    }
}

#[test]
fn cgroup_and_mountinfo_both_name_the_container() {
    let mountinfo =
        format!("1 2 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /d rw\n");
    let found = traces(&format!("0::/docker/{ID}\n"), &mountinfo, "x");
    assert_eq!(found.cgroup.unwrap().as_str(), ID);
    assert_eq!(found.mountinfo.unwrap().as_str(), ID);
}

#[test]
fn a_table_fits_when_all_its_mounts_are_here() {
    let found = traces("0::/", "1 2 8:1 /s /app rw - ext4 /d rw\n2 2 8:1 /s /v rw - ext4 /d rw\n", "");
    let table = |mounts: &str| {
        let json = format!(r#"{{"Id":"{ID}","Mounts":[{mounts}]}}"#);
        hostward::inspect::parse(json.as_bytes()).unwrap().table
    };
    let app = r#"{"Type":"bind","Source":"/s","Destination":"/app","RW":true}"#;
    let other = r#"{"Type":"bind","Source":"/s","Destination":"/nonexistent/x","RW":true}"#;
    assert!(found.fit(&table(app)));
    assert!(found.fit(&table("")));
    assert!(!found.fit(&table(&format!("{app},{other}"))));
}

const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2";

/// What a container with these bind mounts looks like to `GET /containers/ID/json`.
fn described(id: &str, destinations: &[&str]) -> String {
    let mount = |d: &&str| format!(r#"{{"Type":"bind","Source":"/s","Destination":"{d}","RW":true}}"#);
    let mounts = destinations.iter().map(mount).collect::<Vec<_>>().join(",");
    format!(r#"{{"Id":"{id}","Name":"/{}","Mounts":[{mounts}]}}"#, &id[..4])
}

/// Asks an engine that knows these answers, and gives 404 to all else. It runs in this process, so it is never
/// outside of it.
fn placed(traces: &Traces, answers: &[(String, String)]) -> Result<Place, DiscoverError> {
    let answers = answers.to_vec();
    let reply = move |request: &str| {
        let asked = request.split(' ').nth(1).unwrap_or_default();
        let known = answers.iter().find(|(path, _)| path == asked);
        known.map_or_else(|| Reply::of(404, "{}"), |(_, body)| Reply::of(200, body))
    };
    stub::ask(reply, async |engine| place_of(&engine, traces).await)
}

fn known(id: &str, destinations: &[&str]) -> (String, String) {
    (format!("/containers/{id}/json"), described(id, destinations))
}

fn guests(modes: &[(&str, &str)]) -> (String, String) {
    let list =
        |(id, mode): &(&str, &str)| format!(r#"{{"Id":"{id}","HostConfig":{{"NetworkMode":"{mode}"}}}}"#);
    ("/containers/json".into(), format!("[{}]", modes.iter().map(list).collect::<Vec<_>>().join(",")))
}

fn id_of(place: Result<Place, DiscoverError>) -> Option<String> {
    match place.unwrap() {
        Place::Host => None,
        Place::Container(container) => Some(container.id.to_string()),
    }
}

const HOSTNAME_OF_ID: &str = "1 2 8:1 /var/lib/docker/containers/\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1/hostname /etc/hostname rw - ext4 /d rw\n";

#[test]
fn the_cgroups_container_is_the_one() {
    let traces = traces(&format!("0::/docker/{ID}"), "", "x");
    assert_eq!(id_of(placed(&traces, &[known(ID, &["/app"])])).as_deref(), Some(ID));
    // It is another engine's; this one runs beside us, in the same container.
    assert_eq!(id_of(placed(&traces, &[])), None);
}

#[test]
fn mountinfo_is_enough_where_nobody_shares_the_network() {
    let traces = traces("0::/", HOSTNAME_OF_ID, "x");
    let answers = [known(ID, &[]), guests(&[(ID, "bridge"), (OTHER, "bridge")])];
    assert_eq!(id_of(placed(&traces, &answers)).as_deref(), Some(ID));
}

#[test]
fn mounts_tell_containers_of_one_network_apart() {
    let sharing = guests(&[(ID, "bridge"), (OTHER, &format!("container:{ID}"))]);
    let answers = [known(ID, &["/app"]), known(OTHER, &["/other"]), sharing];
    for (point, expected) in [("/app", ID), ("/other", OTHER)] {
        let mountinfo = format!("{HOSTNAME_OF_ID}3 2 8:1 /s {point} rw - ext4 /d rw\n");
        assert_eq!(id_of(placed(&traces("0::/", &mountinfo, "x"), &answers)).as_deref(), Some(expected));
    }
    let neither = placed(&traces("0::/", HOSTNAME_OF_ID, "x"), &answers);
    assert!(matches!(neither, Err(DiscoverError::Ambiguous { .. })), "{neither:?}");
}

#[test]
fn a_host_name_is_no_containers_name() {
    let named = ("/containers/0b1c2d3e4f50/json".to_owned(), described(ID, &[]));
    assert_eq!(id_of(placed(&traces("0::/", "", "0b1c2d3e4f50"), &[named])), None);
    let short = &ID[..12];
    let own = (format!("/containers/{short}/json"), described(ID, &[]));
    let found = placed(&traces("0::/", "", short), &[own, guests(&[])]);
    assert_eq!(id_of(found).as_deref(), Some(ID));
}

#[test]
fn who_is_in_another_mount_namespace_does_not_have_our_files() {
    use std::io::BufRead;
    use std::process::{Command, Stdio};

    let has_our_files = |command: &[&str]| {
        let mut waiting = Command::new(command[0]);
        waiting.args(&command[1..]).args(["sh", "-c", "echo ready; read end"]);
        let mut child = waiting.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let has = has_our_files(i32::try_from(child.id()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        (line == "ready\n").then_some(has)
    };
    assert_eq!(has_our_files(&["env"]), Some(true));
    // Which not everybody may make.
    assert_ne!(has_our_files(&["unshare", "--mount"]), Some(true));
}

#[test]
fn an_engine_behind_ssh_is_never_seen() {
    let engine = Address::parse("ssh://127.0.0.1").unwrap();
    assert!(!block_on(sees_engine(&engine)));
}

#[test]
fn an_engine_that_is_not_there_proves_nothing() {
    let nowhere = Address::Unix("/nonexistent/engine.sock".into());
    let place = block_on(place_of(&nowhere, &traces("0::/", "", "")));
    assert!(matches!(place, Err(DiscoverError::Connect { .. })), "{place:?}");
}
