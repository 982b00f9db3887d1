//! The mounts of a container as they are in effect (`MountPoint` of the API).

use crate::api::asked::{Asked, Requested};
use crate::api::json::{BodyError, Member, Value, present, string};
use crate::api::sought::Candidate;
use crate::api::telling::{Telling, told};
use crate::containment::is_managed;
use crate::path::{CallerPath, Rest};
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// `Mounts` as they are in effect. `parts` has the subpaths of volumes that were requested, by where they are mounted.
pub(super) fn tell<'a>(
    points: &[Value<'a>],
    parts: &BTreeMap<CallerPath, Rest>,
    asked: Option<&Asked>,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    let mut gone = vec![false; points.len()];
    for (n, &point) in points.iter().enumerate() {
        let members = point.members()?.unwrap_or_default();
        let shown = Point::of(&members)?;
        match told(asked, shown.destination.as_ref(), |asked, at| {
            let source = shown.source();
            (
                asked.came_along_in_effect(at, source),
                asked.original_in_effect(at, source).and_then(Requested::of),
            )
        }) {
            (true, _) => gone[n] = true,
            (false, Some(requested)) => {
                telling.edits.put(point.span(), shown.as_bind(&requested));
                seek(&shown, Some(&requested.source), telling);
            }
            (false, None) if shown.is_own_by_a_managed_volume(telling) => {
                // Nobody asked for that volume, and it has no name that its reader could use.
                let source = shown.destination.as_ref().map(ToString::to_string).unwrap_or_default();
                let requested = Requested { source, mode: String::new() };
                telling.edits.put(point.span(), shown.as_bind(&requested));
                seek(&shown, Some(&requested.source), telling);
            }
            (false, None) => {
                let at = shown.destination.as_ref();
                let source = match at.and_then(|at| parts.get(at)).filter(|_| !shown.is_bind) {
                    Some(subpath) => telling.source_in_volume(&members, subpath, at)?,
                    None => telling.source(&members, at)?,
                };
                seek(&shown, source.as_deref(), telling);
            }
        }
    }
    let spans: Vec<_> = points.iter().map(Value::span).collect();
    telling.edits.remove_elements(&spans, |n| gone[n]);
    Ok(())
}

/// Looks whether a mount is one that is sought; the caller reads `source` of it where that is not the engine's.
fn seek(shown: &Point<'_>, source: Option<&str>, telling: &mut Telling<'_>) {
    let Some(sought) = telling.sought else { return };
    let destination = shown.destination.as_ref().map(ToString::to_string).unwrap_or_default();
    // Of a volume the engine compares the name, and not where that is.
    let engines = if shown.is_bind { &*shown.path } else { "" };
    let (name, sources) = (&*shown.name, [engines, source.unwrap_or_default()]);
    telling.is_found |= sought.has(&Candidate { name, sources, destination: &destination });
}

/// A mount in effect (`MountPoint` of the API).
struct Point<'a> {
    is_bind: bool,
    name: Cow<'a, str>,
    path: Cow<'a, str>,
    destination: Option<CallerPath>,
    writable: bool,
    propagation: Cow<'a, str>,
}

impl<'a> Point<'a> {
    fn of(members: &[Member<'a>]) -> Result<Self, BodyError> {
        let text = |name: &str| Ok::<_, BodyError>(string(members, name)?.unwrap_or_default());
        let kind = text("Type")?;
        let name = text("Name")?;
        Ok(Self {
            // Before API 1.25 there is no type, and a volume has a name.
            is_bind: kind == "bind" || (kind.is_empty() && name.is_empty()),
            name,
            path: text("Source")?,
            destination: CallerPath::parse(text("Destination")?.as_bytes()).ok(),
            writable: present(members, "RW")?.is_some_and(|value| value.text() == "true"),
            propagation: text("Propagation")?,
        })
    }

    /// Whether the reader itself has it, as a part of its maker's mount: it is the reader's own by where that has it (T18).
    fn is_own_by_a_managed_volume(&self, telling: &Telling<'_>) -> bool {
        telling.is_own && is_managed(&self.name) && self.destination.is_some()
    }

    /// What is mounted: a path, or a volume's name.
    fn source(&self) -> &str {
        if self.is_bind { &self.path } else { &self.name }
    }

    /// As the bind that was asked for, whatever the engine was given for it.
    fn as_bind(&self, requested: &Requested) -> String {
        let destination = self.destination.as_ref().map(ToString::to_string).unwrap_or_default();
        let propagation = if self.is_bind { &*self.propagation } else { "rprivate" };
        json!({
            "Type": "bind", "Source": requested.source, "Destination": destination, "Mode": requested.mode,
            "RW": self.writable, "Propagation": propagation,
        })
        .to_string()
    }
}
