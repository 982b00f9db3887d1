//! What anybody may take of the proxy, by `[limits]` of the file and the variables `HOSTWARD_LIMIT_…`. The table of limits is
//! [`Limits::ALL`]; here is how its values are written.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;

use hostward_proxy::{Conflict, Limit, LimitError, Limits, Unit};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::mistake::{Mistakes, Span};
use crate::config::values::number;
use crate::near::nearest;
use crate::report::Failure;
use crate::variables;

/// Those that somebody has set.
pub(crate) type GivenLimits = BTreeMap<&'static str, u64>;

/// The units of text, by how many bits a number of them is shifted.
const UNITS: [(&str, u32); 3] = [("KiB", 10), ("MiB", 20), ("GiB", 30)];

/// What is wrong with a limit.
#[derive(Debug)]
enum Wrong {
    /// There is none of this name.
    Name(String),
    /// There is none of this name that a variable has.
    Variable(String),
    /// Its value is not of its unit.
    Value(&'static Limit, String),
    /// It cannot have this value.
    Limit(LimitError),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                write!(f, "unknown limit `{name}`; ")?;
                match nearest(name, names()) {
                    Some(near) => write!(f, "did you mean `{near}`?"),
                    None => write!(f, "there are {}", names().collect::<Vec<_>>().join(", ")),
                }
            }
            Self::Variable(name) => {
                write!(f, "unknown limit; ")?;
                match nearest(name, names()) {
                    Some(near) => write!(f, "did you mean {}{}?", variables::LIMIT, near.to_uppercase()),
                    None => write!(
                        f,
                        "there are {}, all in capitals here",
                        names().collect::<Vec<_>>().join(", ")
                    ),
                }
            }
            Self::Value(Limit { name, unit, default, .. }, found) => {
                let shown = unit.shown(*default);
                match unit {
                    Unit::Count => {
                        write!(f, "{found} is not a number; `{name}` needs one, such as {default}")
                    }
                    Unit::Seconds => {
                        write!(
                            f,
                            "{found} is not a number; `{name}` needs a number of seconds, such as {default}"
                        )
                    }
                    Unit::Bytes => write!(
                        f,
                        "{found} is not a size; `{name}` needs a number of bytes, or text with KiB, MiB or GiB, such \
                         as \"{shown}\""
                    ),
                }
            }
            Self::Limit(error) => error.fmt(f),
        }
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    Limits::ALL.iter().map(|limit| limit.name)
}

/// By what follows in the name of a variable, in capitals alone.
fn of_variable(name: &str) -> Result<&'static Limit, Wrong> {
    let spelled = name.to_lowercase();
    match Limit::named(&spelled).filter(|_| !name.contains(char::is_lowercase)) {
        Some(limit) => Ok(limit),
        None => Err(Wrong::Variable(spelled)),
    }
}

/// A value that this limit can have.
fn checked(limit: &'static Limit, value: Option<u64>, found: impl fmt::Display) -> Result<u64, Wrong> {
    let value = value.ok_or_else(|| Wrong::Value(limit, found.to_string()))?;
    Limits::default().set(limit.name, value).map_err(Wrong::Limit)?;
    Ok(value)
}

/// As TOML has it, and as it is written there.
fn of_toml(limit: &'static Limit, value: &DeValue<'_>, written: &str) -> Result<u64, Wrong> {
    let amount = match (value.as_str(), limit.unit) {
        (Some(text), Unit::Bytes) => size(text),
        _ => number(value),
    };
    checked(limit, amount, written)
}

/// As a variable has it.
fn of_text(limit: &'static Limit, text: &OsStr) -> Result<u64, Wrong> {
    let amount = text.to_str().map(str::trim).and_then(|text| match limit.unit {
        Unit::Bytes => size(text),
        Unit::Count | Unit::Seconds => text.parse().ok(),
    });
    checked(limit, amount, format_args!("{:?}", text.to_string_lossy()))
}

/// A number, and what it is a number of.
fn size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    match unit.trim_start() {
        "" => Some(number),
        unit => {
            let (_, bits) = UNITS.iter().find(|(known, _)| *known == unit)?;
            number.checked_mul(1 << bits)
        }
    }
}

/// Reads `[limits]`. What is wrong with it, and with all of it together, is noted.
pub(super) fn of_file(value: Spanned<DeValue<'_>>, mistakes: &mut Mistakes) -> GivenLimits {
    let span = value.span();
    let DeValue::Table(table) = value.into_inner() else {
        let why = "the limits are one table: write [limits], and below it a line for each, such as connections = 4096";
        mistakes.note(why, Some(span));
        return GivenLimits::new();
    };
    let mut given = GivenLimits::new();
    for (name, value) in &table {
        let Some(limit) = Limit::named(name.get_ref()) else {
            mistakes.note(Wrong::Name(name.get_ref().to_string()), Some(name.span()));
            continue;
        };
        let amount = of_toml(limit, value.get_ref(), mistakes.source().text(&value.span()));
        match amount {
            Ok(amount) => _ = given.insert(limit.name, amount),
            Err(_) if mistakes.is_broken(&mistakes.source().line(value.span().start)) => {}
            Err(wrong) => mistakes.note(wrong, Some(value.span())),
        }
    }
    let Err(conflicts) = limits(&given) else { return given };
    for conflict in conflicts {
        mistakes.note(conflict, place(&table, &conflict));
    }
    GivenLimits::new()
}

