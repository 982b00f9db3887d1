//! An engine in a swarm. Swarms on one machine would share ports, so one engine is in a swarm at a time.

use crate::docker;
use hostward_testkit::{Engine, OutputText, docker_engines};
use std::fs::File;
use std::process::Stdio;

/// An engine in a swarm of its own, until the end of the test.
#[derive(Debug)]
pub struct Swarm<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// Held by one test at a time, of all that run on the machine.
    _turn: File,
}

impl<'a> Swarm<'a> {
    /// Makes it, once no other test on the machine has one.
    ///
    /// # Panics
    /// Where the engine does not.
    pub fn of(engine: &'a Engine) -> Self {
        let turn = File::create(std::env::temp_dir().join("hostward-tests-swarm.lock"));
        let turn = turn.expect("the lock can be made");
        turn.lock().expect("the lock can be had");
        // What tests have left that were killed holds the ports.
        docker_engines().expect("the engines answer").iter().filter(|engine| is_ours(engine)).for_each(leave);
        // The bridge would have one name on all engines, and they share a machine.
        let bridge = format!("hwgw{}", engine.api.1);
        let network = [
            "network".to_owned(),
            "create".to_owned(),
            format!("--opt=com.docker.network.bridge.name={bridge}"),
            "--opt=com.docker.network.bridge.enable_ip_masquerade=false".to_owned(),
            "docker_gwbridge".to_owned(),
        ];
        // Fails on an engine that is in another's swarm.
        docker(engine, &engine.socket, &network);
        let swarm = Self { engine, _turn: turn };
        let addresses =
            ["--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377", "--data-path-addr=127.0.0.1"];
        docker(engine, &engine.socket, &[&["swarm", "init"][..], &addresses].concat());
        swarm
    }
}

/// Whether an engine has the bridge that [`Swarm`] makes.
fn is_ours(engine: &Engine) -> bool {
    let bridge = "{{index .Options \"com.docker.network.bridge.name\"}}";
    let output = engine.docker(&["network", "inspect", "--format", bridge, "docker_gwbridge"]).output();
    output.expect("docker can be started").out().starts_with("hwgw")
}

fn leave(engine: &Engine) {
    for args in [&["swarm", "leave", "--force"][..], &["network", "rm", "docker_gwbridge"]] {
        let _ = engine.docker(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

impl Drop for Swarm<'_> {
    fn drop(&mut self) {
        leave(self.engine);
    }
}
