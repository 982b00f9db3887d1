//! What a caller may ask of the engine: profiles, and the rules that judge a request by one.
//!
//! Pure, as all of this crate: what is asked comes as [claims](claim::Claim), and what comes out is a verdict or a denial.

pub mod claim; // one thing that a request asks for
