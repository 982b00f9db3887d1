//! The commands and flags, each defined once: parser, help, completions and man pages come out of this table.

// What follows is text for people at a terminal, who would see the backticks.
#![allow(clippy::doc_markdown, reason = "clap prints these comments as they are")]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as Group, FromArgMatches, Parser, Subcommand, ValueHint, value_parser};
use clap_complete::Shell;
use hostward_proxy::Unit;

use crate::config::audit_place::AuditAlso;
use crate::log::{Filter, Format};
use crate::report::Failure;
use crate::variables;

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 3 no translation.

Settings come from flags, then from HOSTWARD_… variables, then from the configuration file
($XDG_CONFIG_HOME/hostward/hostward.toml or /etc/hostward/hostward.toml).";

/// Use a Docker engine from inside a container, with the container's own paths.
///
/// A program in a container that asks the host's engine to mount /app/data gets an empty directory or an error, because
/// the engine looks the path up on the host. Hostward translates the path: as a proxy for the engine's socket, or on the
/// command line.
#[derive(Debug, Parser)]
#[command(name = "hostward", version, after_help = EXIT_STATUS, propagate_version = true)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the engine's API on a socket, and translate the caller's paths
    Proxy(ProxyArgs),
    /// Ask a running proxy whether it can serve
    Health(HealthArgs),
    /// Run a command behind a private proxy, inside a container
    Wrap(WrapArgs),
    /// One of the processes that `wrap` is made of
    #[command(subcommand, hide = true)]
    WrapPart(WrapPart),
    /// Print what each path is to the engine
    Translate(TranslateArgs),
    /// Show where a path leads, and why
    Explain(ExplainArgs),
    /// Show what works here, what does not, and how to fix it
    Doctor(DoctorArgs),
    /// Show what profiles allow, and try requests on them
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Check the configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions for a shell
    #[command(after_help = "Example:\n  hostward completions bash > /etc/bash_completion.d/hostward")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages, or print one
    Man(ManArgs),
}

