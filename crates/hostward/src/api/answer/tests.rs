//! Answers as their reader gets them.

use super::*;
use crate::mount::{Mount, Root, Source, Volume};
use crate::path::{AskedPath, CallerPath, EnginePath, Rest};
use crate::seal::Key;
use crate::table::Table;
use crate::view::View;
use serde_json::json;

const KEY: Key = Key::new([1; Key::LEN]);

/// A label as Hostward writes it.
fn signed(label: &serde_json::Value) -> String {
    KEY.seal(&label.to_string())
}

/// A caller with a bind, a part of a volume and a root filesystem.
fn view() -> View {
    let mount = |at: &str, source| Mount {
        destination: AskedPath::parse(at.as_bytes()).unwrap().clean(),
        source,
        read_only: false,
    };
    let path = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
    let volume = Volume {
        name: "v".into(),
        driver: "local".into(),
        subpath: Rest::parse(b"sub").unwrap(),
        path: Some(path("/vols/v/_data")),
    };
    let mut table =
        Table::new([mount("/app", Source::Bind(path("/srv/app"))), mount("/v", Source::Volume(volume))]);
    table.set_root(Root { path: Some(path("/overlay/merged")), ..Root::default() });
    View::container(table, Vec::new())
}

/// The answer as the caller `me` reads it; what does not change is given as it is.
fn read(endpoint: Endpoint, body: &serde_json::Value) -> serde_json::Value {
    let (view, body) = (view(), body.to_string());
    let reader = Reader { view: &view, caller: "me", key: &KEY };
    let read = restored(endpoint, body.as_bytes(), reader).unwrap().body;
    serde_json::from_slice(read.as_deref().unwrap_or(body.as_bytes())).unwrap()
}

#[test]
fn a_container_that_somebody_else_made_is_read_by_the_table() {
    let container = |binds: &str, mount: &str, points: [&str; 2]| {
        json!({"Config": {"Labels": {"a": "/srv/app"}}, "LogPath": "/srv/app/log", "State": "exited",
            "HostConfig": {"Binds": [binds, "v:/v", "/other:/o"], "Mounts": [
                {"Type": "bind", "Source": mount, "Target": "/m"},
                {"Type": "volume", "Source": "/srv/app", "Target": "/x"}]},
            "Mounts": [{"Type": "bind", "Source": points[0], "Destination": "/b"},
                {"Type": "volume", "Name": "v", "Source": points[1], "Destination": "/v"}]})
    };
    let engines = container("/srv/app/f:/b:ro", "/overlay/merged/opt", ["/srv/app/f", "/vols/v/_data/sub"]);
    let callers = container("/app/f:/b:ro", "/opt", ["/app/f", "/v"]);
    assert_eq!(read(Endpoint::ContainerInspect, &engines), callers);
    assert_eq!(read(Endpoint::ContainerList, &json!([engines, engines])), json!([callers, callers]));
    assert_eq!(
        read(Endpoint::SystemDf, &json!({"Containers": [engines], "Volumes": null})),
        json!({"Containers": [callers], "Volumes": null})
    );
}

#[test]
fn what_a_caller_has_by_a_managed_volume_is_its_own_by_where_it_has_it() {
    let name = "hostward-0123456789abcdef0123456789abcdef";
    let mounts = |container: &str| {
        let answer = format!(
            r#"{{"Id":"{container}","Config":{{}},"Mounts":[{{"Type":"volume","Name":"{name}","Source":"/v/{name}/_data",
            "Destination":"/work","Driver":"local","Mode":"z","RW":true,"Propagation":""}}]}}"#
        );
        let view = View::container(Table::default(), Vec::new());
        let reader = Reader { view: &view, caller: "c0ffee", key: &Key::new([1; Key::LEN]) };
        let told = restored(Endpoint::ContainerInspect, answer.as_bytes(), reader).unwrap();
        told.body.map(|body| serde_json::from_slice::<serde_json::Value>(&body).unwrap()["Mounts"][0].clone())
    };
    let own = mounts("c0ffee").unwrap();
    assert_eq!((own["Type"].as_str(), own["Source"].as_str()), (Some("bind"), Some("/work")));
    assert_eq!(own["Name"], serde_json::Value::Null);
    assert_eq!(mounts("beef"), None);
}

