//! What is mounted below a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::run;
use crate::error::{Result, doing};

/// Unmounts what is mounted below a folder, and on it, the deepest first.
pub(crate) fn unmount_below(folder: &Path) -> Result<()> {
    for place in mounts_below(folder)?.iter().rev() {
        let unmounted = run(Command::new("umount").arg("-l").arg(place));
        // A container that ends takes its own mounts away at the same time.
        if unmounted.is_err() && mounts_below(place)?.is_empty() {
            continue;
        }
        unmounted?;
    }
    Ok(())
}

fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo").map_err(doing("read the mount table"))?;
    // The fifth field is the mount's place; our own folders have no character that the kernel would escape.
    let places = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    Ok(places.filter(|place| place.starts_with(folder)).collect())
}
