//! The manual pages: one for each command, from the table of flags, and hostward.toml(5), from the table of settings.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, line_break, roman};
use hostward_proxy::Limits;

use crate::args::Args;
use crate::config::keys::{LISTEN, PROFILE, Setting, TABLES, TLS, TOP};

/// The page about the configuration file.
const FILE: &str = "hostward.toml";

/// A manual page.
#[derive(Debug)]
pub(crate) struct ManualPage {
    pub(crate) name: String,
    pub(crate) section: u8,
    pub(crate) text: Vec<u8>,
}

/// All of them.
pub(crate) fn pages() -> io::Result<Vec<ManualPage>> {
    let mut root = Args::command().disable_help_subcommand(true);
    root.build();
    let mut pages = vec![ManualPage { name: FILE.to_owned(), section: 5, text: file().into_bytes() }];
    commands(&root, &mut pages)?;
    Ok(pages)
}

fn commands(command: &Command, pages: &mut Vec<ManualPage>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    pages.push(ManualPage { text: page(command, &name)?, name, section: 1 });
    command.get_subcommands().filter(|one| !one.is_hide_set()).try_for_each(|one| commands(one, pages))
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).source(concat!("hostward ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.get_subcommands().any(|one| !one.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    let mut roff = Roff::new();
    let after = command.get_after_long_help().or(command.get_after_help());
    extra(&mut roff, &after.map(ToString::to_string).unwrap_or_default());
    let others = [("hostward", 1), (FILE, 5)].into_iter().filter(|(other, _)| *other != name);
    see_also(&mut roff, others);
    roff.to_writer(&mut text)?;
    Ok(text)
}

/// What stands behind the options in the help: blocks under a title, and paragraphs.
fn extra(roff: &mut Roff, text: &str) {
    let (blocks, notes): (Vec<_>, Vec<_>) =
        text.split("\n\n").filter(|part| !part.is_empty()).partition(|part| part.contains(":\n  "));
    if !notes.is_empty() {
        roff.control("SH", ["NOTES"]);
        for note in notes {
            roff.control("PP", []).text([roman(note.replace('\n', " "))]);
        }
    }
    let mut titled = false;
    for block in blocks {
        match block.split_once(":\n") {
            Some((title, lines)) if !title.contains('\n') => {
                roff.control("SH", [title.to_uppercase().as_str()]);
                verbatim(roff, lines);
                titled = true;
            }
            _ => verbatim(roff, block),
        }
    }
    debug_assert!(titled || !text.contains(":\n  "), "every block has a title: {text}");
}

fn verbatim(roff: &mut Roff, lines: &str) {
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn see_also<'a>(roff: &mut Roff, pages: impl Iterator<Item = (&'a str, u8)>) {
    roff.control("SH", ["SEE ALSO"]);
    let mut inlines = Vec::new();
    for (name, section) in pages {
        let comma = if inlines.is_empty() { "" } else { ", " };
        inlines.extend([roman(comma), bold(name), roman(format!("({section})"))]);
    }
    roff.text(inlines);
}

fn file() -> String {
    let mut roff = Roff::new();
    let source = concat!("hostward ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", [FILE, "5", "", source, ""]);
    section(&mut roff, "NAME", &["hostward.toml - the configuration of hostward"]);
    section(
        &mut roff,
        "SYNOPSIS",
        &[
            "`$XDG_CONFIG_HOME/hostward/hostward.toml` (by default in `~/.config`)",
            "`/etc/hostward/hostward.toml`",
        ],
    );
    section(
        &mut roff,
        "DESCRIPTION",
        &[
            "The file is written in TOML. Hostward reads the one that `--config` or `HOSTWARD_CONFIG` names, or else the first of \
         those above that exists. No setting is required. Flags override variables, and variables override the file.",
            "`hostward config check` names every mistake in the file with its line. `hostward proxy` reads it again on SIGHUP. \
         If it has a mistake then, the settings stay as they are.",
        ],
    );
    for (title, about, settings) in [
        ("SETTINGS", "These are at the top of the file, before the first table.", TOP),
        ("TABLES", "These begin with their header, in brackets.", TABLES),
    ] {
        section(&mut roff, title, &[about]);
        described(&mut roff, settings);
    }
    section(
        &mut roff,
        "LIMITS",
        &["The keys of `[limits]`, with their defaults. Sizes are numbers of bytes, or text with KiB, \
                                    MiB or GiB."],
    );
    for limit in Limits::ALL {
        let default = limit.unit.shown(limit.default);
        let text = format!("{} A client that meets it: {}.", limit.what, limit.met);
        roff.control("TP", []).text([bold(limit.name), roman(format!(" ({default})"))]).text(inlines(&text));
    }
    section(&mut roff, "SOCKETS", &["The keys of each `[[listen]]`."]);
    described(&mut roff, LISTEN);
    section(&mut roff, "TLS", &["The keys of `tls` in a `[[listen]]`."]);
    described(&mut roff, TLS);
    section(
        &mut roff,
        "PROFILES",
        &["The keys of each `[[profile]]`. `hostward policy explain` says what one allows."],
    );
    described(&mut roff, &PROFILE);
    roff.control("SH", ["EXAMPLE"]);
    verbatim(&mut roff, EXAMPLE);
    see_also(&mut roff, [("hostward", 1), ("hostward-proxy", 1), ("hostward-config-check", 1)].into_iter());
    roff.to_roff()
}

