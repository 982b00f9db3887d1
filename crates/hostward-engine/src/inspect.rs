//! Asks an engine about containers.

use std::collections::BTreeMap;

use hostward::inspect::{Container, InspectError};
use serde::Deserialize;

use crate::address::Address;
use crate::client::{self, Answer, ClientError, PATIENCE};

/// Why an engine's answer about a container is of no use.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No engine answers to a name such as this; it is not put into a URL.
    #[error("{0:?} is no name or id of an engine's")]
    NotAName(String),
    /// There is no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The engine knows no such container.
    #[error("the engine at {engine} knows no container {name}")]
    Unknown {
        /// The engine.
        engine: Address,
        /// The name or id that was asked for.
        name: String,
    },
    /// The engine answered with an error.
    #[error("the engine at {engine} answered {status}: {message}")]
    Status {
        /// The engine.
        engine: Address,
        /// The status.
        status: u16,
        /// The engine's own words.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("the engine at {engine}: {error}")]
    Unreadable {
        /// The engine.
        engine: Address,
        /// What is wrong with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl AskError {
    /// True when the engine answered that it knows no such container.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

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
    hostward::inspect::parse(&body).map_err(|error: InspectError| unreadable(engine, error))
}

/// The labels that an image has, by its name or id; `None` where the engine has no such image, or there can be none of that name.
pub async fn image_labels(
    engine: &Address,
    image: &str,
) -> Result<Option<BTreeMap<String, String>>, AskError> {
    if image.is_empty() || image.split('/').any(|component| matches!(component, "" | "." | "..")) {
        return Ok(None);
    }
    let path = format!("/images/{}/json", client::escape(image.as_bytes(), b"/:@"));
    let answer = client::get(engine, &path, PATIENCE).await?;
    if matches!(answer.status, 400 | 404) {
        return Ok(None);
    }
    let body = successful(engine, answer)?;
    let labels = hostward::inspect::image_labels(&body);
    labels.map(Some).map_err(|error: InspectError| unreadable(engine, error))
}

/// The body of an answer that is a success.
pub(crate) fn successful(engine: &Address, answer: Answer) -> Result<Vec<u8>, AskError> {
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let message = serde_json::from_slice::<Message>(&answer.body)
        .map_or_else(|_| String::from_utf8_lossy(&answer.body).trim().to_owned(), |body| body.message);
    Err(AskError::Status { engine: engine.clone(), status: answer.status, message })
}

pub(crate) fn unreadable(
    engine: &Address,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> AskError {
    AskError::Unreadable { engine: engine.clone(), error: error.into() }
}

/// What engines allow in names; Podman's inner containers add nothing to it.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Address {
        Address::Unix("/e".into())
    }

    #[test]
    fn what_is_no_name_is_never_put_into_a_url() {
        for name in ["", "..", "a/b", "a b", "a?x=1", "a\r\nHost: x", "-a", "é"] {
            assert!(!is_name(name), "{name:?}");
        }
        for name in ["a", "web-1", "my.app_2", "0b1c2d3e4f50"] {
            assert!(is_name(name), "{name:?}");
        }
    }

    #[test]
    fn an_engines_error_keeps_its_words() {
        let answer = |body: &[u8]| Answer { status: 500, body: body.to_vec(), head: Vec::new() };
        let error = successful(&engine(), answer(br#"{"message":"disk full"}"#)).unwrap_err();
        assert_eq!(error.to_string(), "the engine at unix:///e answered 500: disk full");
        let error = successful(&engine(), answer(b"plain\n")).unwrap_err();
        assert!(error.to_string().ends_with("500: plain"));
    }
}
