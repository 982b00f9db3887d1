//! `hostward explain`: where a path leads and why, drawn with the user's own paths.

use std::fmt::Write;
use std::io;

use hostward::origin::Origin;
use hostward::path::{AskedPath, CallerPath, EnginePath, Rest};
use hostward::plan::{Beneath, Give, Plan};
use hostward::reading::{Reading, Words};
use serde::Serialize;

use crate::args::ExplainArgs;
use crate::draw::{Link, Panel, draw};
use crate::finding::{Finding, Record, look};
use crate::report::{Failure, Status};
use crate::viewpoint::Viewpoint;
use crate::{config, printer, viewpoint};

/// Wider than a classic terminal, since paths are long; narrower than a log viewer.
const DEFAULT_WIDTH: usize = 120;

pub(crate) async fn run(args: ExplainArgs) -> Result<Status, Failure> {
    let settings = config::settle(&args.whose)?;
    let asked = viewpoint::asked(&args.path, &settings)?;
    let viewpoint = viewpoint::find(&settings, std::slice::from_ref(&asked)).await?;
    let finding = look(&asked, &viewpoint).await;
    let target = match args.target {
        Some(target) => target_path(&target)?,
        None => default_target(&asked),
    };
    if args.json {
        printer::json(&Explained { caller: caller_name(&viewpoint), target, finding: finding.record() })?;
    } else {
        printer::text(&explanation(&finding, &viewpoint, &target))?;
    }
    Ok(if finding.plan.is_ok() { Status::Done } else { Status::NoTranslation })
}

#[derive(Serialize)]
struct Explained {
    caller: String,
    target: String,
    #[serde(flatten)]
    finding: Record,
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

fn explanation(finding: &Finding<'_>, viewpoint: &Viewpoint, target: &str) -> String {
    let (panels, links) = picture(finding, viewpoint, target);
    let facts = facts(finding, viewpoint, target);
    let wide = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = draw(&panels, &links, width()) + "\n";
    for (name, fact) in facts {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:wide$}  {fact}");
    }
    text
}

/// The boxes: engine's machine, caller, new container; a caller on the engine's machine has no box of its own.
fn picture(finding: &Finding<'_>, viewpoint: &Viewpoint, target: &str) -> (Vec<Panel>, Vec<Link>) {
    let new = panel("NEW CONTAINER", target, None);
    let asked = finding.asked.clean();
    let Some((Reading { resolved, .. }, origin)) = &finding.seen else {
        return (vec![panel(&caller_title(viewpoint), &asked.to_string(), None), new], vec![Link::Broken]);
    };
    let path = &resolved.path;
    let caller =
        |base: &CallerPath| panel(&caller_title(viewpoint), &base.to_string(), path.below(base).as_ref());
    let whole = || panel(&caller_title(viewpoint), &path.to_string(), None);
    let host = |base: &str, rest: Option<Rest>| panel("HOST, where the engine runs", base, rest.as_ref());
    let (host, caller) = match origin {
        Origin::Host | Origin::Machine => {
            return (vec![host(&asked.to_string(), None), new], vec![Link::Arrow]);
        }
        Origin::Mapped { map, .. } => {
            (host(&map.engine().to_string(), path.below(map.caller())), caller(map.caller()))
        }
        Origin::Bind { mount, source } => {
            let rest = path.below(&mount.destination);
            let base = base_of(&source.to_string(), rest.as_ref());
            (host(&base, rest), caller(&mount.destination))
        }
        Origin::Device { device, .. } => {
            (host(&device.path.to_string(), path.below(&device.at)), caller(&device.at))
        }
        Origin::Volume { mount, volume, within } => {
            (host(&format!("volume {}", volume.name), Some(within.clone())), caller(&mount.destination))
        }
        Origin::RootFs { source: Some(source) } => {
            let rest = path.below(&CallerPath::root());
            let base = base_of(&source.to_string(), rest.as_ref());
            (host(&base, rest), caller(&CallerPath::root()))
        }
        Origin::Socket(Some(own)) => (host(&own.to_string(), None), whole()),
        Origin::Tmpfs(mount) | Origin::Image(mount) | Origin::Other { mount, .. } => {
            return (vec![caller(&mount.destination), new], vec![Link::Broken]);
        }
        Origin::RootFs { source: None } | Origin::Socket(None) | Origin::Private | Origin::Nothing => {
            return (vec![whole(), new], vec![Link::Broken]);
        }
    };
    let last = if finding.plan.is_ok() { Link::Arrow } else { Link::Broken };
    (vec![host, caller, new], vec![Link::Arrow, last])
}

fn panel(title: &str, base: &str, rest: Option<&Rest>) -> Panel {
    let rest = rest.map(ToString::to_string).unwrap_or_default();
    Panel { title: title.to_owned(), base: base.to_owned(), rest }
}

