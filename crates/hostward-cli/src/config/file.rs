//! The configuration file, and where in it a mistake is.
//!
//! A value is checked while it is read where it can be, so that the TOML reader knows the place of what is wrong.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
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
use crate::config::{limits, service, state};
use crate::log::{self, Format};
use crate::report::Failure;

const SYSTEM: &str = "/etc/hostward/hostward.toml";

/// A configuration file that holds no mistake.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
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
    limits_table: limits::Table,
    #[serde(skip)]
    pub(crate) limits: limits::Given,
    #[serde(default)]
    pub(crate) listen: Vec<Listen>,
}

/// A `[[listen]]` of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
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

impl Listen {
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
            let why =
                format!("all callers are {container} by `for`, and nobody known by `relay`: take one away");
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
            return wrong("only unix:// and tcp:// can be served", self.address.span());
        };
        if let Some(tls) = &self.tls {
            let named = !tls.get_ref().callers.is_empty();
            return match plain {
                Some(span) => wrong("with `tls` it is not plain", span),
                None if named && tls.get_ref().client_ca.is_none() => {
                    wrong("`callers` are named by certificates, so `client_ca` must be given", tls.span())
                }
                None => Ok(()),
            };
        }
        // A name is looked up when the service starts.
        match host.parse::<IpAddr>() {
            Ok(ip) if !ip.is_loopback() && !self.plain_tcp() => {
                Err((service::open_to_all(address), self.address.span()))
            }
            _ => Ok(()),
        }
    }
}

impl File {
    /// What is right but hardly meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let all_may =
            |listen: &&Listen| listen.address().socket().is_some() && listen.access().mode & 0o002 != 0;
        let warning = |listen: &Listen| {
            let (address, mode) = (listen.address(), listen.access().mode);
            format!(
                "{address} has the mode {mode:04o}: every user of this machine may connect, and so do what the engine \
                 can do as root"
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
        _ => {
            Err(D::Error::custom(format_args!("{digits:?} is no mode; write octal digits, such as \"0660\"")))
        }
    }
}

/// A mistake and its place, counted from 1 as editors do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    message: String,
    line: usize,
    column: usize,
    /// The line of the file, and how much of it is meant.
    text: String,
    width: usize,
}

