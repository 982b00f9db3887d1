//! HTTP/1.1 without I/O: where a head ends, what it says about the body, and where the body ends.
//!
//! The proxy judges a message and then forwards its bytes as they came, so it must never see another message
//! than the engine does. Where RFC 9112 lets two readers differ (both lengths, a bare line feed, a folded
//! line), a request is refused rather than interpreted: a smuggled request would be one that nobody judged.
//!
//! [`head`] finds and reads heads, [`framing`] follows bodies.

pub mod framing;
pub mod head;
pub mod header;

pub use framing::{Advance, Chunked, Framing, FramingError};
pub use head::{
    HeadEnd, HeadError, MAX_HEAD, RequestHead, ResponseHead, asking_identity, with_length, with_target,
};
pub use header::header_values;