const MAN_EXAMPLES: &str = "\
Examples:
  hostward man --page hostward.toml | man -l -
  hostward man pages && install -D -m 644 -t /usr/local/share/man/man1 pages/*.1 &&
    install -D -m 644 -t /usr/local/share/man/man5 pages/*.5";

#[derive(Debug, Group)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct ManArgs {
    /// The directory to write them to, which must exist
    #[arg(value_hint = ValueHint::DirPath, required_unless_present = "page")]
    pub(crate) dir: Option<PathBuf>,

    /// Print this page: the name of a command, such as hostward-proxy, or hostward.toml
    #[arg(long, value_name = "NAME")]
    pub(crate) page: Option<String>,
}

/// Whose paths are meant, and which engine they are for.
#[derive(Debug, Clone, Default, Group)]
pub(crate) struct Whose {
    /// The engine: unix:///PATH or tcp://HOST:PORT
    ///
    /// By default, DOCKER_HOST or the docker context gives the address, as for the docker command.
    #[arg(long, value_name = "ADDRESS", env = variables::ENGINE, hide_env_values = true)]
    pub(crate) engine: Option<String>,

    /// Answer for this container instead of the calling one
    #[arg(long = "for", value_name = "NAME", env = variables::FOR, hide_env_values = true)]
    pub(crate) container: Option<String>,

    /// Say where a directory is on the host; may be repeated
    ///
    /// A map overrides what the engine says about the container's mounts. HOST_PWD and STORAGE_BASE also make a map:
    /// STORAGE_BASE=/app/storage with HOST_PWD=/x means --map /app/storage=/x/storage. In the variable, separate maps
    /// with newlines.
    #[arg(long, value_name = "DIR=ENGINE_DIR", env = variables::MAP, hide_env_values = true)]
    pub(crate) map: Vec<OsString>,

    /// Read this configuration file
    #[arg(long, value_name = "FILE", env = variables::CONFIG, hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

const PROXY_EXAMPLES: &str = "\
Examples:
  hostward proxy --listen unix:///run/hostward/docker.sock
  hostward proxy --listen unix:///run/hostward/ci.sock --for ci-runner
  hostward proxy --listen unix:///run/hostward/docker.sock --replace
  hostward proxy --listen unix:///run/hostward/docker.sock --preset ci --allow-root /builds
  docker run -v /run/hostward:/run/hostward -e DOCKER_HOST=unix:///run/hostward/docker.sock …";

#[derive(Debug, Clone, Group)]
#[command(after_help = PROXY_EXAMPLES)]
pub(crate) struct ProxyArgs {
    /// Serve on this socket; may be repeated
    #[arg(long, value_name = "ADDRESS", env = variables::LISTEN, hide_env_values = true)]
    pub(crate) listen: Vec<String>,

    #[command(flatten)]
    pub(crate) whose: Whose,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Answer GET /health, GET /ready and GET /metrics on this socket
    #[arg(long, value_name = "ADDRESS", env = variables::ADMIN, hide_env_values = true)]
    pub(crate) admin: Option<String>,

    /// Take the sockets over from the Hostward that serves them now
    ///
    /// It must be the same user's, with the same state directory. It serves until this one does, and then finishes what runs,
    /// so that no client notices. If none serves these sockets, this one starts as usual. SIGUSR2 to a running one does the
    /// same with the program file that it was started from.
    #[arg(long)]
    pub(crate) replace: bool,

    /// Keep the key that signs labels on containers in this directory
    ///
    /// The default is $STATE_DIRECTORY (systemd sets it), or /var/lib/hostward for root, or $XDG_STATE_HOME/hostward or
    /// ~/.local/state/hostward for other users.
    #[arg(long, value_name = "DIR", env = variables::STATE, hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub(crate) state: Option<OsString>,

    /// How long running requests have to finish after SIGTERM; a second SIGTERM ends at once [default: 10]
    #[arg(long, value_name = "SECONDS", env = variables::DRAIN, hide_env_values = true)]
    #[arg(value_parser = value_parser!(u64).range(..=Unit::Seconds.most()))]
    pub(crate) drain: Option<u64>,

    /// What to log: error, warn, info, debug, trace, off, or a filter such as hostward_proxy=debug
    ///
    /// A filter is a list of levels with commas between: one for everything, and others for targets (hostward,
    /// hostward_engine, hostward_proxy, hostward_sight). Without one for everything, that is info.
    #[arg(long, value_name = "FILTER", env = variables::LOG, hide_env_values = true, value_parser = Filter::parse)]
    pub(crate) log: Option<Filter>,

    /// The format of log lines
    #[arg(long, value_name = "FORMAT", env = variables::LOG_FORMAT, hide_env_values = true)]
    pub(crate) log_format: Option<Format>,

    #[command(flatten)]
    pub(crate) audit: AuditArgs,
}

/// What callers may ask for.
#[derive(Debug, Clone, Default, Group)]
pub(crate) struct PolicyArgs {
    /// Let every container ask only for what this preset allows: ci, executor, observer, tecnativa or trusted
    ///
    /// It replaces the profiles of the configuration file. `hostward policy explain --preset ci` shows what it allows. `tecnativa`
    /// is made of the variables of docker-socket-proxy (CONTAINERS=1, POST=0 …).
    #[arg(long, value_name = "NAME", env = variables::PRESET, hide_env_values = true)]
    pub(crate) preset: Option<String>,

    /// Let callers mount what is in this directory, under --preset; may be repeated
    ///
    /// The directory is in the caller's own paths. With :ro it is mounted read-only whatever the request says. In the variable,
    /// separate directories with newlines.
    #[arg(long, value_name = "PATH[:ro]", env = variables::ALLOW_ROOT, hide_env_values = true)]
    pub(crate) allow_root: Vec<String>,
}

/// What is written of decisions.
#[derive(Debug, Clone, Default, Group)]
pub(crate) struct AuditArgs {
    /// Where to write a line for each decision about a request with paths: log, off, or a file
    ///
    /// `log` writes to stderr, whatever --log says. A file gets one JSON object per line. The default is log; `wrap` writes none.
    #[arg(long, value_name = "PLACE", env = variables::AUDIT, hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) audit: Option<OsString>,

    /// Which decisions to write as well, separated by commas
    #[arg(long, value_name = "KIND", env = variables::AUDIT_ALSO, hide_env_values = true, value_delimiter = ',')]
    pub(crate) audit_also: Vec<AuditAlso>,
}

impl ProxyArgs {
    /// What the variables say by themselves.
    pub(crate) fn of_variables() -> Result<Self, Failure> {
        let command = Self::augment_args(clap::Command::new("hostward").no_binary_name(true));
        let read =
            command.try_get_matches_from([] as [&str; 0]).and_then(|read| Self::from_arg_matches(&read));
        read.map_err(|error| {
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            Failure::usage(said.strip_prefix("error: ").unwrap_or(said))
        })
    }
}

const HEALTH_EXAMPLES: &str = "\
Prints one line. The exit status is 1 if the proxy cannot serve a client now, or if nothing answers.

Examples:
  hostward health --admin unix:///run/hostward/admin.sock
  curl --unix-socket /run/hostward/admin.sock http://hostward/health";

#[derive(Debug, Group)]
#[command(after_help = HEALTH_EXAMPLES)]
pub(crate) struct HealthArgs {
    /// The proxy's admin socket
    #[arg(long, value_name = "ADDRESS", env = variables::ADMIN, hide_env_values = true)]
    pub(crate) admin: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Read this configuration file
    #[arg(long, value_name = "FILE", env = variables::CONFIG, hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

const WRAP_EXAMPLES: &str = "\
With CAP_SYS_ADMIN, `wrap` mounts its socket over the engine's; otherwise it sets DOCKER_HOST. --log info says which, and why.

The exit status is the command's. It is 128 plus the signal's number if a signal ended the command, 126 if the command cannot
be run, and 127 if it is not found.

Examples:
  hostward wrap -- docker compose up
  hostward wrap --log info -- python3 build.py
  hostward wrap";

#[derive(Debug, Group)]
#[command(after_help = WRAP_EXAMPLES)]
pub(crate) struct WrapArgs {
    #[command(flatten)]
    pub(crate) private: Private,

    /// The command and its arguments; by default $SHELL or /bin/sh
    #[arg(value_name = "CMD", trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}

/// A proxy for one command.
#[derive(Debug, Group)]
pub(crate) struct Private {
    #[command(flatten)]
    pub(crate) whose: Whose,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Keep the key that signs labels on containers in this directory
    ///
    /// The default is /var/lib/hostward for root, or $XDG_STATE_HOME/hostward or ~/.local/state/hostward for other users,
    /// if that is writable.
    #[arg(long, value_name = "DIR", env = variables::STATE, hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub(crate) state: Option<OsString>,

    /// What to log on stderr: error, warn, info, debug, trace, off, or a filter such as hostward_proxy=debug
    ///
    /// A filter is a list of levels with commas between: one for everything, and others for targets (hostward,
    /// hostward_engine, hostward_proxy, hostward_sight). Without one for everything, that is warn.
    #[arg(long, value_name = "FILTER", env = variables::LOG, hide_env_values = true, value_parser = Filter::parse)]
    pub(crate) log: Option<Filter>,

    #[command(flatten)]
    pub(crate) audit: AuditArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WrapPart {
    /// Serve until the other end of stdin is closed
    Serve(Private),
    /// Become a command that ends when its parent does
    Execute(ExecuteArgs),
}

#[derive(Debug, Group)]
pub(crate) struct ExecuteArgs {
    /// The parent's pid
    #[arg(long)]
    pub(crate) parent: u32,
    /// The proxy's socket
    #[arg(long)]
    pub(crate) socket: PathBuf,
    /// The engine's, where docker's clients look for it untold
    #[arg(long)]
    pub(crate) engine: Option<PathBuf>,
    /// What to log on stderr
    #[arg(long, env = variables::LOG, value_parser = Filter::parse)]
    pub(crate) log: Option<Filter>,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

const TRANSLATE_EXAMPLES: &str = "\
If one path has no translation, nothing is printed and the exit status is 3. In a script, go on only after a success: `eval` of
an empty output succeeds, and leaves the variable empty.
A path that a map covers needs no engine.
--all leaves out what has no path on the host, says so on stderr, and ends with 0.

Examples:
  docker run -v \"$(hostward translate ./data)\":/data busybox ls /data
  hostward translate --map /app/storage=/srv/storage /app/storage/tmp/file.py
  hostward translate --for web /app/storage
  HOST_PWD=$(hostward translate .) && export HOST_PWD && docker compose up
  lines=$(hostward translate --env HOST_PWD=. --env CACHE=/cache) && eval \"$lines\"
  hostward translate --env LOCAL_WORKSPACE_FOLDER=/workspaces/app > .env
  hostward translate --all";

#[derive(Debug, Group)]
#[command(after_help = TRANSLATE_EXAMPLES)]
pub(crate) struct TranslateArgs {
    /// The paths, as this process (or the container of --for) sees them
    #[arg(value_name = "PATH", required_unless_present_any = ["env", "all"], value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<OsString>,

    /// Print NAME= and the path on the host, for a shell or compose's .env; may be repeated
    #[arg(long, value_name = "NAME=PATH", conflicts_with_all = ["paths", "all", "null"])]
    pub(crate) env: Vec<OsString>,

    /// Print every path where something of the host is mounted or mapped, a tab, and its path on the host
    #[arg(long, conflicts_with = "paths")]
    pub(crate) all: bool,

    /// End each path with a NUL byte instead of a newline or a tab
    #[arg(short = '0', long = "null", conflicts_with = "json")]
    pub(crate) null: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) whose: Whose,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  hostward explain /app/storage/tmp/file.py --target /code.py
  hostward explain --for web /app/storage";

#[derive(Debug, Group)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The path, as this process (or the container of --for) sees it
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: OsString,

    /// Where the new container would see it
    #[arg(long, value_name = "PATH")]
    pub(crate) target: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) whose: Whose,
}

#[derive(Debug, Group)]
#[command(after_help = "The exit status is 1 if something is wrong.")]
pub(crate) struct DoctorArgs {
    /// Check this socket too, as `hostward proxy` would serve it; may be repeated
    ///
    /// By default, the sockets of the configuration file are checked.
    #[arg(long, value_name = "ADDRESS", env = variables::LISTEN, hide_env_values = true)]
    pub(crate) listen: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) whose: Whose,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Try a request: is it allowed, by which rule not, and what is written into it
    Test(PolicyTestArgs),
    /// Say in sentences what profiles allow
    Explain(PolicyShowArgs),
    /// Print profiles as TOML, with all that their presets say
    Export(PolicyShowArgs),
}

/// Which profiles are meant.
#[derive(Debug, Clone, Default, Group)]
pub(crate) struct WhichProfile {
    /// Only the profile of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// The preset made of the variables of docker-socket-proxy: CONTAINERS=1, POST=0 …
    #[arg(long, conflicts_with = "preset")]
    pub(crate) from_env: bool,
}

const POLICY_TEST_EXAMPLES: &str = "\
A recorded request is a file with its first line, headers, an empty line and the body, as it was sent.
No files are looked at, so symbolic links are not followed, and no engine is asked whose a container is.
The exit status is 0 if the request is allowed, 1 if it is refused.

Examples:
  hostward policy test /etc/hostward/hostward.toml request.http
  hostward policy test --profile builds hostward.toml docker run -v /app/data:/data busybox
  hostward policy test --preset ci docker run --privileged busybox";

#[derive(Debug, Group)]
#[command(after_help = POLICY_TEST_EXAMPLES)]
pub(crate) struct PolicyTestArgs {
    #[command(flatten)]
    pub(crate) which: WhichProfile,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// The configuration file (not with --preset), and then a recorded request or a docker command
    #[arg(value_name = "[FILE] REQUEST", required = true, trailing_var_arg = true, value_hint = ValueHint::FilePath)]
    pub(crate) words: Vec<String>,
}

const POLICY_SHOW_EXAMPLES: &str = "\
Without a file and --preset, the profiles that `hostward proxy` would have are meant.

Examples:
  hostward policy explain --preset ci
  hostward policy export --preset executor > profile.toml
  CONTAINERS=1 POST=0 hostward policy export --from-env";

#[derive(Debug, Group)]
#[command(after_help = POLICY_SHOW_EXAMPLES)]
pub(crate) struct PolicyShowArgs {
    /// The configuration file
    #[arg(value_name = "FILE", conflicts_with_all = ["preset", "from_env"], value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) which: WhichProfile,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file: point at every mistake, or list all limits that would apply
    #[command(after_help = CONFIG_EXAMPLE)]
    Check {
        /// The file; by default the one that would be read
        #[arg(value_name = "FILE", env = variables::CONFIG, hide_env_values = true, value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}

const CONFIG_EXAMPLE: &str = "\
A complete file:
  engine = \"unix:///var/run/docker.sock\"
  map = [\"/app/storage=/srv/storage\"]
  unmapped = \"refuse\"                   # or \"host\": a path that nothing maps is the host's
  missing = \"refuse\"                    # or \"make\": -v creates it in a caller's root filesystem
  volumes_from = \"all\"                  # or \"narrow\": only the mount with the working directory
  publish = \"caller\"                    # or \"machine\": ports are only on the host
  log = \"info\"
  log_format = \"text\"
  drain = 10
  admin = \"unix:///run/hostward/admin.sock\"
  state = \"/var/lib/hostward\"

  [limits]                              # all of them, with their defaults: hostward config check
  connections = 4096
  held_bytes = \"96 MiB\"

  [[listen]]
  address = \"unix:///run/hostward/docker.sock\"
  owner = \"root\"
  group = \"docker\"
  mode = \"0660\"

  [[listen]]
  address = \"unix:///run/hostward/job-42.sock\"
  for = \"label:ci.job=42\"";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_table_is_consistent() {
        super::Args::command().debug_assert();
    }
}
