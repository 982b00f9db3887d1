//! `hostward config check`: is the configuration right, and if not, all that is wrong with it, as a start would find it. Where it
//! is right, all limits are listed as they would hold.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use crate::args::{ConfigCommand, ProxyArgs};
use crate::config::file;
use crate::config::service::gather;
use crate::config::{Mistakes, SourceFile};
use crate::limits;
use crate::printer;
use crate::report::{self, Failure, Status};
use crate::variables::LISTEN;

pub(crate) async fn run(ConfigCommand::Check { file }: ConfigCommand) -> Result<Status, Failure> {
    let source = file::read_surely(file.as_deref())?;
    let variables = ProxyArgs::of_variables()?;
    // The file's own sockets are looked at, whether a variable replaces them or not.
    let args = ProxyArgs { listen: Vec::new(), ..variables.clone() };
    let service = match &source {
        Some(source) => gather(&args, source, &[]).await,
        None => gather(&variables, &SourceFile::default(), &[]).await,
    };
    let service = service.map_err(|mistakes| mistakes.hinted(Failure::failed(counted(&mistakes))))?;
    let found = if let Some(SourceFile { path, .. }) = &source {
        let replaced = !variables.listen.is_empty();
        let notes = notes(service.settings.listen.is_empty(), service.is_empty, replaced);
        for warning in service.warnings.into_iter().chain(notes) {
            report::say(format_args!("{}: warning: {warning}", path.display()), &[]);
        }
        format!("{}: no mistakes", path.display())
    } else {
        let usual: Vec<_> = file::usual().iter().map(|path| path.display().to_string()).collect();
        format!("no configuration file ({}); none is needed", usual.join(", "))
    };
    printer::text(&format!("{found}\n\n{}", limits::table(&service.settings.limits)))?;
    Ok(Status::Done)
}

fn counted(mistakes: &Mistakes) -> String {
    match mistakes.count() {
        1 => mistakes.to_string(),
        count => format!("{mistakes}\n\n{count} mistakes"),
    }
}

/// What is no mistake in a file, and may not be what was meant.
fn notes(no_sockets: bool, is_empty: bool, replaced: bool) -> impl Iterator<Item = String> {
    let empty = is_empty.then(|| "the file has no settings, so every setting has its default".to_owned());
    let sockets = (no_sockets && !replaced).then(|| {
        "there is no [[listen]]: `hostward proxy` serves only what --listen names or systemd passes"
            .to_owned()
    });
    let replaced = replaced.then(|| format!("{LISTEN} is set, and replaces the sockets of the file"));
    empty.into_iter().chain(sockets).chain(replaced)
}
