//! What an engine can do: the one place that knows which version brought what.

use crate::version::ApiVersion;

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

    /// Whether what is mounted beneath a bind that may only be read is read-only as well, unless the request says otherwise
    /// (API 1.44): dockerd asks its runtime for `rro` then, where the kernel has it (Linux 5.12) and the runtime too. For
    /// older requests, and with older engines, it keeps the rights that it has by itself.
    pub fn recursive_read_only(self) -> bool {
        !self.podman && self.api >= ApiVersion::new(1, 44)
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

    #[test]
    fn read_only_goes_all_the_way_down_where_both_speak_1_44() {
        let under = |engine, request| {
            let request = Some(ApiVersion::new(1, request));
            Abilities::of(ApiVersion::new(1, engine)).under(request).recursive_read_only()
        };
        assert!(under(51, 44) && under(44, 51));
        assert!(!under(51, 43) && !under(41, 51));
        assert!(!Abilities::of(ApiVersion::new(1, 51)).as_podman().recursive_read_only());
    }
}
