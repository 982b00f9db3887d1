//! What the engine gets: a body that was read, in which the caller's paths are replaced by what the engine is given.
//!
//! A body is changed only where a path stands: what is not touched keeps its bytes, its order, and whatever it
//! says that this version of Hostward has never heard of (T12).

use super::amend::{Amend, amend};
use super::archive::Config;
use super::asked::has_a_meaning;
use super::draft::{Draft, MountChanges};
use super::edits::{Edits, quote};
use super::forms::lenders;
use super::found::{Labels, MountHolder, Mounts, Spelling, Spot};
use super::json::BodyError;
use super::lenders::Loan;
use super::read::{BodyForm, Read};
use super::reader::Reader;
use super::site::Site;
use super::wording::AskedFor;
use crate::containment::{Contained, Containment};
use crate::plan::{Beneath, Give, Given, Plan};
use crate::refusal::Refusal;
use crate::seal::{Key, LABEL};
use std::ops::Range;

/// What the engine gets.
#[derive(Debug)]
pub struct Written {
    /// The body.
    pub body: Output,
    /// What errors about it may name.
    pub asked_for: AskedFor,
}

/// A body for the engine.
#[derive(Debug)]
pub enum Output {
    /// The caller's own, to the byte.
    Same(Vec<u8>),
    /// Another in its place.
    Other(Vec<u8>),
    /// The caller's archive, to the byte.
    SameArchive,
    /// The caller's archive, with some bytes replaced.
    Archive {
        /// Which bytes of the archive go.
        replaced: Range<u64>,
        /// What comes in their place.
        by: Vec<u8>,
    },
}

/// Why a body cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It cannot be read far enough.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// What the engine should be given cannot be spelled in it.
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

/// What the engine is given for a request.
#[derive(Debug, Clone, Copy)]
pub struct Gives<'a> {
    /// A plan for each of its [`sites`](Read::sites).
    pub plans: &'a [Plan],
    /// What is given for the mounts that it takes from others.
    pub loan: &'a Loan,
    /// The labels that come with the image: what of them is Hostward's own does not count on the new container.
    pub image_labels: &'a [String],
    /// Whether the engine is Podman, which cannot be told every path.
    pub for_podman: bool,
    /// What a profile has written into it.
    pub amendments: &'a [Amend<'a>],
    /// Labels that the new object gets, by name and value; where it has none, nothing.
    pub labels: &'a [(&'static str, &'a str)],
}

/// The body in which the caller's paths are replaced by what the engine is given, and a label where the caller's mounts cannot
/// tell later what it asked for.
///
/// # Errors
/// A refusal where what is given cannot be spelled in this form of request.
///
/// # Panics
/// Where there are not as many plans as sites.
pub fn write(read: Read, gives: Gives<'_>, reader: Reader<'_>) -> Result<Written, WriteError> {
    assert_eq!(read.spots.len(), gives.plans.len(), "a plan for each site");
    let mut asked_for = AskedFor::default();
    let may_call = may_call(&read, gives.plans, reader);
    let mut draft = Draft::of(read.body.json(), read.holders.len(), reader, gives.for_podman, may_call);
    for (spot, plan) in read.spots.iter().zip(gives.plans) {
        let Plan::Given(source) = plan else { continue };
        note(&mut asked_for, &spot.site, source);
        give(spot, source, &mut draft)?;
    }
    lenders::give(gives.loan, &read.holders, &mut draft)?;
    for (holder, changes) in read.holders.iter().zip(std::mem::take(&mut draft.holders)) {
        put(holder, &changes, &mut draft.edits);
    }
    let is_noted = !draft.asked.is_empty() || read.publishes && !reader.caller.is_empty();
    label(read.labels.as_ref(), gives, is_noted.then_some(reader.key), &mut draft)?;
    amend(read.body.json(), gives.amendments, &mut draft.edits)?;
    let edits = draft.edits;
    let body = match (read.body, edits.is_empty()) {
        (BodyForm::Json(json), true) => Output::Same(json),
        (BodyForm::Json(json), false) => Output::Other(edits.apply(&json)),
        (BodyForm::Archive(_), true) => Output::SameArchive,
        (BodyForm::Archive(config), false) => archive(&config, edits),
    };
    Ok(Written { body, asked_for })
}

