//! What the kernel has mounted in a mount namespace: read once, and good for as long as the kernel says that nothing has
//! changed.
//!
//! It prints a line for each mount at every reading, which takes it longer than all else that a request needs looked up. But it
//! also tells whoever has the file open that the list has changed since (`proc_pid_mountinfo(5)`: `POLLPRI`), whatever was
//! mounted, unmounted, moved or made read-only. One change it does not tell: a directory that is renamed takes along what is
//! mounted beneath it ([`Mounted::moved`]).
//!
//! The open file keeps the mount namespace, and with it everything mounted there, also when its last process has ended. So
//! whoever keeps one of these for later must let go of it when the container stops.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use hostward::mountinfo::{self, Line};
use hostward::path::{CallerPath, EnginePath, Rest};
use hostward::refusal::Reason;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::eyes::{OpenedPath, ProcessRoot, unseen};
use crate::looks::Looks;

/// How much of a list is read at a time: as much as the kernel gives.
const PIECE: usize = 4096;

/// What is mounted in a mount namespace, by the paths of a process in it.
#[derive(Debug, Default)]
pub(crate) struct Mounted {
    /// In the order of bytes of their places. Of several at one place the last is the one that is seen.
    lines: Vec<Line>,
    /// The kernel's word; none where nothing is known to be mounted.
    watch: Option<Watch>,
}

/// The open file of which the kernel says whether it has changed.
#[derive(Debug)]
struct Watch {
    file: File,
    /// It has. The kernel says so once for each open file.
    changed: AtomicBool,
}

impl Mounted {
    /// What is mounted for the process `pid`.
    pub(crate) fn of_process(pid: u32) -> io::Result<Self> {
        let file = File::open(format!("/proc/{pid}/mountinfo"))?;
        let watch = Watch { file, changed: AtomicBool::new(false) };
        Ok(Self { lines: sorted(&watch.read()?), watch: Some(watch) })
    }

