//! `hostward proxy`: serves the engine's API in the caller's paths.

use std::io::{self, IsTerminal};

use hostward_engine::address::Address;
use hostward_proxy::{Settings, Shutdown, serve};
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::args::Proxy;
use crate::report::{Failure, Status};
use crate::{config, viewpoint};

/// What is served, refused and translated; not each connection.
const DEFAULT_LOG: &str = "info";

pub(crate) async fn run(args: Proxy) -> Result<Status, Failure> {
    let sockets = settle(&args)?;
    let mut serving = JoinSet::new();
    for settings in sockets {
        let shutdown = Shutdown::on_signals()
            .map_err(|error| Failure::failed(format_args!("cannot wait for signals: {error}")))?;
        serving.spawn(serve(settings, shutdown));
    }
    // One socket that cannot be served ends them all: half a service is harder to see than none.
    while let Some(ended) = serving.join_next().await {
        ended.map_err(Failure::failed)?.map_err(Failure::failed)?;
    }
    Ok(Status::Done)
}

/// The sockets to serve, and the log set up as it was asked for.
fn settle(args: &Proxy) -> Result<Vec<Settings>, Failure> {
    let settings = config::settle(&args.whose)?;
    log(args.log.as_deref().or(settings.file.log.as_deref()).unwrap_or(DEFAULT_LOG))?;
    let engine = viewpoint::choose(&settings)?.address;
    let listen: Vec<_> = if args.listen.is_empty() {
        settings.file.listen.iter().map(|listen| (listen.address.clone(), listen.container.clone())).collect()
    } else {
        let parse =
            |text: &String| Address::parse(text).map(|address| (address, None)).map_err(Failure::usage);
        args.listen.iter().map(parse).collect::<Result<_, _>>()?
    };
    if listen.is_empty() {
        let failure = Failure::usage("no socket to serve is named");
        return Err(failure.hint("hostward proxy --listen unix:///run/hostward/docker.sock"));
    }
    let socket = |(address, container): (Address, Option<String>)| Settings {
        for_container: settings.container.clone().or(container),
        maps: settings.maps.clone(),
        ..Settings::new(address, engine.clone())
    };
    Ok(listen.into_iter().map(socket).collect())
}

fn log(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| Failure::usage(format_args!("the log filter {filter:?}: {error}")))?;
    let ansi = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(ansi).init();
    Ok(())
}
