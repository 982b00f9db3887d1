//! What the engine gets: a body that was read, with what the engine is given in the places of the caller's paths.
//!
//! A body is changed only where a path stands: what is not touched keeps its bytes, its order, and whatever it
//! says that this version of Hostward has never heard of (T12).

use super::archive::Config;
use super::asked::{Asked, LABEL, Original, has_a_meaning};
use super::binds::Bind;
use super::json::{BodyError, Edits, quote};
use super::lenders::Loan;
use super::mounts::{bind_object, volume_object};
use super::podman;
use super::read::{Body, Labels, Mounts, Permissions, Read, Spelling, Spot};
use super::reader::Reader;
use super::wording::Wording;
use crate::path::{AskedPath, CallerPath, EnginePath};
use crate::plan::{Beneath, Give, Given, Plan};
use crate::refusal::{Reason, Refusal};
use std::ops::Range;

/// What the engine gets.
#[derive(Debug)]
pub struct Written {
    /// The body.
    pub body: Output,
    /// How to say an error about it in the caller's words.
    pub wording: Wording,
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
    /// The caller's archive, with these bytes in the place of some.
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
}

/// The body with what the engine is given in the places of the caller's paths, and a label where the caller's mounts cannot
/// tell later what it asked for.
///
/// # Errors
/// A refusal where what is given cannot be spelled in this form of request.
///
/// # Panics
/// Where there are not as many plans as sites.
pub fn write(read: Read, gives: Gives<'_>, reader: Reader<'_>) -> Result<Written, WriteError> {
    assert_eq!(read.spots.len(), gives.plans.len(), "a plan for each site");
    let mut wording = Wording::of(reader.view);
    let mut writer = Writer::of(&read, gives, reader);
    for (spot, plan) in read.spots.iter().zip(gives.plans) {
        let Plan::Given(source) = plan else { continue };
        note(&mut wording, spot, source);
        writer.give(spot, source)?;
    }
    wording.sort();
    writer.lend(gives.loan)?;
    let edits = writer.finish(gives.image_labels)?;
    let body = match (read.body, edits.is_empty()) {
        (Body::Json(json), true) => Output::Same(json),
        (Body::Json(json), false) => Output::Other(edits.apply(&json)),
        (Body::Archive(_), true) => Output::SameArchive,
        (Body::Archive(config), false) => archive(&config, edits),
    };
    Ok(Written { body, wording })
}

fn archive(config: &Config, edits: Edits) -> Output {
    Output::Archive { replaced: config.span(), by: config.replaced_by(&edits.apply(config.json())) }
}

/// What errors may name.
fn note(wording: &mut Wording, spot: &Spot, given: &Given) {
    if let Give::Bind(source) = &given.source {
        wording.note(source, spot.site.asked.as_bytes());
    }
    for Beneath { at, source, .. } in &given.beneath {
        if let Give::Bind(source) = source {
            wording.note(source, at.as_bytes());
        }
    }
}

/// Puts what the engine is given into a body.
struct Writer<'a> {
    read: &'a Read,
    reader: Reader<'a>,
    for_podman: bool,
    edits: Edits,
    /// For each holder: the binds that became mounts, in their order, and the mounts that are added.
    moved: Vec<Vec<usize>>,
    added: Vec<Vec<String>>,
    asked: Asked,
}

impl<'a> Writer<'a> {
    fn of(read: &'a Read, gives: Gives<'_>, reader: Reader<'a>) -> Self {
        let holders = read.holders.len();
        Self {
            read,
            reader,
            for_podman: gives.for_podman,
            edits: Edits::default(),
            moved: vec![Vec::new(); holders],
            added: vec![Vec::new(); holders],
            asked: Asked::by(reader.caller),
        }
    }

