//! Every message of this crate that a user can meet, in one snapshot.
//!
//! A variant without a message here does not compile. After a change, run the tests with `INSTA_UPDATE=always` and read the
//! difference.

use crate::api::BindError;
use crate::api::claims::ClaimError;
use crate::api::context::BuildContextError;
use crate::api::dockerfile::{DockerfileError, Unclear};
use crate::api::json::BodyError;
use crate::api::operations::TargetError;
use crate::api::podman::QueryError;
use crate::explicit::{Map, MapError};
use crate::inspect::InspectError;
use crate::mount::{Device, Mount, Source, Volume};
use crate::origin::Origin;
use crate::path::{AskedPath, CallerPath, EnginePath, PathError, Rest};
use crate::policy::action::Action;
use crate::policy::claim::{About, Claim, Said};
use crate::policy::denial::Denial;
use crate::policy::profile::Profile;
use crate::reading::Words;
use crate::refusal::{Reason, Refusal};
use crate::walk::WalkError;

include!("messages/each.rs");

fn at(path: &str) -> CallerPath {
    CallerPath::parse(path.as_bytes()).unwrap()
}

fn on_the_host(path: &str) -> EnginePath {
    EnginePath::parse(path.as_bytes()).unwrap()
}

fn mount(destination: &str, source: Source) -> Mount {
    Mount { destination: at(destination), source, read_only: false }
}

fn refusals() -> String {
    let show = |reason: &Reason| {
        let asked = AskedPath::parse(b"/app/data").unwrap();
        let refusal = Refusal { asked, reason: reason.clone() };
        format!("{refusal}\n  → {}", refusal.remedy())
    };
    let why = || "the calling process (pid 42) has ended".to_owned();
    messages!(Reason, show, {
        Volume: [Reason::Volume { name: "data".into(), driver: "nfs".into(), at: at("/app") }],
        Tmpfs: [Reason::Tmpfs(at("/app"))],
        Image: [Reason::Image(at("/app"))],
        Other: [Reason::Other { kind: "cluster".into(), at: at("/app") }],
        RootFs: [Reason::RootFs],
        Missing: [
            Reason::Missing { also: Vec::new() },
            Reason::Missing { also: vec![AskedPath::parse(b"/root/it's").unwrap()] },
        ],
        Submount: [Reason::Submount { at: at("/app/data/tmp"), reason: Box::new(Reason::Tmpfs(at("/app/data/tmp"))) }],
        NoRoom: [Reason::NoRoom(at("/app/data/logs"))],
        Beneath: [Reason::Beneath(at("/app/data/certs"))],
        Socket: [Reason::Socket],
        Private: [Reason::Private],
        MissingReadOnly: [Reason::MissingReadOnly],
        Differs: [
            Reason::Differs { source: on_the_host("/srv/data"), beneath: None },
            Reason::Differs { source: on_the_host("/srv/data"), beneath: Some(at("/app/data/logs")) },
        ],
        Moved: [
            Reason::Moved { source: on_the_host("/srv/data"), at: at("/app/data"), why: None },
            Reason::Moved {
                source: on_the_host("/srv/data"),
                at: at("/app/data"),
                why: Some("Permission denied (os error 13)".into()),
            },
        ],
        Removed: [
            Reason::Removed { at: at("/app"), is_directory: true },
            Reason::Removed { at: at("/app/file"), is_directory: false },
        ],
        LongAddress: [Reason::LongAddress {
            source: on_the_host("/var/lib/docker/overlay2/…/merged/tmp/log"),
            why: "hostward has no directory that the engine sees, for a link to it".into(),
        }],
        Exchanged: [Reason::Exchanged],
        NotADirectory: [Reason::NotADirectory],
        Uncontained: [Reason::Uncontained {
            why: "parts of volumes need API 1.45 in the engine and in the request, and hostward has a mount namespace of \
                  its own"
                .into(),
        }],
        NotMade: [Reason::NotMade("Permission denied (os error 13)".into())],
        Apart: [Reason::Apart { beneath: None }, Reason::Apart { beneath: Some(at("/app/data/logs")) }],
        Unmapped: [Reason::Unmapped],
        Shown: [Reason::Shown],
        Nowhere: [Reason::Nowhere(WalkError::NotADirectory(at("/app")))],
        Unseen: [Reason::Unseen("Permission denied (os error 13)".into())],
        ThroughLink: [Reason::ThroughLink("the engine at unix:///run/docker.sock answered 500: mkdirat var/run: statat var/run: path escapes from parent".into())],
        Budget: [Reason::Budget { most: 20_000, of: "looks at files" }],
        Stopped: [Reason::Stopped],
        Stranger: [
            Reason::Stranger { why: why(), remote: false },
            Reason::Stranger { why: why(), remote: true },
        ],
        Denied: [Reason::Denied(Denial::new("mount", "mounting /app/data is not allowed", "mount something else"))],
        Spelling: [Reason::Spelling { source: "/srv/a:b".into(), what: "a path with a colon together with such options" }],
    })
}

