//! The program as users meet it: what it prints, what it says, how it ends. No engine is needed here.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod world;

mod configuration;
mod engines;
mod mistakes;
mod paths;
mod policy;
mod program;
mod proxy;
