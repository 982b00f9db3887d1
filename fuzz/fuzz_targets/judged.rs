//! A create under a strict profile is refused, or holds nothing that the profile forbids, read by a reader that has nothing in
//! common with Hostward's. The bytes are the body itself, or turns that spell one.
#![no_main]

use hostward::policy::profile::Profile;
use libfuzzer_sys::fuzz_target;
use spell::Choices;
use std::sync::LazyLock;

#[path = "../../crates/hostward/tests/judged/check.rs"]
mod check;
#[path = "../../crates/hostward/tests/judged/reader.rs"]
mod reader;
#[path = "../../crates/hostward/tests/judged/spell.rs"]
mod spell;

static STRICT: LazyLock<Profile> = LazyLock::new(check::strict);

fuzz_target!(|bytes: &[u8]| {
    if bytes.first() == Some(&b'{') {
        check::passes(&STRICT, bytes);
    } else {
        check::passes(&STRICT, &Choices::new(bytes).create());
    }
});
