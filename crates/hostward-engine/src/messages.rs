//! Every message of this crate that a user can meet, in one snapshot.
//!
//! A variant without a message here does not compile. After a change, run the tests with `INSTA_UPDATE=always` and read the
//! difference.

use std::io;
use std::path::Path;
use std::time::Duration;

use hostward::cgroup::ContainerId;

use crate::address::{Address, AddressError};
use crate::ask::AskError;
use crate::client::{ClientError, NoAnswer};
use crate::context::{ChosenBy, ContextError};
use crate::discover::DiscoverError;
use crate::http1::framing::FramingError;
use crate::http1::head::HeadError;
use crate::select::{SelectError, SelectorError};
use crate::tls::UnusableFile;

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

fn addresses() -> String {
    let address = messages!(AddressError, ToString::to_string, {
        Empty: [AddressError::Empty],
        Npipe: [AddressError::Npipe("npipe:////./pipe/docker_engine".into())],
        Tls: [AddressError::Tls("https://docker:2376".into())],
        UnknownScheme: [AddressError::UnknownScheme("docker".into())],
        BadSocketPath: [AddressError::BadSocketPath("unix://docker.sock".into())],
        BadTcp: [AddressError::BadTcp("tcp://:2375".into())],
        BadSsh: [AddressError::BadSsh("ssh://me:secret@docker".into())],
    });
    let by = messages!(ChosenBy, ToString::to_string, {
        Request: [ChosenBy::Request],
        DockerHost: [ChosenBy::DockerHost],
        Context: [ChosenBy::Context("remote".into())],
        Default: [ChosenBy::Default],
    });
    let context = messages!(ContextError, ToString::to_string, {
        Address: [ContextError::Address { by: ChosenBy::DockerHost, error: AddressError::Empty }],
        NotUtf8: [ContextError::NotUtf8("DOCKER_HOST")],
        NoSuchContext: [ContextError::NoSuchContext { name: "remote".into(), dir: "/root/.docker".into() }],
        Unreadable: [ContextError::Unreadable { path: "/root/.docker/config.json".into(), error: denied() }],
    });
    let tls =
        UnusableFile::new(Path::new("/root/.docker/ca.pem"), "it contains no certificate in PEM format");
    [address, by, context, format!("# UnusableFile\n{tls}\n")].join("\n")
}

fn answers() -> String {
    let head = messages!(HeadError, ToString::to_string, {
        Malformed: [HeadError::Malformed("its first line is invalid")],
        Version: [HeadError::Version],
        TooLarge: [HeadError::TooLarge],
        Length: [HeadError::Length("two Content-Lengths differ")],
        Unasked: [HeadError::Unasked],
    });
    let framing = messages!(FramingError, ToString::to_string, {
        BadChunkSize: [FramingError::BadChunkSize],
        BadChunkEnd: [FramingError::BadChunkEnd],
        TooLong: [FramingError::TooLong],
        BadTrailer: [FramingError::BadTrailer],
    });
    let answer = messages!(NoAnswer, ToString::to_string, {
        Connect: [NoAnswer::Connect(denied())],
        Io: [NoAnswer::Io(io::Error::from_raw_os_error(104))],
        Late: [NoAnswer::Late(Duration::from_secs(10))],
        CutShort: [NoAnswer::CutShort],
        TooLarge: [NoAnswer::TooLarge],
        Head: [NoAnswer::Head(HeadError::Version)],
        Framing: [NoAnswer::Framing(FramingError::BadChunkEnd)],
    });
    let client = ClientError::of(&engine(), "/version", NoAnswer::CutShort);
    [head, framing, answer, format!("# ClientError\n{client}\n")].join("\n")
}

fn containers() -> String {
    let client = || ClientError::of(&engine(), "/containers/web/json", NoAnswer::CutShort);
    let ask = messages!(AskError, ToString::to_string, {
        NotAName: [AskError::NotAName("../web".into())],
        Client: [AskError::Client(client())],
        Unknown: [AskError::Unknown { engine: engine(), name: "web".into() }],
        Status: [AskError::Status { engine: engine(), status: 500, message: "no space left".into() }],
        Unreadable: [AskError::Unreadable { engine: engine(), error: "expected value at line 1 column 1".into() }],
    });
    let select = messages!(SelectError, ToString::to_string, {
        Ask: [SelectError::Ask(AskError::NotAName("../web".into()))],
        NoneLabelled: [SelectError::NoneLabelled { engine: engine(), label: "role=web".into() }],
        Several: [SelectError::Several { label: "role=web".into(), names: vec!["one".into(), "two".into()] }],
    });
    let selector = messages!(SelectorError, ToString::to_string, {
        NotAName: [SelectorError::NotAName("../web".into())],
        NoKey: [SelectorError::NoKey("label:".into())],
    });
    let discover = messages!(DiscoverError, ToString::to_string, {
        Proc: [DiscoverError::Proc { path: "/proc/self/mountinfo".into(), error: denied() }],
        Ask: [DiscoverError::Ask(AskError::Client(client()))],
        Connect: [DiscoverError::Connect { engine: engine(), error: denied() }],
        AnotherEngine: [DiscoverError::AnotherEngine { id: container(), engine: engine() }],
        Unidentified: [DiscoverError::Unidentified { engine: engine() }],
        Ambiguous: [DiscoverError::Ambiguous { id: container() }],
    });
    [ask, select, selector, discover].join("\n")
}

#[test]
fn every_message_reads_well() {
    insta::assert_snapshot!([addresses(), answers(), containers()].join("\n"));
}
