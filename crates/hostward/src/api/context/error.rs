//! Why an archive cannot be judged.

use std::io;

/// Why an archive is not given to an engine.
#[derive(Debug, thiserror::Error)]
pub enum BuildContextError {
    /// It is compressed by this.
    #[error(
        "the build's archive is compressed with {0}, which hostward does not read; send it plain or gzip'd"
    )]
    Compressed(&'static str),
    /// It is no archive, or cut short.
    #[error("the build's archive cannot be read: {0}; send it as docker build does")]
    Unreadable(String),
    /// A form of tar that is not read here.
    #[error(
        "the build's archive has {what} at {name:?}, which hostward does not support; pack it again without"
    )]
    Form {
        /// What.
        what: &'static str,
        /// The entry.
        name: String,
    },
    /// A name that leads out of it.
    #[error("the build's archive has {0:?}, which leads out of it; leave it out")]
    Outside(String),
    /// A name below what is a link.
    #[error(
        "the build's archive has {0:?} below what is a link in it, so that it is another file once it is unpacked; pack the \
             files that the link leads to by their own names"
    )]
    BelowLink(String),
    /// The Dockerfile is no plain file, or can become another one.
    #[error(
        "the build's Dockerfile {0:?} is not a plain file in plain directories of the archive, so that it depends on the \
             engine which file counts; send the file itself, or name it by the build's dockerfile (docker build -f)"
    )]
    Dockerfile(String),
    /// The Dockerfile is too long.
    #[error(
        "the build's Dockerfile has more than 1 MiB, which is hostward's limit; put what is long into files that it copies"
    )]
    Long,
    /// More entries than this.
    #[error(
        "the build's archive has more than {0} files (the limit `context_files`, docs/limits.md); leave some out by .dockerignore"
    )]
    Many(u64),
    /// What is written cannot be written.
    #[error("the build's archive cannot be kept while it is judged: {0}")]
    Kept(#[source] io::Error),
}

impl BuildContextError {
    /// For one that its reader does not understand.
    pub(super) fn unreadable(error: &io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }

    /// The status to answer with: 400 where it cannot be read exactly, 413 where it is too much, 503 where it is no fault of it.
    pub fn status(&self) -> u16 {
        match self {
            Self::Compressed(_)
            | Self::Unreadable(_)
            | Self::Form { .. }
            | Self::Outside(_)
            | Self::BelowLink(_)
            | Self::Dockerfile(_) => 400,
            Self::Long | Self::Many(_) => 413,
            Self::Kept(_) => 503,
        }
    }
}
