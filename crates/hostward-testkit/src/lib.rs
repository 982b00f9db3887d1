//! Test engines, callers and proxies: what the end-to-end tests and `cargo xtask` stand on.
//!
//! Plain functions over commands and files, in the order in which they are used:

pub mod caller; // container 1: a container whose docker client speaks to a proxy
pub mod cargo; // cargo, and programs of tests that it makes
pub mod catalog; // engines.toml: which engines there are
pub mod clients; // clients of many kinds in one image
pub mod command; // run a command, and say what it was when it fails
pub mod daemon; // start and stop an engine
pub mod debian; // packages: from Debian's archive to a folder
pub mod engine; // an engine that answers, and its docker CLI
pub mod images; // busybox, python:3.11 and hostward/caller, made and not pulled
pub mod proxy; // a running `hostward proxy`
pub mod rootless; // an engine of a user without root
pub mod second_kernel; // another kernel, and what is played there
pub mod toolbox; // tools that drive an engine, in one image

mod dockerd;
mod error;
mod exec;
mod forwarding;
mod http;
mod lists;
mod mounts;
mod paths;
mod podman;
mod process;
mod programs;
mod tls;

pub use caller::Caller;
pub use command::OutputText;
pub use engine::{Engine, docker_engines, engines, engines_of};
pub use error::{Error, Result};
pub use proxy::Proxy;

/// The label on every container that the tests start, so that leftovers can be told and removed.
pub const LABEL: &str = "hostward-test";

/// Says on stderr what is being done, for the person who waits for it.
pub fn say(what: impl std::fmt::Display) {
    eprintln!("==> {what}");
}

/// A name that no other test uses, also not one that runs at the same time.
pub fn unique(prefix: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{number}-{:x}", std::process::id(), now.subsec_nanos())
}
