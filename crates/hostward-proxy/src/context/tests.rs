use std::io::Write as _;

use hostward::policy::claim::About;

use super::*;
use crate::limits::Limits;
use crate::pool::Tenant;
use crate::pools::Pools;

fn archive(text: &str) -> Vec<u8> {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, "Dockerfile");
    put(124, &format!("{:011o}", text.len()));
    put(156, "0");
    put(148, "        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = [&header[..], text.as_bytes()].concat();
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

fn spooled(bytes: &[u8], limits: &Limits) -> Spooled {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let lease = Pools::new(limits).spooled.none(Tenant::Address([10, 0, 0, 1].into()));
    Spooled { file, length: bytes.len() as u64, lease }
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap()
}

fn read_all(bytes: &[u8], limits: &Limits, cancel: &Cancel) -> Result<(Vec<u8>, Vec<Claim>), Unjudged> {
    let mut claims = Vec::new();
    let (mut file, length) = read(&mut spooled(bytes, limits), b"/build", limits, cancel, &mut claims)?;
    let mut written = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut written).unwrap();
    assert_eq!(written.len() as u64, length);
    Ok((written, claims))
}

#[test]
fn a_compressed_archive_goes_on_as_the_same_as_a_plain_one() {
    let (limits, cancel) = (Limits::default(), Cancel::default());
    let plain = archive("FROM busybox\nADD http://h/x /");
    let (written, claims) = read_all(&plain, &limits, &cancel).unwrap();
    let abouts: Vec<_> = claims.iter().map(|claim| claim.about).collect();
    assert_eq!(abouts, [About::ImagePulled, About::BuildSource]);
    assert_eq!(read_all(&zipped(&plain), &limits, &cancel).unwrap().0, written);
    // In two members, as engines read them.
    let (one, two) = plain.split_at(700);
    assert_eq!(read_all(&[zipped(one), zipped(two)].concat(), &limits, &cancel).unwrap().0, written);
}

#[test]
fn what_is_too_much_or_for_nobody_is_refused() {
    let cancel = Cancel::default();
    let limits = Limits { context_bytes: 4096, ..Limits::default() };
    let refused = |bytes: &[u8], limits: &Limits, cancel: &Cancel| match read_all(bytes, limits, cancel) {
        Err(Unjudged::Refused(refused)) => refused.status,
        Err(Unjudged::Claim(error)) => error.status(),
        Ok(_) => 200,
    };
    let long = archive(&"#".repeat(1 << 20));
    assert_eq!(refused(&long, &limits, &cancel), 413);
    assert_eq!(refused(&zipped(&long), &limits, &cancel), 413);
    let held = Limits { spooled_bytes_per_caller: 8192, ..Limits::default() };
    assert_eq!(refused(&long, &held, &cancel), 429);
    assert_eq!(refused(b"BZh91AY", &Limits::default(), &cancel), 400);
    assert_eq!(refused(&zipped(&long)[..2000], &Limits::default(), &cancel), 400);
    cancel.flag().store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(refused(&long, &Limits::default(), &cancel), 504);
}
