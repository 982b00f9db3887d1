//! What `hostward proxy` serves, by all that is said of it.

use std::net::SocketAddr;
use std::time::Duration;

use hostward_engine::address::Address;
use hostward_proxy::{Access, Callers, GRACE, Listen, On, Settings};

use crate::args::ProxyArgs;
use crate::config::exposure::open_to_all;
use crate::config::file::{ConfigurationFile, ListenEntry};
use crate::config::settings::{self, Configuration};
use crate::config::state;
use crate::log::Log;
use crate::report::Failure;
use crate::viewpoint;

/// A service as it is to be.
#[derive(Debug)]
pub(crate) struct WantedService {
    pub(crate) settings: Settings,
    pub(crate) log: Log,
    pub(crate) warnings: Vec<String>,
}

/// Reads it all, and the configuration file anew. `inherited` are the sockets that were opened for this service.
pub(crate) async fn settle(args: &ProxyArgs, inherited: &[Address]) -> Result<WantedService, Failure> {
    let known = settings::settle(&args.whose)?;
    let file = &known.file;
    let log = Log {
        filter: args.log.clone().or_else(|| file.log.clone()),
        format: args.log_format.or(file.log_format).unwrap_or_default(),
    };
    let engine = viewpoint::choose(&known)?.address;
    let mut listen = listens(&known, &args.listen).await?;
    let admin = match admin(args.admin.as_deref(), file)? {
        Some(address) => Some(admin_on(&address).await?),
        None => None,
    };
    let spare: Vec<_> = inherited
        .iter()
        .filter(|address| !is_named(address, listen.iter().map(|one| &one.on).chain(&admin)))
        .collect();
    if listen.is_empty() {
        for address in spare {
            let on = on(address, Access::default(), false).await?;
            listen.push(Listen { on, callers: callers(&known, None) });
        }
    } else if let Some(address) = spare.first() {
        let failure = Failure::usage(format_args!(
            "{address} was opened for this service, but the service does not use it"
        ));
        return Err(failure.hint("make it the address of a [[listen]], or remove its socket unit"));
    }
    if listen.is_empty() {
        let failure = Failure::usage("no socket to serve is given");
        return Err(failure.hint("hostward proxy --listen unix:///run/hostward/docker.sock"));
    }
    let grace = args.drain.or(file.drain).map_or(GRACE, Duration::from_secs);
    let state = state::named(args.state.clone(), file.state.clone())?.or_else(state::usual);
    let (rules, limits) = (known.rules.clone(), known.limits);
    let settings = Settings { rules, grace, admin, limits, state, ..Settings::new(engine, listen) };
    Ok(WantedService { settings, log, warnings: file.warnings() })
}

/// The sockets to serve: those that the command line names, else those of the file.
pub(crate) async fn listens(known: &Configuration, given: &[String]) -> Result<Vec<Listen>, Failure> {
    let mut listen = Vec::new();
    for text in given {
        let on = on(&Address::parse(text).map_err(Failure::usage)?, Access::default(), false).await?;
        listen.push(Listen { on, callers: callers(known, None) });
    }
    if given.is_empty() {
        for one in &known.file.listen {
            let on = match one.tls() {
                Some(tls) => On::Tls { address: resolve(one.address()).await?, tls },
                None => on(one.address(), one.access(), one.plain_tcp()).await?,
            };
            listen.push(Listen { on, callers: callers(known, Some(one)) });
        }
    }
    Ok(listen)
}

/// Who calls at a socket: `--for` is said of all.
fn callers(known: &Configuration, own: Option<&ListenEntry>) -> Callers {
    let selector = known.container.as_ref().or(own.and_then(|own| own.container.as_ref()));
    match selector {
        Some(selector) => Callers::One(selector.clone()),
        None if own.is_some_and(ListenEntry::relay) => Callers::Relayed,
        None => Callers::Each,
    }
}

/// Where the admin socket is to be.
pub(crate) fn admin(given: Option<&str>, file: &ConfigurationFile) -> Result<Option<Address>, Failure> {
    match given {
        Some(text) => Address::parse(text).map(Some).map_err(Failure::usage),
        None => Ok(file.admin.clone()),
    }
}

fn is_named<'a>(address: &Address, mut among: impl Iterator<Item = &'a On>) -> bool {
    among.any(|on| on.address() == *address)
}

async fn on(address: &Address, access: Access, plain_tcp: bool) -> Result<On, Failure> {
    if let Some(path) = address.socket() {
        return Ok(On::Unix { path: path.to_owned(), access });
    }
    let socket = resolve(address).await?;
    if !socket.ip().is_loopback() && !plain_tcp {
        return Err(Failure::usage(open_to_all(address)));
    }
    Ok(On::Tcp(socket))
}

async fn admin_on(address: &Address) -> Result<On, Failure> {
    match on(address, Access::default(), true).await? {
        On::Tcp(socket) if !socket.ip().is_loopback() => {
            let failure =
                format_args!("other machines can reach {address}, but the admin socket is only for this one");
            Err(Failure::usage(failure).hint("give it a unix socket: unix:///run/hostward/admin.sock"))
        }
        on => Ok(on),
    }
}

/// Where a TCP address is, without blocking the thread that serves: it is asked while that does, too.
async fn resolve(address: &Address) -> Result<SocketAddr, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format_args!("{address}: {why}"));
    let Address::Tcp { host, port } = address else {
        return Err(wrong(&"only unix:// and tcp:// addresses can be served"));
    };
    let mut found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(|error| wrong(&error))?;
    found.next().ok_or_else(|| wrong(&"has no address"))
}

impl WantedService {
    /// What differs from another, for the log.
    pub(crate) fn changes(&self, before: &Self) -> Vec<&'static str> {
        let (new, old) = (&self.settings, &before.settings);
        [
            ("engine", new.engine != old.engine),
            ("listen", new.listen != old.listen),
            ("map", new.rules.maps != old.rules.maps),
            ("unmapped", new.rules.unmapped != old.rules.unmapped),
            ("publish", new.rules.publish != old.rules.publish),
            ("volumes_from", new.rules.volumes_from != old.rules.volumes_from),
            ("limits", new.limits != old.limits),
            ("state", new.state != old.state),
            ("drain", new.grace != old.grace),
            ("admin", new.admin != old.admin),
            ("log", self.log.filter != before.log.filter),
        ]
        .into_iter()
        .filter_map(|(name, changed)| changed.then_some(name))
        .collect()
    }

    /// What of it holds from the next start on.
    pub(crate) fn later(&self, before: &Self) -> Vec<&'static str> {
        let (new, old) = (&self.settings, &before.settings);
        let limits = new.limits.each().zip(old.limits.each());
        let ports = limits.filter(|((name, new), (_, old))| name.starts_with("port") && new != old);
        ports
            .map(|((name, _), _)| name)
            .chain((new.state != old.state).then_some("state"))
            .chain((self.log.format != before.log.format).then_some("log_format"))
            .collect()
    }
}
