//! The engine's answer in the caller's words.

use std::sync::Arc;

use hostward::api::answer::{self, Restored};
use hostward::api::endpoint::Endpoint;
use hostward::api::redact::{Hides, redacted};
use hostward::api::sought::Sought;
use hostward::api::wording::{AskedFor, Wording};

use crate::caller::Guest;
use crate::limits::Bytes;
use crate::pool::{Full, Tenant};

/// How to put an answer into the caller's words: for whom, and to what it is the answer. The default passes it through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Restore(Option<Arc<To>>);

#[derive(Debug)]
struct To {
    guest: Arc<Guest>,
    endpoint: Endpoint,
    /// What errors may name of the request; all else they are read by the caller's mounts.
    asked_for: AskedFor,
    /// Which containers of a list are asked for.
    sought: Option<Sought>,
    /// What its profile does not tell.
    hides: Hides,
    /// It tells of the host, though of no path of a caller.
    tells_of_host: bool,
}

/// How an answer is taken from the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// It passes through without being read.
    Pass,
    /// It is held until it is whole.
    Whole,
    /// It has no end; each line is restored as it comes.
    Lines,
}

/// The status of an answer to a create that has made something.
const CREATED: u16 = 201;

/// The operations whose answers tell of the host, though of no path of a caller.
const TELLS_OF_HOST: [&str; 8] = [
    "system.info",
    "image.inspect",
    "network.inspect",
    "network.list",
    "plugin.inspect",
    "plugin.list",
    "node.inspect",
    "node.list",
];

/// A record separator (RFC 7464): Docker from API 1.52 on begins each event with one for those who ask for it.
const SEPARATOR: u8 = 0x1e;

impl Restore {
    /// For an answer to a request whose body was judged, whose errors name what it was made into.
    pub(crate) fn judged(guest: Arc<Guest>, endpoint: Endpoint, asked_for: AskedFor) -> Self {
        let hides = guest.hides();
        // What a process of the machine reads are the machine's paths already.
        let is_asked = !guest.is_of_host() || !hides.is_nothing();
        Self(
            is_asked.then(|| {
                Arc::new(To { guest, endpoint, asked_for, sought: None, hides, tells_of_host: false })
            }),
        )
    }

    /// For the list of those containers that have mounted what is sought.
    pub(crate) fn found(guest: Arc<Guest>, sought: Sought) -> Self {
        let (endpoint, asked_for, sought) = (Endpoint::ContainerList, AskedFor::default(), Some(sought));
        let hides = guest.hides();
        Self(Some(Arc::new(To { guest, endpoint, asked_for, sought, hides, tells_of_host: false })))
    }

    /// For an answer to any other request of a guest.
    pub(crate) fn to(guest: Arc<Guest>, endpoint: Endpoint) -> Self {
        Self::judged(guest, endpoint, AskedFor::default())
    }

    /// For an answer to an operation that is not about the caller's paths, where a profile may not let all of it be told.
    pub(crate) fn of_operation(guest: Arc<Guest>, operation: &str) -> Self {
        let hides = guest.hides();
        if hides.is_nothing() {
            return Self::default();
        }
        let tells_of_host = TELLS_OF_HOST.contains(&operation);
        let (endpoint, asked_for, sought) = (Endpoint::Other, AskedFor::default(), None);
        Self(Some(Arc::new(To { guest, endpoint, asked_for, sought, hides, tells_of_host })))
    }

    /// Whether any answer is restored at all.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// How an answer of this status is taken.
    pub(crate) fn take(&self, status: u16) -> Take {
        match &self.0 {
            Some(_) if status >= 400 => Take::Whole,
            // Which container it is that was made.
            Some(to) if status == CREATED && to.endpoint == Endpoint::ContainerCreate => Take::Whole,
            Some(to) if matches!(status, 200..=299) && to.endpoint.answers_with_paths() => {
                if to.endpoint == Endpoint::Events { Take::Lines } else { Take::Whole }
            }
            Some(to) if matches!(status, 200..=299) && to.tells_of_host => Take::Whole,
            Some(_) | None => Take::Pass,
        }
    }

