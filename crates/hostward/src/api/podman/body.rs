//! What a request's body says to Podman that the API does not.

use super::words::{has_transport, is_namespace_file, is_profile_file};
use crate::api::endpoint::Endpoint;
use crate::api::fields::device_lists;
use crate::api::json::{BodyError, Member, Objects, Value, array, present, string, text};
use crate::bind_text::{BindText, names_a_path};
use std::borrow::Cow;

/// Where a container's namespaces are, each a text.
const NAMESPACES: [&str; 6] = ["NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode"];

/// How the annotations begin in which Podman and its runtimes find files on the host: the file that Podman
/// deletes with the container (`io.podman.annotations.cid-file`), where crun writes the output of hooks
/// (`run.oci.hooks.stdout`), the configuration of CRIU (`org.criu.config`).
const ANNOTATIONS: [&str; 3] = ["io.podman.annotations.", "run.oci.", "org.criu."];

/// Looks through the body of a request for such things.
///
/// # Errors
/// A body that Podman would read otherwise than it is read here.
pub(in crate::api) fn check<'a>(
    endpoint: Endpoint,
    top: Value<'a>,
    objects: &Objects<'a>,
) -> Result<(), BodyError> {
    match endpoint {
        Endpoint::ContainerCreate => container(top, objects),
        Endpoint::VolumeCreate => volume(top, objects),
        _ => Ok(()),
    }
}

fn container<'a>(top: Value<'a>, objects: &Objects<'a>) -> Result<(), BodyError> {
    for names in [&["HostConfig"][..], &[]] {
        let Some(holder) = objects.descend(top, names)? else { continue };
        let members = objects.members(holder)?;
        let members = members.as_deref().unwrap_or_default();
        binds(members)?;
        all_mounts(members, objects)?;
        namespaces(members)?;
        security(members)?;
        log(objects.descend(holder, &["LogConfig", "Config"])?)?;
        devices(members, objects)?;
        annotations(members)?;
        // Docker's CLI writes it in the caller, and says so to the engine, which need not know.
        let file = string(members, "ContainerIDFile")?;
        if file.is_some_and(|file| !file.is_empty()) {
            return Err(untranslated("ContainerIDFile"));
        }
    }
    let members = objects.members(top)?;
    let image = string(members.as_deref().unwrap_or_default(), "Image")?;
    if image.is_some_and(|image| has_transport(&image)) {
        return Err(untranslated("Image"));
    }
    let Some(volumes) = objects.descend(top, &["Volumes"])? else { return Ok(()) };
    volumes
        .each_member(|key, _| {
            if key.contains(':') {
                return Err(refused(
                    format!("Volumes[{key:?}]"),
                    "has a colon, which makes it a bind mount for Podman",
                ));
            }
            Ok(())
        })
        .map(drop)
}

fn binds(members: &[Member<'_>]) -> Result<(), BodyError> {
    for value in list(members, "Binds")? {
        let Some(text) = value.string()? else { continue };
        let place = || format!("the bind {}", value.text());
        if text.starts_with('.') {
            return Err(refused(
                place(),
                "has a relative source, which Podman resolves against its own directory",
            ));
        }
        // Of a volume too: an overlay's changes go to the directory that `upperdir=` says.
        if BindText::of(&text).options.is_some_and(names_a_path) {
            return Err(untranslated(format!("an option of {}", place())));
        }
    }
    Ok(())
}

fn all_mounts<'a>(members: &[Member<'a>], objects: &Objects<'a>) -> Result<(), BodyError> {
    for (n, mount) in list(members, "Mounts")?.into_iter().enumerate() {
        let place = format!("Mounts[{n}]");
        let Some(members) = objects.fields(&place, mount)? else { continue };
        let said = |field: &str| Ok::<_, BodyError>(text(&place, &members, field)?.map(|(text, _)| text));
        let (kind, source) = (said("Type")?.unwrap_or_default(), said("Source")?.unwrap_or_default());
        if !matches!(&*kind, "bind" | "volume" | "tmpfs") {
            return Err(refused(place, "has a type that hostward does not know for Podman"));
        }
        if kind == "bind" && !source.starts_with('/') {
            return Err(refused(
                place,
                "has a relative source, which Podman resolves against its own directory",
            ));
        }
        if kind == "volume" && (source.contains('/') || source.starts_with('.')) {
            return Err(refused(place, "has a path as a volume's name, which Podman reads differently"));
        }
        // Of any field: which ones go into the text is for each version of it to say.
        if says_more(mount.text()) {
            return Err(refused(place, "has a comma, a quote or a newline, which Podman reads differently"));
        }
    }
    Ok(())
}

