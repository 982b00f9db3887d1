//! A request or answer of any bytes: read or refused, and its body ends at the same byte however it is cut, and where a reader
//! that forgives everything ends it.
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
        assert_eq!(framing(bytes), Some((len, head.framing)));
    }
    if let Ok(head) = ResponseHead::parse(head) {
        ends_alike(head.framing(false), rest, usize::from(cut));
    }
});

/// Where a head ends for a reader whose lines end in LF, may be folded and may have blanks anywhere, and what it takes for its body's
/// end: a header that it finds is never one that was overlooked.
fn framing(bytes: &[u8]) -> Option<(usize, Framing)> {
    let (mut at, mut framing) = (0, Framing::None);
    loop {
        let end = at + bytes[at..].iter().position(|&b| b == b'\n')?;
        let line = bytes[at..end].trim_ascii();
        at = end + 1;
        if line.is_empty() {
            return Some((at, framing));
        }
        let text = String::from_utf8_lossy(line).to_ascii_lowercase();
        let Some((name, value)) = text.split_once(':') else { continue };
        match (name.trim(), framing) {
            ("content-length", Framing::None | Framing::Length(_)) => {
                framing = Framing::Length(value.trim().parse().ok()?);
            }
            ("content-length", _) => return None,
            ("transfer-encoding", Framing::None) if value.trim() == "chunked" => {
                framing = Framing::Chunked(http1::Chunked::default());
            }
            ("transfer-encoding", _) => return None,
            _ => {}
        }
    }
}

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
