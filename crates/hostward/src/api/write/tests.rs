//! Bodies in, bodies out.

use super::*;
use crate::api::answer::restored;
use crate::api::archive::{Config, tests as archives};
use crate::api::endpoint::Endpoint;
use crate::api::lenders::{Lender, Lenders, VolumesFrom};
use crate::api::read::{Bounds, Site, Terms};
use crate::mount::{Mount, Source};
use crate::path::{AskedPath, CallerPath, EnginePath, Rest};
use crate::plan::Wish;
use crate::seal::Key;
use crate::table::Table;
use crate::view::View;
use proptest::prelude::*;
use std::io::Cursor;

const CREATE: Endpoint = Endpoint::ContainerCreate;
const CALLER: &str = "c0ffee";
const KEY: Key = Key::new([1; Key::LEN]);

fn read(endpoint: Endpoint, body: &[u8]) -> Result<Read, BodyError> {
    Read::of(endpoint, body.to_vec(), Terms::default())
}

fn sites(endpoint: Endpoint, body: &[u8]) -> Result<Vec<Site>, BodyError> {
    Ok(read(endpoint, body)?.sites().cloned().collect())
}

fn reader(view: &View) -> Reader<'_> {
    Reader { view, caller: CALLER, key: &KEY }
}

/// What is written of a body for these plans.
fn written(read: Read, plans: &[Plan], loan: &Loan, image_labels: &[String]) -> Result<Written, WriteError> {
    write(
        read,
        Gives { plans, loan, image_labels, for_podman: false, amendments: &[], labels: &[] },
        reader(&view()),
    )
}

fn bytes(output: Output) -> Vec<u8> {
    match output {
        Output::Same(body) | Output::Other(body) => body,
        Output::SameArchive | Output::Archive { .. } => panic!("{output:?}"),
    }
}

/// A caller whose `/app` is the engine's `/srv/x`.
fn view() -> View {
    let source = Source::Bind(engine("/srv/x"));
    let destination = CallerPath::parse(b"/app").unwrap();
    View::container(Table::new([Mount { destination, source, read_only: false }]), Vec::new())
}

fn engine(path: &str) -> EnginePath {
    EnginePath::parse(path.as_bytes()).unwrap()
}

fn bind(source: &str, read_only: bool) -> Given {
    Given { source: Give::Bind(engine(source)), read_only, lasting: true, beneath: Vec::new() }
}

fn part(subpath: &str) -> Given {
    let subpath = Rest::parse(subpath.as_bytes()).unwrap();
    let source = Give::Volume { name: "v".into(), subpath };
    Given { source, read_only: false, lasting: false, beneath: Vec::new() }
}

/// The body with what is given for every path that begins with `/app`.
fn given(endpoint: Endpoint, body: &str, given: &Given) -> Result<String, WriteError> {
    let read = read(endpoint, body.as_bytes())?;
    let plans: Vec<_> = read
        .sites()
        .map(|site| {
            let ours = site.asked.as_bytes().starts_with(b"/app");
            if ours { Plan::Given(given.clone()) } else { Plan::Keep }
        })
        .collect();
    let written = written(read, &plans, &Loan::default(), &[])?;
    Ok(String::from_utf8(bytes(written.body)).unwrap())
}

fn rewritten(body: &str, force: bool) -> String {
    given(CREATE, body, &bind("/srv/x", force)).unwrap()
}

#[test]
fn only_the_paths_change() {
    let body = r#"{ "Image":"i", "Future" : {"Binds":["/app:/x"]}, "hostconfig": {"Mounts":[
        {"Type":"bind","Source":"\/app","Target":"/t","BindOptions":{"Propagation":"rslave","New":1}},
        {"Type":"volume","Source":"app","Target":"/v"}, {"Type":"tmpfs","Target":"/m"}, null],
        "BINDS" : [ "/app:/c:ro,z" , "vol:/v", "/anon", "/etc:/e" ] } }"#;
    let expected = body.replace(r#""\/app""#, r#""/srv/x""#).replace("/app:/c:ro,z", "/srv/x:/c:ro,z");
    assert_eq!(rewritten(body, false), expected);
}

#[test]
fn read_only_is_forced_in_both_forms() {
    let body = r#"{"HostConfig":{"Binds":["/app:/a"],"Mounts":[{"Type":"bind","Source":"/app"},
        {"Type":"bind","Source":"/app","readonly":false},{"Type":"bind","Source":"/app","ReadOnly":true}]}}"#;
    let expected = r#"{"HostConfig":{"Binds":["/srv/x:/a:ro"],"Mounts":[{"Type":"bind","Source":"/srv/x","ReadOnly":true},
        {"Type":"bind","Source":"/srv/x","readonly":true},{"Type":"bind","Source":"/srv/x","ReadOnly":true}]},"Labels":"#;
    let seen = rewritten(body, true);
    assert!(seen.starts_with(expected), "{seen}");
}

#[test]
fn a_body_without_paths_keeps_every_byte() {
    for body in [
        "null",
        "{}",
        r#"{"HostConfig":null}"#,
        " {\n\"HostConfig\" : {\"Binds\":null} }\n",
        r#"{"HostConfig":{"Binds":[]}}"#,
    ] {
        assert_eq!(rewritten(body, true), body);
    }
}

