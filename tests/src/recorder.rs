//! What an engine receives: a socket before its own that keeps every byte.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Passes connections on to an engine, and keeps what the clients sent.
#[derive(Debug)]
pub struct Recorder {
    /// Where it listens.
    pub socket: PathBuf,
    connections: Arc<Mutex<Vec<Vec<u8>>>>,
    engines: Arc<Mutex<Vec<UnixStream>>>,
    _folder: tempfile::TempDir,
}

impl Recorder {
    /// Begins to record before an engine.
    ///
    /// # Panics
    /// Where there is no place for its socket.
    pub fn of(engine: &Path) -> Self {
        let folder = crate::host_dir();
        let socket = folder.path().join("recorder.sock");
        let listener = UnixListener::bind(&socket).expect("a fresh directory has room for a socket");
        let connections: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let engines: Arc<Mutex<Vec<UnixStream>>> = Arc::default();
        let (kept, sides, engine) = (Arc::clone(&connections), Arc::clone(&engines), engine.to_owned());
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(engine)) = (client, UnixStream::connect(&engine)) else { return };
                let (Ok(from), Ok(to), Ok(side)) =
                    (client.try_clone(), engine.try_clone(), engine.try_clone())
                else {
                    return;
                };
                sides.lock().unwrap_or_else(PoisonError::into_inner).push(side);
                let index = {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.push(Vec::new());
                    kept.len() - 1
                };
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    copy(from, to, |bytes| {
                        kept.lock().unwrap_or_else(PoisonError::into_inner)[index].extend_from_slice(bytes);
                    });
                });
                thread::spawn(move || copy(engine, client, |_| {}));
            }
        });
        Self { socket, connections, engines, _folder: folder }
    }

    /// Cuts the connections on which this was sent, and says how many there were.
    pub fn cut(&self, sent: &str) -> usize {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(sent);
        let mut cut = 0;
        for (_, engine) in connections.iter().zip(engines.iter()).filter(|(bytes, _)| asked(bytes)) {
            // One that has ended by itself is cut already.
            let _ = engine.shutdown(Shutdown::Both);
            cut += 1;
        }
        cut
    }

    /// What was sent so far, a connection after the other; one that sent nothing says nothing. Gives it once.
    pub fn take(&self) -> Vec<Vec<u8>> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        // They stay in their places: some still go on.
        let sent: Vec<_> = connections.iter_mut().map(std::mem::take).collect();
        sent.into_iter().filter(|bytes| !bytes.is_empty()).collect()
    }
}

fn copy(mut from: UnixStream, mut to: UnixStream, mut keep: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
