//! What holds for every mount table and every path: a translation never leaves the mount that covers the path, never
//! makes a read-only mount writable (T8), and what was asked is what is read back.
#![expect(clippy::unwrap_used, reason = "a test")]

use hostward::abilities::Abilities;
use hostward::api::answer::restored;
use hostward::api::endpoint::Endpoint;
use hostward::api::lenders::Loan;
use hostward::api::read::{Read, Terms};
use hostward::api::reader::Reader;
use hostward::api::write::{Gives, Output, write};
use hostward::mount::{Mount, Root, Source, Volume};
use hostward::path::{AskedPath, CallerPath, EnginePath, Rest};
use hostward::plan::{Give, Given, Plan, Wish, plan};
use hostward::reading::{Reading, read};
use hostward::refusal::{Reason, Refusal};
use hostward::seal::Key;
use hostward::table::Table;
use hostward::version::ApiVersion;
use hostward::view::View;
use hostward::walk::Resolved;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::convert::Infallible;

const CALLER: &str = "caller";

fn caller_path(text: &str) -> CallerPath {
    CallerPath::parse(text.as_bytes()).unwrap()
}

fn engine_path(text: &str) -> EnginePath {
    EnginePath::parse(text.as_bytes()).unwrap()
}

fn rest(text: &str) -> Rest {
    Rest::parse(text.as_bytes()).unwrap()
}

/// Few names, so that mounts lie over, beneath and beside each other and share sources.
fn names(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 0..most).prop_map(|names| names.join("/"))
}

fn source() -> impl Strategy<Value = Source> {
    let volume = (0..3u8, names(3)).prop_map(|(n, subpath)| {
        let path = (n > 0).then(|| engine_path(&format!("/volumes/v{n}/_data")));
        Source::Volume(Volume {
            name: format!("v{n}"),
            driver: "local".into(),
            subpath: rest(&subpath),
            path,
        })
    });
    prop_oneof![
        4 => names(4).prop_map(|path| Source::Bind(engine_path(&format!("/srv/{path}")))),
        3 => volume,
        1 => Just(Source::Tmpfs),
    ]
}

fn table() -> impl Strategy<Value = Table> {
    let mount = (names(4), source(), any::<bool>()).prop_map(|(at, source, read_only)| Mount {
        destination: caller_path(&format!("/{at}")),
        source,
        read_only,
    });
    let root = (any::<bool>(), any::<bool>()).prop_map(|(known, read_only)| Root {
        path: known.then(|| engine_path("/overlay/merged")),
        presumed: None,
        read_only,
    });
    (prop::collection::vec(mount, 0..7), root).prop_map(|(mounts, root)| {
        let mut table = Table::new(mounts);
        table.set_root(root);
        table
    })
}

/// A path as somebody writes it.
fn asked() -> impl Strategy<Value = String> {
    prop::collection::vec("/[abc]|/[.]|//[abc]|/[abc]/[.][.]", 1..6).prop_map(|parts| parts.concat())
}

fn abilities() -> impl Strategy<Value = Abilities> {
    prop_oneof![Just(Abilities::of(ApiVersion::new(1, 51))), Just(Abilities::of(ApiVersion::new(1, 41)))]
}

/// What the engine has in effect for a body, as it answers an inspection.
fn inspected(body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap();
    let point = |kind: &str, source: &str, at: &Value| json!({"Type": kind, "Name": source, "Source": source, "Destination": at, "RW": true});
    let binds = body["HostConfig"]["Binds"].as_array().into_iter().flatten().map(|text| {
        let parts: Vec<_> = text.as_str().unwrap().split(':').collect();
        point(if parts[0].starts_with('/') { "bind" } else { "volume" }, parts[0], &json!(parts[1]))
    });
    let mounts = body["HostConfig"]["Mounts"].as_array().into_iter().flatten().map(|mount| {
        point(mount["Type"].as_str().unwrap(), mount["Source"].as_str().unwrap(), &mount["Target"])
    });
    let points: Vec<_> = binds.chain(mounts).collect();
    json!({"Config": {"Labels": body["Labels"]}, "HostConfig": body["HostConfig"], "Mounts": points})
}

/// Whether what is given lies in what the mount shows.
fn stays_within(give: &Give, mount: Option<&Mount>, root: &Root) -> bool {
    match (give, mount.map(|mount| &mount.source)) {
        (Give::Bind(path), None) => root.path.as_ref().is_some_and(|root| path.below(root).is_some()),
        (Give::Bind(path), Some(Source::Bind(base))) => path.below(base).is_some(),
        (Give::Bind(path), Some(Source::Volume(volume))) => {
            volume.path.as_ref().is_some_and(|base| path.below(&base.join(&volume.subpath)).is_some())
        }
        (Give::Volume { name, subpath }, Some(Source::Volume(volume))) => {
            let outer = volume.subpath.as_bytes();
            let beneath = subpath.as_bytes().strip_prefix(outer);
            *name == volume.name
                && beneath.is_some_and(|rest| rest.is_empty() || outer.is_empty() || rest.starts_with(b"/"))
        }
        _ => false,
    }
}