fn requests() -> String {
    let json = || serde_json::from_str::<()>("{").unwrap_err();
    let body = messages!(BodyError, ToString::to_string, {
        Syntax: [BodyError::Syntax(json())],
        Encoding: [BodyError::Encoding(17)],
        Deep: [BodyError::Deep],
        Duplicate: [BodyError::Duplicate("HostConfig".into())],
        Type: [BodyError::Type("HostConfig".into(), "an object")],
        Path: [BodyError::Path("Mounts[0].Source".into(), "a path is empty".into())],
        Untranslated: [BodyError::Untranslated("LogConfig.Config.path".into())],
        Many: [BodyError::Many { what: "its mounts".into(), most: 1000, unit: "paths" }],
        Label: [BodyError::Label("hostward.unmapped".into())],
        Podman: [BodyError::Podman("Volumes[\"/etc:/d\"]".into(), "has a colon, which makes it a bind mount for Podman")],
        Archive: [BodyError::Archive("is cut short".into())],
    });
    let bind = messages!(BindError, ToString::to_string, {
        Colons: [BindError::Colons],
        Path: [BindError::Path],
        Nul: [BindError::Nul],
        TooLong: [BindError::TooLong],
    });
    let query = messages!(QueryError, ToString::to_string, {
        File: [QueryError::File { key: "fromSrc", value: "/srv/image.tar".into(), remedy: "leave it out" }],
        Secret: [QueryError::Secret("driver")],
        Store: [QueryError::Store],
        Local: [QueryError::Local("local")],
    });
    let target = messages!(TargetError, ToString::to_string, {
        Unclear: [TargetError::Unclear { path: "/images/../build".into(), problem: "has a dot segment" }],
        Unknown: [TargetError::Unknown("POST /containers/web/freeze".into())],
        Libpod: [TargetError::Libpod("POST /v4.3.1/libpod/containers/create".into())],
    });
    let claim = messages!(ClaimError, ToString::to_string, {
        Body: [ClaimError::Body(BodyError::Duplicate("HostConfig.Privileged".into()))],
        UnknownField: [ClaimError::UnknownField("HostConfig.Colour".into())],
        Refused: [ClaimError::Refused {
            place: "Binds".into(),
            reason: "it belongs into HostConfig; at the top of the body only engines before 28 read it",
        }],
        UnknownKey: [ClaimError::UnknownKey("colour".into())],
        Query: [ClaimError::Query("has \"all\" more than once".into())],
        Text: [ClaimError::Text {
            place: "HostConfig.Binds[0]".into(),
            text: "../x:/a".into(),
            wanted: "the name of a volume or an absolute path",
        }],
        Dockerfile: [ClaimError::Dockerfile(DockerfileError {
            place: "line 3 of the Dockerfile".into(),
            why: Unclear::HereDocument,
        })],
        Context: [ClaimError::Context(BuildContextError::Compressed("xz"))],
        Form: [ClaimError::Form],
        Many: [ClaimError::Many(8192)],
    });
    let unclear = messages!(Unclear, ToString::to_string, {
        Long: [Unclear::Long],
        Bytes: [Unclear::Bytes],
        Return: [Unclear::Return],
        Name: [Unclear::Name],
        From: [Unclear::From],
        HereDocument: [Unclear::HereDocument],
        List: [Unclear::List],
        CopyFrom: [Unclear::CopyFrom],
        Variable: [Unclear::Variable("REGISTRY".into())],
        Form: [Unclear::Form("${A#b}".into())],
        Many: [Unclear::Many],
        Deep: [Unclear::Deep],
    });
    let context = messages!(BuildContextError, ToString::to_string, {
        Compressed: [BuildContextError::Compressed("zstd")],
        Unreadable: [BuildContextError::Unreadable("it is cut short".into())],
        Form: [BuildContextError::Form { what: "a length of what has no content", name: "src".into() }],
        Outside: [BuildContextError::Outside("../x".into())],
        BelowLink: [BuildContextError::BelowLink("src/Dockerfile".into())],
        Dockerfile: [BuildContextError::Dockerfile("Dockerfile".into())],
        Long: [BuildContextError::Long],
        Many: [BuildContextError::Many(500_000)],
        Kept: [BuildContextError::Kept(std::io::Error::from_raw_os_error(28))],
    });
    [body, bind, query, target, claim, unclear, context].join("\n")
}

