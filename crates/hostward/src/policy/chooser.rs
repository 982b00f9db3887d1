//! Callers, by what is known of them: how a profile says whom it is for.

use std::fmt;

use super::image::{ImageName, ImagePatterns};
use super::pattern::Pattern;

/// What is known of a caller.
#[derive(Debug, Clone, Default)]
pub struct CallerFacts<'a> {
    /// The container's name, without a slash.
    pub name: Option<&'a str>,
    /// The image, as the container was made from it.
    pub image: Option<&'a str>,
    /// The container's labels. Those of compose are among them.
    pub labels: &'a [(&'a str, &'a str)],
    /// The networks that it is in, by name.
    pub networks: &'a [&'a str],
    /// The name in the client's certificate.
    pub certificate: Option<&'a str>,
    /// The path of Hostward's socket that it came in by.
    pub socket: Option<&'a str>,
    /// A process of the host, outside any container.
    pub is_host: bool,
}

/// One way to be meant by a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chooser {
    /// `name:PATTERN`.
    Name(Pattern),
    /// `image:PATTERN`.
    Image(ImagePatterns),
    /// `label:KEY` or `label:KEY=PATTERN`.
    Label(String, Option<Pattern>),
    /// `compose:PROJECT` or `compose:PROJECT/SERVICE`, both patterns.
    Compose(Pattern, Option<Pattern>),
    /// `network:PATTERN`.
    Network(Pattern),
    /// `certificate:PATTERN`.
    Certificate(Pattern),
    /// `socket:PATH`.
    Socket(Pattern),
    /// `host`: processes outside any container.
    Host,
}

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

impl Chooser {
    /// Reads one as it is in a file.
    ///
    /// # Errors
    /// What it would have to be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} names no callers (expected \"name:NAME\", \"image:IMAGE\", \"label:KEY=VALUE\", \
                 \"compose:PROJECT/SERVICE\", \"network:NAME\", \"certificate:NAME\", \"socket:PATH\" or \"host\")"
            )
        };
        if text == "host" {
            return Ok(Self::Host);
        }
        let (kind, value) = text.split_once(':').filter(|(_, value)| !value.is_empty()).ok_or_else(wrong)?;
        let pattern = || Pattern::new(value);
        match kind {
            "name" => Ok(Self::Name(Pattern::new(value.strip_prefix('/').unwrap_or(value)))),
            "image" => Ok(Self::Image([value].into_iter().collect())),
            "label" => Ok(match value.split_once('=') {
                Some((key, value)) => Self::Label(key.to_owned(), Some(Pattern::new(value))),
                None => Self::Label(value.to_owned(), None),
            }),
            "compose" => Ok(match value.split_once('/') {
                Some((project, service)) => Self::Compose(Pattern::new(project), Some(Pattern::new(service))),
                None => Self::Compose(pattern(), None),
            }),
            "network" => Ok(Self::Network(pattern())),
            "certificate" => Ok(Self::Certificate(pattern())),
            "socket" => Ok(Self::Socket(Pattern::new(value.strip_prefix("unix://").unwrap_or(value)))),
            _ => Err(wrong()),
        }
    }

    /// Whether this caller is meant.
    pub fn matches(&self, caller: &CallerFacts<'_>) -> bool {
        let is = |pattern: &Pattern, text: Option<&str>| text.is_some_and(|text| pattern.matches(text));
        let label = |key: &str| {
            let found = caller.labels.iter().find(|(known, _)| *known == key);
            found.map(|(_, value)| *value)
        };
        match self {
            Self::Name(name) => is(name, caller.name),
            Self::Image(images) => {
                caller.image.and_then(ImageName::parse).is_some_and(|image| images.matches(&image))
            }
            Self::Label(key, None) => label(key).is_some(),
            Self::Label(key, Some(value)) => is(value, label(key)),
            Self::Compose(project, service) => {
                is(project, label(PROJECT))
                    && service.as_ref().is_none_or(|service| is(service, label(SERVICE)))
            }
            Self::Network(network) => caller.networks.iter().any(|name| network.matches(name)),
            Self::Certificate(name) => is(name, caller.certificate),
            Self::Socket(path) => is(path, caller.socket),
            Self::Host => caller.is_host,
        }
    }
}

impl fmt::Display for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name:{name}"),
            Self::Image(image) => write!(f, "image:{image}"),
            Self::Label(key, None) => write!(f, "label:{key}"),
            Self::Label(key, Some(value)) => write!(f, "label:{key}={value}"),
            Self::Compose(project, None) => write!(f, "compose:{project}"),
            Self::Compose(project, Some(service)) => write!(f, "compose:{project}/{service}"),
            Self::Network(name) => write!(f, "network:{name}"),
            Self::Certificate(name) => write!(f, "certificate:{name}"),
            Self::Socket(path) => write!(f, "socket:{path}"),
            Self::Host => f.write_str("host"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_meant_by_what_is_known_of_it() {
        let labels = [("role", "ci"), (PROJECT, "shop"), (SERVICE, "worker")];
        let caller = CallerFacts {
            name: Some("runner-1"),
            image: Some("registry.example/ci/runner:7"),
            labels: &labels,
            networks: &["ci"],
            certificate: None,
            socket: Some("/run/hostward/ci.sock"),
            is_host: false,
        };
        for (text, is_meant) in [
            ("name:runner-*", true),
            ("name:/runner-1", true),
            ("name:runner", false),
            ("image:registry.example/ci/*", true),
            ("image:registry.example/ci/runner", false),
            ("image:*/ci/runner:*", true),
            ("label:role", true),
            ("label:role=ci", true),
            ("label:role=c", false),
            ("label:rol", false),
            ("compose:shop", true),
            ("compose:shop/worker", true),
            ("compose:shop/web", false),
            ("compose:*/worker", true),
            ("network:ci", true),
            ("network:c", false),
            ("certificate:*", false),
            ("socket:/run/hostward/ci.sock", true),
            ("socket:unix:///run/hostward/ci.sock", true),
            ("socket:/run/hostward/docker.sock", false),
            ("host", false),
        ] {
            assert_eq!(Chooser::parse(text).unwrap().matches(&caller), is_meant, "{text}");
        }
        for wrong in ["", "name", "name:", "user:me", "runner-1"] {
            Chooser::parse(wrong).unwrap_err();
        }
    }
}