#[test]
fn t18_of_its_own_mounts_a_caller_reads_where_it_has_each() {
    let path = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
    let mount = |at: &str, source, read_only| Mount {
        destination: CallerPath::parse(at.as_bytes()).unwrap(),
        source,
        read_only,
    };
    let view = View::container(
        Table::new([
            mount("/a", Source::Bind(path("/srv/app")), false),
            mount("/b", Source::Bind(path("/srv/app")), true),
        ]),
        Vec::new(),
    );
    let own = |id: &str, at: [&str; 2]| {
        json!({"Id": id, "HostConfig": {
                "Binds": [format!("{}:/a", at[0]), format!("{}:/b:ro", at[1])],
                "Mounts": [{"Type": "bind", "Source": at[1], "Target": "/b"}]},
            "Mounts": [{"Type": "bind", "Source": at[0], "Destination": "/a"},
                {"Type": "bind", "Source": at[1], "Destination": "/b"}]})
    };
    let reader = Reader { view: &view, caller: "me", key: &KEY };
    for (id, at) in [("me", ["/a", "/b"]), ("another", ["/a", "/a"])] {
        let engines = own(id, ["/srv/app"; 2]).to_string();
        let read = restored(Endpoint::ContainerInspect, engines.as_bytes(), reader).unwrap().body.unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&read).unwrap(), own(id, at));
    }
}

