//! Each link of a page leads to a file of the project, and to a heading of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use hostward_testkit::Result;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::source::unread;

/// Folders that hold no pages of the project's.
const SKIPPED: [&str; 3] = ["target", "node_modules", ".git"];

/// A page: what it links to, and what can be linked to in it.
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

/// All links that lead nowhere, in the words of a report.
///
/// # Errors
/// A page that cannot be read.
pub(super) fn find(workspace: &Path) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    read_into(&mut pages, workspace, workspace)?;
    let broken = |(at, page): (&PathBuf, &Page)| {
        let wrong = page.links.iter().filter_map(|link| broken(workspace, &pages, at, link));
        wrong.map(|why| format!("{}: {why}", at.display())).collect::<Vec<_>>()
    };
    Ok(pages.iter().flat_map(broken).collect())
}

/// All pages of the project, by their paths within it.
pub(crate) fn pages(workspace: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = BTreeMap::new();
    read_into(&mut pages, workspace, workspace)?;
    Ok(pages.into_keys().collect())
}

fn read_into(pages: &mut BTreeMap<PathBuf, Page>, workspace: &Path, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(unread(folder))?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !SKIPPED.iter().any(|skipped| name == *skipped) {
            read_into(pages, workspace, &path)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).map_err(unread(&path))?;
            let within = path.strip_prefix(workspace).unwrap_or(&path).to_owned();
            pages.insert(within, Page::read(&text));
        }
    }
    Ok(())
}

/// Why a link leads nowhere.
fn broken(workspace: &Path, pages: &BTreeMap<PathBuf, Page>, at: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { at.to_owned() } else { beside(at, file) };
    if !workspace.join(&target).exists() {
        return Some(format!("the link {link} leads to {}, which does not exist", target.display()));
    }
    let missing = anchor.filter(|anchor| {
        pages.get(&target).is_none_or(|page| !page.anchors.contains(&anchor.to_lowercase()))
    });
    missing.map(|anchor| format!("the link {link} leads to a heading {anchor:?} that does not exist"))
}

/// The path of a link within the project.
fn beside(at: &Path, link: &str) -> PathBuf {
    let mut path = at.parent().map(Path::to_owned).unwrap_or_default();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self { links: Vec::new(), anchors: BTreeSet::new() };
        let mut heading = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.add_anchor(&heading.take().unwrap_or_default()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        page
    }

    /// As it is made of a heading where pages are shown: of two that are alike the second has a number.
    fn add_anchor(&mut self, heading: &str) {
        let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
        let anchor = heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(numbered).find(|name| !self.anchors.contains(name));
        self.anchors.extend(free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(page: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("docs")).unwrap();
        fs::write(folder.path().join("README.md"), "# Top\n## One `two` (three)\n## Top\n").unwrap();
        fs::write(folder.path().join("docs/page.md"), page).unwrap();
        find(folder.path()).unwrap()
    }

    #[test]
    fn links_to_files_and_headings_are_found() {
        let page = "# Here\n[a](../README.md) [b](../README.md#one-two-three) [c](#here) [d](../README.md#top-1) [e](../docs)\n";
        assert_eq!(wrong(page), [""; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_told_with_their_page() {
        let page = "[a](other.md) [b](../README.md#four) <https://example.com/x>\n```\n[c](none)\n```\n";
        assert_eq!(
            wrong(page),
            [
                "docs/page.md: the link other.md leads to docs/other.md, which does not exist",
                "docs/page.md: the link ../README.md#four leads to a heading \"four\" that does not exist"
            ]
        );
    }
}
