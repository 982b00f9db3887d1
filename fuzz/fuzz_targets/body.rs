//! A create body of any bytes: what is rewritten is still what Go would read, with only the sources changed.
#![no_main]

use hostward::api::lenders::Loan;
use hostward::api::answer::{Reader, restored};
use hostward::api::endpoint::Endpoint;
use hostward::api::request;
use hostward::path::{EnginePath, Rest};
use hostward::plan::{Beneath, Give, Given, Plan};
use hostward::table::View;
use libfuzzer_sys::fuzz_target;

const CREATE: Endpoint = Endpoint::ContainerCreate;

fuzz_target!(|body: &[u8]| {
    let Ok(sites) = request::sites(CREATE, body) else { return };
    let view = View::explicit(Vec::new());
    let reader = Reader { view: &view, caller: "caller" };
    let rewrite = |plan: &Plan| request::rewrite(CREATE, body, &vec![plan.clone(); sites.len()], &Loan::default(), reader);
    assert_eq!(rewrite(&Plan::Keep).expect("nothing to spell").body, body);

    let bind = |path: &[u8]| Give::Bind(EnginePath::parse(path).expect("a path"));
    let subpath = Rest::parse(b"sub").expect("a rest");
    let beneath = Beneath {
        rest: subpath.clone(),
        at: sites.first().map_or_else(hostward::path::CallerPath::root, |site| site.asked.clean()),
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
        // Labels that are no object are the engine's to refuse, and so is much else.
        let Ok(rewritten) = rewrite(&Plan::Given(given)) else { continue };
        let again = request::sites(CREATE, &rewritten.body).expect("still a body");
        assert!(again.iter().all(|site| site.asked.as_bytes().starts_with(b"/srv/")));
        let _ = restored(Endpoint::ContainerInspect, &rewritten.body, reader);
    }
});
