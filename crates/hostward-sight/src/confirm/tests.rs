//! What is one file, and what only has the same name: two trees in one directory play both sides.

use super::*;
use std::os::unix::fs::symlink;

fn path(text: &str) -> CallerPath {
    CallerPath::parse(text.as_bytes()).unwrap()
}

fn nothing(directory: &CallerPath) -> Apart<'_> {
    static NOTHING: Covered = Covered::nothing();
    Apart { along: Vec::new(), directory, covered: &NOTHING }
}

fn pair(here: &str, there: &str, mount: &str) -> Pair {
    let there = EnginePath::parse(there.as_bytes()).unwrap();
    Pair { here: path(here), there, mount: path(mount), makes: false }
}

/// A machine and a caller, both in one directory: what is there by two names is one file, as with a mount.
fn with_sides(points: (&[&str], &[&str]), test: impl FnOnce(Sides<'_>)) {
    let dir = tempfile::tempdir().unwrap();
    for made in ["srv/ws/sub", "srv/ws/data", "caller/ws/sub", "caller/ws/data", "caller/other"] {
        std::fs::create_dir_all(dir.path().join(made)).unwrap();
    }
    std::fs::write(dir.path().join("srv/file"), "").unwrap();
    symlink("round", dir.path().join("srv/round")).unwrap();
    std::fs::write(dir.path().join("caller/file"), "").unwrap();
    let root = ProcessRoot::of_directory(dir.path());
    let mounted = |points: &[&str]| {
        let line = |point: &&str| format!("2 1 0:1 / {point} rw - tmpfs t rw\n");
        Mounted::of_text(&points.iter().map(line).collect::<String>())
    };
    let machine = EngineSide { root: ProcessRoot::of_directory(dir.path()), mounted: mounted(points.1) };
    let (looks, machine) = (Looks::default(), Arc::new(machine));
    let (caller, mounted, seen, in_place) =
        (&root, &mounted(points.0), RefCell::default(), RefCell::default());
    test(Sides { caller, mounted, machine, looks: &looks, seen, in_place });
}

#[test]
fn one_file_is_one_by_device_and_inode() {
    with_sides((&[], &[]), |sides| {
        assert_eq!(sides.agree(&pair("/srv/ws", "/srv/ws", "/srv"), None), Ok(true));
        let differs = sides.agree(&pair("/caller/ws", "/srv/ws", "/caller"), None);
        assert!(matches!(differs, Err(Reason::Differs { beneath: None, .. })), "{differs:?}");
    });
}

#[test]
fn what_the_caller_sees_and_the_machine_does_not_has_moved() {
    with_sides((&[], &[]), |sides| {
        let moved = |here, there, mount, at: &str, why: &str| {
            let found = sides.agree(&pair(here, there, mount), None);
            let Err(Reason::Moved { source, at: seen, why: found }) = found else { panic!("{found:?}") };
            assert_eq!((source.to_string(), seen), (there.to_owned(), path(at)));
            assert_eq!(found.is_some_and(|found| found.contains("symbolic links")), !why.is_empty());
        };
        moved("/srv/ws", "/moved/ws", "/srv", "/srv/ws", "");
        moved("/srv/ws", "/srv/round", "/srv", "/srv/ws", "loops");
        moved("/srv/ws", "/srv/round/ws", "/srv", "/srv/ws", "loops");
        // A file that is itself a mount: removed, and not replaced.
        moved("/caller/file", "/srv/removed", "/caller/file", "/caller/file", "");
        // A directory that is to be made in one that has gone.
        let found = sides.agree(&pair("/srv/ws/new", "/moved/ws/new", "/srv"), None);
        let Err(Reason::Moved { source, at, why: None }) = found else { panic!("{found:?}") };
        assert_eq!((source.to_string().as_str(), at), ("/moved/ws", path("/srv/ws")));
    });
}

#[test]
fn what_the_caller_alone_has_mounted_has_come_between() {
    with_sides((&["/srv/ws/sub"], &[]), |sides| {
        let found = sides.agree(&pair("/srv/ws/sub", "/elsewhere/sub", "/srv"), None);
        assert!(matches!(found, Err(Reason::Differs { beneath: None, .. })), "{found:?}");
        let found = sides.agree(&pair("/srv/ws/data", "/elsewhere/data", "/srv"), None);
        assert!(matches!(found, Err(Reason::Moved { .. })), "{found:?}");
    });
}

#[test]
fn a_replaced_file_is_meant_and_a_link_in_its_place_is_not() {
    with_sides((&[], &[]), |sides| {
        assert_eq!(sides.agree(&pair("/caller/file", "/srv/file", "/caller/file"), None), Ok(true));
        let link = sides.agree(&pair("/caller/file", "/srv/round", "/caller/file"), None);
        assert!(matches!(link, Err(Reason::Moved { .. })), "{link:?}");
        let directory = sides.agree(&pair("/caller/file", "/srv/ws", "/caller/file"), None);
        assert!(matches!(directory, Err(Reason::Differs { .. })), "{directory:?}");
    });
}

#[test]
fn what_neither_side_has_is_the_engines_to_refuse_unless_it_makes_it() {
    with_sides((&[], &[]), |sides| {
        // The mount is listed and not seen: another lies over it.
        let hidden = pair("/hidden/x", "/gone/x", "/hidden");
        assert_eq!(sides.agree(&hidden, None), Ok(false));
        let made = sides.agree(&Pair { makes: true, ..hidden }, None);
        assert!(matches!(made, Err(Reason::Differs { .. })), "{made:?}");
    });
}

#[test]
fn a_thousand_names_of_one_directory_cost_its_looks_once() {
    with_sides((&["/srv/ws/sub"], &["/srv/ws/sub"]), |sides| {
        for _ in 0..1000 {
            let pair = pair("/srv/ws", "/srv/ws", "/srv");
            assert_eq!(sides.agree(&pair, None), Ok(true));
            assert_eq!(sides.agree_beneath(&[pair], &nothing(&path("/"))), Ok(()));
        }
        assert_eq!(sides.looks.taken().files, 4);
    });
}

#[test]
fn the_kernel_makes_mounts_read_only_all_the_way_down_since_5_12() {
    for (release, since) in [
        ("5.12.0", true),
        ("6.1.0-40-amd64", true),
        ("5.15.167.4-microsoft-standard-WSL2", true),
        ("10.0", true),
        ("5.11.22-7-pve", false),
        ("4.18.0-553.el8.x86_64", false),
        ("5", false),
        ("", false),
    ] {
        assert_eq!(is_since_5_12(release.as_bytes()), since, "{release}");
    }
}

#[test]
fn what_is_missing_is_judged_by_the_directory_above() {
    with_sides((&[], &[]), |sides| {
        assert_eq!(sides.agree(&pair("/srv/ws/new/x", "/srv/ws/new/x", "/srv"), None), Ok(false));
        assert!(sides.agree(&pair("/caller/ws/new", "/srv/ws/new", "/caller"), None).is_err());
    });
}

#[test]
fn a_mount_of_the_machine_that_the_caller_does_not_see_is_noticed() {
    // Beneath a pair that agrees, the two sides see two things at `sub`.
    let pair = pair("/caller/ws", "/srv/ws", "/caller");
    for points in [(&[][..], &["/srv/ws/sub"][..]), (&["/caller/ws/sub"], &[])] {
        with_sides(points, |sides| {
            let found = sides.agree_beneath(std::slice::from_ref(&pair), &nothing(&path("/")));
            let Err(Reason::Differs { beneath: Some(beneath), .. }) = found else { panic!("{found:?}") };
            assert_eq!(beneath, path("/caller/ws/sub"));
            // Where another mount comes along it is covered.
            for along in ["/caller/ws/sub", "/caller/ws"] {
                let along_at = path(along);
                let apart = Apart { along: vec![&along_at], ..nothing(&pair.here) };
                let covered = sides.agree_beneath(std::slice::from_ref(&pair), &apart);
                assert_eq!(covered.is_ok(), along.ends_with("sub"), "{along}");
            }
        });
    }
}

#[test]
fn mounts_elsewhere_and_mounts_of_one_thing_are_none_of_its_business() {
    with_sides((&["/caller/other", "/srv/ws/data"], &["/srv", "/srv/ws/data", "/"]), |sides| {
        let pairs = [pair("/srv/ws", "/srv/ws", "/srv")];
        assert_eq!(sides.agree_beneath(&pairs, &nothing(&path("/"))), Ok(()));
    });
}
