//! The texts of a profile, of any bytes: read or refused, written as they can be read again, and matched as another matcher does.
#![no_main]

use hostward::policy::image::{ImageName, ImagePatterns};
use hostward::policy::pattern::Pattern;
use hostward::policy::port::{AddressBlock, AllowedPorts};
use hostward::policy::profile::{AllowedRoot, Profile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(profile) = Profile::parse(text) {
        let again = Profile::parse(&profile.to_toml()).expect("what was written can be read");
        assert_eq!(again, profile);
    }
    let (pattern, name) = text.split_once('\n').unwrap_or((text, ""));
    assert_eq!(Pattern::new(pattern).matches(name), matches(pattern.as_bytes(), name.as_bytes()));
    let patterns: ImagePatterns = [pattern].into_iter().collect();
    if let Some(image) = ImageName::parse(name) {
        let _ = patterns.matches(&image);
    }
    if let Ok(root) = AllowedRoot::parse(pattern) {
        assert_eq!(AllowedRoot::parse(&root.text()).as_ref(), Ok(&root));
    }
    let _ = (AllowedPorts::parse(pattern), AddressBlock::parse(name));
});

/// By backing to the last star: slower than the core's way, and plainly right.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}
