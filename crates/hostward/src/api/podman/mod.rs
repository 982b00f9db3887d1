//! What Podman reads differently from the API, so that a path would pass unseen: refused.
//!
//! Podman 4.3 makes a text of each mount (`type=…,source=…`) and reads it again, so that a comma in a field begins the
//! next option; takes sources that begin with a full stop from its service's own directory; and takes the keys of
//! `Volumes` for binds. Fields that have no paths in Docker's API have some in Podman's: a seccomp profile is a file on
//! the host (Docker's clients send its text), a log's option `path` is the file that is written, `ns:PATH` is a
//! namespace, and a volume of the type `bind` is a bind mount without `o=bind`. Each was seen to reach the host.
//!
//! What a request's query says is in `query`.

pub use query::{QueryError, check_query, queries};

pub(super) mod body;
mod query;
pub(super) mod words;
