//! What an answer does not tell under a profile: paths of the host that no mount of the caller leads to, and the environments of
//! what it does not own, where passwords are.
//!
//! What is not in the lists here is told: the answers of the API are known, and a member that an engine adds is a name or a
//! number far more often than a path.

use super::edits::{Edits, quote};
use super::json::{BodyError, Value};
use crate::policy::ownership::Ownership;
use crate::seal::Key;

/// What an answer does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hides {
    /// Paths of the host.
    pub paths: bool,
    /// Environment variables of what the reader does not own.
    pub environment: bool,
}

/// Who reads it.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Its container's id; empty where that is not known.
    pub container: &'a str,
    /// As whom it acts.
    pub owner: &'a str,
    /// What Hostward signs with.
    pub key: &'a Key,
}

/// What stands for the value of a variable.
const REDACTED: &str = "redacted";

/// Members whose text is a path of the host, wherever they are.
const PATHS: [&str; 13] = [
    "LogPath",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "DockerRootDir",
    "MergedDir",
    "UpperDir",
    "LowerDir",
    "WorkDir",
    "SandboxKey",
    "InitPath",
    "DeviceName",
    "PropagatedMount",
];

impl Hides {
    /// Whether it tells everything.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// An answer without what it does not tell; `None` where it has nothing of that.
///
/// # Errors
/// A body that is no JSON.
pub fn redacted(body: &[u8], hides: Hides, reader: Owner<'_>) -> Result<Option<Vec<u8>>, BodyError> {
    if hides.is_nothing() || body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let mut edits = Edits::default();
    // Not by calling itself for each level: an answer is as deep as somebody has made it.
    let mut left = vec![(Value::of(body)?, false)];
    while let Some((value, is_own)) = left.pop() {
        if let Some(elements) = value.elements()? {
            left.extend(elements.into_iter().map(|element| (element, is_own)));
            continue;
        }
        let is_own = is_own || (hides.environment && is_owned(value, reader)?);
        value.each_member(|name, inner| {
            if inner.is_string() {
                let is_path = hides.paths && PATHS.contains(&&*name);
                if is_path && inner.string()?.is_some_and(|text| text.contains('/')) {
                    edits.put(inner.span(), "\"\"");
                }
            } else if &*name == "Env" && hides.environment && !is_own {
                redact_variables(inner, &mut edits)?;
            } else {
                left.push((inner, is_own));
            }
            Ok(())
        })?;
    }
    Ok((!edits.is_empty()).then(|| edits.apply(body)))
}

/// Takes the values of variables away, and leaves their names.
fn redact_variables(variables: Value<'_>, edits: &mut Edits) -> Result<(), BodyError> {
    for variable in variables.elements()?.unwrap_or_default() {
        if let Some(text) = variable.string()?
            && let Some((name, value)) = text.split_once('=')
            && !value.is_empty()
        {
            edits.put(variable.span(), quote(&format!("{name}={REDACTED}")));
        }
    }
    Ok(())
}

/// Whether an object describes a container that is the reader's, or is the reader.
fn is_owned(object: Value<'_>, reader: Owner<'_>) -> Result<bool, BodyError> {
    let mut is_owned = false;
    object.each_member(|name, value| {
        match &*name {
            "Id" => {
                is_owned |= value.string()?.is_some_and(|id| !id.is_empty() && id == reader.container);
            }
            "Labels" => is_owned |= is_labelled(value, reader)?,
            // Inspection has the labels there.
            "Config" => {
                value.each_member(|name, labels| {
                    if name == "Labels" {
                        is_owned |= is_labelled(labels, reader)?;
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(is_owned)
}

fn is_labelled(labels: Value<'_>, reader: Owner<'_>) -> Result<bool, BodyError> {
    let mut is_labelled = false;
    labels.each_member(|key, value| {
        if key == Ownership::LABEL
            && let Some(label) = value.string()?
        {
            is_labelled |=
                Ownership::open(&label, reader.key).is_some_and(|ownership| ownership.owner == reader.owner);
        }
        Ok(())
    })?;
    Ok(is_labelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::new([7; Key::LEN]);

    fn seen(body: &str, hides: Hides) -> String {
        let reader = Owner { container: "me", owner: "root", key: &KEY };
        let redacted = redacted(body.as_bytes(), hides, reader).unwrap();
        redacted.map_or_else(|| body.to_owned(), |body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn paths_of_the_host_are_left_out() {
        let hides = Hides { paths: true, environment: false };
        let body = r#"[{"LogPath":"/var/x","Name":"/web","GraphDriver":{"Data":{"MergedDir":"/var/l/m"}},"Env":["A=1"]}]"#;
        let left = r#"[{"LogPath":"","Name":"/web","GraphDriver":{"Data":{"MergedDir":""}},"Env":["A=1"]}]"#;
        assert_eq!(seen(body, hides), left);
        assert_eq!(seen(body, Hides::default()), body);
    }

    #[test]
    fn environments_are_left_out_but_of_what_the_reader_owns() {
        let hides = Hides { paths: false, environment: true };
        let label = |owner: &str| {
            let ownership = Ownership { owner: owner.to_owned(), profile: "ci".to_owned() };
            quote(&ownership.seal(&KEY, "1"))
        };
        let inspected = |id: &str, label: &str| {
            format!(
                r#"{{"Id":"{id}","Config":{{"Env":["A=1","B","C="],"Labels":{{"hostward.owner":{label}}}}}}}"#
            )
        };
        let others = inspected("x", &label("other"));
        assert_eq!(seen(&others, hides), others.replace("A=1", "A=redacted"));
        for own in [inspected("x", &label("root")), inspected("me", "\"\"")] {
            assert_eq!(seen(&own, hides), own);
        }
        let forged = inspected("x", "\"0 {\\\"owner\\\":\\\"root\\\"}\"");
        assert_ne!(seen(&forged, hides), forged);
        let task = r#"[{"Spec":{"ContainerSpec":{"Env":["TOKEN=s"]}}}]"#;
        assert_eq!(seen(task, hides), task.replace("=s", "=redacted"));
    }
}
