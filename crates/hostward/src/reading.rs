//! Whose words a path is in: the caller's, its maker's, or the engine's already (T16, T26).
//!
//! Programs that know of the problem send the engine's paths. What the caller sees is meant first; a path at which it
//! sees nothing, and that lies in a directory of the host that it has mounted, is taken back to where the
//! caller has it and goes on from there like any other: so a mount that may only be read stays so, and translating twice is
//! translating once. The same goes for a path by which the caller that created this one's container named it.
//!
//! Programs that back containers up, or make them anew, send what they have read in an inspect of somebody else's container: of
//! that the caller has nothing mounted. There is no text in such a path that tells; only who was shown it knows.

use crate::explicit::Unmapped;
use crate::origin::Origin;
use crate::path::{AskedPath, CallerPath, EnginePath};
use crate::plan::{self, Plan};
use crate::refusal::{Reason, Refusal};
use crate::view::View;
use crate::walk::Resolved;
use std::fmt;

/// A path that was asked for, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Where it leads in the caller's view.
    pub resolved: Resolved,
    /// Whose path it was.
    pub words: Words,
}

/// Whose path was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// The caller's.
    Callers,
    /// The caller's, though as a path of the engine's it would mean another file that the caller sees, too.
    CallersFirst,
    /// The engine's, of something that the caller has mounted.
    Engines,
    /// The engine's, of something that the caller has nothing of: it was shown the path in an inspect (T26).
    Shown,
    /// The caller's own in its root filesystem, or the engine's, which it was shown in an inspect. Nobody can tell.
    Unclear,
}

impl Reading {
    /// What the engine is given, where whose path it is settles that.
    ///
    /// # Errors
    /// A refusal where nobody can tell whose path it is.
    pub fn settled(&self, asked: &AskedPath) -> Result<Option<Plan>, Refusal> {
        match self.words {
            Words::Shown => Ok(Some(Plan::Keep)),
            Words::Unclear => Err(Refusal { asked: asked.clone(), reason: Reason::Shown }),
            Words::Callers | Words::CallersFirst | Words::Engines => Ok(None),
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Callers => "the caller's path",
            Self::CallersFirst => {
                "the caller's path, although as a host path it would be another file that the caller sees"
            }
            Self::Engines => "already a host path",
            Self::Shown => "a host path that the caller has read in an inspect",
            Self::Unclear => "the caller's path, or a host path that the caller has read in an inspect",
        })
    }
}

/// Reads a path. `was_shown` says whether the caller has read exactly this text as a path of the engine's in an inspect;
/// `follow` says where a path leads in the caller's view, symlinks followed.
///
/// # Errors
/// What `follow` fails with.
pub fn read<E>(
    asked: &AskedPath,
    view: &View,
    was_shown: bool,
    mut follow: impl FnMut(&AskedPath) -> Result<Resolved, E>,
) -> Result<Reading, E> {
    let resolved = follow(asked)?;
    let own = match own(asked, view) {
        // What a mount of the caller has, the engine's socket, and what belongs to every machine mean what they mean by name.
        None if was_shown && may_be_either(asked, &resolved, view) => {
            let words = if resolved.exists { Words::Unclear } else { Words::Shown };
            return Ok(Reading { resolved, words });
        }
        own => own.or_else(|| view.place_of(&engines(asked)?)),
    };
    let Some(own) = own else { return Ok(Reading { resolved, words: Words::Callers }) };
    // Of what is known by maps alone nobody can say whether it exists.
    if !resolved.exists || view.locate(&resolved.path) == Origin::Nothing {
        return Ok(Reading { resolved: follow(&own.into())?, words: Words::Engines });
    }
    let other = own != resolved.path && {
        let own = follow(&own.into())?;
        own.exists && own != resolved
    };
    Ok(Reading { resolved, words: if other { Words::CallersFirst } else { Words::Callers } })
}

/// Whether a path is in the caller's own root filesystem, and nobody has said that this means the host (T17).
fn may_be_either(asked: &AskedPath, resolved: &Resolved, view: &View) -> bool {
    let is_own = matches!(plan::meaning(asked, resolved, view), Origin::RootFs { .. });
    is_own && view.unmapped() == Unmapped::Refuse
}

