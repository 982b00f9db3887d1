//! Keys of a request's query that name files on the host to Podman, and to nobody else: refused.
//!
//! All were seen on Podman 4.3 to reach the host, or read so in the source of a later one. `POST /build` mounts
//! directories (`volume`, `additionalbuildcontexts`), opens files (`dockerfile`, `seccomp`, `secrets`, which also moves
//! them) and writes one (`rusagelogfile`); `POST /images/create` imports a file (`fromSrc`), `POST /images/NAME/push` writes
//! a directory or an archive (`destination=dir:/…`). Wherever it takes an image's name, `containers-storage:[vfs@/a+/b]name` is
//! one in a store on the host, which is made there if it is not. Podman's own forms of these requests (`/libpod/…`) are read alike.

use super::endpoint::{decode, is_version, names, path_of};
use super::podman::{is_namespace_file, is_profile_file};
use std::borrow::Cow;

/// Why a request to Podman cannot be passed on as it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A key whose value names a file on the host.
    #[error(
        "{key} in the request's query names a file on the host to Podman, and hostward does not translate it ({value:?}); {remedy}"
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
        "{0} in the request's query says where or by which command on the host Podman keeps the secret; leave it out"
    )]
    Secret(&'static str),
    /// An image in a store that is not the engine's.
    #[error(
        "the request names an image by a store on the host (containers-storage:), which hostward does not translate; name it as \
         `docker images` does"
    )]
    Store,
    /// A request of Podman's own API for files of the host.
    #[error(
        "requests below /libpod/{0} are for files on the host, which hostward does not translate; use a Docker client"
    )]
    Local(&'static str),
}

/// Whether the query of a request can name a file on the host to Podman.
pub fn queries(method: &[u8], target: &[u8]) -> bool {
    Asked::of(method, target).is_some()
}

/// Looks through the query of a request for such files; one that is not of those kinds has none.
///
/// # Errors
/// A key that names one.
pub fn check_query(method: &[u8], target: &[u8]) -> Result<(), QueryError> {
    let Some(asked) = Asked::of(method, target) else { return Ok(()) };
    let keys = match asked {
        Asked::Build => BUILD,
        Asked::Create => CREATE,
        Asked::Import => IMPORT,
        Asked::Pull => PULL,
        Asked::Push => PUSH,
        Asked::Secret => SECRET,
        Asked::Local(of) => return Err(QueryError::Local(of)),
        Asked::Store => return Err(QueryError::Store),
    };
    for (name, value) in pairs(target) {
        for (key, form) in keys {
            if matches(&name, key) {
                form.check(key, &String::from_utf8_lossy(&value))?;
            }
        }
    }
    Ok(())
}

/// A request whose query can name files.
enum Asked {
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

impl Asked {
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
enum Form {
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
const BUILD: &[(&str, Form)] = &[
    ("rusagelogfile", Form::File),
    ("volume", Form::File),
    ("volumes", Form::File),
    ("additionalbuildcontexts", Form::File),
    ("localcontextdir", Form::File),
    ("secrets", Form::File),
    ("devices", Form::File),
    ("cppflags", Form::File),
    ("outputs", Form::Slash),
    ("nsoptions", Form::Slash),
    ("idmappingoptions", Form::Slash),
    ("dockerfile", Form::Dockerfile),
    ("remote", Form::Context),
    ("seccomp", Form::Profile),
    ("securityopt", Form::SecurityOptions),
    ("networkmode", Form::Namespace),
    ("from", Form::Image),
    ("t", Form::Image),
    ("manifest", Form::Image),
];
const CREATE: &[(&str, Form)] = &[("fromsrc", Form::Address), ("fromimage", Form::Image)];
const IMPORT: &[(&str, Form)] = &[("url", Form::Address)];
const PULL: &[(&str, Form)] = &[("reference", Form::Image)];
const PUSH: &[(&str, Form)] = &[("destination", Form::Image)];
const SECRET: &[(&str, Form)] = &[("driver", Form::SecretDriver), ("driveropts", Form::SecretOptions)];

impl Form {
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
                "name a file in the build's context, whose name does not end with .in (Podman gives such a one to the host's cpp)",
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

/// Whether an image is somewhere else than in a registry or in the engine's storage: `dir:/srv/x`.
pub(super) fn has_transport(image: &str) -> bool {
    const TRANSPORTS: [&str; 9] = [
        "containers-storage",
        "dir",
        "docker-archive",
        "docker-daemon",
        "oci",
        "oci-archive",
        "ostree",
        "sif",
        "tarball",
    ];
    image.trim().split_once(':').is_some_and(|(transport, _)| TRANSPORTS.contains(&transport))
}

fn is_address(value: &str) -> bool {
    let begins = |scheme: &str| value.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

fn is_context(value: &str) -> bool {
    is_address(value) || ["git://", "git@", "github.com/"].iter().any(|begin| value.starts_with(begin))
}

/// The pairs of a target's query, decoded as Go does. Older ones part them by semicolons too; newer ones pass a pair over
/// that has one.
fn pairs(target: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    let query = target.splitn(2, |&b| b == b'?').nth(1).unwrap_or_default();
    query.split(|&b| matches!(b, b'&' | b';')).map(|pair| {
        let mut halves = pair.splitn(2, |&b| b == b'=');
        let mut half = || unescape(halves.next().unwrap_or_default());
        (half(), half())
    })
}

fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return decode(text);
    }
    let spaced: Vec<u8> = text.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    Cow::Owned(decode(&spaced).into_owned())
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
mod tests {
    use super::*;

