//! Paths, typed by whose view they are in.
//!
//! All paths are bytes, as the kernel sees them (`path_resolution(7)`): any byte but NUL. They are compared by
//! component and joined in this file only, because the ways to do it wrong are many: `Path::join` with an
//! absolute right side throws the left away, and joining an empty rest adds a slash that makes a bind of a file
//! fail.

use std::borrow::Cow;
use std::fmt;

/// Why a text is no path that can be translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// The text does not begin with `/`.
    #[error("is not absolute")]
    Relative,
    /// The text holds a NUL byte, which no path can.
    #[error("contains a NUL byte")]
    Nul,
    /// The text is longer than any path that the kernel takes.
    #[error("is longer than {MOST_BYTES} bytes")]
    TooLong,
}

/// The longest path that the kernel takes (`PATH_MAX`), without the NUL byte at its end.
pub const MOST_BYTES: usize = 4095;

/// The longest path that the address of a unix socket holds (`unix(7)`), without the NUL byte at its end.
pub const MOST_ADDRESS_BYTES: usize = 107;

fn check(bytes: &[u8]) -> Result<(), PathError> {
    match bytes.first() {
        None => Err(PathError::Empty),
        Some(_) if bytes.contains(&0) => Err(PathError::Nul),
        Some(b'/') => Ok(()),
        Some(_) => Err(PathError::Relative),
    }
}

/// The components of a path; empty ones and `.` mean nothing and are left out.
pub(crate) fn components(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
    bytes.split(|&b| b == b'/').filter(|c| !c.is_empty() && *c != b".")
}

/// Whether a path says that a directory is at its end (`path_resolution(7)`): `/f/`, `/f/.`.
pub(crate) fn ends_as_directory(bytes: &[u8]) -> bool {
    bytes.ends_with(b"/") || bytes.ends_with(b"/.")
}

/// Whether a path is seen at once to be written by its components alone, each after one slash, with no `..` among them. Most
/// are; a name that begins with a dot is not seen to be one.
fn is_plain(bytes: &[u8]) -> bool {
    let is_unclear = |pair: &[u8]| pair[0] == b'/' && matches!(pair[1], b'/' | b'.');
    matches!(bytes, [b'/', .., last] if *last != b'/') && !bytes.windows(2).any(is_unclear)
}

/// The components of a path, of which `/var/run` is taken for `/run`.
fn past_var_run(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let names = components(bytes);
    let is_var_run = names.clone().take(2).eq([&b"var"[..], b"run"]);
    names.skip(usize::from(is_var_run))
}

/// What is left of a path below another, both by their components; `None` where it is not beneath.
fn below<'a>(
    mut own: impl Iterator<Item = &'a [u8]>,
    mut ancestor: impl Iterator<Item = &'a [u8]>,
) -> Option<Rest> {
    ancestor.all(|name| own.next() == Some(name)).then(|| Rest(own.collect::<Vec<_>>().join(&b'/')))
}

/// Writes a path for people: control characters escaped, other bytes that are no UTF-8 as U+FFFD.
fn show(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in String::from_utf8_lossy(bytes).chars() {
        if c.is_control() { write!(f, "{}", c.escape_default())? } else { fmt::Write::write_char(f, c)? }
    }
    Ok(())
}

/// An absolute path in the caller's view as it was written: it may hold `..`, `.`, doubled slashes and symlinks.
///
/// [`Walk`](crate::walk::Walk) makes a [`CallerPath`] of it, following symlinks as the caller's kernel does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AskedPath(Box<[u8]>);

impl AskedPath {
    /// Takes an absolute path, as bytes.
    ///
    /// # Errors
    /// A text that is empty, relative, holds a NUL byte, or is longer than the kernel takes a path: each component of it
    /// is looked up.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        check(bytes)?;
        if bytes.len() > MOST_BYTES {
            return Err(PathError::TooLong);
        }
        Ok(Self(bytes.into()))
    }

    /// The path to the byte as it was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path with `..` taken by the text alone, as dockerd does before it looks at any file: for those who
    /// cannot see the caller's files.
    pub fn clean(&self) -> CallerPath {
        clean(&self.0)
    }
}

