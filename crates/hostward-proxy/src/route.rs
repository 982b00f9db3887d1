//! Which requests have to be understood. All others stream through, known or not.

use hostward::api::endpoint::{Endpoint, classify};
use hostward_engine::about::PATH;

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Body and answer stream through; nobody looks at them.
    Stream {
        /// The engine may answer with a raw stream under status 200.
        hijacks: bool,
    },
    /// The body is read whole and judged before the engine sees the first byte, and the answer is restored.
    Judge(Endpoint),
    /// The body streams through; the answer is restored.
    Restore(Endpoint),
    /// It carries paths for which there is no translation.
    Untranslated(Endpoint),
    /// It is for Hostward itself.
    About,
}

/// Decides by the request line alone.
pub(crate) fn route(method: &[u8], target: &[u8]) -> Route {
    if target == PATH.as_bytes() && matches!(method, b"GET" | b"HEAD") {
        return Route::About;
    }
    match classify(method, target) {
        endpoint if endpoint.carries_paths() => Route::Judge(endpoint),
        // Its errors name what could not be mounted.
        Endpoint::ContainerRestart => Route::Restore(Endpoint::ContainerRestart),
        endpoint if endpoint.answers_with_paths() => Route::Restore(endpoint),
        endpoint @ (Endpoint::LibpodCreate | Endpoint::CheckpointDirectory) => Route::Untranslated(endpoint),
        Endpoint::ContainerAttach | Endpoint::ExecStart => Route::Stream { hijacks: true },
        // All others were said before, or carry nothing.
        _ => Route::Stream { hijacks: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_the_way_that_their_paths_ask_for() {
        for (line, expected) in [
            ("POST /v1.41/containers/create", Route::Judge(Endpoint::ContainerCreate)),
            ("POST /containers/x/start", Route::Judge(Endpoint::ContainerStart)),
            ("POST /containers/x/restart", Route::Restore(Endpoint::ContainerRestart)),
            ("GET /containers/x/json", Route::Restore(Endpoint::ContainerInspect)),
            ("GET /v1.24/events?since=1", Route::Restore(Endpoint::Events)),
            ("POST /volumes/create", Route::Judge(Endpoint::VolumeCreate)),
            ("POST /v4.3.1/libpod/containers/create", Route::Untranslated(Endpoint::LibpodCreate)),
            ("GET /_hostward", Route::About),
            ("POST /_hostward", Route::Stream { hijacks: false }),
            ("POST /exec/x/start", Route::Stream { hijacks: true }),
            ("GET /images/json", Route::Stream { hijacks: false }),
            ("HEAD /containers/x/archive?path=/", Route::Stream { hijacks: false }),
        ] {
            let (method, target) = line.split_once(' ').unwrap();
            assert_eq!(route(method.as_bytes(), target.as_bytes()), expected, "{line}");
        }
    }
}
