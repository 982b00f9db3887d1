//! The kernel's and the engine's texts, of any bytes: read or refused, never a panic.
#![no_main]

use hostward::api::wording::{AskedFor, Wording};
use hostward::path::EnginePath;
use hostward::view::View;
use hostward::{cgroup, inspect, mountinfo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let _ = cgroup::container_id(text);
    let _ = mountinfo::container_id(text);
    if let Ok(container) = inspect::parse(text) {
        let _ = container.table.confirmed(mountinfo::lines(text));
    }
    let mut asked_for = AskedFor::default();
    asked_for.note(&EnginePath::parse(b"/srv/a").expect("a path"), b"/app/a");
    let _ = Wording::of(&View::explicit(Vec::new()), &asked_for).message(text);
    let _ = inspect::volume(text);
});
