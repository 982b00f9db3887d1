//! `cargo xtask test`: the checks, in the order in which they fail fastest.

mod checks;

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use hostward_testkit::catalog::{Catalog, EngineSpec};
use hostward_testkit::{Error, Result, clients, daemon, debian, engine, proxy, say, second_kernel, toolbox};

use crate::janitor::{Duties, Janitor};
use crate::{docs, fuzz, package, steps, tidy};
use checks::{Checks, cargo as cargo_with, installed, tests};

/// How long each fuzz target runs while one waits: what earlier runs have found is played again, and a little beyond it.
const FUZZ: Duration = Duration::from_secs(5);
/// How long each runs with `--every`.
const LONG_FUZZ: Duration = Duration::from_secs(20);

/// The tests on engines that one waits for. Those that play the same on an engine alone prove of the tests, and not of Hostward,
/// that they can fail: `--every` has them. So it has the packages, and the size of the program in them.
const USUAL: &str = "not (binary(load) or binary(packages) or binary(rootless) or test(/^on_a_bare_engine_/) or test(/^without_hostward_/) or test(/^without_a_profile_/) or test(=the_program_is_static_and_small))";

/// The tests of clients, which `--every` runs on every engine.
const CLIENTS: &str =
    "binary(clients) or binary(compose) or test(=the_functions_of_python_and_node_say_the_same)";

#[derive(Args)]
pub(crate) struct Test {
    /// The checks that `test` alone leaves out for their length: the other engines, every client and every system's recipe on
    /// every engine, Docker without root, a load, a second kernel, the packages
    #[arg(long)]
    every: bool,
    /// Run only this check, by its name in the table at the end, and what it needs
    #[arg(long, value_name = "CHECK")]
    only: Option<String>,
}

pub(crate) fn run(args: &Test) -> Result<()> {
    let catalog = Catalog::load()?;
    debian::install_missing(&catalog.system)?;
    let mut checks = Checks::new(args.only.clone());
    let outcome = if args.every { every(&catalog, &mut checks) } else { usual(&catalog, &mut checks) };
    checks.print();
    outcome.and_then(|()| checks.must_have_run())?;
    if !args.every {
        let others: Vec<_> = catalog.tested(false).map(|spec| &*spec.name).collect();
        println!(
            "Only with `cargo xtask test --every`: engines {}, the clients, compose and the systems' recipes on every engine,",
            others.join(" and ")
        );
        println!(
            "that the recipes fail without Hostward and what is only proved on bare engines, Docker without root, a load test, a second kernel, the check that"
        );
        println!(
            "every step is needed, the packages, and {} s of each fuzz target in the place of {}.",
            LONG_FUZZ.as_secs(),
            FUZZ.as_secs()
        );
    }
    Ok(())
}

/// What one waits for. Engines start and get their images while all that needs none is checked.
fn usual(catalog: &Catalog, checks: &mut Checks) -> Result<()> {
    let specs: Vec<_> = catalog.tested(true).cloned().collect();
    if !checks.wants("end to end") {
        return quick(checks);
    }
    with_engines(catalog, &specs, Many::Newest, checks, quick, |checks| {
        let outcome = checks.run("end to end", &mut end_to_end(&["-E", USUAL])?);
        print_matrix();
        outcome
    })
}

/// Which client does what on which engine, where the tests have got so far.
fn print_matrix() {
    if let Ok(matrix) = std::fs::read_to_string(clients::matrix_file()) {
        println!("{matrix}");
    }
}

/// What needs no engine, and the program that engines are tested with.
fn quick(checks: &mut Checks) -> Result<()> {
    checks.check("format", &mut cargo_with(&["fmt", "--all", "--check"]))?;
    checks.by("tidy", || tidy::run(&hostward_testkit::cargo::workspace()))?;
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    checks.check("lints", &mut cargo_with(&lints))?;
    let mut docs = cargo_with(&["doc", "--workspace", "--no-deps"]);
    checks.check("docs", docs.env("RUSTDOCFLAGS", "-D warnings"))?;
    if installed("deny") {
        // Advisories would be fetched, and a test that needs the outside fails on other people's days.
        let licenses = ["deny", "--offline", "check", "licenses", "bans", "sources"];
        checks.check("licenses", &mut cargo_with(&licenses))?;
    } else if checks.wants("licenses") {
        say("licenses: left out, cargo-deny is not installed");
    }
    checks.check("unit tests", &mut tests(&["--workspace", "--exclude", "hostward-tests"]))?;
    checks.check("doc tests", &mut cargo_with(&["test", "--doc", "--workspace"]))?;
    checks.by("fuzz", || fuzz::all(FUZZ))?;
    if checks.wants("end to end") { program(checks) } else { Ok(()) }
}

