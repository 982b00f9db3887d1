//! Every message of the program that a user can meet by using it wrong, and every help text, in one snapshot.
//!
//! An error of the engine's crate without a message here does not compile. After a change, run the tests with
//! `INSTA_UPDATE=always` and read the difference.

use std::fmt::Write;
use std::io;

use clap::{Command, CommandFactory};
use hostward::cgroup::ContainerId;
use hostward::path::AskedPath;
use hostward::refusal::Reason;
use hostward_client::ViewpointError;
use hostward_engine::about::ExplainError;
use hostward_engine::address::Address;
use hostward_engine::ask::AskError;
use hostward_engine::client::{self, ClientError};
use hostward_engine::discover::DiscoverError;
use hostward_engine::select::SelectError;

use crate::args::Args;
use crate::config::{SourceFile, file};
use crate::engine_failure::{ask_failed, discover_failed, explain_failed, select_failed, viewpoint_failed};
use crate::report::Failure;

include!("../../hostward/src/messages/each.rs");

fn engine() -> Address {
    Address::Unix("/run/docker.sock".into())
}

fn container() -> ContainerId {
    ContainerId::parse("c0ffee00".repeat(8).as_bytes()).unwrap()
}

/// An error of a question to an engine that is not there.
fn nobody() -> ClientError {
    let nowhere = Address::Unix("/nowhere/docker.sock".into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client::get(&nowhere, "/version", std::time::Duration::from_secs(9))).unwrap_err()
}

fn told(failure: &Failure) -> String {
    let hints = failure.hints().iter().map(|hint| format!("\n  hint: {hint}"));
    std::iter::once(failure.message().to_owned()).chain(hints).collect()
}

fn failures() -> String {
    let ask = messages!(AskError, |error: &AskError| told(&ask_failed(error)), {
        NotAName: [AskError::NotAName("../web".into())],
        Client: [AskError::Client(nobody())],
        Unknown: [AskError::Unknown { engine: engine(), name: "web".into() }],
        Status: [AskError::Status { engine: engine(), status: 500, message: "no space left".into() }],
        Unreadable: [AskError::Unreadable { engine: engine(), error: "expected value at line 1 column 1".into() }],
    });
    let select = messages!(SelectError, |error: &SelectError| told(&select_failed(error)), {
        Ask: [SelectError::Ask(AskError::NotAName("../web".into()))],
        NoneLabelled: [SelectError::NoneLabelled { engine: engine(), label: "role=web".into() }],
        Several: [SelectError::Several { label: "role=web".into(), names: vec!["one".into(), "two".into()] }],
    });
    let (denied, missing) = (io::Error::from_raw_os_error(13), io::Error::from_raw_os_error(2));
    let discover = messages!(DiscoverError, |error: &DiscoverError| told(&discover_failed(error)), {
        Proc: [DiscoverError::Proc { path: "/proc/self/mountinfo".into(), error: io::Error::from_raw_os_error(2) }],
        Ask: [DiscoverError::Ask(AskError::Client(nobody()))],
        Connect: [
            DiscoverError::Connect { engine: engine(), error: denied },
            DiscoverError::Connect { engine: engine(), error: missing },
        ],
        AnotherEngine: [DiscoverError::AnotherEngine { id: container(), engine: engine() }],
        Unidentified: [DiscoverError::Unidentified { engine: engine() }],
        Ambiguous: [DiscoverError::Ambiguous { id: container() }],
    });
    let path = AskedPath::parse(b"/app/\xff").unwrap();
    let explain = messages!(ExplainError, |error: &ExplainError| told(&explain_failed(error)), {
        Ask: [ExplainError::Ask(AskError::Client(nobody()))],
        NotText: [ExplainError::NotText(path)],
        Other: [ExplainError::Other { engine: engine(), paths: 1, version: 2, asked: 1, known: 1 }],
    });
    let viewpoint = messages!(ViewpointError, |error: &ViewpointError| told(&viewpoint_failed(error)), {
        Ask: [ViewpointError::Ask(AskError::Client(nobody()))],
        Discover: [ViewpointError::Discover(DiscoverError::Ambiguous { id: container() })],
        Select: [ViewpointError::Select(SelectError::Ask(AskError::NotAName("../web".into())))],
        Explain: [ViewpointError::Explain(ExplainError::Ask(AskError::Client(nobody())))],
        Unseen: [ViewpointError::Unseen(Reason::Unseen("permission denied".into()))],
        Failed: [ViewpointError::Failed("cannot start a thread".into())],
        Behind: [ViewpointError::Behind(engine())],
    });
    [ask, select, discover, explain, viewpoint].join("\n")
}

