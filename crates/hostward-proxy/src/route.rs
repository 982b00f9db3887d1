//! Step 2: which requests have to be understood. All others stream through, known or not.

use std::sync::Arc;

use hostward::api::endpoint::Endpoint;
use hostward::api::operations::classify;
use hostward::api::{commit, podman, sought};
use hostward_engine::about::{EXPLAIN_PATH, PATH};

use crate::authorize::{Cleared, Grant, clear};
use crate::caller::{Caller, Guest};
use crate::claim::{RequestLine, claim, is_open, is_read_whole, line};
use crate::identify::Identify;
use crate::mandate::{Mandate, no_profile};
use crate::metrics::RequestKind;
use crate::owners::own;
use crate::profiles::Profiles;
use crate::refuse::Refused;
use crate::request::Request;
use crate::restore::Restore;
use crate::sending::Sending;

/// What is to be done with a request, by its request line alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
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

impl Treatment {
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
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation for each request that passes")]
pub(crate) enum Route {
    /// To the engine, whoever sends it.
    Streams(Streams),
    /// That depends on who sends it.
    Asks(Asks),
}

/// A request whose body streams: it names no path, or it is of a process of the host. Only this file makes one.
#[derive(Debug)]
pub(crate) struct Streams {
    sending: Sending,
    /// Why it would be refused if the caller's profile were enforced.
    warned: Option<Box<Refused>>,
}

/// A request of which it matters who sends it.
#[derive(Debug)]
pub(crate) struct Asks {
    request: Request,
    operation: Treatment,
}

/// Where a request goes that somebody sends.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
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
    /// What its line asks for, under a profile.
    pub(crate) line: Option<RequestLine>,
}

/// Says where a request goes. Where profiles are in force it nearly always matters who sends it.
pub(crate) fn route(request: Request, operation: Treatment, profiles: &Profiles) -> Route {
    if let Treatment::Stream { hijacks } = operation
        && let Some(cleared) = Cleared::for_all(profiles, || is_open(&request))
    {
        return Route::Streams(Streams::of(request, hijacks, Restore::default(), cleared));
    }
    Route::Asks(Asks { request, operation })
}

impl Asks {
    /// Whether what is known of the caller must still hold: what a container has mounted changes while its connection lasts.
    pub(crate) fn must_be_fresh(&self) -> bool {
        matches!(
            self.operation,
            Treatment::Judge(_) | Treatment::Restore(_) | Treatment::About | Treatment::Explain
        )
    }

    /// Which endpoint it is for, with its method and target, where it may name paths of the host.
    pub(crate) fn judged(&self) -> Option<(Endpoint, String)> {
        match self.operation {
            Treatment::Judge(endpoint) | Treatment::Untranslated(endpoint) => {
                Some((endpoint, self.request.line()))
            }
            Treatment::Stream { .. }
            | Treatment::Restore(_)
            | Treatment::Commit
            | Treatment::Query
            | Treatment::About
            | Treatment::Explain => None,
        }
    }

    /// What is decided about it is written down under this name, where a profile has a say.
    pub(crate) fn named(&self) -> (Endpoint, String) {
        (self.request.endpoint(), self.request.line())
    }

    /// Where it goes, now that it is known who sends it.
    pub(crate) async fn by(self, caller: Caller, identify: &Identify) -> Way {
        let Self { request, operation } = self;
        let guest = match (&operation, &caller) {
            (Treatment::About, _) => return Way::About(caller),
            (Treatment::Explain, _) => return Way::Explain(request, caller),
            (_, Caller::Host) => None,
            (_, Caller::Guest(guest)) => Some(Arc::clone(guest)),
        };
        let cleared = Cleared::unbound(&caller);
        match (guest, cleared) {
            (Some(guest), Some(cleared)) => free(request, operation, guest, identify, cleared).await,
            (Some(guest), None) => bound(request, operation, guest, identify).await,
            // Not a byte of it changes (T14).
            (None, Some(cleared)) => Way::Streams(Streams::of(request, false, Restore::default(), cleared)),
            (None, None) => {
                let refused =
                    Refused::new(500, "hostward: a process of the host is bound by a profile, and is not");
                Way::Refused(request, refused)
            }
        }
    }
}

/// Where a request goes of a caller that no profile binds.
async fn free(
    request: Request,
    operation: Treatment,
    guest: Arc<Guest>,
    identify: &Identify,
    cleared: Cleared,
) -> Way {
    if let Err(refused) = check_podman(&guest, &request) {
        return Way::Refused(request, refused);
    }
    match operation {
        Treatment::Judge(endpoint) => Way::Judge(ToJudge { request, endpoint, guest, line: None }),
        operation => streams(request, operation, guest, identify, cleared).await,
    }
}

/// Where a request goes of a caller that has a profile, or should have one.
async fn bound(request: Request, operation: Treatment, guest: Arc<Guest>, identify: &Identify) -> Way {
    if let Mandate::Nothing { why } = &guest.mandate {
        let refused = no_profile(why).into();
        return Way::Refused(request, refused);
    }
    let line = check_podman(&guest, &request).and_then(|()| line(&guest, &request));
    let line = match line {
        Ok(line) => line,
        Err(refused) => return Way::Refused(request, refused),
    };
    let is_read_whole = match &line {
        RequestLine::Found(found) => is_read_whole(&guest, found, &request),
        RequestLine::Unknown(_) => false,
    };
    let endpoint = request.endpoint();
    if line.has_context()
        && let Err(refused) = claim(&guest, &request, Some(line.clone()), None)
    {
        // What its line says is enough, and may be less than gigabytes.
        return Way::Refused(request, refused);
    }
    if is_read_whole || matches!(operation, Treatment::Judge(_)) {
        return Way::Judge(ToJudge { request, endpoint, guest, line: Some(line) });
    }
    let claimed = claim(&guest, &request, Some(line), None);
    let owned = match claimed {
        Ok(claimed) => own(identify, &guest, claimed).await,
        Err(refused) => Err(refused),
    };
    match owned {
        Ok(owned) => {
            let cleared = clear(&guest, owned);
            streams(request, operation, guest, identify, cleared).await
        }
        Err(refused) => Way::Refused(request, refused),
    }
}

