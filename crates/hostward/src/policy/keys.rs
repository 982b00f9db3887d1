//! The table of a profile's keys: how each is written, what it is for, and which field of [`Profile`] it fills. Files are read by it,
//! the effective profile is printed by it, and docs/policy.md is made of it.

use toml::Value;

use super::bound::{Bound, Measure};
use super::capability::capability_name;
use super::chooser::Chooser;
use super::image::ImagePatterns;
use super::pattern::Patterns;
use super::port::{AddressBlock, AllowedPorts};
use super::profile::{AllowedRoot, Enforcement, Owned, Profile};
use crate::path::CallerPath;

/// A key of a profile.
#[derive(Debug)]
pub struct ProfileKey {
    /// Its name.
    pub name: &'static str,
    /// A value, as it is written.
    pub example: &'static str,
    /// What it is, in sentences; names are in backquotes.
    pub what: &'static str,
    field: KeyField,
}

/// Why a value is not what its key needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It is of another kind: [`ProfileKey::kind`] says which it has to be.
    Kind,
    /// It, or the item of this number in a list, is wrong in itself.
    Value(Option<usize>, String),
}

/// What a key fills, and how it is read.
#[derive(Debug)]
enum KeyField {
    /// The name of a preset, which is applied before all others.
    Preset,
    Name,
    Callers,
    Mode,
    Network,
    Flag(fn(&mut Profile) -> &mut bool),
    Owned(fn(&mut Profile) -> &mut Owned),
    Patterns(fn(&mut Profile) -> &mut Patterns, SpellingCheck),
    Images(fn(&mut Profile) -> &mut ImagePatterns),
    Roots(fn(&mut Profile) -> &mut Vec<AllowedRoot>),
    Ports,
    Blocks(fn(&mut Profile) -> &mut Vec<AddressBlock>),
    Bound(fn(&mut Profile) -> &mut Option<Bound>, Measure),
    OomScore,
}

/// Brings a pattern into the one spelling that it is compared in, or says what is wrong with it.
type SpellingCheck = fn(&str) -> Result<String, String>;

/// The key of this name.
pub fn named(name: &str) -> Option<&'static ProfileKey> {
    KEYS.iter().find(|key| key.name == name)
}

