//! The container that a process is in, from the text of `/proc/PID/cgroup` (cgroups(7)).

use std::fmt;

/// A container's full id: 64 hexadecimal digits, as Docker, Podman, containerd and CRI-O make them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerId(String);

impl ContainerId {
    /// Takes exactly 64 lower-case hexadecimal digits.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let digits = bytes.len() == 64 && bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| Self(String::from_utf8_lossy(bytes).into_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 12 digits that clients show.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The innermost container named by the text of a `/proc/PID/cgroup`, of cgroup v1 or v2, written by the cgroupfs
/// driver (`/docker/ID`) or by the systemd driver (`/system.slice/docker-ID.scope`).
///
/// `None` for a process in no container, for one that two hierarchies put into different ones, and where the reader
/// shares the container's cgroup namespace, in which the path is only `/`: there
/// [`mountinfo::container_id`](crate::mountinfo::container_id) may know.
pub fn container_id(text: &[u8]) -> Option<ContainerId> {
    // A v1 hierarchy without a controller for the container says `/`, or only the containers around it.
    let mut deepest: Vec<ContainerId> = Vec::new();
    for line in text.split(|&b| b == b'\n') {
        let Some(path) = line.splitn(3, |&b| b == b':').nth(2) else { continue };
        let mut chain = chain(path);
        if chain.len() > deepest.len() {
            std::mem::swap(&mut chain, &mut deepest);
        }
        if !chain.is_empty() && !deepest.windows(chain.len()).any(|part| part == chain) {
            return None;
        }
    }
    deepest.pop()
}

/// The containers that a cgroup's path names, from the outermost.
fn chain(path: &[u8]) -> Vec<ContainerId> {
    let mut within: &[u8] = b"";
    let mut ids = Vec::new();
    for component in path.split(|&b| b == b'/') {
        // What has a bare id in Podman's own cgroup is a pod, with the monitors of its containers.
        let pod = within == b"libpod_parent" && !component.starts_with(b"libpod-");
        if !pod {
            ids.extend(named(component));
        }
        within = component;
    }
    ids
}

/// The id in one component of a cgroup's path: `ID`, `docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID`.
fn named(component: &[u8]) -> Option<ContainerId> {
    let name = component.strip_suffix(b".scope").unwrap_or(component);
    let at = name.len().checked_sub(64)?;
    let (prefix, id) = name.split_at(at);
    // Podman's monitor runs on the host in a cgroup that bears the container's id.
    let monitor = prefix.ends_with(b"conmon-");
    let separate = prefix.is_empty() || prefix.ends_with(b"-") || prefix.ends_with(b":");
    (separate && !monitor).then(|| ContainerId::parse(id))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2";

    fn found(text: &str) -> Option<String> {
        container_id(text.as_bytes()).map(|id| id.to_string())
    }

    #[test]
    fn every_drivers_form_is_read() {
        for path in [
            format!("/docker/{A}"),
            format!("/system.slice/docker-{A}.scope"),
            format!("/../docker-{A}.scope"),
            format!("/docker/{A}/init.scope"),
            format!("/docker/{B}/docker/{A}"),
            format!("/kubepods/burstable/pod0e5b/{A}"),
            format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{A}.scope"),
            format!("/system.slice:docker:{A}"),
            format!("/machine.slice/libpod-{A}.scope/container"),
            format!("/libpod_parent/libpod-{A}"),
        ] {
            assert_eq!(found(&format!("0::{path}\n")).as_deref(), Some(A), "{path}");
        }
    }

    #[test]
    fn one_hierarchy_of_many_is_enough() {
        assert_eq!(found(&format!("9:name=systemd:/\n4:memory:/docker/{A}\n0::/\n")).as_deref(), Some(A));
    }

    #[test]
    fn a_host_process_is_in_no_container() {
        for path in [
            "/".into(),
            "/user.slice/user-0.slice/session-1.scope".into(),
            format!("/machine.slice/libpod-conmon-{A}.scope"),
            format!("/docker/{}", &A[1..]),
            format!("/docker/x{A}"),
            format!("/docker/{}", A.to_uppercase()),
        ] {
            assert_eq!(found(&format!("0::{path}\n")), None, "{path}");
        }
    }
}
