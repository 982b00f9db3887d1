//! The presets, and reading a profile as a text.

use std::fmt;

use toml::{Table, Value};

use super::keys::{KEYS, Unfit, named};
use super::profile::Profile;
use super::tecnativa::{self, Variables};

/// A preset by its name, and its text.
pub const PRESETS: [(&str, &str); 4] = [
    ("ci", include_str!("presets/ci.toml")),
    ("executor", include_str!("presets/executor.toml")),
    ("observer", include_str!("presets/observer.toml")),
    ("trusted", include_str!("presets/trusted.toml")),
];

/// The preset that is made of variables.
const TECNATIVA: &str = "tecnativa";

/// Why a text is no profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileError {
    /// It is no TOML.
    Syntax(String),
    /// A profile has no such key.
    Unknown(String),
    /// There is no preset of this name.
    Preset(String),
    /// A key's value is wrong.
    Value(&'static str, String),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(why) => f.write_str(why),
            Self::Unknown(key) => write!(f, "a profile has no setting `{key}`"),
            Self::Preset(name) => {
                let known = PRESETS.iter().map(|(name, _)| *name).chain([TECNATIVA]);
                let known: Vec<_> = known.map(|name| format!("{name:?}")).collect();
                write!(f, "unknown preset {name:?} (expected {})", known.join(", "))
            }
            Self::Value(key, why) => write!(f, "{key}: {why}"),
        }
    }
}

impl std::error::Error for ProfileError {}

impl Profile {
    /// A preset, by its name. Where one is made of variables, none is set.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn preset(name: &str) -> Result<Self, ProfileError> {
        Self::preset_with(name, &|_| None)
    }

    /// A preset, by its name, with these variables.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn preset_with(name: &str, variables: Variables<'_>) -> Result<Self, ProfileError> {
        if name == TECNATIVA {
            return Ok(tecnativa::profile(variables));
        }
        let found = PRESETS.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| ProfileError::Preset(name.to_owned()))?;
        Self::parse(text)
    }

    /// Reads a profile from the text of a TOML table: one key a line, as below a `[[profile]]`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| ProfileError::Syntax(error.to_string()))?;
        let mut profile = match table.get("preset") {
            Some(Value::String(name)) => Self::preset(name)?,
            Some(other) => return Err(ProfileError::Preset(other.to_string())),
            None => Self::default(),
        };
        for (name, value) in &table {
            let key = named(name).ok_or_else(|| ProfileError::Unknown(name.clone()))?;
            key.set(&mut profile, value).map_err(|unfit| {
                let why = match unfit {
                    Unfit::Kind => format!("{value} is not {}", key.kind()),
                    Unfit::Value(_, why) => why,
                };
                ProfileError::Value(key.name, why)
            })?;
        }
        Ok(profile)
    }

    /// All that it says, as the lines of a file.
    pub fn to_toml(&self) -> String {
        let lines = KEYS.iter().filter_map(|key| Some(format!("{} = {}\n", key.name, key.written(self)?)));
        lines.collect()
    }
}
