//! What this process can see of where it runs, without asking anyone.
//!
//! For people to read. Nothing is decided by it: a `/.dockerenv` is left behind in images and virtual machines, and
//! who is in which container is settled with the engine.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fs;
use std::path::Path;

/// One line: container or not by the look of it, runtime, namespaces.
pub(super) fn of_process() -> String {
    let link = |path: &str| fs::read_link(path).map(|link| link.display().to_string()).unwrap_or_default();
    let looks = match own_runtime() {
        Some(runtime) => format!("looks like a container of {runtime}"),
        None => "does not look like a container".to_owned(),
    };
    let pid = if link("/proc/self/ns/pid") == "pid:[4026531836]" { "the machine's" } else { "its own" };
    let user = if is_whole(&read("/proc/self/uid_map")) {
        "the machine's"
    } else {
        "its own (rootless or remapped)"
    };
    let cgroup = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { "v2" } else { "v1" };
    format!("{looks}; pid namespace: {pid}; user namespace: {user}; cgroup {cgroup}")
}

/// Whether it is a container by the look of it.
pub(super) fn in_container() -> bool {
    own_runtime().is_some()
}

fn own_runtime() -> Option<&'static str> {
    runtime(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"), |path| Path::new(path).exists())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The runtime, by the surest sign first: the cgroup's name, the engine's files, what it leaves in the root.
fn runtime(cgroup: &str, mountinfo: &str, exists: impl Fn(&str) -> bool) -> Option<&'static str> {
    // In mountinfo, only what is mounted over the root or /etc counts: a host sees its containers' mounts too.
    let own: String = mountinfo
        .lines()
        .filter(|line| line.split(' ').nth(4).is_some_and(|point| point == "/" || point.starts_with("/etc/")))
        .collect();
    let seen = |sign: &str| cgroup.contains(sign) || own.contains(sign);
    if seen("kubepods") || seen("/kubelet/pods/") {
        Some("Kubernetes")
    } else if seen("libpod") || seen("/overlay-containers/") || exists("/run/.containerenv") {
        Some("Podman")
    } else if seen("/docker/") || seen("docker-") || exists("/.dockerenv") {
        Some("Docker")
    } else if seen("cri-containerd") || seen("io.containerd") {
        Some("containerd")
    } else {
        None
    }
}

/// Whether a uid map is the first user namespace's: every uid to itself.
fn is_whole(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_told_by_their_signs() {
        let etc = |root: &str| format!("1 2 8:1 {root} /etc/hosts rw - ext4 /d rw\n");
        for (cgroup, mountinfo, file, expected) in [
            ("0::/docker/0b1c", String::new(), "", Some("Docker")),
            ("0::/", etc("/var/lib/docker/containers/0b1c/hosts"), "", Some("Docker")),
            ("0::/", String::new(), "/.dockerenv", Some("Docker")),
            ("0::/", etc("/storage/overlay-containers/0b/userdata/hosts"), "", Some("Podman")),
            ("0::/", String::new(), "/run/.containerenv", Some("Podman")),
            ("0::/kubepods.slice/x", String::new(), "", Some("Kubernetes")),
            ("0::/", etc("/var/lib/kubelet/pods/u/etc-hosts"), "/.dockerenv", Some("Kubernetes")),
            ("0::/user.slice", "1 2 8:1 / /var/lib/docker/containers/x rw - ext4 /d rw\n".into(), "", None),
        ] {
            assert_eq!(runtime(cgroup, &mountinfo, |path| path == file), expected, "{cgroup} {mountinfo}");
        }
    }

    #[test]
    fn the_first_user_namespace_maps_everyone() {
        assert!(is_whole("         0          0 4294967295\n"));
        assert!(!is_whole("         0     100000      65536\n"));
    }
}
