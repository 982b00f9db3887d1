//! Following symlinks as the caller's kernel does (`path_resolution(7)`), inside the caller's root (T9).
//!
//! Pure: a [`Walk`] asks what stands at a path, and its caller, who can see the files, answers.
//!
//! ```
//! use hostward::path::AskedPath;
//! use hostward::walk::{Entry, Step, Walk};
//!
//! let asked = AskedPath::parse(b"/latest/../log").unwrap();
//! let mut walk = Walk::new(&asked);
//! let resolved = loop {
//!     match walk.step().unwrap() {
//!         Step::Look(path) if path.as_bytes() == b"/latest" => walk.found(Entry::Link(b"data/v2".to_vec())),
//!         Step::Look(_) => walk.found(Entry::Directory),
//!         Step::Done(resolved) => break resolved,
//!     }
//! };
//! assert_eq!(resolved.path.as_bytes(), b"/data/log");
//! ```

use crate::path::{AskedPath, CallerPath, MOST_BYTES, components, ends_as_directory};

/// The kernel's own limit of links in one look-up.
const MOST_LINKS: u32 = 40;

/// What stands at a path, the last component not followed (lstat(2)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A symlink and its text.
    Link(Vec<u8>),
    /// Anything else: a file, socket, device.
    Other,
    /// Nothing.
    Missing,
}

/// What a walk needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The entry at this path: answer with [`Walk::found`].
    Look(CallerPath),
    /// Nothing more: this is where the path leads.
    Done(Resolved),
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The path without links; what follows a missing component is appended as it was written.
    pub path: CallerPath,
    /// Whether something stands there.
    pub exists: bool,
    /// It was asked for as a directory (`/f/`, `/f/.`), and is none. What follows from that differs: dockerd takes the slash
    /// off a `-v`, and says of a `--mount` that this is not a directory.
    pub no_directory: bool,
}

impl Resolved {
    /// Where a path leads that does not say what must be there.
    pub const fn at(path: CallerPath, exists: bool) -> Self {
        Self { path, exists, no_directory: false }
    }
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// More links than the kernel follows (ELOOP).
    #[error("too many levels of symbolic links at {0}")]
    Loop(CallerPath),
    /// A component in the middle is no directory (ENOTDIR).
    #[error("{0} is not a directory")]
    NotADirectory(CallerPath),
    /// Links lead to a path that is longer than the kernel takes one (ENAMETOOLONG).
    #[error("its symbolic links lead to a path of more than {MOST_BYTES} bytes")]
    TooLong,
}

/// One walk from the caller's root to a path.
#[derive(Debug, Clone)]
pub struct Walk {
    /// What is resolved so far.
    at: CallerPath,
    /// The components still to take, the next one last.
    todo: Vec<Box<[u8]>>,
    links: u32,
    /// The first component that does not exist; nothing beneath it is looked at.
    missing: Option<CallerPath>,
    /// `at` is known to be something other than a directory.
    leaf: bool,
    /// What is at the end must be a directory, by what was asked or by the last link.
    directory: bool,
}

impl Walk {
    /// Begins a walk to `asked`.
    pub fn new(asked: &AskedPath) -> Self {
        let todo = components(asked.as_bytes()).rev().map(Box::from).collect();
        let directory = ends_as_directory(asked.as_bytes());
        Self { at: CallerPath::root(), todo, links: 0, missing: None, leaf: false, directory }
    }

    /// Goes on until an entry must be looked at or the path has ended.
    ///
    /// # Errors
    /// A path that goes through something other than a directory, or through too many links, or becomes too long by them.
    pub fn step(&mut self) -> Result<Step, WalkError> {
        if self.links > MOST_LINKS {
            return Err(WalkError::Loop(self.at.clone()));
        }
        while let Some(component) = self.todo.pop() {
            if self.leaf {
                return Err(WalkError::NotADirectory(self.at.clone()));
            }
            if &*component == b".." {
                self.at.pop();
                self.missing = self.missing.take().filter(|missing| self.at.below(missing).is_some());
                continue;
            }
            self.at.push(&component);
            if self.at.as_bytes().len() > MOST_BYTES {
                return Err(WalkError::TooLong);
            }
            // A link of procfs means the process that reads it, so none is followed for another.
            if self.missing.is_none() && !is_procfs(&self.at) {
                return Ok(Step::Look(self.at.clone()));
            }
        }
        let no_directory = self.leaf && self.directory;
        Ok(Step::Done(Resolved { path: self.at.clone(), exists: self.missing.is_none(), no_directory }))
    }

    /// Tells what stands at the path that [`step`](Self::step) asked to look at.
    pub fn found(&mut self, entry: Entry) {
        match entry {
            Entry::Directory => {}
            Entry::Other => self.leaf = true,
            Entry::Missing => self.missing = Some(self.at.clone()),
            Entry::Link(target) => self.follow(&target),
        }
    }

    /// Replaces a link's name by its text. One too many stays where it is, to be named.
    fn follow(&mut self, target: &[u8]) {
        self.links += 1;
        if self.links > MOST_LINKS {
            return;
        }
        if target.starts_with(b"/") {
            self.at = CallerPath::root();
        } else {
            self.at.pop();
        }
        self.directory |= self.todo.is_empty() && ends_as_directory(target);
        self.todo.extend(components(target).rev().map(Box::from));
    }
}

