//! What the files of a container are seen through.

use super::error::IdentifyError;
use super::home::{self, Files, Home, Nobody};
use super::process::Process;

/// What the files of a container are seen through.
#[derive(Debug)]
pub(super) enum Through {
    /// No process of it that may be looked at: the engine tells. One that may not must still be there.
    Engine(Option<Process>),
    /// A process that has the mounts of the container's first process. Any other that has them sees the same.
    Container(Process, Home),
    /// A process that may have mounts of its own.
    Own(Process),
}

impl Through {
    /// What the files of a container are seen through, by a process of it: one of which the cgroup says that it is in the one whose
    /// first process is `first`; none where it sees the machine's files. A cgroup says nothing of files: a process of the
    /// container may have been given the machine's (`nsenter --mount`), or have changed its root directory, and one with a
    /// cgroup tree of its own to write to may name it after another container.
    ///
    /// It looks at root directories, which may be on a server that has gone.
    ///
    /// # Errors
    /// Where they are nobody's that is known.
    pub(super) fn of(process: Process, first: Option<&Process>) -> Result<Option<Self>, IdentifyError> {
        let Ok(own) = Home::of(process.pid()) else {
            // What cannot be looked at is not translated either, save by the engine's word on the container.
            return process.check().map(|()| Some(Self::Engine(Some(process))));
        };
        let container = match first {
            Some(first) => match Home::of(first.pid()) {
                Ok(home) => first.check().map(|()| Some(home))?,
                Err(_) => None,
            },
            None => None,
        };
        process.check()?;
        match own.in_container(container.as_ref(), home::machine()) {
            Ok(Files::Machine) => Ok(None),
            Ok(Files::Container) if container.is_some_and(|home| home.namespace() == own.namespace()) => {
                Ok(Some(Self::Container(process, own)))
            }
            Ok(Files::Container) => Ok(Some(Self::Own(process))),
            Err(Nobody::OwnRoot) => Err(process.has_own_root("the container it is in")),
            Err(Nobody::UserNamespace) => Err(IdentifyError::UserNamespace(process.pid())),
        }
    }

    /// A container's first process; the engine where that cannot be seen.
    pub(super) fn first(first: Option<Process>) -> Self {
        let Some(first) = first else { return Self::Engine(None) };
        match Home::of(first.pid()) {
            Ok(home) if home.is_top() => Self::Container(first, home),
            Ok(_) => Self::Own(first),
            Err(_) => Self::Engine(Some(first)),
        }
    }

    /// Whose files others see as well who have the same.
    pub(super) fn home(&self) -> Option<Home> {
        match self {
            Self::Container(_, home) => Some(*home),
            Self::Engine(_) | Self::Own(_) => None,
        }
    }

    /// The process, to be looked through.
    pub(super) fn into_process(self) -> Option<Process> {
        match self {
            Self::Engine(process) => process,
            Self::Container(process, _) | Self::Own(process) => Some(process),
        }
    }
}
