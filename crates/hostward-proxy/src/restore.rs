//! The engine's answer in the caller's words.

use std::sync::Arc;

use hostward::api::answer;
use hostward::api::endpoint::Endpoint;

use crate::identify::Guest;

/// How to put an answer into the caller's words: for whom, and to what it is the answer. The default passes it through.
#[derive(Debug, Default)]
pub(crate) struct Restore(Option<To>);

#[derive(Debug)]
struct To {
    guest: Arc<Guest>,
    endpoint: Endpoint,
    /// What errors name of the request; without it, they are read by the caller's mounts.
    errors: Option<answer::Restore>,
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

/// A record separator (RFC 7464): Docker from API 1.52 on begins each event with one for those who ask for it.
const SEPARATOR: u8 = 0x1e;

impl Restore {
    /// For an answer to a request whose body was judged, whose errors name what it was made into.
    pub(crate) fn judged(guest: Arc<Guest>, endpoint: Endpoint, errors: Option<answer::Restore>) -> Self {
        Self(Some(To { guest, endpoint, errors }))
    }

    /// For an answer to any other request of a guest.
    pub(crate) fn to(guest: Arc<Guest>, endpoint: Endpoint) -> Self {
        Self::judged(guest, endpoint, None)
    }

    /// Whether any answer is restored at all.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// How an answer of this status is taken.
    pub(crate) fn take(&self, status: u16) -> Take {
        match &self.0 {
            Some(_) if status >= 400 => Take::Whole,
            Some(to) if matches!(status, 200..=299) && to.endpoint.answers_with_paths() => {
                if to.endpoint == Endpoint::Events { Take::Lines } else { Take::Whole }
            }
            Some(_) | None => Take::Pass,
        }
    }

    /// The body of a whole answer in the caller's words; `None` where nothing changes.
    pub(crate) fn body(&self, status: u16, body: &[u8]) -> Option<Vec<u8>> {
        let to = self.0.as_ref()?;
        match &to.errors {
            _ if status < 400 => to.restored(body),
            Some(errors) => errors.message(body),
            None => answer::Restore::of(to.guest.sight.view()).message(body),
        }
    }

    /// A line of an endless answer in the caller's words; `None` where nothing changes.
    pub(crate) fn line(&self, line: &[u8]) -> Option<Vec<u8>> {
        let to = self.0.as_ref()?;
        match line.split_first() {
            Some((&SEPARATOR, event)) => Some([&[SEPARATOR][..], &to.restored(event)?].concat()),
            _ => to.restored(line),
        }
    }
}

impl To {
    fn restored(&self, body: &[u8]) -> Option<Vec<u8>> {
        if body.trim_ascii().is_empty() {
            return None;
        }
        answer::restored(self.endpoint, body, self.guest.reader()).unwrap_or_else(|error| {
            tracing::warn!(%error, endpoint = ?self.endpoint, "an answer of the engine's cannot be restored");
            None
        })
    }
}
