//! A running proxy is replaced by another: nobody who calls notices, and where the other fails, nothing has changed.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod stub;

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hostward_proxy::Trigger;
use hostward_proxy::{
    Access, Callers, Control, Inherited, Listen, On, Predecessor, ServeError, Settings, Start, serve,
};
use stub::{GET, OK, Peer, World, ok, run};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Its answer begins before its body has come, and ends after that.
const SLOW: &str = "POST /slow HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\n";

/// An engine that answers at once, but for [`SLOW`].
async fn engine(mut peer: Peer) {
    loop {
        let head = peer.head().await;
        match head.split(' ').nth(1) {
            None => return,
            Some("/slow") => {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbegun").await;
                if peer.until("x").await.is_empty() {
                    return;
                }
                peer.send("!").await;
            }
            Some(_) => peer.send(OK).await,
        }
    }
}

fn each(on: On) -> Listen {
    Listen { on, callers: Callers::Each }
}

fn unix(path: &Path) -> On {
    On::Unix { path: path.to_owned(), access: Access::default() }
}

/// A proxy that can be replaced, and its settings: two unix sockets, an address, an admin socket.
async fn replaceable() -> (World, Settings, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = None;
    let set = |made: &mut Settings| {
        let beside = |name| made.engine.socket().unwrap().with_file_name(name);
        let (state, admin) = (beside("state"), beside("admin"));
        made.listen.push(each(On::Tcp(free)));
        (made.state, made.admin, made.replaceable) = (Some(state), Some(unix(&admin)), true);
        settings = Some(made.clone());
        Inherited::default()
    };
    let world = World::set_up(set, engine).await;
    (world, settings.unwrap(), free)
}

struct Next {
    proxy: JoinHandle<Result<(), ServeError>>,
    trigger: Trigger,
}

/// The one that serves now, by its settings.
async fn find(settings: &Settings) -> Option<Predecessor> {
    let addresses: Vec<_> = settings.listen.iter().map(|one| one.on.address()).collect();
    Predecessor::find(settings.state.as_deref().unwrap(), &addresses).await.unwrap()
}

/// Replaces it, and waits until that is done.
async fn replace(settings: &Settings) -> Next {
    let predecessor = find(settings).await;
    assert!(predecessor.is_some());
    let start = Start { inherited: Inherited::default(), predecessor };
    let (trigger, control) = Control::by_hand();
    let (ready, is_ready) = oneshot::channel();
    let proxy = tokio::spawn(serve(settings.clone(), start, control, || ready.send(()).unwrap()));
    is_ready.await.unwrap();
    Next { proxy, trigger }
}

async fn ping(client: &mut Peer) {
    assert!(client.ask(GET).await.starts_with("HTTP/1.1 200"));
    assert_eq!(client.exactly(2).await, b"OK");
}

#[test]
fn requests_finish_where_they_began_and_connections_that_wait_go_on_in_the_next_process() {
    run(async {
        let (mut world, settings, tcp) = replaceable().await;
        let (mut kept, mut slow, mut half) =
            (world.client().await, world.client().await, world.client().await);
        ping(&mut kept).await;
        slow.send(SLOW).await;
        slow.until("begun").await;
        half.send(&GET[..9]).await;
        let mut idle_by_tcp = TcpStream::connect(tcp).await.unwrap();
        let file = std::fs::metadata(world.path("proxy")).unwrap().ino();
        let mut last = None;
        for _ in 0..3 {
            last = Some(replace(&settings).await);
            ping(&mut kept).await;
            ping(&mut world.client().await).await;
            let stream = UnixStream::connect(world.path("admin")).await.unwrap();
            assert!(
                Peer::new(stream).ask("GET /health HTTP/1.1\r\nHost: d\r\n\r\n").await.contains("200 OK")
            );
        }
        assert_eq!(std::fs::metadata(world.path("proxy")).unwrap().ino(), file);
        // The first process still has these; nobody has cut them off.
        assert!(!world.proxy.is_finished());
        half.send(&GET[9..]).await;
        assert!(half.head().await.starts_with("HTTP/1.1 200"));
        assert_eq!(half.exactly(2).await, b"OK");
        ping(&mut half).await;
        slow.send("x").await;
        assert_eq!(slow.exactly(1).await, b"!");
        (&mut world.proxy).await.unwrap().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut idle_by_tcp, GET.as_bytes()).await.unwrap();
        let mut answer = [0; 15];
        tokio::io::AsyncReadExt::read_exact(&mut idle_by_tcp, &mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");

        // The last one takes the files away.
        let Next { proxy, trigger } = last.unwrap();
        trigger.end();
        proxy.await.unwrap().unwrap();
        for name in ["proxy", "each", "admin"] {
            assert!(!world.path(name).exists(), "{name}");
        }
        assert_eq!(std::fs::read_dir(world.path("state/running")).unwrap().count(), 0);
    });
}

#[test]
fn where_the_next_one_fails_the_one_before_goes_on() {
    run(async {
        let (world, settings, _) = replaceable().await;
        let mut kept = world.client().await;
        ping(&mut kept).await;
        let mut wrong = settings.clone();
        std::fs::write(world.path("taken"), "").unwrap();
        wrong.listen.push(each(unix(&world.path("taken"))));
        let start = Start { inherited: Inherited::default(), predecessor: find(&settings).await };
        let (_trigger, control) = Control::by_hand();
        let error = serve(wrong, start, control, || panic!("it serves")).await.unwrap_err().to_string();
        assert!(error.contains("taken exists and is not a socket"), "{error}");
        // One that asks, and does no more.
        drop(find(&settings).await);
        assert!(!world.proxy.is_finished());
        ping(&mut kept).await;
        ping(&mut world.client().await).await;
        // And it can still be replaced.
        let next = replace(&settings).await;
        ping(&mut kept).await;
        next.trigger.end();
        next.proxy.await.unwrap().unwrap();
    });
}

#[test]
fn what_the_next_one_does_not_serve_ends_with_the_one_before() {
    run(async {
        let (mut world, mut settings, _) = replaceable().await;
        let mut gone = Peer::new(UnixStream::connect(world.path("each")).await.unwrap());
        ping(&mut gone).await;
        settings.listen.retain(|one| one.on.address().socket().is_some_and(|path| path.ends_with("proxy")));
        settings.admin = None;
        let next = replace(&settings).await;
        assert!(gone.rest().await.is_empty());
        (&mut world.proxy).await.unwrap().unwrap();
        assert!(!world.path("each").exists() && !world.path("admin").exists());
        ping(&mut world.client().await).await;
        // Nobody else serves what it does not say.
        settings.listen = vec![each(unix(&world.path("other")))];
        assert!(find(&settings).await.is_none());
        next.trigger.end();
        next.proxy.await.unwrap().unwrap();
    });
}

#[test]
fn one_that_was_replaced_gives_what_runs_the_usual_time_once_it_is_asked_to_end() {
    run(async {
        let (mut world, settings, _) = replaceable().await;
        let mut slow = world.client().await;
        slow.send(SLOW).await;
        slow.until("begun").await;
        let next = replace(&settings).await;
        assert_eq!(world.trigger.replaced().await, std::process::id());
        world.trigger.end();
        (&mut world.proxy).await.unwrap().unwrap();
        assert!(slow.rest().await.is_empty());
        let mut client = world.client().await;
        client.send(GET).await;
        assert!(client.head().await.contains(ok("").split("\r\n").next().unwrap()));
        next.trigger.end();
        next.proxy.await.unwrap().unwrap();
    });
}