/// A rewritten body, and its label, which is taken out of it.
fn labelled(body: &str, what: &Given) -> (serde_json::Value, serde_json::Value) {
    let mut value: serde_json::Value = serde_json::from_str(&given(CREATE, body, what).unwrap()).unwrap();
    let label = value["Labels"].as_object_mut().unwrap().remove(LABEL).unwrap();
    (value, serde_json::from_str(KEY.open(label.as_str().unwrap()).unwrap()).unwrap())
}

#[test]
fn a_part_of_a_volume_becomes_a_mount_and_is_written_down() {
    let body = r#"{"Labels":{"a":"b"},"HostConfig":{"Binds":["x:/x","/app/f:/f:ro"],"Mounts":null}}"#;
    let (body, label) = labelled(body, &part("d/f"));
    assert_eq!(
        body,
        serde_json::json!({"Labels": {"a": "b"}, "HostConfig": {"Binds": ["x:/x"], "Mounts": [{
            "Type": "volume", "Source": "v", "Target": "/f", "ReadOnly": true,
            "VolumeOptions": {"NoCopy": true, "Subpath": "d/f"}}]}})
    );
    let mounts = serde_json::json!({"/f": {"asked": "/app/f:/f:ro", "given": "v/d/f", "index": 1}});
    assert_eq!(label, serde_json::json!({"caller": CALLER, "mounts": mounts}));
    let body = r#"{"Labels":{},"HostConfig":{"Mounts":[
        {"Type":"bind","Source":"/app","Target":"/t/","New":1,"BindOptions":{"CreateMountpoint":true}}]}}"#;
    let (body, label) = labelled(body, &part(""));
    assert_eq!(
        body["HostConfig"]["Mounts"],
        serde_json::json!([{"Type": "volume", "Source": "v", "Target": "/t/", "New": 1,
            "BindOptions": null, "VolumeOptions": {"NoCopy": true}}])
    );
    assert_eq!(label["mounts"]["/t"]["asked"]["Source"], "/app");
}

#[test]
fn a_whole_volume_stays_a_bind() {
    let (body, _) = labelled(r#"{"HostConfig":{"Binds":["/app:/f:ro"]},"Labels":null}"#, &part(""));
    assert_eq!(body["HostConfig"], serde_json::json!({"Binds": ["v:/f:ro,nocopy"]}));
}

fn with_beneath(rests: &[&str]) -> Given {
    let beneath = rests.iter().map(|rest| Beneath {
        rest: Rest::parse(rest.as_bytes()).unwrap(),
        at: CallerPath::parse(format!("/app/{rest}").as_bytes()).unwrap(),
        source: Give::Bind(engine(&format!("/other/{rest}"))),
        read_only: true,
    });
    Given { beneath: beneath.collect(), ..bind("/srv/x", false) }
}

#[test]
fn t7_mounts_come_along() {
    let body = r#"{"HostConfig":{"Binds":["/app:/t/"],"Mounts":[{"Type":"tmpfs","Target":"/mem"}]}}"#;
    let (body, label) = labelled(body, &with_beneath(&["a", "b/c"]));
    let targets: Vec<_> = body["HostConfig"]["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| (mount["Target"].as_str().unwrap(), mount["ReadOnly"] == true))
        .collect();
    assert_eq!(targets, [("/mem", false), ("/t/a", true), ("/t/b/c", true)]);
    assert_eq!(label["beneath"], serde_json::json!({"/t/a": "/other/a", "/t/b/c": "/other/b/c"}));
}

#[test]
fn t7_what_the_request_mounts_itself_is_known() {
    let body = r#"{"Volumes":{"/t/anon":{}},"HostConfig":{"Binds":["/app:/t/","v:/t/own:ro","/t/alone"],
        "Mounts":[{"Type":"tmpfs","Target":"/t/mem"},{"Type":"bind","Source":"/app","Target":"/t/mem/x"}],
        "Tmpfs":{"/t/tmp":"","/tt":""}}}"#;
    let sites = sites(CREATE, body.as_bytes()).unwrap();
    let covers = |n: usize, rest: &str| sites[n].wish.covered.covers(&Rest::parse(rest.as_bytes()).unwrap());
    for rest in ["alone", "anon", "mem", "mem/x", "mem/y", "own", "own/deep", "tmp"] {
        assert!(covers(0, rest), "{rest}");
    }
    for rest in ["other", "al", "alonely", ""] {
        assert!(!covers(0, rest), "{rest}");
    }
    assert!(!covers(1, "y"));
}

