//! The files of a container that nobody can look into, as far as this process has the same ones mounted.
//!
//! Docker 28.5 cannot look into a container that has something mounted through an absolute link of its image, as at
//! /var/run/docker.sock where /var/run is /run. A container that is started under `hostward wrap` mostly has what the wrapped
//! one has, so Hostward looks there: by the mount's source, at the place where it has that file itself. The root filesystem
//! of the container stays unseen, and with it whether links of the image lead to a mount.
//!
//! So a mount is taken to be where its destination says. That is proved where the engine has made the mount point
//! ([`changes`]), and needs no proof where it is the only one: what lies beneath it is looked at. Else nothing is said.

use std::collections::HashSet;

use hostward::inspect::Container;
use hostward::path::{CallerPath, EnginePath};
use hostward::places::{is_fixture, is_socket};
use hostward::refusal::Reason;
use hostward::table::Table;
use hostward::view::View;
use hostward_engine::address::Address;
use hostward_engine::changes;
use tokio::runtime::Handle;

/// What a container and this process both have mounted.
#[derive(Debug)]
pub(crate) struct CommonMounts {
    /// How this process sees files.
    own: View,
    /// How the container does, as far as the engine says.
    theirs: View,
    /// Why nobody can look into it.
    reason: Reason,
}

/// Where to look for what stands at a path of the container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CommonPlace {
    /// At this path of this process.
    Here(CallerPath),
    /// Nowhere: something is mounted at the path or beneath it, so it is no link.
    OnTheWay,
}

impl CommonMounts {
    /// What this process, which sees files so, has of a container.
    ///
    /// # Errors
    /// With `reason`, which says why nobody can look into the container, where its mounts may lie over each other by links.
    pub(crate) fn of(
        own: View,
        engine: &Address,
        container: &Container,
        reason: Reason,
    ) -> Result<Self, Reason> {
        let places = places(&container.table);
        if places.len() > 1 {
            let added = Handle::current().block_on(changes::added(engine, &container.id));
            let added = added.unwrap_or_default();
            if !places.iter().all(|place| is_added(place, &added)) {
                return Err(reason);
            }
        }
        Ok(Self { own, theirs: View::container(container.table.clone(), Vec::new()), reason })
    }

    /// Where to look for what stands at a path, of which the parent was looked at.
    ///
    /// # Errors
    /// Where only the container has it.
    pub(crate) fn place(&self, path: &CallerPath) -> Result<CommonPlace, Reason> {
        let mount = self.theirs.table().and_then(|table| table.covering(path));
        let Some(mount) = mount else { return self.in_its_root(path) };
        let here = self.theirs.locate(path).path().and_then(|source| self.seen_here(&source));
        match here {
            Some(here) => Ok(CommonPlace::Here(here)),
            None if mount.destination == *path => Ok(CommonPlace::OnTheWay),
            None => Err(self.reason.clone()),
        }
    }

    /// Where this process has a file of the host.
    fn seen_here(&self, source: &EnginePath) -> Option<CallerPath> {
        if self.own.is_identity() {
            CallerPath::parse(source.as_bytes()).ok()
        } else {
            self.own.restore(source)
        }
    }

    /// In the root filesystem only what a mount is in is known, and what every container has.
    fn in_its_root(&self, path: &CallerPath) -> Result<CommonPlace, Reason> {
        let leads_on = self.theirs.table().is_some_and(|table| table.beneath(path).next().is_some());
        if leads_on || matches!(path.as_bytes(), b"/dev" | b"/proc" | b"/sys") {
            return Ok(CommonPlace::OnTheWay);
        }
        Err(self.reason.clone())
    }
}

/// Where what matters is mounted, without what is beneath another: what the engine mounts into every container, and the socket, are
/// known by their names.
fn places(table: &Table) -> Vec<&CallerPath> {
    let mut places: Vec<&CallerPath> = Vec::new();
    for mount in table.iter() {
        let at = &mount.destination;
        let known = is_fixture(at) || is_socket(at) || is_engines_file(at);
        if !known && !places.iter().any(|above| at.below(above).is_some()) {
            places.push(at);
        }
    }
    places
}

fn is_engines_file(path: &CallerPath) -> bool {
    matches!(path.as_bytes(), b"/etc/hosts" | b"/etc/hostname" | b"/etc/resolv.conf")
}

/// Whether a mount point was made, and so is where its name says.
fn is_added(place: &CallerPath, added: &HashSet<String>) -> bool {
    str::from_utf8(place.as_bytes()).is_ok_and(|place| added.contains(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostward::mount::{Mount, Source};

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    fn table(binds: &[(&str, &str)]) -> Table {
        let mount = |(at, source): &(&str, &str)| {
            let source = Source::Bind(EnginePath::parse(source.as_bytes()).unwrap());
            Mount { destination: path(at), source, read_only: false }
        };
        Table::new(binds.iter().map(mount))
    }

    #[test]
    fn a_container_is_looked_into_by_what_both_have_mounted() {
        let own = View::container(table(&[("/here", "/srv/p"), ("/here/covered", "/other")]), Vec::new());
        let theirs = [("/app", "/srv/p"), ("/far", "/srv/q"), ("/var/run/docker.sock", "/run/own.sock")];
        let reason = Reason::ThroughLink("why".into());
        let theirs = View::container(table(&theirs), Vec::new());
        let mounts = CommonMounts { own, theirs, reason: reason.clone() };
        let place = |text: &str| mounts.place(&path(text));
        let here = |text: &str| Ok(CommonPlace::Here(path(text)));
        assert_eq!(place("/app"), here("/here"));
        assert_eq!(place("/app/d/f"), here("/here/d/f"));
        for on_the_way in ["/var", "/var/run", "/var/run/docker.sock", "/far", "/proc"] {
            assert_eq!(place(on_the_way), Ok(CommonPlace::OnTheWay), "{on_the_way}");
        }
        // What lies there is another mount's here, another container's, or of a root filesystem.
        for unseen in ["/app/covered/f", "/far/f", "/etc", "/var/lib", "/run"] {
            assert_eq!(place(unseen), Err(reason.clone()), "{unseen}");
        }
    }

    #[test]
    fn mounts_that_are_in_others_by_name_are_one_place_with_them() {
        let table = table(&[
            ("/app", "/1"),
            ("/app/data", "/2"),
            ("/apple", "/3"),
            ("/etc/hosts", "/4"),
            ("/var/run/docker.sock", "/5"),
        ]);
        assert_eq!(places(&table), [&path("/app"), &path("/apple")]);
        let added = HashSet::from(["/app".to_owned()]);
        assert!(is_added(&path("/app"), &added) && !is_added(&path("/apple"), &added));
    }
}
