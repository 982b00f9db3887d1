//! The configuration file, and where in it a mistake is.
//!
//! A value is checked while it is read where it can be, so that the TOML reader knows the place of what is wrong.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hostward::api::lenders::VolumesFrom;
use hostward::explicit::{Map, Unmapped};
use hostward::network::Publish;
use hostward::word::UnknownWord;
use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use hostward_proxy::{Access, Tls};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::config::accounts::{self, Accounts};
use crate::config::exposure::open_to_all;
use crate::config::mistake::Mistake;
use crate::config::{limits, state};
use crate::log::{self, Format};
use crate::report::Failure;

const SYSTEM: &str = "/etc/hostward/hostward.toml";

/// A configuration file that holds no mistake.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigurationFile {
    #[serde(default, deserialize_with = "address")]
    pub(crate) engine: Option<Address>,
    /// Checked after reading: the reader knows the place of an array, not of what is in it.
    #[serde(default)]
    map: Vec<Spanned<String>>,
    #[serde(skip)]
    pub(crate) maps: Vec<Map>,
    #[serde(default, deserialize_with = "log")]
    pub(crate) log: Option<String>,
    pub(crate) log_format: Option<Format>,
    /// In seconds.
    pub(crate) drain: Option<u64>,
    #[serde(default, deserialize_with = "address")]
    pub(crate) admin: Option<Address>,
    #[serde(default, deserialize_with = "word")]
    pub(crate) unmapped: Option<Unmapped>,
    #[serde(default, deserialize_with = "word")]
    pub(crate) volumes_from: Option<VolumesFrom>,
    #[serde(default, deserialize_with = "word")]
    pub(crate) publish: Option<Publish>,
    /// The directory in which the proxy keeps its key.
    #[serde(default, deserialize_with = "directory")]
    pub(crate) state: Option<PathBuf>,
    /// Checked after reading: what is wrong with one depends on the others.
    #[serde(default, rename = "limits")]
    limits_table: limits::LimitsTable,
    #[serde(skip)]
    pub(crate) limits: limits::GivenLimits,
    #[serde(default)]
    pub(crate) listen: Vec<ListenEntry>,
}

/// A `[[listen]]` of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table, which `[[listen]]` begins")]
pub(crate) struct ListenEntry {
    #[serde(deserialize_with = "spanned_address")]
    address: Spanned<Address>,
    #[serde(default, rename = "for", deserialize_with = "selector")]
    pub(crate) container: Option<Selector>,
    #[serde(default, deserialize_with = "owner")]
    owner: Option<Spanned<u32>>,
    #[serde(default, deserialize_with = "group")]
    group: Option<Spanned<u32>>,
    #[serde(default, deserialize_with = "mode")]
    mode: Option<Spanned<u32>>,
    plain_tcp: Option<Spanned<bool>>,
    relay: Option<Spanned<bool>>,
    tls: Option<Spanned<TlsFiles>>,
}

/// How TLS is spoken at a socket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    #[serde(default)]
    callers: BTreeMap<String, String>,
}

impl ListenEntry {
    pub(crate) fn address(&self) -> &Address {
        self.address.get_ref()
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
        let callers = callers.iter().map(|(name, caller)| (name.clone(), Selector::parse(caller))).collect();
        Some(Tls {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: client_ca.clone(),
            callers,
        })
    }

    /// What the keys say together.
    fn check(&self) -> Result<(), (String, Range<usize>)> {
        let address = self.address();
        let span = |key: &Option<Spanned<u32>>| key.as_ref().map(Spanned::span);
        let (plain, tls) = (self.plain_tcp.as_ref().map(Spanned::span), self.tls.as_ref().map(Spanned::span));
        let wrong = |why: &str, span| Err((format!("{address}: {why}"), span));
        if let (Some(relay), Some(container)) = (&self.relay, &self.container)
            && self.relay()
        {
            let why = format!(
                "`for` says that every caller is {container}, and `relay` that callers are unknown: remove \
                         one of them"
            );
            return wrong(&why, relay.span());
        }
        if address.socket().is_some() {
            return match plain.or(tls) {
                Some(span) => wrong("`plain_tcp` and `tls` are for tcp:// addresses", span),
                None => Ok(()),
            };
        }
        if let Some(span) = span(&self.owner).or(span(&self.group)).or(span(&self.mode)) {
            return wrong("only unix sockets have an owner, a group and a mode", span);
        }
        let Address::Tcp { host, .. } = address else {
            return wrong("only unix:// and tcp:// addresses can be served", self.address.span());
        };
        if let Some(tls) = &self.tls {
            let named = !tls.get_ref().callers.is_empty();
            return match plain {
                Some(span) => wrong("with `tls` the connection is not plain TCP", span),
                None if named && tls.get_ref().client_ca.is_none() => {
                    wrong("`callers` are names in certificates, so `client_ca` is required", tls.span())
                }
                None => Ok(()),
            };
        }
        // A name is looked up when the service starts.
        match host.parse::<IpAddr>() {
            Ok(ip) if !ip.is_loopback() && !self.plain_tcp() => {
                Err((open_to_all(address), self.address.span()))
            }
            _ => Ok(()),
        }
    }
}