fn clean(bytes: &[u8]) -> CallerPath {
    if is_plain(bytes) {
        return CallerPath(bytes.into());
    }
    let mut clean = CallerPath::root();
    for component in components(bytes) {
        if component == b".." { clean.pop() } else { clean.push(component) }
    }
    clean
}

impl From<CallerPath> for AskedPath {
    fn from(path: CallerPath) -> Self {
        Self(path.as_bytes().into())
    }
}

/// A path in the caller's view: absolute, without `.`, `..`, doubled or trailing slashes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerPath(Vec<u8>);

impl CallerPath {
    /// The caller's `/`.
    pub fn root() -> Self {
        Self(Vec::new())
    }

    /// Takes an absolute path, as bytes; `..` is taken by the text ([`AskedPath::clean`]).
    ///
    /// # Errors
    /// A text that is empty, relative, or holds a NUL byte.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        check(bytes)?;
        Ok(clean(bytes))
    }

    /// The path's bytes; `/` for the root.
    pub fn as_bytes(&self) -> &[u8] {
        if self.0.is_empty() { b"/" } else { &self.0 }
    }

    /// What is left of this path below `ancestor`, by component: empty where both are the same, `None` where it
    /// is not beneath.
    pub fn below(&self, ancestor: &Self) -> Option<Rest> {
        match self.0.strip_prefix(&ancestor.0[..])? {
            [] => Some(Rest(Vec::new())),
            [b'/', rest @ ..] => Some(Rest(rest.into())),
            _ => None,
        }
    }

    /// Whether this path is `ancestor` or beneath it, by component.
    pub(crate) fn is_beneath(&self, ancestor: &Self) -> bool {
        matches!(self.0.strip_prefix(&ancestor.0[..]), Some([] | [b'/', ..]))
    }

    /// This path with one more component, which must be a plain name.
    pub(crate) fn push(&mut self, name: &[u8]) {
        debug_assert!(!name.is_empty() && !name.contains(&b'/') && name != b".." && name != b".");
        self.0.push(b'/');
        self.0.extend_from_slice(name);
    }

    /// No path beneath this one comes before it in the order of bytes, and none that is not beneath between it and them.
    pub(crate) fn first_beneath(&self) -> Self {
        Self([&self.0[..], b"/"].concat())
    }

    /// Goes up one component; the root stays the root.
    pub(crate) fn pop(&mut self) {
        let end = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        self.0.truncate(end);
    }

    /// The directory that it is in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let mut parent = self.clone();
        parent.pop();
        (parent != *self).then_some(parent)
    }

    /// This path and what lies beneath it by `rest`.
    #[must_use]
    pub fn join(&self, rest: &Rest) -> Self {
        Self(join(&self.0, rest))
    }
}

/// An absolute path on the host, kept to the letter as the engine wrote it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnginePath(Vec<u8>);

