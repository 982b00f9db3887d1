//! A walk through whatever entries: it ends, inside the root, without `..` left.
#![no_main]

use hostward::path::AskedPath;
use hostward::walk::{Entry, Step, Walk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], Vec<(u8, &[u8])>)| {
    let (path, entries) = input;
    let Ok(asked) = AskedPath::parse(path) else { return };
    let mut walk = Walk::new(&asked);
    let mut entries = entries.into_iter();
    while let Ok(step) = walk.step() {
        match step {
            Step::Done(resolved) => {
                let bytes = resolved.path.as_bytes();
                assert!(bytes.starts_with(b"/"));
                assert!(bytes.split(|&b| b == b'/').all(|c| c != b".." && c != b"."));
                return;
            }
            Step::Look(_) => walk.found(match entries.next() {
                Some((0, target)) => Entry::Link(target.to_vec()),
                Some((1, _)) => Entry::Other,
                Some((2, _)) => Entry::Missing,
                _ => Entry::Directory,
            }),
        }
    }
});
