//! `cargo xtask test`: every check, in the order in which they fail fastest.

use std::process::Command;
use std::time::Instant;

use hostward_testkit::catalog::Catalog;
use hostward_testkit::{Error, Result, clients, daemon, debian, engine, proxy, say, toolbox};

use crate::janitor::{Duties, Janitor};

pub(crate) fn run() -> Result<()> {
    let catalog = Catalog::load()?;
    let mut checks = Checks { start: Instant::now(), passed: Vec::new() };
    debian::install_missing(&catalog.system)?;
    checks.quick()?;
    with_engines(&catalog, || checks.on_engines())?;

    let seconds = checks.start.elapsed().as_secs();
    println!(
        "xtask test: all {} checks passed in {seconds} s: {}",
        checks.passed.len(),
        checks.passed.join(", ")
    );
    Ok(())
}

/// `cargo xtask systems`: every recipe, on every engine.
pub(crate) fn systems() -> Result<()> {
    let catalog = Catalog::load()?;
    let mut checks = Checks { start: Instant::now(), passed: Vec::new() };
    debian::install_missing(&catalog.system)?;
    checks.program()?;
    with_engines(&catalog, || {
        let sockets =
            engine::engines()?.into_iter().map(|engine| format!("unix://{}", engine.socket.display()));
        let mut command = end_to_end(&["--test", "systems"])?;
        command.env(engine::ENGINES_VARIABLE, sockets.collect::<Vec<_>>().join(","));
        checks.check("systems", &mut command)
    })
}

/// Does this while the engines run, with all clients and tools on them.
fn with_engines(catalog: &Catalog, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let named = engine::chosen();
    let mut duties = Duties::default();
    for spec in &catalog.engines {
        if named.is_none() && !daemon::runs(spec)? {
            duties.engines.push(spec.name.clone());
        }
    }
    let janitor = Janitor::hire(&duties)?;
    let outcome = prepare(catalog, named.as_deref()).and_then(|()| prepare_clients()).and_then(|()| work());
    janitor.finish().and(outcome)
}

/// Makes the engines ready that the tests will find by `hostward_testkit::engines`.
fn prepare(catalog: &Catalog, named: Option<&str>) -> Result<()> {
    let Some(list) = named else {
        return catalog.engines.iter().try_for_each(|spec| daemon::up(catalog, spec).map(|_| ()));
    };
    let addresses = list.split(',').map(str::trim).filter(|address| !address.is_empty());
    addresses.map(|address| daemon::prepare_named(catalog, address)).try_for_each(|engine| engine.map(|_| ()))
}

/// Makes the images of the many clients and tools beforehand: it takes longer than a test may.
fn prepare_clients() -> Result<()> {
    let engines = engine::engines()?;
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

/// The checks that have passed.
struct Checks {
    start: Instant,
    passed: Vec<&'static str>,
}

impl Checks {
    /// What needs no engine.
    fn quick(&mut self) -> Result<()> {
        self.check("format", &mut cargo(&["fmt", "--all", "--check"]))?;
        let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        self.check("lints", &mut cargo(&lints))?;
        let mut docs = cargo(&["doc", "--workspace", "--no-deps"]);
        self.check("docs", docs.env("RUSTDOCFLAGS", "-D warnings"))?;
        if installed("deny") {
            // Advisories would be fetched, and a test that needs the outside fails on other people's days.
            self.check(
                "licenses",
                &mut cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]),
            )?;
        } else {
            say("licenses: left out, cargo-deny is not installed");
        }
        self.check("unit tests", &mut tests(&["--workspace", "--exclude", "hostward-tests"]))?;
        self.check("doc tests", &mut cargo(&["test", "--doc", "--workspace"]))?;
        self.program()
    }

    /// What is tested.
    fn program(&mut self) -> Result<()> {
        self.check("program", &mut cargo(&["build", "--release", "-p", "hostward-cli"]))
    }

    /// What runs the program on engines.
    fn on_engines(&mut self) -> Result<()> {
        let outcome = self.check("end to end", &mut end_to_end(&[])?);
        if let Ok(matrix) = std::fs::read_to_string(clients::matrix_file()) {
            println!("{matrix}");
        }
        outcome
    }

    fn check(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        say(format_args!("{name}: cargo {words}"));
        let status =
            command.status().map_err(|source| Error::Io { aim: format!("run the {name} check"), source })?;
        if !status.success() {
            return Err(Error::State(format!("the {name} check failed ({status})")));
        }
        self.passed.push(name);
        Ok(())
    }
}

fn cargo(args: &[&str]) -> Command {
    let mut command = hostward_testkit::cargo::command();
    command.args(args);
    command
}

/// The tests on engines, of the program that was built.
fn end_to_end(args: &[&str]) -> Result<Command> {
    let mut command = tests(&[&["-p", "hostward-tests"], args].concat());
    if std::env::var_os(proxy::PROGRAM_VARIABLE).is_none() {
        // Not what a debug build left there a moment later.
        command.env(proxy::PROGRAM_VARIABLE, proxy::release_program()?);
    }
    Ok(command)
}

/// nextest gives each test a process and a time limit; without it cargo's own runner does.
fn tests(args: &[&str]) -> Command {
    let mut command = if installed("nextest") { cargo(&["nextest", "run"]) } else { cargo(&["test"]) };
    command.args(args);
    command
}

fn installed(subcommand: &str) -> bool {
    cargo(&[subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}