/// A mount's source, from the source of what lies beneath it.
fn base_of(source: &str, rest: Option<&Rest>) -> String {
    let rest = rest.map(ToString::to_string).filter(|rest| !rest.is_empty());
    let base =
        rest.and_then(|rest| source.strip_suffix(&rest)).map_or(source, |base| base.trim_end_matches('/'));
    if base.is_empty() { "/".to_owned() } else { base.to_owned() }
}

fn facts(finding: &Finding<'_>, viewpoint: &Viewpoint, target: &str) -> Vec<(&'static str, String)> {
    let mut facts = vec![("asked", finding.asked.to_string())];
    if let Some((Reading { resolved, words }, origin)) = &finding.seen {
        if *words != Words::Callers {
            facts.push(("read as", words.to_string()));
        }
        if resolved.path != finding.asked.clean() {
            facts.push(("leads to", resolved.path.to_string()));
        }
        if !resolved.exists {
            facts.push(("missing", "nothing exists there".to_owned()));
        }
        facts.push(("found", origin.to_string()));
    }
    if let Some(user_path) = &finding.user_path {
        facts.push(("written as", format!("{user_path} where this container was started")));
    }
    if let Some((_, meaning)) = finding.rule() {
        facts.push(("rule", meaning.to_owned()));
    }
    match &finding.plan {
        Ok(plan) => {
            if let Ok(source) = &finding.source {
                facts.push(("source", String::from_utf8_lossy(source).into_owned()));
            }
            if finding.given().is_some_and(|given| given.read_only) {
                facts.push(("mode", "read-only, as in the caller".to_owned()));
            }
            facts.extend(options(finding.asked, target, plan));
        }
        Err(refusal) => {
            facts.push(("refused", refusal.reason.to_string()));
            facts.push(("do", refusal.remedy().to_string()));
        }
    }
    if let Some(why) = &viewpoint.blind {
        facts.push(("only maps", why.clone()));
    }
    facts
}

/// Everything that the engine is given, as one would write it for docker.
fn options(asked: &AskedPath, target: &str, plan: &Plan) -> Vec<(&'static str, String)> {
    const GIVEN: &str = "the engine is given";
    match plan {
        Plan::Keep => {
            let source = String::from_utf8_lossy(asked.as_bytes());
            vec![(GIVEN, bind_option(&source, target, false))]
        }
        Plan::Given(given) => {
            let whole = match &given.source {
                Give::Bind(source) if given.lasting => bind_option(&lossy(source), target, given.read_only),
                source => option(source, target, given.read_only),
            };
            let mut options = vec![(GIVEN, whole)];
            for Beneath { rest, source, read_only, .. } in &given.beneath {
                let target = format!("{}/{rest}", target.trim_end_matches('/'));
                options.push(("and below it", option(source, &target, *read_only)));
            }
            options
        }
    }
}

fn option(give: &Give, target: &str, read_only: bool) -> String {
    match give {
        Give::Bind(source) => bind_option(&lossy(source), target, read_only),
        Give::Volume { name, subpath } => {
            let subpath =
                if subpath.is_empty() { String::new() } else { format!(",volume-subpath={subpath}") };
            let ro = if read_only { ",readonly" } else { "" };
            format!("--mount type=volume,source={name},target={target}{subpath},volume-nocopy{ro}")
        }
    }
}

/// `-v` cannot spell a colon.
fn bind_option(source: &str, target: &str, read_only: bool) -> String {
    if source.contains(':') {
        return mount_option(source, target, read_only);
    }
    format!("-v {source}:{target}{}", if read_only { ":ro" } else { "" })
}

fn mount_option(source: &str, target: &str, read_only: bool) -> String {
    let ro = if read_only { ",readonly" } else { "" };
    format!("--mount type=bind,source={source},target={target}{ro}")
}

fn lossy(path: &EnginePath) -> String {
    String::from_utf8_lossy(path.as_bytes()).into_owned()
}

fn caller_title(viewpoint: &Viewpoint) -> String {
    match &viewpoint.container {
        Some(container) => format!("CONTAINER {}", container.name),
        None => "HERE".to_owned(),
    }
}

fn caller_name(viewpoint: &Viewpoint) -> String {
    match &viewpoint.container {
        Some(container) => container.name.clone(),
        None if viewpoint.view().is_identity() => "host".to_owned(),
        None => "unknown".to_owned(),
    }
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
        let part = |subpath: &[u8]| Give::Volume { name: "v".into(), subpath: Rest::parse(subpath).unwrap() };
        assert_eq!(
            option(&part(b"a/b"), "/t", true),
            "--mount type=volume,source=v,target=/t,volume-subpath=a/b,volume-nocopy,readonly"
        );
        assert_eq!(option(&part(b""), "/t", false), "--mount type=volume,source=v,target=/t,volume-nocopy");
    }
}
