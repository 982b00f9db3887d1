//! `cargo xtask test`: the checks, in the order in which they fail fastest.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;
use hostward_testkit::catalog::Catalog;
use hostward_testkit::{Error, Result, clients, daemon, debian, engine, proxy, say, second_kernel, toolbox};

use crate::fuzz;
use crate::janitor::{Duties, Janitor};
use crate::steps;

/// How long each fuzz target runs.
const FUZZ: Duration = Duration::from_secs(20);

#[derive(Args)]
pub(crate) struct Test {
    /// The checks that `test` alone leaves out for their length: a second kernel, a load, every system's recipe on every engine
    #[arg(long)]
    every: bool,
    /// Run this one of the checks alone, by its name in the list at the end, and what it needs
    #[arg(long, value_name = "CHECK")]
    only: Option<String>,
}

pub(crate) fn run(args: &Test) -> Result<()> {
    let catalog = Catalog::load()?;
    debian::install_missing(&catalog.system)?;
    let mut checks = Checks { start: Instant::now(), only: args.only.clone(), passed: Vec::new() };
    if args.every {
        checks.every(&catalog)?;
    } else {
        checks.quick()?;
        checks.on_engines(&catalog, "end to end", Checks::end_to_end)?;
    }
    checks.report()
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

/// The checks that are to be run, and those that have passed.
struct Checks {
    start: Instant,
    only: Option<String>,
    passed: Vec<&'static str>,
}

impl Checks {
    /// What takes long, and is to hold of every change all the same. What needs no engine comes first.
    fn every(&mut self, catalog: &Catalog) -> Result<()> {
        self.by("steps", steps::all)?;
        self.program()?;
        self.by("second kernel", || second_kernel::run(catalog, &tested_program()?))?;
        self.on_engines(catalog, "load", Checks::load)?;
        self.on_engines(catalog, "systems", Checks::systems)
    }

    /// A check on engines, which are not started in vain.
    fn on_engines(
        &mut self,
        catalog: &Catalog,
        name: &str,
        check: fn(&mut Checks) -> Result<()>,
    ) -> Result<()> {
        if self.wants(name) { with_engines(catalog, || check(self)) } else { Ok(()) }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }

    fn report(&self) -> Result<()> {
        if let Some(only) = &self.only
            && self.passed.is_empty()
        {
            return Err(Error::State(format!("there is no check \"{only}\" among these")));
        }
        let seconds = self.start.elapsed().as_secs();
        println!(
            "xtask test: all {} checks passed in {seconds} s: {}",
            self.passed.len(),
            self.passed.join(", ")
        );
        Ok(())
    }

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
        } else if self.wants("licenses") {
            say("licenses: left out, cargo-deny is not installed");
        }
        self.check("unit tests", &mut tests(&["--workspace", "--exclude", "hostward-tests"]))?;
        self.check("doc tests", &mut cargo(&["test", "--doc", "--workspace"]))?;
        self.by("fuzz", || fuzz::all(FUZZ))?;
        self.program()
    }

    /// What is tested on engines and the second kernel.
    fn program(&mut self) -> Result<()> {
        let tested = ["program", "second kernel", "end to end", "load", "systems"];
        if named_program() || !tested.iter().any(|name| self.wants(name)) {
            return Ok(());
        }
        self.run("program", &mut cargo(&["build", "--release", "-p", "hostward-cli"]))
    }

    /// The recipes of all systems on every engine: the end-to-end tests have the newest.
    fn systems(&mut self) -> Result<()> {
        let sockets =
            engine::engines()?.into_iter().map(|engine| format!("unix://{}", engine.socket.display()));
        let mut command = end_to_end(&["--test", "systems"])?;
        command.env(engine::ENGINES_VARIABLE, sockets.collect::<Vec<_>>().join(","));
        self.check("systems", &mut command)
    }

    /// Callers that take all they can: nothing else may run meanwhile.
    fn load(&mut self) -> Result<()> {
        self.check("load", &mut end_to_end(&["--test", "load"])?)
    }

    /// What runs the program on engines.
    fn end_to_end(&mut self) -> Result<()> {
        let outcome = self.check("end to end", &mut end_to_end(&["-E", "not binary(load)"])?);
        if let Ok(matrix) = std::fs::read_to_string(clients::matrix_file()) {
            println!("{matrix}");
        }
        outcome
    }

    /// A check that is more than a command.
    fn by(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        if !self.wants(name) {
            return Ok(());
        }
        say(format_args!("{name}"));
        work()?;
        self.passed.push(name);
        Ok(())
    }

    fn check(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        if self.wants(name) { self.run(name, command) } else { Ok(()) }
    }

    fn run(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
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
    command.env(proxy::PROGRAM_VARIABLE, tested_program()?);
    Ok(command)
}

/// The program that was built, and not what a debug build left there a moment later; or the one that is named.
fn tested_program() -> Result<PathBuf> {
    if named_program() { proxy::program() } else { proxy::release_program() }
}

fn named_program() -> bool {
    std::env::var_os(proxy::PROGRAM_VARIABLE).is_some_and(|value| !value.is_empty())
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
