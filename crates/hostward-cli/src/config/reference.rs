//! What is made of the table of settings: docs/configuration.md and packaging/hostward.toml. Each is written where
//! `HOSTWARD_WRITE_DOCS` is set, and compared otherwise.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use hostward::api::operations;
use hostward::policy::denial::RULES;
use hostward::policy::preset::PRESETS;
use hostward::policy::profile::Profile;
use hostward_proxy::{Limits, Unit};

use super::file::parse;
use super::keys::{LISTEN, PROFILE, Setting, TABLES, TLS, TOP};
use super::mistake::SourceFile;

/// The files are written, and not compared, where this is set.
const WRITE: &str = "HOSTWARD_WRITE_DOCS";

/// So wide are the comments.
const WIDTH: usize = 100;

fn compared(file: &str, new: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, new).unwrap();
    } else {
        assert_eq!(fs::read_to_string(&path).unwrap(), new, "{file} is old: run this test with {WRITE}=1");
    }
}

/// Replaces what is between two marks of a page.
fn replaced(page: &str, name: &str, new: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}\n{new}\n{end}{after}")
}

fn rows(settings: &[Setting]) -> String {
    let mut rows =
        String::from("| key | example | what it is | default | flag and variable |\n|---|---|---|---|---|\n");
    for Setting { name, kind: _, example, default, flag, variable, what } in settings {
        let same: Vec<_> = [flag, variable].into_iter().flatten().map(|name| format!("`{name}`")).collect();
        writeln!(rows, "| `{name}` | `{example}` | {what} | {default} | {} |", same.join(", ")).unwrap();
    }
    rows
}

#[test]
fn the_page_has_every_setting() {
    let file = "docs/configuration.md";
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap();
    let page = [("settings", TOP), ("tables", TABLES), ("sockets", LISTEN), ("tls", TLS)]
        .into_iter()
        .fold(page, |page, (name, settings)| replaced(&page, name, &rows(settings)));
    compared(file, &page);
}

#[test]
fn the_page_of_profiles_has_every_key_and_operation() {
    let file = "docs/policy.md";
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap();
    let mut keys = String::from("| key | example | what it is | without it |\n|---|---|---|---|\n");
    for Setting { name, example, default, what, .. } in PROFILE.iter() {
        writeln!(keys, "| `{name}` | `{example}` | {what} | {default} |").unwrap();
    }
    let mut operations = String::from("| operation | request | allowed by the presets |\n|---|---|---|\n");
    let presets: Vec<_> = PRESETS.iter().map(|(name, _)| Profile::preset(name).unwrap()).collect();
    for one in operations::all() {
        let allows = |profile: &&Profile| profile.unrestricted || profile.operations.matches(one.name);
        let allowed: Vec<_> = presets.iter().filter(allows).map(|profile| profile.name.as_str()).collect();
        let (name, method, pattern) = (one.name, one.method, one.pattern.replace(['*'], ""));
        writeln!(operations, "| `{name}` | `{method} {pattern}` | {} |", allowed.join(", ")).unwrap();
    }
    let mut rules = String::from("| rule | decided by |\n|---|---|\n");
    for (rule, what) in RULES {
        writeln!(rules, "| `{rule}` | {what} |").unwrap();
    }
    let page = [("rules", rules), ("keys", keys), ("operations", operations)]
        .into_iter()
        .fold(page, |page, (name, rows)| replaced(&page, name, &rows));
    compared(file, &page);
}

/// Text as lines of a comment.
fn comment(file: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.replace('`', "").split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            writeln!(file, "{line}").unwrap();
            line = String::from("#");
        }
        write!(line, " {word}").unwrap();
    }
    writeln!(file, "{line}").unwrap();
}

fn setting(file: &mut String, setting: &Setting) {
    file.push('\n');
    comment(file, setting.what);
    comment(file, &format!("Default: {}.", setting.default));
}

/// The keys of a profile that the installed file has. docs/policy.md and hostward.toml(5) have all.
const FIRST: [&str; 5] = ["name", "for", "preset", "mode", "roots"];

/// The file that is installed: it sets nothing, and has every key in a comment. A line of prose begins with "# ".
fn default_file() -> String {
    let mut file = String::from(
        "# The configuration of hostward. See hostward.toml(5): man hostward.toml\n\
         #\n\
         # Every setting is here in a comment. To change one, remove the \"#\" in front of it and edit the value.\n\
         # Then: hostward config check && systemctl reload hostward\n",
    );
    for one in TOP {
        setting(&mut file, one);
        writeln!(file, "#{}", one.written()).unwrap();
    }
    for table in TABLES {
        setting(&mut file, table);
        writeln!(file, "#{}", table.example).unwrap();
        if table.name == "listen" {
            for one in LISTEN {
                setting(&mut file, one);
                if one.name == "tls" {
                    for one in TLS {
                        comment(&mut file, &format!("{}: {}", one.name, one.what));
                    }
                }
                writeln!(file, "#{}", one.written()).unwrap();
            }
        }
        if table.name == "profile" {
            // All the others, a screen for each preset, would hide what the file is for.
            for one in PROFILE.iter().filter(|one| FIRST.contains(&one.name)) {
                setting(&mut file, one);
                writeln!(file, "#{}", one.written()).unwrap();
            }
        }
        if table.name == "limits" {
            for limit in Limits::ALL {
                let default = match limit.unit {
                    Unit::Bytes => format!("\"{}\"", limit.unit.shown(limit.default)),
                    Unit::Count | Unit::Seconds => limit.default.to_string(),
                };
                comment(&mut file, limit.what);
                writeln!(file, "#{} = {default}", limit.name).unwrap();
            }
        }
    }
    file
}

/// What is wrong with a text as a configuration.
fn mistakes(text: &str) -> String {
    let source = SourceFile { path: "hostward.toml".into(), text: text.to_owned() };
    parse(&source).1.to_string()
}

#[test]
fn the_installed_file_has_every_key_and_sets_none() {
    let file = default_file();
    compared("packaging/hostward.toml", &file);
    let source = SourceFile { path: "hostward.toml".into(), text: file.clone() };
    let (parsed, wrong) = parse(&source);
    assert!(parsed.is_empty && wrong.is_empty(), "{wrong}");
    let limits = Limits::ALL.iter().map(|limit| limit.name);
    let settings = [TOP, LISTEN].into_iter().flatten().map(|setting| setting.name);
    for name in settings.chain(limits) {
        assert!(file.contains(&format!("\n#{name} = ")), "{name}");
    }
}

#[test]
fn every_key_of_the_installed_file_is_right_when_its_mark_is_removed() {
    let file = default_file();
    let is_setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && *line != "#";
    let lines = file.lines().filter(is_setting).map(|line| &line[1..]);
    let mut before = "";
    for line in lines {
        let text = match before {
            _ if line.starts_with('[') => {
                before = line;
                continue;
            }
            "[[listen]]" if line.starts_with("address") => format!("{before}\n{line}"),
            "[[listen]]" if line.starts_with("tls") || line.starts_with("plain_tcp") => {
                format!("{before}\naddress = 'tcp://10.0.0.1:2376'\n{line}")
            }
            "[[profile]]" if !line.starts_with("name") => format!("{before}\nname = 'x'\n{line}"),
            // Not every machine has this group.
            "[[listen]]" => format!("{before}\naddress = '/h.sock'\n{}", line.replace("\"docker\"", "0")),
            before => format!("{before}\n{line}"),
        };
        assert_eq!(mistakes(&text), "", "{text}");
    }
}
