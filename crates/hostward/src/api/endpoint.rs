//! Which endpoint a request is for, read as the engine's router reads it.

use std::borrow::Cow;

/// The endpoints that need more than being passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /containers/create`
    ContainerCreate,
    /// `POST /containers/{id}/start`; below API 1.24 its body has a `HostConfig`.
    ContainerStart,
    /// `POST /containers/{id}/attach`: the connection becomes a raw stream.
    ContainerAttach,
    /// `POST /exec/{id}/start`: the connection becomes a raw stream.
    ExecStart,
    /// Every other, known or not.
    Other,
}

/// Reads the endpoint from a request line's method and target: origin form or absolute form, with a version
/// (`/v1.24/…`) or without, percent-encoded or not.
///
/// What the engine's router would take for an endpoint is never `Other`; the reverse (a doubled slash, which the
/// router redirects) does no harm.
pub fn classify(method: &[u8], target: &[u8]) -> Endpoint {
    let path = decode(path_of(target));
    let mut components = Vec::with_capacity(4);
    for component in path.split(|&b| b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => drop(components.pop()),
            name => components.push(name),
        }
    }
    let route = match components.split_first() {
        Some((first, rest)) if is_version(first) => rest,
        _ => &components[..],
    };
    match (method, route) {
        (b"POST", [b"containers", b"create"]) => Endpoint::ContainerCreate,
        (b"POST", [b"containers", _, b"start"]) => Endpoint::ContainerStart,
        (b"POST", [b"containers", _, b"attach"]) => Endpoint::ContainerAttach,
        (b"POST", [b"exec", _, b"start"]) => Endpoint::ExecStart,
        _ => Endpoint::Other,
    }
}

/// The path of a target, without query, scheme and authority, as Go's `url.ParseRequestURI` cuts it: a scheme may
/// stand before a path without an authority (`x:/containers/create`).
fn path_of(target: &[u8]) -> &[u8] {
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

fn decode(path: &[u8]) -> Cow<'_, [u8]> {
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

fn is_version(component: &[u8]) -> bool {
    component
        .strip_prefix(b"v")
        .is_some_and(|number| !number.is_empty() && number.iter().all(|b| b.is_ascii_digit() || *b == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_is_known_in_every_spelling_that_the_router_takes() {
        for target in [
            "/containers/create",
            "/v1.24/containers/create?name=x",
            "/v1.51/containers/cre%61te",
            "/%76%31.51/containers/create",
            "http://docker/v1.41/containers/create?name=/a/b",
            "//containers//create",
            "x:/containers/create",
            "x:/containers/create?a=://b/c",
            "http://d/containers/create?x=y:z",
            "/images/../containers/create",
        ] {
            assert_eq!(classify(b"POST", target.as_bytes()), Endpoint::ContainerCreate, "{target}");
        }
    }

    #[test]
    fn other_requests_are_not_taken_for_it() {
        for (method, target) in [
            ("GET", "/containers/create"),
            ("POST", "/containers/create/start/x"),
            ("POST", "/libpod/containers/create"),
            ("POST", "/volumes/create"),
            ("POST", "/v1.41/images/create?fromImage=/containers/create"),
            ("POST", "*"),
            ("POST", "http://containers/create"),
        ] {
            assert_eq!(classify(method.as_bytes(), target.as_bytes()), Endpoint::Other, "{method} {target}");
        }
    }

    #[test]
    fn raw_streams_are_known() {
        assert_eq!(classify(b"POST", b"/v1.24/containers/abc/attach?stream=1"), Endpoint::ContainerAttach);
        assert_eq!(classify(b"POST", b"/exec/abc/start"), Endpoint::ExecStart);
        assert_eq!(classify(b"POST", b"/v1.23/containers/abc/start"), Endpoint::ContainerStart);
    }
}