const EXAMPLE: &str = "\
engine = \"unix:///var/run/docker.sock\"
admin = \"unix:///run/hostward/admin.sock\"

[limits]
held_bytes = \"128 MiB\"

[[listen]]
address = \"unix:///run/hostward/docker.sock\"
group = \"docker\"

[[listen]]
address = \"unix:///run/hostward/job-42.sock\"
for = \"label:ci.job=42\"

[[profile]]
name = \"builds\"
for = [\"name:runner-*\"]
preset = \"ci\"
roots = [\"/builds\"]";

fn section(roff: &mut Roff, title: &str, paragraphs: &[&str]) {
    roff.control("SH", [title]);
    for paragraph in paragraphs {
        roff.control("PP", []).text(inlines(paragraph));
    }
}

fn described(roff: &mut Roff, settings: &[Setting]) {
    for Setting { name, kind, example, default, flag, variable, what } in settings {
        let form = if example.starts_with('[') && example.contains(name) {
            vec![bold(*example)]
        } else {
            vec![bold(*name), roman(format!(" = {example}"))]
        };
        roff.control("TP", []).text(form);
        roff.text([vec![roman(format!("({kind}) "))], inlines(what)].concat());
        let mut more = vec![line_break(), roman("Default: ")];
        more.extend(inlines(default));
        more.push(roman("."));
        if let Some(same) = same_elsewhere(*flag, *variable) {
            more.push(line_break());
            more.extend(inlines(&same));
        }
        roff.text(more);
    }
}

/// What flag and variable say the same.
fn same_elsewhere(flag: Option<&str>, variable: Option<&str>) -> Option<String> {
    match (flag, variable) {
        (Some(flag), Some(variable)) => Some(format!("Flag `{flag}`, variable `{variable}`.")),
        (None, Some(variable)) => Some(format!("Variable `{variable}`.")),
        (Some(flag), None) => Some(format!("Flag `{flag}`.")),
        (None, None) => None,
    }
}

/// Text whose names are in backquotes.
fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { roman(part) } else { bold(part) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_sections_that_say_what_they_are() {
        let pages = pages().unwrap();
        assert!(pages.len() > 9);
        for ManualPage { name, text, .. } in &pages {
            let text = String::from_utf8(text.clone()).unwrap();
            assert!(text.contains(".SH NAME\n") && text.contains(".SH \"SEE ALSO\"\n"), "{name}: {text}");
            assert!(!text.contains("EXTRA"), "{name}");
        }
        let text = |name: &str| {
            let page = pages.iter().find(|page| page.name == name).unwrap();
            String::from_utf8(page.text.clone()).unwrap()
        };
        assert!(text("hostward-proxy").contains(".SH EXAMPLES\n"));
        let file = text("hostward.toml");
        for setting in [TOP, LISTEN, TLS, &PROFILE].into_iter().flatten() {
            assert!(file.contains(&format!("\\fB{}\\fR = ", setting.name)), "{}: {file}", setting.name);
        }
        for limit in Limits::ALL {
            assert!(file.contains(&format!("\\fB{}\\fR (", limit.name)), "{}", limit.name);
        }
    }
}
