//! A body of any bytes, read as each kind of request is, in front of Docker and of Podman: what is written is still what Go would
//! read, with only the sources changed; and whatever is read back of it is read or refused.
#![no_main]

use hostward::api::answer::restored;
use hostward::api::archive::Config;
use hostward::api::endpoint::Endpoint;
use hostward::api::lenders::Loan;
use hostward::api::podman;
use hostward::api::read::{Read, Terms};
use hostward::api::reader::Reader;
use hostward::api::write::{Gives, Output, write};
use hostward::path::{CallerPath, EnginePath, Rest};
use hostward::plan::{Beneath, Give, Given, Plan};
use hostward::seal::Key;
use hostward::view::View;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

const CREATE: Endpoint = Endpoint::ContainerCreate;

/// All whose bodies are judged.
const JUDGED: [Endpoint; 7] = [
    CREATE,
    Endpoint::ContainerStart,
    Endpoint::ServiceCreate,
    Endpoint::ServiceUpdate,
    Endpoint::VolumeCreate,
    Endpoint::PluginSet,
    Endpoint::CheckpointCreate,
];

/// All whose answers are restored.
const RESTORED: [Endpoint; 8] = [
    Endpoint::ContainerInspect,
    Endpoint::ContainerList,
    Endpoint::ServiceInspect,
    Endpoint::TaskList,
    Endpoint::VolumeInspect,
    Endpoint::VolumeList,
    Endpoint::SystemDf,
    Endpoint::Events,
];

fuzz_target!(|body: &[u8]| {
    for endpoint in JUDGED {
        for for_podman in [false, true] {
            judged(endpoint, body, Terms { for_podman, ..Terms::default() });
        }
    }
    if let Ok(Some(config)) = Config::find(Cursor::new(body)) {
        let _ = Read::of_plugin(config, Terms::default());
    }
    let _ = podman::check_query(b"POST", body);
    let (view, key) = (View::explicit(Vec::new()), Key::new([7; Key::LEN]));
    for endpoint in RESTORED {
        let _ = restored(endpoint, body, Reader { view: &view, caller: "caller", key: &key });
    }
});

fn judged(endpoint: Endpoint, body: &[u8], terms: Terms) {
    let Ok(read) = Read::of(endpoint, body.to_vec(), terms) else { return };
    let sites: Vec<_> = read.sites().cloned().collect();
    let (view, key) = (View::explicit(Vec::new()), Key::new([7; Key::LEN]));
    let reader = Reader { view: &view, caller: "caller", key: &key };
    let loan = Loan::default();
    let written = |plan: &Plan| {
        let read = Read::of(endpoint, body.to_vec(), terms).expect("it was read before");
        let plans = vec![plan.clone(); sites.len()];
        let for_podman = terms.for_podman;
        write(
            read,
            Gives { plans: &plans, loan: &loan, image_labels: &[], for_podman, amendments: &[], labels: &[] },
            reader,
        )
    };
    // Nothing changes where nothing is given, save labels that nobody may write.
    if !contains(body, b"hostward") {
        let kept = written(&Plan::Keep).expect("nothing to spell").body;
        assert!(matches!(kept, Output::Same(kept) if kept == body));
    }
    let bind = |path: &[u8]| Give::Bind(EnginePath::parse(path).expect("a path"));
    let subpath = Rest::parse(b"sub").expect("a rest");
    let beneath = Beneath {
        rest: subpath.clone(),
        at: sites.first().map_or_else(CallerPath::root, |site| site.asked.clean()),
        source: bind(b"/srv/inner"),
        read_only: false,
    };
    for given in [
        Given { source: bind(b"/srv/new"), read_only: true, lasting: true, beneath: Vec::new() },
        Given { source: bind(b"/srv/new"), read_only: false, lasting: false, beneath: vec![beneath] },
        Given {
            source: Give::Volume { name: "v".into(), subpath },
            read_only: true,
            lasting: false,
            beneath: Vec::new(),
        },
    ] {
        // A plan gives a volume only in the place of what says nothing that is a bind's alone.
        if matches!(given.source, Give::Volume { .. }) && !sites.iter().all(|site| site.wish.plain) {
            continue;
        }
        let Ok(written) = written(&Plan::Given(given)) else { continue };
        let (Output::Same(body) | Output::Other(body)) = written.body else { panic!("no archive was read") };
        // What is added beneath counts, too.
        let Ok(again) = Read::of(endpoint, body.clone(), Terms::default()) else { continue };
        assert!(again.sites().all(|site| site.asked.as_bytes().starts_with(b"/srv/")));
        let _ = restored(Endpoint::ContainerInspect, &body, reader);
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
