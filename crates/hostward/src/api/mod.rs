//! The Engine API's requests and answers that carry paths of the engine's machine, and rewriting them to the byte.

pub mod endpoint; // which request it is
pub mod fields; // which of its fields carry paths
pub mod json; // reading a body without losing a byte

pub mod archive; // a plugin's description in its archive
pub mod binds; // the text of one bind
pub mod lenders; // the mounts of others
mod mounts; // one mount as an object
pub mod podman; // what Podman reads otherwise
mod podman_query; // the files that queries name to it
pub mod read; // the paths in a request
pub mod write; // and others in their places

mod asked;
pub mod reader; // who reads what comes back // what was asked, written on what the engine makes of it

pub mod answer; // the engine's answer in the caller's words
pub mod wording; // and its errors
