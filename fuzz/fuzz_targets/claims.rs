//! A request of any bytes, its line, its type and its body: whatever is taken for an operation is in the table, its path is what the
//! engine's router reads, no key of its query is unknown, but for fields of its body, or comes twice, and every preset judges it without a fault.
#![no_main]

use hostward::api::operations::find;
use hostward::api::{claims, operations};
use hostward::policy::action::Action;
use hostward::policy::profile::Profile;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::sync::LazyLock;

#[allow(dead_code, reason = "the routes are for the target that classifies")]
#[path = "../../crates/hostward/tests/router/mod.rs"]
mod router;

static PRESETS: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    ["ci", "executor", "observer", "trusted"].map(|name| Profile::preset(name).expect("a preset")).into()
});

fuzz_target!(|request: &[u8]| {
    // `POST /containers/create\napplication/json\n{…}`
    let mut lines = request.splitn(3, |&b| b == b'\n');
    let (line, kind, body) = (lines.next().unwrap_or_default(), lines.next(), lines.next());
    let Some(blank) = line.iter().position(|&b| b == b' ') else { return };
    let (method, target) = (&line[..blank], &line[blank + 1..]);
    let Ok(found) = find(method, target) else { return };
    assert!(operations::all().any(|operation| std::ptr::eq(operation, found.operation)));
    let Ok(claims) = claims::read(&found, target, kind, body) else { return };
    assert!(router::path_of(target).is_some(), "Go refuses it");
    let query = target.iter().position(|&b| b == b'?').map_or(&b""[..], |mark| &target[mark + 1..]);
    let mut seen = BTreeSet::new();
    for pair in query.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
        let key = pair.split(|&b| b == b'=').next().unwrap_or_default();
        // Keys that are written plainly; what is behind escapes the core's own tests look at.
        if let Ok(name) = str::from_utf8(key)
            && !name.contains(['%', '+'])
        {
            let key = found.operation.query.iter().find(|key| key.name == name);
            let Some(key) = key else {
                // Clients of Node send a body's fields here as well, where no engine reads them.
                assert!(matches!(found.operation.body, operations::BodyKind::Json(_)), "an unknown key");
                continue;
            };
            assert!(seen.insert(name) || key.repeats, "a key twice");
        }
    }
    for profile in &*PRESETS {
        let _ = profile.judge(Action { operation: found.operation.name, claims: &claims });
    }
});
