//! Step 2: which requests have to be understood. All others stream through, known or not.

use std::sync::Arc;

use hostward::api::endpoint::Endpoint;
use hostward::api::operations::classify;
use hostward::api::{commit, podman, sought};
use hostward_engine::about::{EXPLAIN_PATH, PATH};

use crate::caller::{Caller, Guest};
use crate::identify::Identify;
use crate::metrics::RequestKind;
use crate::refuse::Refused;
use crate::request::Request;
use crate::restore::Restore;
use crate::sending::Sending;

/// What is to be done with a request, by its request line alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Body and answer stream through; nobody looks at them.
    Stream {
        /// The engine may answer with a raw stream under status 200.
        hijacks: bool,
    },
    /// The body is read whole and judged before the engine sees the first byte, and the answer is restored.
    Judge(Endpoint),
    /// The body streams through; the answer is restored.
    Restore(Endpoint),
    /// It makes an image with the labels of a container. The body streams through.
    Commit,
    /// It carries paths for which there is no translation.
    Untranslated(Endpoint),
    /// Its target can name files on the host, to Podman alone; all of it streams through otherwise.
    Query,
    /// It is for Hostward itself: who is asking?
    About,
    /// It is for Hostward itself: what are these paths to the engine?
    Explain,
}

impl Operation {
    /// Reads a request line.
    pub(crate) fn of(method: &[u8], target: &[u8]) -> Self {
        if target == PATH.as_bytes() && matches!(method, b"GET" | b"HEAD") {
            return Self::About;
        }
        if target == EXPLAIN_PATH.as_bytes() && method == b"POST" {
            return Self::Explain;
        }
        let operation = Self::by_endpoint(method, target);
        match operation {
            Self::Stream { .. } if podman::queries(method, target) => Self::Query,
            operation => operation,
        }
    }

    /// What is counted of it.
    pub(crate) fn kind(self) -> RequestKind {
        match self {
            Self::Stream { .. } | Self::Query => RequestKind::Streamed,
            Self::Judge(_) | Self::Untranslated(_) => RequestKind::Judged,
            Self::Restore(_) | Self::Commit => RequestKind::Restored,
            Self::About | Self::Explain => RequestKind::Own,
        }
    }

    fn by_endpoint(method: &[u8], target: &[u8]) -> Self {
        match classify(method, target) {
            endpoint if endpoint.carries_paths() => Self::Judge(endpoint),
            Endpoint::Commit => Self::Commit,
            // Its errors name what could not be mounted.
            Endpoint::ContainerRestart => Self::Restore(Endpoint::ContainerRestart),
            endpoint if endpoint.answers_with_paths() => Self::Restore(endpoint),
            endpoint @ (Endpoint::LibpodCreate | Endpoint::CheckpointDirectory) => {
                Self::Untranslated(endpoint)
            }
            Endpoint::ContainerAttach | Endpoint::ExecStart => Self::Stream { hijacks: true },
            // All others were said before, or carry nothing.
            _ => Self::Stream { hijacks: false },
        }
    }
}

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Route {
    /// To the engine, whoever sends it.
    Streams(Streams),
    /// That depends on who sends it.
    Asks(Asks),
}

/// A request whose body streams: it names no path, or it is of a process of the host. Only this file makes one.
#[derive(Debug)]
pub(crate) struct Streams(Sending);

/// A request of which it matters who sends it.
#[derive(Debug)]
pub(crate) struct Asks {
    request: Request,
    operation: Operation,
}

/// Where a request goes that somebody sends.
#[derive(Debug)]
pub(crate) enum Way {
    /// To the engine.
    Streams(Streams),
    /// To be judged.
    Judge(ToJudge),
    /// Nowhere: it is for Hostward itself.
    About(Caller),
    /// Nowhere: its body asks Hostward itself.
    Explain(Request, Caller),
    /// Nowhere, and why.
    Refused(Request, Refused),
}

/// A request that is judged before the engine sees it.
#[derive(Debug)]
pub(crate) struct ToJudge {
    pub(crate) request: Request,
    pub(crate) endpoint: Endpoint,
    pub(crate) guest: Arc<Guest>,
}

/// Says where a request goes.
pub(crate) fn route(request: Request, operation: Operation) -> Route {
    match operation {
        Operation::Stream { hijacks } => Route::Streams(Streams::of(request, hijacks, Restore::default())),
        operation => Route::Asks(Asks { request, operation }),
    }
}

impl Asks {
    /// Whether what is known of the caller must still hold: what a container has mounted changes while its connection lasts.
    pub(crate) fn must_be_fresh(&self) -> bool {
        matches!(
            self.operation,
            Operation::Judge(_) | Operation::Restore(_) | Operation::About | Operation::Explain
        )
    }

