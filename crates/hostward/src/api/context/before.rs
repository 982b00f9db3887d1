//! What is said of an entry before it: by pax, and by GNU for long names.

use super::error::BuildContextError;
use std::io::Read;

/// So much Go's reader takes of it.
const MOST: u64 = 1 << 20;

/// The beginning of the names of extended attributes.
const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// What is said of the next entry.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Its name, its link and what else its own header may be too short for.
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) group: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// As it is written: with a fraction, or a sign.
    pub(super) modified: Option<Vec<u8>>,
    /// Extended attributes.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// GNU's long names, which win.
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Before {
    /// Whether this is no entry, but says something of the next one. It is taken in then.
    pub(super) fn takes<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
    ) -> Result<bool, BuildContextError> {
        match entry.header().entry_type().as_byte() {
            b'x' => self.pax(&text(entry)?)?,
            b'L' => self.long_path = Some(until_nul(text(entry)?)),
            b'K' => self.long_link = Some(until_nul(text(entry)?)),
            // Of all entries: the engine passes over it, and so does what is written anew.
            b'g' => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The entry's name, where it is said here.
    pub(super) fn take_path(&mut self) -> Option<Vec<u8>> {
        self.long_path.take().or(self.path.take())
    }

    pub(super) fn take_link(&mut self) -> Option<Vec<u8>> {
        self.long_link.take().or(self.link.take())
    }

    fn pax(&mut self, records: &[u8]) -> Result<(), BuildContextError> {
        let mut rest = records;
        while !rest.is_empty() {
            let (key, value, behind) = record(rest).ok_or_else(|| malformed("a pax record that is none"))?;
            rest = behind;
            let number = || number(value).ok_or_else(|| malformed("a pax record with a number that is none"));
            // By an empty value, what the entry's own header says.
            let said = Some(value.to_vec()).filter(|value| !value.is_empty());
            match key {
                b"path" => self.path = said,
                b"linkpath" => self.link = said,
                b"uname" => self.user = said,
                b"gname" => self.group = said,
                b"mtime" if said.is_none() || is_time(value) => self.modified = said,
                b"mtime" => return Err(malformed("a pax record with a time that is none")),
                b"uid" => self.uid = said.map(|_| number()).transpose()?,
                b"gid" => self.gid = said.map(|_| number()).transpose()?,
                b"size" => self.size = said.map(|_| number()).transpose()?,
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(malformed("a file with holes (a pax record GNU.sparse)"));
                }
                _ if key.starts_with(ATTRIBUTE) => self.attributes.push((key.to_vec(), value.to_vec())),
                // Other times, comments, and what no engine looks at.
                _ => {}
            }
        }
        Ok(())
    }
}

/// The first record, `LENGTH KEY=VALUE\n`, in its parts, and what is behind it.
fn record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = text.iter().position(|&b| b == b' ')?;
    let length = usize::try_from(number(&text[..blank])?).ok()?;
    let (record, behind) = text.split_at_checked(length)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&b| b == b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    // A zero byte ends a name to some.
    let is_plain =
        !key.is_empty() && !key.contains(&0) && (key.starts_with(ATTRIBUTE) || !value.contains(&0));
    is_plain.then_some((key, value, behind))
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit) && !text.is_empty();
    digits.then(|| str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// Whether this is a time as pax writes it: seconds, with a sign and a fraction where there is one.
fn is_time(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let mut parts = text.splitn(2, |&b| b == b'.');
    let are_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit) && part.len() <= 18;
    parts.next().is_some_and(|seconds| !seconds.is_empty() && are_digits(seconds)) && parts.all(are_digits)
}

/// All of such an entry.
fn text<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Vec<u8>, BuildContextError> {
    let size = entry.size();
    if size > MOST {
        return Err(malformed("a name or pax records of more than 1 MiB"));
    }
    let mut text = Vec::new();
    entry.take(MOST).read_to_end(&mut text).map_err(|error| BuildContextError::unreadable(&error))?;
    if text.len() as u64 != size {
        return Err(BuildContextError::Unreadable("it is cut short".to_owned()));
    }
    Ok(text)
}

fn until_nul(mut text: Vec<u8>) -> Vec<u8> {
    if let Some(end) = text.iter().position(|&b| b == 0) {
        text.truncate(end);
    }
    text
}

fn malformed(what: &'static str) -> BuildContextError {
    BuildContextError::Form { what, name: "an extended header".to_owned() }
}
