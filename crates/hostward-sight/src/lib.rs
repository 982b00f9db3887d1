//! How a caller sees files: its view, and eyes to look into it.
//!
//! The view is what the engine lists, borne out by the kernel's mountinfo of a process of the caller where that can be
//! read. The eyes look through `/proc/PID/root` (`proc_pid_root(5)`) and, where that cannot be opened (no `/proc` of the
//! caller, no permission, the engine on another machine), ask the engine (T24). Where that cannot look either, they look at what this
//! process has mounted too.
//!
//! One piece for the proxy and for programs that only want to know: [`Sight`].

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod machine; // whether the engine's machine can be looked at from here

mod aside; // looking on a thread of its own
mod looks; // how much of that a request may have

mod common_mounts; // what a container and this process both have mounted
mod eyes; // what stands at a path
mod mounted; // what the kernel has mounted
mod runner; // the engine's machine, as the engine itself has it
mod sight; // a caller's view, and its eyes

mod apart; // a process of the machine in a mount namespace of its own
mod resolve; // where a path leads

mod change; // a path for which the engine is given something else
mod socket; // the engine's socket, by whatever path

mod confirm; // both see one file
mod explain; // all of that, to be told
mod hold; // a handle on that file
mod make;
mod owner; // with the rights of a file's owner

pub use aside::look;
pub use change::Change;
pub use hold::HeldSource;
pub use looks::{Looks, Most};
pub use machine::{Machine, visible_pid};
pub use sight::Sight;
