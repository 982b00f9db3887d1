//! Names of images, brought into the one spelling that the engine brings them into, and patterns of them.

use std::fmt;

use super::pattern::Pattern;

/// The registry that a name without one is of.
const HUB: &str = "docker.io";

/// A reference to an image, as the engine reads it: `busybox` is `docker.io/library/busybox:latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// The registry and the repository.
    name: String,
    tag: Option<String>,
    digest: Option<String>,
    /// It may be the beginning of an image's id as well: the engine looks for a name first, and then for an id.
    may_be_id: bool,
}

/// A pattern of such references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePattern {
    /// As the user wrote it.
    text: String,
    name: Pattern,
    /// Without one, as for a name that ends with a star, the tag does not matter.
    tag: Option<Pattern>,
    digest: Option<Pattern>,
}

impl ImageName {
    /// Reads a reference. None for what no engine takes for one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        // Spaces, control characters and what shells or URLs would split are in no name.
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@+[]".contains(&b);
        if text.is_empty() || !text.bytes().all(is_plain) {
            return None;
        }
        if let Some(id) = text.strip_prefix("sha256:").filter(|id| is_hex(id)) {
            let digest = Some(format!("sha256:{id}"));
            return Some(Self { name: String::new(), tag: None, digest, may_be_id: true });
        }
        let parts = split(text);
        if parts.name.ends_with('/')
            || parts.name.is_empty()
            || parts.digest.is_some_and(|d| !d.contains(':'))
        {
            return None;
        }
        let tag = match (parts.tag, parts.digest) {
            (Some(""), _) => return None,
            (None, None) => Some("latest"),
            (tag, _) => tag,
        };
        Some(Self {
            name: full_name(parts.name),
            tag: tag.map(str::to_owned),
            digest: parts.digest.map(str::to_owned),
            may_be_id: is_hex(text),
        })
    }

    /// The registry that has it.
    pub fn registry(&self) -> &str {
        self.name.split_once('/').map_or(&self.name, |(registry, _)| registry)
    }

    /// Whether it is an id, or may be one.
    pub fn may_be_id(&self) -> bool {
        self.may_be_id
    }

    /// Whether it can be nothing but an id.
    pub fn is_id(&self) -> bool {
        self.name.is_empty()
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) if self.name.is_empty() => f.write_str(digest),
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl ImagePattern {
    /// The pattern of this text. A star may be anywhere; without a tag, `:latest` is meant, and any tag where the name ends with a
    /// star. `sha256:*` is any id.
    pub fn new(text: &str) -> Self {
        let all = |text: &str| text.chars().all(|c| c == '*') && !text.is_empty();
        let pattern = |text: &str| Pattern::new(text);
        if all(text) || text.starts_with("sha256:") {
            let digest = (!all(text)).then(|| pattern(text));
            let name = if all(text) { "*" } else { "" };
            return Self { text: text.to_owned(), name: pattern(name), tag: None, digest };
        }
        let parts = split(text);
        let tag = match (parts.tag, parts.digest) {
            (Some(tag), _) => Some(tag),
            (None, Some(_)) => None,
            (None, None) => (!parts.name.ends_with('*')).then_some("latest"),
        };
        Self {
            text: text.to_owned(),
            name: Pattern::new(full_name(parts.name)),
            tag: tag.map(pattern),
            digest: parts.digest.map(pattern),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches a reference. What may be an id needs a pattern of ids as well: see [`ImagePatterns`].
    fn matches_name(&self, image: &ImageName) -> bool {
        if !self.name.matches(&image.name) {
            return false;
        }
        match (&self.digest, &image.digest) {
            (Some(wanted), Some(digest)) => wanted.matches(digest) && self.matches_tag(image, true),
            (Some(_), None) => false,
            // By a digest the engine takes any image of that repository, whatever its tag says.
            (None, Some(_)) => self.tag.as_ref().is_none_or(Pattern::is_everything),
            (None, None) => self.matches_tag(image, false),
        }
    }

    fn matches_tag(&self, image: &ImageName, has_digest: bool) -> bool {
        match (&self.tag, &image.tag) {
            (None, _) => true,
            (Some(wanted), Some(tag)) => wanted.matches(tag),
            (Some(_), None) => has_digest,
        }
    }

    fn matches_id(&self, id: &str) -> bool {
        match &self.digest {
            Some(digest) => self.name.as_str().is_empty() && digest.matches(id),
            None => self.name.is_everything(),
        }
    }
}

/// Several patterns of images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePatterns(Vec<ImagePattern>);

impl ImagePatterns {
    /// Whether one of them matches a reference. What may be the beginning of an id (`cafe`) must be matched as both.
    pub fn matches(&self, image: &ImageName) -> bool {
        let as_name = || self.0.iter().any(|pattern| pattern.matches_name(image));
        let as_id = || {
            let id = match &image.digest {
                Some(digest) => digest.clone(),
                None => format!("sha256:{}", image.short_id()),
            };
            self.0.iter().any(|pattern| pattern.matches_id(&id))
        };
        (image.is_id() || as_name()) && (!image.may_be_id || as_id())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ImagePattern> {
        self.0.iter()
    }
}

impl ImageName {
    /// The text that may be an id: the last part of a name that has no other.
    fn short_id(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

impl<'a> FromIterator<&'a str> for ImagePatterns {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        Self(texts.into_iter().map(ImagePattern::new).collect())
    }
}

impl fmt::Display for ImagePatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, pattern) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, pattern.text)?;
        }
        Ok(())
    }
}

/// A reference in its parts.
struct NameParts<'a> {
    name: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

