//! What `hostward proxy` serves, by all that is said of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hostward_engine::address::Address;
use hostward_proxy::{
    Access, AuditTo, Callers, GRACE, Listen, ListenError, On, ServeError, Settings, Which, obstacles,
    unwritable,
};
use toml::Spanned;

use crate::args::ProxyArgs;
use crate::config::audit;
use crate::config::audit_place::AuditPlace;
use crate::config::exposure::open_to_all;
use crate::config::file::{self, ConfigurationFile};
use crate::config::listen::ListenEntry;
use crate::config::mistake::{Mistakes, SourceFile, Span};
use crate::config::policy;
use crate::config::settings::{self, Configuration};
use crate::config::state;
use crate::log::Log;
use crate::report::Failure;
use crate::serving::serve_failed;
use crate::viewpoint;

/// A service as it is to be.
#[derive(Debug)]
pub(crate) struct WantedService {
    pub(crate) settings: Settings,
    pub(crate) log: Log,
    pub(crate) warnings: Vec<String>,
    /// Whether the file says nothing.
    pub(crate) is_empty: bool,
    /// Who calls at a socket that nothing is said of.
    callers: Callers,
}

/// Reads it all, and the configuration file anew. `inherited` are the sockets that were opened for this service.
pub(crate) async fn settle(args: &ProxyArgs, inherited: &[Address]) -> Result<WantedService, Failure> {
    let source = file::read_surely(args.whose.config.as_deref())?.unwrap_or_default();
    let mut service = gather(args, &source, inherited).await?;
    let Settings { listen, admin, .. } = &mut service.settings;
    let spare: Vec<_> = inherited
        .iter()
        .filter(|address| !is_named(address, listen.iter().map(|one| &one.on).chain(&*admin)))
        .collect();
    if listen.is_empty() {
        for address in spare {
            let on = on(address, Access::default(), false).await?;
            listen.push(Listen { on, callers: service.callers.clone() });
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
    Ok(service)
}

/// What the flags, the variables and this file say of a service, with no sockets if none are named. Those in `held` need not be
/// made.
///
/// # Errors
/// All that would keep it from being served, but for what is taken at the moment.
pub(crate) async fn gather(
    args: &ProxyArgs,
    source: &SourceFile,
    held: &[Address],
) -> Result<WantedService, Mistakes> {
    let (file, mut mistakes) = file::parse(source);
    let known = match settings::merge(&args.whose, file) {
        Ok(known) => known,
        Err(failure) => {
            mistakes.note_failure(&failure, None);
            return Err(mistakes);
        }
    };
    let file = &known.file;
    let engine = viewpoint::choose(&known).map(|chosen| chosen.address);
    let engine = engine.map_err(|failure| mistakes.note_failure(&failure, None)).ok();
    let (listen, entries): (Vec<_>, Vec<_>) =
        wanted(&known, &args.listen, &mut mistakes).await.into_iter().unzip();
    let (admin, admin_span) = admin_on(args.admin.as_deref(), file, &mut mistakes).await.unzip();
    for (which, error) in obstacles(engine.as_ref(), &listen, admin.as_ref(), held).await {
        let span = match which {
            Which::Listen(at) => entries[at].map(|entry| place(entry, &error)),
            Which::Admin => admin_span.clone().flatten(),
        };
        mistakes.note_failure(&serve_failed(&error), span);
    }
    let state = state::named(args.state.clone(), file.state.clone());
    let state = state.map_err(|failure| mistakes.note_failure(&failure, None)).ok().flatten();
    let log = Log {
        filter: args.log.clone().or_else(|| file.log.clone()).unwrap_or_default(),
        format: args.log_format.or(file.log_format).unwrap_or_default(),
    };
    let audit = audit::settle(&args.audit, file, AuditPlace::Log, log.format);
    let audit = audit.map_err(|failure| mistakes.note_failure(&failure, None)).ok().unwrap_or_default();
    if let Some(error) = unwritable(&audit.to) {
        let span = file.audit.as_ref().filter(|_| args.audit.audit.is_none()).map(Spanned::span);
        mistakes.note_failure(&serve_failed(&error), span);
    }
    let profiles = policy::settle(&args.policy, file);
    let profiles = profiles.map_err(|failure| mistakes.note_failure(&failure, None)).ok().unwrap_or_default();
    let Some(engine) = engine else { return Err(mistakes) };
    let settings = Settings {
        profiles,
        rules: known.rules.clone(),
        grace: args.drain.or(file.drain).map_or(GRACE, Duration::from_secs),
        admin,
        limits: known.limits,
        state: state.or_else(state::usual),
        // In a container of its own, all ends with its first process.
        replaceable: std::process::id() != 1,
        audit,
        ..Settings::new(engine, listen)
    };
    let (warnings, is_empty) = (file.warnings(), file.is_empty);
    mistakes.or(WantedService { settings, log, warnings, is_empty, callers: callers(&known, None) })
}

/// Where an entry of the file says what is wrong.
fn place(entry: &ListenEntry, error: &ServeError) -> Span {
    let span = match error {
        ServeError::Listen(ListenError::Tls(file)) => entry.span_of_file(file.path()),
        ServeError::Listen(ListenError::Owner { .. }) => entry.span_of_owner(),
        _ => None,
    };
    span.unwrap_or_else(|| entry.span())
}

/// By what a running Hostward is known that serves the same: the state directory, and where it listens, as far as that is said.
pub(crate) async fn known_by(args: &ProxyArgs) -> Result<(Option<PathBuf>, Vec<Address>), Failure> {
    let known = settings::settle(&args.whose)?;
    let listen = listens(&known, &args.listen).await?;
    let state = state::named(args.state.clone(), known.file.state.clone())?.or_else(state::usual);
    Ok((state, listen.iter().map(|one| one.on.address()).collect()))
}

/// The sockets to serve: those that the command line names, else those of the file.
pub(crate) async fn listens(known: &Configuration, given: &[String]) -> Result<Vec<Listen>, Failure> {
    let mut mistakes = Mistakes::of(known.file.source.clone());
    let listen = wanted(known, given, &mut mistakes).await;
    Ok(mistakes.or(listen.into_iter().map(|(listen, _)| listen).collect())?)
}

/// The same, each with its entry in the file. What cannot be one is noted.
async fn wanted<'a>(
    known: &'a Configuration,
    given: &[String],
    mistakes: &mut Mistakes,
) -> Vec<(Listen, Option<&'a ListenEntry>)> {
    let mut listen = Vec::new();
    for text in given {
        let on = match Address::parse(text) {
            Ok(address) => on(&address, Access::default(), false).await,
            Err(error) => Err(Failure::usage(error)),
        };
        match on {
            Ok(on) => listen.push((Listen { on, callers: callers(known, None) }, None)),
            Err(failure) => mistakes.note_failure(&failure, None),
        }
    }
    for entry in known.file.listen.iter().filter(|_| given.is_empty()) {
        let on = match entry.tls() {
            Some(tls) if entry.address().socket().is_none() => {
                resolve(entry.address()).await.map(|address| On::Tls { address, tls })
            }
            _ => on(entry.address(), entry.access(), entry.plain_tcp()).await,
        };
        match on {
            Ok(on) => listen.push((Listen { on, callers: callers(known, Some(entry)) }, Some(entry))),
            Err(failure) => mistakes.note_failure(&failure, Some(entry.span())),
        }
    }
    listen
}

/// Who calls at a socket: `--for` is said of all.
fn callers(known: &Configuration, own: Option<&ListenEntry>) -> Callers {
    let selector = known.container.as_ref().or(own.and_then(ListenEntry::container));
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
        None => Ok(file.admin.as_ref().map(|address| address.get_ref().clone())),
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

/// The admin socket, and where the file names it. It is this machine's alone.
async fn admin_on(
    given: Option<&str>,
    file: &ConfigurationFile,
    mistakes: &mut Mistakes,
) -> Option<(On, Option<Span>)> {
    let span = file.admin.as_ref().filter(|_| given.is_none()).map(Spanned::span);
    let address = match admin(given, file) {
        Ok(address) => address?,
        Err(failure) => {
            mistakes.note_failure(&failure, span);
            return None;
        }
    };
    match on(&address, Access::default(), true).await {
        Ok(On::Tcp(socket)) if !socket.ip().is_loopback() => {
            let why =
                format_args!("other machines can reach {address}, but the admin socket is only for this one");
            let hint = "give it a unix socket: unix:///run/hostward/admin.sock";
            mistakes.note_failure(&Failure::usage(why).hint(hint), span);
            None
        }
        Ok(on) => Some((on, span)),
        Err(failure) => {
            mistakes.note_failure(&failure, span);
            None
        }
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
            ("missing", new.rules.missing != old.rules.missing),
            ("publish", new.rules.publish != old.rules.publish),
            ("volumes_from", new.rules.volumes_from != old.rules.volumes_from),
            ("limits", new.limits != old.limits),
            ("state", new.state != old.state),
            ("drain", new.grace != old.grace),
            ("admin", new.admin != old.admin),
            ("log", self.log.filter != before.log.filter),
            ("audit", new.audit != old.audit),
            ("profile", new.profiles != old.profiles),
        ]
        .into_iter()
        .filter_map(|(name, changed)| changed.then_some(name))
        .collect()
    }

    /// Keeps the format of the log, which the audit's lines have as well: it is that of the start.
    pub(crate) fn keep_format(&mut self, before: &Self) {
        self.log.format = before.log.format;
        if let AuditTo::Log(format) = &mut self.settings.audit.to {
            *format = self.log.format.into();
        }
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
