//! The engine's answers in the caller's words.
//!
//! What a caller asked for is what it reads back: by its own mount table, and where that cannot tell, by what was
//! written down with the request.

mod points; // the mounts of a container as they are in effect

use super::asked::{Asked, DEVICE, Requested, is_written};
use super::edits::{quote, stale_members};
use super::endpoint::Endpoint;
use super::fields::{ANSWER_FIELDS, Thing};
use super::forms::{bind, device, log, mount, volume_device};
use super::json::{BodyError, Value, array, present, string};
use super::reader::Reader;
use super::sought::Sought;
use super::telling::Telling;
use super::wording::{AskedFor, Wording};
use crate::path::EnginePath;
use crate::seal::LABEL;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A successful answer in the caller's words.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Its body; `None` where nothing changes.
    pub body: Option<Vec<u8>>,
    /// The engine's paths that an inspect shows, since the caller has no other ones for what is there (T26). A list shows
    /// what nobody has asked for, and does not count.
    pub shown: Vec<EnginePath>,
}

/// Puts the body of a successful answer into the caller's words. Of [`Endpoint::Events`] it is one event.
///
/// # Errors
/// A body that is not the API's JSON.
pub fn restored(endpoint: Endpoint, body: &[u8], reader: Reader<'_>) -> Result<Restored, BodyError> {
    told(endpoint, body, reader, None, false)
}

/// The same, with nothing of the host's paths that the caller has no path for, if it `hides` them; of a list of containers,
/// those that have mounted what is sought.
///
/// # Errors
/// A body that is not the API's JSON.
pub fn told(
    endpoint: Endpoint,
    body: &[u8],
    reader: Reader<'_>,
    sought: Option<&Sought>,
    hides: bool,
) -> Result<Restored, BodyError> {
    let is_inspect = matches!(endpoint, Endpoint::ContainerInspect | Endpoint::VolumeInspect);
    let shown = (is_inspect && sought.is_none()).then(Vec::new);
    tell(endpoint, body, Telling { sought, hides, shown, ..Telling::to(reader) })
}

/// The same of a list of containers, of which those stay that have mounted what is sought.
///
/// # Errors
/// A body that is not the API's JSON.
pub fn found(sought: &Sought, body: &[u8], reader: Reader<'_>) -> Result<Restored, BodyError> {
    told(Endpoint::ContainerList, body, reader, Some(sought), false)
}

fn tell<'a>(endpoint: Endpoint, body: &'a [u8], mut telling: Telling<'a>) -> Result<Restored, BodyError> {
    count();
    let (mut spans, mut left_out, mut stay) = (Vec::new(), Vec::new(), 0);
    // A list's elements are described each as one alone is.
    for top in each(Value::of(body)?)? {
        let before = telling.edits.len();
        for field in ANSWER_FIELDS.iter().filter(|field| field.endpoint == endpoint) {
            if let Some(value) = telling.objects.descend(top, field.names)? {
                for value in each(value)? {
                    describe(field.thing, value, &mut telling)?;
                }
            }
        }
        telling.objects.clear();
        if let Some(sought) = telling.sought {
            let stays = std::mem::take(&mut telling.is_found) && sought.most.is_none_or(|most| stay < most);
            stay += usize::from(stays);
            if !stays {
                telling.edits.keep_first(before);
            }
            spans.push(top.span());
            left_out.push(!stays);
        }
    }
    telling.edits.remove_elements(&spans, |n| left_out[n]);
    let Telling { edits, shown, .. } = telling;
    Ok(Restored { body: (!edits.is_empty()).then(|| edits.apply(body)), shown: shown.unwrap_or_default() })
}

/// How many answers were read, for tests: each one is once.
#[cfg(debug_assertions)]
pub static READ: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn count() {
    #[cfg(debug_assertions)]
    READ.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

/// The elements of an array, or the one value.
fn each(value: Value<'_>) -> Result<Vec<Value<'_>>, BodyError> {
    let values = value.elements()?.unwrap_or_else(|| vec![value]);
    Ok(values.into_iter().filter(|value| !value.is_null()).collect())
}

/// A thing that is described, in the caller's words.
fn describe<'a>(thing: Thing, value: Value<'a>, telling: &mut Telling<'a>) -> Result<(), BodyError> {
    match thing {
        Thing::Container => container(value, telling),
        Thing::Service => service(value, telling).map(drop),
        Thing::Task => task(value, telling),
        Thing::Volume => volume(value, telling),
        Thing::Event => unlabel(value, telling).map(drop),
    }
}

/// The template of a service's tasks; gives what was written down.
fn service<'a>(template: Value<'a>, telling: &mut Telling<'a>) -> Result<Option<Asked>, BodyError> {
    let Some(spec) = telling.objects.descend(template, &["ContainerSpec"])? else { return Ok(None) };
    let asked = labels(spec, telling)?;
    requested(spec, asked.as_ref(), telling)?;
    let options = telling.objects.descend(template, &["LogDriver", "Options"])?;
    log::tell(options, asked.as_ref(), telling)?;
    Ok(asked)
}

