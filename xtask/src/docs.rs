//! `cargo xtask docs`: all pages as a site with a search, in `target/docs`.
//!
//! The site has the project's own layout, so that each link between pages, and to the files of an example, leads where it leads in
//! the project. What is in the list at its side, and in which order, says docs/README.md.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hostward_testkit::{Error, Result, cargo, say, toolbox};

use crate::tidy;

/// What is copied besides the pages: what they link to.
const COPIED: [&str; 5] = ["docs", "examples", "packaging", "LICENSE-APACHE", "LICENSE-MIT"];

const BOOK: &str = r#"[book]
title = "Hostward"
language = "en"
src = "src"

[build]
build-dir = "site"
# The one that would be used besides makes index.html of README.md, and leaves links to that as they are.
use-default-preprocessors = false

[preprocessor.links]

[output.html]
no-section-label = true

[output.html.print]
enable = false
"#;

/// Makes the site.
///
/// # Errors
/// A page that cannot be read, and a site of which a link leads nowhere.
pub(crate) fn run() -> Result<()> {
    let workspace = cargo::workspace();
    let book = workspace.join("target/docs");
    let source = book.join("src");
    let io = |aim: &str| {
        let aim = aim.to_owned();
        move |source| Error::Io { aim, source }
    };
    if book.exists() {
        fs::remove_dir_all(&book).map_err(io("remove the old site"))?;
    }
    fs::create_dir_all(&source).map_err(io("make a folder for the site"))?;
    let pages = tidy::pages(&workspace)?;
    for part in COPIED {
        copy(&workspace.join(part), &source)?;
    }
    for page in pages.iter().filter(|page| page.components().count() == 1) {
        fs::copy(workspace.join(page), source.join(page)).map_err(io("copy a page"))?;
    }
    let index = fs::read_to_string(workspace.join("docs/README.md")).map_err(io("read docs/README.md"))?;
    let published: Vec<_> = pages.into_iter().filter(|page| source.join(page).exists()).collect();
    fs::write(source.join("SUMMARY.md"), summary(&index, &published)).map_err(io("write the site's list"))?;
    fs::write(book.join("book.toml"), BOOK).map_err(io("write the site's settings"))?;
    let mut mdbook = Command::new(toolbox::mdbook()?);
    let built = mdbook.arg("build").arg(&book).status().map_err(io("run mdbook"))?;
    if !built.success() {
        return Err(Error::State(format!("mdbook could not build the site ({built})")));
    }
    let site = book.join("site");
    let broken = broken(&site)?;
    if !broken.is_empty() {
        return Err(Error::State(format!("the site has broken links:\n  {}", broken.join("\n  "))));
    }
    say("the site begins with target/docs/site/index.html");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut copy = Command::new("cp");
    let status = copy.arg("--recursive").arg(from).arg(to).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::State(format!("cannot copy {} ({status})", from.display()))),
        Err(source) => Err(Error::Io { aim: "run cp".to_owned(), source }),
    }
}

/// mdbook's list of pages: those of the index in its order, under its headings, and all others at the end.
fn summary(index: &str, pages: &[PathBuf]) -> String {
    let mut text = String::from("# Summary\n\n[Hostward](README.md)\n[Documentation](docs/README.md)\n");
    let mut listed: BTreeSet<PathBuf> = ["README.md", "docs/README.md"].map(PathBuf::from).into();
    for line in index.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n# {heading}\n");
        }
        for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let page = link.strip_prefix("../").map_or_else(|| Path::new("docs").join(link), PathBuf::from);
            if pages.contains(&page) && listed.insert(page.clone()) {
                let _ = writeln!(text, "- [{}]({})", title(&page), page.display());
            }
        }
    }
    text.push_str("\n# More\n\n");
    for page in pages.iter().filter(|page| !listed.contains(*page)) {
        let _ = writeln!(text, "- [{}]({})", title(page), page.display());
    }
    text
}

/// A page by its file's name, and a README by its folder's.
fn title(page: &Path) -> String {
    let stem = page.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = page.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = if stem == "README" { folder.unwrap_or(stem) } else { stem };
    let mut letters = name.replace('-', " ").to_lowercase();
    if let Some(first) = letters.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    letters
}

/// Links of the site to files that it does not have.
fn broken(site: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let mut folders = vec![site.to_owned()];
    while let Some(folder) = folders.pop() {
        let unread = |source| Error::Io { aim: format!("read {}", folder.display()), source };
        for entry in fs::read_dir(&folder).map_err(unread)?.flatten().map(|entry| entry.path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "html") {
                let text = fs::read_to_string(&entry).map_err(unread)?;
                broken.extend(missing(&entry, &text).map(|link| format!("{}: {link}", entry.display())));
            }
        }
    }
    Ok(broken)
}

fn missing<'a>(page: &'a Path, html: &'a str) -> impl Iterator<Item = &'a str> {
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.filter(move |link| {
        let file = link.split('#').next().unwrap_or_default();
        let is_elsewhere = link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:");
        // The page for what is not found has the links of the site's own root.
        let is_root = file.starts_with('/') || page.ends_with("404.html");
        !file.is_empty() && !is_elsewhere && !is_root && !page.with_file_name(file).exists()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_each_page_once_and_all_of_them() {
        let pages =
            ["CHANGELOG.md", "README.md", "docs/README.md", "docs/rules.md", "examples/tls/README.md"];
        let index = "# D\n## Look\n| a | [rules](rules.md), [again](rules.md) |\n| b | [x](../examples/tls/README.md) |\n";
        assert_eq!(
            summary(index, &pages.map(PathBuf::from)),
            "# Summary\n\n[Hostward](README.md)\n[Documentation](docs/README.md)\n\n# Look\n\n\
             - [Rules](docs/rules.md)\n- [Tls](examples/tls/README.md)\n\n# More\n\n- [Changelog](CHANGELOG.md)\n"
        );
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_told() {
        let page = tempfile::NamedTempFile::new().unwrap();
        let name = page.path().file_name().unwrap().to_string_lossy().into_owned();
        let html = format!(
            r##"<a href="{name}#x"><a href="none.html"><a href="https://example.com"><a href="#y">"##
        );
        assert_eq!(missing(page.path(), &html).collect::<Vec<_>>(), ["none.html"]);
    }
}