/// Where a conflict is: all defaults together make sense, so that one of its limits is in the table.
fn place(table: &DeTable<'_>, conflict: &Conflict) -> Option<Span> {
    conflict.names().find_map(|name| table.get(name)).map(Spanned::span)
}

/// What is set, in front of the defaults.
fn limits(given: &GivenLimits) -> Result<Limits, Vec<Conflict>> {
    let mut limits = Limits::default();
    for (name, value) in given {
        // They were looked at before.
        let _ = limits.set(name, *value);
    }
    limits.sensible(|name| given.contains_key(name))
}

/// The file's limits, and this process's variables, which win.
pub(crate) fn settle(file: &GivenLimits) -> Result<Limits, Failure> {
    with(file, env::vars_os())
}

fn with(
    file: &GivenLimits,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Limits, Failure> {
    let mut given = file.clone();
    let mut said = BTreeMap::new();
    for (variable, value) in variables {
        let Some(name) = variable.to_str().and_then(|name| name.strip_prefix(variables::LIMIT)) else {
            continue;
        };
        if value.is_empty() {
            continue;
        }
        let variable = variable.to_string_lossy();
        let wrong = |wrong: Wrong| Failure::usage(format_args!("{variable}: {wrong}"));
        let limit = of_variable(name).map_err(wrong)?;
        given.insert(limit.name, of_text(limit, &value).map_err(wrong)?);
        said.insert(limit.name, variable.into_owned());
    }
    limits(&given).map_err(|conflicts| {
        let told = conflicts.iter().map(|conflict| {
            // The file makes sense by itself, so that a variable is among them.
            let variable = conflict.names().find_map(|name| said.get(name)).map_or("", String::as_str);
            format!("{variable}: {conflict}")
        });
        Failure::usage(told.collect::<Vec<_>>().join("\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(variables: &[(&str, &str)]) -> Result<Limits, String> {
        let pairs = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        with(&GivenLimits::new(), pairs).map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("96 MiB", Some(96 << 20)),
            ("96MiB", Some(96 << 20)),
            ("1  KiB", Some(1024)),
            ("2 GiB", Some(2 << 30)),
            ("2 GB", None),
            ("2 mib", None),
            ("1.5 GiB", None),
            ("MiB", None),
            ("-1", None),
            ("", None),
            ("99999999999999999 GiB", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn every_limit_has_a_variable() {
        for limit in Limits::ALL {
            let variable = format!("HOSTWARD_LIMIT_{}", limit.name.to_uppercase());
            let limits = by(&[(&variable, &limit.default.to_string())]).unwrap();
            assert_eq!(limits, Limits::default(), "{variable}");
        }
        let limits =
            by(&[("HOSTWARD_LIMIT_HELD_BYTES", "128 MiB"), ("HOSTWARD_LIMIT_PATHS", ""), ("HOME", "/")])
                .unwrap();
        assert_eq!(limits, Limits { held_bytes: 128 << 20, ..Limits::default() });
    }

    #[test]
    fn a_variable_that_is_wrong_is_named() {
        for (variable, value, why) in [
            ("HOSTWARD_LIMIT_CONECTIONS", "1", "unknown limit; did you mean HOSTWARD_LIMIT_CONNECTIONS?"),
            ("HOSTWARD_LIMIT_connections", "9", "unknown limit; did you mean HOSTWARD_LIMIT_CONNECTIONS?"),
            ("HOSTWARD_LIMIT_X", "1", "unknown limit; there are connections, "),
            ("HOSTWARD_LIMIT_PATHS", "many", "\"many\" is not a number; `paths` needs one, such as 1000"),
            ("HOSTWARD_LIMIT_PATHS", "0", "the limit paths must be at least 1"),
            (
                "HOSTWARD_LIMIT_HEAD_SECONDS",
                "30 s",
                "\"30 s\" is not a number; `head_seconds` needs a number of seconds, such as 30",
            ),
            (
                "HOSTWARD_LIMIT_HELD_BYTES",
                "96 MB",
                "\"96 MB\" is not a size; `held_bytes` needs a number of bytes, or text with",
            ),
            (
                "HOSTWARD_LIMIT_BODY_BYTES",
                "1 GiB",
                "`body_bytes` is 1 GiB, more than `held_bytes_per_caller` (24 MiB), so",
            ),
        ] {
            let said = by(&[(variable, value)]).unwrap_err();
            assert!(said.starts_with(&format!("{variable}: {why}")), "{said}");
        }
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let file = GivenLimits::from([("paths", 7), ("targets", 8)]);
        let pairs = [(OsString::from("HOSTWARD_LIMIT_PATHS"), OsString::from("9"))];
        let limits = with(&file, pairs.into_iter()).unwrap();
        assert_eq!((limits.paths, limits.targets), (9, 8));
    }
}
