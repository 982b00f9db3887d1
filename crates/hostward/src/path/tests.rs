//! Paths: joined, compared, shown.

use super::*;
use proptest::prelude::*;

fn caller(text: &str) -> CallerPath {
    CallerPath::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_path_is_beneath_by_component_only() {
    assert_eq!(caller("/app/storage2").below(&caller("/app/storage")), None);
    assert_eq!(caller("/app/storage/a").below(&caller("/app/storage")).unwrap().as_bytes(), b"a");
    assert!(caller("/app/storage").below(&caller("/app/storage/")).unwrap().is_empty());
    assert_eq!(caller("/a/b").below(&CallerPath::root()).unwrap().as_bytes(), b"a/b");
}

#[test]
fn dots_are_taken_by_the_text_and_stop_at_the_root() {
    assert_eq!(caller("/app/storage/../../etc/passwd"), caller("/etc/passwd"));
    assert_eq!(caller("/../..//./"), CallerPath::root());
    assert_eq!(CallerPath::root().to_string(), "/");
}

#[test]
fn joining_nothing_adds_no_slash() {
    let file = EnginePath::parse(b"/srv/file.py").unwrap();
    assert_eq!(file.join(&Rest(Vec::new())), file);
    let root = EnginePath::parse(b"/").unwrap();
    assert_eq!(root.join(&Rest(b"a/b".into())).as_bytes(), b"/a/b");
}

#[test]
fn a_rest_is_relative_and_stays_beneath() {
    let rest = |text: &str| Rest::parse(text.as_bytes()).unwrap();
    assert_eq!(rest("./a//b/"), rest("a/b"));
    assert_eq!(rest("a").join(&rest("b/c")), rest("a/b/c"));
    assert_eq!(Rest::empty().join(&rest("b")), rest("b"));
    assert_eq!(rest("a").join(&Rest::empty()), rest("a"));
    assert!(rest("a/b").is_beneath(&rest("a")) && rest("a").is_beneath(&Rest::empty()));
    assert!(!rest("ab").is_beneath(&rest("a")) && !rest("a").is_beneath(&rest("a/b")));
    assert_eq!(Rest::parse(b"a/../b"), None);
    assert_eq!(Rest::parse(b"/a"), None);
}

#[test]
fn parents_end_at_the_root() {
    assert_eq!(caller("/a/b").parent(), Some(caller("/a")));
    assert_eq!(caller("/a").parent(), Some(CallerPath::root()));
    assert_eq!(CallerPath::root().parent(), None);
    let parent = |path: &[u8]| EnginePath::parse(path).unwrap().parent().map(|parent| parent.to_string());
    assert_eq!(parent(b"/a//b/").as_deref(), Some("/a"));
    assert_eq!(parent(b"/a").as_deref(), Some("/"));
    assert_eq!(parent(b"/"), None);
}

#[test]
fn what_is_no_absolute_path_says_why() {
    assert_eq!(CallerPath::parse(b""), Err(PathError::Empty));
    assert_eq!(CallerPath::parse(b"a/b"), Err(PathError::Relative));
    assert_eq!(EnginePath::parse(b"/a\0b"), Err(PathError::Nul));
}

#[test]
fn a_path_that_is_asked_is_as_long_as_the_kernel_takes_it_at_most() {
    let long = |len: usize| "/a".repeat(len / 2) + &"/"[..len % 2];
    assert!(AskedPath::parse(long(MOST_BYTES).as_bytes()).is_ok());
    assert_eq!(AskedPath::parse(long(MOST_BYTES + 1).as_bytes()), Err(PathError::TooLong));
}

#[test]
fn control_characters_are_shown_escaped() {
    assert_eq!(caller("/a\nb\x1b[31m").to_string(), "/a\\nb\\u{1b}[31m");
}

proptest! {
    #[test]
    fn below_and_join_are_each_others_reverse(base in "(/[a-z ]{1,4}){0,4}", rest in "([a-z:]{1,3}(/[a-z]{1,3}){0,3})?") {
        let base = CallerPath::parse(format!("/{base}").as_bytes()).unwrap();
        let joined = base.join(&Rest(rest.clone().into_bytes()));
        let below = joined.below(&base).unwrap();
        prop_assert_eq!(below.as_bytes(), rest.as_bytes());
    }

    #[test]
    fn a_caller_path_never_holds_dots_or_empty_names(bytes in prop::collection::vec(prop::sample::select(b"/.a\xff".to_vec()), 0..24)) {
        let path = CallerPath::parse(&[b"/", &bytes[..]].concat()).unwrap();
        if path != CallerPath::root() {
            prop_assert!(path.as_bytes()[1..].split(|&b| b == b'/').all(|c| !c.is_empty() && c != b"." && c != b".."));
        }
    }
}

#[test]
fn a_directory_has_a_file_by_both_names_of_run() {
    let within = |directory: &str, path: &str| {
        let engine = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
        engine(path).within(&engine(directory)).map(|rest| rest.as_str().unwrap().to_owned())
    };
    for (directory, path, rest) in [
        ("/run/hostward/docker.sock", "/run/hostward/docker.sock", ""),
        ("/run/hostward", "/var/run/hostward/docker.sock", "docker.sock"),
        ("/var/run/", "/run/hostward/docker.sock", "hostward/docker.sock"),
        ("/var", "/var/run/hostward/docker.sock", "run/hostward/docker.sock"),
        ("/", "/srv/hostward.sock", "srv/hostward.sock"),
    ] {
        assert_eq!(within(directory, path).as_deref(), Some(rest), "{directory} {path}");
    }
    for (directory, path) in [
        ("/run/hostward2", "/run/hostward/docker.sock"),
        ("/var/run/docker.sock", "/run/hostward/docker.sock"),
        ("/var", "/run/hostward/docker.sock"),
    ] {
        assert_eq!(within(directory, path), None, "{directory} {path}");
    }
}

proptest! {
    #[test]
    fn a_path_is_its_components_however_it_is_written(text in "/(a|[.]|/|[.]a|var/run|run/|var){0,6}") {
        let names: Vec<_> = text.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
        let written = EnginePath::parse(text.as_bytes()).unwrap();
        let canonical: String = names.iter().flat_map(|name| ["/", name]).collect();
        prop_assert_eq!(&written.canonical()[..], canonical.as_bytes());
        if !names.contains(&"..") {
            prop_assert_eq!(caller(&text).to_string(), if names.is_empty() { "/" } else { &canonical });
        }
        let above: Vec<_> = (0..=names.len()).rev().map(|n| (names[..n].iter().flat_map(|name| ["/", name]).collect(), names[n..].join("/"))).collect();
        let seen: Vec<(String, _)> = ancestors(canonical.as_bytes())
            .map(|(above, rest)| (String::from_utf8(above.into()).unwrap(), String::from_utf8(rest.into()).unwrap()))
            .collect();
        prop_assert_eq!(seen, above);
    }

    #[test]
    fn two_paths_are_the_same_where_nothing_is_left_of_one_within_the_other(
        one in "/(a|/|var/run|run/|var){0,4}", other in "/(a|/|var/run|run/|var){0,4}",
    ) {
        let engine = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
        let (one, other) = (engine(&one), engine(&other));
        prop_assert_eq!(one.is_same(&other), one.within(&other).is_some_and(|rest| rest.is_empty()));
        prop_assert_eq!(one.is(&other), one.below(&other).is_some_and(|rest| rest.is_empty()));
    }
}
