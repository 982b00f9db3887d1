//! What the engine is given for a path: decided from what the path is and what the request wishes.

use crate::origin::{Origin, is_machine};
use crate::path::{AskedPath, EnginePath, components};
use crate::refusal::{Reason, Refusal};
use crate::table::View;
use crate::walk::Resolved;

/// What a request wants of a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Mounts beneath the source come along (the engine's default).
    pub recursive: bool,
    /// A source that is missing is made (`-v`).
    pub creates: bool,
}

/// What the engine is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// What the request said, to the byte: the path is the engine's own.
    Keep,
    /// A bind of another source.
    Bind {
        /// The source on the engine's machine.
        source: EnginePath,
        /// The caller may only read it, so whoever it hands it to may only read it too (T8).
        read_only: bool,
    },
}

/// Decides what the engine is given for `asked`, which leads to `resolved` in the view.
///
/// # Errors
/// A refusal where nothing faithful can be given.
pub fn plan(asked: &AskedPath, resolved: &Resolved, view: &View, wish: Wish) -> Result<Plan, Refusal> {
    let refuse = |reason| Refusal { asked: asked.clone(), reason };
    let origin = locate(asked, resolved, view);
    let source = match origin {
        Origin::Host => return Ok(Plan::Keep),
        Origin::Machine => return Ok(machine(asked, resolved)),
        Origin::Private => return Err(refuse(Reason::Private)),
        Origin::Mapped { source, .. } | Origin::Bind { source, .. } => source,
        Origin::Volume { name, mount, .. } => return Err(refuse(Reason::volume(name, mount))),
        Origin::Tmpfs(mount) => return Err(refuse(Reason::Tmpfs(mount.destination.clone()))),
        Origin::Image(mount) => return Err(refuse(Reason::Image(mount.destination.clone()))),
        Origin::Other { mount, kind } => return Err(refuse(Reason::other(kind, mount))),
        Origin::RootFs => return Err(refuse(Reason::RootFs { exists: resolved.exists })),
        Origin::Nothing => return Err(refuse(Reason::Unmapped)),
    };
    let read_only = view.is_read_only(&resolved.path);
    if read_only && wish.creates && !resolved.exists {
        return Err(refuse(Reason::MissingReadOnly));
    }
    if wish.recursive {
        let inside: Vec<_> = view.submounts(&resolved.path).map(|m| m.destination.clone()).collect();
        if !inside.is_empty() {
            return Err(refuse(Reason::Submounts(inside)));
        }
    }
    Ok(Plan::Bind { source, read_only })
}

/// What the path is. `/lib/modules` and its like mean the engine's machine by the name that was asked, wherever a
/// link leads in the caller's image (T19).
pub fn locate<'a>(asked: &AskedPath, resolved: &Resolved, view: &'a View) -> Origin<'a> {
    if is_machine_by_name(asked) && view.locate(&asked.clean()) == Origin::Machine {
        return Origin::Machine;
    }
    view.locate(&resolved.path)
}

/// A name with `..` is no name: what it goes up from may be a link.
fn is_machine_by_name(asked: &AskedPath) -> bool {
    !components(asked.as_bytes()).any(|component| component == b"..") && is_machine(&asked.clean())
}

