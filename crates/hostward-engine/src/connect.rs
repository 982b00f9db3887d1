//! Opening a connection to an engine, of whichever kind its address is.

use std::io;

use tokio::net::{TcpStream, UnixStream};

use crate::address::Address;
use crate::stream::{Stream, keep_alive};
use crate::{ssh, tls};

/// Opens a connection to the engine. It waits as long as the system does; callers bring their own time limit.
pub async fn connect(address: &Address) -> io::Result<Stream> {
    match address {
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        Address::Tcp { host, port } => tcp(host, *port).await.map(Stream::Tcp),
        Address::Tls { host, port, credentials } => {
            tls::connect(tcp(host, *port).await?, host, credentials).await
        }
        Address::Ssh { user, host, port, socket } => {
            let arguments = ssh::arguments(user.as_deref(), host, *port, socket.as_deref());
            ssh::connect("ssh", &arguments).map(Stream::Unix)
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    // A keystroke of `docker exec -it` must not wait for the last one's acknowledgement.
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::block_on;

    async fn half_close_still_brings_the_answer(near: Stream, far: Stream) {
        near.write_all(b"question").await.unwrap();
        near.shutdown_write().unwrap();
        let mut buffer = [0; 64];
        assert_eq!(far.read(&mut buffer).await.unwrap(), 8);
        assert_eq!(far.read(&mut buffer).await.unwrap(), 0, "the end of our side arrives");
        far.write_all(b"answer").await.unwrap();
        drop(far);
        assert_eq!(near.read(&mut buffer).await.unwrap(), 6);
        assert_eq!(near.read(&mut buffer).await.unwrap(), 0);
    }

    #[test]
    fn a_unix_stream_closes_by_halves() {
        block_on(async {
            let (near, far) = UnixStream::pair().unwrap();
            half_close_still_brings_the_answer(near.into(), far.into()).await;
        });
    }

    #[test]
    fn a_tcp_stream_closes_by_halves() {
        block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let near = connect(&Address::Tcp { host: "127.0.0.1".to_owned(), port }).await.unwrap();
            let (far, _) = listener.accept().await.unwrap();
            half_close_still_brings_the_answer(near, far.into()).await;
        });
    }
}
