//! A Dockerfile of any bytes: an address in its own plain `ADD` is seen whatever stands before it, or all of it is refused.
#![no_main]

use hostward::api::dockerfile::{BuildArgs, claims, claims_of_text};
use hostward::policy::claim::About;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = claims(bytes, &BuildArgs::default());
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = claims_of_text(text, "OnBuild[0]");
    }
    // An instruction that goes on would take the next line in; an empty line and a comment do not end it, and this does.
    let ended = [bytes, b"\nLABEL a=b\nADD http://h/x /y\n"].concat();
    if let Ok(claims) = claims(&ended, &BuildArgs::default()) {
        assert!(claims.iter().any(|claim| claim.about == About::BuildSource), "an address is not seen");
    }
});
