//! One question to a socket: whether someone answers there, and the few requests that are not worth a client's start.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::error::{Result, doing};

/// An answer to [`get`].
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(10);
/// A container that is removed has its processes killed first; a loaded machine takes its time.
const REMOVE_LIMIT: Duration = Duration::from_mins(2);

/// GETs a path. For short answers: the body is what follows the head, whatever its framing.
pub(crate) fn get(socket: &Path, path: &str) -> Result<Answer> {
    ask(socket, "GET", path, LIMIT)
}

/// DELETEs a path.
pub(crate) fn delete(socket: &Path, path: &str) -> Result<Answer> {
    ask(socket, "DELETE", path, REMOVE_LIMIT)
}

fn ask(socket: &Path, method: &str, path: &str, limit: Duration) -> Result<Answer> {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = ask().map_err(doing(format!("ask {} for {path}", socket.display())))?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok(Answer { status, body: body.to_owned() })
}

/// Whether an engine, or a proxy with an engine behind it, answers there.
pub(crate) fn answers(socket: &Path) -> bool {
    get(socket, "/_ping").is_ok_and(|answer| answer.status == 200)
}
