//! What is measured: Hostward and others in its place.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use hostward_testkit::catalog::Part;
use hostward_testkit::{Error, Result, debian};
use serde::Serialize;

use crate::caller::Folders;
use crate::engine::Engine;
use crate::process::{Process, io};
use crate::usage::Usage;

/// Another proxy, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The engine itself
    Direct,
    /// hostward proxy
    Hostward,
    /// The benchmark's own byte relay
    Relay,
    /// The same by splice(2)
    Splice,
    /// nginx of Debian, as an HTTP proxy
    Nginx,
    /// haproxy of Debian, as an HTTP proxy
    Haproxy,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "direct",
            Self::Hostward => "Hostward",
            Self::Relay => "byte relay",
            Self::Splice => "byte relay by splice",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        })
    }
}

/// One that answers. Drop ends it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    socket: PathBuf,
    /// None of the engine itself.
    process: Option<Process>,
}

impl Peer {
    /// Starts it in front of the engine; Hostward by this program.
    pub(crate) fn start(kind: Kind, hostward: &Path, folders: &Folders, engine: &Engine) -> Result<Peer> {
        let name = format!("{kind:?}").to_lowercase();
        let socket = folders.run.join(format!("{name}.sock"));
        let to = engine.socket();
        let mut command = match kind {
            Kind::Direct => return Ok(Peer { kind, socket: to.to_owned(), process: None }),
            Kind::Hostward => by_hostward(hostward, &socket, to, folders)?,
            Kind::Relay | Kind::Splice => {
                let mut command = Process::own("relay")?;
                command.arg("--listen").arg(&socket).arg("--to").arg(to);
                command.args((kind == Kind::Splice).then_some("--splice"));
                command
            }
            Kind::Nginx => by_nginx(&socket, to, folders)?,
            Kind::Haproxy => by_haproxy(&socket, to, folders)?,
        };
        let _ = fs::remove_file(&socket);
        let log = folders.logs.join(format!("{name}.log"));
        let process = Process::listening(&kind.to_string(), &mut command, &socket, &log)?;
        Ok(Peer { kind, socket, process: Some(process) })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it has used; none of the engine itself.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.process.as_ref().map(|process| Usage::of(process.pid()))
    }
}

/// With limits on connections that are no limit here: a container may have 1,024 by default.
fn by_hostward(program: &Path, socket: &Path, to: &Path, folders: &Folders) -> Result<Command> {
    let mut command = Process::foreign(program)?;
    command.arg("proxy").arg("--listen").arg(format!("unix://{}", socket.display()));
    command.arg("--engine").arg(format!("unix://{}", to.display()));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("HOSTWARD_") {
            command.env_remove(variable);
        }
    }
    for variable in ["DOCKER_HOST", "DOCKER_CONTEXT", "HOST_PWD", "STORAGE_BASE"] {
        command.env_remove(variable);
    }
    command.env("HOSTWARD_STATE", folders.logs.join("state"));
    command.env("HOSTWARD_LIMIT_CONNECTIONS", "20000").env("HOSTWARD_LIMIT_CONNECTIONS_PER_CALLER", "20000");
    Ok(command)
}

fn by_nginx(socket: &Path, to: &Path, folders: &Folders) -> Result<Command> {
    let programs = Programs::unpack()?;
    let text = include_str!("peer/nginx.conf");
    let file = configure("nginx.conf", text, socket, to, folders)?;
    let mut command = programs.run("usr/sbin/nginx")?;
    command.arg("-c").arg(file).arg("-p").arg(&folders.logs).arg("-e").arg(folders.logs.join("nginx.error"));
    Ok(command)
}

fn by_haproxy(socket: &Path, to: &Path, folders: &Folders) -> Result<Command> {
    let programs = Programs::unpack()?;
    let file = configure("haproxy.cfg", include_str!("peer/haproxy.cfg"), socket, to, folders)?;
    let mut command = programs.run("usr/sbin/haproxy")?;
    command.arg("-W").arg("-db").arg("-f").arg(file);
    Ok(command)
}

fn configure(name: &str, text: &str, socket: &Path, to: &Path, folders: &Folders) -> Result<PathBuf> {
    let show = |path: &Path| path.display().to_string();
    let text = text.replace("@socket@", &show(socket)).replace("@engine@", &show(to));
    let text = text.replace("@logs@", &show(&folders.logs));
    let file = folders.logs.join(name);
    fs::write(&file, text).map_err(io(format!("write {name}")))?;
    Ok(file)
}

/// Debian's programs, unpacked beside those of the system.
struct Programs {
    root: PathBuf,
}

impl Programs {
    fn unpack() -> Result<Programs> {
        let packages = ["nginx", "haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"];
        let suite = "bookworm".to_owned();
        let part = Part { suite, packages: packages.map(str::to_owned).to_vec() };
        let root = debian::folder("bench")?;
        debian::unpack("nginx and haproxy", &[part], &root)?;
        Ok(Programs { root })
    }

    fn run(&self, program: &str) -> Result<Command> {
        let path = self.root.join(program);
        if !path.exists() {
            return Err(Error::State(format!("there is no {}: leave it out with --peers", path.display())));
        }
        let mut command = Process::foreign(path)?;
        let libraries = fs::read_dir(self.root.join("usr/lib")).into_iter().flatten().flatten();
        let libraries =
            libraries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
        let libraries: Vec<String> = libraries.map(|path| path.display().to_string()).collect();
        command.env("LD_LIBRARY_PATH", libraries.join(":"));
        Ok(command)
    }
}
