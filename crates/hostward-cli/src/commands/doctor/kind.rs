//! What kind of engine answers, and what that means for paths.

use hostward::kind::Kind;

use super::check::Check;

const EXPLAIN: &str =
    "mounts are shown with the engine's paths; hostward explain PATH shows what you call them";

pub(super) fn note(kind: &Kind) -> Check {
    let (text, remedy) = match kind {
        Kind::DesktopOnWindows => (
            "Docker Desktop on Windows: its engine has C:\\Users at /run/desktop/mnt/host/c/Users, and folders of a \
             WSL2 distribution below /run/desktop/mnt/host/wsl/docker-desktop-bind-mounts"
                .to_owned(),
            format!("{EXPLAIN}; run hostward itself in a container there (docs/engines.md)"),
        ),
        Kind::Desktop => (
            "Docker Desktop: its engine is in a virtual machine, and has /Users at /host_mnt/Users".to_owned(),
            format!("{EXPLAIN}; run hostward itself in a container there (docs/engines.md)"),
        ),
        Kind::Wsl => (
            "Docker in a WSL2 distribution: it has the drives of Windows below /mnt, and knows no path like \
             C:\\Users"
                .to_owned(),
            "write /mnt/c/Users for C:\\Users; run hostward in this distribution (docs/engines.md)".to_owned(),
        ),
        Kind::RootlessDocker { root } => rootless("Docker", root, "docker.sock"),
        Kind::RootlessPodman { root } => rootless("Podman", root, "podman/podman.sock"),
    };
    Check::note("engine", text, &remedy)
}

fn rootless(engine: &str, root: &str, socket: &str) -> (String, String) {
    (
        format!(
            "rootless {engine}: volumes and containers' files are below {root}, and root in a container is the user \
             who runs the engine"
        ),
        format!(
            "run hostward as that user, with --engine unix:///run/user/UID/{socket}; it mounts what that user may read \
             (docs/engines.md)"
        ),
    )
}
