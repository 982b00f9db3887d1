//! A command in a container by the engine's API: what tests do most, and a client takes longer to start than the command to run.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Result, doing};

/// Runs a command with nothing to read, as `docker exec` does; what the engine refuses is a failure with the engine's words, too.
pub(crate) fn output(socket: &Path, container: &str, command: &[&str]) -> Result<Output> {
    let wanted = json!({ "AttachStdout": true, "AttachStderr": true, "Cmd": command });
    // To HTTP/1.0 nothing is answered in chunks.
    let create = format!("POST /containers/{container}/exec HTTP/1.0");
    let (head, body) = ask(socket, &create, "", &wanted.to_string())?;
    if status(&head) != 201 {
        return Ok(refused(&body));
    }
    let made: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(id) = made["Id"].as_str() else {
        return Err(Error::State(format!("no exec in {container}: {made}")));
    };
    let start = format!("POST /exec/{id}/start HTTP/1.1");
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    let (head, stream) = ask(socket, &start, upgrade, r#"{"Detach":false,"Tty":false}"#)?;
    if status(&head) != 101 {
        return Ok(refused(&stream));
    }
    let (stdout, stderr) = parts(&stream);
    loop {
        let (_, answer) = ask(socket, &format!("GET /exec/{id}/json HTTP/1.0"), "", "")?;
        let state: Value = serde_json::from_slice(&answer).unwrap_or_default();
        match state["ExitCode"].as_i64().and_then(|code| i32::try_from(code).ok()) {
            Some(code) if state["Running"] == false => {
                return Ok(Output { status: ended(code), stdout, stderr });
            }
            // Its output ends a moment before it does.
            _ if state["Running"] == true => thread::sleep(Duration::from_millis(2)),
            // The container is no more.
            _ => {
                let stderr = [stderr, answer].concat();
                return Ok(Output { status: ended(1), stdout, stderr });
            }
        }
    }
}

/// All that is answered, to its end. A command may take as long as it likes; the test has a limit.
fn ask(socket: &Path, request: &str, head: &str, body: &str) -> Result<(String, Vec<u8>)> {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(socket)?;
        let length = body.len();
        write!(
            stream,
            "{request}\r\nHost: docker\r\n{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    split(&ask().map_err(doing(format!("ask {} for {request}", socket.display())))?)
}

/// Head and rest of an answer.
fn split(answer: &[u8]) -> Result<(String, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| {
        Error::State(format!("an engine's answer has no head: {}", String::from_utf8_lossy(answer)))
    })?;
    Ok((String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec()))
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn refused(body: &[u8]) -> Output {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let said =
        said["message"].as_str().map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    Output {
        status: ended(1),
        stdout: Vec::new(),
        stderr: format!("Error response from daemon: {said}\n").into_bytes(),
    }
}

fn ended(code: i32) -> ExitStatus {
    ExitStatus::from_raw(code << 8)
}

/// Both outputs of a stream of frames: a byte that says which, three of nothing, four of length, and what was said.
fn parts(mut stream: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some((&[which, _, _, _, a, b, c, d], rest)) = stream.split_first_chunk::<8>() {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX).min(rest.len());
        let (said, after) = rest.split_at(length);
        if which == 2 { &mut stderr } else { &mut stdout }.extend_from_slice(said);
        stream = after;
    }
    (stdout, stderr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart_and_one_that_was_cut_gives_what_came() {
        let stream = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\x09put";
        assert_eq!(parts(stream), (b"output".to_vec(), b"err".to_vec()));
        assert_eq!(parts(b"\x01\0\0"), (Vec::new(), Vec::new()));
    }
}
