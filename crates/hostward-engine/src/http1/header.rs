//! The values of one header, for those who need more of a head than where its message ends.

/// What a head says for a header, as often as it has it. The head was read before: each of its lines is one header.
pub fn header_values<'h>(head: &'h [u8], name: &str) -> impl Iterator<Item = &'h [u8]> {
    head.split(|&b| b == b'\n').skip(1).filter_map(move |line| {
        let colon = memchr::memchr(b':', line)?;
        line[..colon].eq_ignore_ascii_case(name.as_bytes()).then(|| line[colon + 1..].trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_in_any_letter_case_and_as_often_as_it_is_there() {
        let head =
            b"POST /x:content-type HTTP/1.1\r\nHost: d\r\nContent-Type:  a/b \r\ncontent-TYPE: c\r\n\r\n";
        let values: Vec<_> = header_values(head, "Content-Type").collect();
        assert_eq!(values, [&b"a/b"[..], b"c"]);
        assert_eq!(header_values(head, "accept").count(), 0);
    }
}