    /// What such a text lists, as if of a process of which nobody tells whether it changes.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> Self {
        Self { lines: sorted(text.as_bytes()), watch: None }
    }

    /// Whether nothing was mounted, unmounted or changed since.
    pub(crate) fn holds(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| !watch.has_changed())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The one that is seen at a place, if something is mounted there.
    pub(crate) fn at(&self, place: &CallerPath) -> Option<&Line> {
        let behind = self.lines.partition_point(|line| line.mount_point <= *place);
        self.lines[..behind].last().filter(|line| line.mount_point == *place)
    }

    /// Where else the directory may be that a mount shows at its place: by each mount here of the same file system that shows
    /// that directory, or one above it.
    pub(crate) fn places_of<'a>(&'a self, other: &'a Line) -> impl Iterator<Item = EnginePath> + 'a {
        let shown = CallerPath::parse(&other.root).ok();
        self.lines.iter().filter(|line| line.device == other.device).filter_map(move |line| {
            let rest = shown.as_ref()?.below(&CallerPath::parse(&line.root).ok()?)?;
            EnginePath::parse(line.mount_point.join(&rest).as_bytes()).ok()
        })
    }

    /// Whether the directory or file that is mounted at a place was removed since. The kernel does not say by itself that this has
    /// changed, so the list is read again.
    pub(crate) fn is_removed(&self, place: &CallerPath) -> bool {
        let (Some(line), Some(watch)) = (self.at(place), &self.watch) else { return false };
        let is_so = |now: &[u8]| mountinfo::lines(now).any(|now| now.id == line.id && now.is_removed());
        watch.read().is_ok_and(|now| is_so(&now))
    }

    /// Those beneath a directory, without the ones at it.
    pub(crate) fn beneath(&self, directory: &CallerPath) -> impl Iterator<Item = &Line> {
        // All that begins with it and a slash stands together.
        let first = match directory.as_bytes() {
            b"/" => b"/".to_vec(),
            bytes => [bytes, b"/"].concat(),
        };
        let from = self.lines.partition_point(|line| line.mount_point.as_bytes() < &first[..]);
        let beneath = self.lines[from..].iter();
        let beneath = beneath.take_while(move |line| line.mount_point.as_bytes().starts_with(&first));
        beneath.filter(|line| line.mount_point != CallerPath::root())
    }

    /// Finds a mount that is no longer at its place, of those that may be beneath `directory` by now: somebody has renamed
    /// it, or a directory above it. Then all of this holds no longer. A mount stays on the mount that it was made on, so only
    /// those count that are on the one that `directory` is in, or on one beneath it. `root` is the root directory of a process
    /// there.
    ///
    /// It takes a call for each of them, which does not enter the mount: that may be on a server that has gone. `checked` has
    /// the mounts of which those on them were found in their places just now.
    ///
    /// # Errors
    /// Where a directory cannot be looked at, or there are no more looks.
    pub(crate) fn moved(
        &self,
        root: &ProcessRoot,
        directory: &CallerPath,
        looks: &Looks,
        checked: &mut HashSet<u64>,
    ) -> Result<Option<&CallerPath>, Reason> {
        let is_seen = |line: &&Line| self.at(&line.mount_point).is_some_and(|seen| seen.id == line.id);
        let beneath = self.beneath(directory).filter(is_seen);
        for base in self.covering(directory).into_iter().chain(beneath) {
            if !checked.insert(base.id) {
                continue;
            }
            if let Some(line) = self.moved_from(base, root, looks)? {
                return Ok(Some(&line.mount_point));
            }
        }
        Ok(None)
    }

    /// A mount that was made on `base` and is elsewhere by now.
    fn moved_from(&self, base: &Line, root: &ProcessRoot, looks: &Looks) -> Result<Option<&Line>, Reason> {
        let mut at = None;
        for line in self.beneath(&base.mount_point).filter(|line| line.parent == base.id) {
            if at.is_none() {
                looks.take()?;
                at = root.opened(base.mount_point.as_bytes()).map_err(unseen)?;
            }
            looks.take()?;
            let rest = line.mount_point.below(&base.mount_point);
            let is_there = |(at, rest): (&OpenedPath, Rest)| at.has_a_mount_within(rest.as_bytes());
            if !at.as_ref().zip(rest).is_some_and(is_there) && self.is_elsewhere(line)? {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Whether a mount that is not at its place is at another one, by a new list. It may as well have been unmounted just now, as
    /// happens all the time where containers end.
    fn is_elsewhere(&self, line: &Line) -> Result<bool, Reason> {
        let Some(watch) = &self.watch else { return Ok(true) };
        let now = watch.read().map_err(unseen)?;
        let mut now = mountinfo::lines(&now);
        let moved = now.any(|now| now.id == line.id && now.mount_point != line.mount_point);
        if moved {
            watch.changed.store(true, Ordering::Relaxed);
        }
        Ok(moved)
    }

    /// The mount that a path is in.
    fn covering(&self, path: &CallerPath) -> Option<&Line> {
        let mut at = path.clone();
        loop {
            if let Some(line) = self.at(&at) {
                return Some(line);
            }
            at = at.parent()?;
        }
    }
}

impl Watch {
    /// What is mounted now.
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let read = text.len();
            text.resize(read + PIECE, 0);
            let more = self.file.read_at(&mut text[read..], read as u64)?;
            text.truncate(read + more);
            if more == 0 {
                return Ok(text);
            }
        }
    }

    fn has_changed(&self) -> bool {
        if self.changed.load(Ordering::Relaxed) {
            return true;
        }
        let mut poll = [PollFd::new(&self.file, PollFlags::PRI)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let changed = rustix::event::poll(&mut poll, Some(&now)) != Ok(0);
        if changed {
            self.changed.store(true, Ordering::Relaxed);
        }
        changed
    }
}

fn sorted(text: &[u8]) -> Vec<Line> {
    let mut lines: Vec<_> = mountinfo::lines(text).collect();
    // A stable sort: those at one place stay in the kernel's order.
    lines.sort_by(|one, other| one.mount_point.cmp(&other.mount_point));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_last_at_a_place_is_seen_and_what_is_beneath_one_stands_together() {
        let mounted = Mounted::of_text(
            "1 0 0:1 / / rw - ext4 d rw\n2 1 0:2 / /a rw - ext4 d rw\n3 2 0:3 / /a rw - tmpfs t rw\n\
             4 3 0:4 / /a/b rw - tmpfs t rw\n5 1 0:5 / /a-b rw - tmpfs t rw\n6 1 0:6 / /a/c ro - tmpfs t rw\n",
        );
        let beneath = |at: &str| mounted.beneath(&path(at)).map(|line| line.id).collect::<Vec<_>>();
        assert_eq!(mounted.at(&path("/a")).map(|line| line.id), Some(3));
        assert_eq!(mounted.at(&path("/a/b/c")), None);
        assert_eq!((beneath("/a"), beneath("/a/b"), beneath("/")), (vec![4, 6], vec![], vec![2, 3, 5, 4, 6]));
        assert_eq!(mounted.covering(&path("/a/b/c")).map(|line| line.id), Some(4));
        assert_eq!(mounted.covering(&path("/b")).map(|line| line.id), Some(1));
    }

    /// A shell in a mount namespace of its own that does what it is told, line by line.
    struct Shell(Child);

    impl Shell {
        fn start() -> Self {
            let mut shell = Command::new("unshare");
            let shell = shell.args(["--mount", "sh"]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut shell = Self(shell.spawn().unwrap());
            shell.run("true");
            shell
        }

        fn run(&mut self, command: &str) {
            use std::io::{Read, Write};
            let (input, output) = (self.0.stdin.as_mut().unwrap(), self.0.stdout.as_mut().unwrap());
            writeln!(input, "{command} && echo done || echo failed").unwrap();
            let mut said = [0; 5];
            output.read_exact(&mut said).unwrap();
            assert_eq!(&said, b"done\n", "{command}");
        }
    }

    impl Drop for Shell {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_directory_is_found_by_what_else_shows_it() {
        let machine = Mounted::of_text(
            "1 0 8:1 / / rw - ext4 d rw\n2 1 8:1 /var/lib /mnt/a\\040b rw - ext4 d rw\n3 1 8:2 / /srv rw - ext4 e rw\n\
             4 1 8:1 /var/lib/vfs/one /top rw - ext4 d rw\n5 1 8:1 /var/lib/vfs/on /other rw - ext4 d rw\n",
        );
        let own = Mounted::of_text("9 8 8:1 /var/lib/vfs/one / rw - ext4 d rw\n");
        let own = own.at(&CallerPath::root()).unwrap();
        let places: Vec<_> = machine.places_of(own).map(|place| place.to_string()).collect();
        assert_eq!(places, ["/var/lib/vfs/one", "/mnt/a b/vfs/one", "/top"]);
    }

    #[test]
    fn the_kernel_says_that_a_list_has_changed_and_a_look_that_a_mount_has_moved() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_str().unwrap();
        for made in ["above/point", "other"] {
            std::fs::create_dir_all(dir.path().join(made)).unwrap();
        }
        let mut shell = Shell::start();
        let pid = shell.0.id();
        let before = Mounted::of_process(pid).unwrap();
        assert!(before.holds());
        shell.run(&format!("mount -t tmpfs t {at}/above/point"));
        assert!(!before.holds() && !before.holds());
        let mounted = Mounted::of_process(pid).unwrap();
        assert!(mounted.holds() && mounted.len() == before.len() + 1);
        shell.run(&format!("mount -o remount,bind,ro {at}/above/point"));
        assert!(!mounted.holds());
        let (mounted, root) = (Mounted::of_process(pid).unwrap(), ProcessRoot::of_process(pid).unwrap());
        let moved = |directory: &str| {
            let moved = mounted.moved(&root, &path(directory), &Looks::default(), &mut HashSet::new());
            moved.unwrap().map(ToString::to_string)
        };
        let (other, point) = (format!("{at}/other"), format!("{at}/above/point"));
        assert_eq!((moved(&other), moved(&point)), (None, None));
        // The kernel says nothing of it.
        shell.run(&format!("mv {at}/above {other}"));
        assert!(mounted.holds());
        assert_eq!(moved("/proc"), None);
        assert_eq!(moved(&other).as_deref(), Some(&*point));
        assert!(!mounted.holds());
        // One that is gone is not elsewhere.
        let mounted = Mounted::of_process(pid).unwrap();
        shell.run(&format!("umount {other}/above/point"));
        let gone = mounted.moved(&root, &path(&other), &Looks::default(), &mut HashSet::new());
        assert_eq!(gone, Ok(None));
    }
}
