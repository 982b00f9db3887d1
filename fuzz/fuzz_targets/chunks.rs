//! Chunks of any bytes: what is taken for a body ends where Go's reader ends it, and holds the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports, reason = "what does not read chunks is for the crate's other parts")]
#[path = "../../crates/hostward-engine/src/http1/mod.rs"]
mod http1;

use http1::{Chunked, Framing};

fuzz_target!(|bytes: &[u8]| {
    let (mut body, mut framing) = (Vec::new(), Framing::Chunked(Chunked::default()));
    let Ok(step) = framing.decode(bytes, &mut body) else { return };
    if step.done {
        assert_eq!(go(bytes), Some((body, step.used)));
    } else {
        // All of it, and more to come: Go must not have found an end before.
        assert_eq!(step.used, bytes.len());
        assert!(go(bytes).is_none());
    }
});

/// `net/http/internal.chunkedReader` and the trailers behind it, as Go 1.15 had it, which forgave most: what it holds, and where it
/// ends.
fn go(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = line(bytes, &mut at)?;
        let line = line.trim_ascii_end();
        let digits = line.split(|&b| b == b';').next()?;
        if digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        // No digits are zero.
        let size =
            digits.iter().fold(0, |size, &b| size << 4 | u64::from(char::from(b).to_digit(16).unwrap_or(0)));
        if size == 0 {
            break;
        }
        let end = at.checked_add(usize::try_from(size).ok()?)?;
        body.extend_from_slice(bytes.get(at..end)?);
        if bytes.get(end..end.checked_add(2)?)? != b"\r\n" {
            return None;
        }
        at = end + 2;
    }
    if bytes.get(at..at + 2)? == b"\r\n" {
        return Some((body, at + 2));
    }
    // What is behind two line ends in a row is looked for before the trailers are read.
    bytes[at..].windows(4).position(|window| window == b"\r\n\r\n")?;
    while !line(bytes, &mut at)?.is_empty() {}
    Some((body, at))
}

/// A line without its end, which may be LF alone.
fn line<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let end = *at + bytes.get(*at..)?.iter().position(|&b| b == b'\n')?;
    let line = &bytes[*at..end];
    *at = end + 1;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}
