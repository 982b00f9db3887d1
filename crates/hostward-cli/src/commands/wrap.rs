//! `hostward wrap`: runs a command behind a proxy of its own.
//!
//! Three processes: this one, which the user started and which signals and the terminal reach; the proxy
//! ([`serve`]), in a session of its own, which ends when this one is gone, however that came; and the command, which
//! [`execute`] makes a child that the kernel kills when this one is killed, and which finds the proxy where [`place`] says.

mod directory;
mod ended;
mod execute;
mod log;
mod place;
mod proxy;
mod serve;
mod signals;

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use rustix::process::{Pid, WaitOptions, WaitStatus, getpgid, getpgrp, getpid, getsid};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{WrapArgs, WrapPart};
use crate::report::{Failure, Status};
use crate::runtime::{block_on, runtime};
use ended::Ended;
use proxy::{ITSELF, Proxy};
use signals::{Sent, Signals};

pub(crate) fn run(args: &WrapArgs) -> Result<Status, Failure> {
    hear_of_children()?;
    let signals =
        Signals::take().map_err(|error| Failure::failed(format_args!("cannot wait for signals: {error}")))?;
    let end = match Proxy::start(&args.private, &signals)? {
        Err(end) => end,
        Ok(mut proxy) => {
            let end = command(args, &proxy)
                .spawn()
                .map_err(|error| Failure::failed(format_args!("cannot start {ITSELF}: {error}")))
                .map(|child| Wrapped::new(Pid::from_child(&child), &mut proxy, &signals).supervise());
            proxy.end(&signals);
            end?
        }
    };
    end.take()
}

pub(crate) fn run_part(part: WrapPart) -> Result<Status, Failure> {
    match part {
        WrapPart::Serve(private) => block_on(serve::run(private))?,
        WrapPart::Execute(part) => execute::run(&part),
    }
}

/// A parent that does not care for its children hands that down, and then nobody can wait for theirs. A handler ends it.
fn hear_of_children() -> Result<(), Failure> {
    // Without a thread besides: one would take the signals that this one is about to block.
    runtime()?
        .block_on(async { signal(SignalKind::child()).map(drop) })
        .map_err(|error| Failure::failed(format_args!("cannot wait for signals: {error}")))
}

fn command(args: &WrapArgs, proxy: &Proxy) -> Command {
    let shell = || env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
    let mut command = Command::new(ITSELF);
    command.arg0("hostward").args(["wrap-part", "execute", "--parent", &std::process::id().to_string()]);
    command.arg("--socket").arg(proxy.socket());
    for (flag, value) in [
        ("--engine", proxy.engine().map(Path::as_os_str)),
        ("--log", args.private.log.as_ref().map(|filter| OsStr::new(filter.text()))),
    ] {
        command.args(value.into_iter().flat_map(|value| [OsStr::new(flag), value]));
    }
    command.arg("--");
    match &args.command[..] {
        [] => command.arg(shell()),
        asked => command.args(asked),
    };
    command
}

/// The command while it runs.
struct Wrapped<'a> {
    pid: Pid,
    stopped: bool,
    proxy: &'a mut Proxy,
    signals: &'a Signals,
}

impl<'a> Wrapped<'a> {
    fn new(pid: Pid, proxy: &'a mut Proxy, signals: &'a Signals) -> Self {
        Self { pid, stopped: false, proxy, signals }
    }

    /// Waits for its end. As the first process of a container this one gets everybody's orphans as well.
    fn supervise(mut self) -> Ended {
        loop {
            self.signals.wait(None, None);
            while let Some(sent) = self.signals.next() {
                self.pass_on(sent);
            }
            let mut end = None;
            while let Some((pid, status)) = reap() {
                match status {
                    status if pid == self.pid && status.stopped() => self.stop_too(),
                    status if pid == self.pid => end = Some(Ended::of(status)),
                    status if pid == self.proxy.pid() && !status.stopped() => {
                        self.proxy.is_gone(Ended::of(status));
                    }
                    _ => {}
                }
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// Passes a signal on, unless the command got it as well: the terminal sends to the whole group.
    fn pass_on(&mut self, sent: Sent) {
        match sent.signal {
            Signal::SIGCONT if self.stopped => self.go_on(),
            Signal::SIGCONT | Signal::SIGCHLD => {}
            // The terminal is gone: that is said to the session's leader alone.
            Signal::SIGHUP if getsid(None) == Ok(getpid()) => self.send(Signal::SIGHUP),
            _ if sent.by_kernel && getpgid(Some(self.pid)) == Ok(getpgrp()) => {}
            other => self.send(other),
        }
    }

    fn send(&self, signal: Signal) {
        // It cannot be another's pid: this process has not waited for it yet.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid.as_raw_pid()), signal);
    }

    /// A shell that started this process waits for this one to stop, and will continue it.
    fn stop_too(&mut self) {
        self.stopped = true;
        if getpid().is_init() || File::open("/dev/tty").is_err() {
            return;
        }
        // Returns once it is continued.
        let _ = nix::sys::signal::raise(Signal::SIGSTOP);
        self.go_on();
    }

    fn go_on(&mut self) {
        self.stopped = false;
        self.send(Signal::SIGCONT);
    }
}

/// A child that has stopped or ended.
fn reap() -> Option<(Pid, WaitStatus)> {
    rustix::process::wait(WaitOptions::NOHANG | WaitOptions::UNTRACED).ok().flatten()
}
