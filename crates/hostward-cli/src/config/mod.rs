//! Settings from the three places that have them, merged once: flags win over variables (clap sees to that), and both
//! over the file.

mod accounts;
pub(crate) mod audit;
pub(crate) mod audit_place;
mod document; // the file's text, key by key
mod exposure;
pub(crate) mod file;
pub(crate) mod keys; // the table of settings
mod limits;
mod listen;
mod mistake;
pub(crate) mod policy; // profiles of the file and of flags
mod profile;
#[cfg(test)]
mod reference; // what is made of that table
pub(crate) mod service;
mod settings;
pub(crate) mod state;
mod values;

pub(crate) use mistake::{Mistakes, SourceFile};
pub(crate) use settings::{Configuration, settle};
