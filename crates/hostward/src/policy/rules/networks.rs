//! Networks that are made, and addresses, ports and names in them.

use super::lists::AllowList;
use super::said::JudgedClaim;
use crate::policy::denial::Denial;
use crate::policy::port::{AddressBlock, AllowedPorts, PublishedPort};

/// The driver of a network that is made.
pub(super) fn driver(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let patterns = &judged.profile.network_drivers;
    let list = AllowList { rule: "network-driver", noun: "network driver", key: "network_drivers", patterns };
    let text = judged.text();
    // The engine makes a bridge where nothing is said.
    let driver = if matches!(&*text, "" | "default") { "bridge" } else { &text };
    if patterns.matches(driver) { Ok(()) } else { Err(list.denied(judged)) }
}

/// Addresses of a network that is made. The host gets a route to them: to a block of others' it would send what is meant for those
/// into the network.
pub(super) fn addresses(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let text = judged.text();
    let is_driver = judged.claim.place.ends_with("Driver");
    let is_free = text.is_empty() || (is_driver && text == "default");
    if is_free || (!is_driver && is_within(&judged.profile.network_addresses, &text)) {
        return Ok(());
    }
    let allowed = told(&judged.profile.network_addresses);
    Err(judged.denied(
        "network-address",
        format_args!("the address {}", judged.shown()),
        allowed,
        "network_addresses",
    ))
}

/// The address of a container in a network.
pub(super) fn static_address(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let text = judged.text();
    if text.is_empty() || is_within(&judged.profile.static_addresses, &text) {
        return Ok(());
    }
    let allowed = told(&judged.profile.static_addresses);
    Err(judged.denied(
        "static-address",
        format_args!("the fixed address {}", judged.shown()),
        allowed,
        "static_addresses",
    ))
}

fn is_within(blocks: &[AddressBlock], text: &str) -> bool {
    AddressBlock::parse(text).is_some_and(|address| blocks.iter().any(|block| block.has(&address)))
}

fn told<T: ToString>(allowed: &[T]) -> String {
    let allowed: Vec<_> = allowed.iter().map(T::to_string).collect();
    if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }
}

/// A port of the host.
pub(super) fn port(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let port = judged.claim.text().and_then(PublishedPort::parse);
    may_publish(judged, port.as_ref(), || format!("publishing the port {}", judged.shown()))
}

/// All ports of the image, at all addresses.
pub(super) fn publish_all(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.is_nothing() {
        return Ok(());
    }
    let subject = || "publishing all ports at all addresses (-P)".to_owned();
    may_publish(judged, Some(&PublishedPort::any()), subject)
}

fn may_publish(
    judged: JudgedClaim<'_>,
    port: Option<&PublishedPort>,
    subject: impl Fn() -> String,
) -> Result<(), Denial> {
    let ports = &judged.profile.ports;
    if port.is_some_and(|port| ports.iter().any(|allowed: &AllowedPorts| allowed.has(port))) {
        return Ok(());
    }
    let remedy = "give one of these addresses and ports (-p ADDRESS:PORT:PORT), or add it to `ports` of the profile; without \
                  an address, all addresses are meant";
    Err(Denial { remedy: remedy.to_owned(), ..judged.denied("port", subject(), told(ports), "ports") })
}

/// Another container under a name of this one's. Whose that is, is looked up by whoever asks the engine.
pub(super) fn link(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.is_nothing() || judged.profile.links {
        return Ok(());
    }
    let remedy =
        "put both containers in one network, where they have names, or set `links = true` in the profile";
    Err(judged.forbidden("link", format_args!("the link to {}", judged.shown()), remedy))
}
