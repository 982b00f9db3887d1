//! What a caller may ask of the engine: profiles, and the rules that judge a request by one.
//!
//! Pure, as all of this crate: what is asked comes as [claims](claim::Claim), and what comes out is a verdict or a denial.

pub mod claim; // one thing that a request asks for

pub mod action; // all that one request asks for

// What rules are written in.
pub mod bound; // numbers
pub mod capability; // names of capabilities
pub mod image; // names of images
pub mod pattern; // other names
pub mod port; // ports and addresses

pub mod chooser; // callers, by what is known of them

pub mod profile; // what a caller may ask for

pub mod keys; // how that is written: the one table of keys

pub mod tecnativa; // by the variables of another proxy

pub mod preset; // profiles that come with Hostward

pub mod choice; // which profile a caller is under

pub mod access; // how something may be mounted
pub mod denial; // or why not
pub mod verdict; // what is written into a request

mod rules; // by which rules

pub mod judge; // all of them, on one request

pub mod ownership; // whose a thing is