#[test]
fn a_list_has_what_has_mounted_what_is_sought() {
    let container = |id: &str, point: serde_json::Value| json!({"Id": id, "Mounts": [point], "Labels": {}});
    let bind = |id: &str, source: &str| {
        container(id, json!({"Type": "bind", "Source": source, "Destination": format!("/at/{id}")}))
    };
    let part = json!({"caller": "me", "mounts": {"/p": {"asked": "/v/deep:/p", "given": "v/sub/deep"}}});
    let engines = json!([
        bind("a", "/srv/app/u"),
        bind("b", "/srv/app"),
        bind("c", "/srv/other"),
        {"Id": "d", "Labels": {"hostward.asked": signed(&part)}, "Mounts": [
            {"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/p", "RW": true}]},
        container("e", json!({"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/v"})),
        bind("f", "/srv/app/u"),
    ]);
    let ids = |query: &str| {
        let (sought, _) =
            crate::api::sought::take(format!("/containers/json?{query}").as_bytes(), false).unwrap();
        let (view, body) = (view(), engines.to_string());
        let read = found(&sought, body.as_bytes(), Reader { view: &view, caller: "me", key: &KEY }).unwrap();
        let read: Vec<serde_json::Value> = serde_json::from_slice(&read.body.unwrap()).unwrap();
        let ids: Vec<_> = read.iter().map(|one| one["Id"].as_str().unwrap().to_owned()).collect();
        assert!(!read.iter().any(|one| one.to_string().contains("/srv/app")), "{read:?}");
        ids
    };
    for (values, found) in [
        (r#""/app/u""#, vec!["a", "f"]),
        // By the engine's path as well, and by where it is mounted.
        (r#""/srv/app/u""#, vec!["a", "f"]),
        (r#""/at/b","/srv/other""#, vec!["b", "c"]),
        (r#""/v/deep""#, vec!["d"]),
        (r#""v","/none""#, vec!["d", "e"]),
        (r#""/none""#, vec![]),
    ] {
        assert_eq!(ids(&format!(r#"all=1&filters={{"volume":[{values}]}}"#)), found, "{values}");
    }
    assert_eq!(ids(r#"limit=1&filters={"volume":["/app/u"]}"#), ["a"]);
}

#[test]
fn an_inspect_shows_the_engines_paths_of_what_the_caller_has_nothing_of() {
    let shown = |endpoint, body: serde_json::Value| {
        let view = view();
        let reader = Reader { view: &view, caller: "me", key: &KEY };
        let shown = restored(endpoint, body.to_string().as_bytes(), reader).unwrap().shown;
        shown.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let container = json!({"Id": "x", "HostConfig": {"Binds": ["/srv/app/f:/a", "/other/x/:/b", "v:/v"],
            "Mounts": [{"Type": "bind", "Source": "/m", "Target": "/m"}, {"Type": "tmpfs", "Target": "/t"}]},
        "Mounts": [{"Type": "bind", "Source": "/other/x", "Destination": "/b"},
            {"Type": "volume", "Name": "w", "Source": "/vols/w/_data", "Destination": "/w"}]});
    assert_eq!(
        shown(Endpoint::ContainerInspect, container.clone()),
        ["/m", "/other/x/", "/other/x", "/vols/w/_data"]
    );
    let volume = json!({"Name": "w", "Mountpoint": "/vols/w/_data", "Options": null});
    assert_eq!(shown(Endpoint::VolumeInspect, volume.clone()), ["/vols/w/_data"]);
    // Never by a list.
    assert_eq!(shown(Endpoint::ContainerList, json!([container])), [""; 0]);
    assert_eq!(shown(Endpoint::VolumeList, json!({"Volumes": [volume]})), [""; 0]);
}

#[test]
fn what_was_written_down_is_believed_for_one_that_was_made_anew() {
    let asked = json!({
        "/p": {"asked": "/v/deep:/p", "given": "v/sub/deep", "index": 0},
        "/l": {"asked": "/app/link:/l", "given": "/srv/app/dir"},
        "/ws": {"asked": "/app/ws:/ws", "given": "/srv/app/ws", "index": 1}});
    let label = signed(
        &json!({"caller": "before", "mounts": asked, "beneath": {"/ws/in": "/srv/app/ws/in", "/l/in": "/x"}}),
    );
    let engines = json!({"Config": {"Labels": {"hostward.asked": label}}, "HostConfig": {"Binds": [],
        "Mounts": [{"Type": "volume", "Source": "v", "Target": "/p", "VolumeOptions": {"Subpath": "sub/deep"}},
            {"Type": "bind", "Source": "/srv/app/dir", "Target": "/l"},
            {"Type": "bind", "Source": "/srv/app/ws", "Target": "/ws"},
            {"Type": "bind", "Source": "/srv/app/ws/in", "Target": "/ws/in"}]},
        "Mounts": [{"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/p", "RW": true},
            {"Type": "bind", "Source": "/srv/app/ws/in", "Destination": "/ws/in"}]});
    let read = read(Endpoint::ContainerInspect, &engines);
    assert_eq!(read["HostConfig"]["Binds"], json!(["/v/deep:/p", "/app/ws:/ws"]));
    // Where the link leads it cannot tell from here.
    assert_eq!(read["HostConfig"]["Mounts"], json!([{"Type": "bind", "Source": "/app/dir", "Target": "/l"}]));
    assert_eq!(read["Mounts"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&read["Mounts"][0]["Source"], &read["Mounts"][0]["Type"]),
        (&json!("/v/deep"), &json!("bind"))
    );
}

#[test]
fn a_part_of_a_volume_that_somebody_else_has_is_read_as_that_part() {
    let engines = json!({"HostConfig": {"Mounts": [
            {"Type": "volume", "Source": "v", "Target": "/p", "VolumeOptions": {"Subpath": "sub/deep"}},
            {"Type": "volume", "Source": "v", "Target": "/q", "VolumeOptions": {"Subpath": "else"}}]},
        "Mounts": [{"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/p"},
            {"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/q"}]});
    let read = read(Endpoint::ContainerInspect, &engines);
    assert_eq!(read["Mounts"][0]["Source"], "/v/deep");
    assert_eq!(read["Mounts"][1]["Source"], "/vols/v/_data");
}

#[test]
fn what_was_written_down_is_believed_for_the_caller_that_asked() {
    let text = |caller: &str| {
        let mounts = json!({"/b": {"asked": "/app/./link/:/b:ro", "given": "v/part", "index": 0}});
        signed(&json!({"caller": caller, "mounts": mounts, "beneath": {"/b/in": "/srv/app/in"}}))
    };
    let engines = |caller: &str| {
        json!({"Id": "x", "Labels": {"hostward.asked": text(caller), "z": "1"}, "Mounts": [
            {"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/b", "RW": false},
            {"Type": "bind", "Source": "/srv/app/in", "Destination": "/b/in"}]})
    };
    assert_eq!(
        read(Endpoint::ContainerList, &json!([engines("me")])),
        json!([{"Id": "x", "Labels": {"z": "1"}, "Mounts": [{"Type": "bind", "Source": "/app/link",
            "Destination": "/b", "Mode": "ro", "RW": false, "Propagation": "rprivate"}]}])
    );
    assert_eq!(
        read(Endpoint::ContainerList, &json!([engines("you")])),
        json!([{"Id": "x", "Labels": {"z": "1"}, "Mounts": [
            {"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/b", "RW": false},
            {"Type": "bind", "Source": "/app/in", "Destination": "/b/in"}]}])
    );
}

#[test]
fn what_hostward_has_not_signed_is_not_believed() {
    let forged = json!({"caller": "me", "mounts": {"/x": {"asked": 5, "given": "/srv/app"}},
        "beneath": {"/y": "/"}});
    let container = |labels| {
        json!({"Config": {"Labels": labels},
            "HostConfig": {"Binds": ["/srv/app:/x", "/:/y"], "Mounts": null},
            "Mounts": [{"Type": "bind", "Source": "/srv/app", "Destination": "/x"},
                {"Type": "bind", "Source": "/", "Destination": "/y"}]})
    };
    let callers = json!({"Config": {"Labels": {}},
        "HostConfig": {"Binds": ["/app:/x", "/:/y"], "Mounts": null},
        "Mounts": [{"Type": "bind", "Source": "/app", "Destination": "/x"},
            {"Type": "bind", "Source": "/", "Destination": "/y"}]});
    let another = Key::new([2; Key::LEN]).seal(&forged.to_string());
    for label in [forged.to_string(), another, String::new(), format!("{} {forged}", "0".repeat(64))] {
        let engines = container(json!({"hostward.asked": label}));
        assert_eq!(read(Endpoint::ContainerInspect, &engines), callers);
    }
    // Of what it has signed nothing comes where the API has another type.
    let mounts = json!({"/x": {"asked": 5, "given": "/srv/app"}});
    let engines = container(json!({"hostward.asked": signed(&json!({"caller": "me", "mounts": mounts}))}));
    let read = read(Endpoint::ContainerInspect, &engines);
    assert_eq!(read["HostConfig"]["Binds"], json!(["/app:/x", "/:/y"]));
    let volume = json!({"caller": "me", "mounts": {"device": {"asked": 5, "given": "/srv/app"}}});
    let volume = json!({"Volumes": [{"Labels": {"hostward.asked": signed(&volume)},
        "Options": {"device": "/srv/app"}}]});
    let expected = json!({"Volumes": [{"Labels": {}, "Options": {"device": "/app"}}]});
    assert_eq!(self::read(Endpoint::VolumeList, &volume), expected);
}

#[test]
fn what_was_written_down_of_other_mounts_is_not_believed() {
    // As an image hands it on that was made of another container.
    let label = json!({"caller": "me", "mounts": {"/b": {"asked": "/app/link:/b", "given": "/srv/app/old"}},
        "beneath": {"/c": "/old"}});
    let engines = json!({"Config": {"Labels": {"hostward.asked": signed(&label)}},
        "HostConfig": {"Binds": ["/srv/app/new:/b"], "Mounts": [{"Type": "bind", "Source": "/srv/app", "Target": "/c"}]},
        "Mounts": [{"Type": "bind", "Source": "/srv/app/new", "Destination": "/b"},
            {"Type": "bind", "Source": "/srv/app", "Destination": "/c"}]});
    let callers = json!({"Config": {"Labels": {}},
        "HostConfig": {"Binds": ["/app/new:/b"], "Mounts": [{"Type": "bind", "Source": "/app", "Target": "/c"}]},
        "Mounts": [{"Type": "bind", "Source": "/app/new", "Destination": "/b"},
            {"Type": "bind", "Source": "/app", "Destination": "/c"}]});
    assert_eq!(read(Endpoint::ContainerInspect, &engines), callers);
}

#[test]
fn services_tasks_volumes_and_events_are_read_too() {
    let spec = |source: &str| json!({"ContainerSpec": {"Mounts": [{"Type": "bind", "Source": source, "Target": "/t"}]}});
    let service = |source: &str| json!({"Spec": {"TaskTemplate": spec(source)}, "PreviousSpec": {"TaskTemplate": spec(source)}});
    let volume = |mountpoint: &str, device: &str| json!({"Name": "v", "Mountpoint": mountpoint, "Options": {"o": "bind", "device": device}});
    let (mine, theirs) = (volume("/v", "/app/d"), volume("/vols/v/_data/sub", "/srv/app/d"));
    for (endpoint, engines, callers) in [
        (Endpoint::ServiceInspect, service("/srv/app/x"), service("/app/x")),
        (Endpoint::ServiceList, json!([service("/srv/app/x")]), json!([service("/app/x")])),
        (
            Endpoint::TaskInspect,
            json!({"Spec": spec("/srv/app"), "Status": {"State": "rejected", "Err": "no /srv/app/x"}}),
            json!({"Spec": spec("/app"), "Status": {"State": "rejected", "Err": "no /app/x"}}),
        ),
        (Endpoint::TaskList, json!([{"Spec": spec("/srv/app")}]), json!([{"Spec": spec("/app")}])),
        (Endpoint::VolumeInspect, theirs.clone(), mine.clone()),
        (
            Endpoint::VolumeList,
            json!({"Volumes": [theirs], "Warnings": null}),
            json!({"Volumes": [mine], "Warnings": null}),
        ),
        (
            Endpoint::Events,
            json!({"Actor": {"Attributes": {"hostward.asked": "{}", "image": "i"}}}),
            json!({"Actor": {"Attributes": {"image": "i"}}}),
        ),
    ] {
        assert_eq!(read(endpoint, &engines), callers, "{endpoint:?}");
    }
}

#[test]
fn podman_shows_every_mount_as_a_text_of_binds() {
    let label = json!({"caller": "me", "mounts": {
            "/a": {"asked": "/app/./x:/a", "given": "/srv/app/x"},
            "/b": {"asked": {"Type": "bind", "Source": "/app/link", "Target": "/b"}, "given": "/srv/app/to"},
            "/c": {"asked": "/v/f:/c", "given": "/vols/v/_data/sub/f", "index": 1}},
        "beneath": {"/b/in": "nm/", "/b/deep": "/srv/deep"}});
    let engines = json!({"Config": {"Labels": {"hostward.asked": signed(&label)}}, "HostConfig": {"Binds": [
        "/srv/app/x:/a:rw,rbind", "/srv/app/to:/b:rw,rbind", "nm:/b/in:rw", "/srv/deep:/b/deep:ro", "/srv/app:/d:rw"]}});
    let read = read(Endpoint::ContainerInspect, &engines);
    assert_eq!(read["HostConfig"]["Binds"], json!(["/app/./x:/a", "/app/link:/b:rw,rbind", "/app:/d:rw"]));
}

#[test]
fn the_device_of_a_mounts_own_volume_is_read_too() {
    let mount = |device: &str| {
        json!({"Type": "volume", "Source": "x", "Target": "/t",
            "VolumeOptions": {"DriverConfig": {"Options": {"o": "bind", "device": device}}}})
    };
    let container = |device: &str, labels| json!({"Config": {"Labels": labels}, "HostConfig": {"Mounts": [mount(device)]}});
    assert_eq!(
        read(Endpoint::ContainerInspect, &container("/srv/app/d", json!({}))),
        container("/app/d", json!({}))
    );
    let label = json!({"caller": "me", "mounts": {"/t": {"asked": "/app/link", "given": "/srv/app/d"}}});
    assert_eq!(
        read(Endpoint::ContainerInspect, &container("/srv/app/d", json!({"hostward.asked": signed(&label)}))),
        container("/app/link", json!({}))
    );
}

#[test]
fn an_answer_without_paths_keeps_every_byte() {
    let view = view();
    let reader = Reader { view: &view, caller: "me", key: &KEY };
    for (endpoint, body) in [
        (Endpoint::ContainerInspect, r#"{ "Id" : "x", "Config":{"Labels":null}, "Mounts":[] }"#),
        (Endpoint::ContainerList, "[]"),
        (Endpoint::VolumeList, r#"{"Volumes":null}"#),
        (Endpoint::Events, r#"{"status":"start","Actor":{"Attributes":{}}}"#),
    ] {
        assert_eq!(restored(endpoint, body.as_bytes(), reader).unwrap().body, None, "{body}");
    }
    assert!(restored(Endpoint::ContainerList, b"<html>", reader).is_err());
}
