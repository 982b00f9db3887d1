//! What SIGUSR2 does: the program file that this process was started from, or what is there by now, is started again, and
//! replaces this process.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio, id};
use std::thread;

use crate::args::ProxyArgs;

/// How the next program is started.
#[derive(Debug)]
pub(super) struct NextProgram {
    /// Where this process's own was when it started: by now another may be there.
    program: io::Result<PathBuf>,
    arguments: Vec<OsString>,
}

impl NextProgram {
    pub(super) fn of_this_process(args: &ProxyArgs) -> Self {
        let replace = (!args.replace).then(|| OsString::from("--replace"));
        Self { program: env::current_exe(), arguments: env::args_os().skip(1).chain(replace).collect() }
    }

    /// Starts it. Where it fails, this process goes on serving.
    pub(super) fn start(&self) {
        if let Err(error) = self.try_start() {
            tracing::error!(%error, "cannot start the program that is to replace this one, which goes on serving");
        }
    }

    fn try_start(&self) -> io::Result<()> {
        if id() == 1 {
            return Err(io::Error::other(
                "this is the first process of its container, which ends with it: recreate the container instead",
            ));
        }
        let program =
            self.program.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let mut child = Command::new(program).args(&self.arguments).stdin(Stdio::null()).spawn()?;
        tracing::info!(?program, pid = child.id(), "started the program that is to replace this one");
        thread::Builder::new().name("successor".to_owned()).spawn(move || match child.wait() {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::error!(%status, "the program that was to replace this one has failed"),
            Err(error) => tracing::error!(%error, "the program that was to replace this one is not heard of"),
        })?;
        Ok(())
    }
}
