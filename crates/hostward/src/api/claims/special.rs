//! Fields with a rule of their own: what one part of them says depends on another.

use super::collected::{Claims, FieldPlace, Spelled};
use super::error::ClaimError;
use super::values::{elements, entries, number, text, texts};
use crate::api::dockerfile;
use crate::api::json::{Member, Value, member};
use crate::api::shapes::kind::Special;
use crate::bind_text::BindText;
use crate::policy::claim::{About, Said};
use std::net::IpAddr;

/// What all of such a field says.
pub(super) fn whole(
    place: &FieldPlace<'_>,
    which: Special,
    value: Value<'_>,
    key: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    match which {
        Special::Binds => texts(place, value, |place, text| bind(&place, &text, claims)),
        Special::VolumesFrom => of_containers(place, value, About::VolumesFrom, key, claims),
        Special::Links => of_containers(place, value, About::Link, key, claims),
        Special::PortBindings => ports(place, value, claims),
        Special::EndpointOptions => endpoint_options(place, value, claims),
        Special::Triggers => texts(place, value, |place, text| instructions(&text, &place.spelled(), claims)),
        Special::Mounts | Special::ServicePorts | Special::Ulimits | Special::DeviceRequests => Ok(()),
    }
}

/// What one object of such a field says, whose own fields were read.
pub(super) fn element(
    place: &FieldPlace<'_>,
    which: Special,
    value: Value<'_>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    let members = value.members()?.unwrap_or_default();
    match which {
        Special::Mounts => mount(place, &members, claims),
        Special::ServicePorts => service_port(place, &members, claims),
        Special::Ulimits => ulimit(place, &members, claims),
        Special::DeviceRequests => device_request(place, &members, claims),
        Special::Binds
        | Special::VolumesFrom
        | Special::Links
        | Special::PortBindings
        | Special::EndpointOptions
        | Special::Triggers => Ok(()),
    }
}

/// Instructions of a Dockerfile, which the engine follows now or when somebody builds from the image.
pub(super) fn instructions(text: &str, place: &str, claims: &mut Claims) -> Result<(), ClaimError> {
    dockerfile::claims_of_text(text, place)?.into_iter().try_for_each(|claim| claims.push(claim))
}

/// A text of `Binds`. One with a path for its source is judged as a source.
fn bind(place: &FieldPlace<'_>, text: &str, claims: &mut Claims) -> Result<(), ClaimError> {
    let parts = BindText::of(text);
    if parts.has_more {
        return Err(ClaimError::text(place, text, "SOURCE:TARGET or SOURCE:TARGET:OPTIONS"));
    }
    match parts.source {
        None => claims.add(About::AnonymousVolume, place, None, Said::Text(parts.target.to_owned())),
        Some(source) if source.starts_with('/') => Ok(()),
        Some(source) => volume(place, source, claims),
    }
}

/// A volume by its name. What is neither a name nor an absolute path is read differently by some engine.
fn volume(place: &FieldPlace<'_>, name: &str, claims: &mut Claims) -> Result<(), ClaimError> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if !is_name {
        return Err(ClaimError::text(place, name, "the name of a volume or an absolute path"));
    }
    claims.add(About::Volume, place, None, Said::Text(name.to_owned()))
}

/// An element of `Mounts`. A bind's source is judged as a source.
fn mount(place: &FieldPlace<'_>, members: &[Member<'_>], claims: &mut Claims) -> Result<(), ClaimError> {
    let said = |name| said(place, members, name);
    let (kind, source) = (said("Type")?, said("Source")?);
    let at = FieldPlace::Field(place, "Source");
    match &*kind {
        "bind" if source.starts_with('/') => Ok(()),
        "bind" => Err(ClaimError::text(&at, &source, "an absolute path")),
        "volume" if source.is_empty() => {
            claims.add(About::AnonymousVolume, place, None, Said::Text(said("Target")?))
        }
        "volume" => volume(&at, &source, claims),
        "tmpfs" => Ok(()),
        // No engine of Docker's mounts anything by it, and what another makes of it nobody knows.
        "" => {
            Err(ClaimError::text(&FieldPlace::Field(place, "Type"), "", "the kind of a mount, such as bind"))
        }
        _ => {
            if kind == "image" {
                claims.add(About::Image, &at, None, Said::Text(source))?;
            }
            claims.add(About::MountType, &FieldPlace::Field(place, "Type"), None, Said::Text(kind))
        }
    }
}

/// Containers by name, with something behind a colon.
fn of_containers(
    place: &FieldPlace<'_>,
    value: Value<'_>,
    about: About,
    key: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    texts(place, value, |place, text| {
        let name = text.split(':').next().unwrap_or_default();
        claims.add(about, &place, key, Said::Text(name.to_owned()))
    })
}

