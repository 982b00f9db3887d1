//! `hostward translate`: what paths are to the engine: those that are asked for, as variables, or all that is mounted.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use hostward::explanation::Explanation;
use hostward::path::AskedPath;
use hostward_client::Viewpoint;

use crate::args::TranslateArgs;
use crate::config::Configuration;
use crate::report::{Failure, Status, say};
use crate::{config, printer, viewpoint};

pub(crate) async fn run(args: TranslateArgs) -> Result<Status, Failure> {
    let settings = config::settle(&args.whose)?;
    let variables: Vec<_> = args.env.iter().map(|text| Variable::parse(text)).collect::<Result<_, _>>()?;
    let named = args.paths.iter().map(OsString::as_os_str).chain(variables.iter().map(|one| one.path));
    let named: Vec<_> = named.map(|path| viewpoint::asked(path, &settings)).collect::<Result<_, _>>()?;
    let viewpoint = viewpoint::find(&settings, &named).await?;
    let asked = if args.all { all(&settings, &viewpoint)? } else { named };
    let explained = viewpoint::explain(&viewpoint, &asked).await?;
    let sources: Vec<_> = explained.iter().map(Explanation::source_bytes).collect();
    let complete = sources.iter().all(Option::is_some);
    let status = if complete || args.all { Status::Done } else { Status::NoTranslation };
    if args.json && variables.is_empty() {
        printer::json(&explained)?;
        return Ok(status);
    }
    warn(&explained, &viewpoint, args.all);
    // All or none: a line left out would shift the others to the wrong paths.
    if status == Status::Done {
        let found = asked.iter().zip(&sources).filter_map(|(asked, source)| Some((asked, (*source)?)));
        if args.all {
            let (between, end) = if args.null { (b"\0", b"\0") } else { (b"\t", b"\n") };
            printer::bytes(
                &found
                    .flat_map(|(at, source)| [at.as_bytes(), between, source, end])
                    .collect::<Vec<_>>()
                    .concat(),
            )?;
        } else if variables.is_empty() {
            let end = if args.null { b"\0" } else { b"\n" };
            printer::bytes(&found.flat_map(|(_, source)| [source, end]).collect::<Vec<_>>().concat())?;
        } else {
            let found = variables.iter().map(|one| one.name).zip(found.map(|(_, source)| source));
            if args.json { print_object(found) } else { print_variables(found) }?;
        }
    }
    Ok(status)
}

/// Where something of the host is mounted or mapped.
fn all(settings: &Configuration, viewpoint: &Viewpoint) -> Result<Vec<AskedPath>, Failure> {
    if viewpoint.is_host() {
        say("this process is not in a container: each of its paths is already a host path", &[]);
    }
    let mounted = viewpoint.mounts().into_iter().map(|mount| {
        AskedPath::parse(mount.destination.as_bytes())
            .map_err(|error| Failure::failed(format_args!("the mount at {:?} {error}", mount.destination)))
    });
    let mapped = settings.rules.maps.iter().map(|map| Ok(map.caller().clone().into()));
    let mut places = mounted.chain(mapped).collect::<Result<Vec<AskedPath>, _>>()?;
    places.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    places.dedup();
    Ok(places)
}

/// A variable that is to name a path.
struct Variable<'a> {
    name: &'a str,
    path: &'a OsStr,
}

impl<'a> Variable<'a> {
    fn parse(text: &'a OsStr) -> Result<Self, Failure> {
        let is_name = |name: &&str| {
            let mut bytes = name.bytes();
            bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let parts = text.as_bytes().iter().position(|byte| *byte == b'=').and_then(|at| {
            let (name, path) = text.as_bytes().split_at(at);
            let name = str::from_utf8(name).ok().filter(is_name)?;
            Some(Self { name, path: OsStr::from_bytes(&path[1..]) })
        });
        parts.ok_or_else(|| {
            let text = text.to_string_lossy();
            Failure::usage(format_args!(
                "--env {text:?} is not NAME=PATH (NAME may have letters, digits and _)"
            ))
        })
    }
}

fn print_object<'a>(found: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<(), Failure> {
    let text = |(name, source): (&'a str, &'a [u8])| match str::from_utf8(source) {
        Ok(source) => Ok((name, source)),
        Err(_) => Err(unfit(name, source, "is not UTF-8, which JSON requires").hint("leave --json out")),
    };
    Ok(printer::json(&found.map(text).collect::<Result<BTreeMap<_, _>, _>>()?)?)
}

/// In single quotes, which a shell and compose's `.env` read alike, and bare where they need none, as `--env-file` of
/// docker takes quotes to the letter.
fn print_variables<'a>(found: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<(), Failure> {
    let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,".contains(byte);
    let mut lines = Vec::new();
    for (name, source) in found {
        if source.iter().any(|byte| b"'\n\r".contains(byte)) {
            let why = "contains a quote or a line break, which a shell and a .env file read differently";
            return Err(unfit(name, source, why).hint("use --json"));
        }
        let quote: &[u8] = if source.iter().all(is_bare) { b"" } else { b"'" };
        lines.extend_from_slice(&[name.as_bytes(), b"=", quote, source, quote, b"\n"].concat());
    }
    Ok(printer::bytes(&lines)?)
}

fn unfit(name: &str, source: &[u8], why: &str) -> Failure {
    Failure::failed(format_args!("{name}: the path {:?} {why}", String::from_utf8_lossy(source)))
}

/// Says what has no translation, and what lies beneath a path that the one path of the host does not have.
fn warn(explained: &[Explanation], viewpoint: &Viewpoint, all: bool) {
    for explanation in explained {
        let Explanation { asked, refused, remedy, .. } = explanation;
        if explanation.source_bytes().is_none() {
            let hints = Vec::from_iter(remedy.clone());
            match refused {
                Some(why) => say(why, &hints),
                None => say(format_args!("cannot print {asked}: its path on the host is not UTF-8"), &hints),
            }
        }
        let beneath: Vec<_> = explanation.beneath().collect();
        if !beneath.is_empty() && !all {
            let lie = if beneath.len() == 1 { "another mount lies" } else { "other mounts lie" };
            say(
                format_args!(
                    "{lie} beneath {asked}, which a bind of the printed path leaves out: {}",
                    listed(&beneath)
                ),
                &["a request through hostward brings them along; hostward explain shows all of them"
                    .to_owned()],
            );
        }
    }
    if let Some(why) = viewpoint.blind() {
        say(format_args!("only the maps are used: {why}"), &[]);
    }
}

/// The first few, and how many more.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}
