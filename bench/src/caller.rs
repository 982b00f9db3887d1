//! A load generator's process: on the host, or in a container that is made for it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Stdio};

use hostward_testkit::{Error, Result};

use crate::container::{self, Container};
use crate::engine::Engine;
use crate::job::{Job, Outcome, Said};
use crate::process::{Process, io};
use crate::usage::Usage;
use crate::{leftovers, world};

/// All that the benchmark's cgroups begin with: 64 digits that no engine makes.
const ID_PREFIX: &str = "beac0000";
/// So many of a container's mounts have a folder `sub`, which is what requests ask for.
const SUBS: usize = 1000;

/// The folders of a run.
#[derive(Debug)]
pub(crate) struct Folders {
    /// Sockets: short, as a socket's path has 107 bytes at most.
    pub(crate) run: PathBuf,
    pub(crate) logs: PathBuf,
    /// What containers mount.
    pub(crate) srv: PathBuf,
    all: PathBuf,
}

impl Folders {
    /// Makes them.
    pub(crate) fn make(all: &Path) -> Result<Folders> {
        let folders = Folders {
            run: all.join("run"),
            logs: all.join("logs"),
            srv: all.join("srv"),
            all: all.to_owned(),
        };
        for folder in [&folders.run, &folders.logs, &folders.srv] {
            fs::create_dir(folder).map_err(io("make the run's folders"))?;
        }
        Ok(folders)
    }
}

/// A load generator that waits for jobs. Drop ends it.
#[derive(Debug)]
pub(crate) struct Caller {
    process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where it finds the sockets.
    sockets: PathBuf,
}

impl Caller {
    /// One that is a process of the host.
    pub(crate) fn on_host(folders: &Folders) -> Result<Caller> {
        Caller::start(None, folders)
    }

    /// One that is the first process of a container with so many mounts, which the engine describes from then on.
    pub(crate) fn in_container(mounts: usize, folders: &Folders, engine: &Engine) -> Result<Caller> {
        let container = make(mounts, folders)?;
        let file = folders.all.join("container.json");
        let text = serde_json::to_vec(&container).map_err(|error| Error::State(error.to_string()))?;
        fs::write(&file, text).map_err(io("describe a container"))?;
        let caller = Caller::start(Some(&file), folders)?;
        let described = world::inspected(&container, caller.process.pid());
        engine.tell(&format!("/containers/{}/json", container.id), &described)?;
        Ok(caller)
    }

    fn start(container: Option<&Path>, folders: &Folders) -> Result<Caller> {
        let mut command = Process::own("load")?;
        if let Some(container) = container {
            command.arg("--container").arg(container);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let log = folders.logs.join("load.log");
        let mut process = Process::start("the load generator", &mut command, &log)?;
        let (Some(input), Some(output)) = (process.child.stdin.take(), process.child.stdout.take()) else {
            return Err(Error::State("the load generator has no standard input and output".to_owned()));
        };
        let sockets = if container.is_some() { PathBuf::from(world::SOCKETS) } else { folders.run.clone() };
        let mut caller = Caller { process, input, output: BufReader::new(output), sockets };
        match caller.listen() {
            Ok(Said::Ready) => Ok(caller),
            _ => Err(Error::State(format!(
                "the load generator does not start (in a container it needs root): {}",
                fs::read_to_string(log).unwrap_or_default()
            ))),
        }
    }

    /// The load generator's own process, to see that it is not what limits.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.process.pid())
    }

    /// A socket of this folder as this caller knows it.
    pub(crate) fn socket(&self, socket: &Path) -> PathBuf {
        self.sockets.join(socket.file_name().unwrap_or_default())
    }

    /// Does a job. `watch` is called when it is connected and warm.
    ///
    /// # Errors
    /// What went wrong with it, in its words: that may be the peer's fault.
    pub(crate) fn perform<T>(&mut self, job: &Job, watch: impl FnOnce() -> T) -> Result<(Outcome, T)> {
        self.tell(job)?;
        let watched = match self.listen()? {
            Said::Ready => watch(),
            other => return Err(failed(&other)),
        };
        self.send(b"\n")?;
        match self.listen()? {
            Said::Done(outcome) => Ok((outcome, watched)),
            other => Err(failed(&other)),
        }
    }

    /// Asks a peer for something; the answer's body.
    pub(crate) fn ask(&mut self, socket: &Path, request: &str) -> Result<String> {
        self.tell(&Job::Ask { socket: self.socket(socket), request: request.to_owned() })?;
        match self.listen()? {
            Said::Answered(body) => Ok(body),
            other => Err(failed(&other)),
        }
    }

    fn tell(&mut self, job: &Job) -> Result<()> {
        let mut line = serde_json::to_vec(job).map_err(|error| Error::State(error.to_string()))?;
        line.push(b'\n');
        self.send(&line)
    }

    fn send(&mut self, line: &[u8]) -> Result<()> {
        self.input.write_all(line).map_err(io("speak to the load generator"))
    }

    fn listen(&mut self) -> Result<Said> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(io("listen to the load generator"))?;
        serde_json::from_str(&line).map_err(|_| Error::State("the load generator has ended".to_owned()))
    }
}

fn failed(said: &Said) -> Error {
    match said {
        Said::Failed(why) => Error::State(why.clone()),
        other => Error::State(format!("the load generator says {other:?} out of turn")),
    }
}

/// Makes a container's folders and cgroup.
fn make(mounts: usize, folders: &Folders) -> Result<Container> {
    let root = folders.all.join("root");
    let make = |path: &Path| fs::create_dir_all(path).map_err(io(format!("make {}", path.display())));
    let mut pairs = vec![(PathBuf::from(world::SOCKETS), folders.run.clone())];
    for number in 0..mounts {
        let (at, source) = (world::mount_point(number), world::source(&folders.srv, number));
        make(&if number < SUBS { source.join("sub") } else { source.clone() })?;
        pairs.push((at, source));
    }
    for (at, _) in &pairs {
        make(&root.join(at.strip_prefix("/").unwrap_or(at)))?;
    }
    let id = format!("{ID_PREFIX}{:056x}", std::process::id());
    let above = container::cgroups().map_err(io("find the cgroups"))?.join("docker");
    let cgroup = above.join(&id);
    // Runs that were killed have left theirs. Those of others have processes, and stay.
    for left in fs::read_dir(&above).into_iter().flatten().flatten() {
        if left.file_name().to_string_lossy().starts_with(ID_PREFIX) {
            let _ = fs::remove_dir(left.path());
        }
    }
    for folder in [&above, &cgroup] {
        if fs::create_dir(folder).is_ok() {
            leftovers::cgroup(folder.clone());
        }
    }
    Ok(Container { id, root, mounts: pairs, cgroup })
}
