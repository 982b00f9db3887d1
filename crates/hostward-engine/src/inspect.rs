//! Asks an engine about containers, and about images.

use hostward::inspect::{Container, Image};

use crate::address::Address;
use crate::ask::{AskError, successful, unreadable};
use crate::client::{self, PATIENCE};

/// The container of this name or id; the shortest prefix of an id that is unique does too.
pub async fn container(engine: &Address, name: &str) -> Result<Container, AskError> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    if !is_name(bare) {
        return Err(AskError::NotAName(name.to_owned()));
    }
    let answer = client::get(engine, &format!("/containers/{bare}/json"), PATIENCE).await?;
    if answer.status == 404 {
        return Err(AskError::Unknown { engine: engine.clone(), name: bare.to_owned() });
    }
    let body = successful(engine, answer)?;
    hostward::inspect::parse(&body).map_err(|error| unreadable(engine, error))
}

/// An image, by its name or id; `None` where the engine has no such image, or there can be none of that name.
pub async fn image(engine: &Address, image: &str) -> Result<Option<Image>, AskError> {
    if image.is_empty() || image.split('/').any(|component| matches!(component, "" | "." | "..")) {
        return Ok(None);
    }
    let path = format!("/images/{}/json", client::escape(image.as_bytes(), b"/:@"));
    let answer = client::get(engine, &path, PATIENCE).await?;
    if matches!(answer.status, 400 | 404) {
        return Ok(None);
    }
    let body = successful(engine, answer)?;
    hostward::inspect::image(&body).map(Some).map_err(|error| unreadable(engine, error))
}

/// What engines allow in names; Podman's inner containers add nothing to it.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_never_put_into_a_url() {
        for name in ["", "..", "a/b", "a b", "a?x=1", "a\r\nHost: x", "-a", "é"] {
            assert!(!is_name(name), "{name:?}");
        }
        for name in ["a", "web-1", "my.app_2", "0b1c2d3e4f50"] {
            assert!(is_name(name), "{name:?}");
        }
    }
}
