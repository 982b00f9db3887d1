//! A model of the engine's own reading of targets: Go's `url.ParseRequestURI`, then the cleaning and the patterns of gorilla's mux,
//! with which Docker's engines have served for years.

use hostward::api::endpoint::Endpoint;

/// The routes of an engine whose bodies or answers carry paths, as it writes them. The first that matches is served.
const ROUTES: [(&str, &str, Endpoint); 26] = [
    ("GET", "/containers/json", Endpoint::ContainerList),
    ("GET", "/containers/{name:.*}/json", Endpoint::ContainerInspect),
    ("POST", "/containers/create", Endpoint::ContainerCreate),
    ("POST", "/containers/{name:.*}/restart", Endpoint::ContainerRestart),
    ("POST", "/containers/{name:.*}/start", Endpoint::ContainerStart),
    ("POST", "/containers/{name:.*}/attach", Endpoint::ContainerAttach),
    ("POST", "/containers/{name:.*}/checkpoints", Endpoint::CheckpointCreate),
    ("POST", "/exec/{name:.*}/start", Endpoint::ExecStart),
    ("GET", "/services", Endpoint::ServiceList),
    ("GET", "/services/{id}", Endpoint::ServiceInspect),
    ("POST", "/services/create", Endpoint::ServiceCreate),
    ("POST", "/services/{id}/update", Endpoint::ServiceUpdate),
    ("GET", "/tasks", Endpoint::TaskList),
    ("GET", "/tasks/{id}", Endpoint::TaskInspect),
    ("GET", "/volumes", Endpoint::VolumeList),
    ("GET", "/volumes/{name:.*}", Endpoint::VolumeInspect),
    ("POST", "/volumes/create", Endpoint::VolumeCreate),
    ("POST", "/plugins/{name:.*}/set", Endpoint::PluginSet),
    ("POST", "/plugins/create", Endpoint::PluginCreate),
    ("POST", "/commit", Endpoint::Commit),
    ("GET", "/events", Endpoint::Events),
    ("GET", "/system/df", Endpoint::SystemDf),
    ("GET", "/_ping", Endpoint::Other),
    ("POST", "/images/create", Endpoint::Other),
    ("GET", "/images/{name:.*}/json", Endpoint::Other),
    ("POST", "/containers/{name:.*}/kill", Endpoint::Other),
];

/// The path of a request, decoded; none where Go answers 400.
pub(crate) fn path_of(target: &[u8]) -> Option<Vec<u8>> {
    if target.is_empty() || target.iter().any(|&b| b < b' ' || b == 0x7f) {
        return None;
    }
    if target == b"*" {
        return Some(target.to_vec());
    }
    let (has_scheme, rest) = scheme(target)?;
    let path = rest.split(|&b| b == b'?').next().unwrap_or_default();
    if !path.starts_with(b"/") {
        // Opaque: it has no path.
        return has_scheme.then(Vec::new);
    }
    match path.strip_prefix(b"//") {
        Some(authority) if has_scheme => {
            let slash = authority.iter().position(|&b| b == b'/').unwrap_or(authority.len());
            unescaped(&authority[slash..])
        }
        _ => unescaped(path),
    }
}

/// Whether a scheme stands first, and what is behind it; none where Go misses one.
fn scheme(target: &[u8]) -> Option<(bool, &[u8])> {
    for (n, byte) in target.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if n > 0 => {}
            b':' if n == 0 => return None,
            b':' => return Some((true, &target[n + 1..])),
            _ => break,
        }
    }
    Some((false, target))
}

fn unescaped(path: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut rest) = (Vec::new(), path);
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let digits = str::from_utf8(rest.get(..2)?).ok()?;
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            plain.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            plain.push(byte);
        }
    }
    Some(plain)
}

/// As `path.Clean` has it, with the slash at the end that it takes away.
fn cleaned(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&b| b == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let mut clean = [b"/", &names.join(&b'/')[..]].concat();
    if path.ends_with(b"/") && clean != b"/" {
        clean.push(b'/');
    }
    clean
}

/// What the engine serves; none where it redirects, refuses or knows nothing of it.
pub(crate) fn served(method: &str, target: &[u8]) -> Option<Endpoint> {
    let path = path_of(target)?;
    if cleaned(&path) != path {
        return None;
    }
    let route = |with_version: bool| {
        let path = if with_version { behind_version(&path)? } else { &path[..] };
        let found =
            ROUTES.iter().find(|(verb, pattern, _)| *verb == method && matches(pattern.as_bytes(), path));
        found.map(|(.., endpoint)| *endpoint)
    };
    route(true).or_else(|| route(false))
}

/// `/v{version:[0-9.]+}` taken off.
fn behind_version(path: &[u8]) -> Option<&[u8]> {
    let rest = path.strip_prefix(b"/v")?;
    let end = rest.iter().position(|b| !(b.is_ascii_digit() || *b == b'.'))?;
    (end > 0).then(|| &rest[end..])
}

/// Whether a path is a pattern's: `{name:.*}` is anything but the end of a line, `{id}` anything but a slash. Of no name (`/volumes/`)
/// the engine says that nothing has it.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let Some(open) = pattern.iter().position(|&b| b == b'{') else { return pattern == path };
    let Some(rest) = path.strip_prefix(&pattern[..open]) else { return false };
    let close = pattern.iter().position(|&b| b == b'}').unwrap_or(pattern.len() - 1);
    let (inside, after) = (&pattern[open..close], &pattern[close + 1..]);
    let is_any = inside.ends_with(b".*");
    (1..=rest.len()).any(|length| {
        let (name, tail) = rest.split_at(length);
        name.iter().all(|&b| if is_any { b != b'\n' } else { b != b'/' }) && tail == after
    })
}
