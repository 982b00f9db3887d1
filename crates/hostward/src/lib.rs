//! Translates paths from a container's view to the Docker engine's, and back.
//!
//! A program in a container that drives the host's engine names files by its own paths, and the engine looks them
//! up on the host, where they are not. This crate knows what the engine must be given instead. It is pure: no I/O,
//! no clock, no environment; whoever uses it brings the engine's answers and the kernel's texts.
//!
//! Rules are cited as T1, T2 …; `docs/rules.md` lists them.

// In the order of the data path.
pub mod api;
pub mod cgroup; // which container a process is in
pub mod explicit; // what the user says
pub mod inspect; // what the engine says of it
pub mod mountinfo; // what the kernel has mounted for it
pub mod origin; // what a path turned out to be
pub mod path; // whose view a path is in
pub mod plan; // what the engine is given for it
pub mod refusal; // or why not
pub mod table; // the view made of all that
pub mod walk; // following symlinks in the view // the requests and answers that carry paths
