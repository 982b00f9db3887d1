//! Whose words a path is in: the caller's, or the engine's already (T16).
//!
//! Programs that know of the problem send the engine's paths. What the caller sees is meant first; a path at which it
//! sees nothing, and that lies in a directory of the host that it has mounted, is taken back to where the
//! caller has it and goes on from there like any other: so a mount that may only be read stays so, and translating twice is
//! translating once.

use crate::origin::Origin;
use crate::path::{AskedPath, CallerPath, EnginePath};
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
    /// The engine's.
    Engines,
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Callers => "the caller's path",
            Self::CallersFirst => {
                "the caller's path, although as a host path it would be another file that the caller sees"
            }
            Self::Engines => "already a host path",
        })
    }
}

/// Reads a path. `follow` says where one leads in the caller's view, symlinks followed.
///
/// # Errors
/// What `follow` fails with.
pub fn read<E>(
    asked: &AskedPath,
    view: &View,
    mut follow: impl FnMut(&AskedPath) -> Result<Resolved, E>,
) -> Result<Reading, E> {
    let resolved = follow(asked)?;
    let Some(own) = own(asked, view) else { return Ok(Reading { resolved, words: Words::Callers }) };
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

/// Where the caller has what the engine has at this path, or what the caller's user has there.
fn own(asked: &AskedPath, view: &View) -> Option<CallerPath> {
    let path = EnginePath::parse(asked.clean().as_bytes()).ok()?;
    view.restore(&path).or_else(|| view.restore_user_path(&path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explicit::Map;
    use crate::mount::{Mount, Root, Source, Volume};
    use crate::table::Table;
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
        ]);
        table.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
        View::container(table, Vec::new())
    }

    /// Where a path leads for a caller that sees these files and has no links.
    fn read_among(view: &View, files: &[&str], asked: &str) -> (String, bool, Words) {
        let follow = |asked: &AskedPath| {
            let path = asked.clean();
            Ok::<_, Infallible>(Resolved { exists: files.contains(&path.to_string().as_str()), path })
        };
        let Ok(Reading { resolved, words }) =
            read(&AskedPath::parse(asked.as_bytes()).unwrap(), view, follow);
        (resolved.path.to_string(), resolved.exists, words)
    }

    #[track_caller]
    fn leads(files: &[&str], asked: &str, to: (&str, bool, Words)) {
        assert_eq!(read_among(&view(), files, asked), (to.0.to_owned(), to.1, to.2), "{asked}");
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
    fn t16_by_maps_alone_what_they_do_not_cover_is_the_engines() {
        let view = View::explicit(vec![Map::parse(b"/app=/srv/app").unwrap()]);
        let read = |asked| read_among(&view, &["/srv/app/f", "/app/f"], asked);
        assert_eq!(read("/srv/app/f"), ("/app/f".to_owned(), true, Words::Engines));
        assert_eq!(read("/app/f"), ("/app/f".to_owned(), true, Words::Callers));
    }
}
