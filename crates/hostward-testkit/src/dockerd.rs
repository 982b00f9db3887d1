//! Starts dockerd: with nothing of /etc/docker, which is another engine's, and on a bridge of its own.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::catalog::{EngineSpec, NetworkSpec};
use crate::command::run;
use crate::error::{Result, doing};
use crate::paths::EnginePaths;
use crate::programs::{configuration, network, path};
use crate::tls;

/// Starts the daemon. It ends by a signal only.
pub(crate) fn serve(spec: &EngineSpec, paths: &EnginePaths, log: File, errors: File) -> Result<Child> {
    let network = network(spec)?;
    add_bridge(network)?;
    let config = paths.run.join("daemon.json");
    fs::write(&config, configuration(spec, paths)).map_err(doing("write the daemon's configuration"))?;
    let mut command = Command::new(paths.root.join("usr/sbin/dockerd"));
    let mut flag = |name: &str, value: &dyn std::fmt::Display| {
        command.arg(format!("--{name}={value}"));
    };
    // Nothing of /etc/docker, which is another engine's.
    flag("config-file", &config.display());
    flag("data-root", &paths.data.display());
    flag("exec-root", &paths.exec().display());
    flag("pidfile", &paths.pid().display());
    flag("host", &format_args!("unix://{}", paths.socket().display()));
    // Only TCP is spoken in TLS, on the bridge's address.
    let certificates = tls::write(network, paths)?;
    flag("host", &tls::address(network));
    for (name, file) in
        [("tlscacert", "ca.pem"), ("tlscert", "server-cert.pem"), ("tlskey", "server-key.pem")]
    {
        flag(name, &certificates.join(file).display());
    }
    flag("tlsverify", &true);
    flag("bridge", &network.bridge);
    flag("default-address-pool", &format_args!("base={},size=26", network.pool));
    // The chains of all daemons on a machine have the same names: two that start at once take each other's
    // away, and fail. Containers reach each other and published ports without them; the outside they needn't.
    flag("iptables", &false);
    flag("ip6tables", &false);
    flag("ip-masq", &false);
    flag("shutdown-timeout", &5);

    command.env("PATH", path(&paths.root));
    // 20.10 starts itself again for each container, and collects garbage there until it ends: a seventh of what a container costs.
    command.env("GOGC", "400");
    command.env_remove("DOCKER_HOST").env_remove("DOCKER_CONFIG").env_remove("NOTIFY_SOCKET");
    // Of a group of its own: what ends the command that started it does not end it.
    command.process_group(0).stdin(Stdio::null()).stdout(log).stderr(errors);
    command.spawn().map_err(doing(format!("start dockerd of {}", spec.name)))
}

fn add_bridge(network: &NetworkSpec) -> Result<()> {
    let name = network.bridge.as_str();
    run(Command::new("ip").args(["link", "add", name, "type", "bridge"]))?;
    run(Command::new("ip").args(["address", "add", &network.address, "dev", name]))?;
    run(Command::new("ip").args(["link", "set", name, "up"]))?;
    Ok(())
}
