//! The variables of Tecnativa's docker-socket-proxy, read as a profile: `CONTAINERS=1`, `POST=0`.
//!
//! That proxy looks at the method and at what a path begins with. So does this profile, and it has no other rules: whoever may
//! create containers there has the host. Only `BuildKit` is refused, as under every profile. It is for moving with one line, and for going on from there (`hostward policy export`).

use super::keys::KEYS;
use super::profile::{Owned, Profile};
use crate::api::operations::{self, Group, Operation, Reach};

/// What a variable is set to; none where it is not.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Every variable that is read, and whether it is on where nobody sets it.
pub const VARIABLES: [(&str, bool); 29] = [
    ("EVENTS", true),
    ("PING", true),
    ("VERSION", true),
    ("POST", false),
    ("ALLOW_START", false),
    ("ALLOW_STOP", false),
    ("ALLOW_RESTARTS", false),
    ("ALLOW_PAUSE", false),
    ("ALLOW_UNPAUSE", false),
    ("AUTH", false),
    ("BUILD", false),
    ("COMMIT", false),
    ("CONFIGS", false),
    ("CONTAINERS", false),
    ("DISTRIBUTION", false),
    ("EXEC", false),
    ("GRPC", false),
    ("IMAGES", false),
    ("INFO", false),
    ("NETWORKS", false),
    ("NODES", false),
    ("PLUGINS", false),
    ("SECRETS", false),
    ("SERVICES", false),
    ("SESSION", false),
    ("SWARM", false),
    ("SYSTEM", false),
    ("TASKS", false),
    ("VOLUMES", false),
];

/// The profile that these variables make.
pub fn profile(variables: Variables<'_>) -> Profile {
    let mut profile = Profile { name: "tecnativa".to_owned(), ..Profile::default() };
    for key in KEYS {
        key.open(&mut profile);
    }
    profile.operations =
        operations::all().filter(|one| is_allowed(one, variables)).map(|one| one.name).collect();
    debug_assert_eq!(profile.containers_of, Owned::All);
    profile
}

fn is_allowed(operation: &Operation, variables: Variables<'_>) -> bool {
    let reads = operation.reach == Reach::Read && matches!(operation.method, "GET" | "HEAD");
    if !reads && !is_on("POST", variables) {
        return false;
    }
    let also = match operation.name {
        "container.start" => &["ALLOW_START"][..],
        "container.stop" => &["ALLOW_STOP", "ALLOW_RESTARTS"],
        "container.restart" | "container.kill" => &["ALLOW_RESTARTS"],
        "container.pause" => &["ALLOW_PAUSE"],
        "container.unpause" => &["ALLOW_UNPAUSE"],
        _ => &[],
    };
    section(operation.group).into_iter().chain(also.iter().copied()).any(|name| is_on(name, variables))
}

/// As `HAProxy` takes a text for a yes: by the number that it begins with.
fn is_on(name: &str, variables: Variables<'_>) -> bool {
    match variables(name) {
        Some(value) => value.trim().parse::<i64>().is_ok_and(|number| number != 0),
        None => VARIABLES.iter().any(|(known, on)| *known == name && *on),
    }
}

/// The variable of a part of the API.
fn section(group: Group) -> Option<&'static str> {
    Some(match group {
        Group::Auth => "AUTH",
        Group::Build => "BUILD",
        Group::Commit => "COMMIT",
        Group::Configs => "CONFIGS",
        Group::Containers => "CONTAINERS",
        Group::Distribution => "DISTRIBUTION",
        Group::Events => "EVENTS",
        Group::Exec => "EXEC",
        Group::Grpc => "GRPC",
        Group::Images => "IMAGES",
        Group::Info => "INFO",
        Group::Networks => "NETWORKS",
        Group::Nodes => "NODES",
        Group::Ping => "PING",
        Group::Plugins => "PLUGINS",
        Group::Secrets => "SECRETS",
        Group::Services => "SERVICES",
        Group::Session => "SESSION",
        Group::Swarm => "SWARM",
        Group::System => "SYSTEM",
        Group::Tasks => "TASKS",
        Group::Version => "VERSION",
        Group::Volumes => "VOLUMES",
        // That proxy has no word for these.
        Group::Debug | Group::Libpod | Group::Options => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::action::Action;

    fn allows(set: &[(&str, &str)], operation: &str) -> bool {
        let variables = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        profile(&variables).judge(Action { operation, claims: &[] }).is_ok()
    }

    #[test]
    fn variables_open_parts_of_the_api() {
        let post = ("POST", "1");
        for (set, operation, expected) in [
            (&[][..], "system.ping", true),
            (&[], "system.events", true),
            (&[("EVENTS", "0")], "system.events", false),
            (&[], "container.list", false),
            (&[("CONTAINERS", "1")], "container.list", true),
            (&[("CONTAINERS", "1")], "container.archive.stat", true),
            (&[("CONTAINERS", "1")], "container.create", false),
            (&[("CONTAINERS", "1")], "container.attach.websocket", false),
            (&[("CONTAINERS", "1"), ("POST", "0")], "container.create", false),
            (&[("CONTAINERS", "1"), post], "container.create", true),
            (&[("CONTAINERS", "1"), post], "container.remove", true),
            (&[("CONTAINERS", "1"), post], "image.list", false),
            (&[("CONTAINERS", "1"), post], "exec.start", false),
            (&[("EXEC", "1"), post], "exec.start", true),
            (&[("ALLOW_START", "1")], "container.start", false),
            (&[("ALLOW_START", "1"), post], "container.start", true),
            (&[("ALLOW_START", "1"), post], "container.stop", false),
            (&[("ALLOW_RESTARTS", "1"), post], "container.kill", true),
            (&[("IMAGES", "true")], "image.list", false),
            (&[("IMAGES", "yes")], "image.list", false),
            (&[("IMAGES", "")], "image.list", false),
            (&[("IMAGES", "2")], "image.list", true),
        ] {
            assert_eq!(allows(set, operation), expected, "{set:?} {operation}");
        }
    }

    #[test]
    fn every_operation_belongs_to_a_known_variable() {
        for operation in operations::all() {
            let variable = section(operation.group);
            assert!(
                variable.is_none_or(|one| VARIABLES.iter().any(|(known, _)| *known == one)),
                "{}",
                operation.name
            );
        }
    }
}
