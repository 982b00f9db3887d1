//! What anybody may take of a proxy that is started here.

use hostward_proxy::Limits;
use rustix::process::{Resource, getrlimit};

use super::check::Check;
use crate::limits::{Told, told};

const MORE_FILES: &str = "let it open more files (LimitNOFILE= of a unit, --ulimit nofile= of a container, ulimit -Hn), or set \
                          `connections` to what there is";

/// All limits, and how many connections there can be by the files that this process may open.
pub(super) fn check(limits: &Limits) -> Check {
    // A proxy raises the other limit to this one.
    of(limits, getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX))
}

fn of(limits: &Limits, descriptors: u64) -> Check {
    let told = told(limits);
    let set: Vec<_> = told.iter().filter(|one| !one.is_default()).map(Told::name).collect();
    let which = match &set[..] {
        [] => "all limits are at their defaults".to_owned(),
        set => format!("set to other values than the defaults: {}", set.join(", ")),
    };
    let fitted = limits.fitted(descriptors).connections;
    let check = if fitted < limits.connections {
        let text = format!(
            "{fitted} connections at a time, since this process may open {descriptors} files; {which}"
        );
        Check::note("limits", text, MORE_FILES)
    } else {
        Check::ok("limits", format!("{fitted} connections at a time; {which}"))
    };
    Check { limits: told, ..check }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::check::{Verdict, shown};

    #[test]
    fn limits_are_told_with_what_there_is_for_them() {
        let check = of(&Limits::default(), 1 << 20);
        assert_eq!(
            (check.state, &check.text[..]),
            (Verdict::Ok, "4096 connections at a time; all limits are at their defaults")
        );
        let text = shown(&[check]);
        assert!(
            text.contains("\n                503, and the connection is closed: connections 4096\n"),
            "{text}"
        );
        let few = of(&Limits { paths: 7, ..Limits::default() }, 1024);
        assert_eq!(few.state, Verdict::Note);
        assert_eq!(
            few.text,
            "160 connections at a time, since this process may open 1024 files; set to other values than the defaults: paths"
        );
        assert_eq!(few.limits.len(), Limits::ALL.len());
    }
}
