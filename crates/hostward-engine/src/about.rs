//! What Hostward says when it stands before an engine: whom it takes the asking process for (`GET /_hostward`), and what that one's
//! paths are to the engine (`POST /_hostward/explain`). Engines answer both with 404.
//!
//! Who asks through Hostward must ask so: all other answers come in the caller's own paths.

use std::collections::BTreeMap;
use std::time::Duration;

use hostward::explanation::{self, Explanation, MountTold};
use hostward::path::AskedPath;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::ask::{AskError, successful, unreadable};
use crate::client::{self, PATIENCE};

/// Where Hostward says what it is.
pub const PATH: &str = "/_hostward";

/// Where it explains paths.
pub const EXPLAIN_PATH: &str = "/_hostward/explain";

/// Hostward's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Looking at a caller's files may take Hostward so long, and a little is for the way.
const EXPLAIN_PATIENCE: Duration = Duration::from_secs(30);

/// What Hostward says of itself, and of the process that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostwardTold {
    /// Its version.
    pub version: String,
    /// Whom it takes the asking process for.
    pub caller: Asker,
    /// What the asking process's container has mounted, with the host's paths.
    #[serde(default)]
    pub mounts: Vec<MountTold>,
    /// Whether ports that the caller's containers publish are opened on the caller's localhost.
    #[serde(default)]
    pub ports_on_localhost: bool,
    /// The limits that are in force, by name (docs/limits.md).
    #[serde(default)]
    pub limits: BTreeMap<String, u64>,
    /// The profile that judges the caller: `trusted`, which allows everything that can be translated.
    #[serde(default)]
    pub profile: String,
    /// The directories of the caller that its profile lets be mounted: `/app`, `/cache:ro`. Null where no profile has a say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<Vec<String>>,
}

/// Whom a process is taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Asker {
    /// A process of the host, in no container.
    Host,
    /// A process of this container.
    Container {
        /// Its name.
        name: String,
        /// Its full id.
        id: String,
    },
    /// Nobody who is known.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Which paths are to be explained: the body of `POST /_hostward/explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToExplain {
    /// Absolute paths in the caller's view.
    pub paths: Vec<String>,
}

/// The answer to that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The version of the explanations ([`explanation::VERSION`]).
    pub version: u32,
    /// Whose paths they are.
    pub caller: Asker,
    /// An explanation for each path, in the order in which they were asked for.
    pub paths: Vec<Explanation>,
}

/// Why Hostward could not be asked about paths.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no answer, or none that is one.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The question is in JSON, which has no such bytes.
    #[error("the path {0} is not UTF-8, so hostward cannot be asked about it in JSON")]
    NotText(AskedPath),
    /// It speaks another version, or answers something else than was asked.
    #[error(
        "hostward at {engine} explains {paths} paths in version {version}, and {asked} in version {known} were asked for"
    )]
    Other {
        /// Where it was asked.
        engine: Address,
        /// How many it explains.
        paths: usize,
        /// Its version.
        version: u32,
        /// How many were asked for.
        asked: usize,
        /// The version that is understood.
        known: u32,
    },
}

/// Asks who this process is; `None` where an engine answers by itself.
///
/// # Errors
/// Where nobody answers, or not so.
pub async fn about(engine: &Address) -> Result<Option<HostwardTold>, AskError> {
    let answer = client::get(engine, PATH, PATIENCE).await?;
    if answer.status != 200 {
        return Ok(None);
    }
    serde_json::from_slice(&answer.body).map(Some).map_err(|error| unreadable(engine, error))
}

/// Asks what paths of this process are to the engine: an explanation for each.
///
/// # Errors
/// Where Hostward does not answer, or not so.
pub async fn explain(engine: &Address, asked: &[AskedPath]) -> Result<Vec<Explanation>, ExplainError> {
    let text = |path: &AskedPath| {
        let text = str::from_utf8(path.as_bytes()).map(str::to_owned);
        text.map_err(|_| ExplainError::NotText(path.clone()))
    };
    let paths = asked.iter().map(text).collect::<Result<_, _>>()?;
    let body = serde_json::json!(ToExplain { paths }).to_string();
    let answer = client::post(engine, EXPLAIN_PATH, &body, EXPLAIN_PATIENCE).await.map_err(AskError::from)?;
    let body = successful(engine, answer)?;
    let Explained { version, paths, .. } =
        serde_json::from_slice(&body).map_err(|error| unreadable(engine, error))?;
    if version != explanation::VERSION || paths.len() != asked.len() {
        let (known, engine) = (explanation::VERSION, engine.clone());
        return Err(ExplainError::Other { engine, paths: paths.len(), version, asked: asked.len(), known });
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::{self, Reply};

    fn about_caller(caller: Asker) -> HostwardTold {
        HostwardTold {
            version: VERSION.to_owned(),
            caller,
            mounts: Vec::new(),
            ports_on_localhost: true,
            limits: BTreeMap::from([("paths".to_owned(), 7)]),
            profile: "trusted".to_owned(),
            roots: None,
        }
    }

    #[test]
    fn what_is_said_is_read_back() {
        for caller in [
            Asker::Host,
            Asker::Container { name: "web".into(), id: "0b1c".into() },
            Asker::Unknown { why: "gone".into() },
        ] {
            let about = about_caller(caller);
            let text = serde_json::to_string(&about).unwrap();
            assert_eq!(serde_json::from_str::<HostwardTold>(&text).unwrap(), about);
        }
    }

    fn asked_of(answer: &'static str, path: &[u8]) -> Result<Vec<Explanation>, ExplainError> {
        let asked = [AskedPath::parse(path).unwrap()];
        let reply = move |request: &str| {
            assert!(request.starts_with("POST /_hostward/explain HTTP/1.1\r\n"), "{request}");
            assert!(request.ends_with("\r\n\r\n{\"paths\":[\"/app\"]}"), "{request}");
            let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
            Reply { bytes: bytes.into_bytes(), close: false }
        };
        stub::ask(reply, async |engine| explain(&engine, &asked).await)
    }

    #[test]
    fn an_answer_of_another_version_or_length_is_not_taken() {
        let none = asked_of(r#"{"version":1,"caller":{"kind":"host"},"paths":[]}"#, b"/app");
        assert!(matches!(none, Err(ExplainError::Other { paths: 0, asked: 1, .. })), "{none:?}");
        let other = asked_of(r#"{"version":2,"caller":{"kind":"host"},"paths":[]}"#, b"/app");
        assert!(matches!(other, Err(ExplainError::Other { version: 2, .. })), "{other:?}");
    }

    #[test]
    fn a_path_that_json_cannot_carry_is_not_asked_for() {
        let engine = Address::Unix("/nonexistent/engine.sock".into());
        let asked = [AskedPath::parse(b"/\xff").unwrap()];
        let error = stub::block_on(explain(&engine, &asked)).unwrap_err();
        assert!(matches!(error, ExplainError::NotText(_)), "{error}");
    }
}
