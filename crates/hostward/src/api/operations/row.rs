//! What is known of an operation: the columns of the table.

use crate::api::endpoint::Endpoint;
use crate::api::shapes::kind::FieldKind;
use crate::policy::claim::About;

/// An operation of the API: a row of the table.
#[derive(Debug)]
pub struct Operation {
    /// What profiles call it: `container.create`.
    pub name: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path without the version. `{id}` is one name; `{id*}` is what engines take with slashes too, and a profile
    /// without; `{name**}` is a name with any number of slashes.
    pub pattern: &'static str,
    /// What its path begins with.
    pub group: Group,
    /// Whether it changes anything.
    pub reach: Reach,
    /// What the names in its path are about, in their order.
    pub names: &'static [Option<About>],
    /// The keys of its query.
    pub query: &'static [QueryKey],
    /// What its body is.
    pub body: BodyKind,
    /// Whether the connection becomes a raw stream.
    pub hijacks: bool,
    /// What it is about by itself, without naming anything.
    pub itself: Option<About>,
    /// The key of the query that makes it this operation and not the next of the same path.
    pub only_with: Option<&'static str>,
    /// What translates its paths.
    pub endpoint: Endpoint,
}

/// What the path of an operation begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// `/auth`
    Auth,
    /// `/build`
    Build,
    /// `/commit`
    Commit,
    /// `/configs`
    Configs,
    /// `/containers`
    Containers,
    /// `/debug`
    Debug,
    /// `/distribution`
    Distribution,
    /// `/events`
    Events,
    /// `/exec`
    Exec,
    /// `/grpc`
    Grpc,
    /// `/images`
    Images,
    /// `/info`
    Info,
    /// `/libpod`, which is Podman's own.
    Libpod,
    /// `/networks`
    Networks,
    /// `/nodes`
    Nodes,
    /// Any path, asked for with `OPTIONS`.
    Options,
    /// `/_ping`
    Ping,
    /// `/plugins`
    Plugins,
    /// `/secrets`
    Secrets,
    /// `/services`
    Services,
    /// `/session`
    Session,
    /// `/swarm`
    Swarm,
    /// `/system`
    System,
    /// `/tasks`
    Tasks,
    /// `/version`
    Version,
    /// `/volumes`
    Volumes,
}

/// Whether an operation changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// It tells something.
    Read,
    /// It may change something.
    Write,
}

/// What the body of an operation is.
#[derive(Debug, Clone, Copy)]
pub enum BodyKind {
    /// No engine reads it, whatever it is.
    None,
    /// One JSON value, or nothing.
    Json(&'static FieldKind),
    /// An archive.
    Tar,
    /// The archive that an image is built from: what is in it is judged.
    Context,
    /// Bytes for the container, or a protocol of its own.
    Stream,
}

/// A key of an operation's query.
#[derive(Debug, Clone, Copy)]
pub struct QueryKey {
    /// Its name, which has one letter case.
    pub name: &'static str,
    /// What becomes of it.
    pub class: QueryClass,
    /// Whether engines read more than the first of it.
    pub repeats: bool,
}

/// What becomes of a key of a query. An empty value says nothing.
#[derive(Debug, Clone, Copy)]
pub enum QueryClass {
    /// A profile has no say about it.
    Free,
    /// What it says is a claim.
    Claim(About, QueryForm),
    /// The tag of the image that the query names in another key, or the path.
    Tag,
    /// Instructions of a Dockerfile, all of them together.
    Changes,
    /// Filters by these keys, in JSON.
    Filters(&'static [&'static str]),
    /// A profile never permits it, for this reason.
    Refused(&'static str),
}

/// How a key of a query says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryForm {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// An image, whose tag may be in the key `tag`.
    Image,
    /// A registry, before the name of an image or without one.
    Registry,
    /// An array of texts in JSON.
    Texts,
    /// `Ulimits` in JSON.
    Ulimits,
    /// The version of the builder: the first says nothing.
    Builder,
}

/// A key that is free.
pub(super) const fn free(name: &'static str) -> QueryKey {
    QueryKey { name, class: QueryClass::Free, repeats: false }
}

/// A key that is free, and may be there more than once.
pub(super) const fn all(name: &'static str) -> QueryKey {
    QueryKey { name, class: QueryClass::Free, repeats: true }
}

/// A key that is a claim.
pub(super) const fn claim(name: &'static str, about: About, form: QueryForm) -> QueryKey {
    QueryKey { name, class: QueryClass::Claim(about, form), repeats: false }
}

/// A key that is a claim as often as it is there.
pub(super) const fn claims(name: &'static str, about: About, form: QueryForm) -> QueryKey {
    QueryKey { name, class: QueryClass::Claim(about, form), repeats: true }
}

/// The key `tag`.
pub(super) const TAG: QueryKey = QueryKey { name: "tag", class: QueryClass::Tag, repeats: false };

/// The key `changes`.
pub(super) const CHANGES: QueryKey = QueryKey { name: "changes", class: QueryClass::Changes, repeats: true };

/// The key `filters`.
pub(super) const fn filters(keys: &'static [&'static str]) -> QueryKey {
    QueryKey { name: "filters", class: QueryClass::Filters(keys), repeats: false }
}

/// A key that no profile permits.
pub(super) const fn refused(name: &'static str, reason: &'static str) -> QueryKey {
    QueryKey { name, class: QueryClass::Refused(reason), repeats: false }
}

/// The rows of one group are written with these.
impl Group {
    /// An operation that tells something.
    pub(super) const fn get(self, name: &'static str, pattern: &'static str) -> Operation {
        self.row(name, "GET", pattern, Reach::Read)
    }

    /// An operation that changes something.
    pub(super) const fn post(self, name: &'static str, pattern: &'static str) -> Operation {
        self.row(name, "POST", pattern, Reach::Write)
    }

    /// An operation that removes something.
    pub(super) const fn delete(self, name: &'static str, pattern: &'static str) -> Operation {
        self.row(name, "DELETE", pattern, Reach::Write)
    }

    /// Any other.
    pub(super) const fn row(
        self,
        name: &'static str,
        method: &'static str,
        pattern: &'static str,
        reach: Reach,
    ) -> Operation {
        Operation {
            name,
            method,
            pattern,
            group: self,
            reach,
            names: &[],
            query: &[],
            body: BodyKind::None,
            hijacks: false,
            itself: None,
            only_with: None,
            endpoint: Endpoint::Other,
        }
    }
}

impl Operation {
    pub(super) const fn of(mut self, names: &'static [Option<About>]) -> Self {
        self.names = names;
        self
    }

    pub(super) const fn query(mut self, query: &'static [QueryKey]) -> Self {
        self.query = query;
        self
    }

    pub(super) const fn json(mut self, body: &'static FieldKind) -> Self {
        self.body = BodyKind::Json(body);
        self
    }

    pub(super) const fn tar(mut self) -> Self {
        self.body = BodyKind::Tar;
        self
    }

    pub(super) const fn context(mut self) -> Self {
        self.body = BodyKind::Context;
        self
    }

    pub(super) const fn hijacks(mut self) -> Self {
        self.hijacks = true;
        if let BodyKind::None = self.body {
            self.body = BodyKind::Stream;
        }
        self
    }

    pub(super) const fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    pub(super) const fn itself(mut self, about: About) -> Self {
        self.itself = Some(about);
        self
    }

    pub(super) const fn only_with(mut self, key: &'static str) -> Self {
        self.only_with = Some(key);
        self
    }

    pub(super) const fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }
}
