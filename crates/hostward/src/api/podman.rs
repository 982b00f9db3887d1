//! What Podman reads otherwise than the API says, and by which a path would pass unseen: refused.
//!
//! Podman 4.3 makes a text of each mount (`type=…,source=…`) and reads it again, so that a comma in a field begins the
//! next option; takes sources that begin with a full stop from its service's own directory; and takes the keys of
//! `Volumes` for binds. Each was seen to mount a directory of the machine.

use super::endpoint::Endpoint;
use super::json::{BodyError, Value, array, descend};
use super::mounts;

/// Looks through the body of a request for such things.
///
/// # Errors
/// A body that Podman would read otherwise than it is read here.
pub fn check(endpoint: Endpoint, body: &[u8]) -> Result<(), BodyError> {
    if endpoint != Endpoint::ContainerCreate || body.trim_ascii().is_empty() {
        return Ok(());
    }
    let top = Value::of(body)?;
    for names in [&["HostConfig"][..], &[]] {
        if let Some(holder) = descend(top, names)? {
            binds(holder)?;
            all_mounts(holder)?;
        }
    }
    let volumes = descend(top, &["Volumes"])?.map(|volumes| volumes.members()).transpose()?.flatten();
    match volumes.unwrap_or_default().iter().find(|(key, _)| key.contains(':')) {
        Some((key, _)) => Err(refused(format!("Volumes[{key:?}]"), "has a colon, by which it is a bind")),
        None => Ok(()),
    }
}

fn binds(holder: Value<'_>) -> Result<(), BodyError> {
    for text in array(holder, "Binds")?.unwrap_or_default() {
        if text.string()?.is_some_and(|text| text.starts_with('.')) {
            let place = format!("the bind {}", text.text());
            return Err(refused(place, "has a source that is taken from the engine's own directory"));
        }
    }
    Ok(())
}

fn all_mounts(holder: Value<'_>) -> Result<(), BodyError> {
    for (n, mount) in array(holder, "Mounts")?.unwrap_or_default().into_iter().enumerate() {
        let place = format!("Mounts[{n}]");
        let Some(members) = mounts::members(&place, mount)? else { continue };
        let text =
            |field: &str| Ok::<_, BodyError>(mounts::text(&place, &members, field)?.map(|(text, _)| text));
        let (kind, source) = (text("Type")?.unwrap_or_default(), text("Source")?.unwrap_or_default());
        if !matches!(&*kind, "bind" | "volume" | "tmpfs") {
            return Err(refused(place, "is of a type that is not known of it"));
        }
        if kind == "bind" && !source.starts_with('/') {
            return Err(refused(place, "has a source that is taken from the engine's own directory"));
        }
        if kind == "volume" && (source.contains('/') || source.starts_with('.')) {
            return Err(refused(place, "has a path for a volume's name"));
        }
        // Of any field: which ones go into the text is for each version of it to say.
        if texts(mount)?.iter().any(|text| text.contains([',', '"', '\n', '\r'])) {
            return Err(refused(place, "has a comma, a quote or a newline, by which it says something else"));
        }
    }
    Ok(())
}

/// All texts in a value.
fn texts(value: Value<'_>) -> Result<Vec<String>, BodyError> {
    if let Some(text) = value.string()? {
        return Ok(vec![text]);
    }
    let mut found = Vec::new();
    for value in value.elements()?.unwrap_or_default() {
        found.extend(texts(value)?);
    }
    for (name, value) in value.members()?.unwrap_or_default() {
        found.push(name.into_owned());
        found.extend(texts(value)?);
    }
    Ok(found)
}

fn refused(place: String, what: &'static str) -> BodyError {
    BodyError::Podman(place, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(body: &str) -> bool {
        check(Endpoint::ContainerCreate, body.as_bytes()).is_ok()
    }

    #[test]
    fn what_podman_reads_as_the_api_says_is_let_through() {
        assert!(holds(
            r#"{"Volumes":{"/t":{}},"HostConfig":{"Binds":["/a,b:/t","v:/x"],"Mounts":[null,
                {"Type":"bind","Source":"/a b","Target":"/t","BindOptions":{"Propagation":"rprivate"}},
                {"Type":"volume","Source":"v","Target":"/v"},{"Type":"volume","Target":"/w"},{"Type":"tmpfs","Target":"/m"}]}}"#
        ));
        assert!(holds("") && holds("{}") && holds(r#"{"HostConfig":null}"#));
        assert!(check(Endpoint::VolumeCreate, br#"{"Volumes":{"/etc:/t":{}}}"#).is_ok());
    }

    #[test]
    fn its_own_ways_to_the_machine_are_shut() {
        for body in [
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a,src=/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/t,src=/etc"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind,src=/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/t","BindOptions":{"Propagation":"rprivate,src=/etc"}}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a\u002csrc=/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"../etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Binds":["../../etc:/t"]}}"#,
            r#"{"hostconfig":{"binds":[".:/t"]}}"#,
            r#"{"Volumes":{"/etc:/t":{}}}"#,
        ] {
            assert!(!holds(body), "{body}");
        }
    }
}
