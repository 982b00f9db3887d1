//! `hostward translate`: what each path is to the engine, a line each.

use crate::args::Translate;
use crate::finding::{Finding, look};
use crate::report::{Failure, Status, say};
use crate::viewpoint::Viewpoint;
use crate::{config, printer, viewpoint};

pub(crate) async fn run(args: Translate) -> Result<Status, Failure> {
    let settings = config::settle(&args.whose)?;
    let asked: Vec<_> =
        args.paths.iter().map(|path| viewpoint::asked(path, &settings)).collect::<Result<_, _>>()?;
    let viewpoint = viewpoint::find(&settings, &asked).await?;
    let mut findings = Vec::with_capacity(asked.len());
    for path in &asked {
        findings.push(look(path, &viewpoint).await);
    }
    let all = findings.iter().all(|finding| finding.source.is_ok());
    if args.json {
        printer::json(&findings.iter().map(Finding::record).collect::<Vec<_>>())?;
    } else if all {
        // All or none: a line left out would shift the others to the wrong paths.
        let end = if args.null { b"\0" } else { b"\n" };
        let sources = findings.iter().filter_map(|finding| finding.source.as_deref().ok());
        printer::bytes(&sources.flat_map(|source| [source, end]).collect::<Vec<_>>().concat())?;
    } else {
        refuse(&findings, &viewpoint);
    }
    Ok(if all { Status::Done } else { Status::NoTranslation })
}

fn refuse(findings: &[Finding<'_>], viewpoint: &Viewpoint) {
    for refusal in findings.iter().filter_map(|finding| finding.source.as_ref().err()) {
        say(refusal, &[refusal.remedy().to_string()]);
    }
    if let Some(why) = &viewpoint.blind {
        say(format_args!("only the maps are known: {why}"), &[]);
    }
}
