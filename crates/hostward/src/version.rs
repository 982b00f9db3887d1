//! Versions of the Engine API.

use std::fmt;

/// A version of the API, such as 1.45. Later ones compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

impl ApiVersion {
    /// The version of these two numbers.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Reads `1.45`; a third number is ignored. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.');
        let number = |text: Option<&str>| text?.parse().ok();
        Some(Self { major: number(numbers.next())?, minor: number(numbers.next())? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let version = |text| ApiVersion::parse(text).unwrap();
        assert!(version("1.9") < version("1.24") && version("1.45") < version("2.0"));
        assert_eq!(version("1.24").to_string(), "1.24");
        for no_version in ["", "1", "v1.2", "1.x", "latest"] {
            assert_eq!(ApiVersion::parse(no_version), None, "{no_version}");
        }
    }
}