/// A path of the engine's machine: by the name that was asked, or else by the path that a link led to.
fn machine(asked: &AskedPath, resolved: &Resolved) -> Plan {
    if is_machine_by_name(asked) {
        return Plan::Keep;
    }
    EnginePath::parse(resolved.path.as_bytes())
        .map_or(Plan::Keep, |source| Plan::Bind { source, read_only: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explicit::Map;
    use crate::path::CallerPath;
    use crate::table::{Mount, Source, Table};
    use proptest::prelude::*;

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    fn mount(destination: &str, source: Source, read_only: bool) -> Mount {
        Mount { destination: path(destination), source, read_only }
    }

    fn bind(source: &str) -> Source {
        Source::Bind(EnginePath::parse(source.as_bytes()).unwrap())
    }

    fn table() -> Table {
        Table::new([
            mount("/app/storage", bind("/home/me/project/storage"), false),
            mount("/app/ro", bind("/srv/ro"), true),
            mount("/ws", bind("/srv/ws"), false),
            mount("/ws/node_modules", Source::Volume { name: "nm".into(), driver: "local".into() }, false),
            mount("/t", Source::Tmpfs, false),
            mount("/i", Source::Image, true),
            mount("/s", Source::Other("cluster".into()), false),
            mount("/file.py", bind("/srv/file.py"), false),
        ])
    }

    fn ask_of(view: &View, text: &str, recursive: bool) -> Result<Plan, Reason> {
        let asked = AskedPath::parse(text.as_bytes()).unwrap();
        let resolved = Resolved { path: asked.clean(), exists: true };
        plan(&asked, &resolved, view, Wish { recursive, creates: true }).map_err(|refusal| refusal.reason)
    }

    fn ask(text: &str) -> Result<Plan, Reason> {
        ask_of(&View::container(table(), Vec::new()), text, true)
    }

    fn given(source: &str, read_only: bool) -> Plan {
        Plan::Bind { source: EnginePath::parse(source.as_bytes()).unwrap(), read_only }
    }

    #[test]
    fn t1_a_name_that_only_begins_alike_is_not_beneath() {
        assert_eq!(ask("/app/storagex/f"), Err(Reason::RootFs { exists: true }));
    }

    #[test]
    fn t2_a_bind_gives_its_source_and_the_rest() {
        assert_eq!(ask("/app/storage/tmp/file.py"), Ok(given("/home/me/project/storage/tmp/file.py", false)));
        assert_eq!(ask("/app/storage"), Ok(given("/home/me/project/storage", false)));
        assert_eq!(ask("/app/storage/"), Ok(given("/home/me/project/storage", false)));
        assert_eq!(ask("/file.py"), Ok(given("/srv/file.py", false)));
    }

    #[test]
    fn t8_read_only_stays_read_only() {
        assert_eq!(ask("/app/ro/x"), Ok(given("/srv/ro/x", true)));
        let maps = vec![Map::parse(b"/app/ro=/elsewhere").unwrap()];
        assert_eq!(
            ask_of(&View::container(table(), maps), "/app/ro/x", true),
            Ok(given("/elsewhere/x", true))
        );
    }

    #[test]
    fn t14_the_host_keeps_every_path() {
        assert_eq!(ask_of(&View::identity(), "/app/../etc", true), Ok(Plan::Keep));
    }

    #[test]
    fn t15_a_map_wins_over_discovery() {
        let maps = vec![Map::from_host_pwd(b"/x", b"/app/storage").unwrap()];
        let known = View::container(table(), maps.clone());
        assert_eq!(ask_of(&known, "/app/storage/a", true), Ok(given("/x/storage/a", false)));
        let unknown = View::explicit(maps);
        assert_eq!(ask_of(&unknown, "/app/storage/../../etc/passwd", true), Err(Reason::Unmapped));
        assert_eq!(ask_of(&unknown, "/app/storagex/f", true), Err(Reason::Unmapped));
        assert_eq!(ask_of(&unknown, "/app/storage", true), Ok(given("/x/storage", false)));
    }

    #[test]
    fn t19_the_machine_is_the_engines() {
        for machine in ["/dev/kvm", "/proc", "/sys/fs/cgroup", "/lib/modules", "/", "/etc/localtime"] {
            assert_eq!(
                ask_of(&View::container(Table::default(), Vec::new()), machine, true),
                Ok(Plan::Keep),
                "{machine}"
            );
        }
        assert_eq!(ask("/device"), Err(Reason::RootFs { exists: true }));
        for own in [
            "/dev/shm/work",
            "/dev/fd/3",
            "/dev/stdin",
            "/proc/self/cwd",
            "/proc/42/root",
            "/proc/thread-self",
        ] {
            assert_eq!(ask(own), Err(Reason::Private), "{own}");
        }
        for machine in ["/dev/shm", "/proc/sys/kernel", "/proc/cpuinfo"] {
            assert_eq!(ask(machine), Ok(Plan::Keep), "{machine}");
        }
    }

    #[test]
    fn a_link_to_the_machine_gives_what_it_leads_to() {
        let view = View::container(table(), Vec::new());
        let lead = |asked: &str, to: &str| {
            let asked = AskedPath::parse(asked.as_bytes()).unwrap();
            let resolved = Resolved { path: path(to), exists: true };
            plan(&asked, &resolved, &view, Wish { recursive: true, creates: true })
                .map_err(|refusal| refusal.reason)
        };
        assert_eq!(lead("/app/storage/dev", "/dev"), Ok(given("/dev", false)));
        assert_eq!(lead("/lib/modules", "/usr/lib/modules"), Ok(Plan::Keep));
        // `..` is taken after the link, so the text alone says nothing.
        assert_eq!(lead("/link/..", "/app/storage/deep"), Ok(given("/home/me/project/storage/deep", false)));
    }

    #[test]
    fn t10_nothing_is_made_where_the_caller_may_only_read() {
        let view = View::container(table(), Vec::new());
        let asked = AskedPath::parse(b"/app/ro/new").unwrap();
        let resolved = Resolved { path: asked.clean(), exists: false };
        let plan = |creates| plan(&asked, &resolved, &view, Wish { recursive: true, creates });
        assert_eq!(plan(true).map_err(|refusal| refusal.reason), Err(Reason::MissingReadOnly));
        assert_eq!(plan(false), Ok(given("/srv/ro/new", true)));
    }

    #[test]
    fn an_origin_without_a_rule_is_refused() {
        assert!(matches!(ask("/ws/node_modules/x"), Err(Reason::Volume { .. })));
        assert!(matches!(ask("/t/x"), Err(Reason::Tmpfs(_))));
        assert!(matches!(ask("/i"), Err(Reason::Image(_))));
        assert!(matches!(ask("/s/x"), Err(Reason::Other { .. })));
        assert!(matches!(ask("/etc/passwd"), Err(Reason::RootFs { .. })));
    }

    #[test]
    fn mounts_beneath_are_not_lost() {
        assert_eq!(ask("/ws"), Err(Reason::Submounts(vec![path("/ws/node_modules")])));
        assert_eq!(ask("/ws/src"), Ok(given("/srv/ws/src", false)));
        let view = View::container(table(), Vec::new());
        assert_eq!(ask_of(&view, "/ws", false), Ok(given("/srv/ws", false)));
    }

    proptest! {
        #[test]
        fn what_is_given_lies_beneath_the_mount_that_covers(rest in "(/(a|[.][.]|[.]|storage|ro)){0,6}") {
            let text = format!("/app/storage{rest}");
            let resolved = path(&text);
            match ask(&text) {
                Ok(Plan::Bind { source, .. }) if resolved == CallerPath::root() => {
                    prop_assert_eq!(source.as_bytes(), b"/");
                }
                Ok(Plan::Bind { source, .. }) => {
                    let table = table();
                    let covering = table.covering(&resolved).unwrap();
                    let Source::Bind(base) = &covering.source else { panic!("{covering:?}") };
                    prop_assert_eq!(source.below(base), resolved.below(&covering.destination));
                }
                Ok(Plan::Keep) => prop_assert!(false, "{} is no name of the machine's", text),
                Err(_) => prop_assert!(table().covering(&resolved).is_none()),
            }
        }
    }
}
