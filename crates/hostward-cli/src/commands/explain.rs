//! `hostward explain`: where a path leads and why, drawn with the user's own paths.

use std::fmt::Write;
use std::io;

use hostward::explanation::{Explanation, Layer, MountGiven};
use hostward::path::{AskedPath, CallerPath};
use hostward_client::Viewpoint;
use serde::Serialize;

use crate::args::ExplainArgs;
use crate::draw::{Link, Panel, draw};
use crate::report::{Failure, Status};
use crate::{config, printer, viewpoint};

/// Wider than a classic terminal, since paths are long; narrower than a log viewer.
const DEFAULT_WIDTH: usize = 120;

pub(crate) async fn run(args: ExplainArgs) -> Result<Status, Failure> {
    let settings = config::settle(&args.whose)?;
    let asked = viewpoint::asked(&args.path, &settings)?;
    let viewpoint = viewpoint::find(&settings, std::slice::from_ref(&asked)).await?;
    let target = match args.target {
        Some(target) => target_path(&target)?,
        None => default_target(&asked),
    };
    let mut status = Status::Done;
    for explanation in viewpoint::explain(&viewpoint, std::slice::from_ref(&asked)).await? {
        if !explanation.is_given() {
            status = Status::NoTranslation;
        }
        if args.json {
            let (caller, target) = (viewpoint.caller(), &*target);
            printer::json(&PrintedExplanation { caller, target, explanation: &explanation })?;
        } else {
            printer::text(&shown(&explanation, &viewpoint, &target))?;
        }
    }
    Ok(status)
}

/// What `--json` prints.
#[derive(Serialize)]
struct PrintedExplanation<'a> {
    caller: &'a str,
    target: &'a str,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

fn target_path(text: &str) -> Result<String, Failure> {
    let path = CallerPath::parse(text.as_bytes())
        .map_err(|error| Failure::usage(format_args!("the target {text:?} {error}")))?;
    Ok(path.to_string())
}

/// The same name at the top, so that the picture shows that the two paths have nothing to do with each other.
fn default_target(asked: &AskedPath) -> String {
    let clean = asked.clean().to_string();
    match clean.rsplit('/').next() {
        None | Some("") => "/target".to_owned(),
        Some(name) => format!("/{name}"),
    }
}

fn shown(explanation: &Explanation, viewpoint: &Viewpoint, target: &str) -> String {
    let (panels, links) = picture(explanation, viewpoint, target);
    let facts = facts(explanation, viewpoint, target);
    let wide = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = draw(&panels, &links, width()) + "\n";
    for (name, fact) in facts {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:wide$}  {fact}");
    }
    text
}

/// The boxes: the host, the caller, the new container; a caller on the host has no box of its own.
fn picture(explanation: &Explanation, viewpoint: &Viewpoint, target: &str) -> (Vec<Panel>, Vec<Link>) {
    let panel = |title: &str, Layer { base, rest }: &Layer| Panel {
        title: title.to_owned(),
        base: base.clone(),
        rest: rest.clone(),
    };
    let title = match viewpoint.container() {
        Some(name) => format!("CONTAINER {name}"),
        None => "HERE".to_owned(),
    };
    let host = explanation.on_host.iter().map(|layer| panel("HOST, where the engine runs", layer));
    let caller = explanation.in_caller.iter().map(|layer| panel(&title, layer));
    let new = panel("NEW CONTAINER", &Layer { base: target.to_owned(), rest: String::new() });
    let panels: Vec<_> = host.chain(caller).chain([new]).collect();
    let mut links = vec![Link::Arrow; panels.len() - 1];
    if let Some(last) = links.last_mut()
        && (!explanation.is_given() || explanation.on_host.is_none())
    {
        *last = Link::Broken;
    }
    (panels, links)
}

