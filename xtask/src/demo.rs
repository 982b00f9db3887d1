//! `cargo xtask demo`: the main case without Hostward, explained, and with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;

use clap::Args;
use hostward_testkit::catalog::{Catalog, EngineSpec};
use hostward_testkit::{
    Caller, Engine, Error, OutputText, Proxy, Result, cargo, daemon, debian, images, proxy, say,
};

use crate::janitor::{Duties, Janitor, missing_folders};

/// What is built for a look at one case: a debug build is there in half the time, and xtask has built a good part of it already.
const PROFILE: &str = "debug";
/// The file of the case, as container 1 sees it.
const FILE: &str = "/app/storage/tmp/file.py";

#[derive(Args)]
pub(crate) struct Demo {
    /// Engine to start: 20.10, 26, 28 or podman. Without it, your own (`DOCKER_HOST`) if it answers, or else 26
    version: Option<String>,
}

pub(crate) fn run(args: &Demo) -> Result<()> {
    let catalog = Catalog::load()?;
    let used = engine_in_use(args);
    let name = args.version.as_ref().unwrap_or(&catalog.default);
    let spec = &catalog.select(Some(name))?[0];

    // The direct run makes FILE a folder on the host, as engines do.
    let mut duties = Duties { folders: missing_folders(Path::new(FILE)), ..Duties::default() };
    if used.is_none() && !daemon::runs(spec)? {
        duties.engines.push(spec.name.clone());
    }
    let project = tempfile::Builder::new().prefix("hostward-demo-").tempdir();
    let project = project.map_err(|source| Error::Io { aim: "make a project".to_owned(), source })?.keep();
    duties.scratch = Some(project.clone());
    let janitor = Janitor::hire(&duties)?;
    let outcome = prepare(&catalog, spec, used).and_then(|engine| show(&engine, &project.join("storage")));
    janitor.finish().and(outcome)?;
    println!("\nDone: the same command failed without Hostward and printed 42 with it.");
    Ok(())
}

/// The address in `DOCKER_HOST`, if an engine answers there.
fn engine_in_use(args: &Demo) -> Option<String> {
    let address = std::env::var("DOCKER_HOST").ok().filter(|address| !address.is_empty())?;
    if args.version.is_some() {
        return None;
    }
    match Engine::at(&address) {
        Ok(_) => Some(address),
        Err(error) => {
            say(format_args!("not using DOCKER_HOST: {error}"));
            None
        }
    }
}

fn prepare(catalog: &Catalog, spec: &EngineSpec, used: Option<String>) -> Result<Engine> {
    debian::install_missing(&catalog.system)?;
    // The first time, the engine mostly waits for the network, the images for the disk, and the build for the processors.
    thread::scope(|scope| {
        let building = scope.spawn(build);
        let making = scope.spawn(|| images::bootstrap(catalog));
        let engine = match used {
            Some(address) => daemon::prepare_named(catalog, &address),
            None => daemon::up(catalog, spec).map(|up| up.engine),
        };
        for work in [building, making] {
            work.join()
                .unwrap_or_else(|_| Err(Error::State("a part of the demo has no result".to_owned())))?;
        }
        engine
    })
}

fn build() -> Result<()> {
    say("building hostward");
    match cargo::command().args(["build", "--quiet", "-p", "hostward-cli"]).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Error::State("hostward does not build: see above".to_owned())),
    }
}

fn show(engine: &Engine, storage: &Path) -> Result<()> {
    let on_host = write_file(storage)?;
    let program = proxy::program_by(PROFILE)?;
    println!("{} {} on {}", engine.kind, engine.version, engine.socket.display());
    println!("On the host:      {}    (a program that prints 42)", on_host.display());
    println!("In container 1:   {FILE}");

    println!("\n1. Without Hostward, container 1 asks the engine itself:");
    let direct = Caller::start_named(
        engine,
        format!("container-1-{}", std::process::id()),
        &[
            format!("--volume={}:/app/storage", storage.display()),
            format!("--volume={}:/run/docker.sock", engine.socket.display()),
            format!("--volume={}:/hostward:ro", program.display()),
            "--env=DOCKER_HOST=unix:///run/docker.sock".to_owned(),
        ],
    )?;
    let output = run_case(&direct)?;
    if output.out().contains("42") {
        return Err(Error::State(format!("the direct run printed 42: does {FILE} exist on this host?")));
    }
    // Podman 4.3 gives no status of what runs with `--rm`.
    if output.status.success() && !engine.is_podman() {
        return Err(Error::State("the direct run succeeded, but should have failed".to_owned()));
    }
    println!(
        "   The engine looked for {FILE} on the host, where it does not exist, and mounted a new folder."
    );

    println!("\n2. Where the file is, seen from container 1:");
    let script = format!("/hostward explain {FILE} --target /code.py");
    let output = direct.sh(&script)?;
    print_run(&script, &output);
    if !output.status.success() || !output.out().contains(&on_host.display().to_string()) {
        return Err(Error::State(format!("explain did not find {}", on_host.display())));
    }
    drop(direct);

    println!("\n3. With Hostward in between, and nothing else changed:");
    let proxy = Proxy::start_program::<&str>(&program, &engine.socket, &[])?;
    let caller = Caller::start(engine, &proxy.socket(), storage)?;
    let output = run_case(&caller)?;
    drop(caller);
    let (_, said) = proxy.stop();
    if output.status.success() && output.out().trim() == "42" {
        return Ok(());
    }
    Err(Error::State(format!("through Hostward it did not print 42. The proxy said:\n{said}")))
}

fn write_file(storage: &Path) -> Result<PathBuf> {
    let file = storage.join("tmp/file.py");
    let write = || {
        fs::create_dir_all(storage.join("tmp"))?;
        fs::write(&file, "print(42)\n")
    };
    write().map_err(|source| Error::Io { aim: format!("write {}", file.display()), source })?;
    Ok(file)
}

fn run_case(caller: &Caller) -> Result<Output> {
    let script = format!("docker run --rm -v {FILE}:/code.py python:3.11 python3 /code.py");
    let output = caller.sh(&script)?;
    print_run(&script, &output);
    Ok(output)
}

fn print_run(script: &str, output: &Output) {
    println!("   $ {script}");
    for line in output.out().lines().chain(output.err().lines()) {
        println!("   {}", format_args!("| {line}").to_string().trim_end());
    }
    if !output.status.success() {
        println!("   ({})", output.status);
    }
}
