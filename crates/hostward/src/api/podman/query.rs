//! Keys of a request's query that name files on the host to Podman, and to nobody else: refused.
//!
//! All were seen on Podman 4.3 to reach the host, or read so in the source of a later one. `POST /build` mounts
//! directories (`volume`, `additionalbuildcontexts`), opens files (`dockerfile`, `seccomp`, `secrets`, which also moves
//! them) and writes one (`rusagelogfile`); `POST /images/create` imports a file (`fromSrc`), `POST /images/NAME/push` writes
//! a directory or an archive (`destination=dir:/…`). Wherever it takes an image's name, `containers-storage:[vfs@/a+/b]name` is
//! one in a store on the host, which is made there if it is not. Podman's own forms of these requests (`/libpod/…`) are read alike.

use super::words::{has_transport, is_namespace_file, is_profile_file};
use crate::api::endpoint::{decode, is_version, names, path_of};
use crate::api::query::pairs;

/// Why a request to Podman cannot be passed on as it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A key whose value names a file on the host.
    #[error(
        "{key} in the request's query is a file on the host for Podman, and hostward does not translate it \
         ({value:?}); {remedy}"
    )]
    File {
        /// The key, as Podman knows it.
        key: &'static str,
        /// What it says, cut where it is long.
        value: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A secret that is not kept by Podman itself.
    #[error(
        "{0} in the request's query says where on the host Podman keeps the secret, or with which command; leave it \
         out"
    )]
    Secret(&'static str),
    /// An image in a store that is not the engine's.
    #[error(
        "the request names an image in a store on the host (containers-storage:), which hostward does not translate; \
         name it as `docker images` does"
    )]
    Store,
    /// A request of Podman's own API for files of the host.
    #[error(
        "requests below /libpod/{0} use files on the host, which hostward does not translate; use a Docker client"
    )]
    Local(&'static str),
}

/// Whether the query of a request can name a file on the host to Podman.
pub fn queries(method: &[u8], target: &[u8]) -> bool {
    FileQuery::of(method, target).is_some()
}

/// Looks through the query of a request for such files; one that is not of those kinds has none.
///
/// # Errors
/// A key that names one.
pub fn check_query(method: &[u8], target: &[u8]) -> Result<(), QueryError> {
    let Some(asked) = FileQuery::of(method, target) else { return Ok(()) };
    let keys = match asked {
        FileQuery::Build => BUILD,
        FileQuery::Create => CREATE,
        FileQuery::Import => IMPORT,
        FileQuery::Pull => PULL,
        FileQuery::Push => PUSH,
        FileQuery::Secret => SECRET,
        FileQuery::Local(of) => return Err(QueryError::Local(of)),
        FileQuery::Store => return Err(QueryError::Store),
    };
    for pair in pairs(target) {
        for (key, form) in keys {
            if matches(&pair.key, key) {
                form.check(key, &String::from_utf8_lossy(&pair.value))?;
            }
        }
    }
    Ok(())
}