fn planned(view: &View, asked: &str, read_only: bool, abilities: Abilities) -> Option<(CallerPath, Given)> {
    let asked = AskedPath::parse(asked.as_bytes()).unwrap();
    let resolved = Resolved::at(asked.clean(), true);
    match plan(&asked, &resolved, view, &Wish { read_only, ..Wish::bind() }, abilities, |_| None) {
        Ok(Plan::Given(given)) => Some((resolved.path, given)),
        Ok(Plan::Keep) => None,
        Err(refusal) => {
            let known = matches!(
                refusal.reason,
                Reason::Tmpfs(_) | Reason::RootFs | Reason::Submount { .. } | Reason::Volume { .. }
            );
            assert!(known, "{refusal}");
            None
        }
    }
}

/// What the engine says of the caller itself.
fn described(table: &Table) -> Value {
    let points = table.iter().filter_map(|mount| {
        let (kind, source) = match &mount.source {
            Source::Bind(path) => ("bind", path.clone()),
            Source::Volume(Volume { path: Some(path), subpath, .. }) => ("volume", path.join(subpath)),
            _ => return None,
        };
        let (source, at) = (source.to_string(), mount.destination.to_string());
        Some(json!({"Type": kind, "Name": "v", "Source": source, "Destination": at, "RW": !mount.read_only}))
    });
    let points: Vec<_> = points.collect();
    let merged = table.root().path.as_ref().map(ToString::to_string);
    json!({"Id": CALLER, "Mounts": points, "GraphDriver": {"Data": {"MergedDir": merged}}})
}

/// The engine's path of a file, as cross, pre-commit and their like find it in a description: by the longest
/// destination, else beneath the root filesystem.
fn mapped(described: &Value, own: &CallerPath) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let points = described["Mounts"].as_array().unwrap().iter();
    let covering =
        points.filter_map(|point| Some((own.below(&caller_path(&text(&point["Destination"])))?, point)));
    match covering.min_by_key(|(rest, _)| rest.as_bytes().len()) {
        Some((rest, point)) => format!("{}/{rest}", text(&point["Source"])),
        None => format!("{}{own}", text(&described["GraphDriver"]["Data"]["MergedDir"])),
    }
}

