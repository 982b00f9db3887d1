//! A device (`Devices`), and the limits on block devices (`BlkioDeviceReadBps` and its like).

use crate::api::asked::{Asked, Noted};
use crate::api::draft::{Draft, alone, unspelled};
use crate::api::edits::{ObjectEnd, quote};
use crate::api::fields::{DEVICES, device_lists};
use crate::api::json::{BodyError, Objects, Value, array, present, text};
use crate::api::site::{PATH_ALONE, Site, path};
use crate::api::telling::Telling;
use crate::plan::Given;
use crate::refusal::Refusal;
use std::ops::Range;

/// A device, and what may be done with it.
#[derive(Debug)]
pub(in crate::api) struct DeviceObject {
    limit: LimitObject,
    permissions: Permissions,
}

/// A limit on a block device.
#[derive(Debug)]
pub(in crate::api) struct LimitObject {
    /// Where it stands, such as `Devices[0]`: its key in the label.
    place: String,
    /// All of it.
    span: Range<usize>,
    /// The path in it.
    path: Range<usize>,
}

/// What a request says may be done with a device.
#[derive(Debug)]
enum Permissions {
    /// Nothing, which means all; it would be said in this object.
    Unsaid(ObjectEnd),
    Said {
        text: String,
        value: Range<usize>,
    },
}

/// What has a path in an object with devices.
pub(in crate::api) enum Found {
    Device(DeviceObject),
    Limit(LimitObject),
}

/// Reads an object with `Devices` and limits on block devices, which stands at `name`. Each path goes to `found`.
///
/// # Errors
/// Another shape than the API's, a path that is not absolute, and what `found` fails with.
pub(in crate::api) fn find<'a>(
    name: &str,
    object: Value<'a>,
    objects: &Objects<'a>,
    mut found: impl FnMut(Site, Found) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    let named = if name.is_empty() { "the whole" } else { name };
    let members = objects.fields(named, object)?;
    let members = members.as_deref().unwrap_or_default();
    for (list, field) in device_lists() {
        let Some(array) = present(members, list)? else { continue };
        let elements = array.elements()?.ok_or_else(|| BodyError::Type(list.to_owned(), "an array"))?;
        for (n, element) in elements.into_iter().enumerate() {
            let place = format!("{list}[{n}]");
            let Some(members) = objects.fields(&place, element)? else { continue };
            let Some((shown, value)) = text(&place, &members, field)? else { continue };
            if !shown.starts_with('/') {
                // A device of Windows has a class. Anything else engines on Linux take from their own directory.
                if shown.is_empty() || (shown.starts_with("class/") && !shown.contains("..")) {
                    continue;
                }
                let why = format!(
                    "{shown:?} is not absolute, and the engine would resolve it against its own directory"
                );
                return Err(BodyError::Path(format!("{place}.{field}"), why));
            }
            let site = Site { asked: path(format!("{place}.{field}"), &shown)?, wish: PATH_ALONE };
            let permissions = match list {
                DEVICES => Some(text(&place, &members, "CgroupPermissions")?),
                _ => None,
            };
            let limit = LimitObject { place, span: element.span(), path: value.span() };
            let Some(said) = permissions else {
                found(site, Found::Limit(limit))?;
                continue;
            };
            let permissions = said.map_or_else(
                || Permissions::Unsaid(ObjectEnd::of(element)),
                |(text, value)| Permissions::Said { text: text.into_owned(), value: value.span() },
            );
            found(site, Found::Device(DeviceObject { limit, permissions }))?;
        }
    }
    Ok(())
}

impl DeviceObject {
    /// Gives it another path, and takes the right to write that the caller has not (T8).
    ///
    /// # Errors
    /// What is no single path, and a device that is asked for to be written alone and may only be read.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        self.limit.give_path(site, given, draft)?;
        if given.read_only {
            self.make_read_only(site, given, draft)?;
        }
        self.limit.remember(site, given, given.read_only, draft);
        Ok(())
    }

    fn make_read_only(&self, site: &Site, given: &Given, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        match &self.permissions {
            Permissions::Unsaid(end) => draft.edits.add_members(*end, &[("CgroupPermissions", "\"rm\"")]),
            Permissions::Said { text, value } => {
                // Without a word it is all of them.
                let left = if text.is_empty() { "rm".to_owned() } else { text.replace('w', "") };
                if left.is_empty() {
                    let what = "that the device is read-only, because the request asks only to write";
                    return Err(unspelled(site, given, what));
                }
                draft.edits.put(value.clone(), quote(&left));
            }
        }
        Ok(())
    }
}

impl LimitObject {
    /// Gives it another path. Whether the device may be written does not matter to a limit.
    ///
    /// # Errors
    /// What is no single path.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        self.give_path(site, given, draft)?;
        self.remember(site, given, false, draft);
        Ok(())
    }

    fn give_path(&self, site: &Site, given: &Given, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        draft.edits.put(self.path.clone(), quote(alone(site, given)?));
        Ok(())
    }

    fn remember(&self, site: &Site, given: &Given, changed: bool, draft: &mut Draft<'_>) {
        let original = draft.original(&self.span);
        draft.remember(site, given, changed, self.place.clone(), original);
    }
}

/// The devices, and the limits on block devices, that an answer has in an object.
///
/// # Errors
/// A body that is not the API's JSON.
pub(in crate::api) fn tell<'a>(
    config: Value<'a>,
    asked: Option<&Asked>,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    for (list, field) in device_lists() {
        let objects = array(&telling.members(config)?, list)?.unwrap_or_default();
        for (n, object) in objects.into_iter().enumerate() {
            let Some(value) = present(&telling.members(object)?, field)? else { continue };
            let given = Noted::of_source(&value.string()?.unwrap_or_default());
            let original = asked.and_then(|asked| asked.original(&format!("{list}[{n}]"), &given));
            if !telling.put_back(object, original) {
                telling.restore(value, None)?;
            }
        }
    }
    Ok(())
}