impl ProfileKey {
    /// What a value is: ends the sentence "X is not …".
    pub fn kind(&self) -> &'static str {
        match self.field {
            KeyField::Preset => {
                "the name of a preset: \"ci\", \"executor\", \"observer\", \"tecnativa\" or \"trusted\""
            }
            KeyField::Name => "a name as text",
            KeyField::Callers | KeyField::Patterns(..) | KeyField::Images(_) => "a list of texts",
            KeyField::Mode => "\"enforce\" or \"warn\"",
            KeyField::Network => "a network's name as text",
            KeyField::Flag(_) => "true or false",
            KeyField::Owned(_) => "\"own\", \"all\" or \"none\"",
            KeyField::Roots(_) => "a list of directories as text",
            KeyField::Ports => "a list of addresses with ports, such as \"127.0.0.1:1024-65535\"",
            KeyField::Blocks(_) => "a list of blocks of addresses, such as \"172.16.0.0/12\"",
            KeyField::Bound(_, measure) => measure.kind(),
            KeyField::OomScore => "a whole number",
        }
    }

    /// What holds without it, for people.
    pub fn without(&self) -> &'static str {
        match self.field {
            KeyField::Preset => "everything is refused",
            KeyField::Name => "none: it is required",
            KeyField::Callers => "every container",
            KeyField::Mode => "`\"enforce\"`",
            KeyField::Network => "the engine's",
            KeyField::Flag(_) => "`false`",
            KeyField::Owned(_) => "`\"none\"`",
            KeyField::Patterns(..)
            | KeyField::Images(_)
            | KeyField::Roots(_)
            | KeyField::Ports
            | KeyField::Blocks(_) => "none",
            KeyField::Bound(..) | KeyField::OomScore => "requests can say nothing of it",
        }
    }

    /// Whether it says which preset the profile begins with.
    pub fn is_preset(&self) -> bool {
        matches!(self.field, KeyField::Preset)
    }

    /// Whether it says something of what is allowed, so that it has no effect where everything is.
    pub fn is_rule(&self) -> bool {
        !matches!(
            self.name,
            "name" | "for" | "preset" | "mode" | "unrestricted" | "show_host_paths" | "show_environment"
        )
    }

    /// Gives a profile this value.
    ///
    /// # Errors
    /// It is not what the key needs.
    pub fn set(&self, profile: &mut Profile, value: &Value) -> Result<(), Unfit> {
        match &self.field {
            KeyField::Preset => {}
            KeyField::Name => text(value)?.clone_into(&mut profile.name),
            KeyField::Callers => profile.callers = each(value, Chooser::parse)?,
            KeyField::Mode => {
                profile.mode = word(value, [("enforce", Enforcement::Enforce), ("warn", Enforcement::Warn)])?;
            }
            KeyField::Network => {
                profile.network = Some(text(value)?.to_owned()).filter(|name| !name.is_empty());
            }
            KeyField::Flag(field) => *field(profile) = value.as_bool().ok_or(Unfit::Kind)?,
            KeyField::Owned(field) => {
                let words = [("none", Owned::Nothing), ("own", Owned::Own), ("all", Owned::All)];
                *field(profile) = word(value, words)?;
            }
            KeyField::Patterns(field, check) => {
                *field(profile) = each(value, check)?.into_iter().collect();
            }
            KeyField::Images(field) => {
                let texts = each(value, any)?;
                *field(profile) = texts.iter().map(String::as_str).collect();
            }
            KeyField::Roots(field) => *field(profile) = each(value, AllowedRoot::parse)?,
            KeyField::Ports => profile.ports = each(value, AllowedPorts::parse)?,
            KeyField::Blocks(field) => {
                let block = |text: &str| {
                    AddressBlock::parse(text).ok_or_else(|| {
                        format!("{text:?} is no block of addresses (expected \"172.16.0.0/12\")")
                    })
                };
                *field(profile) = each(value, block)?;
            }
            KeyField::Bound(field, measure) => *field(profile) = bound(value, *measure)?,
            KeyField::OomScore => profile.oom_score = Some(value.as_integer().ok_or(Unfit::Kind)?),
        }
        Ok(())
    }

    /// Allows all that it can.
    pub(super) fn open(&self, profile: &mut Profile) {
        match &self.field {
            KeyField::Preset | KeyField::Name | KeyField::Callers | KeyField::Mode | KeyField::Network => {}
            KeyField::Flag(field) => {
                *field(profile) = !matches!(self.name, "unrestricted" | "read_only_root");
            }
            KeyField::Owned(field) => *field(profile) = Owned::All,
            KeyField::Patterns(field, _) => {
                let all: &[&str] = match self.name {
                    "capabilities" => &["*", "ALL"],
                    "namespaces" => &NAMESPACES,
                    _ => &["*"],
                };
                *field(profile) = all.iter().copied().collect();
            }
            KeyField::Images(field) => *field(profile) = ["*"].into_iter().collect(),
            KeyField::Roots(field) => {
                *field(profile) = vec![AllowedRoot { path: CallerPath::root(), read_only: false }];
            }
            KeyField::Ports => profile.ports = AllowedPorts::parse("*:*").into_iter().collect(),
            KeyField::Blocks(field) => {
                *field(profile) = ["0.0.0.0/0", "::/0"].into_iter().filter_map(AddressBlock::parse).collect();
            }
            KeyField::Bound(field, _) => *field(profile) = Some(Bound::any()),
            KeyField::OomScore => profile.oom_score = Some(-1000),
        }
    }

    /// Its value in a profile, as it is written in a file; none where it has none.
    pub fn written(&self, profile: &Profile) -> Option<String> {
        let mut profile = profile.clone();
        let value = match &self.field {
            KeyField::Preset => return None,
            KeyField::Name => Value::from(profile.name),
            KeyField::Callers => list(profile.callers),
            KeyField::Mode if profile.mode == Enforcement::Enforce => return None,
            KeyField::Mode => Value::from("warn"),
            KeyField::Network => Value::from(profile.network?),
            KeyField::Flag(field) => Value::from(Some(*field(&mut profile)).filter(|flag| *flag)?),
            KeyField::Owned(field) => Value::from(match field(&mut profile) {
                Owned::Nothing => return None,
                Owned::Own => "own",
                Owned::All => "all",
            }),
            KeyField::Patterns(field, _) => list(field(&mut profile).iter()),
            KeyField::Images(field) => {
                list(field(&mut profile).iter().map(|image| image.as_str().to_owned()))
            }
            KeyField::Roots(field) => list(field(&mut profile).iter().map(AllowedRoot::text)),
            KeyField::Ports => list(profile.ports),
            KeyField::Blocks(field) => list(field(&mut profile)),
            KeyField::Bound(field, measure) => return written_bound(*field(&mut profile), *measure),
            KeyField::OomScore => Value::from(profile.oom_score?),
        };
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        (!is_empty).then(|| value.to_string())
    }
}

fn text(value: &Value) -> Result<&str, Unfit> {
    value.as_str().ok_or(Unfit::Kind)
}

fn word<T, const N: usize>(value: &Value, words: [(&str, T); N]) -> Result<T, Unfit> {
    let text = text(value)?;
    words.into_iter().find(|(word, _)| *word == text).map(|(_, meaning)| meaning).ok_or(Unfit::Kind)
}