/// Whether what is created can call Hostward in its turn: it gets the socket or a directory that has it, takes over mounts
/// that may be such, or is told where an engine is.
fn may_call(read: &Read, plans: &[Plan], reader: Reader<'_>) -> bool {
    let own = reader.view.socket().and_then(|socket| socket.own.as_ref());
    let has_socket = |give: &Give| match (give, own) {
        (Give::Bind(source) | Give::Contained(Contained { source, .. }), Some(own)) => {
            own.within(source).is_some()
        }
        _ => false,
    };
    let gets_socket = |plan: &Plan| match plan {
        Plan::Given(given) => {
            has_socket(&given.source) || given.beneath.iter().any(|beneath| has_socket(&beneath.source))
        }
        Plan::Keep => false,
    };
    read.has_docker_host
        || read.holders.iter().any(|holder| !holder.lenders.is_empty())
        || plans.iter().any(gets_socket)
}

fn archive(config: &Config, edits: Edits) -> Output {
    Output::Archive { replaced: config.span(), by: config.replaced_by(&edits.apply(config.json())) }
}

/// What errors may name.
fn note(asked_for: &mut AskedFor, site: &Site, given: &Given) {
    let mut note = |give: &Give, asked: &[u8]| match give {
        Give::Bind(source) => asked_for.note(source, asked),
        Give::Contained(Contained { source, by }) => {
            asked_for.note(source, asked);
            if let Containment::Pin(pin) = by {
                asked_for.note(pin, asked);
            }
        }
        Give::Volume { .. } => {}
    };
    note(&given.source, site.asked.as_bytes());
    for Beneath { at, source, .. } in &given.beneath {
        note(source, at.as_bytes());
    }
}

/// Replaces one path by what is given for it.
fn give(spot: &Spot, given: &Given, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Spot { site, spelling } = spot;
    match spelling {
        Spelling::Bind { holder, bind } => bind.give(site, given, *holder, draft),
        Spelling::Mount { holder, mount } => mount.give(site, given, *holder, draft),
        Spelling::Device(device) => device.give(site, given, draft),
        Spelling::Limit(limit) => limit.give(site, given, draft),
        Spelling::LogOption(option) => option.give(site, given, draft),
        Spelling::VolumeDevice(device) => device.give(site, given, draft),
        Spelling::Setting(setting) => setting.give(site, given, draft),
        Spelling::PluginMount(mount) => mount.give(site, given, draft),
    }
}

/// Puts what changes among the mounts of an object into the body.
fn put(holder: &MountHolder, changes: &MountChanges, edits: &mut Edits) {
    let MountChanges { moved, added } = changes;
    let mut moved = moved.iter().peekable();
    edits.remove_elements(&holder.binds, |index| moved.next_if_eq(&&index).is_some());
    if added.is_empty() {
        return;
    }
    let array = || format!("[{}]", added.join(","));
    match &holder.mounts {
        Mounts::Missing => edits.add_members(holder.end, &[("Mounts", &array())]),
        Mounts::Null(null) => edits.put(null.clone(), array()),
        Mounts::Array { end, count } => edits.add_elements(*end, *count, added),
    }
}

/// Writes down what was asked, signed by a key, if there is one, and what else Hostward has to say; and takes from the image's
/// labels what they would mean to Hostward.
fn label(
    labels: Option<&Labels>,
    gives: Gives<'_>,
    note: Option<&Key>,
    draft: &mut Draft<'_>,
) -> Result<(), BodyError> {
    let Some(labels) = labels else { return Ok(()) };
    let mut written = Vec::new();
    if let Some(key) = note {
        written.push((LABEL, quote(&draft.asked.text(key)?)));
    }
    written.extend(gives.labels.iter().map(|(name, value)| (*name, quote(value))));
    let own = written.len();
    for label in gives.image_labels.iter().map(String::as_str).filter(|label| has_a_meaning(label)) {
        if !written[..own].iter().any(|(name, _)| *name == label) {
            written.push((label, "\"\"".to_owned()));
        }
    }
    let members: Vec<_> = written.iter().map(|(name, value)| (*name, &**value)).collect();
    let map = || {
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("{}:{value}", quote(name))).collect();
        format!("{{{}}}", members.join(","))
    };
    match labels {
        _ if members.is_empty() => {}
        Labels::Missing(end) => draft.edits.add_members(*end, &[("Labels", &map())]),
        Labels::Null(null) => draft.edits.put(null.clone(), map()),
        Labels::Map { end, .. } => draft.edits.add_members(*end, &members),
    }
    if let Labels::Map { stale, .. } = labels {
        for stale in stale {
            draft.edits.put(stale.whole.clone(), "");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
