//! Where the audit's lines go: beside the log's, or into a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, OFlags, access, fcntl_getfl, fcntl_setfl};

use super::line::Shape;
use crate::settings::{AuditTo, LineFormat};

/// Who may read the file: Hostward's user and group.
const MODE: u32 = 0o640;

/// Where lines go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// To stderr, in the shape of the log's lines, whatever those are filtered by.
    Log(LineFormat),
    /// To the end of a file, as JSON.
    File(AuditFile),
}

/// A file that is open.
#[derive(Debug)]
pub(crate) struct AuditFile {
    path: PathBuf,
    file: File,
    /// Its last line has no end, because there was no room for that.
    is_torn: bool,
}

impl Sink {
    /// Opens it; none where nothing is to be written.
    ///
    /// # Errors
    /// Why a file cannot be written.
    pub(crate) fn open(to: &AuditTo) -> io::Result<Option<Self>> {
        Ok(match to {
            AuditTo::Off => None,
            AuditTo::Log(format) => Some(Self::Log(*format)),
            AuditTo::File(path) => Some(Self::File(AuditFile::open(path)?)),
        })
    }

    /// Whether a file could be opened, which is not made where it is missing.
    pub(crate) fn could_open(file: &Path) -> io::Result<()> {
        if file.exists() {
            return AuditFile::open(file).map(drop);
        }
        let directory = file.parent().unwrap_or(file);
        Ok(access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
    }

    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Log(format) => Shape::Log(*format),
            Self::File(_) => Shape::Alone,
        }
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Log(_) => "the log".to_owned(),
            Self::File(file) => file.path.to_string_lossy().into_owned(),
        }
    }

    /// Writes a line by one call, so that another process's line does not get into it.
    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Log(_) => io::stderr().lock().write_all(line.as_bytes()),
            Self::File(file) => file.write(line),
        }
    }
}

impl AuditFile {
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // Whoever opens a pipe waits for its reader, who may never come.
        let at_once = OFlags::NONBLOCK.bits().cast_signed();
        let file = options.append(true).create(true).mode(MODE).custom_flags(at_once).open(path)?;
        let flags = fcntl_getfl(&file)?;
        fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
        Ok(Self { path: path.to_owned(), file, is_torn: false })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let begun = if self.is_torn { format!("\n{line}") } else { line.to_owned() };
        let mut rest = begun.as_bytes();
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = &rest[written..];
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
