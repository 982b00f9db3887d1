//! Settings that change while a proxy runs: new ones come to be as a whole, or not at all.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod stub;

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hostward_engine::address::Address;
use hostward_proxy::{Access, Callers, Inherited, Listen, On, Settings};
use stub::{GET, Peer, World, ok, run};

/// A proxy, and its settings.
async fn tested() -> (World, Settings) {
    let mut settings = None;
    let set = |made: &mut Settings| {
        made.admin = Some(unix(&made.engine.socket().unwrap().with_file_name("admin"), 0o600));
        settings = Some(made.clone());
        Inherited::default()
    };
    let world = World::set_up(set, serve).await;
    (world, settings.unwrap())
}

async fn serve(mut peer: Peer) {
    peer.head().await;
    peer.send(ok("engine")).await;
}

fn unix(path: &Path, mode: u32) -> On {
    On::Unix { path: path.to_owned(), access: Access { mode, ..Access::default() } }
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().mode() & 0o777
}

fn each(on: On) -> Listen {
    Listen { on, callers: Callers::Each }
}

#[test]
fn files_of_sockets_change_with_all_the_rest_or_stay() {
    run(async {
        let (world, settings) = tested().await;
        let files = ["proxy", "each", "admin"].map(|name| world.path(name));
        let modes = || files.each_ref().map(|file| mode(file));
        assert_eq!(modes(), [0o660, 0o660, 0o600]);

        let mut new = settings.clone();
        for (listen, file) in new.listen.iter_mut().zip(&files) {
            listen.on = unix(file, 0o606);
        }
        new.admin = Some(unix(&files[2], 0o640));
        // One of the others cannot be had.
        std::fs::write(world.path("taken"), "").unwrap();
        let mut wrong = new.clone();
        wrong.listen.push(each(unix(&world.path("taken"), 0o600)));
        let error = world.trigger.reload(wrong).await.unwrap_err().to_string();
        assert!(error.contains("taken exists and is not a socket"), "{error}");
        assert_eq!(modes(), [0o660, 0o660, 0o600]);

        world.trigger.reload(new.clone()).await.unwrap();
        assert_eq!(modes(), [0o606, 0o606, 0o640]);

        // One of the files cannot be changed.
        std::fs::remove_file(&files[1]).unwrap();
        std::fs::write(&files[1], "").unwrap();
        let before = mode(&files[1]);
        world.trigger.reload(settings).await.unwrap_err();
        assert_eq!(modes(), [0o606, before, 0o640]);
        assert!(world.client().await.ask(GET).await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn a_socket_that_is_served_is_no_engine() {
    run(async {
        let (world, settings) = tested().await;
        for name in ["proxy", "admin"] {
            let link = world.path("link");
            std::os::unix::fs::symlink(world.path(name), &link).unwrap();
            let looping = Settings { engine: Address::Unix(link.clone()), ..settings.clone() };
            let error = world.trigger.reload(looping).await.unwrap_err().to_string();
            assert!(error.contains("both the socket to serve and the engine"), "{error}");
            std::fs::remove_file(link).unwrap();
        }
        // By a name, and by an address of all.
        for (served, engine) in [("127.0.0.1", "localhost"), ("0.0.0.0", "127.0.0.1"), ("[::]", "localhost")]
        {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let mut looping = settings.clone();
            looping.listen.push(each(On::Tcp(format!("{served}:{port}").parse().unwrap())));
            let beside = Address::Tcp { host: engine.to_owned(), port: port ^ 1 };
            looping.engine = Address::Tcp { host: engine.to_owned(), port };
            let error = world.trigger.reload(looping.clone()).await.unwrap_err().to_string();
            assert!(error.contains("both the socket to serve and the engine"), "{served} {engine}: {error}");
            world.trigger.reload(Settings { engine: beside, ..looping }).await.unwrap();
        }
        world.trigger.reload(settings).await.unwrap();
        assert!(world.client().await.ask(GET).await.starts_with("HTTP/1.1 200"));
    });
}