/// `PortBindings`: for each port of the container, where it is published.
fn ports(place: &FieldPlace<'_>, value: Value<'_>, claims: &mut Claims) -> Result<(), ClaimError> {
    for (port, bindings) in entries(place, value)? {
        let place = FieldPlace::Entry(place, &port);
        let (number, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
        if !is_port(number) || !matches!(protocol, "tcp" | "udp" | "sctp") {
            return Err(ClaimError::text("a key of PortBindings", &port, "a port such as 80/tcp"));
        }
        let bindings = elements(&place, bindings)?;
        // Engines publish such a port at any of theirs.
        if bindings.is_empty() {
            claims.add(About::Port, &place, None, Said::Text(format!(":/{protocol}")))?;
        }
        for (n, binding) in bindings.into_iter().enumerate() {
            let place = FieldPlace::Element(&place, n);
            let members = binding.members()?.unwrap_or_default();
            let address = address(&place, &said(&place, &members, "HostIp")?)?;
            let host = said(&place, &members, "HostPort")?;
            if !host.is_empty() && !host.split('-').all(is_port) || host.matches('-').count() > 1 {
                return Err(ClaimError::text(
                    &FieldPlace::Field(&place, "HostPort"),
                    &host,
                    "a port or a range of ports",
                ));
            }
            claims.add(About::Port, &place, None, Said::Text(format!("{address}:{host}/{protocol}")))?;
        }
    }
    Ok(())
}

/// An address as it is written before a port. An engine may take what is none for every address.
fn address(place: &FieldPlace<'_>, text: &str) -> Result<String, ClaimError> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match text.parse() {
        Ok(IpAddr::V4(address)) => Ok(address.to_string()),
        Ok(IpAddr::V6(address)) => Ok(format!("[{address}]")),
        Err(_) => Err(ClaimError::text(&FieldPlace::Field(place, "HostIp"), text, "an IP address")),
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// A port of a service, at every address of every node.
fn service_port(
    place: &FieldPlace<'_>,
    members: &[Member<'_>],
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    let protocol = said(place, members, "Protocol")?;
    let protocol = if protocol.is_empty() { "tcp" } else { &protocol };
    let port = match count(place, members, "PublishedPort")? {
        None | Some(0) => String::new(),
        Some(port) => port.to_string(),
    };
    claims.add(About::Port, place, None, Said::Text(format!(":{port}/{protocol}")))
}

/// A limit, by the higher of its two numbers.
fn ulimit(place: &FieldPlace<'_>, members: &[Member<'_>], claims: &mut Claims) -> Result<(), ClaimError> {
    let name = said(place, members, "Name")?;
    let hard = count(place, members, "Hard")?.unwrap_or_default();
    claims.add(About::Ulimit, place, Some(&name), Said::Number(hard))
}

/// Devices by a driver: a claim for the driver, and one for each device that is named.
fn device_request(
    place: &FieldPlace<'_>,
    members: &[Member<'_>],
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    let driver = said(place, members, "Driver")?;
    claims.add(About::DeviceRequest, place, None, Said::Text(driver.clone()))?;
    let Some(ids) = member(members, "DeviceIDs")? else { return Ok(()) };
    texts(&FieldPlace::Field(place, "DeviceIDs"), ids, |place, id| {
        claims.add(About::DeviceRequest, &place, Some(&id), Said::Text(driver.clone()))
    })
}

/// The option of an endpoint that has its sysctls, parted by commas.
const ENDPOINT_SYSCTLS: &str = "com.docker.network.endpoint.sysctls";

/// Options of the driver of an endpoint.
fn endpoint_options(place: &FieldPlace<'_>, value: Value<'_>, claims: &mut Claims) -> Result<(), ClaimError> {
    for (name, value) in entries(place, value)? {
        let place = FieldPlace::Entry(place, &name);
        let option = text(&place, value)?;
        if name != ENDPOINT_SYSCTLS {
            claims.add(About::NetworkOption, &place, Some(&name), Said::Text(option))?;
            continue;
        }
        for sysctl in option.split(',').filter(|sysctl| !sysctl.is_empty()) {
            let (name, value) = sysctl.split_once('=').unwrap_or((sysctl, ""));
            claims.add(About::Sysctl, &place, Some(name), Said::Text(value.to_owned()))?;
        }
    }
    Ok(())
}

/// What a member of an object says; nothing where it is missing.
fn said(place: &FieldPlace<'_>, members: &[Member<'_>], name: &'static str) -> Result<String, ClaimError> {
    member(members, name)?.map_or(Ok(String::new()), |value| text(&FieldPlace::Field(place, name), value))
}

fn count(
    place: &FieldPlace<'_>,
    members: &[Member<'_>],
    name: &'static str,
) -> Result<Option<i64>, ClaimError> {
    let value = member(members, name)?.filter(|value| !value.is_null());
    value.map(|value| number(&FieldPlace::Field(place, name), value)).transpose()
}
