//! A whole run: starts everything, measures, and says what was measured.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hostward_testkit::{Error, Result};
use serde::Serialize;

use crate::caller::{Caller, Folders};
use crate::engine::Engine;
use crate::growth::{Curve, Ground};
use crate::measure::{Measured, Pace};
use crate::memory::{self, Memory};
use crate::peer::{Kind, Peer};
use crate::process::io;
use crate::{docs, leftovers, machine, report, workloads};

/// Nothing takes this long, whatever is asked for.
const LIMIT: Duration = Duration::from_mins(30);

/// How a run is to be.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// The hostward program
    #[arg(long)]
    hostward: PathBuf,
    /// How long each measurement takes
    #[arg(long, default_value_t = 0.2)]
    seconds: f64,
    /// How often each is repeated
    #[arg(long, default_value_t = 12)]
    rounds: usize,
    /// What is measured
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "direct,hostward,relay,splice,nginx,haproxy"
    )]
    peers: Vec<Kind>,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',', default_value = "host,container,memory,growth")]
    parts: Vec<Part>,
    /// Where all measurements are kept, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// The page whose figures are replaced
    #[arg(long)]
    write_docs: Option<PathBuf>,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Host,
    Container,
    Memory,
    Growth,
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: String,
    pub(crate) workloads: Vec<Measured>,
    pub(crate) memory: Vec<Memory>,
    pub(crate) curves: Vec<Curve>,
}

/// Runs it.
pub(crate) fn run(run: &Run) -> Result<()> {
    leftovers::watch(LIMIT)?;
    // Not TMPDIR: a socket's path has 107 bytes at most.
    let scratch = tempfile::Builder::new().prefix("hwbench-").tempdir_in("/tmp");
    let scratch = scratch.map_err(io("make a folder for the run"))?.keep();
    leftovers::folder(scratch.clone());
    let measured = Folders::make(&scratch).and_then(|folders| measure(run, &folders));
    leftovers::clean_up();
    let results = measured?;
    println!("{}{}", report::tables(&results, "performance"), report::load(&results));
    if let Some(file) = &run.json {
        let text = serde_json::to_vec_pretty(&results).map_err(|error| Error::State(error.to_string()))?;
        std::fs::write(file, text).map_err(io(format!("write {}", file.display())))?;
    }
    if let Some(page) = &run.write_docs {
        docs::put(page, "figures", &report::tables(&results, "performance"))?;
        docs::draw(&page.with_extension(""), &results)?;
    }
    Ok(())
}

fn measure(run: &Run, folders: &Folders) -> Result<Results> {
    let begun = Instant::now();
    let mut results = Results { machine: machine::describe(&run.hostward), ..Results::default() };
    let engine = Engine::start(&folders.run, &folders.logs)?;
    let start = |kind: &Kind| Peer::start(*kind, &run.hostward, folders, &engine);
    let pace = Pace { seconds: run.seconds, rounds: run.rounds };
    let wants = |part| run.parts.contains(&part);
    if wants(Part::Memory) {
        let mut caller = Caller::on_host(folders)?;
        for kind in run.peers.iter().filter(|kind| **kind != Kind::Direct) {
            eprintln!("==> memory of {kind}");
            results.memory.extend(memory::of(&start(kind)?, &mut caller));
        }
    }
    if wants(Part::Host) || wants(Part::Container) {
        let peers: Vec<Peer> = run.peers.iter().map(start).collect::<Result<_>>()?;
        if wants(Part::Host) {
            results.workloads.extend(workloads::of_host(folders, &engine, &peers, pace)?);
        }
        if wants(Part::Container) {
            results.workloads.extend(workloads::of_container(folders, &engine, &peers, pace)?);
        }
    }
    if wants(Part::Growth) {
        // Less of each: a curve has many points.
        let pace = Pace { seconds: run.seconds / 2.0, rounds: run.rounds.div_ceil(2) };
        results.curves = Ground { hostward: &run.hostward, folders, engine: &engine, pace }.curves()?;
    }
    let _ = write!(results.machine, " The run took {} s.", begun.elapsed().as_secs());
    Ok(results)
}
