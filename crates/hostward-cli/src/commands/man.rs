//! `hostward man`: the manual pages.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fs;
use std::io;
use std::path::Path;

use crate::args::ManArgs;
use crate::manual::{ManualPage, pages};
use crate::printer;
use crate::report::{Failure, Status};

pub(crate) fn run(args: &ManArgs) -> Result<Status, Failure> {
    let pages = pages().map_err(Failure::failed)?;
    if let Some(dir) = &args.dir {
        write(dir, &pages).map_err(|error| {
            Failure::failed(format_args!("cannot write manual pages to {}: {error}", dir.display()))
        })?;
    }
    let Some(name) = &args.page else { return Ok(Status::Done) };
    let Some(page) = pages.iter().find(|page| page.name == *name) else {
        let names: Vec<_> = pages.iter().map(|page| &*page.name).collect();
        return Err(Failure::usage(format_args!(
            "there is no page {name:?}; there are {}",
            names.join(", ")
        )));
    };
    printer::bytes(&page.text)?;
    Ok(Status::Done)
}

fn write(dir: &Path, pages: &[ManualPage]) -> io::Result<()> {
    pages.iter().try_for_each(|ManualPage { name, section, text }| {
        fs::write(dir.join(format!("{name}.{section}")), text)
    })
}
