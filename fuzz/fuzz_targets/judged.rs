//! A create under a profile is refused, or holds nothing that the profile forbids, read by a reader that has nothing in
//! common with Hostward's. The bytes are the body itself, or turns that spell one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spell::Choices;
use std::sync::LazyLock;

#[path = "../../crates/hostward/tests/judged/check.rs"]
mod check;
#[path = "../../crates/hostward/tests/judged/reader.rs"]
mod reader;
#[path = "../../crates/hostward/tests/judged/spell.rs"]
mod spell;

static LAWS: LazyLock<Vec<check::Law>> = LazyLock::new(check::laws);

fuzz_target!(|bytes: &[u8]| {
    let spelled = (bytes.first() != Some(&b'{')).then(|| Choices::new(bytes).create());
    for law in &*LAWS {
        check::passes(law, spelled.as_deref().unwrap_or(bytes));
    }
});