    /// What stands in the body, as it is written down.
    fn original(&self, span: &Range<usize>) -> Original<'a> {
        let json = self.read.body.json();
        // It was read as a text, and spans are those of its values.
        Original { text: str::from_utf8(&json[span.clone()]).unwrap_or_default(), index: None }
    }

    fn give(&mut self, spot: &'a Spot, given: &Given) -> Result<(), WriteError> {
        match &spot.spelling {
            Spelling::Bind { holder, index, text, bind } => {
                let target = spot.spelling.target().map(|(target, _)| target);
                let moved = self.bind(spot, given, (*holder, *index), text, bind)?;
                let along = self.beneath(spot, given, *holder, target.as_ref())?;
                let key = target.map_or_else(|| bind.target().to_owned(), |target| target.to_string());
                let forced = given.read_only && !bind.is_read_only();
                let original = Original { index: moved.then_some(*index), ..self.original(text) };
                self.remember(spot, given, moved || along || forced, key, original);
            }
            Spelling::Mount { holder, target, mount } => {
                match &given.source {
                    Give::Bind(source) => {
                        let source = self.spelled_in_object(&spot.site.asked, source)?;
                        mount.bind(&mut self.edits, source, given);
                    }
                    Give::Volume { name, subpath } => {
                        mount.volume(&mut self.edits, name, subpath, given.read_only);
                    }
                }
                let along = self.beneath(spot, given, *holder, target.as_ref())?;
                let key = target.as_ref().map(ToString::to_string).unwrap_or_default();
                let forced = given.read_only && !mount.is_read_only();
                let original = self.original(&mount.span);
                self.remember(spot, given, along || forced, key, original);
            }
            Spelling::Device { place, object, path, permissions } => {
                self.edits.put(path.clone(), quote(alone(spot, given)?));
                if given.read_only {
                    self.read_only(spot, given, permissions)?;
                }
                let original = self.original(object);
                self.remember(spot, given, given.read_only, place.clone(), original);
            }
            Spelling::Limit { place, object, path } => {
                self.edits.put(path.clone(), quote(alone(spot, given)?));
                let original = self.original(object);
                self.remember(spot, given, false, place.clone(), original);
            }
            Spelling::LogOption { key, value, scheme } => {
                self.edits.put(value.clone(), quote(&format!("{scheme}{}", alone(spot, given)?)));
                let original = self.original(value);
                self.remember(spot, given, false, key.clone(), original);
            }
            Spelling::VolumeDevice { place, device, options, says } => {
                self.edits.put(device.clone(), quote(alone(spot, given)?));
                if given.read_only && !spot.site.wish.read_only {
                    self.edits.put(options.clone(), quote(&format!("{says},ro")));
                }
                let original = self.original(device);
                self.remember(spot, given, false, place.clone(), original);
            }
            Spelling::Setting { value, name } => {
                if given.read_only {
                    return Err(unspelled(spot, given, "that it may only be read").into());
                }
                let setting = format!("{name}={}", alone(spot, given)?);
                self.edits.put(value.clone(), quote(&setting));
            }
            Spelling::PluginMount { source } => {
                if given.read_only && !spot.site.wish.read_only {
                    return Err(unspelled(spot, given, "that it may only be read").into());
                }
                self.edits.put(source.clone(), quote(alone(spot, given)?));
            }
        }
        Ok(())
    }

    /// Takes the right to write from a device, which the caller has not (T8).
    fn read_only(&mut self, spot: &Spot, given: &Given, permissions: &Permissions) -> Result<(), Refusal> {
        match permissions {
            Permissions::Unsaid(end) => self.edits.add_members(*end, &[("CgroupPermissions", "\"rm\"")]),
            Permissions::Said { text, value } => {
                // Without a word it is all of them.
                let left = if text.is_empty() { "rm".to_owned() } else { text.replace('w', "") };
                if left.is_empty() {
                    let what = "that it may only be read, where the request asks to write and nothing else";
                    return Err(unspelled(spot, given, what));
                }
                self.edits.put(value.clone(), quote(&left));
            }
        }
        Ok(())
    }

    /// Gives a text of `Binds` another source; says whether it had to become a mount, since only that can say it.
    fn bind(
        &mut self,
        spot: &Spot,
        given: &Given,
        (holder, index): (usize, usize),
        span: &Range<usize>,
        bind: &Bind,
    ) -> Result<bool, Refusal> {
        let (asked, wish) = (&spot.site.asked, &spot.site.wish);
        if given.read_only && bind.changes_owner() {
            return Err(unspelled(spot, given, "that it may only be read, beside the option U"));
        }
        let text = match &given.source {
            Give::Bind(source) => {
                let source = spelled(asked, source)?;
                let colon = source.contains(':');
                if colon && !wish.plain {
                    return Err(unspelled(spot, given, "a path with a colon beside such options"));
                }
                let says = !colon && (given.lasting || !wish.plain);
                says.then(|| bind.with(source, given.read_only))
            }
            Give::Volume { name, subpath } => {
                subpath.is_empty().then(|| bind.with_volume(name, given.read_only))
            }
        };
        if let Some(text) = text {
            self.edits.put(span.clone(), quote(&text));
            return Ok(false);
        }
        let read_only = given.read_only || bind.is_read_only();
        let object = self.object(asked, &given.source, bind.target(), read_only)?;
        self.moved[holder].push(index);
        self.added[holder].push(object);
        Ok(true)
    }

    /// Gives what stands beside the mounts that are taken from others, or for them (T20).
    fn lend(&mut self, loan: &Loan) -> Result<(), Refusal> {
        let holders = &self.read.holders;
        let borrowers: Vec<_> = (0..holders.len()).filter(|&n| !holders[n].lenders.is_empty()).collect();
        let Some(&first) = borrowers.first() else { return Ok(()) };
        for (target, source, read_only) in &loan.mounts {
            if borrowers.iter().any(|&n| holders[n].targets.contains(target)) {
                continue;
            }
            let place = target.to_string();
            let object = self.object(&target.clone().into(), source, &place, *read_only)?;
            self.added[first].push(object);
            if !loan.instead {
                self.asked.note_beneath(place, source);
            }
        }
        if loan.instead {
            for span in borrowers.iter().filter_map(|&n| holders[n].volumes_from.clone()) {
                self.edits.put(span, "null");
            }
        }
        Ok(())
    }

    /// Adds the mounts that come along with a directory (T7); says whether there are any.
    fn beneath(
        &mut self,
        spot: &Spot,
        given: &Given,
        holder: usize,
        target: Option<&CallerPath>,
    ) -> Result<bool, Refusal> {
        // A target that is none is the engine's to refuse.
        let Some(target) = target else { return Ok(false) };
        for Beneath { rest, source, read_only, .. } in &given.beneath {
            let at = target.join(rest);
            let Ok(place) = str::from_utf8(at.as_bytes()) else {
                return Err(unspelled(spot, given, "a mount beneath it whose path is not UTF-8"));
            };
            let object = self.object(&spot.site.asked, source, place, *read_only)?;
            self.added[holder].push(object);
            self.asked.note_beneath(place.to_owned(), source);
        }
        Ok(!given.beneath.is_empty())
    }

    /// Notes what was asked, where the caller's table would not say it of what the engine was given.
    fn remember(&mut self, spot: &Spot, given: &Given, changed: bool, key: String, original: Original<'_>) {
        let restored = match &given.source {
            Give::Bind(source) => self.reader.view.restore(source),
            Give::Volume { .. } => None,
        };
        let told = restored.is_some_and(|path| path.as_bytes() == spot.site.asked.as_bytes());
        if changed || !told {
            self.asked.note(key, original, &given.source);
        }
    }

    fn finish(mut self, image_labels: &[String]) -> Result<Edits, BodyError> {
        for (n, holder) in self.read.holders.iter().enumerate() {
            let (moved, added) = (&self.moved[n], &self.added[n]);
            let mut moved = moved.iter().peekable();
            self.edits.remove_elements(&holder.binds, |index| moved.next_if_eq(&&index).is_some());
            if added.is_empty() {
                continue;
            }
            let array = || format!("[{}]", added.join(","));
            match &holder.mounts {
                Mounts::Missing => self.edits.add_members(holder.end, &[("Mounts", &array())]),
                Mounts::Null(null) => self.edits.put(null.clone(), array()),
                Mounts::Array { end, count } => self.edits.add_elements(*end, *count, added),
            }
        }
        self.label(image_labels)?;
        Ok(self.edits)
    }

    /// Writes down what was asked, and takes from the image's labels what they would mean to Hostward.
    fn label(&mut self, image_labels: &[String]) -> Result<(), BodyError> {
        let Some(labels) = &self.read.labels else { return Ok(()) };
        let mut written = Vec::new();
        if !self.asked.is_empty() {
            written.push((LABEL, quote(&self.asked.text(self.reader.key)?)));
        }
        let of_image = image_labels.iter().map(String::as_str).filter(|label| has_a_meaning(label));
        let of_image = of_image.filter(|label| self.asked.is_empty() || *label != LABEL);
        written.extend(of_image.map(|label| (label, "\"\"".to_owned())));
        let members: Vec<_> = written.iter().map(|(name, value)| (*name, &**value)).collect();
        let map = || {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{}:{value}", quote(name))).collect();
            format!("{{{}}}", members.join(","))
        };
        match labels {
            _ if members.is_empty() => {}
            Labels::Missing(end) => self.edits.add_members(*end, &[("Labels", &map())]),
            Labels::Null(null) => self.edits.put(null.clone(), map()),
            Labels::Map { end, .. } => self.edits.add_members(*end, &members),
        }
        if let Labels::Map { stale, .. } = labels {
            for stale in stale {
                self.edits.put(stale.whole.clone(), "");
            }
        }
        Ok(())
    }

    /// What is given, as an object of `Mounts`.
    fn object(
        &self,
        asked: &AskedPath,
        give: &Give,
        target: &str,
        read_only: bool,
    ) -> Result<String, Refusal> {
        if self.for_podman && podman::reads_otherwise(target) {
            let reason = Reason::Spelling { source: give.to_string(), what: PODMAN };
            return Err(Refusal { asked: asked.clone(), reason });
        }
        Ok(match give {
            Give::Bind(source) => bind_object(self.spelled_in_object(asked, source)?, target, read_only),
            Give::Volume { name, subpath } => volume_object(name, subpath, target, read_only),
        })
    }

    /// The source of an object of `Mounts`, of which Podman makes a text that it reads again.
    fn spelled_in_object<'g>(&self, asked: &AskedPath, source: &'g EnginePath) -> Result<&'g str, Refusal> {
        let text = spelled(asked, source)?;
        if self.for_podman && podman::reads_otherwise(text) {
            let reason = Reason::Spelling { source: source.to_string(), what: PODMAN };
            return Err(Refusal { asked: asked.clone(), reason });
        }
        Ok(text)
    }
}

const PODMAN: &str = "a comma, a quote or a newline to Podman";

/// The one path that a form takes which has no room for others.
fn alone<'g>(spot: &Spot, given: &'g Given) -> Result<&'g str, Refusal> {
    let asked = &spot.site.asked;
    if let Some(beneath) = given.beneath.first() {
        let reason = Reason::NoRoom(beneath.at.clone());
        return Err(Refusal { asked: asked.clone(), reason });
    }
    match &given.source {
        Give::Bind(source) => spelled(asked, source),
        Give::Volume { .. } => Err(unspelled(spot, given, "a volume")),
    }
}

fn unspelled(spot: &Spot, given: &Given, what: &'static str) -> Refusal {
    let reason = Reason::Spelling { source: given.source.to_string(), what };
    Refusal { asked: spot.site.asked.clone(), reason }
}

fn spelled<'g>(asked: &AskedPath, source: &'g EnginePath) -> Result<&'g str, Refusal> {
    source.as_str().ok_or_else(|| Refusal {
        asked: asked.clone(),
        reason: Reason::Spelling { source: source.to_string(), what: "a path that is not UTF-8" },
    })
}

#[cfg(test)]
mod tests;
