//! `cargo xtask engines`: the engines that tests run on.

use clap::Subcommand;
use hostward_testkit::catalog::Catalog;
use hostward_testkit::{Engine, Result, daemon};

#[derive(Subcommand)]
pub(crate) enum Engines {
    /// Download what is missing and start engines
    Up {
        /// 20.10, 26, 28, 28-containerd, podman or rootless; all without it
        version: Option<String>,
    },
    /// Stop engines, with their containers and links
    Down {
        /// 20.10, 26, 28, 28-containerd, podman or rootless; all without it
        version: Option<String>,
    },
    /// Say which engines run
    Status {
        /// 20.10, 26, 28, 28-containerd, podman or rootless; all without it
        version: Option<String>,
    },
    /// Print what a shell needs to use an engine: eval "$(cargo xtask engines env 26)"
    Env {
        /// 20.10, 26, 28, 28-containerd, podman or rootless
        version: String,
    },
}

pub(crate) fn run(command: &Engines) -> Result<()> {
    let catalog = Catalog::load()?;
    match command {
        Engines::Up { version } => {
            for spec in catalog.select(version.as_deref())? {
                let up = daemon::up(&catalog, &spec)?;
                print_line(&spec.name, Some(&up.engine));
            }
        }
        Engines::Down { version } => {
            for spec in catalog.select(version.as_deref())? {
                daemon::down(&spec)?;
                print_line(&spec.name, None);
            }
        }
        Engines::Status { version } => {
            for spec in catalog.select(version.as_deref())? {
                let engine = if daemon::runs(&spec)? { Some(Engine::of(&spec)?) } else { None };
                print_line(&spec.name, engine.as_ref());
            }
        }
        Engines::Env { version } => {
            let spec = &catalog.select(Some(version))?[0];
            for (name, value) in Engine::of(spec)?.environment() {
                println!("export {name}='{}'", value.replace('\'', r"'\''"));
            }
        }
    }
    Ok(())
}

fn print_line(name: &str, engine: Option<&Engine>) {
    match engine {
        Some(engine) => println!("{name}\tup\t{}\tunix://{}", engine.version, engine.socket.display()),
        None => println!("{name}\tdown"),
    }
}
