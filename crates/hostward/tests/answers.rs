//! What engines answer that see files otherwise than their users: Docker Desktop, WSL2, engines without root
//! (`tests/answers/`, an engine a file). What a path is to them, how it is read back, and what its user calls it.
//!
//! None of these was asked in a test: each file says on what it is modelled.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward::api::answer::restored;
use hostward::api::endpoint::Endpoint;
use hostward::api::reader::Reader;
use hostward::inspect::{self, Container};
use hostward::kind::Kind;
use hostward::mountinfo;
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::reading::{Words, read};
use hostward::seal::Key;
use hostward::view::View;
use hostward::walk::Resolved;
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Engine {
    r#where: String,
    /// What it is recognized as.
    kind: String,
    /// `GET /containers/ID/json`.
    inspect: String,
    /// `GET /info`.
    info: String,
    /// `GET /volumes/cache`.
    volume: String,
    /// The container's own.
    mountinfo: String,
    path: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The path in the container.
    asked: String,
    /// The engine's.
    source: String,
    /// The user's, where that is another than the engine's.
    user: Option<String>,
}

impl Engine {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.map(|file| toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect()
    }

    fn container(&self) -> Container {
        inspect::parse(self.inspect.as_bytes()).unwrap()
    }

    /// The container's view, as it is made of the engine's answers and the kernel's list.
    fn view(&self) -> View {
        let Container { id, mut table, .. } = self.container();
        table.set_volume_path("cache", &inspect::volume(self.volume.as_bytes()).unwrap().unwrap());
        if table.root().path.is_none() {
            table.presume_root(inspect::root(self.info.as_bytes(), &id).unwrap());
            table.confirm_root();
        }
        View::container(table.confirmed(mountinfo::lines(self.mountinfo.as_bytes())), Vec::new())
    }
}

fn engine(path: &str) -> EnginePath {
    EnginePath::parse(path.as_bytes()).unwrap()
}

#[test]
fn each_path_is_the_engines_to_the_letter() {
    for recorded in Engine::all() {
        let view = recorded.view();
        for Case { asked, source, .. } in &recorded.path {
            let found = view.locate(&CallerPath::parse(asked.as_bytes()).unwrap()).path();
            assert_eq!(found, Some(engine(source)), "{}: {asked}", recorded.r#where);
        }
    }
}

#[test]
fn what_was_asked_is_read_back() {
    for recorded in Engine::all() {
        let view = recorded.view();
        let id = recorded.container().id;
        let reader = Reader { view: &view, caller: id.as_str(), key: &Key::new([0; Key::LEN]) };
        for Case { asked, source, .. } in &recorded.path {
            let answer = json!({"Mounts": [{"Type": "bind", "Source": source, "Destination": "/t", "RW": true}],
                "HostConfig": {"Binds": [format!("{source}:/t")]}});
            let read = restored(Endpoint::ContainerInspect, answer.to_string().as_bytes(), reader).unwrap();
            let read: Value = serde_json::from_slice(&read.body.unwrap()).unwrap();
            let words = (&read["Mounts"][0]["Source"], &read["HostConfig"]["Binds"][0]);
            assert_eq!(words, (&json!(asked), &json!(format!("{asked}:/t"))), "{}", recorded.r#where);
        }
    }
}

#[test]
fn a_path_has_the_name_by_which_its_user_mounted_it() {
    for recorded in Engine::all() {
        let view = recorded.view();
        for Case { asked, source, user } in &recorded.path {
            let found = view.table().unwrap().user_path(&engine(source));
            assert_eq!(&found, user, "{}: {asked}", recorded.r#where);
        }
    }
}

/// A program that was told the user's path (`LOCAL_WORKSPACE_FOLDER`) sends it as it would to Docker Desktop (T16).
#[test]
fn the_users_own_path_leads_to_the_same_place() {
    for recorded in Engine::all() {
        let view = recorded.view();
        for Case { asked, source, user } in &recorded.path {
            let Some(user) = user.as_ref().filter(|user| user.starts_with('/')) else { continue };
            let sent = AskedPath::parse(user.as_bytes()).unwrap();
            let Ok(reading) = read(&sent, &view, false, |path| {
                let path = path.clean();
                let exists = path.to_string() == *asked;
                Ok::<_, Infallible>(Resolved::at(path, exists))
            });
            let place = (reading.words, view.locate(&reading.resolved.path).path());
            assert_eq!(place, (Words::Engines, Some(engine(source))), "{}: {user}", recorded.r#where);
        }
    }
}

#[test]
fn each_engine_is_recognized() {
    for recorded in Engine::all() {
        let kind = Kind::read(recorded.info.as_bytes()).unwrap().unwrap();
        assert_eq!(format!("{kind:?}"), recorded.kind, "{}", recorded.r#where);
    }
}
