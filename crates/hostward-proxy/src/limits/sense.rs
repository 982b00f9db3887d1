//! Limits that only make sense together. What nobody could ever use is a mistake, and better said at the start than met by a
//! client.

use super::{Limit, Limits};

/// What one caller may have, and what all have.
const SHARES: [(&str, &str); 9] = [
    ("connections_per_caller", "connections"),
    ("held_bytes_per_caller", "held_bytes"),
    ("held_bytes_of_strangers", "held_bytes"),
    ("spooled_bytes_per_caller", "spooled_bytes"),
    ("lookups_per_caller", "lookups"),
    ("shown_bytes_per_caller", "shown_bytes"),
    ("ports_per_caller", "ports"),
    ("port_connections_per_caller", "port_connections"),
    ("port_senders_per_port", "port_senders"),
];

/// What one thing may take, and what its caller may have.
const THINGS: [(&str, &str); 5] = [
    ("body_bytes", "held_bytes_per_caller"),
    ("answer_bytes", "held_bytes_per_caller"),
    ("archive_bytes", "spooled_bytes_per_caller"),
    ("context_bytes", "spooled_bytes_per_caller"),
    ("stranger_bytes", "held_bytes_of_strangers"),
];

/// What one thing may take, and what all have, of which a lone caller gets one part in [`PARTS`].
const QUARTERS: [(&str, &str); 4] = [
    ("body_bytes", "held_bytes"),
    ("answer_bytes", "held_bytes"),
    ("archive_bytes", "spooled_bytes"),
    ("context_bytes", "spooled_bytes"),
];

/// What is taken one by one, by all.
const COUNTED: [&str; 2] = ["connections", "lookups"];

/// A lone caller gets so much of what all have: three times as much is left for others ([`Pool`](crate::pool::Pool)).
const PARTS: u64 = 4;

/// Limits of which one leaves another no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// One may have more than there is.
    #[error("`{}` is {}, more than `{}` ({}): set it to at most {}", .part.0, .part.shown(), .all.0, .all.shown(), .all.shown())]
    Share {
        /// What one may have.
        part: Set,
        /// What there is.
        all: Set,
    },
    /// One thing may take more than its caller may have.
    #[error("`{}` is {}, more than `{}` ({}), so nothing of that size would be accepted: set `{}` to at least {}, or \
             `{}` to at most {}", .one.0, .one.shown(), .share.0, .share.shown(), .share.0, .one.shown(), .one.0, .share.shown())]
    Thing {
        /// What one thing may take.
        one: Set,
        /// What its caller may have.
        share: Set,
    },
    /// One thing may take more than a lone caller gets.
    #[error("`{}` is {}, more than a quarter of `{}` ({}), which is all that one caller gets, so nothing of that \
             size would be accepted: set `{}` to at least {}, or `{}` to at most {}", .one.0, .one.shown(), .all.0, .all.shown(), .all.0, .one.times(PARTS).shown(), .one.0, .all.part(PARTS).shown())]
    Quarter {
        /// What one thing may take.
        one: Set,
        /// What there is.
        all: Set,
    },
    /// Nothing is there for any caller.
    #[error("`{}` is {}, and one caller gets at most a quarter of that, which is none: set it to at least {PARTS}", .0.0, .0.shown())]
    Few(Set),
}

/// A limit by its name, and what it is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set(&'static str, u64);

impl Set {
    fn shown(self) -> String {
        Limit::named(self.0).map_or_else(|| self.1.to_string(), |limit| limit.unit.shown(self.1))
    }

    fn times(self, parts: u64) -> Self {
        Self(self.0, self.1.saturating_mul(parts))
    }

    fn part(self, parts: u64) -> Self {
        Self(self.0, self.1 / parts)
    }
}

impl Conflict {
    /// The names of the limits that it is about.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let (one, other) = match self {
            Self::Share { part: one, all: other }
            | Self::Thing { one, share: other }
            | Self::Quarter { one, all: other } => (one, Some(other)),
            Self::Few(one) => (one, None),
        };
        [Some(one), other].into_iter().flatten().map(|set| set.0)
    }
}

impl Limit {
    /// The limit of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Limits::ALL.iter().find(|limit| limit.name == name)
    }
}

