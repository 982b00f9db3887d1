//! Requests in a stream of bytes, as a reader has them that forgives everything: lines may end in LF alone and be folded, blanks may
//! stand anywhere, chunks win over a length, and a number ends where its digits do.
//!
//! Whatever some engine takes for a request of its own, this reader takes for one as well.

/// Whether a part is somewhere in it.
pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The request lines, one after the other.
pub(crate) fn request_lines(mut bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        while let [b'\r' | b'\n', rest @ ..] = bytes {
            bytes = rest;
        }
        if bytes.is_empty() {
            return lines;
        }
        let first = line(&mut bytes);
        lines.push(String::from_utf8_lossy(first).into_owned());
        let (mut length, mut chunked) = (0, false);
        loop {
            let header = line(&mut bytes);
            if header.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(header).to_ascii_lowercase();
            // A folded line goes on with a name of its own here, which finds more rather than less.
            let (name, value) = text.split_once(':').unwrap_or((&text, ""));
            match name.trim() {
                "content-length" => length = number(value.trim(), 10),
                "transfer-encoding" => chunked |= value.contains("chunked"),
                _ => {}
            }
        }
        if chunked {
            chunks(&mut bytes);
        } else {
            bytes = bytes.get(length..).unwrap_or_default();
        }
    }
}

fn chunks(bytes: &mut &[u8]) {
    loop {
        let size = String::from_utf8_lossy(line(bytes)).into_owned();
        let size = number(size.trim(), 16);
        if size == 0 {
            while !line(bytes).is_empty() {}
            return;
        }
        *bytes = bytes.get(size..).unwrap_or_default();
        line(bytes);
    }
}

fn number(text: &str, radix: u32) -> usize {
    let text = text.trim_start_matches("0x").trim_start_matches(['+', ' ']);
    let end = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    usize::from_str_radix(&text[..end], radix).unwrap_or(0)
}

/// What comes before the next LF, without CR.
fn line<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = bytes.iter().position(|&b| b == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    *bytes = rest.get(1..).unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[test]
fn it_finds_requests_that_others_overlook() {
    let bytes = b"POST /a HTTP/1.1\nContent-Length : 3\n\nabcPOST /b HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: \
        xchunked\r\n\r\n0x2 ;e\nab\r\n0\r\n\r\nGET /c HTTP/1.1\r\n\r\nrest";
    assert_eq!(request_lines(bytes), ["POST /a HTTP/1.1", "POST /b HTTP/1.1", "GET /c HTTP/1.1", "rest"]);
}