/// Reads a path for a caller that sees nothing but one file, by whatever path.
fn read_among(asked: &AskedPath, view: &View, file: &CallerPath) -> Result<Reading, Infallible> {
    read(asked, view, false, |asked| {
        let path = asked.clean();
        let exists = path == *file
            || view.locate(&path).path().is_some_and(|same| Some(same) == view.locate(file).path());
        Ok(Resolved::at(path, exists))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_translation_stays_in_the_mount_that_covers_the_path(
        table in table(), asked in asked(), abilities in abilities(),
    ) {
        let view = View::container(table.clone(), Vec::new());
        if let Some((path, given)) = planned(&view, &asked, false, abilities) {
            prop_assert!(stays_within(&given.source, table.covering(&path), table.root()), "{given:?}");
            for beneath in &given.beneath {
                prop_assert_eq!(&path.join(&beneath.rest), &beneath.at);
                prop_assert!(stays_within(&beneath.source, table.covering(&beneath.at), table.root()));
            }
            // Every mount beneath comes along.
            let mounts: Vec<_> = table.beneath(&path).map(|mount| &mount.destination).collect();
            let along: Vec<_> = given.beneath.iter().map(|beneath| &beneath.at).collect();
            prop_assert_eq!(mounts.len(), along.len());
            prop_assert!(mounts.iter().all(|mount| along.contains(mount)));
        }
    }

    #[test]
    fn t8_what_is_read_only_stays_so(
        table in table(), asked in asked(), read_only: bool, abilities in abilities(),
    ) {
        let view = View::container(table.clone(), Vec::new());
        if let Some((path, given)) = planned(&view, &asked, read_only, abilities) {
            let writable = |path: &CallerPath| {
                table.covering(path).map_or(!table.root().read_only, |mount| !mount.read_only)
            };
            prop_assert!(given.read_only || writable(&path));
            for beneath in &given.beneath {
                prop_assert!(beneath.read_only || (writable(&beneath.at) && !read_only));
            }
        }
    }

    #[test]
    fn what_is_translated_and_restored_is_what_was_asked(
        table in table(), asked in asked(), abilities in abilities(), as_mount: bool,
    ) {
        let view = View::container(table, Vec::new());
        let Some((_, given)) = planned(&view, &asked, false, abilities) else { return Ok(()) };
        let requested = if as_mount {
            json!({"HostConfig": {"Mounts": [{"Type": "bind", "Source": asked, "Target": "/t"}]}})
        } else {
            json!({"HostConfig": {"Binds": [format!("{asked}:/t")]}})
        };
        let reader = Reader { view: &view, caller: CALLER, key: &Key::new([0; Key::LEN]) };
        let body = requested.to_string();
        let read = Read::of(Endpoint::ContainerCreate, body.into_bytes(), Terms::default()).unwrap();
        let (plans, loan) = ([Plan::Given(given)], Loan::default());
        let gives = Gives { plans: &plans, loan: &loan, image_labels: &[], for_podman: false, amendments: &[], labels: &[] };
        let (Output::Same(body) | Output::Other(body)) = write(read, gives, reader).unwrap().body else { unreachable!() };
        let answer = inspected(&body).to_string();
        let read = restored(Endpoint::ContainerInspect, answer.as_bytes(), reader).unwrap().body;
        let read: Value = serde_json::from_slice(read.as_deref().unwrap_or(answer.as_bytes())).unwrap();
        let list = |value: &Value, name: &str| value["HostConfig"][name].as_array().cloned().unwrap_or_default();
        prop_assert_eq!(list(&read, "Binds"), list(&requested, "Binds"));
        prop_assert_eq!(list(&read, "Mounts"), list(&requested, "Mounts"));
        // What is in effect has no more than the letter cleaned, as on the engine itself.
        let clean = caller_path(&asked).to_string();
        let points = read["Mounts"].as_array().unwrap();
        prop_assert_eq!(points.len(), 1);
        prop_assert_eq!((points[0]["Type"].as_str(), points[0]["Source"].as_str()), (Some("bind"), Some(&*clean)));
    }

    /// A program looks at its own container, and names the engine's path of a file by what it reads there: as Hostward
    /// answers (T18), or as the engine itself does (T16).
    #[test]
    fn t18_what_a_caller_reads_of_itself_leads_to_the_same_place(
        table in table(), file in names(5), by_answer: bool,
    ) {
        let view = View::container(table.clone(), Vec::new());
        let own = caller_path(&format!("/{file}"));
        let origin = |path: &CallerPath| view.locate(path).path();
        // Memory has no path, nor has a volume of which the engine tells none.
        if origin(&own).is_none() {
            return Ok(());
        }
        let engines = described(&table).to_string();
        let reader = Reader { view: &view, caller: CALLER, key: &Key::new([0; Key::LEN]) };
        let read = restored(Endpoint::ContainerInspect, engines.as_bytes(), reader).unwrap().body.filter(|_| by_answer);
        let read: Value = serde_json::from_slice(read.as_deref().unwrap_or(engines.as_bytes())).unwrap();
        let fed_back = AskedPath::parse(mapped(&read, &own).as_bytes()).unwrap();
        let Ok(reading) = read_among(&fed_back, &view, &own);
        prop_assert_eq!(origin(&reading.resolved.path), origin(&own), "{}", fed_back);
        // Of two mounts of one place, that which may be written to.
        prop_assert!(!view.is_read_only(&reading.resolved.path) || view.is_read_only(&own));
    }

    /// Translating twice is translating once, where the caller sees nothing at the engine's path itself (T16).
    #[test]
    fn t16_what_is_translated_is_translated_to_itself(
        table in table(), asked in asked(), abilities in abilities(),
    ) {
        let view = View::container(table, Vec::new());
        let Some((path, Given { source: Give::Bind(source), .. })) = planned(&view, &asked, false, abilities) else {
            return Ok(());
        };
        let again = AskedPath::parse(source.as_bytes()).unwrap();
        let Ok(reading) = read_among(&again, &view, &path);
        match plan(&again, &reading.resolved, &view, &Wish::bind(), abilities, |_| None) {
            Ok(Plan::Given(Given { source: Give::Bind(twice), .. })) => prop_assert!(twice.is(&source), "{twice} {source}"),
            // The caller has it in several places, and at this one with a mount beneath that cannot come along.
            Err(Refusal { reason: Reason::Submount { .. }, .. }) => prop_assert_ne!(reading.resolved.path, path),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn what_the_table_restores_leads_to_the_same_file(table in table(), path in names(5)) {
        let view = View::container(table, Vec::new());
        for base in ["/srv", "/volumes/v1/_data", "/overlay/merged"] {
            let path = engine_path(&format!("{base}/{path}"));
            if let Some(caller) = view.restore(&path) {
                prop_assert!(view.locate(&caller).path().is_some_and(|again| again.is(&path)));
            }
        }
    }
}
