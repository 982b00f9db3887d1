//! Whether the engine's machine can be looked at from here.

use hostward::cgroup;
use hostward::inspect::Container;
use hostward_engine::address::Address;
use hostward_engine::discover;

/// Whether the engine's machine can be looked at from here: its processes by `/proc`, its files by their roots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Machine {
    /// It can.
    Seen,
    /// It cannot, or nothing tells: this process is in a container, or the engine elsewhere.
    #[default]
    Unseen,
}

impl Machine {
    /// The machine of this engine.
    pub async fn of(engine: &Address) -> Self {
        if discover::sees_engine(engine).await { Self::Seen } else { Self::Unseen }
    }
}

/// The first process of a container, where it can be seen from here: the engine's pid means somebody else where this
/// process has a pid namespace of its own, or is on another machine.
pub fn visible_pid(container: &Container) -> Option<u32> {
    let pid = container.pid?;
    let cgroup = std::fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    (cgroup::container_id(&cgroup).as_ref() == Some(&container.id)).then_some(pid)
}
