//! For unit tests: an engine on a socket of its own, and a runtime to ask it in.

use crate::address::Address;
use crate::stream::Stream;

/// What it answers to a request, and whether it closes the connection then.
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) close: bool,
}

impl Reply {
    /// An answer that is whole.
    pub(crate) fn of(status: u16, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        Self { bytes: (head + body).into_bytes(), close: true }
    }
}

/// Asks an engine that answers the first request of each connection, given its bytes, by `reply`.
pub(crate) fn ask<T>(
    mut reply: impl FnMut(&str) -> Reply + Send + 'static,
    question: impl AsyncFnOnce(Address) -> T,
) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.sock");
    block_on(async {
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let stream = Stream::from(listener.accept().await.unwrap().0);
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                let Reply { bytes, close } = reply(&String::from_utf8_lossy(&buffer[..read]));
                // Some connect and ask nothing.
                let _ = stream.write_all(&bytes).await;
                if !close {
                    open.push(stream);
                }
            }
        });
        question(Address::Unix(path)).await
    })
}

/// Runs a future to its end, on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
