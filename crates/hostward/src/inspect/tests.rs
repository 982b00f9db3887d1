//! Containers, volumes and images as engines describe them.

use super::*;

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";

fn answer(mounts: &str, host_config: &str) -> Container {
    let json = format!(
        r#"{{"Id":"{ID}","Name":"/caller","State":{{"Pid":42}},"Mounts":{mounts},"HostConfig":{host_config},
            "Config":{{"Labels":null}}}}"#
    );
    parse(json.as_bytes()).unwrap()
}

fn source_at(container: &Container, path: &str) -> Option<(Source, bool)> {
    let covering = container.table.covering(&CallerPath::parse(path.as_bytes()).unwrap())?;
    Some((covering.source.clone(), covering.read_only))
}

#[test]
fn a_container_is_called_by_its_name_or_id_and_not_by_any_beginning_of_that() {
    let json = format!(r#"{{"Id":"{}","Name":"/web"}}"#, "db".repeat(32));
    let container = parse(json.as_bytes()).unwrap();
    for (name, is) in [
        ("web", true),
        (&"db".repeat(32), true),
        (&"db".repeat(6), true),
        ("db", false),
        ("dbdbdbdbdbd", false),
        ("we", false),
    ] {
        assert_eq!(container.is_called(name), is, "{name}");
    }
}

#[test]
fn the_start_is_read_to_the_nanosecond_and_in_any_zone() {
    let started = |at: &str| {
        let json = format!(r#"{{"Id":"{}","State":{{"StartedAt":"{at}"}}}}"#, "a".repeat(64));
        parse(json.as_bytes()).unwrap().started
    };
    let docker = started("2026-11-26T00:03:30.123456789Z").unwrap();
    assert_eq!(started("2026-11-26T01:03:30.123456789+01:00"), Some(docker));
    assert!(started("2026-11-26T00:03:30.12345679Z").unwrap() > docker);
    assert_eq!(started(""), None);
}

#[test]
fn every_kind_of_mount_is_read() {
    let container = answer(
        r#"[{"Type":"bind","Source":"/home/me/storage","Destination":"/app/storage","Mode":"","RW":true},
            {"Type":"volume","Name":"v","Source":"/var/lib/docker/volumes/v/_data","Destination":"/v","Driver":"local","RW":false},
            {"Type":"volume","Name":"v","Source":"/var/lib/docker/volumes/v/_data","Destination":"/s","Driver":"local","RW":true},
            {"Type":"image","Source":"x","Destination":"/i","RW":false},
            {"Type":"npipe","Source":"x","Destination":"/p","RW":true}]"#,
        r#"{"Tmpfs":{"/t":"size=1m"},"Mounts":[{"Type":"bind","Target":"/app/storage"},
            {"Type":"volume","Source":"v","Target":"/s/","VolumeOptions":{"Subpath":"a/b"}}]}"#,
    );
    assert_eq!(container.name, "caller");
    assert_eq!(container.pid, Some(42));
    let bind = Source::Bind(EnginePath::parse(b"/home/me/storage").unwrap());
    assert_eq!(source_at(&container, "/app/storage/x"), Some((bind, false)));
    let volume = |name: &str, subpath: &[u8]| {
        let subpath = Rest::parse(subpath).unwrap();
        Source::Volume(Volume { name: name.into(), driver: "local".into(), subpath, path: None })
    };
    assert_eq!(source_at(&container, "/v"), Some((volume("v", b""), true)));
    assert_eq!(source_at(&container, "/s"), Some((volume("v", b"a/b"), false)));
    assert_eq!(source_at(&container, "/t"), Some((Source::Tmpfs, false)));
    assert_eq!(source_at(&container, "/i"), Some((Source::Image, true)));
    assert_eq!(source_at(&container, "/p"), Some((Source::Other("npipe".into()), false)));
    assert_eq!(source_at(&container, "/etc"), None);
}

#[test]
fn the_root_filesystem_and_the_engines_own_files_have_their_places() {
    let json = format!(
        r#"{{"Id":"{ID}","GraphDriver":{{"Name":"overlay2","Data":{{"MergedDir":"/var/lib/docker/overlay2/x/merged"}}}},
            "HostsPath":"/var/lib/docker/containers/x/hosts","ResolvConfPath":"",
            "HostnamePath":"/var/lib/docker/containers/x/hostname",
            "Mounts":[{{"Type":"bind","Source":"/srv/hostname","Destination":"/etc/hostname","RW":true}}]}}"#
    );
    let container = parse(json.as_bytes()).unwrap();
    let bind = |source: &str| Source::Bind(EnginePath::parse(source.as_bytes()).unwrap());
    assert_eq!(
        container.table.root().path.as_ref().map(ToString::to_string).as_deref(),
        Some("/var/lib/docker/overlay2/x/merged")
    );
    assert_eq!(
        source_at(&container, "/etc/hosts"),
        Some((bind("/var/lib/docker/containers/x/hosts"), false))
    );
    assert_eq!(source_at(&container, "/etc/hostname"), Some((bind("/srv/hostname"), false)));
    assert_eq!(source_at(&container, "/etc/resolv.conf"), None);
    // The containerd image store gives no data.
    let null = format!(r#"{{"Id":"{ID}","GraphDriver":{{"Name":"overlayfs","Data":null}}}}"#);
    assert_eq!(parse(null.as_bytes()).unwrap().table.root().path, None);
}

