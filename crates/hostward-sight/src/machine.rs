//! Whether the engine's machine can be looked at from here.

use hostward::cgroup;
use hostward::inspect::Container;
use hostward_engine::address::Address;
use hostward_engine::discover;

use crate::runner;

/// Whether the engine's machine can be looked at from here: its processes by `/proc`, its files by their roots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Machine {
    /// It can, and the engine is in this process's pid namespace: its pids mean the same processes here.
    Same,
    /// It can, but the engine's pids may mean others here: it is in a pid namespace of its own beneath this one, or nothing
    /// tells.
    Beneath,
    /// It cannot, or nothing tells: this process is in a container, or the engine elsewhere.
    #[default]
    Unseen,
}

impl Machine {
    /// The machine of this engine.
    pub async fn of(engine: &Address) -> Self {
        if !discover::sees_engine(engine).await {
            Self::Unseen
        } else if discover::shares_pids(engine).await {
            Self::Same
        } else {
            Self::Beneath
        }
    }

    /// Whether it can be looked at.
    pub fn is_seen(self) -> bool {
        self != Self::Unseen
    }
}

/// The pid of a container's first process, where that process can be seen from here: the engine's pid means somebody else where
/// this process has a pid namespace of its own, or is on another machine.
///
/// The cgroup says which container a process is in. An engine may put none into cgroups of their own (Docker without root on
/// cgroup v1, Podman with `--cgroups=disabled`). There the engine's pid counts if it means the same process here, and if that
/// process was started from outside of its container: what the engine has not yet seen ending may have left its pid to a process
/// that another container has started. Nothing that a container has mounted counts, as it could have another's files there.
pub fn visible_pid(container: &Container, machine: Machine) -> Option<u32> {
    let pid = container.pid?;
    let cgroup = std::fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    let is_it = match cgroup::container_id(&cgroup) {
        Some(id) => id == container.id,
        None => machine == Machine::Same && runner::is_started_from_here(pid),
    };
    is_it.then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_that_the_engine_gives_is_not_that_of_a_process_which_its_own_kind_has_started() {
        let id = "a".repeat(64);
        let json = format!(r#"{{"Id":"{id}","State":{{"Pid":{}}}}}"#, std::process::id());
        let own = hostward::inspect::parse(json.as_bytes()).unwrap();
        for machine in [Machine::Same, Machine::Beneath, Machine::Unseen] {
            assert_eq!(visible_pid(&own, machine), None);
        }
    }
}