/// A request whose query can name files.
enum FileQuery {
    Build,
    Create,
    Import,
    Pull,
    Push,
    Secret,
    /// One that is for files on the host by its path.
    Local(&'static str),
    /// One that has an image in another store.
    Store,
}

impl FileQuery {
    fn of(method: &[u8], target: &[u8]) -> Option<Self> {
        if names_a_store(target) {
            return Some(Self::Store);
        }
        if !matches!(method, b"POST" | b"PUT") {
            return None;
        }
        let path = decode(path_of(target));
        let names = names(&path);
        let route = match &names[..] {
            [first, rest @ ..] if is_version(first) => rest,
            all => all,
        };
        let (own, route) = match route {
            [b"libpod", rest @ ..] => (true, rest),
            all => (false, all),
        };
        match route {
            [b"build"] => Some(Self::Build),
            [b"images", b"create"] => Some(Self::Create),
            [b"images" | b"manifests", .., b"push"] => Some(Self::Push),
            [b"images", b"import"] if own => Some(Self::Import),
            [b"images", b"pull"] if own => Some(Self::Pull),
            [b"secrets", b"create"] if own => Some(Self::Secret),
            // Of Podman 5.6 and later: the client's files where both are on one host, and units of systemd.
            [b"local", ..] if own => Some(Self::Local("local")),
            [b"artifacts", b"local", ..] if own => Some(Self::Local("artifacts/local")),
            [b"quadlets", ..] if own => Some(Self::Local("quadlets")),
            _ => None,
        }
    }
}

/// How a key says what it names.
#[derive(Clone, Copy)]
enum KeyForm {
    /// A file, whatever it says.
    File,
    /// JSON, or words, without paths unless there is a slash.
    Slash,
    /// The path of a Dockerfile in the build's context, or an array of such paths in JSON.
    Dockerfile,
    /// A seccomp profile by its file.
    Profile,
    /// An array of security options in JSON.
    SecurityOptions,
    /// The mode of a namespace.
    Namespace,
    /// The name of an image, before which a transport may stand.
    Image,
    /// An address, or `-` for the body.
    Address,
    /// The address of a build's context.
    Context,
    /// The driver of a secret.
    SecretDriver,
    /// What a driver of secrets is told.
    SecretOptions,
}

/// Keys are taken in any letter case.
const BUILD: &[(&str, KeyForm)] = &[
    ("rusagelogfile", KeyForm::File),
    ("volume", KeyForm::File),
    ("volumes", KeyForm::File),
    ("additionalbuildcontexts", KeyForm::File),
    ("localcontextdir", KeyForm::File),
    ("secrets", KeyForm::File),
    ("devices", KeyForm::File),
    ("cppflags", KeyForm::File),
    ("outputs", KeyForm::Slash),
    ("nsoptions", KeyForm::Slash),
    ("idmappingoptions", KeyForm::Slash),
    ("dockerfile", KeyForm::Dockerfile),
    ("remote", KeyForm::Context),
    ("seccomp", KeyForm::Profile),
    ("securityopt", KeyForm::SecurityOptions),
    ("networkmode", KeyForm::Namespace),
    ("from", KeyForm::Image),
    ("t", KeyForm::Image),
    ("manifest", KeyForm::Image),
];
const CREATE: &[(&str, KeyForm)] = &[("fromsrc", KeyForm::Address), ("fromimage", KeyForm::Image)];
const IMPORT: &[(&str, KeyForm)] = &[("url", KeyForm::Address)];
const PULL: &[(&str, KeyForm)] = &[("reference", KeyForm::Image)];
const PUSH: &[(&str, KeyForm)] = &[("destination", KeyForm::Image)];
const SECRET: &[(&str, KeyForm)] =
    &[("driver", KeyForm::SecretDriver), ("driveropts", KeyForm::SecretOptions)];

impl KeyForm {
    fn check(self, key: &'static str, value: &str) -> Result<(), QueryError> {
        // What clients send where there is nothing to say.
        if matches!(value.trim(), "" | "null" | "[]" | "{}") {
            return Ok(());
        }
        let (holds, remedy) = match self {
            Self::File => (false, "leave it out"),
            Self::Slash => (!value.contains(['/', '\\']), "leave the path out"),
            Self::Dockerfile => (
                is_in_context(value),
                "name a file in the build's context whose name does not end with .in (Podman runs the host's cpp on \
                 such a file)",
            ),
            Self::Profile => (DEFAULT_PROFILES.contains(&value) || !is_profile(value), "leave it out"),
            Self::SecurityOptions => (
                serde_json::from_str::<Vec<String>>(value)
                    .is_ok_and(|options| !options.iter().any(|option| is_profile_file(option))),
                "leave the profile out",
            ),
            Self::Namespace => (!is_namespace_file(value), "leave it out"),
            Self::Image => (!has_transport(value), "name an image in a registry"),
            Self::Address => {
                (value == "-" || is_address(value), "send the file as the request's body (\"-\")")
            }
            Self::Context => {
                (value == "client-session" || is_context(value), "send the context as the request's body")
            }
            Self::SecretDriver if value == "file" => return Ok(()),
            Self::SecretDriver | Self::SecretOptions => return Err(QueryError::Secret(key)),
        };
        if holds {
            return Ok(());
        }
        let value = value.chars().take(100).collect();
        Err(QueryError::File { key, value, remedy })
    }
}

/// Podman's own profiles, which its client names by itself: the engine's are the same.
const DEFAULT_PROFILES: [&str; 2] = ["/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json"];

fn is_profile(value: &str) -> bool {
    is_profile_file(&format!("seccomp={value}"))
}

fn is_in_context(value: &str) -> bool {
    let is_in =
        |file: &str| is_address(file) || !(file.starts_with('/') || file.split('/').any(|name| name == ".."));
    let holds = |file: &str| is_in(file) && file.strip_suffix(".in").is_none();
    if !value.trim_start().starts_with('[') {
        return holds(value);
    }
    serde_json::from_str::<Vec<String>>(value).is_ok_and(|files| files.iter().all(|file| holds(file)))
}

/// Whether a target has an image in a store of its own, in its path or its query: many requests take one.
fn names_a_store(target: &[u8]) -> bool {
    const STORE: &[u8] = b"containers-storage:";
    target.iter().any(|b| matches!(b, b':' | b'%'))
        && decode(target).windows(STORE.len()).any(|window| window == STORE)
}

fn is_address(value: &str) -> bool {
    let begins = |scheme: &str| value.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

fn is_context(value: &str) -> bool {
    is_address(value) || ["git://", "git@", "github.com/"].iter().any(|begin| value.starts_with(begin))
}

/// Whether Podman takes a name for a key, as its decoder (gorilla/schema) does by Go's `strings.EqualFold`: U+017F is an
/// `s` and U+212A a `k`.
fn matches(name: &[u8], key: &str) -> bool {
    let lower = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    str::from_utf8(name).is_ok_and(|name| name.chars().map(lower).eq(key.chars()))
}

#[cfg(test)]
mod tests;
