//! A question to an engine whose answer is JSON: what came, or what the engine says against it.

use serde::Deserialize;

use crate::address::Address;
use crate::client::{self, Answer, ClientError, PATIENCE};

/// Why an engine's answer about a container is of no use.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No engine answers to a name such as this; it is not put into a URL.
    #[error("{0:?} is not a valid name or id")]
    NotAName(String),
    /// There is no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The engine knows no such container.
    #[error("the engine at {engine} has no container {name}")]
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

    /// True when the engine, which was asked what is in a container, cannot mount what that has mounted through an absolute
    /// link, to look at it. Docker 28.5 says so, in the words of Go's `os.Root`.
    pub fn is_of_a_mount_through_a_link(&self) -> bool {
        matches!(self, Self::Status { status: 500, message, .. } if message.ends_with("path escapes from parent"))
    }
}

/// Asks `GET path` and has the body of a successful answer read.
///
/// # Errors
/// Where there is no answer, no success, or nothing that `read` can read.
pub(crate) async fn get<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    engine: &Address,
    path: &str,
    read: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, AskError> {
    let body = successful(engine, client::get(engine, path, PATIENCE).await?)?;
    read(&body).map_err(|error| unreadable(engine, error))
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
    fn an_engines_error_keeps_its_words() {
        let answer = |body: &[u8]| Answer { status: 500, body: body.to_vec(), head: Vec::new() };
        let error = successful(&engine(), answer(br#"{"message":"disk full"}"#)).unwrap_err();
        assert_eq!(error.to_string(), "the engine at unix:///e answered 500: disk full");
        assert!(!error.is_of_a_mount_through_a_link());
        let said = br#"{"message":"mkdirat var/run: statat var/run: path escapes from parent"}"#;
        assert!(successful(&engine(), answer(said)).unwrap_err().is_of_a_mount_through_a_link());
        let error = successful(&engine(), answer(b"plain\n")).unwrap_err();
        assert!(error.to_string().ends_with("500: plain"));
    }
}