impl EnginePath {
    /// Takes an absolute path, as bytes.
    ///
    /// # Errors
    /// A text that is empty, relative, or holds a NUL byte.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        check(bytes)?;
        Ok(Self(bytes.into()))
    }

    /// The path to the byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text, or `None` where its bytes are no UTF-8 and so cannot stand in a JSON body.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// This path and what lies beneath it by `rest`.
    #[must_use]
    pub fn join(&self, rest: &Rest) -> Self {
        Self(join(&self.0, rest))
    }

    /// The same path, which says that it is a directory.
    #[must_use]
    pub fn as_directory(&self) -> Self {
        if self.0.ends_with(b"/") { self.clone() } else { Self([&self.0[..], b"/"].concat()) }
    }

    /// The same path, which does not say what is there.
    #[must_use]
    pub fn as_anything(&self) -> Self {
        let end = self.0.iter().rposition(|&b| b != b'/').unwrap_or(0);
        Self(self.0[..=end].into())
    }

    /// The directory that it is in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let mut names: Vec<_> = components(&self.0).collect();
        names.pop()?;
        Some(Self([b"/", &names.join(&b'/')[..]].concat()))
    }

    /// Whether both are one path, however many slashes they are written with.
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0 || components(&self.0).eq(components(&other.0))
    }

    /// Whether both are one path, `/var/run` and `/run` being the same ([`Self::within`]).
    pub fn is_same(&self, other: &Self) -> bool {
        past_var_run(&self.0).eq(past_var_run(&other.0))
    }

    /// What is left of this path below `ancestor`, by component; `None` where it is not beneath.
    pub fn below(&self, ancestor: &Self) -> Option<Rest> {
        below(components(&self.0), components(&ancestor.0))
    }

    /// What is left of this path below a directory that is mounted. Both are spelled as somebody wrote them to the engine,
    /// and may lead through `/var/run`, a link to `/run` on most machines.
    pub fn within(&self, directory: &Self) -> Option<Rest> {
        self.below(directory).or_else(|| below(past_var_run(&self.0), past_var_run(&directory.0)))
    }

    /// The path by its components alone, each after a slash: what is one path is one text. Empty for the root.
    pub(crate) fn canonical(&self) -> Cow<'_, [u8]> {
        if is_plain(&self.0) {
            return Cow::Borrowed(&self.0);
        }
        components(&self.0).flat_map(|name| [b"/", name]).flatten().copied().collect()
    }
}

/// A path and each above it, deepest first, with what is left of the path below. All are by their components
/// ([`EnginePath::canonical`]).
pub(crate) fn ancestors(canonical: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let slashes = canonical.iter().enumerate().rev().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    std::iter::once((canonical, &b""[..])).chain(slashes.map(|at| (&canonical[..at], &canonical[at + 1..])))
}

fn join(base: &[u8], Rest(rest): &Rest) -> Vec<u8> {
    if rest.is_empty() {
        return base.into();
    }
    let mut joined = Vec::with_capacity(base.len() + 1 + rest.len());
    joined.extend_from_slice(base);
    if !joined.ends_with(b"/") {
        joined.push(b'/');
    }
    joined.extend_from_slice(rest);
    joined
}

/// What lies between a mount and a path beneath it: relative, plain names only, empty at the mount itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rest(Vec<u8>);

impl Rest {
    /// Nothing: the mount itself.
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    /// What is left of a path by its components alone ([`ancestors`]).
    pub(crate) fn of_canonical(rest: &[u8]) -> Self {
        Self(rest.into())
    }

    /// Takes a relative path, as engines write a volume's subpath; `None` where it holds `..` or a NUL byte, or is
    /// absolute.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"/") || bytes.contains(&0) || components(bytes).any(|name| name == b"..") {
            return None;
        }
        Some(Self(components(bytes).collect::<Vec<_>>().join(&b'/')))
    }

    /// This rest, and what lies beneath it by `rest`.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        if self.is_empty() { rest.clone() } else { Self(join(&self.0, rest)) }
    }

    /// Whether this lies beneath `ancestor`, by component, or is the same.
    pub fn is_beneath(&self, ancestor: &Self) -> bool {
        let rest = self.0.strip_prefix(&ancestor.0[..]);
        rest.is_some_and(|rest| rest.is_empty() || ancestor.is_empty() || rest.starts_with(b"/"))
    }

    /// How many components it has.
    pub(crate) fn depth(&self) -> usize {
        components(&self.0).count()
    }

    /// Whether there is nothing left: the path is the mount itself.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rest's bytes, without a leading slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The rest as text, or `None` where its bytes are no UTF-8 and so cannot stand in a JSON body.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

macro_rules! display {
    ($($path:ty => $bytes:expr),* $(,)?) => {$(
        impl fmt::Display for $path {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let bytes: fn(&$path) -> &[u8] = $bytes;
                show(bytes(self), f)
            }
        }
        impl fmt::Debug for $path {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($path))
            }
        }
    )*};
}

display! {
    AskedPath => |p| &p.0,
    CallerPath => CallerPath::as_bytes,
    EnginePath => |p| &p.0,
    Rest => |p| &p.0,
}

#[cfg(test)]
mod tests;