    fn check(line: &str) -> Result<(), QueryError> {
        let (method, target) = line.split_once(' ').unwrap();
        assert!(queries(method.as_bytes(), target.as_bytes()), "{line}");
        check_query(method.as_bytes(), target.as_bytes())
    }

    #[test]
    fn what_dockers_clients_say_is_let_through() {
        for line in [
            "POST /v1.41/build?buildargs=%7B%7D&cachefrom=%5B%22a%2Fb%22%5D&cgroupparent=&cpusetcpus=&dockerfile=Dockerfile&labels=%7B%7D\
             &networkmode=default&q=1&rm=1&securityopt=null&shmsize=0&t=a%2Fb%3Ac&target=&ulimits=null&version=1",
            "POST /build?dockerfile=sub%2FDockerfile.dev&remote=https%3A%2F%2Fgithub.com%2Fa%2Fb.git%23main",
            "POST /build?remote=git@github.com:a/b.git&dockerfile=%5B%22Containerfile%22%5D",
            "POST /build?securityopt=%5B%22seccomp%3Dunconfined%22%5D&t=localhost:5000/a&networkmode=container:a",
            "POST /v4.3.1/libpod/build?nsoptions=%5B%7B%22Name%22%3A%22user%22%2C%22Host%22%3Atrue%2C%22Path%22%3A%22%22%7D%5D&volume=\
             &seccomp=%2Fusr%2Fshare%2Fcontainers%2Fseccomp.json&additionalbuildcontexts=%7B%7D",
            "POST /images/create?fromImage=docker.io%2Flibrary%2Fbusybox&tag=latest",
            "POST /images/create?fromSrc=-&repo=a",
            "POST /images/create?fromSrc=https://example.com/a.tar",
            "POST /images/a/b/push?tag=latest",
            "POST /libpod/images/a/push?destination=docker://registry:5000/a",
            "POST /libpod/secrets/create?name=a&driver=file&driveropts=null",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn what_is_a_file_to_podman_is_refused_by_its_key() {
        for (line, named) in [
            ("POST /build?rusage=1&rusagelogfile=/srv/log", "rusagelogfile"),
            ("POST /v1.41/build?t=a&RuSageLogFile=log", "rusagelogfile"),
            ("POST /build?ru%C5%BFagelogfile=/srv/log", "rusagelogfile"),
            ("POST /build?rusagelogfile=&rusagelogfile=/srv/log", "rusagelogfile"),
            ("POST /bu%69ld?x=1;rusagelogfile=/srv/log", "rusagelogfile"),
            ("POST x:/v1-x/build?volume=/etc:/e", "volume"),
            ("POST /libpod/build?volume=a&volume=/etc:/e", "volume"),
            (
                "POST /build?additionalbuildcontexts=%7B%22h%22:%7B%22Value%22:%22/etc%22%7D%7D",
                "additionalbuildcontexts",
            ),
            ("POST /build?secrets=%5B%22id=a,src=../../etc/shadow%22%5D", "secrets"),
            ("POST /build?devices=%5B%22/dev/sda%22%5D", "devices"),
            ("POST /build?cppflags=%5B%22-include%22,%22/etc/shadow%22%5D", "cppflags"),
            (
                "POST /build?nsoptions=%5B%7B%22Name%22:%22net%22,%22Path%22:%22\\u002fproc%22%7D%5D",
                "nsoptions",
            ),
            (
                "POST /build?idmappingoptions=%7B%22AutoUserNsOpts%22:%7B%22PasswdFile%22:%22/x%22%7D%7D",
                "idmappingoptions",
            ),
            ("POST /build?outputs=type%3Dlocal,dest%3D/srv", "outputs"),
            ("POST /build?dockerfile=../../../etc/passwd", "dockerfile"),
            ("POST /build?dockerfile=%5B%22/etc/passwd%22%5D", "dockerfile"),
            ("POST /build?dockerfile=+%5B%22a%22,%22a/../../b%22%5D", "dockerfile"),
            ("POST /build?dockerfile=%5B%22a", "dockerfile"),
            ("POST /build?dockerfile=Dockerfile.in", "dockerfile"),
            ("POST /build?remote=/srv/x", "remote"),
            ("POST /build?remote=file:///srv/x", "remote"),
            ("POST /libpod/build?seccomp=/srv/p.json", "seccomp"),
            (
                "POST /build?securityopt=%5B%22label%3Ddisable%22,%22seccomp%3D/srv/p.json%22%5D",
                "securityopt",
            ),
            ("POST /build?networkmode=ns:/proc/1/ns/net", "networkmode"),
            ("POST /build?from=oci-archive:/srv/x.tar", "from"),
            ("POST /libpod/build?t=a&t=dir:/srv/x", "t"),
            ("POST /images/create?fromSrc=/srv/x.tar", "fromsrc"),
            ("POST /images/create?fromSrc=file:///srv/x.tar", "fromsrc"),
            ("POST /images/create?fromImage=dir:/srv/x", "fromimage"),
            ("POST /images/a/b/push?destination=dir:/srv/x", "destination"),
            ("POST /v4.3.1/libpod/images/import?URL=/srv/x.tar", "url"),
            ("POST /libpod/images/pull?reference=docker-archive:/srv/x.tar", "reference"),
            ("POST /libpod/secrets/create?name=a&driver=shell", "driver"),
            ("POST /libpod/secrets/create?name=a&driveropts=%7B%22path%22:%22/srv%22%7D", "driveropts"),
            ("POST /libpod/local/images/load?path=/srv/x.tar", "requests below /libpod/local"),
            ("POST /libpod/quadlets", "requests below /libpod/quadlets"),
            ("GET /images/containers-storage:[vfs@/a+/b]x/json", "the request names an image by a store"),
            (
                "GET /images/get?names=containers%2Dstorage%3A%5Bvfs@/a%2B/b%5Dx",
                "the request names an image by a store",
            ),
        ] {
            let error = check(line).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{named} ")), "{line}: {error}");
        }
    }

    #[test]
    fn other_requests_are_not_looked_at() {
        for line in [
            "GET /build?volume=/etc:/e",
            "POST /build/prune?all=1",
            "POST /images/load",
            "POST /containers/create?name=x",
            "POST /secrets/create",
            "POST /images/local/tag?repo=a",
        ] {
            let (method, target) = line.split_once(' ').unwrap();
            assert!(!queries(method.as_bytes(), target.as_bytes()), "{line}");
            assert_eq!(check_query(method.as_bytes(), target.as_bytes()), Ok(()), "{line}");
        }
    }

    #[test]
    fn a_long_value_is_cut_in_the_message() {
        let line = format!("POST /build?rusagelogfile={}", "a".repeat(5000));
        assert!(check(&line).unwrap_err().to_string().len() < 300);
    }
}