fn settings() -> String {
    let path = messages!(PathError, ToString::to_string, {
        Empty: [PathError::Empty],
        Relative: [PathError::Relative],
        Nul: [PathError::Nul],
        TooLong: [PathError::TooLong],
    });
    let map = messages!(MapError, ToString::to_string, {
        NoEquals: [Map::parse(b"/app").unwrap_err()],
        Side: [
            Map::parse(b"app=/srv").unwrap_err(),
            Map::parse(b"/app=/srv/../etc").unwrap_err(),
            Map::from_host_pwd(b"/srv", b"/").unwrap_err(),
        ],
    });
    let word = "pass".parse::<crate::explicit::Unmapped>().unwrap_err();
    [path, map, format!("# UnknownWord\n{word}\n")].join("\n")
}

fn engines() -> String {
    let json = || serde_json::from_str::<()>("{").unwrap_err();
    let inspect = messages!(InspectError, ToString::to_string, {
        Json: [InspectError::Json(json())],
        Id: [InspectError::Id("web".into())],
        Destination: [InspectError::Destination("app".into())],
        Subpath: [InspectError::Subpath("../x".into())],
    });
    let walk = messages!(WalkError, ToString::to_string, {
        Loop: [WalkError::Loop(at("/app/link"))],
        NotADirectory: [WalkError::NotADirectory(at("/app/file"))],
        TooLong: [WalkError::TooLong],
    });
    [inspect, walk].join("\n")
}

fn findings() -> String {
    let map = Map::parse(b"/app=/srv").unwrap();
    let source = || on_the_host("/srv/data");
    let volume = Volume {
        name: "data".into(),
        driver: "local".into(),
        subpath: Rest::empty(),
        path: Some(on_the_host("/var/lib/docker/volumes/data/_data")),
    };
    let bind = mount("/app", Source::Bind(on_the_host("/srv")));
    let in_volume = mount("/app", Source::Volume(volume.clone()));
    let tmpfs = mount("/app", Source::Tmpfs);
    let image = mount("/app", Source::Image);
    let other = mount("/app", Source::Other("cluster".into()));
    let device = Device { at: at("/dev/disk"), path: on_the_host("/dev/sdb"), read_only: false };
    let (socket, part) = (on_the_host("/run/hostward/docker.sock"), Rest::parse(b"data").unwrap());
    let origin = messages!(Origin, ToString::to_string, {
        Host: [Origin::Host],
        Mapped: [Origin::Mapped { map: &map, source: source() }],
        Bind: [Origin::Bind { mount: &bind, source: source() }],
        Volume: [
            Origin::Volume { mount: &in_volume, volume: &volume, within: Rest::empty() },
            Origin::Volume { mount: &in_volume, volume: &volume, within: part },
        ],
        Tmpfs: [Origin::Tmpfs(&tmpfs)],
        Image: [Origin::Image(&image)],
        Other: [Origin::Other { mount: &other, kind: "cluster" }],
        RootFs: [Origin::RootFs { source: None }, Origin::RootFs { source: Some(source()) }],
        Socket: [Origin::Socket(None), Origin::Socket(Some(&socket))],
        Device: [Origin::Device { device: &device, source: on_the_host("/dev/sdb") }],
        Machine: [Origin::Machine],
        Private: [Origin::Private],
        Nothing: [Origin::Nothing],
    });
    let words = messages!(Words, ToString::to_string, {
        Callers: [Words::Callers],
        CallersFirst: [Words::CallersFirst],
        Engines: [Words::Engines],
        Shown: [Words::Shown],
        Unclear: [Words::Unclear],
    });
    [origin, words].join("\n")
}

