//! The configuration file: where it is, and what it says.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hostward::api::lenders::VolumesFrom;
use hostward::explicit::{Map, Missing, Unmapped};
use hostward::network::Publish;
use hostward::policy::profile::Profile;
use hostward_engine::address::Address;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::audit_place::{AuditAlso, AuditPlace};
use crate::config::document::{Section, tree};
use crate::config::keys;
use crate::config::limits;
use crate::config::listen::ListenEntry;
use crate::config::mistake::{Mistakes, SourceFile};
use crate::config::profile;
use crate::config::values;
use crate::log::{Filter, Format};
use crate::report::{Failure, say};

const SYSTEM: &str = "/etc/hostward/hostward.toml";

/// What a configuration file says.
#[derive(Debug, Default)]
pub(crate) struct ConfigurationFile {
    pub(crate) source: SourceFile,
    pub(crate) engine: Option<Spanned<Address>>,
    pub(crate) maps: Vec<Map>,
    pub(crate) log: Option<Filter>,
    pub(crate) log_format: Option<Format>,
    pub(crate) audit: Option<Spanned<AuditPlace>>,
    pub(crate) audit_also: Vec<AuditAlso>,
    /// In seconds.
    pub(crate) drain: Option<u64>,
    pub(crate) admin: Option<Spanned<Address>>,
    pub(crate) unmapped: Option<Unmapped>,
    pub(crate) missing: Option<Missing>,
    pub(crate) volumes_from: Option<VolumesFrom>,
    pub(crate) publish: Option<Publish>,
    /// The directory in which the proxy keeps its key.
    pub(crate) state: Option<PathBuf>,
    pub(crate) limits: limits::GivenLimits,
    pub(crate) listen: Vec<ListenEntry>,
    pub(crate) profiles: Vec<Profile>,
    /// It says nothing at all.
    pub(crate) is_empty: bool,
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

/// Reads a configuration as far as it can be read; all that is wrong with it is noted.
pub(crate) fn parse(source: &SourceFile) -> (ConfigurationFile, Mistakes) {
    let mut mistakes = Mistakes::of(source.clone());
    let root = tree(&source.text, &mut mistakes);
    let is_empty = root.get_ref().is_empty() && mistakes.is_empty();
    let mut top =
        Section::new("the file", [keys::TOP, keys::TABLES].into_iter().flatten(), root, &mut mistakes);
    let file = ConfigurationFile {
        source: source.clone(),
        engine: top.read("engine", values::address),
        maps: top.read_each("map", values::map),
        log: top.read("log", values::filter).map(Spanned::into_inner),
        log_format: top.read("log_format", values::format).map(Spanned::into_inner),
        audit: top.read("audit", values::audit_place),
        audit_also: top.read_each("audit_also", values::audit_also),
        drain: top.read("drain", values::seconds).map(Spanned::into_inner),
        admin: top.read("admin", values::address),
        unmapped: top.read("unmapped", values::word).map(Spanned::into_inner),
        missing: top.read("missing", values::word).map(Spanned::into_inner),
        volumes_from: top.read("volumes_from", values::word).map(Spanned::into_inner),
        publish: top.read("publish", values::word).map(Spanned::into_inner),
        state: top.read("state", values::directory).map(Spanned::into_inner),
        limits: top.take("limits").map(|value| limits::of_file(value, top.mistakes)).unwrap_or_default(),
        listen: top.take("listen").map(|value| listens(value, top.mistakes)).unwrap_or_default(),
        profiles: top.take("profile").map(|value| profiles(value, top.mistakes)).unwrap_or_default(),
        is_empty,
    };
    top.end(&[]);
    (file, mistakes)
}

fn listens(value: Spanned<DeValue<'_>>, mistakes: &mut Mistakes) -> Vec<ListenEntry> {
    let one = "there can be several sockets: write [[listen]], in double brackets";
    let other = "a socket is a table: write [[listen]], and below it address = \"unix:///PATH\"";
    tables(value, [one, other], mistakes)
        .into_iter()
        .filter_map(|table| ListenEntry::read(table, mistakes))
        .collect()
}

fn profiles(value: Spanned<DeValue<'_>>, mistakes: &mut Mistakes) -> Vec<Profile> {
    let one = "there can be several profiles: write [[profile]], in double brackets";
    let other = "a profile is a table: write [[profile]], and below it name = \"NAME\"";
    let tables = tables(value, [one, other], mistakes);
    profile::read_all(tables, mistakes)
}

/// The tables of a list. What is written in the place of a list, and of one of its tables, is noted with these words.
fn tables<'t>(
    value: Spanned<DeValue<'t>>,
    [one, other]: [&str; 2],
    mistakes: &mut Mistakes,
) -> Vec<Spanned<DeTable<'t>>> {
    let span = value.span();
    let values = match value.into_inner() {
        DeValue::Array(values) => values.into_iter().collect(),
        DeValue::Table(table) => {
            mistakes.note(one, Some(span.clone()));
            vec![Spanned::new(span, DeValue::Table(table))]
        }
        value => vec![Spanned::new(span, value)],
    };
    let mut tables = Vec::new();
    for value in values {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => tables.push(Spanned::new(span, table)),
            _ => mistakes.note(other, Some(span)),
        }
    }
    tables
}

/// Reads `named`, or the first of the usual files that exists.
///
/// # Errors
/// Where it cannot be read, and all that is wrong with it.
pub(crate) fn load(named: Option<&Path>) -> Result<ConfigurationFile, Failure> {
    let (file, mistakes) = parse(&read(named)?.unwrap_or_default());
    Ok(mistakes.or(file)?)
}

/// The file; none when no file was named and none is there. A usual file that only others may read is not for this user, who is
/// told.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn read(named: Option<&Path>) -> Result<Option<SourceFile>, Failure> {
    read_first(named, |path, error| {
        if error.kind() != io::ErrorKind::PermissionDenied {
            return Err(unreadable(path, error));
        }
        say(
            format_args!("warning: {}, so its settings are not used", unreadable(path, error).message()),
            &[],
        );
        Ok(())
    })
}

/// The same, where a usual file that this user may not read is an error: what it forbids would be allowed without it.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn read_surely(named: Option<&Path>) -> Result<Option<SourceFile>, Failure> {
    read_first(named, |path, error| Err(unreadable(path, error)))
}

fn read_first(
    named: Option<&Path>,
    passed_over: impl Fn(&Path, &io::Error) -> Result<(), Failure>,
) -> Result<Option<SourceFile>, Failure> {
    let candidates = named.map_or_else(usual, |path| vec![path.to_owned()]);
    for path in candidates {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some(SourceFile { path, text })),
            Err(error) if named.is_some() => return Err(unreadable(&path, &error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => passed_over(&path, &error)?,
        }
    }
    Ok(None)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format_args!("cannot read {}: {error}", path.display()))
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
