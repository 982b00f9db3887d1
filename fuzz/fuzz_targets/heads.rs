//! A request or answer of any bytes: read or refused, and its body ends at the same byte however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

// By its files, not by its crate: that has TLS and an async runtime with it, which took most of the time to build the targets.
#[allow(dead_code, unused_imports, reason = "what does not read heads is for the crate's other parts")]
#[path = "../../crates/hostward-engine/src/http1/mod.rs"]
mod http1;

use http1::{Framing, HeadEnd, RequestHead, ResponseHead};

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let Ok(Some(len)) = HeadEnd::default().find(bytes) else { return };
    let (head, rest) = bytes.split_at(len);
    if let Ok(head) = RequestHead::parse(head) {
        ends_alike(head.framing, rest, usize::from(cut));
    }
    if let Ok(head) = ResponseHead::parse(head) {
        ends_alike(head.framing(false), rest, usize::from(cut));
    }
});

fn ends_alike(framing: Framing, bytes: &[u8], cut: usize) {
    let mut whole = framing;
    let at_once = whole.advance(bytes);
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let mut parts = framing;
    let in_parts = parts.advance(first).and_then(|step| {
        if step.done || step.used < first.len() {
            return Ok((step.used, step.done));
        }
        parts.advance(second).map(|next| (step.used + next.used, next.done))
    });
    assert_eq!(at_once.map(|step| (step.used, step.done)), in_parts);
}