/// A task, and why it does not run.
fn task<'a>(task: Value<'a>, telling: &mut Telling<'a>) -> Result<(), BodyError> {
    let asked = match telling.objects.descend(task, &["Spec"])? {
        Some(spec) => service(spec, telling)?,
        None => None,
    };
    let status = telling.objects.descend(task, &["Status"])?;
    failure(status, "Err", asked.as_ref(), telling)
}

/// The text of an error in a state.
fn failure<'a>(
    state: Option<Value<'a>>,
    field: &str,
    asked: Option<&Asked>,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    let Some(state) = state else { return Ok(()) };
    let Some(value) = present(&telling.members(state)?, field)? else { return Ok(()) };
    let Some(text) = value.string()?.filter(|text| !text.is_empty()) else { return Ok(()) };
    let mut asked_for = AskedFor::default();
    for (given, original) in asked.into_iter().flat_map(Asked::paths) {
        if let Some(requested) = Requested::of(original) {
            asked_for.note(&given, requested.source.as_bytes());
        }
    }
    let restored = Wording::of(telling.reader.view, &asked_for).text(&text);
    if restored != text {
        telling.edits.put(value.span(), quote(&restored));
    }
    Ok(())
}

/// A container, by inspection or in a list: what it was asked for, its mounts, and why it does not run.
fn container<'a>(container: Value<'a>, telling: &mut Telling<'a>) -> Result<(), BodyError> {
    let members = telling.members(container)?;
    let id = string(&members, "Id")?;
    telling.is_own = id.is_some_and(|id| !id.is_empty() && id == telling.reader.caller);
    // Inspection has the labels in `Config`, a list in the container itself.
    let labelled = telling.objects.descend(container, &["Config"])?.unwrap_or(container);
    let asked = labels(labelled, telling)?;
    let mut parts = BTreeMap::new();
    if let Some(config) = telling.objects.descend(container, &["HostConfig"])? {
        parts = mount::parts(config, telling)?;
        requested(config, asked.as_ref(), telling)?;
        device::tell(config, asked.as_ref(), telling)?;
        let options = telling.objects.descend(config, &["LogConfig", "Config"])?;
        log::tell(options, asked.as_ref(), telling)?;
    }
    if let Some(points) = array(&members, "Mounts")? {
        points::tell(&points, &parts, asked.as_ref(), telling)?;
    }
    // A list has a word there.
    let state = present(&members, "State")?.filter(Value::is_object);
    failure(state, "Error", asked.as_ref(), telling)
}

/// A volume: where its files are, and the device that it was made of.
fn volume<'a>(volume: Value<'a>, telling: &mut Telling<'a>) -> Result<(), BodyError> {
    let asked = labels(volume, telling)?;
    let members = telling.members(volume)?;
    if let Some(value) = present(&members, "Mountpoint")? {
        telling.restore(value, None)?;
    }
    let Some(options) = present(&members, "Options")? else { return Ok(()) };
    volume_device::tell(options, asked.as_ref(), DEVICE, telling)
}

/// Takes what was written down out of an object's labels, and gives what of it this reader asked, or could have.
fn labels<'a>(labelled: Value<'a>, telling: &mut Telling<'a>) -> Result<Option<Asked>, BodyError> {
    let Some(labels) = present(&telling.members(labelled)?, "Labels")? else { return Ok(None) };
    let Some(text) = unlabel(labels, telling)? else { return Ok(None) };
    Ok(Asked::read(&text, &telling.reader))
}

/// Takes what Hostward has written out of a map of labels, and gives what was asked; of several the last, which is the one that
/// counts.
fn unlabel<'a>(map: Value<'a>, telling: &mut Telling<'a>) -> Result<Option<Cow<'a, str>>, BodyError> {
    let (mut said, mut is_any) = (None, false);
    map.each_member(|key, value| {
        if key == LABEL {
            said = value.string()?;
        }
        is_any |= is_written(&key) && value.is_string();
        Ok(())
    })?;
    if is_any {
        let (stale, _) = stale_members(map, is_written)?;
        for stale in stale {
            telling.edits.put(stale.whole, "");
        }
    }
    Ok(said)
}

/// `Binds` and `Mounts` as they were requested.
fn requested<'a>(
    holder: Value<'a>,
    asked: Option<&Asked>,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    let moved = mount::tell(holder, asked, telling)?;
    bind::tell(holder, asked, moved, telling)
}

#[cfg(test)]
mod tests;
