//! The client matrix: real clients in a caller, on every engine, with a source of every kind.

mod docs;
mod judge;
mod place;
mod table;

use hostward_testkit::Proxy;
use hostward_testkit::catalog::Catalog;
use hostward_testkit::clients;
use hostward_tests::host_dir;
use std::fs;

use judge::{Client, Verdict, verdicts};
use place::{Case, Paths, Place};

const CLIENTS: [Client; 10] = [
    Client {
        name: "docker CLI 20.10",
        program: "python3 docker_cli.py /opt/cli/20.10/docker",
        version: "/opt/cli/20.10/docker --version | sed 's/Docker version //; s/,.*//'",
    },
    Client {
        name: "docker CLI 26",
        program: "python3 docker_cli.py /opt/cli/26/docker",
        version: "/opt/cli/26/docker --version | sed 's/Docker version //; s/,.*//'",
    },
    Client {
        name: "docker CLI 28",
        program: "python3 docker_cli.py /opt/cli/28/docker",
        version: "/opt/cli/28/docker --version | sed 's/Docker version //; s/,.*//'",
    },
    Client {
        name: "compose 1.29",
        program: "python3 compose.py /opt/cli/20.10/docker docker-compose",
        version: "docker-compose version --short",
    },
    Client {
        name: "compose v2 of CLI 26",
        program: "env DOCKER_CONFIG=/opt/cli/26 python3 compose.py /opt/cli/26/docker /opt/cli/26/docker compose",
        version: "DOCKER_CONFIG=/opt/cli/26 /opt/cli/26/docker compose version --short",
    },
    Client {
        name: "compose v2 of CLI 28",
        program: "env DOCKER_CONFIG=/opt/cli/28 python3 compose.py /opt/cli/28/docker /opt/cli/28/docker compose",
        version: "DOCKER_CONFIG=/opt/cli/28 /opt/cli/28/docker compose version --short",
    },
    Client {
        name: "docker-py",
        program: "env PYTHONPATH=/opt/python python3 docker_py.py",
        version: "PYTHONPATH=/opt/python python3 -c 'import docker; print(docker.__version__)'",
    },
    Client {
        name: "python-on-whales",
        program: "env PYTHONPATH=/opt/python python3 whales.py /opt/cli/26/docker",
        version: "PYTHONPATH=/opt/python python3 -c \
                  'import importlib.metadata; print(importlib.metadata.version(\"python-on-whales\"))'",
    },
    Client {
        name: "dockerode",
        program: "env NODE_PATH=/opt/node/node_modules node dockerode.js",
        version: "node -p 'require(\"/opt/node/node_modules/dockerode/package.json\").version'",
    },
    Client {
        name: "bollard",
        program: "/opt/bollard",
        version: "sed -n '/^name = \"bollard\"$/{n;s/version = \"\\(.*\\)\"/\\1/p}' /opt/clients/bollard/Cargo.lock",
    },
];

#[test]
fn every_client_reads_writes_and_inspects_what_the_caller_sees() {
    let columns = clients::on_each_engine(|engine, clients| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap_or_else(|error| panic!("{error}"));
        let place = Place::on(engine, clients, &proxy.socket(), |_, _| Paths::below(""));
        all(&place, &place.cases())
    });
    let table = table::table(&columns, &CLIENTS.map(|client| client.name));
    eprintln!("{table}");
    fs::write(clients::matrix_file(), &table).expect("the matrix can be kept");
    let failures = table::failures(&columns);
    assert!(failures.is_empty(), "{failures}");
    let catalog = Catalog::load().expect("engines.toml is right").engines;
    let all: Vec<&String> = catalog.iter().map(|spec| &spec.name).collect();
    let found: Vec<&String> = columns.iter().map(|(engine, _)| engine).collect();
    // Of engines of the user's choice the docs say nothing.
    if found.iter().all(|name| all.contains(name)) {
        docs::hold(&table, found == all, versions);
    }
}

/// The versions of this day, of engines and clients, as a list.
fn versions() -> String {
    let found = clients::on_each_engine(|engine, clients| {
        let caller = clients.start(engine, &["--network=none"]).unwrap_or_else(|error| panic!("{error}"));
        let ask = |client: &Client| caller.sh_ok(client.version).unwrap_or_else(|error| panic!("{error}"));
        (format!("{} {}", engine.kind, engine.version), CLIENTS.each_ref().map(ask))
    });
    let engines: Vec<&str> = found.iter().map(|(_, (engine, _))| engine.as_str()).collect();
    let (_, (_, clients)) = &found[0];
    let clients =
        CLIENTS.iter().zip(clients).map(|(client, version)| format!("- {}: {version}\n", client.name));
    format!("- engines: {}\n{}", engines.join(", "), clients.collect::<String>())
}

#[test]
fn on_a_bare_engine_the_same_programs_do_the_same_with_paths_that_are_the_hosts() {
    let columns = clients::on_each_engine(|engine, clients| {
        let place = Place::on(engine, clients, &engine.socket, |storage, volume| {
            let same = |name: &str| storage.join(name).display().to_string();
            Paths {
                bind: same("bind"),
                volume: volume.to_owned(),
                own: "/opt/own".to_owned(),
                workspace: same("ws"),
            }
        });
        // The host has neither the caller's root filesystem nor its mounts within mounts.
        let [file, _, _, volume_directory, ..] = place.cases();
        all(&place, &[file, volume_directory])
    });
    let failures = table::failures(&columns);
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn without_hostward_the_same_programs_fail() {
    // Compose v2 lets the engine make what is missing: in a folder that goes with the test.
    let host = host_dir();
    let nowhere = host.path().join("only-in-the-caller").display().to_string();
    let columns = clients::on_each_engine(|engine, clients| {
        let place = Place::on(engine, clients, &engine.socket, |_, _| Paths::below(&nowhere));
        let [_, _, volume_file, _, _, submounts] = place.cases();
        all(&place, &[volume_file, submounts])
    });
    for (engine, verdicts) in columns {
        for Verdict { client, case, read, write, .. } in verdicts {
            assert!(read.is_err() && write.is_err(), "{client} on {engine}, {case}");
        }
    }
}

/// Puts all clients to these cases. Docker 26 loses all output of a container now and then, asked directly as well: who
/// heard nothing of one that has done its work asks once more.
fn all(place: &Place, cases: &[Case]) -> Vec<Verdict> {
    let ask = |client| {
        let verdicts = || verdicts(place, client, cases);
        let first = verdicts();
        if first.iter().any(|one| one.unheard) { verdicts() } else { first }
    };
    CLIENTS.iter().flat_map(ask).collect()
}
