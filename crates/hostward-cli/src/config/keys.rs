//! The table of settings: what a configuration file can say. The reader knows its keys by it, and what to write where a value
//! is wrong; hostward.toml(5), docs/configuration.md and the packaged file are made of it.

use std::sync::LazyLock;

use hostward::policy::keys::KEYS;

use crate::variables;

/// A key of the file.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// What a value is: ends the sentence "X is not …".
    pub(crate) kind: &'static str,
    /// A value as it is written; the default, where that can be written.
    pub(crate) example: &'static str,
    /// What holds without it, for people.
    pub(crate) default: &'static str,
    /// The flag that says the same, and overrides it.
    pub(crate) flag: Option<&'static str>,
    /// The variable that says the same, and overrides it.
    pub(crate) variable: Option<&'static str>,
    /// What it is, in sentences; names are in backquotes.
    pub(crate) what: &'static str,
}

impl Setting {
    /// It with a value, as a line of the file.
    pub(crate) fn written(&self) -> String {
        format!("{} = {}", self.name, self.example)
    }
}

/// The keys at the top of the file.
pub(crate) const TOP: &[Setting] = &[
    Setting {
        name: "engine",
        kind: "an address as text",
        example: "\"unix:///var/run/docker.sock\"",
        default: "as for the docker command: `DOCKER_HOST`, the docker context, or `unix:///var/run/docker.sock`",
        flag: Some("--engine"),
        variable: Some(variables::ENGINE),
        what: "The engine's address: `unix:///PATH`, `tcp://HOST:PORT` or `ssh://USER@HOST`.",
    },
    Setting {
        name: "map",
        kind: "a list of texts",
        example: "[\"/app/storage=/srv/storage\"]",
        default: "no maps",
        flag: Some("--map"),
        variable: Some(variables::MAP),
        what: "Where directories of callers are on the host, as `DIR=ENGINE_DIR`. A map overrides what the engine says about a \
               caller's mounts. In the variable, maps are on lines of their own.",
    },
    Setting {
        name: "unmapped",
        kind: "\"refuse\" or \"host\"",
        example: "\"refuse\"",
        default: "`\"refuse\"`, which a caller's label overrides",
        flag: None,
        variable: Some(variables::UNMAPPED),
        what: "What a path means that nothing maps: `\"refuse\"`, or `\"host\"`, the host's path. The label `hostward.unmapped` of a \
               caller overrides it, unless `\"refuse\"` is set here.",
    },
    Setting {
        name: "missing",
        kind: "\"refuse\" or \"make\"",
        example: "\"refuse\"",
        default: "`\"refuse\"`, which a caller's label overrides",
        flag: None,
        variable: Some(variables::MISSING),
        what: "What happens to a `-v` of a path that is missing in a caller's root filesystem: `\"refuse\"`, or with `\"make\"` it is \
               created there. The label `hostward.missing` of a caller overrides it, unless `\"refuse\"` is set here.",
    },
    Setting {
        name: "volumes_from",
        kind: "\"all\" or \"narrow\"",
        example: "\"all\"",
        default: "`\"all\"`",
        flag: None,
        variable: Some(variables::VOLUMES_FROM),
        what: "What `--volumes-from` hands over of a caller: `\"all\"` of its mounts, or with `\"narrow\"` the one that contains \
               the working directory.",
    },
    Setting {
        name: "publish",
        kind: "\"caller\" or \"machine\"",
        example: "\"caller\"",
        default: "`\"caller\"`",
        flag: None,
        variable: Some(variables::PUBLISH),
        what: "Where published ports are: `\"caller\"`, on the caller's localhost as well, or `\"machine\"`, on the host only.",
    },
    Setting {
        name: "admin",
        kind: "an address as text",
        example: "\"unix:///run/hostward/admin.sock\"",
        default: "no such socket",
        flag: Some("--admin"),
        variable: Some(variables::ADMIN),
        what: "Where to answer whether the service is well, and what it has counted: `unix:///PATH`, or `tcp://HOST:PORT` on loopback.",
    },
    Setting {
        name: "drain",
        kind: "a number of seconds",
        example: "10",
        default: "`10`",
        flag: Some("--drain"),
        variable: Some(variables::DRAIN),
        what: "How many seconds running requests have to finish after SIGTERM.",
    },
    Setting {
        name: "state",
        kind: "a directory as text",
        example: "\"/var/lib/hostward\"",
        default: "`$STATE_DIRECTORY`; or `/var/lib/hostward` for root; or `$XDG_STATE_HOME/hostward` or `~/.local/state/hostward`",
        flag: Some("--state"),
        variable: Some(variables::STATE),
        what: "Where to keep the key that signs labels on containers, as an absolute path.",
    },
    Setting {
        name: "log",
        kind: "a level or a filter as text",
        example: "\"info\"",
        default: "`\"info\"`",
        flag: Some("--log"),
        variable: Some(variables::LOG),
        what: "What to log: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or a filter such as \
               `warn,hostward_proxy=debug`. A filter that has levels for targets only leaves everything else at the default.",
    },
    Setting {
        name: "log_format",
        kind: "\"text\" or \"json\"",
        example: "\"text\"",
        default: "`\"text\"`",
        flag: Some("--log-format"),
        variable: Some(variables::LOG_FORMAT),
        what: "The format of log lines.",
    },
    Setting {
        name: "audit",
        kind: "\"log\", \"off\" or a file as text",
        example: "\"log\"",
        default: "`\"log\"`; `\"off\"` for `hostward wrap`",
        flag: Some("--audit"),
        variable: Some(variables::AUDIT),
        what: "Where to write a line for each decision about a request with paths: `\"log\"`, to stderr, whatever `log` says; a \
               file by its absolute path, as JSON; or `\"off\"`.",
    },
    Setting {
        name: "audit_also",
        kind: "a list of \"unchanged\" and \"host\"",
        example: "[\"unchanged\", \"host\"]",
        default: "neither",
        flag: Some("--audit-also"),
        variable: Some(variables::AUDIT_ALSO),
        what: "Which decisions to write as well: `\"unchanged\"`, those that changed nothing, and `\"host\"`, those about processes \
               of the host. With commas between in the variable.",
    },
];

