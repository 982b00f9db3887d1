//! The steps of the data path that look at nothing: reading a request, planning it, writing what the engine gets, and restoring
//! answers; and what a profile adds. `cargo xtask bench --core` runs them.
#![expect(clippy::unwrap_used, reason = "fixed inputs")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hostward::abilities::Abilities;
use hostward::api::answer::restored;
use hostward::api::claims;
use hostward::api::endpoint::Endpoint;
use hostward::api::lenders::Loan;
use hostward::api::operations;
use hostward::api::read::{Read, Terms};
use hostward::api::reader::Reader;
use hostward::api::write::{Gives, Written, write};
use hostward::mount::{Mount, Root, Source};
use hostward::path::{CallerPath, EnginePath};
use hostward::plan::{Plan, plan};
use hostward::policy::action::Action;
use hostward::policy::profile::Profile;
use hostward::seal::Key;
use hostward::table::Table;
use hostward::version::ApiVersion;
use hostward::view::View;
use hostward::walk::Resolved;
use serde_json::{Value, json};

const CREATE: Endpoint = Endpoint::ContainerCreate;
/// Mounts of the caller, and of each container in a list.
const MOUNTS: usize = 100;
const LISTED_MOUNTS: usize = 5;
/// How long each step runs before it is measured, and then.
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(2);

/// A caller with a hundred mounts, which reads answers.
struct Caller {
    view: View,
    key: Key,
}

impl Caller {
    fn new() -> Self {
        let mounts = (0..MOUNTS).map(|number| Mount {
            destination: CallerPath::parse(format!("/data/{number:05}").as_bytes()).unwrap(),
            source: Source::Bind(EnginePath::parse(source(number).as_bytes()).unwrap()),
            read_only: false,
        });
        let mut table = Table::new(mounts);
        let merged = EnginePath::parse(b"/var/lib/docker/overlay2/1/merged").unwrap();
        table.set_root(Root { path: Some(merged), presumed: None, read_only: false });
        Self { view: View::container(table, Vec::new()), key: Key::new([7; Key::LEN]) }
    }

    fn reader(&self) -> Reader<'_> {
        Reader { view: &self.view, caller: "caller", key: &self.key }
    }

    /// A plan for each path, as if each led to itself and was there.
    fn plans(&self, read: &Read) -> Vec<Plan> {
        let abilities = Abilities::of(ApiVersion::parse("1.51").unwrap());
        let plans = read.sites().map(|site| {
            let resolved = Resolved::at(site.asked.clean(), true);
            plan(&site.asked, &resolved, &self.view, &site.wish, abilities, |_| None).unwrap()
        });
        plans.collect()
    }

    fn written(&self, read: Read, plans: &[Plan]) -> Written {
        let gives = Gives {
            plans,
            loan: &Loan::default(),
            image_labels: &[],
            for_podman: false,
            amendments: &[],
            labels: &[],
        };
        write(read, gives, self.reader()).unwrap()
    }
}

fn source(number: usize) -> String {
    format!("/home/me/project/storage/{number:05}")
}

/// A create as the docker CLI sends it, with so many binds.
fn create(binds: usize) -> Vec<u8> {
    let binds: Vec<String> =
        (0..binds).map(|number| format!("/data/{:05}/sub:/target/{number}", number % MOUNTS)).collect();
    let environment: Vec<String> =
        (0..20).map(|number| format!("VARIABLE_{number}=a value of usual length")).collect();
    json!({
        "Image": "python:3.11", "Cmd": ["python", "/code.py"], "Env": environment, "Labels": {},
        "AttachStdout": true, "AttachStderr": true, "Tty": false,
        "HostConfig": {"Binds": binds, "NetworkMode": "default", "RestartPolicy": {"Name": "no"}},
    })
    .to_string()
    .into_bytes()
}

