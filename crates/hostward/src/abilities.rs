//! What an engine can do: the one place that knows which version brought what.

use crate::api::version::ApiVersion;

/// What an engine can do for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    api: ApiVersion,
    podman: bool,
}

impl Abilities {
    /// An engine that speaks the API up to this version, asked in that version.
    pub const fn of(api: ApiVersion) -> Self {
        Self { api, podman: false }
    }

    /// An engine of which nothing is known: what every version can do.
    pub const fn least() -> Self {
        Self::of(ApiVersion::new(1, 24))
    }

    /// Podman, which reads requests in its own way ([`api::podman`](crate::api::podman)).
    #[must_use]
    pub const fn as_podman(self) -> Self {
        Self { podman: true, ..self }
    }

    /// Whether it is Podman.
    pub const fn is_podman(self) -> bool {
        self.podman
    }

    /// What it can do for a request that asks for an API version (`/v1.41/…`): dockerd reads a request as that
    /// version had it, and drops what came later without a word.
    #[must_use]
    pub fn under(self, request: Option<ApiVersion>) -> Self {
        Self { api: request.map_or(self.api, |request| request.min(self.api)), ..self }
    }

    /// Whether it mounts a file or directory of a volume (`VolumeOptions.Subpath`, API 1.45). Older ones ignore the
    /// field and mount the whole volume.
    pub fn subpath(self) -> bool {
        self.api >= ApiVersion::new(1, 45)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_of_engine_and_request_decides() {
        let version = |text| ApiVersion::parse(text);
        let engine = Abilities::of(ApiVersion::new(1, 51));
        assert!(engine.under(None).subpath() && engine.under(version("1.45")).subpath());
        assert!(!engine.under(version("1.44")).subpath());
        assert!(!Abilities::of(ApiVersion::new(1, 41)).under(version("1.51")).subpath());
        assert!(!Abilities::least().subpath());
    }
}
