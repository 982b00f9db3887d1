//! `hostward translate`: what paths are to the engine: those that are asked for, as variables, or all that is mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use hostward::path::AskedPath;

use crate::args::TranslateArgs;
use crate::config::Configuration;
use crate::finding::{Finding, look};
use crate::report::{Failure, Status, say};
use crate::viewpoint::Viewpoint;
use crate::{config, printer, viewpoint};

pub(crate) async fn run(args: TranslateArgs) -> Result<Status, Failure> {
    let settings = config::settle(&args.whose)?;
    let variables: Vec<_> = args.env.iter().map(|text| Variable::parse(text)).collect::<Result<_, _>>()?;
    let named = args.paths.iter().map(OsString::as_os_str).chain(variables.iter().map(|one| one.path));
    let named: Vec<_> = named.map(|path| viewpoint::asked(path, &settings)).collect::<Result<_, _>>()?;
    let viewpoint = viewpoint::find(&settings, &named).await?;
    let asked = if args.all { all(&settings, &viewpoint) } else { named };
    let mut findings = Vec::with_capacity(asked.len());
    for path in &asked {
        findings.push(look(path, &viewpoint).await);
    }
    let complete = findings.iter().all(|finding| finding.source.is_ok());
    let status = if complete || args.all { Status::Done } else { Status::NoTranslation };
    if args.json && variables.is_empty() {
        printer::json(&findings.iter().map(Finding::record).collect::<Vec<_>>())?;
        return Ok(status);
    }
    if !complete {
        refuse(&findings, &viewpoint);
    }
    // All or none: a line left out would shift the others to the wrong paths.
    if status == Status::Done {
        let found =
            findings.iter().filter_map(|finding| Some((finding.asked, finding.source.as_deref().ok()?)));
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

/// Where something of the engine's machine is mounted or mapped.
fn all(settings: &Configuration, viewpoint: &Viewpoint) -> Vec<AskedPath> {
    if viewpoint.view().is_identity() {
        say("this process is not in a container: each of its paths is already a host path", &[]);
    }
    let mounted = viewpoint.container.iter().flat_map(|container| container.table.iter());
    let mapped = settings.rules.maps.iter().map(|map| map.caller().clone());
    let places: BTreeSet<_> = mounted.map(|mount| mount.destination.clone()).chain(mapped).collect();
    places.into_iter().map(AskedPath::from).collect()
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

fn refuse(findings: &[Finding<'_>], viewpoint: &Viewpoint) {
    for refusal in findings.iter().filter_map(|finding| finding.source.as_ref().err()) {
        say(refusal, &[refusal.remedy().to_string()]);
    }
    if let Some(why) = &viewpoint.blind {
        say(format_args!("only the maps are used: {why}"), &[]);
    }
}
