//! The rules of a profile: pure functions over what is asked.
//!
//! What is a claim about is matched without a wildcard: a new kind does not compile until a rule has it.

pub(super) mod paths;

use super::action::Action;
use super::denial::Denial;
use super::profile::Profile;
use super::verdict::Verdict;

/// Applies all of them.
pub(super) fn judge(profile: &Profile, action: Action<'_>) -> Result<Verdict, Denial> {
    operation(profile, action.operation)?;
    Ok(Verdict::default())
}

/// What everybody may ask for: it says nothing of anybody, and clients need it before they ask for anything else.
const FREE: [&str; 2] = ["system.ping", "system.version"];

fn operation(profile: &Profile, name: &str) -> Result<(), Denial> {
    if FREE.contains(&name) || profile.operations.matches(name) {
        return Ok(());
    }
    let what = format!("{name} is not among the operations that the profile {:?} allows", profile.name);
    Err(Denial::new("operation", what, "leave it out, or add it to `operations` of the profile"))
}