#[test]
fn a_source_with_a_colon_becomes_a_mount_where_its_options_allow() {
    let (body, _) = labelled(r#"{"HostConfig":{"Binds":["/app:/t:ro"]}}"#, &bind("/srv/a:b", false));
    assert_eq!(
        body["HostConfig"],
        serde_json::json!({"Binds": [], "Mounts": [
            {"Type": "bind", "Source": "/srv/a:b", "Target": "/t", "ReadOnly": true}]})
    );
    let shared = r#"{"HostConfig":{"Binds":["/app:/t:rshared"]}}"#;
    assert!(given(CREATE, shared, &bind("/srv/a:b", false)).is_err());
}

#[test]
fn what_does_not_last_is_given_as_a_mount_that_no_engine_makes_anew() {
    let lent = Given { lasting: false, ..bind("/overlay/merged/opt", false) };
    let (body, label) = labelled(r#"{"HostConfig":{"Binds":["/app:/t"]}}"#, &lent);
    assert_eq!(
        body["HostConfig"],
        serde_json::json!({"Binds": [], "Mounts": [
            {"Type": "bind", "Source": "/overlay/merged/opt", "Target": "/t", "ReadOnly": false}]})
    );
    assert_eq!(label["mounts"]["/t"]["asked"], "/app:/t");
    // Only a bind can say `z`.
    let (body, _) = labelled(r#"{"HostConfig":{"Binds":["/app:/t:z"]}}"#, &lent);
    assert_eq!(body["HostConfig"]["Binds"][0], "/overlay/merged/opt:/t:z");
}

#[test]
fn services_have_their_mounts_and_labels_in_the_container() {
    let body = r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"i","Mounts":[
        {"Type":"bind","Source":"/app/l","Target":"/t"}]}}}"#;
    assert!(!sites(Endpoint::ServiceCreate, body.as_bytes()).unwrap()[0].wish.plain);
    let given = given(Endpoint::ServiceUpdate, body, &bind("/srv/x/to", false)).unwrap();
    let value: serde_json::Value = serde_json::from_str(&given).unwrap();
    let spec = &value["TaskTemplate"]["ContainerSpec"];
    assert_eq!(spec["Mounts"][0]["Source"], "/srv/x/to");
    assert!(spec["Labels"][LABEL].as_str().unwrap().contains("/app/l"));
}

