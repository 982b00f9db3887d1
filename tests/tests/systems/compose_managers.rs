//! Dockge and Portainer: both call compose v2 in the stack's folder, which only they have.

use std::fs;
use std::path::Path;

use hostward_testkit::{images, unique};

use crate::example::Example;
use crate::judge::System;

/// `deploy NAME FILES`: brings up the stack of stdin in a folder of its own, shows files in it, takes it down.
const DEPLOY: &str = r#"
deploy() {
    mkdir -p "$stacks/$1-$id/conf.d" && cd "$stacks/$1-$id" && cat > compose.yaml
    for file in issue token motd conf.d/site; do echo "the stack's $file" > "$file"; done
    docker compose up -d --remove-orphans > up.log 2>&1 || cat up.log
    docker compose exec -T app sh -c "cat $2"
    docker compose down -v -t 0 > down.log 2>&1
}

deploy web "/etc/issue /conf.d/site; echo kept > /machine/file" <<EOF
services:
  app:
    image: python:3.11
    command: sleep 1000
    volumes: [ "./issue:/etc/issue:ro", "./conf.d:/conf.d", "$machine:/machine" ]
EOF
deploy vault "/run/secrets/token /motd" <<EOF
services:
  app: { image: python:3.11, command: sleep 1000, secrets: [ token ], configs: [ motd ] }
secrets: { token: { file: ./token } }
configs: { motd: { file: ./motd } }
EOF
[ -e "$machine" ] && echo the manager has the machine\'s || echo the manager has nothing of the machine\'s
"#;

/// What is read in the stacks, in the manager's root filesystem and on the machine.
fn deploy(manager: &Example<'_>, service: &str, stacks: &str, machine: &Path) -> String {
    let variables = format!("id={} stacks={stacks} machine={}", unique("hw"), machine.display());
    let said = manager.sh(service, &format!("{variables}\n{DEPLOY}"));
    said + &fs::read_to_string(machine.join("file")).unwrap_or_default()
}

/// What a stack has, the same in both.
fn manager(name: &'static str) -> System {
    System {
        name,
        page: "compose-managers.md",
        client: "compose v2 in its container",
        symptom: "not a directory",
        says: "the stack's issue\nthe stack's conf.d/site\nthe stack's token\nthe stack's motd\n\
               the manager has nothing of the machine's\nkept\n",
        not_on: &[],
    }
}

#[test]
fn a_stack_of_dockge_has_its_own_files_by_relative_paths_and_the_machines_by_absolute_ones() {
    manager("Dockge").holds(|way| {
        let stacks = way.host.join("opt/stacks").display().to_string();
        let stand_ins = [("louislam/dockge:1", images::CALLER), ("/opt/stacks", &stacks), ("5001:", "")];
        let dockge = Example::of(way, "compose-managers/dockge", &stand_ins).up();
        deploy(&dockge, "dockge", &stacks, &way.host.join("machine"))
    });
}

#[test]
fn a_stack_of_portainer_has_its_own_files_in_a_volume() {
    manager("Portainer").holds(|way| {
        let data = way.host.join("data").display().to_string();
        let volume = format!("data:{data}");
        let stand_ins = [
            ("portainer/portainer-ce", images::CALLER),
            ("--host unix://", "sleep infinity # "),
            ("data:/data", &volume),
            ("9443:", ""),
        ];
        let portainer = Example::of(way, "compose-managers/portainer", &stand_ins).up();
        deploy(&portainer, "portainer", &format!("{data}/compose"), &way.host.join("machine"))
    });
}
