//! Users and groups by name. The program is static and so has no NSS: what `/etc/passwd` and `/etc/group` do not list is
//! given by its number.

use std::fs;

/// What has an id in a file of the system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accounts {
    kind: &'static str,
    file: &'static str,
}

pub(crate) const USERS: Accounts = Accounts { kind: "user", file: "/etc/passwd" };
pub(crate) const GROUPS: Accounts = Accounts { kind: "group", file: "/etc/group" };

impl Accounts {
    /// The id of a name, or a number as it is.
    pub(crate) fn id(self, name: &str) -> Result<u32, String> {
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let Self { kind, file } = self;
        let text = fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        find(&text, name).ok_or_else(|| format!("{file} has no {kind} {name:?}; give its number instead"))
    }
}

/// Both files have a name, a password and the id, between colons.
fn find(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_and_numbers_are_not() {
        let text = "root:x:0:\ndocker-users:x:998:me\ndocker:x:999:me,you\nbroken\n";
        assert_eq!(find(text, "docker"), Some(999));
        assert_eq!((find(text, "dock"), find(text, "broken")), (None, None));
        assert_eq!((USERS.id("root"), GROUPS.id("4711")), (Ok(0), Ok(4711)));
        let said = GROUPS.id("no such group").unwrap_err();
        assert!(said.contains("/etc/group has no group \"no such group\""), "{said}");
    }
}
