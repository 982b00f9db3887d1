//! The runtime that commands run on.

use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::report::Failure;

/// Threads for what cannot be waited for in another way, such as the address of a host's name.
const BLOCKING: usize = 8;
/// They stay: some 100 years.
const STAY: Duration = Duration::from_secs(1 << 32);

/// One thread does it all: a second one made the proxy slower on two cores, and the rest asks one question.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().max_blocking_threads(BLOCKING).thread_keep_alive(STAY);
    runtime.build().map_err(|error| cannot_start(&error))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = runtime()?;
    hold_a_thread(&runtime)?;
    let done = runtime.block_on(future);
    // A thread that looks at files on a server that has gone would hold up the end.
    runtime.shutdown_background();
    Ok(done)
}

/// Starts one of the blocking threads. Where there is none and none can be had (`pids.max`), tokio panics at the call that
/// needs one; where there is one, calls wait for it.
fn hold_a_thread(runtime: &Runtime) -> Result<(), Failure> {
    // What tokio would panic of is said here.
    thread::Builder::new()
        .spawn(|| ())
        .and_then(|tried| tried.join().map_err(|_| std::io::Error::other("a thread has panicked")))
        .map_err(|error| {
            let hint = "raise the limit on tasks: pids.max of its cgroup, systemd's TasksMax, or ulimit -u";
            Failure::failed(format_args!("cannot start a thread: {error}")).hint(hint)
        })?;
    drop(runtime.spawn_blocking(|| ()));
    Ok(())
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::failed(format_args!("cannot start: {error}"))
}
