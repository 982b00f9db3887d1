//! What was decided about a request: one value for each, for the audit and for those who count.
//!
//! It names paths and nothing else of a body, which holds the secrets of `Env` as well.

use std::time::{Duration, SystemTime};

use hostward::api::endpoint::Endpoint;
use hostward::containment::Contained;
use hostward::path::{AskedPath, CallerPath};
use hostward::plan::Give;
use hostward::reading::Words;
use hostward::rule::{COMES_ALONG, Rule};
use hostward_engine::stream::Stream;
use hostward_sight::Change;

use crate::caller::Caller;
use crate::refuse::Refused;
use crate::request_id::RequestId;

/// A decision about a request that names paths.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) id: RequestId,
    /// When the request came.
    pub(crate) time: SystemTime,
    pub(crate) caller: Caller,
    /// The calling process, where that is one of the host.
    pub(crate) process: Option<HostProcess>,
    pub(crate) endpoint: Endpoint,
    /// Method and target.
    pub(crate) request: String,
    pub(crate) verdict: Ruling,
    /// The final status that the client got; none where it went before one came.
    pub(crate) status: Option<u16>,
    /// The id of the container that the engine has created.
    pub(crate) created: Option<String>,
    /// From the request's head to the end of the answer.
    pub(crate) took: Duration,
}

/// A process of the host, as the kernel names it to the socket that it has connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostProcess {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
}

impl HostProcess {
    /// The one at the other end of a connection; none where the kernel does not say.
    pub(crate) fn of(stream: &Stream) -> Option<Self> {
        let Stream::Unix(socket) = stream else { return None };
        let credentials = socket.peer_cred().ok()?;
        Some(Self { pid: credentials.pid()?, uid: credentials.uid() })
    }
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Ruling {
    /// It went to the engine as it came, because a process of the host has sent it (T14).
    Passed,
    /// It was judged and went to the engine.
    Forwarded(Forwarded),
    /// Hostward has answered it.
    Refused(Refused),
}

/// What the engine was given.
#[derive(Debug, Default)]
pub(crate) struct Forwarded {
    /// The image of a container that is created.
    pub(crate) image: Option<String>,
    /// The name that the client wants for it.
    pub(crate) name: Option<String>,
    /// All that the engine was given that was not asked so.
    pub(crate) paths: Vec<TranslatedPath>,
    /// Why it would have been refused if the caller's profile were enforced.
    pub(crate) warned: Option<Refused>,
}

/// A path for which the engine was given something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TranslatedPath {
    pub(crate) rule: Rule,
    /// Where it is in the created container, where it is mounted.
    pub(crate) target: Option<CallerPath>,
    /// As the caller wrote it.
    pub(crate) before: AskedPath,
    pub(crate) words: Words,
    pub(crate) after: Give,
    pub(crate) read_only: bool,
}

impl TranslatedPath {
    /// What a change comes to: the path itself, and what the caller has mounted beneath it.
    pub(crate) fn of(rule: Rule, change: &Change) -> impl Iterator<Item = Self> {
        let Change { asked, words, wish, given, .. } = change;
        let target = wish.covered.target();
        let itself = Self {
            rule,
            target: target.cloned(),
            before: asked.clone(),
            words: *words,
            after: given.source.clone(),
            read_only: given.read_only,
        };
        let along = given.beneath.iter().map(move |beneath| Self {
            rule: COMES_ALONG,
            target: target.map(|target| target.join(&beneath.rest)),
            before: beneath.at.clone().into(),
            words: Words::Callers,
            after: beneath.source.clone(),
            read_only: beneath.read_only,
        });
        std::iter::once(itself).chain(along)
    }

    /// How many bytes of memory its texts take.
    fn weight(&self) -> usize {
        let after = match &self.after {
            Give::Bind(path) | Give::Contained(Contained { source: path, .. }) => path.as_bytes().len(),
            Give::Volume { name, subpath } => name.len() + subpath.as_bytes().len(),
        };
        let target = self.target.as_ref().map_or(0, |target| target.as_bytes().len());
        size_of::<Self>() + self.before.as_bytes().len() + after + target
    }
}

impl Ruling {
    /// How many paths were translated.
    pub(crate) fn translated(&self) -> usize {
        match self {
            Self::Forwarded(forwarded) => forwarded.paths.len(),
            Self::Passed | Self::Refused(_) => 0,
        }
    }

    /// The engine gets it as it is, though the profile is against it.
    pub(crate) fn warned(refused: Refused) -> Self {
        Self::Forwarded(Forwarded { warned: Some(refused), ..Forwarded::default() })
    }

    /// By what it is refused, or would be.
    pub(crate) fn against(&self) -> Option<&Refused> {
        match self {
            Self::Passed => None,
            Self::Forwarded(forwarded) => forwarded.warned.as_ref(),
            Self::Refused(refused) => Some(refused),
        }
    }

    /// Its name, for those who read or count decisions.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Forwarded(forwarded) if forwarded.warned.is_some() => "warned",
            Self::Forwarded(forwarded) if forwarded.paths.is_empty() => "unchanged",
            Self::Forwarded(_) => "translated",
            Self::Refused(_) => "refused",
        }
    }
}

impl Decision {
    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        let said = match &self.verdict {
            Ruling::Passed => 0,
            Ruling::Forwarded(forwarded) => {
                let paths: usize = forwarded.paths.iter().map(TranslatedPath::weight).sum();
                let texts = [&forwarded.image, &forwarded.name].into_iter().flatten().map(String::len);
                let warned = forwarded.warned.as_ref().map_or(0, |warned| warned.message.len());
                paths + texts.sum::<usize>() + warned
            }
            Ruling::Refused(refused) => refused.message.len(),
        };
        size_of::<Self>() + self.request.len() + said
    }
}
