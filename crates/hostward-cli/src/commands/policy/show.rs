//! Profiles in sentences, and as the lines of a file.

use std::collections::BTreeMap;
use std::fmt::Write;

use hostward::api::operations;
use hostward::policy::keys::KEYS;
use hostward::policy::profile::Profile;
use serde::Serialize;

/// So wide is a line.
const WIDTH: usize = 100;

/// A profile for programs.
#[derive(Debug, Serialize)]
pub(super) struct ToldProfile {
    name: String,
    /// What it says, key by key.
    keys: BTreeMap<&'static str, serde_json::Value>,
    /// The operations that it allows.
    operations: Vec<&'static str>,
}

/// All of them, for programs.
pub(super) fn told(profiles: &[Profile]) -> Vec<ToldProfile> {
    let told = |profile: &Profile| {
        let keys = KEYS.iter().filter_map(|key| {
            let value = toml::from_str::<toml::Table>(&format!("value = {}", key.written(profile)?)).ok()?;
            Some((key.name, serde_json::to_value(value.get("value")?).ok()?))
        });
        ToldProfile { name: profile.name.clone(), keys: keys.collect(), operations: allowed(profile) }
    };
    profiles.iter().map(told).collect()
}

fn allowed(profile: &Profile) -> Vec<&'static str> {
    let all = operations::all().map(|one| one.name);
    all.filter(|name| profile.unrestricted || profile.operations.matches(name)).collect()
}

/// As a configuration file has them.
pub(super) fn exported(profiles: &[Profile]) -> String {
    let one = |profile: &Profile| format!("[[profile]]\n{}", profile.to_toml());
    profiles.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What they allow, for people: each key that says something, with what it is for.
pub(super) fn explained(profiles: &[Profile]) -> String {
    if profiles.is_empty() {
        return "no profile is in force: every caller can ask for everything, and paths are translated\n"
            .to_owned();
    }
    profiles.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

fn one(profile: &Profile) -> String {
    let callers: Vec<_> = profile.callers.iter().map(ToString::to_string).collect();
    let callers = if callers.is_empty() { "every container".to_owned() } else { callers.join(", ") };
    let mut text = format!("profile {:?}, for {callers}\n", profile.name);
    if !profile.is_enforced() {
        text += "what it does not allow passes, and is logged (mode = \"warn\")\n";
    }
    if profile.unrestricted {
        return text + "everything is allowed; paths are translated\n";
    }
    let mut silent = Vec::new();
    for key in KEYS.iter().filter(|key| key.is_rule()) {
        match key.written(profile) {
            Some(value) => {
                wrapped(&mut text, &format!("{} = {value}", key.name), "");
                wrapped(&mut text, &key.what.replace('`', ""), "    ");
            }
            None => silent.push(key.name),
        }
    }
    text += "\n";
    wrapped(&mut text, &format!("Nothing is allowed of: {}", silent.join(", ")), "");
    wrapped(&mut text, &format!("Operations: {}", allowed(profile).join(", ")), "");
    text
}

/// Text in lines that begin with this, and all but the first with four spaces more.
fn wrapped(to: &mut String, text: &str, indent: &str) {
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH && line.len() > indent.len() {
            // Writing to a String cannot fail.
            let _ = writeln!(to, "{}", line.trim_end());
            line = format!("{indent}    ");
        }
        line += word;
        line.push(' ');
    }
    let _ = writeln!(to, "{}", line.trim_end());
}