/// The engine's list of so many containers.
fn list(containers: usize) -> Vec<u8> {
    let mount = |number: usize| {
        let source = format!("{}/sub", source(number % MOUNTS));
        json!({"Type": "bind", "Source": source, "Destination": "/target", "Mode": "", "RW": true})
    };
    let one = |number: usize| {
        let mounts: Vec<Value> = (0..LISTED_MOUNTS).map(|at| mount(number * LISTED_MOUNTS + at)).collect();
        json!({
            "Id": format!("{number:064x}"), "Names": [format!("/web-{number}")], "Image": "python:3.11",
            "ImageID": format!("sha256:{:064x}", 1), "Command": "python3 -m http.server", "Created": 1_700_000_000,
            "Ports": [], "Labels": {"com.docker.compose.project": "web"}, "State": "running",
            "Status": "Up 3 hours", "HostConfig": {"NetworkMode": "none"}, "Mounts": mounts,
        })
    };
    Value::Array((0..containers).map(one).collect()).to_string().into_bytes()
}

fn read(body: Vec<u8>) -> Read {
    Read::of(CREATE, body, Terms::default()).unwrap()
}

fn requests(criterion: &mut Criterion) {
    let caller = Caller::new();
    for (binds, named) in [(1, "1 bind"), (10, "10 binds"), (200, "200 binds")] {
        let body = create(binds);
        let body = || body.clone();
        let plans = caller.plans(&read(body()));
        criterion.bench_function(&format!("read a create with {named}"), |bencher| {
            bencher.iter_batched(body, read, BatchSize::SmallInput);
        });
        criterion.bench_function(&format!("plan a create with {named}"), |bencher| {
            let read = read(body());
            bencher.iter(|| caller.plans(black_box(&read)));
        });
        criterion.bench_function(&format!("write a create with {named}"), |bencher| {
            let write = |read| caller.written(read, &plans);
            bencher.iter_batched(|| read(body()), write, BatchSize::SmallInput);
        });
        criterion.bench_function(&format!("read, plan and write a create with {named}"), |bencher| {
            let all = |body| {
                let read = read(body);
                let plans = caller.plans(&read);
                caller.written(read, &plans)
            };
            bencher.iter_batched(body, all, BatchSize::SmallInput);
        });
    }
}

/// What a profile costs before anything is looked at: the request line, what is asked for, and the rules.
fn profiles(criterion: &mut Criterion) {
    for (line, named) in [("GET /_ping", "a ping"), ("POST /v1.51/containers/create?name=web", "a create")] {
        let (method, target) = line.split_once(' ').unwrap();
        let (method, target) = (method.as_bytes(), target.as_bytes());
        criterion.bench_function(&format!("classify {named}"), |bencher| {
            bencher.iter(|| operations::classify(black_box(method), black_box(target)));
        });
        criterion.bench_function(&format!("find {named} in the table"), |bencher| {
            bencher.iter(|| operations::find(black_box(method), black_box(target)));
        });
    }
    let target = b"/v1.51/containers/create?name=web";
    let (found, body) = (operations::find(b"POST", target).unwrap(), command_line_create());
    let profile = Profile::preset("ci").unwrap();
    let claims = || claims::read(&found, target, None::<&[u8]>, Some(black_box(&body))).unwrap();
    criterion.bench_function("read what a create asks for", |bencher| bencher.iter(claims));
    let claims = claims();
    criterion.bench_function("judge what a create asks for", |bencher| {
        bencher
            .iter(|| profile.judge(Action { operation: found.operation.name, claims: black_box(&claims) }));
    });
}

/// A create to the byte as the docker CLI sends it.
fn command_line_create() -> Vec<u8> {
    let recorded = include_str!("../tests/requests/clients.jsonl").lines();
    let mut bodies = recorded.filter_map(|line| {
        let request: Value = serde_json::from_str(line).unwrap();
        let is_create = request["target"].as_str().unwrap().contains("/containers/create");
        (request["client"] == "docker 28.2" && is_create).then(|| request["body"].as_str().unwrap().into())
    });
    bodies.next().unwrap()
}

fn answers(criterion: &mut Criterion) {
    let caller = Caller::new();
    for containers in [10, 100, 1000] {
        let body = list(containers);
        criterion.bench_function(&format!("restore a list of {containers} containers"), |bencher| {
            bencher.iter(|| restored(Endpoint::ContainerList, black_box(&body), caller.reader()).unwrap());
        });
    }
}

criterion_group! {
    name = core;
    config = Criterion::default().without_plots().warm_up_time(WARM_UP).measurement_time(MEASURED);
    targets = requests, profiles, answers
}
criterion_main!(core);
