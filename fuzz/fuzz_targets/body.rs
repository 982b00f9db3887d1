//! A create body of any bytes: what is rewritten is still what Go would read, with only the sources changed.
#![no_main]

use hostward::api::endpoint::Endpoint;
use hostward::api::request;
use hostward::path::EnginePath;
use hostward::plan::Plan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(sites) = request::sites(Endpoint::ContainerCreate, body) else { return };
    let kept: Vec<_> = sites.into_iter().map(|site| (site, Plan::Keep)).collect();
    assert_eq!(request::rewrite(body, &kept).expect("nothing to spell"), body);

    let source = EnginePath::parse(b"/srv/new").expect("a path");
    let planned: Vec<_> = kept
        .into_iter()
        .map(|(site, _)| (site, Plan::Bind { source: source.clone(), read_only: true }))
        .collect();
    let rewritten = request::rewrite(body, &planned).expect("a plain path can be spelled");
    let again = request::sites(Endpoint::ContainerCreate, &rewritten).expect("still a body");
    assert_eq!(again.len(), planned.len());
    assert!(again.iter().all(|site| site.asked.as_bytes() == b"/srv/new"));
});
