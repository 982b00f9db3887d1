//! The stub engine's process, and what it is told.

use std::path::{Path, PathBuf};

use hostward_testkit::{Error, Result};

use crate::process::{Process, ask, io};

/// A stub that answers. Drop ends it.
#[derive(Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
    _process: Process,
}

impl Engine {
    /// Starts it on a socket in this folder.
    pub(crate) fn start(run: &Path, logs: &Path) -> Result<Engine> {
        let socket = run.join("engine.sock");
        let mut command = Process::own("stub")?;
        command.arg("--listen").arg(&socket);
        let process = Process::listening("the stub engine", &mut command, &socket, &logs.join("engine.log"))?;
        Ok(Engine { socket, _process: process })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// From now on a GET of this target is answered with this.
    pub(crate) fn tell(&self, target: &str, body: &str) -> Result<()> {
        let length = body.len();
        let request =
            format!("PUT /_bench{target} HTTP/1.1\r\nHost: docker\r\nContent-Length: {length}\r\n\r\n{body}");
        let answer = ask(&self.socket, request.as_bytes()).map_err(io("tell the stub engine an answer"))?;
        match answer.status() {
            200 => Ok(()),
            status => {
                Err(Error::State(format!("the stub engine answers {status} where it is told an answer")))
            }
        }
    }
}
