//! Cgroups by way of the host's `/sys/fs/cgroup`, of v1 and v2.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The directories of the cgroups that a process is in, one a hierarchy.
///
/// # Panics
/// Where the process has ended, or the host has no cgroups at the usual place.
pub fn of(pid: u32) -> Vec<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("the process lives");
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        Some(hierarchy(controllers)?.join(path.trim_start_matches('/')))
    });
    let found: Vec<_> = lines.filter(|directory| directory.join("cgroup.procs").exists()).collect();
    assert!(!found.is_empty(), "no cgroup of process {pid} in /sys/fs/cgroup:\n{text}");
    found
}

/// Where a hierarchy is mounted; one of v2 has no controllers' names.
fn hierarchy(controllers: &str) -> Option<PathBuf> {
    let all = Path::new("/sys/fs/cgroup");
    let name = controllers.trim_start_matches("name=");
    let places = if name.is_empty() {
        [all.join("unified"), all.to_owned()]
    } else {
        [all.join(name), all.join(name)]
    };
    places.into_iter().find(|place| place.join("cgroup.procs").exists())
}

/// Makes a cgroup beneath each of these, and gives them.
///
/// # Panics
/// Where one cannot be made.
pub fn beneath(directories: &[PathBuf], name: &str) -> Vec<PathBuf> {
    let make = |directory: &PathBuf| {
        let own = directory.join(name);
        fs::create_dir_all(&own).expect("root can make a cgroup");
        // A cpuset of v1 takes nobody in before it has these.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(value) = fs::read_to_string(directory.join(file)) {
                // On v2 it is the parent's without that.
                let _ = fs::write(own.join(file), value);
            }
        }
        own
    };
    directories.iter().map(make).collect()
}

/// Moves a process to these cgroups.
///
/// # Panics
/// Where one does not take it.
pub fn enter(directories: &[PathBuf], pid: u32) {
    for directory in directories {
        let moved = fs::write(directory.join("cgroup.procs"), pid.to_string());
        moved.unwrap_or_else(|error| panic!("{} does not take {pid}: {error}", directory.display()));
    }
}

/// A cgroup with room for few tasks. It goes with this, once nobody is in it.
#[derive(Debug)]
pub struct FewTasks(PathBuf);

impl FewTasks {
    /// Makes it.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub fn new(name: &str, most: u32) -> Self {
        let all = Path::new("/sys/fs/cgroup");
        let pids = all.join("pids");
        let own = if pids.join("cgroup.procs").exists() { pids } else { all.to_owned() }.join(name);
        // On v1 they are there already.
        let _ = fs::write(all.join("cgroup.subtree_control"), "+pids");
        fs::create_dir(&own).expect("root can make a cgroup");
        fs::write(own.join("pids.max"), most.to_string()).expect("root can limit a cgroup");
        Self(own)
    }

    /// Moves a process there.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn enter(&self, pid: u32) {
        enter(std::slice::from_ref(&self.0), pid);
    }
}

impl Drop for FewTasks {
    fn drop(&mut self) {
        // Whoever was killed is in there a moment longer.
        let start = Instant::now();
        while fs::remove_dir(&self.0).is_err() && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