/// What Podman would read otherwise.
fn check_podman(guest: &Guest, request: &Request) -> Result<(), Refused> {
    if !guest.abilities.is_podman() {
        return Ok(());
    }
    let checked = podman::check_query(request.method(), request.target());
    checked.map_err(|error| Refused::new(400, format!("hostward: {error}")).because("podman"))
}

/// A request that streams to the engine, and what is done with its answer.
async fn streams(
    mut request: Request,
    operation: Treatment,
    guest: Arc<Guest>,
    identify: &Identify,
    cleared: Cleared,
) -> Way {
    if let Err(error) = cleared.grant().write_line(&mut request) {
        return Way::Refused(request, error);
    }
    match operation {
        Treatment::Restore(Endpoint::ContainerList) if !guest.is_of_host() => list(request, guest, cleared),
        Treatment::Restore(endpoint) => {
            Way::Streams(Streams::of(request, false, Restore::to(guest, endpoint), cleared))
        }
        Treatment::Commit => commit(request, identify, cleared).await,
        Treatment::Untranslated(endpoint) => Way::Refused(request, Refused::untranslated(endpoint)),
        Treatment::Query => {
            let restore = cleared.restore(guest);
            Way::Streams(Streams::of(request, false, restore, cleared))
        }
        Treatment::Stream { hijacks } => {
            let restore = cleared.restore(guest);
            Way::Streams(Streams::of(request, hijacks, restore, cleared))
        }
        // These go other ways.
        Treatment::Judge(_) | Treatment::About | Treatment::Explain => {
            Way::Refused(request, Refused::new(500, "hostward: a request was to stream that must be judged"))
        }
    }
}

/// A list of containers. Where it asks for what is mounted at a path, only the caller's words tell.
fn list(mut request: Request, guest: Arc<Guest>, cleared: Cleared) -> Way {
    let restore = match sought::take(request.target(), guest.abilities.is_podman()) {
        None => Restore::to(guest, Endpoint::ContainerList),
        Some((sought, target)) => {
            if let Err(error) = request.replace_target(&target) {
                return Way::Refused(request, error.into());
            }
            Restore::found(guest, sought)
        }
    };
    Way::Streams(Streams::of(request, false, restore, cleared))
}

/// An image of a container, whose labels it gets: but for what Hostward has written there, which has the host's paths in it.
async fn commit(mut request: Request, identify: &Identify, cleared: Cleared) -> Way {
    if let Some(container) = commit::container(request.target()) {
        let labels = identify.written_labels(&container).await;
        if !labels.is_empty()
            && let Err(error) = request.replace_target(&commit::without_labels(request.target(), &labels))
        {
            return Way::Refused(request, error.into());
        }
    }
    Way::Streams(Streams::of(request, false, Restore::default(), cleared))
}

impl Streams {
    fn of(mut request: Request, hijacks: bool, restore: Restore, cleared: Cleared) -> Self {
        if restore.is_asked() {
            request.ask_identity();
        }
        let Grant { warned, quota, operation, .. } = cleared.into_grant();
        // Under a profile nothing leaves HTTP behind but what is known to do so.
        let hijacks = operation.map_or(hijacks || request.head.upgrade, |it| it.hijacks);
        let (archive, lease, links, pins) = (None, None, Vec::new(), Vec::new());
        let sending = Sending { request, archive, hijacks, restore, lease, links, pins, quota };
        Self { sending, warned: warned.map(Box::new) }
    }

    /// Why it would be refused if the caller's profile were enforced.
    pub(crate) fn take_warned(&mut self) -> Option<Refused> {
        self.warned.take().map(|warned| *warned)
    }

    pub(crate) fn into_sending(self) -> Sending {
        self.sending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_the_way_that_their_paths_ask_for() {
        for (line, expected) in [
            ("POST /v1.41/containers/create", Treatment::Judge(Endpoint::ContainerCreate)),
            ("POST /containers/x/start", Treatment::Judge(Endpoint::ContainerStart)),
            ("POST /containers/x/restart", Treatment::Restore(Endpoint::ContainerRestart)),
            ("GET /containers/x/json", Treatment::Restore(Endpoint::ContainerInspect)),
            ("GET /v1.24/events?since=1", Treatment::Restore(Endpoint::Events)),
            ("POST /volumes/create", Treatment::Judge(Endpoint::VolumeCreate)),
            ("POST /v4.3.1/libpod/containers/create", Treatment::Untranslated(Endpoint::LibpodCreate)),
            ("GET /_hostward", Treatment::About),
            ("POST /_hostward", Treatment::Stream { hijacks: false }),
            ("POST /_hostward/explain", Treatment::Explain),
            ("GET /_hostward/explain", Treatment::Stream { hijacks: false }),
            ("POST /exec/x/start", Treatment::Stream { hijacks: true }),
            ("POST /v1.41/build?volume=/etc:/t", Treatment::Query),
            ("GET /images/json", Treatment::Stream { hijacks: false }),
            ("POST /v1.41/commit?container=x", Treatment::Commit),
            ("HEAD /containers/x/archive?path=/", Treatment::Stream { hijacks: false }),
        ] {
            let (method, target) = line.split_once(' ').unwrap();
            assert_eq!(Treatment::of(method.as_bytes(), target.as_bytes()), expected, "{line}");
        }
    }
}
