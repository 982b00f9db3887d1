//! The proxy's process, as the one that started it sees it.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::ended::Ended;
use super::signals::Signals;
use super::{directory, serve};
use crate::args::Private;
use crate::report::{Failure, say};

/// This very program, also when its file was replaced or removed since.
pub(super) const ITSELF: &str = "/proc/self/exe";

/// It ends by itself within its own grace. Then it hangs.
const PATIENCE: Duration = serve::GRACE.saturating_add(Duration::from_secs(3));

/// A proxy that answers on its socket.
#[derive(Debug)]
pub(super) struct Proxy {
    pid: Pid,
    socket: PathBuf,
    /// The engine's socket, where clients look for it untold.
    engine: Option<PathBuf>,
    /// Closing it ends the proxy.
    channel: UnixStream,
    gone: bool,
}

impl Proxy {
    /// Starts it, and waits until its socket answers. Where it does not, that has been said: how to end then.
    pub(super) fn start(private: &Private, signals: &Signals) -> Result<Result<Self, Ended>, Failure> {
        let failed = |error| Failure::failed(format_args!("cannot start the proxy: {error}"));
        let (channel, far) = UnixStream::pair().map_err(failed)?;
        channel.set_nonblocking(true).map_err(failed)?;
        let mut command = Command::new(ITSELF);
        command.arg0("hostward").args(["wrap-part", "serve"]).args(flags(private));
        command.stdin(OwnedFd::from(far)).stdout(Stdio::null());
        let child = command.spawn().map_err(failed)?;
        // With it goes this process's copy of the other end.
        drop(command);
        let pid = Pid::from_child(&child);
        let mut proxy = Self { pid, socket: PathBuf::new(), engine: None, channel, gone: false };
        Ok(proxy.wait_until_ready(signals).map(|()| proxy))
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn engine(&self) -> Option<&Path> {
        self.engine.as_deref()
    }

    /// It has ended before the command.
    pub(super) fn is_gone(&mut self, end: Ended) {
        self.gone = true;
        let how = match end {
            Ended::Status(code) => format!("with exit status {code}"),
            Ended::Signal(signal) => format!("by signal {signal}"),
        };
        say(format_args!("the proxy has ended {how}: the engine can no longer be reached"), &[]);
    }

    /// Ends it, and takes away what is left of it.
    pub(super) fn end(self, signals: &Signals) {
        let Self { pid, socket, channel, gone, .. } = self;
        drop(channel);
        if !gone {
            await_end(pid, signals);
        }
        directory::remove(&socket);
    }

    fn wait_until_ready(&mut self, signals: &Signals) -> Result<(), Ended> {
        let mut said = Vec::new();
        loop {
            signals.wait(Some(self.channel.as_fd()), None);
            while let Some(sent) = signals.next() {
                if sent.ends() {
                    let _ = self.channel.shutdown(std::net::Shutdown::Both);
                    await_end(self.pid, signals);
                    return Err(Ended::Signal(sent.signal as i32));
                }
            }
            let mut buffer = [0; 256];
            match self.channel.read(&mut buffer) {
                Ok(0) => return Err(await_end(self.pid, signals)),
                Ok(read) => said.extend_from_slice(&buffer[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => return Err(await_end(self.pid, signals)),
            }
            if let [socket, engine, _] = &said.split(|&byte| byte == 0).collect::<Vec<_>>()[..] {
                let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
                self.socket = path(socket);
                self.engine = (!engine.is_empty()).then(|| path(engine));
                return Ok(());
            }
        }
    }
}

/// Waits for the proxy's end, and kills it when it hangs.
fn await_end(pid: Pid, signals: &Signals) -> Ended {
    let start = Instant::now();
    loop {
        match waitpid(Some(pid), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => return Ended::of(status),
            Ok(None) => {}
            Err(_) => return Ended::Status(1),
        }
        let left = PATIENCE.saturating_sub(start.elapsed());
        if left.is_zero() {
            let _ = kill_process(pid, Signal::KILL);
        }
        signals.wait(None, (!left.is_zero()).then_some(left));
        while signals.next().is_some() {}
    }
}

/// The flags by which the proxy reads the same settings.
fn flags(private: &Private) -> Vec<OsString> {
    let Private { whose, policy, state, log, audit } = private;
    let flag = |name: &str, value: &OsStr| {
        let mut flag = OsString::from(format!("--{name}="));
        flag.push(value);
        flag
    };
    let mut flags: Vec<_> = whose.map.iter().map(|map| flag("map", map)).collect();
    flags.extend(state.as_ref().map(|state| flag("state", state.as_ref())));
    flags.extend(whose.engine.as_ref().map(|engine| flag("engine", engine.as_ref())));
    flags.extend(whose.container.as_ref().map(|container| flag("for", container.as_ref())));
    flags.extend(whose.config.as_ref().map(|config| flag("config", config.as_ref())));
    flags.extend(policy.preset.as_ref().map(|preset| flag("preset", preset.as_ref())));
    flags.extend(policy.allow_root.iter().map(|root| flag("allow-root", root.as_ref())));
    flags.extend(log.as_ref().map(|log| flag("log", log.text().as_ref())));
    flags.extend(audit.audit.as_ref().map(|place| flag("audit", place)));
    flags.extend(audit.audit_also.iter().map(|also| flag("audit-also", also.name().as_ref())));
    flags
}
