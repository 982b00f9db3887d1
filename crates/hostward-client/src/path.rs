//! The two questions of a program that does not care how they are answered.

#![allow(
    clippy::disallowed_methods,
    reason = "these are paths of this process's own, as its user names them"
)]

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::{env, io};

use hostward::explanation::Explanation;
use hostward::path::{AskedPath, PathError};
use hostward_engine::context::{self, ContextError, Surroundings};

use crate::error::ViewpointError;
use crate::viewpoint::Viewpoint;
use crate::whose::WhosePaths;

/// Why a path has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HostPathError {
    /// What was asked for is no path.
    #[error("the path {path:?} {error}", path = path.display())]
    NoPath {
        /// What was asked for.
        path: PathBuf,
        /// What is wrong with it.
        error: PathError,
    },
    /// A relative path means the working directory, which has no name.
    #[error("cannot get the working directory: {0}")]
    WorkingDirectory(io::Error),
    /// It is not known which engine is meant.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// Nothing could be found out.
    #[error(transparent)]
    Viewpoint(#[from] ViewpointError),
    /// The path has no place on the host that the engine could mount.
    #[error("{why}; {remedy}")]
    Refused {
        /// What was asked, and why the engine is given nothing.
        why: String,
        /// What to do about it.
        remedy: String,
    },
}

/// The path by which the host has what this process sees at `path`: what `docker run -v` needs on the left. A relative path
/// means the working directory. Mounts that lie beneath it are not included; [`explain`] lists them.
///
/// # Errors
/// Where the path has no place on the host, and where nothing could be found out.
pub async fn host_path(path: impl AsRef<Path>) -> Result<PathBuf, HostPathError> {
    let explanation = explain(path).await?;
    match explanation.source_bytes() {
        Some(source) => Ok(OsString::from_vec(source.to_vec()).into()),
        None => Err(HostPathError::Refused {
            why: explanation
                .refused
                .unwrap_or_else(|| format!("the host's path of {} is not UTF-8", explanation.asked)),
            remedy: explanation.remedy.unwrap_or_else(|| "rename the directory".to_owned()),
        }),
    }
}

/// What this process's `path` is to the engine, and why.
///
/// # Errors
/// Where nothing could be found out. That a path has no place on the host is an answer.
pub async fn explain(path: impl AsRef<Path>) -> Result<Explanation, HostPathError> {
    let asked = asked(path.as_ref())?;
    let engine = context::choose(None, &Surroundings::of_process())?.address;
    let viewpoint = Viewpoint::asking(&engine, &WhosePaths::default()).await?;
    let explained = viewpoint.explain(std::slice::from_ref(&asked)).await?;
    // One was asked for, and one comes.
    explained
        .into_iter()
        .next()
        .ok_or_else(|| ViewpointError::Failed("nothing was explained".to_owned()).into())
}

/// A path, made absolute.
fn asked(path: &Path) -> Result<AskedPath, HostPathError> {
    let absolute = if path.is_absolute() || path.as_os_str().is_empty() {
        path.to_owned()
    } else {
        env::current_dir().map_err(HostPathError::WorkingDirectory)?.join(path)
    };
    AskedPath::parse(absolute.as_os_str().as_bytes())
        .map_err(|error| HostPathError::NoPath { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_means_the_working_directory() {
        let here = env::current_dir().unwrap();
        assert_eq!(asked(Path::new("a/b")).unwrap().as_bytes(), here.join("a/b").as_os_str().as_bytes());
        assert_eq!(asked(Path::new("/a/../b")).unwrap().as_bytes(), b"/a/../b");
        assert!(matches!(asked(Path::new("")), Err(HostPathError::NoPath { .. })));
    }
}