/// What takes long, and is to hold of every change all the same. What needs no engine comes first.
fn every(catalog: &Catalog, checks: &mut Checks) -> Result<()> {
    checks.by("steps", steps::all)?;
    checks.by("site", docs::run)?;
    let on_engines =
        ["package", "other engines", "clients", "load", "systems"].iter().any(|name| checks.wants(name));
    checks.by("fuzz", || fuzz::all(LONG_FUZZ))?;
    if on_engines || checks.wants("second kernel") || checks.wants("rootless") {
        program(checks)?;
    }
    rootless(catalog, checks)?;
    if !on_engines {
        return checks.by("second kernel", || second_kernel::run(catalog, &tested_program()?));
    }
    let meanwhile = |checks: &mut Checks| second_kernel_and_packages(catalog, checks);
    with_engines(catalog, &catalog.engines, Many::Everywhere, checks, meanwhile, |checks| {
        // Engines of the user's choice are the only ones that are ready then.
        let named = engine::chosen();
        let all = named.clone().map_or_else(|| engine::addresses(&catalog.engines), Ok)?;
        let others = named.map_or_else(|| engine::addresses(catalog.tested(false)), Ok)?;
        if checks.wants("package") {
            let mut packaged = end_to_end(&["-E", "binary(binary) or binary(packages)"])?;
            checks.run("package", packaged.env(proxy::PROGRAM_VARIABLE, proxy::program_by("release")?))?;
        }
        let elsewhere =
            ["load", "systems", "binary", "packages", "rootless"].map(|binary| format!("binary({binary})"));
        let on_others = format!("not ({} or {CLIENTS})", elsewhere.join(" or "));
        let mut on_others = end_to_end(&["-E", &on_others])?;
        checks.check("other engines", on_others.env(engine::ENGINES_VARIABLE, others))?;
        let mut clients = end_to_end(&["-E", CLIENTS])?;
        checks.check("clients", clients.env(engine::ENGINES_VARIABLE, &all))?;
        print_matrix();
        // Callers that take all they can: nothing else may run meanwhile.
        checks.check("load", &mut end_to_end(&["--test", "load"])?)?;
        let mut systems = end_to_end(&["--test", "systems"])?;
        checks.check("systems", systems.env(engine::ENGINES_VARIABLE, &all))
    })
}

/// The engine of a user without root, which only its own tests run on. Where the user has chosen engines, it is none of them.
fn rootless(catalog: &Catalog, checks: &mut Checks) -> Result<()> {
    if !checks.wants("rootless") || engine::chosen().is_some() {
        return Ok(());
    }
    let mut duties = Duties::default();
    if !daemon::runs(&catalog.rootless)? {
        duties.engines.push(catalog.rootless.name.clone());
    }
    let janitor = Janitor::hire(&duties)?;
    let outcome = daemon::up(catalog, &catalog.rootless)
        .and_then(|_| checks.run("rootless", &mut end_to_end(&["--test", "rootless"])?));
    janitor.finish().and(outcome)
}

/// Where the many clients and tools are to run.
#[derive(Clone, Copy, PartialEq)]
enum Many {
    /// On the newest Docker, as `engine::newest_or_chosen` says.
    Newest,
    /// On every engine.
    Everywhere,
}

