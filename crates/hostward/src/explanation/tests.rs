use super::*;
use crate::abilities::Abilities;
use crate::inspect;
use crate::plan::Wish;
use crate::walk::Resolved;

fn view() -> View {
    let json = format!(
        r#"{{"Id": "{}", "Mounts": [
            {{"Type": "bind", "Source": "/srv/app", "Destination": "/app", "RW": true}},
            {{"Type": "volume", "Name": "deps", "Source": "/var/lib/docker/volumes/deps/_data", "Driver": "local",
              "Destination": "/app/node_modules", "RW": false}},
            {{"Type": "volume", "Name": "far", "Source": "/mnt/far", "Driver": "nfs", "Destination": "/far", "RW": true}},
            {{"Type": "tmpfs", "Destination": "/tmpfs", "RW": true}}]}}"#,
        "c0ffee00".repeat(8)
    );
    View::container(inspect::parse(json.as_bytes()).unwrap().table, Vec::new())
}

fn explained_in(view: &View, path: &[u8]) -> Explanation {
    let asked = AskedPath::parse(path).unwrap();
    let resolved = Resolved::at(asked.clean(), true);
    let planned = plan::plan(&asked, &resolved, view, &Wish::bind(), Abilities::least(), |_| None);
    Explanation::of(&asked, view, Some(&Reading { resolved, words: Words::Callers }), &planned)
}

fn explained(path: &[u8]) -> Explanation {
    explained_in(&view(), path)
}

fn layer(base: &str, rest: &str) -> Layer {
    Layer { base: base.to_owned(), rest: rest.to_owned() }
}

#[test]
fn a_path_in_a_bind_has_three_layers() {
    let said = explained(b"/app/src/main.py");
    assert_eq!(
        (said.on_host, said.in_caller),
        (Some(layer("/srv/app", "src/main.py")), Some(layer("/app", "src/main.py")))
    );
    assert_eq!((said.source.as_deref(), said.exact), (Some("/srv/app/src/main.py"), Some(true)));
    assert_eq!(said.rule.as_deref(), Some("T2"));
}

#[test]
fn a_directory_with_a_mount_beneath_has_one_source_and_all_mounts() {
    let said = explained(b"/app");
    assert_eq!(said.source_bytes(), Some(&b"/srv/app"[..]));
    assert_eq!(said.beneath().collect::<Vec<_>>(), ["node_modules"]);
    let mounts = said.mounts.unwrap();
    assert_eq!(mounts.len(), 2);
    assert!(mounts[1].read_only && mounts[1].source == "deps", "{mounts:?}");
}

#[test]
fn what_has_no_translation_says_why_and_what_to_do() {
    let said = explained(b"/tmpfs/x");
    assert!(!said.is_given());
    assert_eq!((said.on_host, said.in_caller, said.source), (None, Some(layer("/tmpfs", "x")), None));
    assert!(said.refused.unwrap().starts_with("cannot mount /tmpfs/x: "));
    assert!(said.remedy.is_some_and(|remedy| remedy.contains("-v")));
}

#[test]
fn a_volume_that_has_no_directory_on_the_host_has_no_source() {
    let said = explained(b"/far");
    assert!(said.is_given());
    assert_eq!(said.mounts.as_ref().map(|mounts| &*mounts[0].r#type), Some("volume"));
    assert_eq!(said.source_bytes(), None);
}

#[test]
fn what_json_cannot_carry_is_not_taken_from_it() {
    let said = explained(b"/app/\xff");
    assert_eq!((said.exact, said.source_bytes()), (Some(false), Some(&b"/srv/app/\xff"[..])));
    let read: Explanation = serde_json::from_str(&serde_json::to_string(&said).unwrap()).unwrap();
    assert_eq!((read.exact, read.source_bytes()), (Some(false), None));
    assert_eq!(Explanation { source_bytes: None, ..said }, read);
}

#[test]
fn the_hosts_own_paths_are_the_engines() {
    let said = explained_in(&View::identity(), b"/srv/x");
    assert_eq!((said.on_host, said.in_caller), (Some(layer("/srv/x", "")), None));
    assert_eq!((said.source.as_deref(), said.mounts), (Some("/srv/x"), None));
}

#[test]
fn all_mounts_are_told_by_what_they_are() {
    let told = MountTold::all(view().table().unwrap());
    let said: Vec<_> =
        told.iter().map(|mount| (&*mount.destination, &*mount.r#type, &*mount.source)).collect();
    assert_eq!(
        said,
        [
            ("/app", "bind", "/srv/app"),
            ("/app/node_modules", "volume", "deps"),
            ("/far", "volume", "far"),
            ("/tmpfs", "tmpfs", "")
        ]
    );
}