/// A mistake in each key of the configuration, and in what keys say together.
fn mistakes() -> String {
    let listen = |keys: &str| format!("[[listen]]\naddress = {keys}\n");
    let profile = |keys: &str| format!("[[profile]]\nname = 'ci'\n{keys}\n");
    let tls = "tls = { certificate = '/c', key = '/k'";
    let texts = [
        "engin = 'x'".to_owned(),
        "engine = 'nowhere'".to_owned(),
        "map = ['/a']".to_owned(),
        "map = ['/a=/b/../c']".to_owned(),
        "unmapped = 'pass'".to_owned(),
        "volumes_from = 'none'".to_owned(),
        "publish = 'no'".to_owned(),
        "log = 'x=y=z'".to_owned(),
        "log = 'loud'".to_owned(),
        "drain = '10s'".to_owned(),
        "colour = 'red'".to_owned(),
        "[listen]\naddress = '/x'".to_owned(),
        "limits = 5\nlisten = 5".to_owned(),
        listen("'/x'\nmode = 0660"),
        listen("'/x'\nadmin = '/y'"),
        listen("'/x'\nfor = 'label:'"),
        listen("'tcp://127.0.0.1:1'\ntls = { certificate = 'c' }"),
        "[[listen]]\nfor = 'web'".to_owned(),
        "log_format = 'xml'".to_owned(),
        "audit = 'audit.log'".to_owned(),
        "audit_also = ['all']".to_owned(),
        "state = 'var/hostward'".to_owned(),
        "[limits]\nconections = 5".to_owned(),
        "[limits]\npaths = 0".to_owned(),
        "[limits]\npaths = '1000'".to_owned(),
        "[limits]\npaths = 4294967296".to_owned(),
        "[limits]\nhead_seconds = '30'".to_owned(),
        "[limits]\nheld_bytes = '96 MB'".to_owned(),
        "[limits]\nheld_bytes = '32 MiB'".to_owned(),
        "[limits]\nports = 100\nports_per_caller = 200".to_owned(),
        listen("'ssh://host'"),
        listen("'tcp://0.0.0.0:2375'"),
        listen("'/x'\nfor = 'web'\nrelay = true"),
        listen("'/x'\nplain_tcp = true"),
        listen("'/x'\nmode = '0800'"),
        listen("'/x'\nowner = 'no such user'"),
        listen("'/x'\ngroup = -1"),
        listen("'tcp://127.0.0.1:1'\nmode = '0660'"),
        listen(&format!("'tcp://10.0.0.1:1'\nplain_tcp = true\n{tls} }}")),
        "[profile]\nname = 'x'".to_owned(),
        "profile = 5".to_owned(),
        profile("preset = 'root'"),
        profile("mode = 'log'"),
        profile("root = ['/app']"),
        profile("roots = ['/cache', 'app']"),
        profile("capabilities = 'ALL'"),
        profile("memory = '2x'"),
        profile("ports = ['80']"),
        profile("namespaces = ['pid=*']"),
        profile("for = ['runner']"),
        profile("preset = 'trusted'\nprivileged = false"),
        "[[profile]]\npreset = 'ci'".to_owned(),
        profile("privileged = true\n[[profile]]\nname = 'ci'"),
        "roots = ['/app']".to_owned(),
        listen(&format!("'tcp://10.0.0.1:1'\n{tls}, callers = {{ a = 'b' }} }}")),
    ];
    let shown = |text: String| file::parse(&SourceFile { path: "hostward.toml".into(), text }).1.to_string();
    format!("# Mistakes\n{}\n", texts.into_iter().map(shown).collect::<Vec<_>>().join("\n\n"))
}

/// The long help of a command and of all below it.
fn helps(command: &mut Command, name: &str) -> String {
    let mut text = format!("# {name} --help\n{}\n", command.render_long_help());
    for below in
        command.get_subcommands_mut().filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        let name = format!("{name} {}", below.get_name());
        // Writing to a String cannot fail.
        let _ = write!(text, "{}", helps(below, &name));
    }
    text
}

#[test]
fn every_message_reads_well() {
    let mut args = Args::command();
    args.build();
    insta::assert_snapshot!([failures(), mistakes(), helps(&mut args, "hostward")].join("\n"));
}
