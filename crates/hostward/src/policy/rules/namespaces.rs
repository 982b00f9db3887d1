//! Namespaces that are not a container's own.
//!
//! What a mode may be without a word in the profile is listed here; all else is the host's, another container's, or known to some
//! engine only (Podman's `ns:/proc/1/ns/net`).

use super::said::JudgedClaim;
use crate::policy::action::Action;
use crate::policy::claim::About;
use crate::policy::denial::Denial;
use crate::policy::profile::Owned;

/// The word for a namespace in `namespaces`, and which modes are the container's own.
pub(super) struct NamespaceKind {
    pub(super) word: &'static str,
    pub(super) flag: &'static str,
    pub(super) own: &'static [&'static str],
}

pub(super) const PID: NamespaceKind = NamespaceKind { word: "pid", flag: "--pid", own: &["", "private"] };
pub(super) const IPC: NamespaceKind =
    NamespaceKind { word: "ipc", flag: "--ipc", own: &["", "private", "shareable", "none"] };
pub(super) const UTS: NamespaceKind = NamespaceKind { word: "uts", flag: "--uts", own: &["", "private"] };
/// Without a word, a container has that of the engine's own setting: with `host` it would leave it.
pub(super) const USER: NamespaceKind =
    NamespaceKind { word: "user", flag: "--userns", own: &["", "private"] };
pub(super) const CGROUP: NamespaceKind =
    NamespaceKind { word: "cgroup", flag: "--cgroupns", own: &["", "private"] };
pub(super) const CGROUP_OF: NamespaceKind = NamespaceKind { word: "cgroup", flag: "Cgroup", own: &[""] };

/// The networks that every engine has under these names.
const BRIDGE: [&str; 3] = ["", "default", "bridge"];

/// The mode of a namespace.
pub(super) fn mode(judged: JudgedClaim<'_>, kind: &NamespaceKind) -> Result<(), Denial> {
    let mode = judged.text();
    if kind.own.contains(&&*mode) || is_listed(judged, kind.word, &mode) {
        return Ok(());
    }
    Err(denied(judged, kind.flag, &mode))
}

/// The network that a container or a build step is in.
pub(super) fn network_mode(judged: JudgedClaim<'_>, action: Action<'_>) -> Result<(), Denial> {
    let mode = judged.text();
    if mode == "none" {
        return Ok(());
    }
    if is_special(&mode) {
        let is_listed = is_listed(judged, "network", &mode);
        return if is_listed { Ok(()) } else { Err(denied(judged, "--network", &mode)) };
    }
    let name = if BRIDGE.contains(&&*mode) { "bridge" } else { &mode };
    // The container's network is replaced where the profile has a default for it.
    let is_container = action.makes_container() && judged.claim.about == About::NetworkMode;
    if is_container && mode != "bridge" && name == "bridge" && judged.profile.network.is_some() {
        return Ok(());
    }
    joined(judged, name)
}

/// A network that is joined or acted on, by name or id.
pub(super) fn network(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let name = judged.text();
    match &*name {
        "none" => Ok(()),
        name if is_special(name) => {
            if is_listed(judged, "network", name) {
                Ok(())
            } else {
                Err(denied(judged, "--network", name))
            }
        }
        "" | "default" if judged.profile.network.is_some() => Ok(()),
        name => joined(judged, if BRIDGE.contains(&name) { "bridge" } else { name }),
    }
}

fn joined(judged: JudgedClaim<'_>, name: &str) -> Result<(), Denial> {
    let networks = &judged.profile.networks;
    if networks.matches(name) && (name == "bridge" || judged.profile.networks_of != Owned::Nothing) {
        return Ok(());
    }
    Err(judged.denied("network", format_args!("the network {}", judged.shown()), networks, "networks"))
}

/// Whether it is no plain name of a network: the host's, or one with a colon or a slash.
fn is_special(mode: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    mode == "host" || !mode.bytes().all(is_plain)
}

fn is_listed(judged: JudgedClaim<'_>, word: &str, mode: &str) -> bool {
    let listed = |text: &str| judged.profile.namespaces.names(text);
    if let Some(container) = mode.strip_prefix("container:") {
        // Whose it is, is looked up by whoever asks the engine.
        return !container.is_empty() && (listed("container=own") || listed(&format!("{word}=container")));
    }
    // To the letter: a star must not come to mean the host's by accident.
    listed(&format!("{word}={mode}"))
}

fn denied(judged: JudgedClaim<'_>, flag: &str, mode: &str) -> Denial {
    let subject = match mode {
        "host" => format!("the host's own namespace ({flag} host)"),
        mode => format!("{flag} {mode}"),
    };
    let namespaces = &judged.profile.namespaces;
    judged.denied("namespace", subject, namespaces, "namespaces")
}
