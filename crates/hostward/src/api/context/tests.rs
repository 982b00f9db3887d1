use super::*;
use std::io::Cursor;

/// An entry as it stands in an archive.
struct Raw<'a> {
    name: &'a [u8],
    kind: u8,
    link: &'a [u8],
    content: &'a [u8],
}

fn file<'a>(name: &'a str, content: &'a str) -> Raw<'a> {
    Raw { name: name.as_bytes(), kind: b'0', link: b"", content: content.as_bytes() }
}

fn of_kind<'a>(name: &'a str, kind: u8, link: &'a str) -> Raw<'a> {
    Raw { name: name.as_bytes(), kind, link: link.as_bytes(), content: b"" }
}

fn before(kind: u8, content: &str) -> Raw<'_> {
    Raw { name: b"before", kind, link: b"", content: content.as_bytes() }
}

fn pack(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for Raw { name, kind, link, content } in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
        header.as_mut_bytes()[156] = *kind;
        header.set_mode(0o4751);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(99);
        header.set_username("u").unwrap();
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn rewritten(archive: &[u8], target: &str) -> Result<(Option<String>, Vec<u8>), BuildContextError> {
    let wanted = DockerfileName::of(target.as_bytes()).unwrap();
    let mut written = Vec::new();
    let text = rewrite(Cursor::new(archive), &mut written, &wanted, 100)?;
    Ok((text.map(|text| String::from_utf8(text).unwrap()), written))
}

fn text(entries: &[Raw<'_>], target: &str) -> Option<String> {
    rewritten(&pack(entries), target).unwrap().0
}

fn error(entries: &[Raw<'_>], target: &str) -> BuildContextError {
    rewritten(&pack(entries), target).unwrap_err()
}

#[test]
fn the_last_file_of_the_name_is_the_dockerfile() {
    let entries = || {
        [file("./Dockerfile", "1"), file("d/../Dockerfile", "2"), file("dockerfile", "3"), file("d/x", "4")]
    };
    assert_eq!(text(&entries(), "/build").as_deref(), Some("2"));
    assert_eq!(text(&entries(), "/build?dockerfile=").as_deref(), Some("2"));
    assert_eq!(text(&entries(), "/build?dockerfile=dockerfile").as_deref(), Some("3"));
    for name in ["d/x", "./d//x", "../../d/x", "%2Fd/y/..%2Fx"] {
        assert_eq!(text(&entries(), &format!("/build?dockerfile={name}")).as_deref(), Some("4"), "{name}");
    }
    assert_eq!(text(&entries(), "/build?dockerfile=none"), None);
    // Only where nobody said a name.
    assert_eq!(text(&[file("dockerfile", "3")], "/build").as_deref(), Some("3"));
    assert_eq!(text(&[file("dockerfile", "3")], "/build?dockerfile=./Dockerfile"), None);
    assert_eq!(text(&[], "/build"), None);
}

#[test]
fn names_that_are_said_before_an_entry_count() {
    let pax = before(b'x', "19 path=Dockerfile\n");
    assert_eq!(text(&[file("Dockerfile", "1"), pax, file("a", "2")], "/build").as_deref(), Some("2"));
    let long = before(b'L', "Dockerfile\0");
    assert_eq!(text(&[before(b'x', "10 path=b\n"), long, file("a", "2")], "/build").as_deref(), Some("2"));
    // Of all entries it is said to nobody.
    let all = before(b'g', "19 path=Dockerfile\n");
    assert_eq!(text(&[file("Dockerfile", "1"), all, file("a", "2")], "/build").as_deref(), Some("1"));
}

#[test]
fn what_is_behind_the_end_is_not_written() {
    let mut archive = pack(&[file("Dockerfile", "1")]);
    archive.extend(pack(&[file("Dockerfile", "2")]));
    let (text, written) = rewritten(&archive, "/build").unwrap();
    assert_eq!(text.as_deref(), Some("1"));
    assert_eq!(tar::Archive::new(&*written).entries().unwrap().count(), 1);
    assert_eq!(written.len(), 512 * 4);
}

#[test]
fn a_dockerfile_that_can_become_another_one_is_refused() {
    let docker = || file("Dockerfile", "1");
    for entries in [
        vec![file("a", "1"), of_kind("Dockerfile", b'2', "a")],
        vec![file("a", "1"), of_kind("Dockerfile", b'1', "a"), docker()],
        vec![docker(), of_kind("Dockerfile", b'5', "")],
        vec![file("Dockerfile/x", "1")],
        vec![of_kind("Dockerfile", b'6', "")],
    ] {
        assert!(matches!(error(&entries, "/build"), BuildContextError::Dockerfile(_)));
    }
    let above = [file("d/x", "1"), of_kind("d", b'2', "e")];
    assert!(matches!(error(&above, "/build?dockerfile=d/x"), BuildContextError::Dockerfile(_)));
    for kind in [b'1', b'2'] {
        let below = [docker(), of_kind("d", kind, "."), file("d/Dockerfile", "2")];
        assert!(matches!(error(&below, "/build"), BuildContextError::BelowLink(_)));
    }
    // A folder of the other name is nothing to it.
    assert_eq!(
        text(&[docker(), of_kind("dockerfile", b'5', ""), file("dockerfile/a", "2")], "/build").as_deref(),
        Some("1")
    );
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let form = |entries: &[Raw<'_>]| matches!(error(entries, "/build"), BuildContextError::Form { .. });
    assert!(form(&[Raw { kind: b'5', ..file("d", "Dockerfile") }]));
    assert!(form(&[Raw { kind: b'S', ..file("d", "x") }]));
    assert!(form(&[Raw { kind: b'7', ..file("d", "x") }]));
    assert!(form(&[before(b'x', "22 GNU.sparse.major=1\n"), file("d", "x")]));
    assert!(form(&[before(b'x', "13 size=9999\n"), file("d", "x")]));
    assert!(form(&[before(b'x', "99 path=x\n"), file("d", "x")]));
    assert!(form(&[before(b'x', "10 path=\0\n"), file("d", "x")]));
    assert!(form(&[of_kind(".", b'2', "x")]));
    assert!(matches!(error(&[file("../x", "1")], "/build"), BuildContextError::Outside(_)));
    assert!(matches!(error(&[file("a/../../x", "1")], "/build"), BuildContextError::Outside(_)));
    let many: Vec<_> = (0..101).map(|_| file("a", "")).collect();
    assert!(matches!(error(&many, "/build"), BuildContextError::Many(100)));
    let long = "x".repeat((1 << 20) + 1);
    assert!(matches!(error(&[file("Dockerfile", &long)], "/build"), BuildContextError::Long));
    assert!(matches!(error(&[before(b'L', &long), file("a", "")], "/build"), BuildContextError::Form { .. }));
    let archive = pack(&[file("Dockerfile", "1")]);
    for end in [100, 511, 512] {
        assert!(
            matches!(rewritten(&archive[..end], "/build"), Err(BuildContextError::Unreadable(_))),
            "{end}"
        );
    }
    assert!(matches!(rewritten(&[b'x'; 2048], "/build"), Err(BuildContextError::Unreadable(_))));
}

#[test]
fn what_an_engine_makes_files_of_is_kept() {
    let name = format!("{}/é", "n".repeat(120));
    let records = |all: &[(&str, &str)]| {
        let record = |(key, value): &(&str, &str)| {
            let length = key.len() + value.len() + 3;
            let length = length + (length + 2).to_string().len();
            [length.to_string(), format!(" {key}={value}\n")].concat()
        };
        all.iter().map(record).collect::<Vec<_>>().concat()
    };
    let pax = records(&[
        ("path", &name),
        ("mtime", "-1.5"),
        ("uid", "3000000"),
        ("gname", "grüppe"),
        ("SCHILY.xattr.user.a=b", "c\0d"),
        ("comment", "x"),
    ]);
    let entries = [
        of_kind("d/", b'5', ""),
        before(b'x', &pax),
        file("short", "content"),
        of_kind("l", b'2', "d/../x"),
        of_kind("h", b'1', "l"),
    ];
    let (_, written) = rewritten(&pack(&entries), "/build").unwrap();
    assert!(written.starts_with(b"./d/\0"));
    let mut archive = tar::Archive::new(&*written);
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        let pax: Vec<_> = entry
            .pax_extensions()
            .unwrap()
            .into_iter()
            .flatten()
            .map(|one| {
                let one = one.unwrap();
                format!("{}={}", one.key().unwrap(), String::from_utf8_lossy(one.value_bytes()))
            })
            .collect();
        let header = entry.header();
        seen.push((
            String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
            entry.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).unwrap()),
            header.entry_type().as_byte(),
            (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
            content,
            pax,
        ));
    }
    let plain = (0o4751, 7, 8, 99);
    assert_eq!(seen[0], ("./d/".into(), None, b'5', plain, String::new(), vec![]));
    assert_eq!(seen[1].0, format!("./{name}"));
    assert_eq!((seen[1].2, &*seen[1].4), (b'0', "content"));
    for record in
        [&format!("path=./{name}"), "mtime=-1.5", "uid=3000000", "gname=grüppe", "SCHILY.xattr.user.a=b=c\0d"]
    {
        assert!(seen[1].5.iter().any(|one| one == record), "{record}: {:?}", seen[1].5);
    }
    assert_eq!(seen[2], ("./l".into(), Some("d/../x".into()), b'2', plain, String::new(), vec![]));
    assert_eq!(seen[3].2, b'1');
    // What was written is read as the same again.
    assert_eq!(rewritten(&written, "/build").unwrap().1, written);
}

#[test]
fn compressions_are_told_by_their_first_bytes() {
    assert_eq!(Packing::of(b"\x1f\x8b\x08\0\0\0").unwrap(), Packing::Gzip);
    assert_eq!(Packing::of(b"").unwrap(), Packing::None);
    for other in [&b"BZh91A"[..], b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd\0\0", b"\x5f\x2a\x4d\x18\0\0"] {
        assert!(matches!(Packing::of(other), Err(BuildContextError::Compressed(_))));
    }
}