/// Reads a configuration.
pub(crate) fn parse(text: &str) -> Result<File, Mistake> {
    let mut file: File = toml::from_str(text)
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
pub(crate) fn load(named: Option<&Path>) -> Result<Option<File>, Failure> {
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

impl Mistake {
    fn at(text: &str, message: &str, span: Range<usize>) -> Self {
        let start = span.start.min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text[begin..].lines().next().unwrap_or_default();
        let meant = text.get(start..span.end.min(begin + line.len())).unwrap_or_default();
        Self {
            message: message.to_owned(),
            line: before.matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            text: line.to_owned(),
            width: meant.chars().count().max(1),
        }
    }

    /// The mistake as compilers write it: `FILE:LINE:COLUMN`, then the line with the place beneath it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        format!("{}:{}:{}: {self}", path.display(), self.line, self.column)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs are kept, so that the marks stand beneath what they mark.
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        let indent: String = self.text.chars().take(self.column - 1).map(blank).collect();
        writeln!(f, "{}", self.message.trim_end())?;
        writeln!(f, "{margin} |\n{number} | {}", self.text)?;
        write!(f, "{margin} | {indent}{}", "^".repeat(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        parse(text).unwrap_err().shown(Path::new("h.toml"))
    }

    #[test]
    fn a_complete_file_is_read() {
        let file = parse(
            "engine = 'unix:///e'\nmap = ['/a=/b']\nunmapped = 'refuse'\nvolumes_from = 'narrow'\npublish = 'machine'\nlog = 'info'\nlog_format = 'json'\n\
             drain = 30\nadmin = 'unix:///a'\n\
             [[listen]]\naddress = 'unix:///l'\nowner = 1000\ngroup = 'root'\nmode = '0600'\n\
             [[listen]]\naddress = '/m'\nfor = 'label:ci.job=42'\n\
             [[listen]]\naddress = 'tcp://0.0.0.0:2375'\nplain_tcp = true\n\
             [[listen]]\naddress = 'tcp://0.0.0.0:2376'\n\
             tls = { certificate = '/c', key = '/k', client_ca = '/ca', callers = { runner = 'web' } }\n",
        )
        .unwrap();
        assert_eq!(file.engine.as_ref().unwrap().to_string(), "unix:///e");
        assert_eq!(file.maps[0].to_string(), "/a=/b");
        assert_eq!((file.log_format, file.drain), (Some(Format::Json), Some(30)));
        let [own, job, plain, tls] = &file.listen[..] else { panic!("{:?}", file.listen) };
        assert_eq!(own.access(), Access { owner: Some(1000), group: Some(0), mode: 0o600 });
        assert_eq!(job.access(), Access::default());
        assert_eq!(job.container, Some(Selector::Label("ci.job=42".into())));
        assert!(plain.plain_tcp() && !job.plain_tcp());
        assert_eq!(tls.tls().unwrap().callers["runner"], Selector::Name("web".into()));
        assert!(file.warnings().is_empty());
    }

    #[test]
    fn the_documents_show_files_that_are_right() {
        let docs = include_str!("../../../../docs/running.md").rsplit_once("\n    engine = ").unwrap().1;
        // Not every machine has this group.
        let file = format!("engine = {docs}").replace("group = \"docker\"", "group = \"0\"");
        let file = parse(&file).unwrap_or_else(|mistake| panic!("{mistake}"));
        assert_eq!((file.listen.len(), file.drain), (3, Some(30)));
        for text in [
            include_str!("../../../../examples/systemd/hostward.toml"),
            include_str!("../../../../examples/ci-jobs/base.toml"),
        ] {
            parse(text).unwrap();
        }
    }

    #[test]
    fn a_socket_that_every_user_may_use_is_warned_of() {
        let file = parse("[[listen]]\naddress = '/m'\nmode = '666'\n").unwrap();
        assert!(file.warnings()[0].contains("unix:///m has the mode 0666"), "{:?}", file.warnings());
    }

    #[test]
    fn what_keys_say_together_is_checked() {
        let tls = |keys: &str| format!("tls = {{ certificate = '/c', key = '/k'{keys} }}");
        for (address, keys, place, why) in [
            ("tcp://0.0.0.0:2375", String::new(), "2:11", "`plain_tcp = true`"),
            ("tcp://[::]:2375", "plain_tcp = false".into(), "2:11", "other machines"),
            ("unix:///x", "plain_tcp = true".into(), "3:13", "for tcp:// addresses"),
            ("unix:///x", tls(""), "3:7", "for tcp:// addresses"),
            ("tcp://127.0.0.1:1", "mode = '0660'".into(), "3:8", "only unix sockets"),
            ("tcp://127.0.0.1:1", "owner = 'root'".into(), "3:9", "only unix sockets"),
            ("tcp://10.0.0.1:1", format!("plain_tcp = true\n{}", tls("")), "3:13", "not plain"),
            ("tcp://10.0.0.1:1", tls(", callers = { a = 'b' }"), "3:7", "`client_ca` must be given"),
            ("unix:///x", "mode = '0800'".into(), "3:8", "octal digits"),
            ("unix:///x", "mode = '01777'".into(), "3:8", "octal digits"),
            ("unix:///x", "mode = 660".into(), "3:8", "expected a string"),
            ("unix:///x", "owner = 'no such user'".into(), "3:9", "/etc/passwd has no user"),
            ("unix:///x", "group = -1".into(), "3:9", "expected a name, or a number"),
        ] {
            let shown = mistake(&format!("[[listen]]\naddress = '{address}'\n{keys}\n"));
            assert!(shown.starts_with(&format!("h.toml:{place}: ")) && shown.contains(why), "{shown}");
        }
        for right in ["tcp://localhost:2375", "tcp://[::1]:2375", "tcp://some.name:2375"] {
            assert!(parse(&format!("[[listen]]\naddress = '{right}'\n")).is_ok(), "{right}");
        }
    }

    #[test]
    fn limits_are_set_by_their_names() {
        let file =
            parse("[limits]\nconnections = 512\nheld_bytes = '128 MiB'\nhead_seconds = 5\npaths = 7\n")
                .unwrap();
        let set: Vec<_> = file.limits.into_iter().collect();
        assert_eq!(set, [("connections", 512), ("head_seconds", 5), ("held_bytes", 128 << 20), ("paths", 7)]);
        for limit in hostward_proxy::Limits::ALL {
            let text = format!("limits = {{ {} = {} }}", limit.name, limit.default);
            assert_eq!(parse(&text).unwrap().limits[limit.name], limit.default);
        }
    }

    #[test]
    fn a_mistake_in_limits_is_pointed_at() {
        for (line, place, why, marked) in [
            (
                "conections = 5",
                "2:1",
                "there is no limit `conections`; did you mean `connections`?",
                "^^^^^^^^^^",
            ),
            ("Paths = 5", "2:1", "did you mean `paths`?", "^^^^^"),
            ("colour = 5", "2:1", "there is no limit `colour`; there are connections, ", "^^^^^^"),
            ("paths = 0", "2:9", "must be at least 1", "^"),
            ("paths = -4", "2:9", "-4 is no number; `paths` is one, such as 1000", "^^"),
            ("paths = 1e3", "2:9", "is no number", "^^^"),
            ("paths = '1000'", "2:9", "\"1000\" is no number", "^^^^^^"),
            ("paths = 4294967296", "2:9", "can be 4294967295 at most", "^^^^^^^^^^"),
            ("head_seconds = '30'", "2:16", "is one of seconds, such as 30", "^^^^"),
            ("held_bytes = '96 MB'", "2:14", "text with KiB, MiB or GiB, such as \"96 MiB\"", "^^^^^^^"),
            ("held_bytes = true", "2:14", "true is no size", "^^^^"),
            ("held_bytes = '32 MiB'", "2:14", "one caller gets a quarter at most", "^^^^^^^^"),
            ("connections_per_caller = 5000", "2:26", "set it to 4096 at most", "^^^^"),
            ("ports = 100\nports_per_caller = 200", "3:20", "set it to 100 at most", "^^^"),
            ("stranger_bytes = '2 MiB'", "2:18", "`held_bytes_of_strangers` 1 MiB", "^^^^^^^"),
        ] {
            let shown = mistake(&format!("[limits]\n{line}\n"));
            assert!(
                shown.starts_with(&format!("h.toml:{place}: ")) && shown.contains(why),
                "{line}:\n{shown}"
            );
            assert!(shown.ends_with(&format!(" {marked}")), "{line}:\n{shown}");
        }
        let shown = mistake("limits = 5\n");
        assert!(shown.starts_with("h.toml:1:10: "), "{shown}");
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        assert!(parse("# nothing yet\n").is_ok());
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        for (text, place, marked) in [
            (
                "log = 'info'\nengin = 'x'\n",
                "h.toml:2:1: unknown field `engin`",
                "2 | engin = 'x'\n  | ^^^^^",
            ),
            ("map = ['/a=/b', '/a']\n", "h.toml:1:17: ", "^^^^"),
            ("\nengine = 'nowhere'\n", "h.toml:2:10: ", "^^^^^^^^^"),
            ("log = 'x=y=z'\n", "h.toml:1:7: the log filter", "^^^^^^^"),
            ("log_format = 'xml'\n", "h.toml:1:14: unknown variant `xml`", "^^^^^"),
            ("drain = -1\n", "h.toml:1:9: ", "^^"),
            ("map = ['/a=/b/../c']", "h.toml:1:8: ", "^^^^^^^^^^^^"),
            ("unmapped = 'pass'", "h.toml:1:12: \"pass\" is not known", "^^^^^^"),
            ("publish = 'no'", "h.toml:1:11: \"no\" is not known", "^^^^"),
            ("volumes_from = 'none'", "h.toml:1:16: \"none\" is not known", "^^^^^^"),
            ("state = 'var/hostward'", "h.toml:1:9: \"var/hostward\" is no absolute path", "^^^^^^^^^^^^"),
            ("log = 7", "h.toml:1:7: ", "^"),
            ("log = ", "h.toml:1:7: ", "^"),
            ("[[listen]]\nfor = 'x'\n", "h.toml:1:1: missing field `address`", "^"),
            ("[[listen]]\naddress = 'x'\n", "h.toml:2:11: ", "^^^"),
        ] {
            let shown = mistake(text);
            assert!(shown.starts_with(place), "{text:?}:\n{shown}");
            assert!(shown.contains(marked), "{text:?}:\n{shown}");
        }
    }
}
