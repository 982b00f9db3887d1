//! A decision as a line: an object of JSON, or text for people.
//!
//! What a caller can choose, such as the name of a directory, is quoted: no name can pass for another field or another line.

use std::fmt::{self, Write};
use std::time::SystemTime;

use hostward::api::endpoint::Endpoint;
use hostward::api::operations;
use hostward::containment::Contained;
use hostward::path::CallerPath;
use hostward::plan::Give;
use hostward::reading::Words;
use jiff::Timestamp;
use serde::Serialize;

use crate::caller::{Caller, Who};
use crate::decision::{Decision, Ruling, TranslatedPath};
use crate::settings::LineFormat;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One of the log's lines.
    Log(LineFormat),
    /// The decision alone, as JSON.
    Alone,
}

/// The line of a decision, with its end.
pub(super) fn line(decision: &Decision, shape: Shape) -> String {
    let record = Record::of(decision);
    let level = if decision.verdict.against().is_some() { "WARN" } else { "INFO" };
    match shape {
        Shape::Alone => json(&record),
        Shape::Log(LineFormat::Json) => json(&LogLine {
            timestamp: &record.time,
            level,
            fields: &record,
            target: "audit",
            span: RequestSpan { id: &record.id, name: "request" },
        }),
        Shape::Log(LineFormat::Text) => {
            format!("{} {level:>5} request{{id={}}}: audit: {record}\n", record.time, record.id)
        }
    }
}

/// The line that says that so many decisions are missing before it.
pub(super) fn gap(lost: u64, shape: Shape) -> String {
    let time = written(SystemTime::now());
    match shape {
        Shape::Alone => json(&Gap { time: &time, lost }),
        Shape::Log(LineFormat::Json) => json(&serde_json::json!({
            "timestamp": time, "level": "WARN", "fields": { "lost": lost }, "target": "audit",
        })),
        Shape::Log(LineFormat::Text) => format!("{time}  WARN audit: lost={lost}\n"),
    }
}

/// A line of the log, in the shape that its other lines have.
#[derive(Serialize)]
struct LogLine<'a> {
    timestamp: &'a str,
    level: &'static str,
    fields: &'a Record<'a>,
    target: &'static str,
    span: RequestSpan<'a>,
}

#[derive(Serialize)]
struct RequestSpan<'a> {
    id: &'a str,
    name: &'static str,
}

#[derive(Serialize)]
struct Gap<'a> {
    time: &'a str,
    lost: u64,
}

/// A decision in the names of docs/audit.md. What it has no answer for is left out.
#[derive(Serialize)]
struct Record<'a> {
    time: String,
    id: String,
    decision: &'static str,
    caller: CallerRecord<'a>,
    /// The operation's name in the Engine API.
    operation: String,
    request: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    status: Option<u16>,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<PathRecord<'a>>,
    /// By which profile it was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    /// Which rule of that does not allow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// Who has sent the request.
#[derive(Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum CallerRecord<'a> {
    Host {
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
    },
    Container {
        name: &'a str,
        id: &'a str,
    },
    Unknown {
        why: &'a str,
    },
}

/// A path for which the engine was given something else.
#[derive(Serialize)]
struct PathRecord<'a> {
    rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    before: String,
    /// Whose path it is, where it is not simply the caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_as: Option<String>,
    after: AfterRecord<'a>,
    read_only: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum AfterRecord<'a> {
    Bind(String),
    #[serde(untagged)]
    Volume {
        volume: &'a str,
        subpath: String,
    },
}

impl<'a> Record<'a> {
    fn of(decision: &'a Decision) -> Self {
        let forwarded = match &decision.verdict {
            Ruling::Forwarded(forwarded) => Some(forwarded),
            Ruling::Passed | Ruling::Refused(_) => None,
        };
        let refused = decision.verdict.against();
        Self {
            time: written(decision.time),
            id: decision.id.to_string(),
            decision: decision.verdict.name(),
            caller: CallerRecord::of(decision),
            operation: operation(decision),
            request: &decision.request,
            image: forwarded.and_then(|forwarded| forwarded.image.as_deref()),
            name: forwarded.and_then(|forwarded| forwarded.name.as_deref()),
            created: decision.created.as_deref(),
            status: decision.status,
            duration_ms: milliseconds(decision),
            paths: forwarded.map_or_else(Vec::new, |it| it.paths.iter().map(PathRecord::of).collect()),
            profile: decision.caller.profile(),
            rule: refused.and_then(|refused| refused.rule),
            reason: refused.map(|refused| refused.reason),
            message: refused.map(|refused| &*refused.message),
        }
    }
}

