//! Bounds of what a container may use: what it gets where it says nothing, and the most that it may ask for.

use std::fmt;

/// A bound on one number of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bound {
    /// What is written into a request that says nothing.
    pub default: Option<i64>,
    /// The most that may be asked for. Without it, anything may, no end included.
    pub most: Option<i64>,
    /// Whether a request must say something, where there is no default.
    pub required: bool,
}

/// What a bound's number is of, and how people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Bytes: `"512m"`, `"2g"`, or a number.
    Bytes,
    /// Processors, in billionths at the engine: `1.5`.
    Cpus,
    /// A number of things.
    Count,
    /// Seconds: `"30m"`, `"2h"`, or a number.
    Seconds,
}

/// So many billionths the API has for one processor.
const NANO: f64 = 1e9;

const BYTES: [(&str, i64); 5] = [("b", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
const SECONDS: [(&str, i64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

impl Measure {
    /// What a user has to write, for "X is not …".
    pub fn kind(self) -> &'static str {
        match self {
            Self::Bytes => "a number of bytes, or text such as \"512m\" or \"2g\"",
            Self::Cpus => "a number of processors, such as 1.5",
            Self::Count => "a whole number",
            Self::Seconds => "a number of seconds, or text such as \"30m\" or \"2h\"",
        }
    }

    /// Reads a text with its unit.
    pub fn parse(self, text: &str) -> Option<i64> {
        let units: &[(&str, i64)] = match self {
            Self::Bytes => &BYTES,
            Self::Seconds => &SECONDS,
            Self::Cpus => return text.parse().ok().and_then(nano),
            Self::Count => &[],
        };
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: i64 = number.parse().ok()?;
        let unit = unit.trim().to_ascii_lowercase();
        // As docker's flags have it: 2g, 2gb and 2gib are the same.
        let short = match self {
            Self::Bytes => {
                unit.strip_suffix("ib").or(unit.strip_suffix('b')).filter(|short| !short.is_empty())
            }
            Self::Cpus | Self::Count | Self::Seconds => None,
        };
        let unit = short.unwrap_or(&unit);
        if unit.is_empty() {
            return Some(number);
        }
        let (_, times) = units.iter().find(|(known, _)| *known == unit)?;
        number.checked_mul(*times)
    }

    /// A number as people write it.
    pub fn shown(self, number: i64) -> String {
        let units: &[(&str, i64)] = match self {
            Self::Bytes => &BYTES[1..],
            Self::Seconds => &SECONDS[1..],
            #[allow(clippy::cast_precision_loss, reason = "no machine has so many processors")]
            Self::Cpus => return format!("{}", number as f64 / NANO),
            Self::Count => &[],
        };
        match units.iter().rev().find(|(_, times)| number != 0 && number % times == 0) {
            Some((unit, times)) => format!("{}{unit}", number / times),
            None => number.to_string(),
        }
    }
}

/// A number of processors in billionths.
pub(super) fn nano(cpus: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "it is in bounds")]
    (cpus.is_finite() && (0.0..=1e6).contains(&cpus)).then_some((cpus * NANO).round() as i64)
}

impl Bound {
    /// A bound with this most.
    pub fn most(most: i64) -> Self {
        Self { most: Some(most), ..Self::default() }
    }

    /// A bound that nothing exceeds.
    pub fn any() -> Self {
        Self::default()
    }

    /// As a sentence has it: what is allowed.
    pub fn told(&self, measure: Measure) -> impl fmt::Display {
        match self.most {
            Some(most) => format!("at most {}", measure.shown(most)),
            None => "any".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (measure, text, number) in [
            (Measure::Bytes, "0", Some(0)),
            (Measure::Bytes, "1024", Some(1024)),
            (Measure::Bytes, "2g", Some(2 << 30)),
            (Measure::Bytes, "2G", Some(2 << 30)),
            (Measure::Bytes, "2gb", Some(2 << 30)),
            (Measure::Bytes, "2GiB", Some(2 << 30)),
            (Measure::Bytes, "512 m", Some(512 << 20)),
            (Measure::Bytes, "7b", Some(7)),
            (Measure::Bytes, "9999999999g", None),
            (Measure::Bytes, "-1", None),
            (Measure::Bytes, "g", None),
            (Measure::Bytes, "2x", None),
            (Measure::Cpus, "1.5", Some(1_500_000_000)),
            (Measure::Cpus, "-1", None),
            (Measure::Cpus, "nan", None),
            (Measure::Cpus, "inf", None),
            (Measure::Count, "512", Some(512)),
            (Measure::Count, "5k", None),
            (Measure::Seconds, "30m", Some(1800)),
            (Measure::Seconds, "2h", Some(7200)),
        ] {
            assert_eq!(measure.parse(text), number, "{measure:?} {text}");
        }
    }

    #[test]
    fn numbers_are_shown_as_they_are_written() {
        for (measure, text) in [
            (Measure::Bytes, "2g"),
            (Measure::Bytes, "1536m"),
            (Measure::Bytes, "1000"),
            (Measure::Bytes, "0"),
            (Measure::Cpus, "1.5"),
            (Measure::Cpus, "2"),
            (Measure::Count, "512"),
            (Measure::Seconds, "2h"),
            (Measure::Seconds, "90"),
        ] {
            assert_eq!(measure.shown(measure.parse(text).unwrap()), text);
        }
    }
}
