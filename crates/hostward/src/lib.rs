//! Translates paths from a container's view to the Docker engine's, and back.
//!
//! A program in a container that drives the host's engine names files by its own paths, and the engine looks them
//! up on the host, where they are not. This crate knows what the engine must be given instead. It is pure: no I/O,
//! no clock, no environment; its users bring the engine's answers and the kernel's texts.
//!
//! ```
//! use hostward::abilities::Abilities;
//! use hostward::path::{AskedPath, EnginePath};
//! use hostward::plan::{Give, Plan, Wish, plan};
//! use hostward::view::View;
//! use hostward::walk::Resolved;
//!
//! // The engine's answer to `GET /containers/ID/json`, as far as it matters here.
//! let json = format!(
//!     r#"{{"Id": "{}", "Mounts": [{{"Type": "bind", "Source": "/home/me/project/storage",
//!         "Destination": "/app/storage", "RW": true}}]}}"#,
//!     "c0ffee00".repeat(8)
//! );
//! let container = hostward::inspect::parse(json.as_bytes())?;
//! let view = View::container(container.table, Vec::new());
//!
//! let asked = AskedPath::parse(b"/app/storage/tmp/file.py")?;
//! // Follow the symlinks in the container's files here, if you can see them: `hostward::walk`.
//! let resolved = Resolved::at(asked.clean(), true);
//! let Plan::Given(given) = plan(&asked, &resolved, &view, &Wish::bind(), Abilities::least(), |_| None)? else { unreachable!() };
//! let source = EnginePath::parse(b"/home/me/project/storage/tmp/file.py")?;
//! assert_eq!((given.source, given.read_only), (Give::Bind(source), false));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Paths are bytes and need not be UTF-8. Where that cannot hold it is said: the engine's JSON spells such a source as
//! U+FFFD ([`inspect`]), and no request can carry one ([`api::write::write`]).
//!
//! The *host* is the machine that the engine runs on, in these pages and in all comments.
//!
//! Rules are cited as T1, T2 …; `docs/rules.md` lists them.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

// In the order of the data path.
mod bind_text; // the text of a bind, in its parts
pub mod path; // whose view a path is in
pub mod places; // what paths mean by their names alone

pub mod alias; // what its users call a directory of the engine's
pub mod cgroup; // which container a process is in
pub mod explicit; // what the user says
pub mod inspect; // what the engine says of it
pub mod mount; // what a container has of files
pub mod mountinfo; // what the kernel has mounted for it
pub mod network; // where it is in networks, and its ports
pub mod table; // its mounts, by what they cover

pub mod origin; // what a path turned out to be
pub mod view; // how a caller sees files, made of all that
pub mod walk; // following symlinks in the view

pub mod reading; // or a path of the engine's already

pub mod version; // which version of the API is spoken

pub mod abilities; // what the engine can do
pub mod containment; // what a caller can exchange of a path, and what it cannot
pub mod kind; // and what kind it is of
pub mod plan; // what it is given for a path
pub mod refusal; // or why not
pub mod rule; // by which rule

pub mod explanation; // what is said of all that

pub mod seal; // what Hostward writes and later believes
pub mod word; // settings of one word

pub mod api; // the requests and answers that carry paths

pub mod policy; // what a caller may ask for

#[cfg(test)]
mod messages; // what users read of all this
