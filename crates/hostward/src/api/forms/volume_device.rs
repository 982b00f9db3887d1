//! The device of a volume that is a bind mount: `device` in the options of a volume driver, where `o` says `bind` (mount(8)).

use crate::api::asked::{Asked, Noted};
use crate::api::draft::{Draft, alone};
use crate::api::edits::quote;
use crate::api::json::{BodyError, Objects, Value, text};
use crate::api::site::{PATH_ALONE, Site, path};
use crate::api::telling::Telling;
use crate::bind_text::names_a_path;
use crate::path::CallerPath;
use crate::plan::{Given, Wish};
use crate::refusal::Refusal;
use std::ops::Range;

/// Where an object of `Mounts` has the options with which it makes its volume.
const OF_MOUNT: [&str; 3] = ["VolumeOptions", "DriverConfig", "Options"];

/// The device of a volume.
#[derive(Debug)]
pub(in crate::api) struct VolumeDevice {
    /// Its key in the label: the target of the mount that makes the volume, or `device`.
    place: String,
    device: Range<usize>,
    options: Range<usize>,
    /// What the options say.
    says: String,
}

/// Reads the options of a volume that stand at `name`, made by the driver that `driver` says in the member `field`; `None`
/// where they name no path.
///
/// # Errors
/// Another shape than the API's, options that name other paths, and a device that is no path.
pub(in crate::api) fn find<'a>(
    name: &str,
    options: Value<'a>,
    (driver, field): (Value<'a>, &str),
    place: String,
    objects: &Objects<'a>,
) -> Result<Option<(Site, VolumeDevice)>, BodyError> {
    if !is_local(driver, field, objects)? || options.is_null() {
        return Ok(None);
    }
    // The keys of a map: they match to the letter, and the last one wins.
    let (mut device, mut flags) = (None, None);
    let is_object = options.each_member(|key, value| {
        match &*key {
            "device" => device = Some(value),
            "o" => flags = Some(value),
            _ => {}
        }
        Ok(())
    })?;
    if !is_object {
        return Err(BodyError::Type(name.to_owned(), "an object"));
    }
    let Some(flags) = flags else { return Ok(None) };
    let text = |field: &str, value: Value<'_>| {
        let text = value.string()?.ok_or_else(|| BodyError::Type(format!("{name}.{field}"), "a string"))?;
        Ok::<_, BodyError>(text.into_owned())
    };
    let says = text("o", flags)?;
    if names_a_path(&says) {
        let why = format!("{says:?} names other paths, which hostward does not translate");
        return Err(BodyError::Path(format!("{name}.o"), why));
    }
    let Some(device) = device else { return Ok(None) };
    let has = |option: &str| says.split(',').any(|o| o == option);
    if !(has("bind") || has("rbind")) {
        return Ok(None);
    }
    let asked = path(format!("{name}.device"), &text("device", device)?)?;
    let wish = Wish { recursive: has("rbind"), read_only: has("ro"), ..PATH_ALONE };
    let found = VolumeDevice { place, device: device.span(), options: flags.span(), says };
    Ok(Some((Site { asked, wish }, found)))
}

/// The same of the volume that an object of `Mounts` makes, which stands at `name` and is mounted at `target`.
///
/// # Errors
/// As with [`find`].
pub(in crate::api) fn find_in_mount<'a>(
    name: &str,
    mount: Value<'a>,
    target: Option<&CallerPath>,
    objects: &Objects<'a>,
) -> Result<Option<(Site, VolumeDevice)>, BodyError> {
    let Some(config) = objects.descend(mount, &OF_MOUNT[..2])? else { return Ok(None) };
    let Some(options) = objects.descend(config, &OF_MOUNT[2..])? else { return Ok(None) };
    find(&format!("{name}.{}", OF_MOUNT.join(".")), options, (config, "Name"), place_of(target), objects)
}

/// Whether a volume's driver is the engine's own: `local`, or not said.
fn is_local<'a>(object: Value<'a>, field: &str, objects: &Objects<'a>) -> Result<bool, BodyError> {
    let members = objects.members(object)?;
    let driver = text("the driver", members.as_deref().unwrap_or_default(), field)?;
    Ok(driver.is_none_or(|(driver, _)| driver.is_empty() || driver == "local"))
}

/// The key in the label for the device of a mount's volume.
fn place_of(target: Option<&CallerPath>) -> String {
    target.map(ToString::to_string).unwrap_or_default()
}

impl VolumeDevice {
    /// Gives it another path.
    ///
    /// # Errors
    /// What is no single path.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        draft.edits.put(self.device.clone(), quote(alone(site, given)?));
        if given.read_only && !site.wish.read_only {
            draft.edits.put(self.options.clone(), quote(&format!("{},ro", self.says)));
        }
        let original = draft.original(&self.device);
        draft.remember(site, given, false, self.place.clone(), original);
        Ok(())
    }
}

/// The device in a volume's options in an answer, which stood at `place` in the request.
///
/// # Errors
/// A body that is not the API's JSON.
pub(in crate::api) fn tell<'a>(
    options: Value<'a>,
    asked: Option<&Asked>,
    place: &str,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    let mut device = None;
    options.each_member(|key, value| {
        if key == "device" {
            device = Some(value);
        }
        Ok(())
    })?;
    let Some(device) = device else { return Ok(()) };
    let given = Noted::of_source(&device.string()?.unwrap_or_default());
    let original = asked.and_then(|asked| asked.original(place, &given));
    if !telling.put_back(device, original) {
        telling.restore(device, None)?;
    }
    Ok(())
}

/// The same of the volume that an object of `Mounts` makes.
///
/// # Errors
/// A body that is not the API's JSON.
pub(in crate::api) fn tell_of_mount<'a>(
    mount: Value<'a>,
    target: Option<&CallerPath>,
    asked: Option<&Asked>,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    match telling.objects.descend(mount, &OF_MOUNT)? {
        Some(options) => tell(options, asked, &place_of(target), telling),
        None => Ok(()),
    }
}
