//! The Engine API's requests and answers that carry paths of the host, and rewriting them to the byte.

mod edits; // changing a body without losing a byte
pub mod endpoint; // which request it is
pub mod fields; // which of its fields carry paths
pub mod json; // reading a body without losing a byte
pub mod operations; // all operations, and which of them it is
mod scan; // where a value in it ends
pub mod shapes; // all fields of their bodies

mod draft; // a request on its way to the engine
mod forms; // how paths are spelled, a file a form
mod site; // where a path stands
mod telling; // an answer on its way to the caller

pub mod build; // an image that says whose it is
pub mod commit; // an image without what Hostward wrote on its container
pub mod context; // the archive that it is built from
pub mod dockerfile; // and what that has an engine fetch
pub mod prune; // what nobody uses, of one owner
mod query; // the query of a request
pub mod sought; // a list of containers by what they have mounted

pub mod amend; // what a profile has written into it
pub mod archive; // a plugin's description in its archive
mod found; // what a body has
pub mod lenders; // the mounts of others
pub mod podman; // what Podman reads otherwise
pub mod read; // the paths in a request
pub mod write; // and others in their places

pub mod claims; // what a request asks for beside paths

pub mod asked; // what was asked, written on what the engine makes of it
pub mod reader; // who reads what comes back

pub mod answer; // the engine's answer in the caller's words
pub mod redact; // and what it does not tell
pub mod wording; // and its errors

#[cfg(test)]
pub(crate) use forms::bind::BindError;
