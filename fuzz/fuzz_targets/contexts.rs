//! An archive of any bytes: what is written anew is read as the same again, with the same Dockerfile.
#![no_main]

use hostward::api::context::{DockerfileName, rewrite};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let wanted = DockerfileName::of(b"/build").expect("a name");
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    let Ok(text) = rewrite(bytes, &mut once, &wanted, 1000) else { return };
    let again = rewrite(&*once, &mut twice, &wanted, 1000).expect("what was written can be read");
    assert!(text == again && once == twice);
});
