//! What is at a path: every name below it with its type, mode, owner, link target and content.
//!
//! The same shell script lists in the caller (dash, GNU) and in container 2 (busybox), so that two listings that differ
//! show two trees that differ.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A shell function: `list PATH NAME…` lists a path, without what lies below it by these names.
const FUNCTION: &str = r#"
list() {
  echo "== $1"
  real=$(readlink -f "$1") && [ -e "$real" ] || return 0
  echo "@ $real"
  top=${real%/}
  shift
  leave=
  for name; do leave="$leave -path $top/$name -prune -o"; done
  find "$real" $leave -exec stat -c '%f %u %g %n' {} + 2>/dev/null
  find "$real" $leave -type f -exec md5sum {} + 2>/dev/null
  find "$real" $leave -type l -exec sh -c 'for l; do echo "> $l -> $(readlink "$l")"; done' sh {} + 2>/dev/null
}
"#;

/// Names that begin so are not listed: what rows write where other rows look.
pub const WRITTEN: &str = ".written-by-";

/// A line that begins so is no listing's.
pub const REMARK: &str = "## ";

/// What is at a path, by names relative to it; nothing where nothing is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(BTreeMap<String, String>);

/// The script that lists these paths, each without these names below it.
pub fn script<'a>(paths: impl IntoIterator<Item = (&'a str, &'a [String])>) -> String {
    let mut script = FUNCTION.to_owned();
    for (path, but) in paths {
        let _ = writeln!(script, "list {} {}", quoted(path), but.join(" "));
    }
    script
}

/// A word for the shell.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Reads what the script printed: a listing for each path, in the order in which they were asked for.
pub fn read(printed: &str) -> Vec<Listing> {
    let mut listings = Vec::new();
    let mut top = "";
    for line in printed.lines() {
        if line.starts_with("== ") {
            listings.push(Listing::default());
        } else if let Some(real) = line.strip_prefix("@ ") {
            top = real.trim_end_matches('/');
        } else if let (Some(listing), false) = (listings.last_mut(), line.starts_with(REMARK)) {
            listing.add(top, line);
        }
    }
    listings
}

impl Listing {
    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a line of `stat`, of `md5sum` or of a link.
    fn add(&mut self, top: &str, line: &str) {
        let (path, fact) =
            if let Some((path, target)) = line.strip_prefix("> ").and_then(|l| l.split_once(" -> ")) {
                (path, format!("-> {target}"))
            } else if let Some((sum, path)) = line.split_once("  ") {
                (path, sum.to_owned())
            } else {
                let mut fields = line.splitn(4, ' ');
                let facts: Vec<_> = fields.by_ref().take(3).collect();
                (fields.next().unwrap_or_default(), facts.join(" "))
            };
        let below = path.strip_prefix(top).unwrap_or(path).trim_end_matches('/');
        if below.split('/').any(|name| name.starts_with(WRITTEN)) {
            return;
        }
        let known = self.0.entry(below.to_owned()).or_default();
        if !known.is_empty() {
            known.push(' ');
        }
        known.push_str(&fact);
    }

    /// What is in one listing and not in the other, a line each; at most a screenful.
    pub fn differences(&self, expected: &Self) -> String {
        let lacks = |of: &Self, than: &Self, sign: char| {
            let lines = of.0.iter().filter(|(name, fact)| than.0.get(*name) != Some(fact));
            lines.map(|(name, fact)| format!("      {sign} {name} {fact}\n")).collect::<Vec<_>>()
        };
        let mut lines = lacks(expected, self, '-');
        lines.extend(lacks(self, expected, '+'));
        let more = lines.len().saturating_sub(20);
        lines.truncate(20);
        if more > 0 {
            lines.push(format!("      and {more} more\n"));
        }
        lines.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    fn listed(paths: &[&str], but: &[String]) -> Vec<Listing> {
        let script = script(paths.iter().map(|path| (*path, but)));
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        read(&String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn two_trees_list_alike_only_if_all_of_them_is_alike() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = |dir: &tempfile::TempDir| dir.path().to_str().unwrap().to_owned();
        let differences = || {
            let listings = listed(&[&path(&a), &path(&b)], &["left-out".to_owned()]);
            assert!(!listings[0].is_empty());
            listings[0].differences(&listings[1])
        };
        for dir in [&a, &b] {
            fs::write(dir.path().join("file"), "content").unwrap();
            std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
        }
        fs::create_dir(a.path().join("left-out")).unwrap();
        fs::write(a.path().join(format!("{WRITTEN}1")), "").unwrap();
        assert_eq!(differences(), "");
        fs::write(b.path().join("file"), "changed").unwrap();
        assert_eq!(differences().lines().count(), 2, "{}", differences());
        fs::write(b.path().join("file"), "content").unwrap();
        fs::remove_file(b.path().join("link")).unwrap();
        std::os::unix::fs::symlink("elsewhere", b.path().join("link")).unwrap();
        assert!(differences().contains("-> elsewhere"), "{}", differences());
    }

    #[test]
    fn a_file_and_nothing_are_listed_too() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        for file in [&one, &two] {
            fs::write(file, "content").unwrap();
        }
        let listings = listed(&[one.to_str().unwrap(), two.to_str().unwrap(), "/nowhere/at/all"], &[]);
        assert_eq!(listings[0], listings[1]);
        assert!(!listings[0].is_empty());
        assert!(listings[2].is_empty());
    }
}
