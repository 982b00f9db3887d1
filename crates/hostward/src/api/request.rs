//! The paths in a request's body, and putting the engine's in their places.
//!
//! A body is changed only where a path stands: what is not touched keeps its bytes, its order, and whatever it
//! says that this version of Hostward has never heard of (T12).

use super::binds::Bind;
use super::endpoint::Endpoint;
use super::fields::{Form, REQUEST_FIELDS};
use super::json::{BodyError, Member, Value, member, present, quote};
use crate::path::{AskedPath, EnginePath};
use crate::plan::{Plan, Wish};
use crate::refusal::{Reason, Refusal};
use std::ops::Range;

/// A place in a body where a path stands.
#[derive(Debug)]
pub struct Site {
    /// The path.
    pub asked: AskedPath,
    /// What the request wants of it.
    pub wish: Wish,
    spelling: Spelling,
}

/// How the path is spelled there, and which bytes spell it.
#[derive(Debug)]
enum Spelling {
    /// Part of the text of a bind.
    Bind { text: Range<usize>, bind: Bind },
    /// The `Source` of a mount object.
    Mount { source: Range<usize>, read_only: ReadOnly },
}

/// What a mount object says of `ReadOnly`.
#[derive(Debug)]
enum ReadOnly {
    /// It is true.
    Asked,
    /// It is something else, standing there.
    Denied(Range<usize>),
    /// Nothing: the name would have to be inserted there.
    Silent(usize),
}

/// Finds every path of the engine's machine in the body of a request.
///
/// # Errors
/// A body that is no JSON, says a name that matters twice, or has another shape than the API's.
pub fn sites(endpoint: Endpoint, body: &[u8]) -> Result<Vec<Site>, BodyError> {
    let mut sites = Vec::new();
    // A start has no body, mostly.
    if body.trim_ascii().is_empty() {
        return Ok(sites);
    }
    let top = Value::of(body)?;
    for field in REQUEST_FIELDS.iter().filter(|field| field.endpoint == endpoint) {
        let Some(value) = descend(top, field.names)? else { continue };
        let name = field.names.join(".");
        let elements = value.elements()?.ok_or_else(|| BodyError::Type(name.clone(), "an array"))?;
        for (n, element) in elements.into_iter().enumerate() {
            let name = format!("{name}[{n}]");
            let site = match field.form {
                Form::Binds => bind_site(&name, element)?,
                Form::Mounts => mount_site(&name, element)?,
            };
            sites.extend(site);
        }
    }
    Ok(sites)
}