fn is_procfs(path: &CallerPath) -> bool {
    path.as_bytes() == b"/proc" || path.as_bytes().starts_with(b"/proc/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Walks in a tree of links (`from -> to`), files (`from -> ""`) and directories; all else is missing.
    fn walk(asked: &str, links: &[(&str, &str)], directories: &[&str]) -> Result<(String, bool), WalkError> {
        let links: BTreeMap<_, _> = links.iter().copied().collect();
        let mut walk = Walk::new(&AskedPath::parse(asked.as_bytes()).unwrap());
        loop {
            match walk.step()? {
                Step::Done(resolved) => return Ok((resolved.path.to_string(), resolved.exists)),
                Step::Look(path) => walk.found(match links.get(path.to_string().as_str()) {
                    Some(&"") => Entry::Other,
                    Some(target) => Entry::Link(target.as_bytes().to_vec()),
                    None if directories.contains(&path.to_string().as_str()) => Entry::Directory,
                    None => Entry::Missing,
                }),
            }
        }
    }

    fn leads(asked: &str, links: &[(&str, &str)], directories: &[&str], to: &str, exists: bool) {
        assert_eq!(walk(asked, links, directories), Ok((to.to_owned(), exists)), "{asked}");
    }

    #[test]
    fn absolute_and_relative_links_are_followed_inside_the_root() {
        let links = [("/a/abs", "/b/file"), ("/a/rel", "../b"), ("/a/up", "../../../../b"), ("/b/file", "")];
        let directories = ["/a", "/b"];
        leads("/a/abs", &links, &directories, "/b/file", true);
        leads("/a/rel/file", &links, &directories, "/b/file", true);
        leads("/a/up/file", &links, &directories, "/b/file", true);
    }

    #[test]
    fn dots_are_taken_after_links() {
        let links = [("/a/link", "/b/c")];
        let directories = ["/a", "/b", "/b/c", "/b/d"];
        leads("/a/link/../d", &links, &directories, "/b/d", true);
        leads("/../../b", &links, &directories, "/b", true);
    }

    #[test]
    fn a_missing_path_keeps_its_end() {
        leads("/a/x/y/z", &[], &["/a"], "/a/x/y/z", false);
        leads("/a/x/../y", &[("/a/y", "")], &["/a"], "/a/y", true);
        leads("/a/dangling/f", &[("/a/dangling", "/gone")], &["/a"], "/gone/f", false);
    }

    #[test]
    fn loops_and_files_in_the_middle_are_errors() {
        let links = [("/a", "/b"), ("/b", "/a"), ("/f", "")];
        assert!(matches!(walk("/a", &links, &[]), Err(WalkError::Loop(_))));
        // Not the directory that it is in.
        let Err(error) = walk("/d/a", &[("/d/a", "a")], &["/d"]) else { panic!() };
        assert_eq!(error.to_string(), "too many levels of symbolic links at /d/a");
        assert!(matches!(walk("/f/x", &links, &[]), Err(WalkError::NotADirectory(_))));
        assert!(matches!(walk("/f/..", &links, &[]), Err(WalkError::NotADirectory(_))));
    }

    #[test]
    fn a_file_that_is_asked_for_as_a_directory_is_known_to_be_none() {
        let links = BTreeMap::from([
            ("/f", None),
            ("/link", Some("f")),
            ("/slash", Some("f/")),
            ("/to-d", Some("d/")),
        ]);
        let no_directory = |asked: &str| {
            let mut walk = Walk::new(&AskedPath::parse(asked.as_bytes()).unwrap());
            loop {
                match walk.step().unwrap() {
                    Step::Done(resolved) => return resolved.no_directory,
                    Step::Look(path) => walk.found(match links.get(path.to_string().as_str()) {
                        Some(None) => Entry::Other,
                        Some(Some(target)) => Entry::Link(target.as_bytes().to_vec()),
                        None => Entry::Directory,
                    }),
                }
            }
        };
        for asked in ["/f/", "/f/.", "/f//", "/link/", "/link/.", "/slash", "/d/../f/"] {
            assert!(no_directory(asked), "{asked}");
        }
        for asked in ["/f", "/link", "/d/", "/d/.", "/to-d", "/to-d/", "/", "/d/./f"] {
            assert!(!no_directory(asked), "{asked}");
        }
    }

    #[test]
    fn forty_links_are_followed_and_no_more() {
        let chain: Vec<_> = (0..41).map(|n| (format!("/l{n}"), format!("/l{}", n + 1))).collect();
        let links: Vec<_> = chain.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        leads("/l1", &links, &["/l41"], "/l41", true);
        assert!(matches!(walk("/l0", &links, &["/l41"]), Err(WalkError::Loop(_))));
    }

    #[test]
    fn links_lead_to_no_path_that_is_longer_than_the_kernel_takes() {
        let name = "n".repeat(250);
        let deep: Vec<_> = (1..=20).map(|n| format!("/{name}").repeat(n)).collect();
        let directories: Vec<_> = deep.iter().map(String::as_str).collect();
        let links = [("/l", deep[9].as_str())];
        let beneath = |n: usize| format!("/l{}", format!("/{name}").repeat(n));
        leads(&beneath(6), &links, &directories, &deep[15], true);
        assert_eq!(walk(&beneath(7), &links, &directories), Err(WalkError::TooLong));
    }

    #[test]
    fn links_of_procfs_are_left_alone() {
        leads("/proc/self/root/etc", &[("/proc/self", "1")], &["/proc"], "/proc/self/root/etc", true);
    }

    proptest! {
        #[test]
        fn every_walk_ends(asked in "(/(a|b|[.][.]|[.])){0,8}/", to in prop::collection::vec("(/?(a|b|[.][.])){1,3}", 4)) {
            let places = ["/a", "/b", "/a/a", "/a/b"];
            let links: Vec<_> = places.into_iter().zip(to.iter().map(String::as_str)).collect();
            let _ = walk(&asked, &links, &[]);
        }
    }
}