fn each<T>(value: &Value, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Unfit> {
    let items = value.as_array().ok_or(Unfit::Kind)?.iter().enumerate();
    items
        .map(|(at, item)| {
            let text = item.as_str().ok_or_else(|| Unfit::Value(Some(at), format!("{item} is not text")))?;
            read(text).map_err(|why| Unfit::Value(Some(at), why))
        })
        .collect()
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::from(item.to_string())).collect())
}

/// A bound: a number is the most; `"any"` is none; a table has `default`, `most` and `required`.
fn bound(value: &Value, measure: Measure) -> Result<Option<Bound>, Unfit> {
    let number = |value: &Value| match value {
        Value::Integer(number) if measure == Measure::Cpus => measure.parse(&number.to_string()),
        Value::Integer(number) => Some(*number).filter(|number| *number >= 0),
        Value::Float(number) if measure == Measure::Cpus => measure.parse(&number.to_string()),
        Value::String(text) => measure.parse(text),
        _ => None,
    };
    let Value::Table(table) = value else {
        return match value.as_str() {
            Some("any") => Ok(Some(Bound::any())),
            Some("none") => Ok(None),
            _ => number(value).map(|most| Some(Bound::most(most))).ok_or(Unfit::Kind),
        };
    };
    let mut bound = Bound::default();
    for (key, value) in table {
        let wrong = || Unfit::Value(None, format!("`{key}` is not {}", measure.kind()));
        match &**key {
            "default" => bound.default = Some(number(value).ok_or_else(wrong)?),
            "most" => bound.most = Some(number(value).ok_or_else(wrong)?),
            "required" => {
                let wrong = || Unfit::Value(None, "`required` is not true or false".to_owned());
                bound.required = value.as_bool().ok_or_else(wrong)?;
            }
            _ => {
                return Err(Unfit::Value(
                    None,
                    format!("unknown `{key}` (expected default, most or required)"),
                ));
            }
        }
    }
    match (bound.default, bound.most) {
        (Some(default), Some(most)) if default > most => {
            Err(Unfit::Value(None, "`default` is more than `most`".to_owned()))
        }
        _ => Ok(Some(bound)),
    }
}

fn written_bound(bound: Option<Bound>, measure: Measure) -> Option<String> {
    let Bound { default, most, required } = bound?;
    let number = |number: i64| match measure {
        Measure::Cpus => measure.shown(number),
        Measure::Bytes | Measure::Count | Measure::Seconds => {
            let shown = measure.shown(number);
            if shown.bytes().all(|b| b.is_ascii_digit()) { shown } else { format!("{shown:?}") }
        }
    };
    match (default, most, required) {
        (None, None, false) => Some("\"any\"".to_owned()),
        (None, Some(most), false) => Some(number(most)),
        (default, most, required) => {
            let parts = [
                default.map(|default| format!("default = {}", number(default))),
                most.map(|most| format!("most = {}", number(most))),
                required.then(|| "required = true".to_owned()),
            ];
            Some(format!("{{ {} }}", parts.into_iter().flatten().collect::<Vec<_>>().join(", ")))
        }
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as all checks")]
fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn capability(text: &str) -> Result<String, String> {
    if text == "default" || text.contains('*') {
        return Ok(text.strip_prefix("CAP_").unwrap_or(text).to_owned());
    }
    capability_name(text)
        .ok_or_else(|| format!("{text:?} is no capability (expected \"NET_ADMIN\", or \"default\")"))
}

fn namespace(text: &str) -> Result<String, String> {
    let kinds = ["pid", "ipc", "network", "uts", "user", "cgroup"];
    let is_known = text.split_once('=').is_some_and(|(kind, mode)| {
        text == "container=own" || (kinds.contains(&kind) && !mode.is_empty() && !mode.contains('*'))
    });
    if is_known {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is no namespace (expected \"container=own\", or {} with \"=host\")",
        kinds.join(", ")
    ))
}

/// All that `namespaces` can have.
const NAMESPACES: [&str; 7] =
    ["container=own", "pid=host", "ipc=host", "network=host", "uts=host", "user=host", "cgroup=host"];

/// Names of registries as the engine has them.
fn registry(text: &str) -> Result<String, String> {
    match super::image::registry(text) {
        _ if text.contains('*') => Ok(text.to_owned()),
        Some(host) if !text.is_empty() => Ok(host.to_owned()),
        Some(_) | None => Err(format!("{text:?} is no registry (expected \"registry.example:5000\")")),
    }
}

/// The whole path, or a device of another kind by its name.
fn device(text: &str) -> Result<String, String> {
    if text.split('/').any(|part| part == "..") {
        return Err(format!("{text:?} must not contain \"..\""));
    }
    Ok(text.to_owned())
}

include!("keys/table.rs");