    /// Which endpoint it is for, with its method and target, where it may name paths of the host.
    pub(crate) fn judged(&self) -> Option<(Endpoint, String)> {
        match self.operation {
            Operation::Judge(endpoint) | Operation::Untranslated(endpoint) => {
                Some((endpoint, self.request.line()))
            }
            Operation::Stream { .. }
            | Operation::Restore(_)
            | Operation::Commit
            | Operation::Query
            | Operation::About
            | Operation::Explain => None,
        }
    }

    /// Where it goes, now that it is known who sends it.
    pub(crate) async fn by(self, caller: Caller, identify: &Identify) -> Way {
        let Self { request, operation } = self;
        let guest = match (&operation, caller) {
            (Operation::About, caller) => return Way::About(caller),
            (Operation::Explain, caller) => return Way::Explain(request, caller),
            // Not a byte of it changes (T14).
            (_, Caller::Host) => return Way::Streams(Streams::of(request, false, Restore::default())),
            (_, Caller::Guest(guest)) => guest,
        };
        if guest.abilities.is_podman()
            && let Err(error) = podman::check_query(request.method(), request.target())
        {
            let refused = Refused::new(400, format!("hostward: {error}")).because("podman");
            return Way::Refused(request, refused);
        }
        match operation {
            Operation::Judge(endpoint) => Way::Judge(ToJudge { request, endpoint, guest }),
            Operation::Restore(Endpoint::ContainerList) if !guest.is_apart() => list(request, guest),
            Operation::Restore(endpoint) => {
                Way::Streams(Streams::of(request, false, Restore::to(guest, endpoint)))
            }
            Operation::Commit => commit(request, identify).await,
            Operation::Untranslated(endpoint) => Way::Refused(request, Refused::untranslated(endpoint)),
            Operation::Query => Way::Streams(Streams::of(request, false, Restore::default())),
            Operation::Stream { hijacks } => Way::Streams(Streams::of(request, hijacks, Restore::default())),
            Operation::About => Way::About(Caller::Guest(guest)),
            Operation::Explain => Way::Explain(request, Caller::Guest(guest)),
        }
    }
}

/// A list of containers. Where it asks for what is mounted at a path, only the caller's words tell.
fn list(mut request: Request, guest: Arc<Guest>) -> Way {
    let restore = match sought::take(request.target(), guest.abilities.is_podman()) {
        None => Restore::to(guest, Endpoint::ContainerList),
        Some((sought, target)) => {
            if let Err(error) = request.replace_target(&target) {
                return Way::Refused(request, error.into());
            }
            Restore::found(guest, sought)
        }
    };
    Way::Streams(Streams::of(request, false, restore))
}

/// An image of a container, whose labels it gets: but for what Hostward has written there, which has the host's paths in it.
async fn commit(mut request: Request, identify: &Identify) -> Way {
    if let Some(container) = commit::container(request.target())
        && identify.has_label(&container).await
    {
        let target = commit::without_label(request.target());
        if let Err(error) = request.replace_target(&target) {
            return Way::Refused(request, error.into());
        }
    }
    Way::Streams(Streams::of(request, false, Restore::default()))
}

impl Streams {
    fn of(mut request: Request, hijacks: bool, restore: Restore) -> Self {
        if restore.is_asked() {
            request.ask_identity();
        }
        let hijacks = hijacks || request.head.upgrade;
        Self(Sending { request, archive: None, hijacks, restore, lease: None, links: Vec::new() })
    }

    pub(crate) fn into_sending(self) -> Sending {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_the_way_that_their_paths_ask_for() {
        for (line, expected) in [
            ("POST /v1.41/containers/create", Operation::Judge(Endpoint::ContainerCreate)),
            ("POST /containers/x/start", Operation::Judge(Endpoint::ContainerStart)),
            ("POST /containers/x/restart", Operation::Restore(Endpoint::ContainerRestart)),
            ("GET /containers/x/json", Operation::Restore(Endpoint::ContainerInspect)),
            ("GET /v1.24/events?since=1", Operation::Restore(Endpoint::Events)),
            ("POST /volumes/create", Operation::Judge(Endpoint::VolumeCreate)),
            ("POST /v4.3.1/libpod/containers/create", Operation::Untranslated(Endpoint::LibpodCreate)),
            ("GET /_hostward", Operation::About),
            ("POST /_hostward", Operation::Stream { hijacks: false }),
            ("POST /_hostward/explain", Operation::Explain),
            ("GET /_hostward/explain", Operation::Stream { hijacks: false }),
            ("POST /exec/x/start", Operation::Stream { hijacks: true }),
            ("POST /v1.41/build?volume=/etc:/t", Operation::Query),
            ("GET /images/json", Operation::Stream { hijacks: false }),
            ("POST /v1.41/commit?container=x", Operation::Commit),
            ("HEAD /containers/x/archive?path=/", Operation::Stream { hijacks: false }),
        ] {
            let (method, target) = line.split_once(' ').unwrap();
            assert_eq!(Operation::of(method.as_bytes(), target.as_bytes()), expected, "{line}");
        }
    }
}
