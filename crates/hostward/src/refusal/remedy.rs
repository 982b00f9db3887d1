//! What to do about a refusal.

use super::{MOST_NAMED, Reason, Refusal};
use crate::path::AskedPath;
use std::borrow::Cow;

impl Refusal {
    /// What to do about it, what helps most often first.
    pub fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match &self.reason {
            Reason::Denied(denial) => return Cow::Owned(denial.remedy.clone()),
            Reason::Missing { also } => return create(&self.asked, also).into(),
            Reason::Volume { .. } => {
                "mount the whole volume by its name (-v NAME:/target), or give the calling container a bind mount there"
            }
            Reason::MissingReadOnly => "create it on the host first, or mount that directory writable",
            Reason::NotMade(_) => "create it in the calling container (mkdir -p)",
            Reason::Differs { .. } => {
                "ask for a directory without such a mount, add the mount when the calling container is created, or \
                 restart that container if the directory was replaced"
            }
            Reason::Removed { .. } => "restart the calling container, so that it mounts what is there now",
            Reason::Moved { .. } => {
                "restart the calling container, so that it mounts what is there now, or put the directory back"
            }
            Reason::LongAddress { .. } => {
                "put the socket in a bind mount of the calling container, from a directory with a short path on the host"
            }
            Reason::Budget { .. } => {
                "ask for fewer paths in one request, or for paths with fewer components and symbolic links"
            }
            Reason::Stopped | Reason::Exchanged => "try again",
            Reason::Uncontained { .. } => {
                "ask for the whole directory that the calling container has mounted; `hostward doctor` says what would \
                 make parts of it possible"
            }
            Reason::Apart { .. } => {
                "use a directory that is not private to the process, or start the process without its own mount \
                 namespace (systemd: PrivateTmp=no and similar settings; a snap: use another package; unshare: \
                 without --mount)"
            }
            Reason::Private | Reason::Tmpfs(_) | Reason::Image(_) | Reason::Other { .. } => {
                "put the file below a bind mount of the calling container, or start that container with -v \
                 HOST_DIR:DIR for its directory"
            }
            Reason::RootFs => {
                "put the file below a bind mount of the calling container, or start that container with -v \
                 HOST_DIR:DIR for its directory; if it is a path of the host, start the container with the label \
                 hostward.unmapped=host"
            }
            Reason::Submount { .. } | Reason::NoRoom(_) | Reason::Beneath(_) => {
                "ask for a directory without that mount, or for a non-recursive bind (--mount \
                 …,bind-recursive=disabled)"
            }
            Reason::Socket => {
                "let hostward listen on a unix socket that exists on the host and identifies each client (--listen \
                 unix:///… without --for)"
            }
            Reason::Unmapped => {
                "say where it is with --map CALLER_DIR=ENGINE_DIR; if it is a path of the host, set unmapped = \
                 \"host\""
            }
            Reason::Shown => {
                "if host paths are meant, create the calling container with the label hostward.unmapped=host; if its own \
                 file is meant, put that below a mount of the container"
            }
            Reason::Nowhere(_) | Reason::NotADirectory => "check the path inside the calling container",
            Reason::Stranger { remote: true, .. } => {
                "an engine on another machine has none of the files here: copy them (docker cp), or say with --map \
                 where that machine has them; if the engine is on this machine, run `hostward doctor`"
            }
            Reason::ThroughLink(_) => {
                "run `hostward proxy` on the host, or hostward with --pid host and --cap-add SYS_PTRACE, if the socket must \
                 stay where it is"
            }
            Reason::Unseen(_) | Reason::Stranger { .. } => {
                "run `hostward doctor` where hostward runs; --for NAME serves one container, and --map says where \
                 paths are"
            }
            Reason::Spelling { .. } => {
                "use --mount type=bind,source=…,target=… instead of -v, or rename the directory"
            }
        })
    }
}

/// What to do about paths that are missing.
fn create(asked: &AskedPath, also: &[AskedPath]) -> String {
    let named = std::iter::once(asked).chain(also).take(MOST_NAMED);
    let words: Vec<_> = named.map(|path| shell_word(&path.to_string()).into_owned()).collect();
    let words = words.join(" ");
    let (it, is_a_path) = match also {
        [] => ("it", "it is a path"),
        _ => ("them", "they are paths"),
    };
    format!(
        "create {it} there (mkdir -p {words}), or start that container with the label hostward.missing=make, so that \
         hostward creates {it}; if {is_a_path} of the host, start it with the label hostward.unmapped=host"
    )
}

/// A path as one word of a shell's command.
fn shell_word(path: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if path.chars().all(is_plain) { path.into() } else { format!("'{}'", path.replace('\'', "'\\''")).into() }
}
