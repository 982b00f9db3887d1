//! A connection through `ssh`, as the docker CLI makes it: the CLI on the other machine connects to its engine
//! (`docker system dial-stdio`) and copies.

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::{io, thread};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::sync::oneshot;

/// What `ssh` is called with. It must not ask at the terminal, behind the back of who started Hostward: it would stop there
/// (`SIGTTIN`). `--` keeps the host from being an option; so does [`Address::parse`], for old programs
/// that do not know `--`.
///
/// [`Address::parse`]: crate::address::Address::parse
pub(crate) fn arguments(
    user: Option<&str>,
    host: &str,
    port: Option<u16>,
    socket: Option<&str>,
) -> Vec<String> {
    let mut arguments = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-T"].map(str::to_owned).to_vec();
    if let Some(user) = user {
        arguments.extend(["-l".to_owned(), user.to_owned()]);
    }
    if let Some(port) = port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["--".to_owned(), host.to_owned(), "docker".to_owned()]);
    if let Some(socket) = socket {
        arguments.extend(["--host".to_owned(), quoted(&format!("unix://{socket}"))]);
    }
    arguments.extend(["system".to_owned(), "dial-stdio".to_owned()]);
    arguments
}

/// The other machine's shell splits what `ssh` sends.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Starts `program` with one end of a socket pair as its input and output, and gives the other. The program ends with
/// the connection: when it is dropped here, a program that still runs is killed, and it is waited for in any case.
pub(crate) fn connect(program: &str, arguments: &[String]) -> io::Result<UnixStream> {
    let (near, far) = StdUnixStream::pair()?;
    near.set_nonblocking(true)?;
    let near = UnixStream::from_std(near)?;
    let watched = Arc::new(far.try_clone()?);
    let mut command = Command::new(program);
    command.args(arguments).stdin(OwnedFd::from(far.try_clone()?)).stdout(OwnedFd::from(far));
    // Ctrl-C at the terminal is for Hostward, which lets its connections finish.
    command.process_group(0).kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot start {program}: {error}")))?;
    let (closed, is_closed) = oneshot::channel();
    let far = Arc::clone(&watched);
    thread::Builder::new().name("ssh".to_owned()).spawn(move || {
        wait_until_closed(&far);
        let _ = closed.send(());
    })?;
    tokio::spawn(async move {
        tokio::select! {
            // The far end is still held to be watched: say its end to the near one, and to the watcher.
            _ = child.wait() => {
                let _ = watched.shutdown(Shutdown::Both);
            }
            _ = is_closed => {
                let _ = child.kill().await;
            }
        }
    });
    Ok(near)
}

/// Blocks until the other end of this socket is closed, not only for writing. The far end must stay a blocking one for
/// the program's sake, which tokio cannot watch.
fn wait_until_closed(socket: &StdUnixStream) {
    let mut watched = [PollFd::new(socket, PollFlags::empty())];
    while let Err(rustix::io::Errno::INTR) = poll(&mut watched, None) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;
    use crate::stub::block_on;

    fn shell(script: &str) -> Stream {
        connect("sh", &["-c".to_owned(), script.to_owned()]).unwrap().into()
    }

    async fn read_all(stream: &Stream) -> String {
        let (mut all, mut buffer) = (Vec::new(), [0; 64]);
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => return String::from_utf8(all).unwrap(),
                read => all.extend_from_slice(&buffer[..read]),
            }
        }
    }

    #[test]
    fn ssh_is_called_as_the_docker_cli_calls_it() {
        assert_eq!(
            arguments(None, "host", None, None).join(" "),
            "-o BatchMode=yes -o ConnectTimeout=30 -T -- host docker system dial-stdio"
        );
        assert_eq!(
            arguments(Some("me"), "::1", Some(22), Some("/run/d.sock")).join(" "),
            "-o BatchMode=yes -o ConnectTimeout=30 \
             -T -l me -p 22 -- ::1 docker --host unix:///run/d.sock system dial-stdio"
        );
        let hostile = arguments(None, "host", None, Some("/a'$(touch /b)"));
        assert_eq!(hostile[9], r"'unix:///a'\''$(touch /b)'");
    }

    #[test]
    fn a_program_still_answers_after_the_end_of_our_side() {
        block_on(async {
            let stream = shell("cat; echo answer");
            stream.write_all(b"question\n").await.unwrap();
            stream.shutdown_write().unwrap();
            assert_eq!(read_all(&stream).await, "question\nanswer\n");
        });
    }

    #[test]
    fn a_dropped_connection_ends_its_program() {
        block_on(async {
            let stream = shell("echo $$; exec sleep 1000");
            let mut buffer = [0; 64];
            let read = stream.read(&mut buffer).await.unwrap();
            let pid = str::from_utf8(&buffer[..read]).unwrap().trim().to_owned();
            let process = std::path::PathBuf::from(format!("/proc/{pid}"));
            assert!(process.exists());
            drop(stream);
            let gone = async {
                while process.exists() {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(std::time::Duration::from_secs(20), gone)
                .await
                .expect("it is killed and reaped");
        });
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = block_on(async { connect("/nonexistent/ssh", &[]).unwrap_err() });
        assert!(error.to_string().contains("cannot start /nonexistent/ssh"), "{error}");
    }
}