/// Where the caller has what the engine has at this path, or what the caller's user or its maker has there.
fn own(asked: &AskedPath, view: &View) -> Option<CallerPath> {
    let path = engines(asked)?;
    let own = view.restore(&path).or_else(|| view.restore_user_path(&path));
    own.or_else(|| view.named(&asked.clean()))
}

/// A path that was asked for as one of the engine's.
fn engines(asked: &AskedPath) -> Option<EnginePath> {
    EnginePath::parse(asked.clean().as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explicit::Map;
    use crate::mount::{Mount, Root, Source, Volume};
    use crate::table::Table;
    use crate::view::{Named, Socket};
    use std::convert::Infallible;

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    fn engine(text: &str) -> EnginePath {
        EnginePath::parse(text.as_bytes()).unwrap()
    }

    fn view() -> View {
        let volume = Source::Volume(Volume {
            name: "v".into(),
            driver: "local".into(),
            subpath: crate::path::Rest::empty(),
            path: Some(engine("/volumes/v/_data")),
        });
        let bind = |source| Source::Bind(engine(source));
        let mount = |at, source, read_only| Mount { destination: path(at), source, read_only };
        let mut table = Table::new([
            mount("/app", bind("/srv/app"), false),
            mount("/ro", bind("/srv/ro"), true),
            mount("/a-ro", bind("/srv/app/both"), true),
            mount("/v", volume, false),
            mount("/srv/app/hides", bind("/elsewhere"), false),
            mount("/app/over", Source::Tmpfs, false),
        ]);
        table.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
        View::container(table, Vec::new())
    }

    /// Where a path leads for a caller that sees these files and has no links.
    fn read_among(view: &View, files: &[&str], asked: &str, was_shown: bool) -> (String, bool, Words) {
        let follow = |asked: &AskedPath| {
            let path = asked.clean();
            let exists = files.contains(&path.to_string().as_str());
            Ok::<_, Infallible>(Resolved::at(path, exists))
        };
        let Ok(Reading { resolved, words }) =
            read(&AskedPath::parse(asked.as_bytes()).unwrap(), view, was_shown, follow);
        (resolved.path.to_string(), resolved.exists, words)
    }

    #[track_caller]
    fn leads(files: &[&str], asked: &str, to: (&str, bool, Words)) {
        assert_eq!(read_among(&view(), files, asked, false), (to.0.to_owned(), to.1, to.2), "{asked}");
    }

    #[test]
    fn t16_a_path_of_the_engines_is_taken_back_to_where_the_caller_has_it() {
        let files = ["/app/f", "/ro/f", "/v/f", "/etc/x"];
        leads(&files, "/srv/app/f", ("/app/f", true, Words::Engines));
        leads(&files, "/srv//app/./x/../f", ("/app/f", true, Words::Engines));
        leads(&files, "/srv/ro/f", ("/ro/f", true, Words::Engines));
        leads(&files, "/volumes/v/_data/f", ("/v/f", true, Words::Engines));
        leads(&files, "/overlay/merged/etc/x", ("/etc/x", true, Words::Engines));
        // It is missing on both sides, and where it would be made the caller sees it.
        leads(&files, "/srv/app/new", ("/app/new", false, Words::Engines));
        // Nothing of the caller's is there.
        leads(&files, "/srv/application", ("/srv/application", false, Words::Callers));
        leads(&files, "/app/missing", ("/app/missing", false, Words::Callers));
    }

    #[test]
    fn t16_what_the_caller_sees_is_meant_first() {
        leads(&["/srv/app/f"], "/srv/app/f", ("/srv/app/f", true, Words::Callers));
        leads(&["/srv/app/f", "/app/f"], "/srv/app/f", ("/srv/app/f", true, Words::CallersFirst));
        leads(&["/app/f"], "/app/f", ("/app/f", true, Words::Callers));
    }

    #[test]
    fn t16_of_two_mounts_the_one_that_may_be_written_to_is_meant() {
        leads(&["/app/both/f", "/a-ro/f"], "/srv/app/both/f", ("/app/both/f", true, Words::Engines));
    }

    #[test]
    fn t16_where_another_mount_of_the_callers_lies_over_it_that_is_meant() {
        leads(&["/app/over/f"], "/srv/app/over/f", ("/app/over/f", true, Words::Engines));
        leads(&[], "/srv/app/over", ("/app/over", false, Words::Engines));
        leads(&[], "/overlay/merged/v/f", ("/v/f", false, Words::Engines));
    }

    #[test]
    fn t16_what_its_maker_calls_a_directory_of_the_callers() {
        let named = |name, at| Named { name: path(name), at: path(at) };
        let view = view().with_names(vec![named("/ws", "/app"), named("/ws/deep", "/v")]);
        let read = |files: &[&str], asked| read_among(&view, files, asked, false);
        assert_eq!(read(&["/app/f"], "/ws/f"), ("/app/f".to_owned(), true, Words::Engines));
        assert_eq!(read(&["/v/f"], "/ws//deep/f"), ("/v/f".to_owned(), true, Words::Engines));
        assert_eq!(read(&["/ws/f", "/app/f"], "/ws/f"), ("/ws/f".to_owned(), true, Words::CallersFirst));
        assert_eq!(read(&[], "/wsx/f"), ("/wsx/f".to_owned(), false, Words::Callers));
    }

    #[test]
    fn t26_what_was_shown_is_the_engines_where_the_caller_has_nothing_there() {
        let view = view();
        let read = |files: &[&str], asked| read_among(&view, files, asked, true);
        assert_eq!(read(&[], "/srv/theirs"), ("/srv/theirs".to_owned(), false, Words::Shown));
        assert_eq!(read(&["/srv/theirs"], "/srv/theirs"), ("/srv/theirs".to_owned(), true, Words::Unclear));
        // What a mount has is the caller's, there or not; so is what the caller has by another path.
        assert_eq!(read(&["/ro/f"], "/ro/f"), ("/ro/f".to_owned(), true, Words::Callers));
        assert_eq!(read(&[], "/ro/f"), ("/ro/f".to_owned(), false, Words::Callers));
        assert_eq!(read(&["/app/f"], "/srv/app/f"), ("/app/f".to_owned(), true, Words::Engines));
        // It would be restored if the caller saw it; so it has read of the file that the host has there.
        assert_eq!(read(&[], "/srv/app/over"), ("/srv/app/over".to_owned(), false, Words::Shown));
        assert_eq!(read(&[], "/dev/x"), ("/dev/x".to_owned(), false, Words::Callers));
        let socket = view.clone().with_socket(Socket::default());
        let socket = read_among(&socket, &[], "/run/docker.sock", true);
        assert_eq!(socket, ("/run/docker.sock".to_owned(), false, Words::Callers));
    }

    #[test]
    fn t26_whose_path_it_is_settles_what_the_engine_is_given() {
        let asked = AskedPath::parse(b"/srv/theirs").unwrap();
        let settled = |words| {
            let resolved = Resolved::at(asked.clean(), true);
            Reading { resolved, words }.settled(&asked)
        };
        assert_eq!(settled(Words::Shown), Ok(Some(Plan::Keep)));
        assert_eq!(settled(Words::Unclear).map_err(|refusal| refusal.reason), Err(Reason::Shown));
        assert_eq!(settled(Words::Engines), Ok(None));
    }

    #[test]
    fn t16_by_maps_alone_what_they_do_not_cover_is_the_engines() {
        let view = View::explicit(vec![Map::parse(b"/app=/srv/app").unwrap()]);
        let read = |asked| read_among(&view, &["/srv/app/f", "/app/f"], asked, false);
        assert_eq!(read("/srv/app/f"), ("/app/f".to_owned(), true, Words::Engines));
        assert_eq!(read("/app/f"), ("/app/f".to_owned(), true, Words::Callers));
    }
}
