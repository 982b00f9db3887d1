//! `hostward proxy`: serves the engine's API in the caller's paths.

use std::io::{self, IsTerminal};
use std::net::ToSocketAddrs;

use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use hostward_proxy::{Access, Callers, Control, Inherited, Listen, On, Settings, serve};
use tracing_subscriber::EnvFilter;

use crate::args::Proxy;
use crate::report::{Failure, Status};
use crate::{config, viewpoint};

/// What is served, refused and translated; not each connection.
const DEFAULT_LOG: &str = "info";

pub(crate) async fn run(args: Proxy) -> Result<Status, Failure> {
    let settings = settle(&args)?;
    let (_trigger, control) = Control::on_signals()
        .map_err(|error| Failure::failed(format_args!("cannot wait for signals: {error}")))?;
    serve(settings, Inherited::default(), control, || {}).await.map_err(Failure::failed)?;
    Ok(Status::Done)
}

/// What to serve, and the log set up as it was asked for.
fn settle(args: &Proxy) -> Result<Settings, Failure> {
    let settings = config::settle(&args.whose)?;
    log(args.log.as_deref().or(settings.file.log.as_deref()).unwrap_or(DEFAULT_LOG))?;
    let engine = viewpoint::choose(&settings)?.address;
    let callers = |own: Option<&Selector>| {
        let selector = settings.container.as_ref().or(own);
        selector.map_or(Callers::Each, |selector| Callers::One(selector.clone()))
    };
    let listen: Vec<_> = if args.listen.is_empty() {
        let listen = |one: &config::file::Listen| {
            Ok(Listen { on: on(&one.address)?, callers: callers(one.container.as_ref()) })
        };
        settings.file.listen.iter().map(listen).collect::<Result<_, Failure>>()?
    } else {
        let listen = |text: &String| {
            let address = Address::parse(text).map_err(Failure::usage)?;
            Ok(Listen { on: on(&address)?, callers: callers(None) })
        };
        args.listen.iter().map(listen).collect::<Result<_, Failure>>()?
    };
    if listen.is_empty() {
        let failure = Failure::usage("no socket to serve is named");
        return Err(failure.hint("hostward proxy --listen unix:///run/hostward/docker.sock"));
    }
    Ok(Settings { maps: settings.maps.clone(), ..Settings::new(engine, listen) })
}

fn on(address: &Address) -> Result<On, Failure> {
    match address {
        Address::Unix(path) => Ok(On::Unix { path: path.clone(), access: Access::default() }),
        Address::Tcp { host, port } => {
            let found = (host.as_str(), *port).to_socket_addrs().map(|mut found| found.next());
            match found {
                Ok(Some(address)) if address.ip().is_loopback() => Ok(On::Tcp(address)),
                Ok(_) => {
                    Err(Failure::usage(format_args!("{address} can be reached from elsewhere, by anybody")))
                }
                Err(error) => Err(Failure::usage(format_args!("{address}: {error}"))),
            }
        }
    }
}

fn log(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| Failure::usage(format_args!("the log filter {filter:?}: {error}")))?;
    let ansi = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(ansi).init();
    Ok(())
}
