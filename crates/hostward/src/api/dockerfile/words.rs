//! The words of an instruction: its flags, and what follows them as words or as a list in JSON.

use super::error::Unclear;
use crate::api::json::Value;
use std::borrow::Cow;

/// The flags of an instruction, and what follows them.
pub(super) struct Flags<'a> {
    pub(super) flags: Vec<String>,
    pub(super) rest: &'a str,
}

/// What parts words: the parser's `[\t\v\f\r ]+`.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The words of a text.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_blank).filter(|word| !word.is_empty())
}

/// Takes the flags (`--from=x`) off the front, as the parser's `extractBuilderFlags` does: byte by byte, with quotes and
/// backslashes, whatever the file's own escape is.
pub(super) fn flags(text: &str) -> Flags<'_> {
    let bytes = text.as_bytes();
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).copied().is_some_and(is_space) {
            at += 1;
        }
        if !bytes[at..].starts_with(b"--") {
            return Flags { flags, rest: after(text, at) };
        }
        let (mut word, mut quote) = (Vec::new(), None);
        while let Some(&byte) = bytes.get(at) {
            if quote.is_none() && is_space(byte) {
                break;
            }
            at += 1;
            match byte {
                b'\\' => {
                    word.extend(bytes.get(at));
                    at += 1;
                }
                _ if quote == Some(byte) => quote = None,
                b'"' | b'\'' if quote.is_none() => quote = Some(byte),
                byte => word.push(byte),
            }
        }
        at = at.min(bytes.len());
        if word == b"--" {
            return Flags { flags, rest: after(text, at) };
        }
        flags.push(String::from_utf8_lossy(&word).into_owned());
    }
}

/// What is behind a byte that may be within a character, from the character's end on.
fn after(text: &str, at: usize) -> &str {
    let at = (at..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text[at..].trim()
}

/// What Go's `unicode.IsSpace` says of a byte that is taken for a character.
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0xb | 0xc | b'\r' | b' ' | 0x85 | 0xa0)
}

/// The words of `ADD`, as a list in JSON or without.
pub(super) fn list(text: &str) -> Result<Vec<Cow<'_, str>>, Unclear> {
    let Some(inner) = text.strip_prefix('[') else { return Ok(split(text).map(Cow::Borrowed).collect()) };
    if !inner.trim_start().starts_with(['"', ']']) {
        // The name of a file, such as `[a-z]*.txt`.
        return Ok(split(text).map(Cow::Borrowed).collect());
    }
    let value = Value::of(text.as_bytes()).map_err(|_| Unclear::List)?;
    let elements = value.elements().map_err(|_| Unclear::List)?.ok_or(Unclear::List)?;
    let text = |element: &Value<'_>| element.string().ok().flatten().map(Cow::into_owned);
    elements.iter().map(|element| text(element).map(Cow::Owned).ok_or(Unclear::List)).collect()
}

/// Whether there is a here-document to some version of the parser: a word that begins with `<<`, with digits before it, and has a
/// name behind it, to Docker 28 also after a blank. `<<<` and `$((1<<2))` are none, and nothing in quotes is.
pub(super) fn has_here_document(text: &str) -> bool {
    // What these do to quotes is not followed here, so that quotes are not believed then.
    let has_plain_quotes = !text.contains(['\\', '$']);
    let (mut quote, mut begins) = (None, true);
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if begins && c == '<' && names_here_document(&text[at..]) => return true,
            None if has_plain_quotes && matches!(c, '"' | '\'') => quote = Some(c),
            Some(_) | None => {}
        }
        begins = c.is_whitespace() || (begins && c.is_ascii_digit());
    }
    false
}

/// Whether it begins with `<<` and a name.
fn names_here_document(text: &str) -> bool {
    let name = text.strip_prefix("<<").map(|rest| rest.strip_prefix('-').unwrap_or(rest).trim_start());
    name.is_some_and(|name| !name.is_empty() && !name.starts_with('<'))
}