fn descend<'a>(top: Value<'a>, names: &[&str]) -> Result<Option<Value<'a>>, BodyError> {
    let mut value = top;
    for (n, name) in names.iter().enumerate() {
        if value.is_null() {
            return Ok(None);
        }
        let place = || if n == 0 { "the whole".to_owned() } else { names[..n].join(".") };
        let members = value.members()?.ok_or_else(|| BodyError::Type(place(), "an object"))?;
        match present(&members, name)? {
            Some(inner) => value = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

fn bind_site(name: &str, element: Value<'_>) -> Result<Option<Site>, BodyError> {
    if element.is_null() {
        return Ok(None);
    }
    let text = element.string()?.ok_or_else(|| BodyError::Type(name.to_owned(), "a string"))?;
    let bind =
        Bind::parse(&text).map_err(|error| BodyError::Path(name.to_owned(), format!("{text:?} {error}")))?;
    Ok(bind.map(|bind| Site {
        asked: bind.source.clone(),
        wish: Wish { recursive: true, creates: true },
        spelling: Spelling::Bind { text: element.span(), bind },
    }))
}

fn mount_site(name: &str, element: Value<'_>) -> Result<Option<Site>, BodyError> {
    if element.is_null() {
        return Ok(None);
    }
    let members = element.members()?.ok_or_else(|| BodyError::Type(name.to_owned(), "an object"))?;
    let text = |field: &str| match present(&members, field)? {
        Some(value) => {
            let text =
                value.string()?.ok_or_else(|| BodyError::Type(format!("{name}.{field}"), "a string"))?;
            Ok::<_, BodyError>(Some((text, value.span())))
        }
        None => Ok(None),
    };
    // Only a bind's source is a path of the engine's machine; one that is not absolute is the engine's to refuse.
    let kind = text("Type")?;
    let Some((source, span)) = text("Source")? else { return Ok(None) };
    if kind.is_none_or(|(kind, _)| kind != "bind") || !source.starts_with('/') {
        return Ok(None);
    }
    let asked = AskedPath::parse(source.as_bytes())
        .map_err(|error| BodyError::Path(format!("{name}.Source"), format!("{source:?} {error}")))?;
    let read_only = match member(&members, "ReadOnly")? {
        Some(value) if value.text() == "true" => ReadOnly::Asked,
        Some(value) => ReadOnly::Denied(value.span()),
        None => ReadOnly::Silent(element.span().end - 1),
    };
    Ok(Some(Site {
        asked,
        wish: Wish {
            recursive: !bind_option(name, &members, "NonRecursive")?,
            creates: bind_option(name, &members, "CreateMountpoint")?,
        },
        spelling: Spelling::Mount { source: span, read_only },
    }))
}

/// A switch of `BindOptions`: `NonRecursive` (API 1.40), `CreateMountpoint` (API 1.42).
fn bind_option(name: &str, members: &[Member<'_>], option: &str) -> Result<bool, BodyError> {
    let Some(options) = present(members, "BindOptions")? else { return Ok(false) };
    let inner =
        options.members()?.ok_or_else(|| BodyError::Type(format!("{name}.BindOptions"), "an object"))?;
    Ok(member(&inner, option)?.is_some_and(|value| value.text() == "true"))
}

/// The body with the engine's paths in the places of the caller's.
///
/// # Errors
/// A refusal where a path of the engine's machine cannot be spelled in the place of the caller's.
pub fn rewrite(body: &[u8], sites: &[(Site, Plan)]) -> Result<Vec<u8>, Refusal> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (site, plan) in sites {
        let Plan::Bind { source, read_only } = plan else { continue };
        edits.extend(site.edits(source, *read_only)?);
    }
    edits.sort_by_key(|(span, _)| span.start);
    let mut rewritten = Vec::with_capacity(body.len() + 64 * edits.len());
    let mut done = 0;
    for (span, text) in edits {
        rewritten.extend_from_slice(&body[done..span.start]);
        rewritten.extend_from_slice(text.as_bytes());
        done = span.end;
    }
    rewritten.extend_from_slice(&body[done..]);
    Ok(rewritten)
}

impl Site {
    fn edits(&self, source: &EnginePath, force: bool) -> Result<Vec<(Range<usize>, String)>, Refusal> {
        let refuse = |what| Refusal {
            asked: self.asked.clone(),
            reason: Reason::Spelling { source: source.to_string(), what },
        };
        let text = source.as_str().ok_or_else(|| refuse("a path that is not UTF-8"))?;
        match &self.spelling {
            Spelling::Bind { text: span, bind } => {
                if text.contains(':') {
                    return Err(refuse("a path with a colon"));
                }
                Ok(vec![(span.clone(), quote(&bind.with(text, force)))])
            }
            Spelling::Mount { source: span, read_only } => {
                let mut edits = vec![(span.clone(), quote(text))];
                match read_only {
                    ReadOnly::Denied(span) if force => edits.push((span.clone(), "true".to_owned())),
                    ReadOnly::Silent(at) if force => edits.push((*at..*at, r#","ReadOnly":true"#.to_owned())),
                    ReadOnly::Asked | ReadOnly::Denied(_) | ReadOnly::Silent(_) => {}
                }
                Ok(edits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CREATE: Endpoint = Endpoint::ContainerCreate;

    /// The body with every path `/app…` given as `/srv/x`, read-only where `force`.
    fn rewritten(body: &str, force: bool) -> String {
        let source = EnginePath::parse(b"/srv/x").unwrap();
        let plan = Plan::Bind { source, read_only: force };
        let sites = sites(CREATE, body.as_bytes()).unwrap();
        let planned: Vec<_> = sites
            .into_iter()
            .map(|site| {
                if site.asked.as_bytes().starts_with(b"/app") {
                    (site, plan.clone())
                } else {
                    (site, Plan::Keep)
                }
            })
            .collect();
        String::from_utf8(rewrite(body.as_bytes(), &planned).unwrap()).unwrap()
    }

    #[test]
    fn only_the_paths_change() {
        let body = r#"{ "Image":"i", "Future" : {"Binds":["/app:/x"]}, "hostconfig": {"Mounts":[
            {"Type":"bind","Source":"\/app/a b","Target":"/t","BindOptions":{"Propagation":"rslave","New":1}},
            {"Type":"volume","Source":"app","Target":"/v"}, {"Type":"tmpfs","Target":"/m"}, null],
            "BINDS" : [ "/app/f:/c:ro,z" , "vol:/v", "/anon", "/etc:/e" ] } }"#;
        let expected =
            body.replace(r#""\/app/a b""#, r#""/srv/x""#).replace("/app/f:/c:ro,z", "/srv/x:/c:ro,z");
        assert_eq!(rewritten(body, false), expected);
    }

    #[test]
    fn read_only_is_forced_in_both_forms() {
        let body = r#"{"HostConfig":{"Binds":["/app:/a"],"Mounts":[{"Type":"bind","Source":"/app"},
            {"Type":"bind","Source":"/app","readonly":false},{"Type":"bind","Source":"/app","ReadOnly":true}]}}"#;
        let expected = r#"{"HostConfig":{"Binds":["/srv/x:/a:ro"],"Mounts":[{"Type":"bind","Source":"/srv/x","ReadOnly":true},
            {"Type":"bind","Source":"/srv/x","readonly":true},{"Type":"bind","Source":"/srv/x","ReadOnly":true}]}}"#;
        assert_eq!(rewritten(body, true), expected);
    }

    #[test]
    fn a_body_without_paths_keeps_every_byte() {
        for body in [
            "null",
            "{}",
            r#"{"HostConfig":null}"#,
            " {\n\"HostConfig\" : {\"Binds\":null} }\n",
            r#"{"HostConfig":{"Binds":[]}}"#,
        ] {
            assert_eq!(rewritten(body, true), body);
        }
    }

    #[test]
    fn what_cannot_be_judged_is_an_error_that_names_the_place() {
        for (body, place) in [
            (r#"{"HostConfig":{},"hostconfig":{}}"#, "HostConfig"),
            (r#"{"HostConfig":{"Binds":[],"bind\u017f":[]}}"#, "Binds"),
            (r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","source":"/b"}]}}"#, "Source"),
            (r#"{"HostConfig":{"Binds":"/a:/b"}}"#, "HostConfig.Binds"),
            (r#"{"HostConfig":{"Binds":[1]}}"#, "HostConfig.Binds[0]"),
            (r#"{"HostConfig":{"Binds":["/a:b:/c:ro"]}}"#, "HostConfig.Binds[0]"),
            (r#"{"HostConfig":[]}"#, "HostConfig"),
            (r#"{"HostConfig":{"Binds":["/a:/b"]"#, "not JSON"),
            (r#"{"HostConfig":{"Binds":["\ud800:/b"]}}"#, "not JSON"),
        ] {
            let error = sites(CREATE, body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(place), "{body}: {error}");
        }
    }

    #[test]
    fn a_non_recursive_bind_is_known() {
        let body = r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","BindOptions":{"NonRecursive":true}},
            {"Type":"bind","Source":"/b","BindOptions":{"NonRecursive":false}},{"Type":"bind","Source":"/c"}]}}"#;
        let recursive: Vec<_> =
            sites(CREATE, body.as_bytes()).unwrap().iter().map(|s| s.wish.recursive).collect();
        assert_eq!(recursive, [false, true, true]);
    }

    #[test]
    fn every_form_that_some_engine_takes_is_found() {
        let asked = |endpoint, body: &str| {
            let sites = sites(endpoint, body.as_bytes()).unwrap();
            sites.iter().map(|site| site.asked.to_string()).collect::<Vec<_>>()
        };
        let top = r#"{"Binds":["/a:/x"],"Mounts":[{"Type":"bind","Source":"/b"}]}"#;
        assert_eq!(asked(CREATE, top), ["/a", "/b"]);
        assert_eq!(asked(Endpoint::ContainerStart, top), ["/a", "/b"]);
        assert!(asked(Endpoint::ContainerStart, "").is_empty());
    }

    #[test]
    fn a_source_that_a_bind_cannot_spell_is_refused() {
        let sites = sites(CREATE, br#"{"HostConfig":{"Binds":["/app:/a"]}}"#).unwrap();
        for source in [&b"/srv/a:b"[..], b"/srv/\xff"] {
            let plan = Plan::Bind { source: EnginePath::parse(source).unwrap(), read_only: false };
            assert!(
                sites[0]
                    .edits(
                        match &plan {
                            Plan::Bind { source, .. } => source,
                            Plan::Keep => unreachable!(),
                        },
                        false
                    )
                    .is_err()
            );
        }
    }

    proptest! {
        #[test]
        fn rewriting_changes_nothing_but_the_sources(
            sources in prop::collection::vec("/app/[a-z\"\\\\ é]{0,6}", 0..4),
            pad in "[ \n\t]{0,3}",
        ) {
            let spell = |sources: &[String]| {
                let binds: Vec<_> = sources.iter().map(|s| quote(&format!("{s}:/t:z"))).collect();
                format!(r#"{{{pad}"A":1.50,"HostConfig":{{"Binds":[{}]{pad}}},"Z":"\u0041"}}"#, binds.join(&format!(",{pad}")))
            };
            let expected = spell(&vec!["/srv/x".to_owned(); sources.len()]);
            prop_assert_eq!(rewritten(&spell(&sources), false), expected);
        }

        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(prop::sample::select(br#"{}[]":,/aHostConfigBinds\u0"#.to_vec()), 0..64)) {
            let _ = sites(CREATE, &body);
        }
    }
}
