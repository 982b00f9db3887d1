//! Connections that are there and do nothing, so that somebody can look at what they cost.

use std::io::{self, Read, Write};
use std::path::Path;

use super::{Steps, answer, connect};
use crate::job::{Held, Outcome};
use crate::message::{Message, invalid};

/// Opens them, and closes them when told to go on.
pub(super) fn run(
    socket: &Path,
    connections: usize,
    held: Held,
    mut steps: Steps<'_>,
) -> io::Result<Outcome> {
    let (mut all, mut message, mut buffer) =
        (Vec::with_capacity(connections), Message::keeping_body(), vec![0; 4096]);
    for number in 0..connections {
        let at = |error| io::Error::other(format!("connection {number}: {error}"));
        let mut stream = connect(socket).map_err(at)?;
        match held {
            Held::Idle => {
                stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n").map_err(at)?;
                answer(&stream, &mut message, &mut buffer).map_err(at)?;
            }
            Held::Events => {
                stream.write_all(b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n").map_err(at)?;
                message.clear();
                while !message.has_head() {
                    match stream.read(&mut buffer).map_err(at)? {
                        0 => return Err(at(io::ErrorKind::UnexpectedEof.into())),
                        read => message.feed(&buffer[..read]).map_err(at)?,
                    };
                }
                if message.status() != 200 {
                    return Err(at(invalid(format!("status {}", message.status()))));
                }
            }
        }
        all.push(stream);
    }
    steps.ready()?;
    drop(all);
    Ok(Outcome { count: connections as u64, ..Outcome::default() })
}
