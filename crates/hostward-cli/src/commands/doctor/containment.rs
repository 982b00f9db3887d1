//! How it is prevented here that a caller exchanges a source after it was judged. Asked where a profile is in force.

use hostward_engine::address::Address;
use hostward_engine::version;

use super::check::Check;

/// The check's name.
const SOURCES: &str = "sources";

const REMEDY: &str = "run hostward on the host itself, as root, or with CAP_SYS_ADMIN in the host's mount namespace: a systemd \
                      unit must have no PrivateTmp=, ProtectSystem= and the like, and needs SystemCallFilter=@mount";

pub(super) async fn check(engine: &Address) -> Check {
    let version = version::version(engine).await;
    let has_volumes = version.is_ok_and(|version| version.abilities().subpath() && !version.is_podman());
    said(has_volumes, hostward_proxy::may_pin(engine).await)
}

fn said(has_volumes: bool, may_pin: Result<(), String>) -> Check {
    match (has_volumes, may_pin) {
        (true, Ok(())) => Check::ok(
            SOURCES,
            "what a profile lets be mounted is contained by volumes that hostward manages, or by pins (mounts in \
             /run/hostward-pins) where a volume cannot stand for it",
        ),
        (false, Ok(())) => Check::ok(
            SOURCES,
            "what a profile lets be mounted is contained by pins (mounts in /run/hostward-pins)",
        ),
        (true, Err(why)) => Check::note(
            SOURCES,
            format!(
                "what a profile lets be mounted is contained by volumes that hostward manages. Where a volume cannot stand \
                 for it, such as in requests below API 1.45, it is refused: {why}"
            ),
            REMEDY,
        ),
        (false, Err(why)) => Check::note(
            SOURCES,
            format!(
                "a profile lets only whole mounts of the calling container be mounted, and refuses any part of one, which \
                 could not be contained: the engine's API is below 1.45, and {why}"
            ),
            REMEDY,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::check::Outlook;

    #[test]
    fn each_way_is_told_and_only_one_that_refuses_something_needs_a_remedy() {
        let no = || Err("hostward may not mount anything (CAP_SYS_ADMIN)".to_owned());
        let state = |has_volumes, may_pin| {
            let check = said(has_volumes, may_pin);
            (check.state, check.text.contains("refuse"))
        };
        assert_eq!(state(true, Ok(())), (Outlook::Ok, false));
        assert_eq!(state(false, Ok(())), (Outlook::Ok, false));
        assert_eq!(state(true, no()), (Outlook::Note, true));
        assert_eq!(state(false, no()), (Outlook::Note, true));
        assert!(said(false, no()).text.contains("CAP_SYS_ADMIN"));
    }
}