/// The tables of the file, as their headers begin them.
pub(crate) const TABLES: &[Setting] = &[
    Setting {
        name: "limits",
        kind: "a table",
        example: "[limits]",
        default: "`hostward config check` lists all limits with their values",
        flag: None,
        variable: Some("HOSTWARD_LIMIT_…"),
        what: "What each caller can use, with a key for each limit, and a variable for each key in capitals.",
    },
    Setting {
        name: "listen",
        kind: "a list of tables",
        example: "[[listen]]",
        default: "the sockets that systemd passes",
        flag: Some("--listen"),
        variable: Some(variables::LISTEN),
        what: "The sockets to serve. The flag and the variable replace those of the file.",
    },
    Setting {
        name: "profile",
        kind: "a list of tables",
        example: "[[profile]]",
        default: "no profile: every caller can do everything",
        flag: Some("--preset"),
        variable: Some(variables::PRESET),
        what: "What callers can ask for (docs/policy.md). With at least one, a caller that none is for is refused everything. \
               The flag and the variable replace those of the file by one for every container.",
    },
];

/// The keys of a `[[profile]]`, of the table that the library has.
pub(crate) static PROFILE: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let settings = KEYS.iter().map(|key| Setting {
        name: key.name,
        kind: key.kind(),
        example: key.example,
        default: key.without(),
        flag: None,
        variable: None,
        what: key.what,
    });
    settings.collect()
});

