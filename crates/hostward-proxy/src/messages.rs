//! Every message of this crate that a user can meet, in one snapshot.
//!
//! A variant without a message here does not compile. After a change, run the tests with `INSTA_UPDATE=always` and read the
//! difference.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hostward::api::endpoint::Endpoint;
use hostward::cgroup::ContainerId;
use hostward::refusal::Reason;
use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use hostward_engine::tls::UnusableFile;

use crate::control::ServeError;
use crate::forward::Upstream;
use crate::handover::HandoverError;
use crate::identify::IdentifyError;
use crate::limits::{Bytes, Conflict, LimitError, Limits};
use crate::lines::LineError;
use crate::listen::ListenError;
use crate::lookups::LookError;
use crate::pool::{Full, Tenant, UsedUp};
use crate::publish::Met;
use crate::refuse::Refused;
use crate::restore::Withheld;

include!("../../hostward/src/messages/each.rs");

fn engine() -> Address {
    Address::Unix("/run/docker.sock".into())
}

fn denied() -> io::Error {
    io::Error::from_raw_os_error(13)
}

fn container() -> ContainerId {
    ContainerId::parse("c0ffee00".repeat(8).as_bytes()).unwrap()
}

fn another() -> ContainerId {
    ContainerId::parse("bad1dea0".repeat(8).as_bytes()).unwrap()
}

fn names() -> Vec<String> {
    vec!["one".into(), "two".into()]
}

fn ask() -> hostward_engine::ask::AskError {
    hostward_engine::ask::AskError::Unknown { engine: engine(), name: "web".into() }
}

fn callers() -> String {
    messages!(IdentifyError, ToString::to_string, {
        Peer: [IdentifyError::Peer(Arc::new(denied()))],
        NoPid: [IdentifyError::NoPid],
        Handle: [IdentifyError::Handle { pid: 42, error: Arc::new(denied()) }],
        Ended: [IdentifyError::Ended(42)],
        Reused: [IdentifyError::Reused(42)],
        NoProcess: [IdentifyError::NoProcess(42)],
        Proc: [IdentifyError::Proc { path: "/proc/42/cgroup".into(), error: Arc::new(denied()) }],
        Unreadable: [IdentifyError::Unreadable("/proc/42/mountinfo".into())],
        OwnRoot: [IdentifyError::OwnRoot { pid: 42, of: "the container web".into() }],
        Unplaced: [IdentifyError::Unplaced(42)],
        UserNamespace: [IdentifyError::UserNamespace(42)],
        Moved: [IdentifyError::Moved { pid: 42, container: "web".into() }],
        UnknownContainer: [IdentifyError::UnknownContainer { name: "web".into(), engine: engine() }],
        NotAnId: [IdentifyError::NotAnId(container())],
        NotRunning: [IdentifyError::NotRunning(Selector::Name("web".into()))],
        Renamed: [IdentifyError::Renamed {
            name: "web".into(),
            before: container(),
            called: "web-old".into(),
            after: another(),
        }],
        TwoNamed: [IdentifyError::TwoNamed(
            ("ci.example".into(), Selector::Name("ci".into())),
            ("web.example".into(), Selector::Label("role=web".into())),
        )],
        Relayed: [IdentifyError::Relayed],
        StartedLater: [
            IdentifyError::StartedLater { container: "web".into(), error: None },
            IdentifyError::StartedLater { container: "web".into(), error: Some(Arc::new(ask())) },
        ],
        NoAddress: [IdentifyError::NoAddress([172, 17, 0, 2].into())],
        SharedAddress: [IdentifyError::SharedAddress { address: [172, 17, 0, 2].into(), names: names() }],
        NoConnection: [IdentifyError::NoConnection {
            remote: ([172, 17, 0, 2], 40_000).into(),
            container: "web".into(),
        }],
        NoSocket: [IdentifyError::NoSocket],
        NobodyMounts: [IdentifyError::NobodyMounts("/run/hostward/docker.sock".into())],
        SeveralMount: [IdentifyError::SeveralMount { socket: "/run/hostward/docker.sock".into(), names: names() }],
        Network: [IdentifyError::Network { container: "web".into(), error: Arc::new(denied()) }],
        Unseen: [IdentifyError::Unseen("web".into())],
        Files: [IdentifyError::Files { whose: "the container web".into(), reason: Reason::Unseen("no /proc".into()) }],
        Look: [IdentifyError::Look(LookError::Late(30).to_string())],
        Described: [IdentifyError::Described {
            name: "web".into(),
            error: Arc::new(hostward::inspect::InspectError::Id("web".into())),
        }],
        Incomplete: [IdentifyError::Incomplete { name: "web".into(), error: Arc::new(ask()) }],
        Status: [IdentifyError::Status { engine: engine(), status: 500, name: "web".into() }],
        Client: [IdentifyError::Client(Arc::new(client()))],
        Ask: [IdentifyError::Ask(Arc::new(ask()))],
        Select: [IdentifyError::Select(Arc::new(hostward_engine::select::SelectError::Ask(ask())))],
        Discover: [IdentifyError::Discover(Arc::new(hostward_engine::discover::DiscoverError::Ambiguous {
            id: container(),
        }))],
    })
}