fn split(text: &str) -> NameParts<'_> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    // A colon before the last slash is a registry's port.
    let last = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[last..].find(':') {
        Some(colon) => {
            NameParts { name: &rest[..last + colon], tag: Some(&rest[last + colon + 1..]), digest }
        }
        None => NameParts { name: rest, tag: None, digest },
    }
}

/// The name with its registry, as `distribution/reference` finds it.
fn full_name(name: &str) -> String {
    let is_registry = |first: &str| {
        first == "*"
            || first == "localhost"
            || first.contains(['.', ':'])
            || first.bytes().any(|b| b.is_ascii_uppercase())
    };
    let (registry, rest) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => (HUB, name),
    };
    let registry = if registry == "index.docker.io" { HUB } else { registry };
    if registry == HUB && !rest.contains('/') && rest != "*" {
        return format!("{HUB}/library/{rest}");
    }
    format!("{registry}/{rest}")
}

/// The registry of an address or a name, in the spelling of [`ImageName::registry`]: `https://index.docker.io/v1/` is `docker.io`.
/// None for what is no plain address.
pub fn registry(address: &str) -> Option<&str> {
    let rest =
        address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
    let host = rest.split('/').next().unwrap_or_default();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b);
    match host {
        "" if address.is_empty() => Some(HUB),
        "" => None,
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => Some(HUB),
        host if host.bytes().all(is_plain) => Some(host),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_is_read_as_the_engine_reads_it() {
        for (text, full) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("library/busybox", "docker.io/library/busybox:latest"),
            ("docker.io/busybox", "docker.io/library/busybox:latest"),
            ("index.docker.io/library/busybox", "docker.io/library/busybox:latest"),
            ("me/app", "docker.io/me/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("ghcr.io/me/app:v1", "ghcr.io/me/app:v1"),
            ("busybox@sha256:ab", "docker.io/library/busybox@sha256:ab"),
            ("busybox:1@sha256:ab", "docker.io/library/busybox:1@sha256:ab"),
            ("sha256:abcdef", "sha256:abcdef"),
        ] {
            assert_eq!(ImageName::parse(text).unwrap().to_string(), full, "{text}");
        }
        for none in ["", "busy box", "busybox:", "registry/", "a\nb", "busybox@latest", ":tag", "a,b"] {
            assert_eq!(ImageName::parse(none), None, "{none:?}");
        }
    }

    fn matches(pattern: &str, image: &str) -> bool {
        let patterns: ImagePatterns = pattern.split(' ').collect();
        patterns.matches(&ImageName::parse(image).unwrap())
    }

    #[test]
    fn patterns_are_in_the_spelling_of_users() {
        for (pattern, image, allowed) in [
            ("busybox", "busybox", true),
            ("busybox", "docker.io/library/busybox:latest", true),
            ("busybox", "busybox:1.36", false),
            ("busybox:*", "busybox:1.36", true),
            ("busybox:1.*", "busybox:1.36", true),
            ("busybox*", "busybox:1.36", true),
            ("busybox*", "busybox-evil", true),
            ("busybox", "evil.example/library/busybox", false),
            ("busybox", "evil/busybox", false),
            ("docker.io/*", "python:3.11", true),
            ("docker.io/*", "ghcr.io/x/y", false),
            ("docker.io/library/*", "me/app", false),
            ("registry.example/ci/*", "registry.example/ci/a/b:7", true),
            ("registry.example/ci/*", "registry.example/cix", false),
            ("registry.example/ci/*", "registry.example:444/ci/x", false),
            ("*", "anything.example/x@sha256:ab", true),
            ("*", "sha256:abcd", true),
            ("busybox@sha256:ab*", "busybox@sha256:abcd", true),
            ("busybox@sha256:ab*", "busybox:7@sha256:abcd", true),
            ("busybox@sha256:ab*", "busybox", false),
            // A digest wins over a tag at the engine, so that a tag alone allows none.
            ("busybox:1.36", "busybox:1.36@sha256:ab", false),
            ("busybox:1*", "busybox:1.36@sha256:ab", false),
            ("busybox:*", "busybox:1.36@sha256:ab", true),
            // An id says nothing of the name.
            ("docker.io/*", "sha256:abcd", false),
            ("docker.io/*", "cafe", false),
            ("docker.io/* sha256:*", "cafe", true),
            ("sha256:*", "sha256:abcd", true),
            ("sha256:*", "busybox", false),
            ("busybox@sha256:*", "sha256:abcd", false),
        ] {
            assert_eq!(matches(pattern, image), allowed, "{pattern} {image}");
        }
    }

    #[test]
    fn a_registry_has_one_spelling() {
        for (address, host) in [
            ("", Some("docker.io")),
            ("https://index.docker.io/v1/", Some("docker.io")),
            ("docker.io", Some("docker.io")),
            ("registry.example:5000", Some("registry.example:5000")),
            ("http://registry.example/v2/", Some("registry.example")),
            ("http://docker.io@evil.example/", None),
            ("http:///x", None),
            ("a b", None),
            ("ftp://x", Some("ftp:")),
        ] {
            assert_eq!(registry(address), host, "{address}");
        }
    }

    proptest! {
        /// Another registry than those that a pattern names never matches.
        #[test]
        fn no_name_leaves_its_registry(image in "[a-z0-9./:@-]{1,24}") {
            let allowed: ImagePatterns = ["docker.io/*"].into_iter().collect();
            if let Some(name) = ImageName::parse(&image) {
                prop_assert!(!allowed.matches(&name) || name.registry() == "docker.io");
            }
        }
    }
}
