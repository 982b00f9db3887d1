//! `hostward config check`: is the configuration file right, and if not, where is it wrong? Where it is right, all limits are
//! listed as they would hold.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::path::Path;

use crate::args::ConfigCommand;
use crate::config::{self, file};
use crate::limits;
use crate::printer;
use crate::report::{self, Failure, Status};

pub(crate) fn run(ConfigCommand::Check { file }: ConfigCommand) -> Result<Status, Failure> {
    check(file.as_deref())
}

fn check(named: Option<&Path>) -> Result<Status, Failure> {
    let Some((path, text)) = file::read(named)? else {
        let usual: Vec<_> = file::usual().iter().map(|path| path.display().to_string()).collect();
        let limits = limits::table(&config::limits_with(None)?);
        printer::text(&format!("no configuration file ({}); none is needed\n\n{limits}", usual.join(", ")))?;
        return Ok(Status::Done);
    };
    match file::parse(&text) {
        Ok(file) => {
            for warning in file.warnings() {
                report::say(format_args!("{}: warning: {warning}", path.display()), &[]);
            }
            let limits = limits::table(&config::limits_with(Some(&file))?);
            printer::text(&format!("{}: no mistakes\n\n{limits}", path.display()))?;
            Ok(Status::Done)
        }
        Err(mistake) => Err(Failure::failed(mistake.shown(&path))),
    }
}
