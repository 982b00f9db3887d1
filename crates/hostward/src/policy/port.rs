//! Which ports of the host may be published, and which blocks of addresses may be used: parsed, so that no spelling gets around them.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// Ports of the host that may be published, at an address of it: `127.0.0.1:1024-65535`, `*:0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedPorts {
    /// As the user wrote it.
    text: String,
    /// The one address; none for every address, and for all of them together.
    address: Option<IpAddr>,
    /// A range that begins with 0 holds the ports that the engine picks.
    ports: RangeInclusive<u16>,
}

/// A port that a request publishes: `ADDRESS:PORT/PROTOCOL`, in which address and port may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublishedPort {
    /// None for all addresses.
    address: Option<IpAddr>,
    /// 0 to 0 where the engine picks one.
    ports: RangeInclusive<u16>,
}

impl PublishedPort {
    /// Reads what a request says. None for what is neither a number nor a range, or no address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.split_once('/').map_or(text, |(text, _)| text);
        let (address, port) = match text.rsplit_once(':') {
            // An address of IPv6 without brackets has colons of its own.
            Some(_) if text.parse::<IpAddr>().is_ok() => (text, ""),
            Some((address, port)) => (address, port),
            None => ("", text),
        };
        let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let address = match address {
            "" => None,
            // All addresses under a name of their own.
            address => Some(address.parse::<IpAddr>().ok()?.to_canonical()).filter(|ip| !ip.is_unspecified()),
        };
        Some(Self { address, ports: range(if port.is_empty() { "0" } else { port })? })
    }

    /// Published at all addresses, with a port that the engine picks: what `PublishAllPorts` does.
    pub(super) fn any() -> Self {
        Self { address: None, ports: 0..=0 }
    }
}

impl AllowedPorts {
    /// Reads `ADDRESS:PORTS`.
    ///
    /// # Errors
    /// What it would have to be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not ADDRESS:PORTS, such as \"127.0.0.1:1024-65535\", or \"*:0\" for all addresses and ports \
                 that the engine picks"
            )
        };
        let (address, ports) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let address = match bare {
            "*" => None,
            address => Some(address.parse::<IpAddr>().map_err(|_| wrong())?.to_canonical()),
        };
        let ports = if ports == "*" { 0..=u16::MAX } else { range(ports).ok_or_else(wrong)? };
        Ok(Self { text: text.to_owned(), address, ports })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all that this port may come to is within.
    pub(super) fn has(&self, port: &PublishedPort) -> bool {
        let address = match (&self.address, &port.address) {
            (None, _) => true,
            (Some(allowed), Some(address)) => allowed == address,
            (Some(_), None) => false,
        };
        address && self.ports.contains(port.ports.start()) && self.ports.contains(port.ports.end())
    }
}

impl fmt::Display for AllowedPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    // The engine's reader takes a sign; nobody writes one.
    let port = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = port(first)?..=port(last)?;
    (!range.is_empty()).then_some(range)
}

/// A block of addresses: `172.16.0.0/12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressBlock {
    address: IpAddr,
    length: u8,
}

impl AddressBlock {
    /// Reads `ADDRESS/LENGTH`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) if length.bytes().all(|b| b.is_ascii_digit()) => (address, Some(length)),
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(most), |length| length.parse().ok())?;
        (length <= most).then_some(Self { address, length })
    }

    /// Whether all of another is within.
    pub fn has(&self, other: &Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.length <= other.length
            && self.first_bits(&self.address) == self.first_bits(&other.address)
    }

    /// As many bits of an address as this block fixes.
    fn first_bits(&self, address: &IpAddr) -> u128 {
        let (bits, width) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        bits.checked_shr(width - u32::from(self.length)).unwrap_or(0)
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_published_where_an_entry_has_all_of_it() {
        let allowed = |entry: &str, port: &str| {
            let port = PublishedPort::parse(port);
            port.is_some_and(|port| AllowedPorts::parse(entry).unwrap().has(&port))
        };
        for (entry, port, is_allowed) in [
            ("127.0.0.1:1024-65535", "127.0.0.1:8080/tcp", true),
            ("127.0.0.1:1024-65535", "[::ffff:127.0.0.1]:8080/tcp", true),
            ("127.0.0.1:1024-65535", "127.0.0.2:8080/tcp", false),
            ("127.0.0.1:1024-65535", "127.0.0.1:80/tcp", false),
            ("127.0.0.1:1024-65535", "127.0.0.1:1000-2000/tcp", false),
            ("127.0.0.1:1024-65535", "127.0.0.1:2000-3000/tcp", true),
            // All addresses, in every spelling.
            ("127.0.0.1:1024-65535", ":8080/tcp", false),
            ("127.0.0.1:1024-65535", "0.0.0.0:8080/tcp", false),
            ("127.0.0.1:1024-65535", "[::]:8080/tcp", false),
            ("127.0.0.1:1024-65535", "8080", false),
            // The engine picks one.
            ("127.0.0.1:1024-65535", "127.0.0.1:/tcp", false),
            ("127.0.0.1:0", "127.0.0.1:/tcp", true),
            ("127.0.0.1:0", "127.0.0.1:0/udp", true),
            ("*:0", ":/tcp", true),
            ("*:0", ":80/tcp", false),
            ("*:1024-65535", "::8080/tcp", false),
            ("*:1024-65535", "0.0.0.0:8080/tcp", true),
            ("*:1024-65535", "10.0.0.1:8080/tcp", true),
            ("[::1]:*", "[::1]:443/tcp", true),
            ("[::1]:*", "::1", true),
            ("*:*", "::1", true),
            // What is no port or address.
            ("*:*", "127.0.0.1:+80/tcp", false),
            ("*:*", "127.0.0.1:99999/tcp", false),
            ("*:*", "127.0.0.1:90-80/tcp", false),
            ("*:*", "127.1:80/tcp", false),
            ("*:*", "localhost:80/tcp", false),
        ] {
            assert_eq!(allowed(entry, port), is_allowed, "{entry} {port}");
        }
        for wrong in ["8080", "host:80", "127.0.0.1:", "127.0.0.1:90-80", "*:x", ""] {
            AllowedPorts::parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_block_has_those_within() {
        let has = |block: &str, other: &str| {
            AddressBlock::parse(other).is_some_and(|other| AddressBlock::parse(block).unwrap().has(&other))
        };
        for (block, other, is_within) in [
            ("172.16.0.0/12", "172.28.0.0/16", true),
            ("172.16.0.0/12", "172.28.0.5", true),
            ("172.16.0.0/12", "172.32.0.0/16", false),
            ("172.16.0.0/12", "172.0.0.0/8", false),
            ("172.16.0.0/12", "0.0.0.0/0", false),
            ("fc00::/7", "fc00:f853:ccd:e793::/64", true),
            ("fc00::/7", "2001:db8::/64", false),
            ("0.0.0.0/0", "8.8.8.8/32", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::ffff:10.0.0.1", true),
            ("172.16.0.0/12", "172.28.0.0/33", false),
            ("172.16.0.0/12", "172.028.0.0/16", false),
            ("172.16.0.0/12", "172.28.0.0/", false),
        ] {
            assert_eq!(has(block, other), is_within, "{block} {other}");
        }
    }
}