#[test]
fn labels_of_hostwards_own_are_not_taken_from_anybody() {
    let labels = |body: &str, what: &Given| -> serde_json::Value {
        let made: serde_json::Value = serde_json::from_str(&given(CREATE, body, what).unwrap()).unwrap();
        made["Labels"].clone()
    };
    // What it wrote on something else, or somebody wrote in its name.
    let forged = r#"{"Labels":{"a":"1","hostward.asked":"{}","b":"2"},"HostConfig":{"Binds":["/app:/t"]}}"#;
    assert_eq!(labels(forged, &bind("/srv/x", false)), serde_json::json!({"a": "1", "b": "2"}));
    let own = labels(forged, &part("f"))[LABEL].as_str().map(str::to_owned).unwrap();
    assert!(KEY.open(&own).unwrap().contains("/app:/t"), "{own}");
    let alone = r#"{"Labels":{"hostward.asked":"{}"}}"#;
    assert_eq!(given(CREATE, alone, &part("")).unwrap(), r#"{"Labels":{}}"#);
    let twice =
        r#"{"Labels":{"hostward.asked":"1","hostward.asked":"2"},"HostConfig":{"Binds":["/app:/t"]}}"#;
    assert_eq!(labels(twice, &part("f")).as_object().unwrap().len(), 1);
    // One that says what its container may do is not dropped in silence.
    for (endpoint, body) in [
        (CREATE, r#"{"Labels":{"hostward.unmapped":"host"}}"#),
        (CREATE, r#"{"labels":{"hostward.\u0075nmapped":"host"}}"#),
        (Endpoint::VolumeCreate, r#"{"Labels":{"hostward.x":"1"}}"#),
        (Endpoint::ServiceCreate, r#"{"Labels":{"hostward.x":"1"}}"#),
        (Endpoint::ServiceCreate, r#"{"TaskTemplate":{"ContainerSpec":{"Labels":{"hostward.x":"1"}}}}"#),
    ] {
        assert!(matches!(read(endpoint, body.as_bytes()), Err(BodyError::Label(_))), "{body}");
    }
    // As it is read back of a container whose image had one.
    let empty = r#"{"Labels":{"hostward.unmapped":""}}"#;
    assert_eq!(given(CREATE, empty, &part("")).unwrap(), empty);
}

#[test]
fn labels_that_come_with_an_image_do_not_count() {
    let of_image = ["a", "hostward.unmapped", "hostward.other", LABEL].map(str::to_owned);
    let labels = |body: &str, plan: Plan| -> serde_json::Value {
        let read = read(CREATE, body.as_bytes()).unwrap();
        let plans = vec![plan; read.sites().len()];
        let made = written(read, &plans, &Loan::default(), &of_image).unwrap();
        let made: serde_json::Value = serde_json::from_slice(&bytes(made.body)).unwrap();
        made["Labels"].clone()
    };
    let overridden = serde_json::json!({"hostward.unmapped": "", LABEL: ""});
    for body in [r#"{"Image":"i"}"#, r#"{"Image":"i","Labels":null}"#, r#"{"Image":"i","Labels":{}}"#] {
        assert_eq!(read(CREATE, body.as_bytes()).unwrap().image(), Some("i"));
        assert_eq!(labels(body, Plan::Keep), overridden, "{body}");
    }
    let made = labels(r#"{"HostConfig":{"Binds":["/app:/t"]}}"#, Plan::Given(part("f")));
    assert!(KEY.open(made[LABEL].as_str().unwrap()).is_some());
}

#[test]
fn a_container_that_publishes_ports_says_who_has_made_it() {
    let asked = |body: &str| -> Option<String> {
        let made = given(CREATE, body, &part("")).unwrap();
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        made["Labels"][LABEL].as_str().map(str::to_owned)
    };
    let bound = r#"{"80/tcp":[{"HostPort":""}]}"#;
    for body in [
        format!(r#"{{"HostConfig":{{"PortBindings":{bound}}}}}"#),
        format!(r#"{{"hostconfig":{{"portbindings":{bound}}},"Labels":{{"a":"1"}}}}"#),
        r#"{"HostConfig":{"PublishAllPorts":true}}"#.to_owned(),
        format!(r#"{{"HostConfig":null,"PortBindings":{bound}}}"#),
    ] {
        let label = asked(&body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!(KEY.open(&label), Some(r#"{"caller":"c0ffee","mounts":{}}"#), "{body}");
    }
    for body in [
        r#"{"HostConfig":{"PortBindings":{},"PublishAllPorts":false}}"#,
        r#"{"HostConfig":{"PortBindings":null}}"#,
        r#"{"ExposedPorts":{"80/tcp":{}}}"#,
    ] {
        assert_eq!(asked(body), None, "{body}");
    }
}

#[test]
fn t16_what_may_call_in_its_turn_has_its_makers_paths_written_down() {
    let view =
        view().with_socket(crate::view::Socket { own: Some(engine("/run/hostward/docker.sock")), raw: None });
    let label = |body: &str, given: &Given| {
        let read = read(CREATE, body.as_bytes()).unwrap();
        let plans = vec![Plan::Given(given.clone()); read.sites().len()];
        let gives = Gives {
            plans: &plans,
            loan: &Loan::default(),
            image_labels: &[],
            for_podman: false,
            amendments: &[],
            labels: &[],
        };
        let made = write(read, gives, reader(&view)).unwrap();
        let made: serde_json::Value = serde_json::from_slice(&bytes(made.body)).unwrap();
        made["Labels"][LABEL].as_str().map(|text| KEY.open(text).unwrap().to_owned())
    };
    let (plain, bound) = (r#""HostConfig":{"Binds":["/app:/t"]}"#, bind("/srv/x", false));
    let noted =
        format!(r#"{{"caller":"{CALLER}","mounts":{{"/t":{{"asked":"/app:/t","given":"/srv/x"}}}}}}"#);
    assert_eq!(label(&format!("{{{plain}}}"), &bound), None);
    assert_eq!(
        label(&format!(r#"{{"Env":["A=1","DOCKER_HOST=tcp://h:2375"],{plain}}}"#), &bound),
        Some(noted)
    );
    assert_eq!(label(&format!(r#"{{"Env":["MY_DOCKER_HOST=x",null,1],{plain}}}"#), &bound), None);
    let lent = r#"{"HostConfig":{"Binds":["/app:/t"],"VolumesFrom":["other"]}}"#;
    assert!(label(lent, &bound).is_some());
    for source in ["/run/hostward/docker.sock", "/run/hostward", "/run"] {
        let two = r#"{"HostConfig":{"Binds":["/app:/t","/app/s:/s"]}}"#;
        assert_eq!(label(two, &bind(source, false)).unwrap().matches("asked").count(), 2, "{source}");
    }
}

#[test]
fn a_request_takes_the_mounts_of_so_many_containers_and_no_more() {
    let bounds = Bounds { paths: 3, targets: 5 };
    let read = |count: usize| {
        let body = serde_json::json!({"HostConfig": {"VolumesFrom": vec!["other"; count]}}).to_string();
        Read::of(CREATE, body.into_bytes(), Terms { bounds, ..Terms::default() })
    };
    assert_eq!(read(3).unwrap().lenders().lenders.len(), 3);
    assert!(matches!(read(4), Err(BodyError::Many { most: 3, .. })));
}

#[test]
fn a_request_asks_for_so_many_paths_and_targets_and_no_more() {
    let bounds = Bounds { paths: 3, targets: 5 };
    let read = |binds: usize, volumes: usize| {
        let binds: Vec<_> = (0..binds).map(|n| format!("/app:/b{n}")).collect();
        let volumes: serde_json::Map<_, _> =
            (0..volumes).map(|n| (format!("/v{n}"), serde_json::json!({}))).collect();
        let body = serde_json::json!({"HostConfig": {"Binds": binds}, "Volumes": volumes}).to_string();
        Read::of(CREATE, body.into_bytes(), Terms { bounds, ..Terms::default() })
    };
    assert!(read(3, 2).is_ok());
    for (binds, volumes, unit) in [(4, 0, "paths"), (0, 6, "targets"), (3, 3, "targets")] {
        let error = read(binds, volumes).unwrap_err();
        assert!(error.is_too_much() && error.to_string().contains(unit), "{error}");
    }
}

#[test]
fn a_volumes_device_is_a_path_where_it_is_bound() {
    let body = r#"{"Name":"v","DriverOpts":{"type":"none","o":"bind","device":"/app"}}"#;
    let volume = |body: &str, what: &Given| given(Endpoint::VolumeCreate, body, what);
    assert_eq!(volume(body, &bind("/srv/x", false)).unwrap(), body.replace("/app", "/srv/x"));
    assert_eq!(
        volume(body, &bind("/srv/x", true)).unwrap(),
        body.replace("/app", "/srv/x").replace("\"bind\"", "\"bind,ro\"")
    );
    assert!(!sites(Endpoint::VolumeCreate, body.as_bytes()).unwrap()[0].wish.recursive);
    for other in [
        r#"{"DriverOpts":{"type":"nfs","o":"addr=1.2.3.4","device":":/app"}}"#,
        r#"{"DriverOpts":{"type":"ext4","device":"/app"}}"#,
        r#"{"Driver":"other","DriverOpts":{"o":"bind","device":"/app"}}"#,
        r#"{"DriverOpts":null}"#,
    ] {
        assert_eq!(volume(other, &bind("/srv/x", false)).unwrap(), other);
    }
    for wrong in [
        r#"{"DriverOpts":{"type":"overlay","device":"overlay","o":"lowerdir=/etc:/usr"}}"#,
        r#"{"DriverOpts":{"type":"none","device":"../../etc","o":"bind"}}"#,
    ] {
        assert!(matches!(volume(wrong, &bind("/srv/x", false)), Err(WriteError::Body(_))), "{wrong}");
    }
    let error = volume(body, &with_beneath(&["a"])).unwrap_err();
    assert!(error.to_string().contains("can carry only one path"), "{error}");
    // The same in one create (T21).
    let mount = r#"{"HostConfig":{"Mounts":[{"Type":"volume","Target":"/t","VolumeOptions":{"DriverConfig":
        {"Name":"local","Options":{"o":"bind","device":"/app"}}}}]}}"#;
    assert_eq!(rewritten(mount, false), mount.replace("/app", "/srv/x"));
}

#[test]
fn a_plugins_mount_has_its_source_in_a_setting() {
    let body = r#"["DEBUG=1","data.source=/app/d","data.path=/app","x.source=relative"]"#;
    let given = given(Endpoint::PluginSet, body, &bind("/srv/x/d", false)).unwrap();
    assert_eq!(given, body.replace("/app/d", "/srv/x/d"));
}

#[test]
fn a_plugin_has_its_mounts_in_a_file_of_its_archive() {
    let config = |source: &str| {
        format!(
            r#"{{"mounts":[{{"type":"bind","source":"{source}","options":["rbind"]}},{{"type":"bind","source":null}}]}}"#
        )
    };
    let archive =
        |source: &str| archives::archive(&[("config.json", config(source).as_bytes()), ("rootfs/a", b"x")]);
    let body = archive("/app/d");
    let read = || {
        let config = Config::find(Cursor::new(&body)).unwrap().unwrap();
        Read::of_plugin(config, Terms::default()).unwrap()
    };
    assert_eq!(read().sites().next().unwrap().asked.as_bytes(), b"/app/d");
    let writes = |plan| written(read(), &[plan], &Loan::default(), &[]).map(|written| written.body);
    let longer = bind("/srv/longer/than/before", false);
    let Output::Archive { replaced, by } = writes(Plan::Given(longer)).unwrap() else { panic!() };
    let at = |place| usize::try_from(place).unwrap();
    let made = [&body[..at(replaced.start)], &by, &body[at(replaced.end)..]].concat();
    assert_eq!(made, archive("/srv/longer/than/before"));
    assert!(matches!(writes(Plan::Keep), Ok(Output::SameArchive)));
    assert!(writes(Plan::Given(bind("/srv/x", true))).is_err());
}

#[test]
fn what_cannot_be_judged_is_an_error_that_names_the_place() {
    for (body, place) in [
        (r#"{"HostConfig":{},"hostconfig":{}}"#, "more than one HostConfig"),
        (r#"{"HostConfig":{"Binds":[],"bind\u017f":[]}}"#, "Binds"),
        (r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","source":"/b"}]}}"#, "Source"),
        (r#"{"HostConfig":{"Binds":"/a:/b"}}"#, "HostConfig.Binds"),
        (r#"{"HostConfig":{"Binds":[1]}}"#, "HostConfig.Binds[0]"),
        (r#"{"HostConfig":{"Binds":["/a:b:/c:ro"]}}"#, "HostConfig.Binds[0]"),
        (r#"{"HostConfig":{"Devices":[{"PathOnHost":"../../dev/fuse"}]}}"#, "Devices[0].PathOnHost"),
        (r#"{"HostConfig":[]}"#, "HostConfig"),
        (r#"{"HostConfig":{"Binds":["/a:/b"]"#, "as JSON"),
        (r#"{"HostConfig":{"Binds":["\ud800:/b"]}}"#, "as JSON"),
    ] {
        let error = sites(CREATE, body.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(place), "{body}: {error}");
    }
}

#[test]
fn what_is_asked_of_a_mount_is_known() {
    let body = r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","BindOptions":{"NonRecursive":true}},
        {"Type":"bind","Source":"/b","ReadOnly":true,"BindOptions":{"NonRecursive":false}},
        {"Type":"bind","Source":"/c","BindOptions":{"CreateMountpoint":true,"Propagation":"rprivate"}},
        {"Type":"bind","Source":"/d","ReadOnly":true,"BindOptions":{"ReadOnlyNonRecursive":true}},
        {"Type":"bind","Source":"/e","BindOptions":{"Propagation":"rslave"}}]}}"#;
    let wishes: Vec<_> = sites(CREATE, body.as_bytes()).unwrap().into_iter().map(|site| site.wish).collect();
    let wish = Wish { creates: false, ..Wish::bind() };
    assert_eq!(
        wishes,
        [
            Wish { recursive: false, plain: false, ..wish.clone() },
            Wish { read_only: true, ..wish.clone() },
            Wish { creates: true, ..wish.clone() },
            Wish { writable_beneath: true, plain: false, ..wish.clone() },
            Wish { plain: false, ..wish },
        ]
    );
}

#[test]
fn every_form_that_some_engine_takes_is_found() {
    let asked = |endpoint, body: &str| {
        let sites = sites(endpoint, body.as_bytes()).unwrap();
        sites.iter().map(|site| site.asked.to_string()).collect::<Vec<_>>()
    };
    let top = r#"{"Binds":["/a:/x"],"Mounts":[{"Type":"bind","Source":"/b"}]}"#;
    assert_eq!(asked(CREATE, top), ["/a", "/b"]);
    assert_eq!(asked(Endpoint::ContainerStart, top), ["/a", "/b"]);
    assert!(asked(Endpoint::ContainerStart, "").is_empty());
}

#[test]
fn a_source_that_json_cannot_spell_is_refused() {
    let source = EnginePath::parse(b"/srv/\xff").unwrap();
    let given_bytes = Given { source: Give::Bind(source), ..bind("/", false) };
    let body = r#"{"HostConfig":{"Binds":["/app:/a"]}}"#;
    assert!(matches!(given(CREATE, body, &given_bytes), Err(WriteError::Refusal(_))));
}

/// What an engine stores of a create body, as it answers an inspection.
fn inspected(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let mut points = Vec::new();
    for text in body["HostConfig"]["Binds"].as_array().into_iter().flatten() {
        let parts: Vec<_> = text.as_str().unwrap().split(':').collect();
        let kind = if parts[0].starts_with('/') { "bind" } else { "volume" };
        points.push(
            serde_json::json!({"Type": kind, "Name": parts[0], "Source": parts[0], "Destination": parts[1], "RW": true}),
        );
    }
    for mount in body["HostConfig"]["Mounts"].as_array().into_iter().flatten() {
        points.push(
            serde_json::json!({"Type": mount["Type"], "Name": mount["Source"], "Source": mount["Source"],
            "Destination": mount["Target"], "RW": true}),
        );
    }
    serde_json::json!({"Config": {"Labels": body["Labels"]}, "HostConfig": body["HostConfig"], "Mounts": points})
        .to_string()
}

#[test]
fn devices_limits_and_log_options_are_translated_and_read_back() {
    let body = r#"{"HostConfig":{"Devices":[{"PathOnHost":"/app/dev","PathInContainer":"/dev/x","CgroupPermissions":"rwm"},
        {"PathOnHost":"class/GUID"}],"BlkioDeviceReadBps":[{"Path":"/app/disk","Rate":1}],"BlkioWeightDevice":null,
        "LogConfig":{"Type":"syslog","Config":{"syslog-address":"unixgram:///app/log.sock","syslog-tls-ca-cert":"/app/ca",
        "fluentd-address":"tcp://h:1","tag":"/app"}}}}"#;
    let made = given(CREATE, body, &bind("/srv/x/f", false)).unwrap();
    let read: serde_json::Value = serde_json::from_str(&made).unwrap();
    let (host, log) = (&read["HostConfig"], &read["HostConfig"]["LogConfig"]["Config"]);
    assert_eq!(host["Devices"][0]["PathOnHost"], "/srv/x/f");
    assert_eq!(host["Devices"][0]["CgroupPermissions"], "rwm");
    assert_eq!(host["BlkioDeviceReadBps"][0], serde_json::json!({"Path": "/srv/x/f", "Rate": 1}));
    assert_eq!(log["syslog-address"], "unixgram:///srv/x/f");
    assert_eq!((&log["syslog-tls-ca-cert"], &log["tag"]), (&"/srv/x/f".into(), &"/app".into()));
    let answer = serde_json::json!({"Config": {"Labels": read["Labels"]}, "HostConfig": read["HostConfig"]});
    let view = view();
    let back = restored(Endpoint::ContainerInspect, answer.to_string().as_bytes(), reader(&view));
    let back = back.unwrap().body.unwrap();
    let back: serde_json::Value = serde_json::from_slice(&back).unwrap();
    let asked: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(back["HostConfig"], asked["HostConfig"]);
}

#[test]
fn a_device_that_may_not_be_written_to_stays_so() {
    let device = |permissions: &str| {
        let body = format!(r#"{{"HostConfig":{{"Devices":[{{"PathOnHost":"/app/dev"{permissions}}}]}}}}"#);
        let made = given(CREATE, &body, &bind("/srv/dev", true)).unwrap();
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        made["HostConfig"]["Devices"][0]["CgroupPermissions"].as_str().unwrap().to_owned()
    };
    for permissions in ["", r#","CgroupPermissions":"rwm""#, r#","CgroupPermissions":"""#] {
        assert_eq!(device(permissions), "rm", "{permissions}");
    }
    // Without a word the engine gives all of them, so that nothing may be left of it.
    let alone = r#"{"HostConfig":{"Devices":[{"PathOnHost":"/app/dev","CgroupPermissions":"w"}]}}"#;
    assert!(matches!(given(CREATE, alone, &bind("/srv/dev", true)), Err(WriteError::Refusal(_))));
    assert!(given(CREATE, alone, &bind("/srv/dev", false)).is_ok());
}

#[test]
fn a_checkpoint_in_a_directory_of_the_callers_is_refused() {
    let ask = |body: &str| sites(Endpoint::CheckpointCreate, body.as_bytes());
    assert_eq!(ask(r#"{"CheckpointID":"a","CheckpointDir":""}"#).unwrap(), []);
    assert!(matches!(ask(r#"{"checkpointdir":"/app"}"#), Err(BodyError::Untranslated(_))));
}

fn lent(body: &str, how: VolumesFrom) -> String {
    let mut loan = Loan::new(how);
    loan.add(&CallerPath::parse(b"/raw.sock").unwrap(), &bind("/run/own.sock", false));
    loan.add(&CallerPath::parse(b"/ws").unwrap(), &with_beneath(&["in"]));
    let written = written(read(CREATE, body.as_bytes()).unwrap(), &[], &loan, &[]).unwrap();
    String::from_utf8(bytes(written.body)).unwrap()
}

#[test]
fn what_others_lend_is_read() {
    let body = r#"{"WorkingDir":"/ws","HostConfig":{"VolumesFrom":["a:ro","b",null]}}"#;
    let lenders = |body: &str| read(CREATE, body.as_bytes()).map(|read| read.lenders());
    let found = lenders(body).unwrap();
    let lender =
        |name: &str, options: Option<&str>| Lender { name: name.into(), options: options.map(Into::into) };
    assert_eq!(found.lenders, [lender("a", Some("ro")), lender("b", None)]);
    assert!(found.lenders[0].is_read_only() && !found.lenders[1].is_read_only());
    assert_eq!(found.directory, Some(CallerPath::parse(b"/ws").unwrap()));
    for nobody in ["{}", r#"{"HostConfig":{"VolumesFrom":null}}"#, r#"{"WorkingDir":"/x"}"#] {
        assert_eq!(lenders(nobody).unwrap(), Lenders::default(), "{nobody}");
    }
    for wrong in [r#"{"HostConfig":{"VolumesFrom":"a"}}"#, r#"{"HostConfig":{"VolumesFrom":[1]}}"#] {
        assert!(lenders(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_lent_stands_beside_it_or_for_it() {
    let body = r#"{"HostConfig":{"VolumesFrom":["a"],"Binds":["v:/raw.sock"]}}"#;
    let read = |how| serde_json::from_str::<serde_json::Value>(&lent(body, how)).unwrap();
    // The request's own mount wins.
    let targets = |made: &serde_json::Value| -> Vec<_> {
        made["HostConfig"]["Mounts"].as_array().unwrap().iter().map(|mount| mount["Target"].clone()).collect()
    };
    let beside = read(VolumesFrom::All);
    assert_eq!(beside["HostConfig"]["VolumesFrom"], serde_json::json!(["a"]));
    assert_eq!(targets(&beside), ["/ws", "/ws/in"]);
    let instead = read(VolumesFrom::Narrow);
    assert!(instead["HostConfig"]["VolumesFrom"].is_null());
    assert_eq!(targets(&instead), ["/ws", "/ws/in"]);
    // Nobody asked for what stands beside; what stands for it is told.
    assert!(beside["Labels"][LABEL].is_string() && instead["Labels"].is_null());
    // Nothing is lent to those who ask for nothing.
    assert_eq!(lent("{}", VolumesFrom::Narrow), "{}");
}

proptest! {
    #[test]
    fn rewriting_changes_nothing_but_the_sources(
        sources in prop::collection::vec("/app/[a-z\"\\\\ é]{0,6}", 0..4),
        pad in "[ \n\t]{0,3}",
    ) {
        let spell = |sources: &[String]| {
            let binds: Vec<_> = sources.iter().map(|s| quote(&format!("{s}:/t:z"))).collect();
            format!(r#"{{{pad}"A":1.50,"HostConfig":{{"Binds":[{}]{pad}}},"Labels":{{"x":1}},"Z":"\u0041"}}"#, binds.join(&format!(",{pad}")))
        };
        let seen = rewritten(&spell(&sources), false);
        let (start, rest) = seen.split_once(r#""Labels":{"x":1"#).unwrap();
        let (_, end) = rest.rsplit_once("},\"Z\"").unwrap();
        let expected = spell(&vec!["/srv/x".to_owned(); sources.len()]);
        prop_assert_eq!(format!("{start}\"Labels\":{{\"x\":1}},\"Z\"{end}"), expected);
    }

    #[test]
    fn what_was_asked_is_read_back(
        asked in prop::collection::vec("/app(/[a-z.]{1,3}){0,3}/?", 0..5),
        kinds in prop::collection::vec(0..5u8, 5),
    ) {
        let mut binds = Vec::new();
        let mut mounts = Vec::new();
        for (n, (source, kind)) in asked.iter().zip(&kinds).enumerate() {
            match kind {
                0 | 1 => binds.push(format!("{source}:/t{n}")),
                _ => mounts.push(serde_json::json!({"Type": "bind", "Source": source, "Target": format!("/t{n}")})),
            }
        }
        let body = serde_json::json!({"HostConfig": {"Binds": binds, "Mounts": mounts}}).to_string();
        let gives = [bind("/srv/x", false), part("a"), part(""), with_beneath(&["in", "in/deep"]), bind("/o:x", false)];
        let found = read(CREATE, body.as_bytes()).unwrap();
        let plans: Vec<_> = (0..found.sites().len()).map(|n| Plan::Given(gives[usize::from(kinds[n]) % 5].clone())).collect();
        let engines = bytes(written(found, &plans, &Loan::default(), &[]).unwrap().body);
        let answer = inspected(str::from_utf8(&engines).unwrap());
        let view = view();
        let read = restored(Endpoint::ContainerInspect, answer.as_bytes(), reader(&view)).unwrap();
        let read = read.body.unwrap_or_else(|| answer.into_bytes());
        let read: serde_json::Value = serde_json::from_slice(&read).unwrap();
        prop_assert_eq!(&read["HostConfig"]["Binds"], &serde_json::json!(binds));
        prop_assert_eq!(&read["HostConfig"]["Mounts"], &serde_json::json!(mounts));
        let mut sources: Vec<_> = read["Mounts"].as_array().unwrap().iter()
            .map(|point| point["Source"].as_str().unwrap().to_owned()).collect();
        sources.sort();
        let mut expected: Vec<_> = asked
            .iter()
            .map(|path| AskedPath::parse(path.as_bytes()).unwrap().clean().to_string())
            .collect();
        expected.sort();
        prop_assert_eq!(sources, expected);
        prop_assert!(read["Config"]["Labels"].as_object().is_none_or(serde_json::Map::is_empty));
    }

    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(prop::sample::select(br#"{}[]":,/aHostConfigBinds\u0"#.to_vec()), 0..64)) {
        let _ = sites(CREATE, &body);
    }
}

#[test]
fn what_is_contained_is_an_object_of_mounts_that_the_engine_makes_nothing_for() {
    let by = |by| {
        let source = Give::Contained(Contained { source: engine("/srv/x"), by });
        Given { source, read_only: false, lasting: true, beneath: Vec::new() }
    };
    let subpath = Rest::parse(b"x").unwrap();
    let volume = by(Containment::Volume { name: "hostward-0".into(), root: engine("/srv"), subpath });
    let pin = by(Containment::Pin(engine("/run/hostward-pins/m/1")));
    let body = r#"{"HostConfig":{"Binds":["/app:/c:ro","v:/v"],"Mounts":[
        {"Type":"bind","Source":"/app","Target":"/t","BindOptions":{"CreateMountpoint":true}}]}}"#;
    let mounts = |given_: &Given| {
        let body = given(CREATE, body, given_).unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["HostConfig"]["Binds"], serde_json::json!(["v:/v"]));
        body["HostConfig"]["Mounts"].clone()
    };
    let options = serde_json::json!({
        "NoCopy": true, "Subpath": "x", "Labels": { "hostward.managed": "true" },
        "DriverConfig": { "Name": "local", "Options": { "type": "none", "o": "rbind", "device": "/srv" } },
    });
    let expected = serde_json::json!([
        { "Type": "volume", "Source": "hostward-0", "Target": "/t", "BindOptions": null, "VolumeOptions": options },
        { "Type": "volume", "Source": "hostward-0", "Target": "/c", "ReadOnly": true, "VolumeOptions": options },
    ]);
    assert_eq!(mounts(&volume), expected);
    let at = "/run/hostward-pins/m/1";
    let expected = serde_json::json!([
        { "Type": "bind", "Source": at, "Target": "/t", "BindOptions": null },
        { "Type": "bind", "Source": at, "Target": "/c", "ReadOnly": true },
    ]);
    assert_eq!(mounts(&pin), expected);
    // What only a text can say stays one.
    let body = r#"{"HostConfig":{"Binds":["/app:/c:z"]}}"#;
    let text = given(CREATE, body, &pin).unwrap();
    assert!(text.contains(r#""/run/hostward-pins/m/1:/c:z""#), "{text}");
}