/// The keys of a `[[listen]]`.
pub(crate) const LISTEN: &[Setting] = &[
    Setting {
        name: "address",
        kind: "an address as text",
        example: "\"unix:///run/hostward/docker.sock\"",
        default: "none: it is required",
        flag: None,
        variable: None,
        what: "`unix:///PATH` or `tcp://HOST:PORT`. A host name is resolved when the settings are read.",
    },
    Setting {
        name: "for",
        kind: "a container as text",
        example: "\"label:ci.job=42\"",
        default: "each client is identified separately",
        flag: Some("--for"),
        variable: Some(variables::FOR),
        what: "The container that every client there is treated as: a name, an id, or `label:KEY[=VALUE]`. The flag and the \
               variable say so of all sockets.",
    },
    Setting {
        name: "relay",
        kind: "true or false",
        example: "true",
        default: "`false`",
        flag: None,
        variable: None,
        what: "Whether a relay (`socat`, another proxy) in its own container connects there for others. It is not treated as \
               the caller, and requests with paths are refused.",
    },
    Setting {
        name: "owner",
        kind: "a user's name or number",
        example: "\"root\"",
        default: "the service's user",
        flag: None,
        variable: None,
        what: "The owner of a unix socket's file. Names are looked up in `/etc/passwd`.",
    },
    Setting {
        name: "group",
        kind: "a group's name or number",
        example: "\"docker\"",
        default: "`docker` if there is such a group, or else the service's",
        flag: None,
        variable: None,
        what: "The group of a unix socket's file. Names are looked up in `/etc/group`.",
    },
    Setting {
        name: "mode",
        kind: "a mode in octal digits as text",
        example: "\"0660\"",
        default: "`\"0660\"`",
        flag: None,
        variable: None,
        what: "The mode of a unix socket's file. A client that may connect can do what the engine can, so Hostward warns of a \
               mode that is open to every user.",
    },
    Setting {
        name: "plain_tcp",
        kind: "true or false",
        example: "true",
        default: "`false`: without TLS, only loopback is served",
        flag: None,
        variable: None,
        what: "Whether to allow plain TCP that other machines can reach.",
    },
    Setting {
        name: "tls",
        kind: "a table of files",
        example: "{ certificate = \"/etc/hostward/cert.pem\", key = \"/etc/hostward/key.pem\" }",
        default: "no TLS",
        flag: None,
        variable: None,
        what: "TLS on a TCP socket.",
    },
];

/// The keys of `tls`.
pub(crate) const TLS: &[Setting] = &[
    Setting {
        name: "certificate",
        kind: "a file as text",
        example: "\"/etc/hostward/cert.pem\"",
        default: "none: it is required",
        flag: None,
        variable: None,
        what: "Hostward's certificate, followed by those that vouch for it: a PEM file.",
    },
    Setting {
        name: "key",
        kind: "a file as text",
        example: "\"/etc/hostward/key.pem\"",
        default: "none: it is required",
        flag: None,
        variable: None,
        what: "The certificate's private key: a PEM file.",
    },
    Setting {
        name: "client_ca",
        kind: "a file as text",
        example: "\"/etc/hostward/ca.pem\"",
        default: "everyone who can reach the address may connect",
        flag: None,
        variable: None,
        what: "The authority that must have signed the clients' certificates: a PEM file.",
    },
    Setting {
        name: "callers",
        kind: "a table of names and containers",
        example: "{ \"runner-1\" = \"label:ci.runner=1\" }",
        default: "each client is identified by its address",
        flag: None,
        variable: None,
        what: "Names in clients' certificates, and the container that each stands for: a name, an id, or `label:KEY[=VALUE]`. \
               It needs `client_ca`.",
    },
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Args;

    #[test]
    fn flags_and_variables_are_those_of_the_command_line() {
        let args = Args::command();
        let proxy = args.find_subcommand("proxy").unwrap();
        for setting in [TOP, TABLES, LISTEN].into_iter().flatten().filter(|setting| setting.flag.is_some()) {
            let flag = setting.flag.and_then(|flag| flag.strip_prefix("--"));
            let argument = proxy.get_arguments().find(|one| one.get_long() == flag).unwrap();
            assert_eq!(
                argument.get_env().and_then(|name| name.to_str()),
                setting.variable,
                "{}",
                setting.name
            );
        }
    }
}
