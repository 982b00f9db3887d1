//! Podman's side of starting and stopping: `podman system service`, with nothing of the machine's own Podman.
//!
//! What it shares with that one all the same, as it has no setting: `/run/containers/networks`, where netavark notes
//! addresses by network, and `/var/lib/containers/cache`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::catalog::{EngineSpec, NetworkSpec};
use crate::command::run;
use crate::error::{Result, doing};
use crate::paths::EnginePaths;
use crate::programs;

/// netavark cannot be told to leave the firewall alone, so it gets a firewall that takes every rule and keeps none:
/// the machine's rules are someone else's, and without any, containers reach each other all the same.
const FIREWALL: &str = "#!/bin/sh\n[ \"$1\" != --version ] || echo 'iptables v1.8.9'\n";
/// Each `/version` and `/info` asks the machine's package manager whose file conmon and runc are, and clients ask for these before
/// most of what they do. dpkg reads all of its lists for that, which took more time than all else that this engine does; it would
/// find nothing, as these files were unpacked by us.
const PACKAGES: &str = "#!/bin/sh\nexit 1\n";

/// Starts the service. It ends by a signal only.
pub(crate) fn serve(spec: &EngineSpec, paths: &EnginePaths, log: File, errors: File) -> Result<Child> {
    write_configuration(spec, paths)?;
    let mut command = command(paths);
    command.args(["system", "service", "--time=0"]).arg(format!("unix://{}", paths.socket().display()));
    // Podman takes relative paths from here.
    command.current_dir(&paths.run);
    // Of a group of its own: what ends the command that started it does not end it.
    command.process_group(0).stdin(Stdio::null()).stdout(log).stderr(errors);
    let child = command.spawn().map_err(doing(format!("start podman of {}", spec.name)))?;
    fs::write(paths.pid(), child.id().to_string()).map_err(doing("note podman's process"))?;
    Ok(child)
}

/// Takes containers and networks off, also of a service that was killed: the containers of Podman outlive it.
pub(crate) fn empty(paths: &EnginePaths) -> Result<()> {
    if !configuration(paths).exists() {
        return Ok(());
    }
    run(command(paths).args(["rm", "--all", "--force", "--volumes", "--time=0"]))?;
    run(command(paths).args(["network", "prune", "--force"]))?;
    Ok(())
}

/// The folder where Podman looks for the configuration of its user.
fn home(paths: &EnginePaths) -> PathBuf {
    paths.run.join("home")
}

fn configuration(paths: &EnginePaths) -> PathBuf {
    paths.run.join("containers.conf")
}

/// A command of the engine's own podman on the engine's data.
fn command(paths: &EnginePaths) -> Command {
    let mut command = Command::new(paths.root.join("usr/bin/podman"));
    let mut flag = |name: &str, value: &dyn std::fmt::Display| {
        command.arg(format!("--{name}={value}"));
    };
    // It stands in storage.conf, too; by this argument the processes are known.
    flag("runroot", &paths.exec().display());
    flag("tmpdir", &paths.exec().join("libpod").display());
    flag("conmon", &paths.root.join("usr/bin/conmon").display());
    flag("runtime", &"runc");
    // There is no systemd in a machine made of containers.
    flag("cgroup-manager", &"cgroupfs");
    flag("events-backend", &"file");
    flag("network-backend", &"netavark");
    flag("network-config-dir", &paths.run.join("networks").display());

    command.env("CONTAINERS_CONF", configuration(paths));
    command.env("CONTAINERS_STORAGE_CONF", paths.run.join("storage.conf"));
    command.env("CONTAINERS_REGISTRIES_CONF", paths.root.join("etc/containers/registries.conf"));
    command.env("HOME", home(paths));
    command.env("PATH", format!("{}:{}", paths.run.join("bin").display(), programs::path(&paths.root)));
    for name in ["CONTAINER_HOST", "DOCKER_HOST", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "NOTIFY_SOCKET"] {
        command.env_remove(name);
    }
    command
}

fn write_configuration(spec: &EngineSpec, paths: &EnginePaths) -> Result<()> {
    write(&configuration(paths), &programs::configuration(spec, paths))?;
    let (root, run) = (paths.data.display(), paths.exec());
    let storage =
        format!("[storage]\ndriver = \"overlay\"\ngraphroot = \"{root}\"\nrunroot = \"{}\"\n", run.display());
    write(&paths.run.join("storage.conf"), &storage)?;
    // Debian's, which takes any image. Podman commits none all the same: for that it reads /etc/containers alone.
    let policy = paths.root.join("etc/containers/policy.json");
    let policy = fs::read_to_string(&policy).map_err(doing(format!("read {}", policy.display())))?;
    write(&home(paths).join(".config/containers/policy.json"), &policy)?;
    write(&paths.run.join("networks/podman.json"), &network(programs::network(spec)?).to_string())?;
    for (name, script) in [("iptables", FIREWALL), ("ip6tables", FIREWALL), ("dpkg-query", PACKAGES)] {
        let program = paths.run.join("bin").join(name);
        write(&program, script)?;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, executable).map_err(doing(format!("open {}", program.display())))?;
    }
    Ok(())
}

/// Its default network, as Podman would have it, but on a bridge of its own.
fn network(network: &NetworkSpec) -> serde_json::Value {
    let gateway = network.address.split('/').next();
    json!({
        "name": "podman",
        "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
        "driver": "bridge",
        "network_interface": network.bridge,
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{ "subnet": network.address, "gateway": gateway }],
        "ipv6_enabled": false,
        "internal": false,
        "dns_enabled": false,
        "ipam_options": { "driver": "host-local" },
    })
}

fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(doing(format!("make {}", folder.display())))?;
    fs::write(file, text).map_err(doing(format!("write {}", file.display())))
}
