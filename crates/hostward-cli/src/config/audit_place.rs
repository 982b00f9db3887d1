//! Where decisions can be written, and which.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::ValueEnum;
use hostward_proxy::{AuditTo, LineFormat};

use crate::log::Format;

/// Where decisions are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuditPlace {
    /// Among the log's lines.
    Log,
    /// In a file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

/// Which decisions are written too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditAlso {
    /// Those that changed nothing
    Unchanged,
    /// Those about processes of the host
    Host,
}

impl AuditAlso {
    /// As the flag has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Host => "host",
        }
    }
}

impl AuditPlace {
    /// Reads `log`, `off` or a file.
    ///
    /// # Errors
    /// A file that depends on where the program was started.
    pub(crate) fn parse(text: &OsStr) -> Result<Self, String> {
        let path = PathBuf::from(text);
        match text.to_str() {
            Some("log") => Ok(Self::Log),
            Some("off") => Ok(Self::Off),
            _ if path.is_absolute() => Ok(Self::File(path)),
            _ => Err(format!(
                "unknown value {:?} (expected \"log\", \"off\", or the absolute path of a file, such as \
                 \"/var/log/hostward/audit.log\")",
                text.to_string_lossy()
            )),
        }
    }

    /// The same, where the log's lines have this format.
    pub(super) fn in_format(self, format: Format) -> AuditTo {
        match self {
            Self::Off => AuditTo::Off,
            Self::File(path) => AuditTo::File(path),
            Self::Log => AuditTo::Log(format.into()),
        }
    }
}

impl From<Format> for LineFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}
