//! Whether Hostward stands before an engine, and whom it takes this process for: the answer to `GET /_hostward`.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::ask::{AskError, unreadable};
use crate::client::{self, PATIENCE};

/// The request's path. Engines answer it with 404.
pub const PATH: &str = "/_hostward";

/// Hostward's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What Hostward says of itself, and of the process that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its version.
    pub version: String,
    /// Whom it takes the asking process for.
    pub caller: Asker,
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

impl About {
    /// The answer's body.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// Asks; `None` where an engine answers by itself.
pub async fn about(engine: &Address) -> Result<Option<About>, AskError> {
    let answer = client::get(engine, PATH, PATIENCE).await?;
    if answer.status != 200 {
        return Ok(None);
    }
    serde_json::from_slice(&answer.body).map(Some).map_err(|error| unreadable(engine, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_back() {
        for caller in [
            Asker::Host,
            Asker::Container { name: "web".into(), id: "0b1c".into() },
            Asker::Unknown { why: "gone".into() },
        ] {
            let about = About { version: VERSION.to_owned(), caller };
            assert_eq!(serde_json::from_str::<About>(&about.to_json()).unwrap(), about);
        }
    }
}
