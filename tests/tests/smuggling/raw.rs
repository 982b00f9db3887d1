//! Bytes on sockets: all cases at once, each on a connection of its own, until nothing more comes.

use hostward_testkit::{Caller, OutputText};
use hostward_tests::feed;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// When nothing has come for so long, nothing more comes.
const QUIET: Duration = Duration::from_secs(3);

/// What came back on a connection.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    /// The other side has ended it.
    pub(crate) closed: bool,
}

impl Heard {
    /// The status of each answer, and whether the connection was ended.
    pub(crate) fn summary(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let statuses = text.split("HTTP/1.").skip(1).filter_map(|part| part.get(2..5));
        let is_status = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
        let said: Vec<_> = statuses.filter(is_status).chain(self.closed.then_some("close")).collect();
        if said.is_empty() { "nothing".to_owned() } else { said.join(" ") }
    }
}

/// From the host.
pub(crate) fn send(socket: &Path, all: &[(Vec<u8>, bool)]) -> Vec<Heard> {
    let mut open: Vec<_> = all
        .iter()
        .map(|(bytes, half_close)| {
            let mut stream = UnixStream::connect(socket).unwrap();
            // It may be refused before it was read to its end.
            let _ = stream.write_all(bytes);
            if *half_close {
                stream.shutdown(Shutdown::Write).unwrap();
            }
            stream.set_nonblocking(true).unwrap();
            (stream, Heard { bytes: Vec::new(), closed: false })
        })
        .collect();
    let (mut last, mut buffer) = (Instant::now(), [0; 8192]);
    while last.elapsed() < QUIET {
        for (stream, heard) in open.iter_mut().filter(|(_, heard)| !heard.closed) {
            match stream.read(&mut buffer) {
                Ok(0) => heard.closed = true,
                Ok(length) => heard.bytes.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(_) => heard.closed = true,
            }
            last = Instant::now();
        }
        sleep(Duration::from_millis(20));
    }
    open.into_iter().map(|(_, heard)| heard).collect()
}

/// The same in Python, which a caller has.
const SEND: &str = r"
import socket, sys, time
heard = []
for line in sys.stdin:
    half_close, sent = line.rstrip('\n').split(' ')
    connection = socket.socket(socket.AF_UNIX)
    connection.connect('/run/hostward/docker.sock')
    try:
        connection.sendall(bytes.fromhex(sent))
        if half_close == 'true':
            connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    connection.setblocking(False)
    heard.append([connection, b'', False])
last = time.monotonic()
while time.monotonic() - last < 3:
    for one in heard:
        if one[2]:
            continue
        try:
            part = one[0].recv(65536)
        except BlockingIOError:
            continue
        except OSError:
            part = b''
        one[1] += part
        one[2] = not part
        last = time.monotonic()
    time.sleep(0.02)
for connection, all, closed in heard:
    print(closed, all.hex())
";

/// From a container.
pub(crate) fn send_from(caller: &Caller, all: &[(Vec<u8>, bool)]) -> Vec<Heard> {
    let mut lines = String::new();
    for (bytes, half_close) in all {
        write!(lines, "{half_close} ").unwrap();
        for byte in bytes {
            write!(lines, "{byte:02x}").unwrap();
        }
        lines.push('\n');
    }
    let printed = feed(caller.exec(&["python3", "-c", SEND]), lines.into_bytes()).succeeded().out();
    let heard = printed.lines().map(|line| {
        let (closed, hex) = line.split_once(' ').unwrap();
        let pairs = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
        let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        Heard { bytes, closed: closed == "True" }
    });
    heard.collect()
}