fn facts(explanation: &Explanation, viewpoint: &Viewpoint, target: &str) -> Vec<(&'static str, String)> {
    let mut facts = vec![("asked", explanation.asked.clone())];
    let mut say = |name, fact: Option<String>| facts.extend(fact.map(|fact| (name, fact)));
    let Explanation { asked, read_as, resolved, exists, origin, source, .. } = explanation;
    say("read as", read_as.clone().filter(|_| !explanation.is_the_callers()));
    let clean = AskedPath::parse(asked.as_bytes()).map(|asked| asked.clean().to_string()).ok();
    say("leads to", resolved.clone().filter(|resolved| Some(resolved) != clean.as_ref()));
    say("missing", (*exists == Some(false)).then(|| "nothing exists there".to_owned()));
    say("found", origin.clone());
    let written = |path: &String| format!("{path} where this container was started");
    say("written as", explanation.user_path.as_ref().map(written));
    say("rule", explanation.rule_says.clone());
    if explanation.is_given() {
        say("source", source.clone());
        let read_only = explanation.read_only == Some(true);
        say("mode", read_only.then(|| "read-only, as in the caller".to_owned()));
        for (name, option) in options(explanation, target) {
            say(name, Some(option));
        }
    } else {
        say("refused", explanation.reason.clone());
        say("do", explanation.remedy.clone());
    }
    say("only maps", viewpoint.blind().map(str::to_owned));
    facts
}

/// Everything that the engine is given, as one would write it for docker.
fn options(explanation: &Explanation, target: &str) -> Vec<(&'static str, String)> {
    const GIVEN: &str = "the engine is given";
    let Some(mounts) = &explanation.mounts else {
        return vec![(GIVEN, bind_option(&explanation.asked, target, false))];
    };
    let mut options = Vec::with_capacity(mounts.len());
    for mount in mounts {
        let (name, target) = match &*mount.beneath {
            "" => (GIVEN, target.to_owned()),
            rest => ("and below it", format!("{}/{rest}", target.trim_end_matches('/'))),
        };
        options.push((name, option(mount, &target)));
    }
    options
}

fn option(mount: &MountGiven, target: &str) -> String {
    let MountGiven { r#type, source, subpath, read_only, .. } = mount;
    if r#type == "bind" {
        return bind_option(source, target, *read_only);
    }
    let subpath = if subpath.is_empty() { String::new() } else { format!(",volume-subpath={subpath}") };
    let ro = if *read_only { ",readonly" } else { "" };
    format!("--mount type=volume,source={source},target={target}{subpath},volume-nocopy{ro}")
}

/// `-v` cannot spell a colon.
fn bind_option(source: &str, target: &str, read_only: bool) -> String {
    if source.contains(':') {
        let ro = if read_only { ",readonly" } else { "" };
        return format!("--mount type=bind,source={source},target={target}{ro}");
    }
    format!("-v {source}:{target}{}", if read_only { ":ro" } else { "" })
}

/// The terminal's width; a file or a pipe has none.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0).unwrap_or(DEFAULT_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default(path: &str) -> String {
        default_target(&AskedPath::parse(path.as_bytes()).unwrap())
    }

    #[test]
    fn the_default_target_is_the_name_at_the_top() {
        assert_eq!(default("/app/storage/file.py"), "/file.py");
        assert_eq!(default("/"), "/target");
    }

    #[test]
    fn a_source_with_a_colon_is_spelled_as_a_mount() {
        assert_eq!(bind_option("/a:b", "/t", true), "--mount type=bind,source=/a:b,target=/t,readonly");
        assert_eq!(bind_option("/a", "/t", false), "-v /a:/t");
    }

    #[test]
    fn a_part_of_a_volume_is_spelled_as_a_mount() {
        let part = |subpath: &str, read_only| MountGiven {
            r#type: "volume".to_owned(),
            source: "v".to_owned(),
            subpath: subpath.to_owned(),
            beneath: String::new(),
            read_only,
        };
        assert_eq!(
            option(&part("a/b", true), "/t"),
            "--mount type=volume,source=v,target=/t,volume-subpath=a/b,volume-nocopy,readonly"
        );
        assert_eq!(option(&part("", false), "/t"), "--mount type=volume,source=v,target=/t,volume-nocopy");
    }
}