impl ConfigurationFile {
    /// What is right but hardly meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let all_may =
            |listen: &&ListenEntry| listen.address().socket().is_some() && listen.access().mode & 0o002 != 0;
        let warning = |listen: &ListenEntry| {
            let (address, mode) = (listen.address(), listen.access().mode);
            format!(
                "{address} has the mode {mode:04o}: every user of this host may connect, and can do everything the \
                 engine can do as root"
            )
        };
        self.listen.iter().filter(all_may).map(warning).collect()
    }
}

fn spanned_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spanned<Address>, D::Error> {
    let text = Spanned::<String>::deserialize(deserializer)?;
    let address = Address::parse(text.get_ref()).map_err(D::Error::custom)?;
    Ok(Spanned::new(text.span(), address))
}

fn selector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Selector>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(Selector::parse(&text)))
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Address::parse(&text).map(Some).map_err(D::Error::custom)
}

fn log<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    log::filter(&text).map_err(D::Error::custom)?;
    Ok(Some(text))
}

/// A directory by its whole path.
fn directory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::from(String::deserialize(deserializer)?);
    state::checked(path).map(Some).map_err(D::Error::custom)
}

/// A setting of one word.
fn word<'de, D: Deserializer<'de>, T: FromStr<Err = UnknownWord>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

/// A user or group by name or number.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a name, or a number from 0 to 4294967295")]
enum Account {
    Id(u32),
    Name(String),
}

fn account<'de, D: Deserializer<'de>>(
    deserializer: D,
    accounts: Accounts,
) -> Result<Option<Spanned<u32>>, D::Error> {
    let given = Spanned::<Account>::deserialize(deserializer)?;
    let id = match given.get_ref() {
        Account::Id(id) => *id,
        Account::Name(name) => accounts.id(name).map_err(D::Error::custom)?,
    };
    Ok(Some(Spanned::new(given.span(), id)))
}

fn owner<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<u32>>, D::Error> {
    account(deserializer, accounts::USERS)
}

fn group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<u32>>, D::Error> {
    account(deserializer, accounts::GROUPS)
}

/// In octal digits, as `chmod` takes it. A number is refused: TOML would read 660 as decimal.
fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<u32>>, D::Error> {
    let text = Spanned::<String>::deserialize(deserializer)?;
    let digits = text.get_ref();
    let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode <= 0o777 => Ok(Some(Spanned::new(text.span(), mode))),
        _ => Err(D::Error::custom(format_args!(
            "{digits:?} is not a mode; write octal digits, such as \"0660\""
        ))),
    }
}

/// Reads a configuration.
pub(crate) fn parse(text: &str) -> Result<ConfigurationFile, Mistake> {
    let mut file: ConfigurationFile = toml::from_str(text)
        .map_err(|error| Mistake::at(text, error.message(), error.span().unwrap_or(0..0)))?;
    let map = |value: &Spanned<String>| {
        Map::parse(value.get_ref().as_bytes())
            .map_err(|error| Mistake::at(text, &error.to_string(), value.span()))
    };
    file.maps = file.map.iter().map(map).collect::<Result<_, _>>()?;
    let mistake = |(why, span): (String, _)| Mistake::at(text, &why, span);
    file.limits = limits::of_file(&file.limits_table).map_err(mistake)?;
    for listen in &file.listen {
        listen.check().map_err(mistake)?;
    }
    Ok(file)
}

/// Reads `named`, or the first of the usual files that exists.
pub(crate) fn load(named: Option<&Path>) -> Result<Option<ConfigurationFile>, Failure> {
    let Some((path, text)) = read(named)? else { return Ok(None) };
    parse(&text).map(Some).map_err(|mistake| Failure::usage(mistake.shown(&path)))
}

/// The file's path and text; none when no file was named and none is there.
pub(crate) fn read(named: Option<&Path>) -> Result<Option<(PathBuf, String)>, Failure> {
    let candidates = named.map_or_else(usual, |path| vec![path.to_owned()]);
    for path in candidates {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let failure = Failure::usage(format_args!("cannot read {}: {error}", path.display()));
                return Err(failure);
            }
        }
    }
    Ok(None)
}

/// The user's file before the system's.
pub(crate) fn usual() -> Vec<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let user = user.map(|dir| dir.join("hostward/hostward.toml"));
    user.into_iter().chain([PathBuf::from(SYSTEM)]).collect()
}

#[cfg(test)]
mod tests;