impl Limits {
    /// These, if they make sense together. A share that nobody has set goes down with what it is a share of.
    ///
    /// # Errors
    /// All limits of which one leaves another no sense.
    pub fn sensible(mut self, is_set: impl Fn(&str) -> bool) -> Result<Self, Vec<Conflict>> {
        let mut found = Vec::new();
        for name in COUNTED {
            let all = self.value(name);
            if all.1 < PARTS {
                found.push(Conflict::Few(all));
            }
        }
        for (part, all) in SHARES {
            let (part, all) = (self.value(part), self.value(all));
            if part.1 <= all.1 {
                continue;
            }
            if is_set(part.0) {
                found.push(Conflict::Share { part, all });
            }
            // It has that name, and the other has that value.
            let _ = self.set(part.0, all.1);
        }
        for (one, share) in THINGS {
            let (one, share) = (self.value(one), self.value(share));
            if one.1 > share.1 {
                found.push(Conflict::Thing { one, share });
            }
        }
        for (one, all) in QUARTERS {
            let (one, all) = (self.value(one), self.value(all));
            if one.1 > all.1 / PARTS {
                found.push(Conflict::Quarter { one, all });
            }
        }
        if found.is_empty() { Ok(self) } else { Err(found) }
    }

    fn value(&self, name: &'static str) -> Set {
        Set(name, self.each().find(|(known, _)| *known == name).map_or(0, |(_, value)| value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(set: &[(&str, u64)]) -> Result<Limits, Vec<Conflict>> {
        let mut limits = Limits::default();
        for (name, value) in set {
            limits.set(name, *value).unwrap();
        }
        limits.sensible(|name| set.iter().any(|(set, _)| *set == name))
    }

    #[test]
    fn the_defaults_make_sense_and_stay() {
        assert_eq!(settled(&[]), Ok(Limits::default()));
        let names = SHARES.iter().chain(&THINGS).chain(&QUARTERS).flat_map(|(one, other)| [one, other]);
        for name in names.chain(&COUNTED) {
            assert!(Limit::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_share_goes_down_with_the_whole_unless_somebody_has_set_it() {
        let limits = settled(&[("connections", 100), ("ports", 10)]).unwrap();
        assert_eq!((limits.connections_per_caller, limits.ports_per_caller), (100, 10));
        let conflict = settled(&[("connections", 100), ("connections_per_caller", 101)]).unwrap_err()[0];
        assert_eq!(
            conflict.to_string(),
            "`connections_per_caller` is 101, more than `connections` (100): set it to at most 100"
        );
        assert_eq!(conflict.names().collect::<Vec<_>>(), ["connections_per_caller", "connections"]);
    }

    #[test]
    fn what_could_never_be_taken_is_no_limit() {
        const MIB: u64 = 1 << 20;
        let body = settled(&[("body_bytes", 32 * MIB)]).unwrap_err()[0];
        assert_eq!(
            body.to_string(),
            "`body_bytes` is 32 MiB, more than `held_bytes_per_caller` (24 MiB), so nothing of that size would be \
             accepted: set `held_bytes_per_caller` to at least 32 MiB, or `body_bytes` to at most 24 MiB"
        );
        let both = settled(&[("held_bytes", 32 * MIB)]).unwrap_err();
        let [all, answers] = both[..] else { panic!("{both:?}") };
        assert!(
            answers.to_string().starts_with("`answer_bytes` is 24 MiB, more than a quarter of `held_bytes`")
        );
        assert_eq!(
            all.to_string(),
            "`body_bytes` is 16 MiB, more than a quarter of `held_bytes` (32 MiB), which is all that one caller \
             gets, so nothing of that size would be accepted: set `held_bytes` to at least 64 MiB, or `body_bytes` \
             to at most 8 MiB"
        );
        for (set, name) in [
            (&[("answer_bytes", 25 * MIB)][..], "answer_bytes"),
            (&[("archive_bytes", 9000 * MIB)], "archive_bytes"),
            (&[("archive_bytes", 8190 * MIB), ("spooled_bytes", 32_000 * MIB)], "archive_bytes"),
            (&[("context_bytes", 8193 * MIB)], "context_bytes"),
            (&[("stranger_bytes", 2 * MIB)], "stranger_bytes"),
            (&[("lookups", 3)], "lookups"),
            (&[("connections", 1)], "connections"),
        ] {
            let conflict = settled(set).unwrap_err()[0];
            assert!(conflict.names().any(|one| one == name), "{conflict}");
        }
        let small = [("held_bytes", 32 * MIB), ("body_bytes", 8 * MIB), ("answer_bytes", 8 * MIB)];
        assert!(settled(&small).is_ok());
    }
}
