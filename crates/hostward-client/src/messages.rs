//! Every message of this crate that a user can meet, in one snapshot.
//!
//! A variant without a message here does not compile. After a change, run the tests with `INSTA_UPDATE=always` and read the
//! difference.

use std::io;

use hostward::path::PathError;
use hostward::refusal::Reason;
use hostward_engine::about::ExplainError;
use hostward_engine::address::{Address, AddressError};
use hostward_engine::ask::AskError;
use hostward_engine::context::{ChosenBy, ContextError};
use hostward_engine::discover::DiscoverError;
use hostward_engine::select::SelectError;

use crate::error::ViewpointError;
use crate::path::HostPathError;

include!("../../hostward/src/messages/each.rs");

#[test]
fn every_message_reads_well() {
    let engine = || Address::Unix("/run/docker.sock".into());
    let viewpoint = messages!(ViewpointError, ToString::to_string, {
        Ask: [ViewpointError::Ask(AskError::NotAName("../web".into()))],
        Discover: [ViewpointError::Discover(DiscoverError::Unidentified { engine: engine() })],
        Select: [ViewpointError::Select(SelectError::Ask(AskError::NotAName("../web".into())))],
        Explain: [ViewpointError::Explain(ExplainError::Ask(AskError::NotAName("../web".into())))],
        Unseen: [ViewpointError::Unseen(Reason::Unseen("permission denied".into()))],
        Failed: [ViewpointError::Failed("cannot start a thread".into())],
        Behind: [ViewpointError::Behind(engine())],
    });
    let path = messages!(HostPathError, ToString::to_string, {
        NoPath: [HostPathError::NoPath { path: "".into(), error: PathError::Empty }],
        WorkingDirectory: [HostPathError::WorkingDirectory(io::Error::from_raw_os_error(2))],
        Context: [HostPathError::Context(ContextError::Address { by: ChosenBy::DockerHost, error: AddressError::Empty })],
        Viewpoint: [HostPathError::Viewpoint(ViewpointError::Behind(engine()))],
        Refused: [HostPathError::Refused {
            why: "cannot mount /tmp/x: it is in a tmpfs".into(),
            remedy: "put the file below a bind mount".into(),
        }],
    });
    insta::assert_snapshot!([viewpoint, path].join("\n"));
}
