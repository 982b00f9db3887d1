//! Settings from the three places that have them, merged once: flags win over variables (clap sees to that), and both
//! over the file.

mod accounts;
mod exposure;
pub(crate) mod file;
mod limits;
mod mistake;
pub(crate) mod service;
mod settings;
pub(crate) mod state;

pub(crate) use settings::{Configuration, limits_with, settle};
