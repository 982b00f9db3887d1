//! Volumes: their names, drivers and options.
//!
//! An option of the driver `local` is an option of mount(2), and mounts any device, directory or file server of the host. So what
//! is not listed is refused: no list of bad ones is complete.

use super::lists::AllowList;
use super::said::JudgedClaim;
use crate::policy::denial::Denial;

/// A volume by its name.
pub(super) fn volume(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let list =
        AllowList { rule: "volume", noun: "volume", key: "volumes", patterns: &judged.profile.volumes };
    match judged.claim.text() {
        // What is no name would be a path to some engine.
        Some(name) if is_name(name) && list.patterns.matches(name) => Ok(()),
        Some(_) | None => Err(list.denied(judged)),
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// An option of a volume's driver.
pub(super) fn option(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let patterns = &judged.profile.volume_options;
    let list = AllowList { rule: "volume-option", noun: "volume option", key: "volume_options", patterns };
    if judged.key() != "o" {
        return list.pair(judged);
    }
    // The driver takes these apart at the commas: `size=1g,bind` is two options.
    let text = judged.text();
    let each = |option: &str| patterns.matches_pair("o", option);
    if text.split(',').all(each) { Ok(()) } else { Err(list.denied(judged)) }
}

/// A volume without a name.
pub(super) fn anonymous(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.profile.anonymous_volumes {
        return Ok(());
    }
    let remedy = "leave it out, or set `anonymous_volumes = true` in the profile";
    Err(judged.forbidden("volume", "a volume without a name", remedy))
}

/// The volumes of another container. Whose that is, is looked up by whoever asks the engine.
pub(super) fn taken_over(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.is_nothing() || judged.profile.volumes_from {
        return Ok(());
    }
    let subject = format!("taking over the volumes of {}", judged.shown());
    let remedy = "mount what is needed by its name, or set `volumes_from = true` in the profile";
    Err(judged.forbidden("volumes-from", subject, remedy))
}
