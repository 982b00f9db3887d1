//! Which requests have to be understood. All others stream through, known or not.

use hostward::api::endpoint::{Endpoint, classify};

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// The body streams through; nobody looks at it.
    Stream {
        /// The engine may answer with a raw stream under status 200.
        hijacks: bool,
    },
    /// The body is read whole and judged before the engine sees the first byte.
    Judge(Endpoint),
}

/// Decides by the request line alone.
pub(crate) fn route(method: &[u8], target: &[u8]) -> Route {
    match classify(method, target) {
        endpoint if endpoint.carries_paths() => Route::Judge(endpoint),
        Endpoint::ContainerAttach | Endpoint::ExecStart => Route::Stream { hijacks: true },
        Endpoint::ContainerCreate | Endpoint::ContainerStart | Endpoint::Other => {
            Route::Stream { hijacks: false }
        }
    }
}
