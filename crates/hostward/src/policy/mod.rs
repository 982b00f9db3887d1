//! What a caller may ask of the engine: profiles, and the rules that judge a request by one.
//!
//! Pure, as all of this crate: what is asked comes as [claims](claim::Claim), and what comes out is a verdict or a denial.

pub mod action;
pub mod claim; // one thing that a request asks for // all that one request asks for

pub mod bound;
pub mod image; // names of images
pub mod pattern; // names, by a star
pub mod port; // ports and addresses // numbers

pub mod choice;
pub mod chooser; // callers, by what is known of them
pub mod profile; // what a caller may ask for // which profile a caller is under

pub mod access; // how something may be mounted
pub mod denial; // why not
pub mod judge;
mod rules; // by which rules
pub mod verdict; // or what is written into the request // all of them, on one request