/// The operation's name in the Engine API; of one that names no path, as profiles call it.
fn operation(decision: &Decision) -> String {
    let endpoint = decision.endpoint;
    let named = || {
        let (method, target) = decision.request.split_once(' ')?;
        let found = operations::find(method.as_bytes(), target.as_bytes()).ok()?;
        Some(found.operation.name.to_owned())
    };
    let named = if endpoint == Endpoint::Other { named() } else { None };
    named.unwrap_or_else(|| format!("{endpoint:?}"))
}

impl<'a> CallerRecord<'a> {
    fn of(decision: &'a Decision) -> Self {
        let host = |pid, uid| Self::Host { pid, uid };
        match &decision.caller {
            Caller::Host => host(decision.process.map(|one| one.pid), decision.process.map(|one| one.uid)),
            Caller::Guest(guest) => match &guest.who {
                Who::Container(container) => {
                    Self::Container { name: &container.name, id: container.id.as_str() }
                }
                Who::Host => host(None, None),
                Who::Apart { pid } => host(i32::try_from(*pid).ok(), None),
                Who::Unknown { why, .. } => Self::Unknown { why },
            },
        }
    }
}

impl<'a> PathRecord<'a> {
    fn of(path: &'a TranslatedPath) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let after = match &path.after {
            Give::Bind(source) | Give::Contained(Contained { source, .. }) => {
                AfterRecord::Bind(text(source.as_bytes()))
            }
            Give::Volume { name, subpath } => {
                AfterRecord::Volume { volume: name, subpath: text(subpath.as_bytes()) }
            }
        };
        Self {
            rule: path.rule.number,
            target: path.target.as_ref().map(CallerPath::as_bytes).map(text),
            before: text(path.before.as_bytes()),
            read_as: (path.words != Words::Callers).then(|| path.words.to_string()),
            after,
            read_only: path.read_only,
        }
    }
}

impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "decision={} caller={} operation={}", self.decision, self.caller, self.operation)?;
        write!(f, " request={:?}", self.request)?;
        for (field, text) in [("image", self.image), ("name", self.name), ("created", self.created)] {
            if let Some(text) = text {
                write!(f, " {field}={text:?}")?;
            }
        }
        match self.status {
            Some(status) => write!(f, " status={status}")?,
            None => f.write_str(" status=none")?,
        }
        write!(f, " duration_ms={}", self.duration_ms)?;
        for (at, path) in self.paths.iter().enumerate() {
            write!(f, "{}{path}", if at == 0 { " paths=[" } else { ", " })?;
        }
        if !self.paths.is_empty() {
            f.write_char(']')?;
        }
        for (field, text) in [("profile", self.profile), ("rule", self.rule)] {
            if let Some(text) = text {
                write!(f, " {field}={text:?}")?;
            }
        }
        if let (Some(reason), Some(message)) = (self.reason, self.message) {
            write!(f, " reason={reason} message={message:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for CallerRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { pid: Some(pid), uid: Some(uid) } => write!(f, "\"host (pid {pid}, uid {uid})\""),
            Self::Host { pid: Some(pid), uid: None } => write!(f, "\"host (pid {pid})\""),
            Self::Host { .. } => write!(f, "\"host\""),
            Self::Container { name, id } => {
                write!(f, "{:?}", format!("{name} ({})", &id[..id.len().min(12)]))
            }
            Self::Unknown { why } => write!(f, "{:?}", format!("unknown ({why})")),
        }
    }
}

impl fmt::Display for PathRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> {}", self.before, self.after)?;
        if let Some(target) = &self.target {
            write!(f, " at {target:?}")?;
        }
        write!(f, " ({}", self.rule)?;
        if self.read_only {
            f.write_str(", read-only")?;
        }
        if let Some(read_as) = &self.read_as {
            write!(f, ", {read_as}")?;
        }
        f.write_char(')')
    }
}

impl fmt::Display for AfterRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(source) => write!(f, "{source:?}"),
            Self::Volume { volume, subpath } if subpath.is_empty() => write!(f, "volume {volume:?}"),
            Self::Volume { volume, subpath } => write!(f, "{subpath:?} in volume {volume:?}"),
        }
    }
}

fn json(record: &impl Serialize) -> String {
    // Texts and numbers: nothing of it can fail.
    let mut line = serde_json::to_string(record).unwrap_or_default();
    line.push('\n');
    line
}

/// To the microsecond.
fn milliseconds(decision: &Decision) -> f64 {
    let micros = u32::try_from(decision.took.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

/// A time as the log's lines have it.
fn written(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.6}"))
}

#[cfg(test)]
mod tests;