/// Whether a text anywhere in a JSON value, names of members included, holds a comma, a quote or a newline.
///
/// One pass over its bytes, however deep it is: a mount of 30,000 nested arrays is a mount that a caller can send.
fn says_more(json: &str) -> bool {
    let mut bytes = json.bytes();
    let mut within = false;
    while let Some(byte) = bytes.next() {
        match (within, byte) {
            (_, b'"') => within = !within,
            (true, b',') => return true,
            // A control character stands in a text as an escape only.
            (true, b'\\') => match bytes.next() {
                Some(b'"' | b'n' | b'r') => return true,
                Some(b'u') => {
                    let code = [(); 4].map(|()| bytes.next().unwrap_or_default());
                    if matches!(
                        &code.map(|digit| digit.to_ascii_lowercase()),
                        b"002c" | b"0022" | b"000a" | b"000d"
                    ) {
                        return true;
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    false
}

fn namespaces(members: &[Member<'_>]) -> Result<(), BodyError> {
    for name in NAMESPACES {
        if string(members, name)?.is_some_and(|mode| is_namespace_file(&mode)) {
            return Err(untranslated(name));
        }
    }
    Ok(())
}

fn security(members: &[Member<'_>]) -> Result<(), BodyError> {
    for (n, option) in list(members, "SecurityOpt")?.into_iter().enumerate() {
        if option.string()?.is_some_and(|option| is_profile_file(&option)) {
            return Err(untranslated(format!("SecurityOpt[{n}]")));
        }
    }
    Ok(())
}

/// The file that a log is written to.
fn log(options: Option<Value<'_>>) -> Result<(), BodyError> {
    let Some(options) = options else { return Ok(()) };
    options
        .each_member(|key, value| {
            // It joins them with an equals sign, and takes what is before the first for the name, in any letter case.
            let (name, more) = key.split_once('=').map_or((&*key, false), |(name, _)| (name, true));
            if name.to_lowercase() == "path" && (more || value.string()?.is_none_or(|path| !path.is_empty()))
            {
                return Err(untranslated(format!("LogConfig.Config[{key:?}]")));
            }
            Ok(())
        })
        .map(drop)
}

fn devices<'a>(members: &[Member<'a>], objects: &Objects<'a>) -> Result<(), BodyError> {
    for (name, field) in device_lists() {
        for (n, device) in list(members, name)?.into_iter().enumerate() {
            let place = format!("{name}[{n}].{field}");
            let members = objects.members(device)?;
            let path = string(members.as_deref().unwrap_or_default(), field)?.unwrap_or_default();
            // It is taken from the directory in which the service runs.
            if !path.is_empty() && !path.starts_with('/') {
                return Err(untranslated(place));
            }
            if path.contains(':') {
                return Err(refused(place, "has a colon, which Podman reads differently"));
            }
        }
    }
    for (n, request) in list(members, "DeviceRequests")?.into_iter().enumerate() {
        let members = objects.members(request)?;
        for id in list(members.as_deref().unwrap_or_default(), "DeviceIDs")? {
            // What is not of the form `vendor/class=name` is the path of a device.
            if id.string()?.is_some_and(|id| id.starts_with(['/', '.'])) {
                return Err(untranslated(format!("DeviceRequests[{n}].DeviceIDs")));
            }
        }
    }
    Ok(())
}

fn annotations(members: &[Member<'_>]) -> Result<(), BodyError> {
    let Some(annotations) = present(members, "Annotations")? else { return Ok(()) };
    annotations
        .each_member(|key, _| {
            if ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix)) {
                return Err(untranslated(format!("Annotations[{key:?}]")));
            }
            Ok(())
        })
        .map(drop)
}

/// A volume, which Podman mounts by `mount -t TYPE -o O DEVICE`. A bind whose device is absolute is left to the table of
/// fields; of all others only those may pass whose device is certainly no file on the host.
fn volume<'a>(top: Value<'a>, objects: &Objects<'a>) -> Result<(), BodyError> {
    let members = objects.fields("the whole", top)?;
    let members = members.as_deref().unwrap_or_default();
    // The keys of a map: they match to the letter, and the last one counts.
    let (mut kind, mut device, mut flags, mut image) = Default::default();
    if let Some(options) = present(members, "DriverOpts")? {
        options.each_member(|key, value| {
            let says: &mut Cow<'_, str> = match &*key {
                "type" => &mut kind,
                "device" => &mut device,
                "o" => &mut flags,
                "image" => &mut image,
                _ => return Ok(()),
            };
            *says = value.string()?.unwrap_or_default();
            Ok(())
        })?;
    }
    match &*string(members, "Driver")?.unwrap_or_default() {
        "" | "local" => {}
        "image" if has_transport(&image) => return Err(untranslated("DriverOpts.image")),
        _ => return Ok(()),
    }
    let is_bind = flags.split(',').any(|flag| matches!(flag, "bind" | "rbind"));
    if kind == "bind" && !is_bind {
        return Err(refused(
            "DriverOpts.type".to_owned(),
            "makes it a bind mount for Podman, even without o=bind",
        ));
    }
    // A device such as `tmpfs` that is named as its file system, a server's directory, a share of Windows.
    let is_remote = device.find(':').is_some_and(|colon| !device[..colon].contains(['/', '=']))
        || (matches!(&*kind, "cifs" | "smb3") && device.starts_with("//"));
    let is_name = device.is_empty() || device == "none" || device == kind;
    let passes = if is_bind { device.starts_with('/') } else { is_name || is_remote };
    if passes && !device.starts_with('-') { Ok(()) } else { Err(untranslated("DriverOpts.device")) }
}

/// The elements of the member `name`; none where it is missing or no array.
fn list<'a>(members: &[Member<'a>], name: &str) -> Result<Vec<Value<'a>>, BodyError> {
    Ok(array(members, name)?.unwrap_or_default())
}

fn refused(place: String, what: &'static str) -> BodyError {
    BodyError::Podman(place, what)
}

fn untranslated(place: impl Into<String>) -> BodyError {
    BodyError::Untranslated(place.into())
}

#[cfg(test)]
mod tests;