/// An error of a question to an engine that is not there.
fn client() -> hostward_engine::client::ClientError {
    let nowhere = Address::Unix("/nowhere/docker.sock".into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = hostward_engine::client::get(&nowhere, "/version", Duration::from_secs(9));
    runtime.block_on(asked).unwrap_err()
}

fn limits() -> String {
    let conflict = |set: &[(&str, u64)]| {
        let mut limits = Limits::default();
        for (name, value) in set {
            limits.set(name, *value).unwrap();
        }
        limits.sensible(|name| set.iter().any(|(set, _)| *set == name)).unwrap_err()[0]
    };
    let conflicts = messages!(Conflict, ToString::to_string, {
        Share: [conflict(&[("ports", 100), ("ports_per_caller", 200)])],
        Thing: [conflict(&[("body_bytes", 32 << 20)])],
        Quarter: [conflict(&[("held_bytes", 32 << 20)])],
        Few: [conflict(&[("lookups", 3)])],
    });
    let limit = messages!(LimitError, ToString::to_string, {
        Unknown: [LimitError::Unknown("conections".into())],
        Zero: [LimitError::Zero("connections")],
        TooMuch: [LimitError::TooMuch("connections", "4294967295".into())],
    });
    let tenant = messages!(Tenant, ToString::to_string, {
        Machine: [Tenant::Machine],
        Container: [Tenant::Container(container())],
        Address: [Tenant::Address([172, 17, 0, 2].into())],
        Unseen: [Tenant::Unseen],
        Strangers: [Tenant::Strangers],
    });
    let ports = messages!(Met, ToString::to_string, {
        OfTheCaller: [Met::OfTheCaller(256)],
        OfAll: [Met::OfAll(1024)],
    });
    [conflicts, limit, tenant, ports].join("\n")
}

fn sockets() -> String {
    let listen = messages!(ListenError, ToString::to_string, {
        InUse: [
            ListenError::InUse(engine()),
            ListenError::InUse(Address::Tcp { host: "127.0.0.1".into(), port: 2375 }),
        ],
        NoSocket: [ListenError::NoSocket("/run/hostward/docker.sock".into())],
        TooLong: [ListenError::TooLong(Path::new("/run").join("x".repeat(104)))],
        Owner: [ListenError::Owner { path: "/run/hostward/docker.sock".into(), error: denied() }],
        Tls: [ListenError::Tls(UnusableFile::new("/etc/hostward/cert.pem".as_ref(), denied()))],
        Io: [ListenError::Io { address: engine(), action: "binding the socket", error: denied() }],
    });
    let handover = messages!(HandoverError, ToString::to_string, {
        Several: [HandoverError::Several(Box::new([engine(), Address::Unix("/run/b.sock".into())]))],
        Directory: [HandoverError::Directory(denied())],
        Talk: [HandoverError::Talk { pid: 42, error: denied() }],
    });
    let serve = messages!(ServeError, ToString::to_string, {
        Listen: [ServeError::Listen(ListenError::InUse(engine()))],
        Loop: [ServeError::Loop(engine())],
        Twice: [ServeError::Twice(engine())],
        Overlap: [ServeError::Overlap(engine(), Box::new(Address::Unix("/var/run/docker.sock".into())))],
        Handover: [ServeError::Handover(HandoverError::Directory(denied()))],
        Audit: [ServeError::Audit { file: "/var/log/hostward/audit.log".into(), error: denied() }],
        AuditThread: [ServeError::AuditThread(io::Error::from_raw_os_error(11))],
        Ended: [ServeError::Ended],
    });
    [listen, handover, serve].join("\n")
}

fn requests() -> String {
    let full = |used_up| Full { name: "held_bytes", most: 96 << 20, used_up };
    let told = |refused: Refused| format!("{} {}", refused.status, refused.message);
    let look = messages!(LookError, ToString::to_string, {
        Busy: [LookError::Busy(8, 30)],
        Late: [LookError::Late(30)],
        NoThread: [LookError::NoThread(io::Error::from_raw_os_error(11))],
        Failed: [LookError::Failed],
    });
    let withheld = messages!(Withheld, ToString::to_string, {
        TooLarge: [Withheld::TooLarge(24 << 20)],
        LongLine: [Withheld::LongLine(1 << 20)],
        Full: [Withheld::Full(full(UsedUp::Own))],
        Encoded: [Withheld::Encoded],
        CutShort: [Withheld::CutShort],
        Unreadable: [Withheld::Unreadable],
        Unlooked: [Withheld::Unlooked(LookError::Failed.to_string())],
    });
    let lines = messages!(LineError, ToString::to_string, {
        Framing: [LineError::Framing(hostward_engine::http1::framing::FramingError::BadChunkEnd)],
        Withheld: [LineError::Withheld(Withheld::CutShort)],
    });
    let upstream = Upstream::new(engine(), Arc::default());
    let refused = [
        Refused::untranslated(Endpoint::CheckpointDirectory),
        Refused::untranslated(Endpoint::LibpodCreate),
        Refused::late_head(Duration::from_secs(30)),
        Refused::late_body(Duration::from_mins(1), 1024),
        Refused::long_body(Bytes(16 << 20)),
        Refused::slow_disk(Path::new("/tmp"), 30),
        Refused::full_disk(Path::new("/tmp"), &io::Error::from_raw_os_error(28)),
        Refused::lost_archive(&io::Error::from_raw_os_error(5)),
        Refused::connect(),
        full(UsedUp::Own).into(),
        full(UsedUp::Fair).into(),
        full(UsedUp::All).into(),
        upstream.unreachable(&denied()),
        upstream.unreachable(&io::Error::from_raw_os_error(2)),
        upstream.unreachable(&io::Error::from_raw_os_error(111)),
        upstream.lost(),
        upstream.garbled(&hostward_engine::http1::head::HeadError::Version),
        upstream.withheld(&Withheld::Encoded),
    ];
    let refused: Vec<_> = refused.map(told).into();
    [look, withheld, lines, format!("# Refused\n{}\n", refused.join("\n"))].join("\n")
}

#[test]
fn every_message_reads_well() {
    insta::assert_snapshot!([callers(), limits(), sockets(), requests()].join("\n"));
}
