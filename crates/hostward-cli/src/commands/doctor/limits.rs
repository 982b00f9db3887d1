//! What anybody may take of a proxy that is started here.

use hostward_proxy::Limits;
use rustix::process::{Resource, getrlimit};

use super::check::Check;
use crate::limits::{Told, told};

const MORE_FILES: &str = "let it open more files (LimitNOFILE= in a unit, --ulimit nofile= for a container, ulimit \
                          -Hn), or lower `connections` to that number";

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
        set => format!("not at their defaults: {}", set.join(", ")),
    };
    let fitted = limits.fitted(descriptors).connections;
    let check = if fitted < limits.connections {
        let text = format!(
            "at most {fitted} connections, because this process may open {descriptors} files; {which}"
        );
        Check::note("limits", text, MORE_FILES)
    } else {
        Check::ok("limits", format!("at most {fitted} connections; {which}"))
    };
    Check { limits: told, ..check }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::check::{Outlook, shown};

    #[test]
    fn limits_are_told_with_what_there_is_for_them() {
        let check = of(&Limits::default(), 1 << 20);
        assert_eq!(
            (check.state, &check.text[..]),
            (Outlook::Ok, "at most 4096 connections; all limits are at their defaults")
        );
        let text = shown(&[check]);
        assert!(
            text.contains("\n                503, and the connection is closed: connections 4096\n"),
            "{text}"
        );
        let few = of(&Limits { paths: 7, ..Limits::default() }, 1024);
        assert_eq!(few.state, Outlook::Note);
        assert_eq!(
            few.text,
            "at most 120 connections, because this process may open 1024 files; not at their defaults: paths"
        );
        assert_eq!(few.limits.len(), Limits::ALL.len());
    }
}
