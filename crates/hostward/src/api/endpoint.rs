//! Which endpoint a request is for, read as the engine's router reads it.

use crate::version::ApiVersion;
use std::borrow::Cow;

/// The endpoints that need more than being passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /containers/create`
    ContainerCreate,
    /// `POST /containers/{id}/start`; below API 1.24 its body has a `HostConfig`.
    ContainerStart,
    /// `POST /containers/{id}/restart`, whose errors name the paths of mounts.
    ContainerRestart,
    /// `GET /containers/{id}/json`
    ContainerInspect,
    /// `GET /containers/json`
    ContainerList,
    /// `POST /containers/{id}/attach`: the connection becomes a raw stream.
    ContainerAttach,
    /// `POST /exec/{id}/start`: the connection becomes a raw stream.
    ExecStart,
    /// `POST /services/create`
    ServiceCreate,
    /// `POST /services/{id}/update`
    ServiceUpdate,
    /// `GET /services/{id}`
    ServiceInspect,
    /// `GET /services`
    ServiceList,
    /// `GET /tasks/{id}`
    TaskInspect,
    /// `GET /tasks`
    TaskList,
    /// `POST /volumes/create`, which answers with the volume.
    VolumeCreate,
    /// `GET /volumes/{name}`
    VolumeInspect,
    /// `GET /volumes`
    VolumeList,
    /// `POST /plugins/{name}/set`
    PluginSet,
    /// `POST /plugins/create`: a tar file with the plugin's own mounts.
    PluginCreate,
    /// `POST /commit`, which makes an image with a container's labels.
    Commit,
    /// `GET /events`: one JSON object after the other, without end.
    Events,
    /// `GET /system/df`, which lists containers and volumes.
    SystemDf,
    /// `POST /containers/{id}/checkpoints`
    CheckpointCreate,
    /// A request for checkpoints that names their directory in its query (`dir`, `checkpoint-dir`); there is no translation
    /// of that.
    CheckpointDirectory,
    /// A request of Podman's own API that carries paths; there is no translation of those.
    LibpodCreate,
    /// Every other, known or not.
    Other,
}

/// The API version that a target asks for (`/v1.41/…`); none means the engine's newest.
pub fn version(target: &[u8]) -> Option<ApiVersion> {
    let path = decode(path_of(target));
    let first = names(&path).into_iter().next().filter(|first| is_version(first))?;
    ApiVersion::parse(str::from_utf8(first).ok()?.strip_prefix('v')?)
}

/// The container that a target `/containers/{name}/…` names, as it stands there.
pub fn container(target: &[u8]) -> Option<String> {
    let path = decode(path_of(target));
    let names = names(&path);
    let at = names.iter().position(|name| *name == b"containers")?;
    let name = names.get(at + 1..names.len() - 1)?.join(&b'/');
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}

/// A target that names a container, `/containers/{name}/…`, with this id in the name's place; `None` where it names none.
pub fn with_container(target: &[u8], id: &str) -> Option<Vec<u8>> {
    let (path, query) = match target.iter().position(|&b| b == b'?') {
        Some(at) => target.split_at(at),
        None => (target, &[][..]),
    };
    let names: Vec<_> = path.split(|&b| b == b'/').collect();
    let at = names.iter().position(|name| *name == b"containers")?;
    names.get(at + 1).filter(|name| !name.is_empty())?;
    let path: Vec<_> =
        names[..=at].iter().copied().chain([id.as_bytes()]).chain(names[at + 2..].iter().copied()).collect();
    Some([&path.join(&b'/')[..], query].concat())
}

/// The name that a target's query asks for what is created, as it stands there.
pub fn created_name(target: &[u8]) -> Option<String> {
    let name = values(target, b"name").next()?;
    Some(String::from_utf8_lossy(&decode(name)).into_owned()).filter(|name| !name.is_empty())
}

/// Whether a target's query says something for a key.
pub(super) fn asks(target: &[u8], key: &[u8]) -> bool {
    values(target, key).any(|value| !value.is_empty())
}

/// What a target's query says for a key.
fn values<'a>(target: &'a [u8], key: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let query = target.splitn(2, |&b| b == b'?').nth(1).unwrap_or_default();
    query.split(|&b| b == b'&').filter_map(move |pair| {
        let mut halves = pair.splitn(2, |&b| b == b'=');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        (*decode(name) == *key).then_some(value)
    })
}

/// The names of a path, as the router has cleaned it.
pub(super) fn names(path: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::with_capacity(4);
    for component in path.split(|&b| b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names
}

/// The path of a target, without query, scheme and authority, as Go's `url.ParseRequestURI` cuts it: a scheme may
/// stand before a path without an authority (`x:/containers/create`).
pub(super) fn path_of(target: &[u8]) -> &[u8] {
    let target = target.split(|&b| b == b'?').next().unwrap_or(target);
    if target.starts_with(b"/") {
        return target;
    }
    let Some(colon) = target.iter().position(|&b| b == b':') else { return target };
    match &target[colon + 1..] {
        [b'/', b'/', authority @ ..] => {
            authority.iter().position(|&b| b == b'/').map_or(&b""[..], |slash| &authority[slash..])
        }
        path => path,
    }
}

pub(super) fn decode(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [a, b, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (digit(*a), digit(*b))
        {
            plain.push(high << 4 | low);
            rest = after;
        } else {
            plain.push(byte);
        }
    }
    Cow::Owned(plain)
}

/// What any engine's router takes for a version: Docker's digits and full stops, and Podman's also letters and hyphens
/// behind a digit.
pub(super) fn is_version(component: &[u8]) -> bool {
    let [b'v', first, rest @ ..] = component else { return false };
    (first.is_ascii_digit() || *first == b'.')
        && rest.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_of_a_target_is_told() {
        for (target, name) in [
            ("/v1.41/containers/web/start", Some("web")),
            ("/containers/w%65b/restart?t=1", Some("web")),
            ("/containers/other/web/start", Some("other/web")),
            ("/containers/start", None),
            ("/images/json", None),
        ] {
            assert_eq!(container(target.as_bytes()).as_deref(), name, "{target}");
        }
    }

    #[test]
    fn a_container_is_named_by_its_id_in_the_same_target() {
        for (target, becomes) in [
            ("/v1.41/containers/web/start", Some("/v1.41/containers/ID/start")),
            (
                "/containers/w%65b/archive?path=/containers/x",
                Some("/containers/ID/archive?path=/containers/x"),
            ),
            ("/containers/web?force=1", Some("/containers/ID?force=1")),
            ("/containers/web/checkpoints/c", Some("/containers/ID/checkpoints/c")),
            ("/commit?container=web", None),
            ("/containers", None),
        ] {
            let seen = with_container(target.as_bytes(), "ID");
            assert_eq!(seen.as_deref(), becomes.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn the_name_of_what_is_created_is_told() {
        for (target, name) in [
            ("/v1.41/containers/create?platform=&name=web", Some("web")),
            ("/containers/create?n%61me=w%65b", Some("web")),
            ("/containers/create?name=", None),
            ("/containers/create", None),
        ] {
            assert_eq!(created_name(target.as_bytes()).as_deref(), name, "{target}");
        }
    }

    #[test]
    fn the_version_is_read_from_the_target() {
        let version = |target: &str| version(target.as_bytes()).map(|version| version.to_string());
        assert_eq!(version("/v1.41/containers/json").as_deref(), Some("1.41"));
        assert_eq!(version("http://d/%76%31.24/x").as_deref(), Some("1.24"));
        assert_eq!(version("/containers/v1.24/json"), None);
    }
}