    /// The body of a whole answer in the caller's words; `None` where nothing changes.
    ///
    /// # Errors
    /// An answer that cannot be read. It is not to be passed on.
    pub(crate) fn body(&self, status: u16, body: &[u8]) -> Result<Option<Vec<u8>>, Withheld> {
        let Some(to) = &self.0 else { return Ok(None) };
        if status < 400 {
            return to.restored(body);
        }
        let view = to.guest.sight.view();
        let wording = if to.hides.paths {
            Wording::hiding(view, &to.asked_for)
        } else {
            Wording::of(view, &to.asked_for)
        };
        Ok(wording.message(body))
    }

    /// A line of an endless answer in the caller's words; `None` where nothing changes.
    ///
    /// # Errors
    /// A line that cannot be read.
    pub(crate) fn line(&self, line: &[u8]) -> Result<Option<Vec<u8>>, Withheld> {
        let Some(to) = &self.0 else { return Ok(None) };
        match line.split_first() {
            Some((&SEPARATOR, event)) => {
                let restored = to.restored(event)?;
                Ok(restored.map(|event| [&[SEPARATOR][..], &event].concat()))
            }
            _ => to.restored(line),
        }
    }

    /// The id of the container that a create has made, by its answer.
    pub(crate) fn created(&self, status: u16, body: &[u8]) -> Option<String> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Made {
            id: String,
        }
        let to = self.0.as_ref()?;
        if status != CREATED || to.endpoint != Endpoint::ContainerCreate {
            return None;
        }
        serde_json::from_slice(body).ok().map(|Made { id }| id)
    }

    /// Whose share of what callers share the answer takes.
    pub(crate) fn tenant(&self) -> Option<Tenant> {
        self.0.as_ref().map(|to| to.guest.tenant())
    }
}

impl To {
    fn restored(&self, body: &[u8]) -> Result<Option<Vec<u8>>, Withheld> {
        if body.trim_ascii().is_empty() || !(self.tells_of_host || self.endpoint.answers_with_paths()) {
            return Ok(None);
        }
        let unreadable = |error| {
            tracing::warn!(%error, endpoint = ?self.endpoint, "cannot restore an answer of the engine; answering 502 \
                                                               instead");
            Withheld::Unreadable
        };
        let reader = self.guest.reader();
        let redacted = redacted(body, self.hides, self.guest.owner()).map_err(unreadable)?;
        if !self.endpoint.answers_with_paths() {
            return Ok(redacted);
        }
        let left = redacted.as_deref().unwrap_or(body);
        let told = answer::told(self.endpoint, left, reader, self.sought.as_ref(), self.hides.paths);
        let Restored { body, shown } = told.map_err(unreadable)?;
        self.guest.is_shown(shown);
        Ok(body.or(redacted))
    }
}

/// Why an answer that names paths cannot be put into the caller's words. As it is it must not be passed on: the caller
/// would take the engine's paths for its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Withheld {
    /// It is longer than is held.
    #[error("it is longer than {} (the limit `answer_bytes`)", Bytes(*.0))]
    TooLarge(u64),
    /// It has a line that is longer than is held.
    #[error("one of its lines is longer than {} (the limit `line_bytes`)", Bytes(*.0))]
    LongLine(u64),
    /// Too much is held already.
    #[error("{0}")]
    Full(#[from] Full),
    /// It is not as it was asked for.
    #[error("it is compressed, although nobody asked for that")]
    Encoded,
    /// It has no end.
    #[error("the connection ended in the middle of it")]
    CutShort,
    /// It is not what the API says.
    #[error("it is not what the Engine API says; hostward's log has more")]
    Unreadable,
    /// There is nobody to do it.
    #[error("{0}")]
    Unlooked(String),
}
