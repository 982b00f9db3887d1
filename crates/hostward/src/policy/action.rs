//! What a request does: its operation, and what it asks for.

use super::claim::{About, Claim, Said};

/// The operations that everybody may ask for, under any profile and without one: they tell nothing of anybody, and clients need them
/// before they ask for anything else.
pub const OPEN: [&str; 3] = ["system.ping", "system.ping.head", "system.version"];

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    /// The operation's name in the table of the API: `container.create`.
    pub operation: &'a str,
    /// What the request asks for beside paths.
    pub claims: &'a [Claim],
}

impl<'a> Action<'a> {
    /// Those of one kind.
    pub fn about(self, about: About) -> impl Iterator<Item = &'a Claim> {
        self.claims.iter().filter(move |claim| claim.about == about)
    }

    /// Whether it makes a container.
    pub fn makes_container(self) -> bool {
        self.operation == "container.create"
    }
}

impl Claim {
    /// The container that it names, wherever the request says it: the target, `container:X`, links and `VolumesFrom`. Whose that is, the
    /// engine says.
    pub fn container(&self) -> Option<&str> {
        let text = self.text()?;
        match self.about {
            About::Container => Some(text),
            // `NAME:ro`, `NAME:ALIAS`.
            About::VolumesFrom | About::Link => Some(text.split(':').next().unwrap_or(text)),
            About::PidMode
            | About::IpcMode
            | About::NetworkMode
            | About::BuildNetwork
            | About::UtsMode
            | About::UserNamespace
            | About::CgroupNamespace
            | About::CgroupOf => text.strip_prefix("container:"),
            _ => None,
        }
    }

    /// What it says, where that is text.
    pub fn text(&self) -> Option<&str> {
        match &self.said {
            Said::Text(text) => Some(text),
            Said::Flag(_) | Said::Number(_) | Said::Present => None,
        }
    }
}