/// Denials of a profile, one for each way in which they are worded.
fn denials() -> String {
    let text = |text: &str| Said::Text(text.to_owned());
    let samples = [
        (About::Capability, "HostConfig.CapAdd[0]", None, text("SYS_ADMIN")),
        (About::Privileged, "HostConfig.Privileged", None, Said::Flag(true)),
        (About::PidMode, "HostConfig.PidMode", None, text("host")),
        (About::NetworkMode, "HostConfig.NetworkMode", None, text("container:web")),
        (About::NetworkMode, "HostConfig.NetworkMode", None, text("shop")),
        (About::SecurityOption, "HostConfig.SecurityOpt[0]", None, text("seccomp=unconfined")),
        (About::MaskedPaths, "HostConfig.MaskedPaths", None, Said::Present),
        (About::VolumeOption, "DriverOpts[\"o\"]", Some("o"), text("bind")),
        (About::VolumesFrom, "HostConfig.VolumesFrom[0]", None, text("web")),
        (About::Device, "HostConfig.Devices[0].PathOnHost", None, text("/dev/sda")),
        (About::Memory, "HostConfig.Memory", None, Said::Number(4 << 30)),
        (About::Memory, "HostConfig.Memory", None, Said::Number(-1)),
        (About::Cpus, "HostConfig.NanoCpus", None, Said::Number(1_500_000_000)),
        (About::OomScore, "HostConfig.OomScoreAdj", None, Said::Number(-500)),
        (About::Resource, "HostConfig.BlkioDeviceReadBps[0].Rate", None, Said::Number(5)),
        (About::Ulimit, "HostConfig.Ulimits[0]", Some("rtprio"), Said::Number(9)),
        (About::Port, "HostConfig.PortBindings[\"80/tcp\"][0]", None, text(":80/tcp")),
        (About::PublishAll, "HostConfig.PublishAllPorts", None, Said::Flag(true)),
        (About::Link, "HostConfig.Links[0]", None, text("web")),
        (About::Label, "Labels[\"hostward.owner\"]", Some("hostward.owner"), text("x")),
        (About::Image, "Image", None, text("cafe")),
        (About::ImagePulled, "the query's fromImage", None, text("evil.example/x")),
        (About::ImageNamed, "image.load", None, Said::Present),
        (About::ImportSource, "the query's fromSrc", None, text("http://10.0.0.1/")),
        (About::NetworkAddresses, "IPAM.Config[0].Subnet", None, text("8.8.8.0/24")),
        (About::NetworkKind, "Ingress", None, Said::Flag(true)),
        (About::BuildKit, "the query's version", Some("version"), text("2")),
        (About::BuildSetting, "the query's squash", None, text("1")),
        (
            About::LogOption,
            "HostConfig.LogConfig.Config[\"syslog-address\"]",
            Some("syslog-address"),
            text("unix:///x"),
        ),
    ];
    let lines = "name = 'builds'\noperations = ['container.create']\nimages = ['*.example/*']\nmemory = '2g'\n\
                 containers_of = 'own'\nports = ['127.0.0.1:1024-65535']\ncapabilities = ['default']\nroots = ['/app']";
    let profile = Profile::parse(lines).unwrap();
    let shown = |denial: Denial| format!("{}: {denial}\n  → {}\n", denial.rule, denial.remedy);
    let judge = |operation, claims: &[Claim]| shown(profile.judge(Action { operation, claims }).unwrap_err());
    let mount = |path: &str, is_machine| shown(profile.may_mount(&at(path), is_machine).unwrap_err());
    let claimed = samples.map(|(about, place, key, said)| {
        let claim = Claim { about, place: place.to_owned(), key: key.map(str::to_owned), said };
        judge("container.create", &[claim])
    });
    let others = [
        judge("swarm.init", &[]),
        judge("buildkit.session", &[]),
        mount("/etc", false),
        mount("/dev/sda", true),
    ];
    format!("# Denial\n{}{}", others.concat(), claimed.concat())
}

#[test]
fn every_message_reads_well() {
    let all = [refusals(), requests(), settings(), engines(), findings(), denials()];
    insta::assert_snapshot!(all.join("\n"));
}