/// Starts engines, with the clients and tools on them, while `meanwhile` is done; then does `work` on them, and ends them again.
fn with_engines(
    catalog: &Catalog,
    specs: &[EngineSpec],
    many: Many,
    checks: &mut Checks,
    meanwhile: impl FnOnce(&mut Checks) -> Result<()>,
    work: impl FnOnce(&mut Checks) -> Result<()>,
) -> Result<()> {
    let named = engine::chosen();
    let mut duties = Duties::default();
    for spec in specs {
        if named.is_none() && !daemon::runs(spec)? {
            duties.engines.push(spec.name.clone());
        }
    }
    let janitor = Janitor::hire(&duties)?;
    let (prepared, done) = thread::scope(|scope| {
        let preparing = scope.spawn(|| prepare(catalog, specs, many, named.as_deref()));
        let done = meanwhile(checks);
        (preparing.join(), done)
    });
    let prepared =
        prepared.unwrap_or_else(|_| Err(Error::State("the engines' images were not made".to_owned())));
    let outcome = done.and(prepared).and_then(|()| work(checks));
    janitor.finish().and(outcome)
}

/// Makes the engines ready that the tests will find by `hostward_testkit::engines`, with the images of the many clients and tools
/// where these will be used: they take longer than a test may.
fn prepare(catalog: &Catalog, specs: &[EngineSpec], many: Many, named: Option<&str>) -> Result<()> {
    let mut engines = match named {
        None => specs
            .iter()
            .map(|spec| daemon::up(catalog, spec).map(|up| up.engine))
            .collect::<Result<Vec<_>>>()?,
        Some(list) => {
            let addresses = list.split(',').map(str::trim).filter(|address| !address.is_empty());
            addresses.map(|address| daemon::prepare_named(catalog, address)).collect::<Result<_>>()?
        }
    };
    if many == Many::Newest && named.is_none() {
        let newest = engines.iter().rposition(|engine| !engine.is_podman());
        engines = newest.map(|newest| engines.swap_remove(newest)).into_iter().collect();
    }
    clients::Clients::prepare(&engines)?;
    toolbox::Toolbox::prepare(&engines)?;
    toolbox::cross()?;
    toolbox::testcontainers()?;
    toolbox::kind()?;
    match std::fs::remove_file(clients::matrix_file()) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Io { aim: "remove the matrix of an earlier run".to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Builds what is tested on engines and on the second kernel.
fn program(checks: &mut Checks) -> Result<()> {
    if named_program() {
        return Ok(());
    }
    let build = ["build", "--profile", proxy::PROFILE, "-p", "hostward-cli"];
    checks.run("program", &mut cargo_with(&build))
}

/// The second kernel is one processor's work, and so is most of each build of the release: they go side by side.
fn second_kernel_and_packages(catalog: &Catalog, checks: &mut Checks) -> Result<()> {
    if !checks.wants("second kernel") {
        return packages(checks);
    }
    say("second kernel, while the packages are built");
    let program = tested_program()?;
    thread::scope(|scope| {
        let kernel = scope.spawn(|| {
            let begun = Instant::now();
            second_kernel::run(catalog, &program).map(|()| begun.elapsed())
        });
        let packaged = packages(checks);
        let took = kernel
            .join()
            .unwrap_or_else(|_| Err(Error::State("the second kernel has no result".to_owned())))?;
        checks.passed("second kernel", took);
        packaged
    })
}

/// Makes the packages, which their tests on engines find in target/package.
fn packages(checks: &mut Checks) -> Result<()> {
    if !checks.wants("package") {
        return Ok(());
    }
    say("packages, built twice");
    let begun = Instant::now();
    package::check()?;
    checks.passed("packages", begun.elapsed());
    Ok(())
}

/// The tests on engines, of the program that was built.
fn end_to_end(args: &[&str]) -> Result<Command> {
    let mut command = tests(&[&["-p", "hostward-tests"], args].concat());
    command.env(proxy::PROGRAM_VARIABLE, tested_program()?);
    // A test on engines waits for them a fifth of its time.
    let at_once = thread::available_parallelism().map_or(1, usize::from) + 1;
    command.env("NEXTEST_TEST_THREADS", at_once.to_string());
    Ok(command)
}

/// The program that was built, and not what a debug build left there a moment later; or the one that is named.
fn tested_program() -> Result<PathBuf> {
    if named_program() { proxy::program() } else { proxy::program_by(proxy::PROFILE) }
}

fn named_program() -> bool {
    std::env::var_os(proxy::PROGRAM_VARIABLE).is_some_and(|value| !value.is_empty())
}
