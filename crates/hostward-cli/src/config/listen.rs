//! A `[[listen]]` of the file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use hostward_proxy::{Access, Tls};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::accounts;
use crate::config::document::{Section, Unread};
use crate::config::exposure::open_to_all;
use crate::config::keys;
use crate::config::mistake::{Mistakes, Span};
use crate::config::values::{account, address, file, mode, selector, yes_or_no};

/// A socket to serve, as the file has it.
#[derive(Debug)]
pub(crate) struct ListenEntry {
    address: Spanned<Address>,
    container: Option<Spanned<Selector>>,
    owner: Option<Spanned<u32>>,
    group: Option<Spanned<u32>>,
    mode: Option<Spanned<u32>>,
    plain_tcp: Option<Spanned<bool>>,
    relay: Option<Spanned<bool>>,
    tls: Option<Spanned<TlsFiles>>,
}

/// How TLS is spoken at a socket.
#[derive(Debug)]
struct TlsFiles {
    certificate: Spanned<PathBuf>,
    key: Spanned<PathBuf>,
    client_ca: Option<Spanned<PathBuf>>,
    callers: BTreeMap<String, Selector>,
}

impl ListenEntry {
    /// Reads one. What is wrong with it is noted; without an address it is none.
    pub(super) fn read(table: Spanned<DeTable<'_>>, mistakes: &mut Mistakes) -> Option<Self> {
        let mut section = Section::new("[[listen]]", keys::LISTEN, table, mistakes);
        let address = section.read("address", address);
        let container = section.read("for", selector);
        let owner = section.read("owner", |value| account(value, accounts::USERS));
        let group = section.read("group", |value| account(value, accounts::GROUPS));
        let mode = section.read("mode", mode);
        let plain_tcp = section.read("plain_tcp", yes_or_no);
        let relay = section.read("relay", yes_or_no);
        let tls = section.take("tls").and_then(|value| TlsFiles::read(value, &mut section));
        section.end(&["address"]);
        let entry = Self { address: address?, container, owner, group, mode, plain_tcp, relay, tls };
        entry.check(mistakes);
        Some(entry)
    }

    pub(crate) fn address(&self) -> &Address {
        self.address.get_ref()
    }

    /// Where the address stands.
    pub(super) fn span(&self) -> Span {
        self.address.span()
    }

    /// The container that every client is treated as.
    pub(crate) fn container(&self) -> Option<&Selector> {
        self.container.as_ref().map(Spanned::get_ref)
    }

    /// Who may connect to it, where it is a unix socket.
    pub(crate) fn access(&self) -> Access {
        let id = |id: &Option<Spanned<u32>>| id.as_ref().map(|id| *id.get_ref());
        let mode = id(&self.mode).unwrap_or(Access::default().mode);
        Access { owner: id(&self.owner), group: id(&self.group), mode }
    }

    /// Whether it may be plain TCP that other machines reach.
    pub(crate) fn plain_tcp(&self) -> bool {
        self.plain_tcp.as_ref().is_some_and(|plain| *plain.get_ref())
    }

    /// Whether a relay connects there for others.
    pub(crate) fn relay(&self) -> bool {
        self.relay.as_ref().is_some_and(|relay| *relay.get_ref())
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        let TlsFiles { certificate, key, client_ca, callers } = self.tls.as_ref()?.get_ref();
        Some(Tls {
            certificate: certificate.get_ref().clone(),
            key: key.get_ref().clone(),
            client_ca: client_ca.as_ref().map(|path| path.get_ref().clone()),
            callers: callers.clone(),
        })
    }

    /// Where a file of TLS is named.
    pub(super) fn span_of_file(&self, path: &Path) -> Option<Span> {
        let TlsFiles { certificate, key, client_ca, .. } = self.tls.as_ref()?.get_ref();
        let mut files = [certificate, key].into_iter().chain(client_ca);
        files.find(|file| file.get_ref() == path).map(Spanned::span)
    }

    /// Where it is said whose the socket's file is.
    pub(super) fn span_of_owner(&self) -> Option<Span> {
        self.owner.as_ref().or(self.group.as_ref()).map(Spanned::span)
    }

    /// Notes what makes no sense together.
    fn check(&self, mistakes: &mut Mistakes) {
        let address = self.address();
        let mut wrong = |why: &str, span: Span| mistakes.note(format_args!("{address}: {why}"), Some(span));
        if let (Some(relay), Some(container)) = (&self.relay, self.container())
            && self.relay()
        {
            let why = format!(
                "`for` says that every caller is {container}, and `relay` that callers are unknown: remove one of them"
            );
            wrong(&why, relay.span());
        }
        let accesses = [&self.owner, &self.group, &self.mode].into_iter().flatten().map(Spanned::span);
        let (plain, tls) = (self.plain_tcp.as_ref().map(Spanned::span), self.tls.as_ref().map(Spanned::span));
        match address {
            Address::Unix(_) => {
                plain
                    .into_iter()
                    .chain(tls)
                    .for_each(|span| wrong("`plain_tcp` and `tls` are for tcp:// addresses", span));
            }
            Address::Tcp { host, .. } => {
                accesses.for_each(|span| wrong("only unix sockets have an owner, a group and a mode", span));
                match (&self.tls, plain) {
                    (Some(_), Some(plain)) => wrong("with `tls` the connection is not plain TCP", plain),
                    (Some(tls), None) if tls.get_ref().names_without_authority() => {
                        wrong("`callers` are names in certificates, so `client_ca` is required", tls.span());
                    }
                    // A name is looked up when the service starts.
                    (None, _) if is_open(host) && !self.plain_tcp() => {
                        mistakes.note(open_to_all(address), Some(self.span()));
                    }
                    _ => {}
                }
            }
            Address::Tls { .. } | Address::Ssh { .. } => {
                wrong("only unix:// and tcp:// addresses can be served", self.span());
            }
        }
    }
}

/// Whether other machines reach an address of this machine.
fn is_open(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback())
}

impl TlsFiles {
    fn read(value: Spanned<DeValue<'_>>, of: &mut Section<'_, '_>) -> Option<Spanned<Self>> {
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            of.wrong("tls", &span, Unread::Kind);
            return None;
        };
        let mut section = Section::new("`tls`", keys::TLS, Spanned::new(span.clone(), table), of.mistakes);
        let certificate = section.read("certificate", file);
        let key = section.read("key", file);
        let client_ca = section.read("client_ca", file);
        let callers = section.take("callers").map(|value| callers(value, &mut section)).unwrap_or_default();
        section.end(&["certificate", "key"]);
        Some(Spanned::new(span, Self { certificate: certificate?, key: key?, client_ca, callers }))
    }

    fn names_without_authority(&self) -> bool {
        !self.callers.is_empty() && self.client_ca.is_none()
    }
}

/// The names in certificates, and whom they mean.
fn callers(value: Spanned<DeValue<'_>>, of: &mut Section<'_, '_>) -> BTreeMap<String, Selector> {
    let span = value.span();
    let DeValue::Table(table) = value.into_inner() else {
        of.wrong("callers", &span, Unread::Kind);
        return BTreeMap::new();
    };
    let mut named = BTreeMap::new();
    for (name, container) in table {
        match selector(container.get_ref()) {
            Ok(container) => _ = named.insert(name.into_inner().into_owned(), container),
            Err(why) => of.wrong("callers", &container.span(), why),
        }
    }
    named
}
