//! A request as it was sent, in a file: its first line, headers, an empty line, and the body.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fs;
use std::path::Path;

use crate::report::Failure;

/// A request in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainRequest {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

impl PlainRequest {
    /// One with a JSON body.
    pub(super) fn json(method: &str, target: impl Into<String>, body: &serde_json::Value) -> Self {
        let content_type = Some("application/json".to_owned());
        Self { content_type, body: body.to_string().into_bytes(), ..Self::bare(method, target) }
    }

    /// One without a body.
    pub(super) fn bare(method: &str, target: impl Into<String>) -> Self {
        Self { method: method.to_owned(), target: target.into(), content_type: None, body: Vec::new() }
    }
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<PlainRequest, Failure> {
    let shown = path.display();
    let bytes =
        fs::read(path).map_err(|error| Failure::usage(format_args!("cannot read {shown}: {error}")))?;
    parse(&bytes).map_err(|why| {
        let failure = Failure::usage(format_args!("{shown} is no recorded request: {why}"));
        failure.hint("its first line is such as: POST /v1.43/containers/create HTTP/1.1")
    })
}

fn parse(bytes: &[u8]) -> Result<PlainRequest, String> {
    // Somebody may have written it by hand, so that a line may end with a newline alone.
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].map(|end| (end.len(), find(bytes, end)));
    let end = ends.into_iter().filter_map(|(length, at)| Some((at?, length))).min();
    let (head, body) = match end {
        Some((at, length)) => (&bytes[..at], &bytes[at + length..]),
        None => (bytes, &[][..]),
    };
    let head = str::from_utf8(head).map_err(|_| "its head is not UTF-8")?;
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split_whitespace();
    let (Some(method), Some(target)) = (first.next(), first.next()) else {
        return Err("its first line has no method and path".to_owned());
    };
    let mut request = PlainRequest::bare(method, target);
    let mut chunked = false;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        match &*name.trim().to_ascii_lowercase() {
            "content-type" => request.content_type = Some(value.trim().to_owned()),
            "transfer-encoding" => chunked = value.to_ascii_lowercase().contains("chunked"),
            _ => {}
        }
    }
    request.body = if chunked { unchunked(body).ok_or("its chunks are cut short")? } else { body.to_vec() };
    Ok(request)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The body within its chunks.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\n")?;
        let size = str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = &rest[end + 1..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?;
        rest = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_sent() {
        for text in [
            "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n{}",
            "POST /containers/create\nContent-Type: application/json\n\n{}",
            "POST /containers/create HTTP/1.1\r\ncontent-type:application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        ] {
            let read = parse(text.as_bytes()).unwrap();
            assert_eq!((&*read.method, &*read.target), ("POST", "/containers/create"), "{text}");
            assert_eq!(
                (read.content_type.as_deref(), &*read.body),
                (Some("application/json"), &b"{}"[..]),
                "{text}"
            );
        }
        assert_eq!(parse(b"GET /info HTTP/1.1\r\n\r\n").unwrap(), PlainRequest::bare("GET", "/info"));
        assert_eq!(parse(b"GET /info").unwrap(), PlainRequest::bare("GET", "/info"));
        for wrong in ["", "GET", "POST /x\nTransfer-Encoding: chunked\n\n5\nab"] {
            parse(wrong.as_bytes()).unwrap_err();
        }
    }
}