#[test]
fn where_containerd_keeps_the_images_the_root_filesystem_has_its_likely_place() {
    let id = ContainerId::parse(ID.as_bytes()).unwrap();
    let info = |kind: &str| {
        let json = format!(
            r#"{{"DockerRootDir":"/var/lib/docker","Driver":"overlayfs","DriverStatus":[["driver-type","{kind}"]]}}"#
        );
        root(json.as_bytes(), &id).unwrap().map(|path| path.to_string())
    };
    let likely = format!("/var/lib/docker/rootfs/overlayfs/{ID}");
    assert_eq!(info("io.containerd.snapshotter.v1"), Some(likely));
    assert_eq!(info("another"), None);
    assert_eq!(root(b"{}", &id).unwrap(), None);
    assert!(root(b"{", &id).is_err());
}

#[test]
fn a_volume_has_a_directory_where_nothing_is_mounted_on_it() {
    let directory = |json: &str| volume(json.as_bytes()).unwrap().map(|path| path.to_string());
    let answer = |driver: &str, options: &str| {
        format!(r#"{{"Name":"v","Driver":"{driver}","Mountpoint":"/vols/v/_data","Options":{options}}}"#)
    };
    assert_eq!(directory(&answer("local", "null")).as_deref(), Some("/vols/v/_data"));
    assert_eq!(directory(&answer("local", r#"{"size":"1G"}"#)).as_deref(), Some("/vols/v/_data"));
    assert_eq!(directory(&answer("local", r#"{"type":"none","o":"bind","device":"/srv"}"#)), None);
    assert_eq!(directory(&answer("rexray", "{}")), None);
    assert!(volume(b"[]").is_err());
}

#[test]
fn a_source_that_json_lost_is_no_path() {
    let container = answer(r#"[{"Type":"bind","Source":"/a\ufffd","Destination":"/b","RW":true}]"#, "{}");
    assert!(matches!(source_at(&container, "/b"), Some((Source::Other(_), _))));
}

#[test]
fn an_images_labels_and_volumes_are_read() {
    let read = |json: &str| image(json.as_bytes()).unwrap();
    let two = read(
        r#"{"Id":"sha256:1","Config":{"Labels":{"b":"1","a":""},"Volumes":{"/data/":{},"/var//lib":null,"x":{}}}}"#,
    );
    assert_eq!(
        two.labels,
        BTreeMap::from([("a", ""), ("b", "1")].map(|(a, b)| (a.to_owned(), b.to_owned())))
    );
    assert_eq!(two.volumes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/data", "/var/lib"]);
    for none in ["{}", r#"{"Config":null}"#, r#"{"Config":{"Labels":null,"Volumes":null}}"#] {
        assert_eq!(read(none), Image::default(), "{none}");
    }
    assert!(image(b"[").is_err());
}

#[test]
fn where_the_engine_keeps_its_files_is_seen_by_those_that_it_gives_a_container() {
    let directory = |hosts: &str| {
        let json = format!(r#"{{"Id":"{ID}","HostsPath":"{hosts}"}}"#);
        let directory = parse(json.as_bytes()).unwrap().table.engine_directory().cloned();
        directory.map(|directory| directory.to_string())
    };
    assert_eq!(directory(&format!("/data/docker/containers/{ID}/hosts")).as_deref(), Some("/data/docker"));
    assert_eq!(directory(&format!("/containers/{ID}/hosts")).as_deref(), Some("/"));
    // Podman's.
    assert_eq!(directory(&format!("/storage/overlay-containers/{ID}/userdata/hosts")), None);
    for none in ["", "/hosts", "/etc/hosts", "/a/b/hosts"] {
        assert_eq!(directory(none), None, "{none}");
    }
}

#[test]
fn a_label_counts_only_where_the_image_does_not_say_the_same() {
    let json =
        format!(r#"{{"Id":"{ID}","Image":"sha256:1","Config":{{"Labels":{{"hostward.unmapped":"host"}}}}}}"#);
    let believed = |of_image: Option<&str>| {
        let mut container = parse(json.as_bytes()).unwrap();
        assert_eq!((&*container.image, container.unmapped), ("sha256:1", Some(Unmapped::Host)));
        let labels = of_image.map(|value| BTreeMap::from([(Unmapped::LABEL.to_owned(), value.to_owned())]));
        container.set_image_labels(labels.as_ref());
        container.unmapped
    };
    assert_eq!(believed(Some("host")), None);
    assert_eq!(believed(None), None);
    for other in ["refuse", "", "nonsense"] {
        assert_eq!(believed(Some(other)), Some(Unmapped::Host), "{other}");
    }
}

#[test]
fn each_label_counts_by_itself() {
    let json = format!(
        r#"{{"Id":"{ID}","Config":{{"Labels":{{"hostward.unmapped":"host","hostward.missing":"make"}}}}}}"#
    );
    let mut container = parse(json.as_bytes()).unwrap();
    assert!(container.is_labelled());
    let of_image = BTreeMap::from([(Unmapped::LABEL.to_owned(), "host".to_owned())]);
    container.set_image_labels(Some(&of_image));
    assert_eq!((container.unmapped, container.missing), (None, Some(Missing::Make)));
    container.set_image_labels(None);
    assert!(!container.is_labelled());
}

#[test]
fn an_answer_that_is_no_container_is_an_error() {
    assert!(matches!(parse(b"{}"), Err(InspectError::Json(_))));
    assert!(matches!(parse(br#"{"Id":"abc"}"#), Err(InspectError::Id(_))));
    let json = format!(
        r#"{{"Id":"{ID}","HostConfig":{{"Mounts":[{{"Target":"/s","VolumeOptions":{{"Subpath":"../x"}}}}]}}}}"#
    );
    assert!(matches!(parse(json.as_bytes()), Err(InspectError::Subpath(_))));
}
