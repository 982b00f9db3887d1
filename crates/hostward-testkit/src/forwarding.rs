//! What the machine forwards between containers, while test engines run.
//!
//! Daemons turn IPv4 forwarding on and leave it so. And a machine's own Docker drops what is forwarded and not its own
//! (`iptables -P FORWARD DROP`), between containers of one bridge too where the kernel shows bridged packets to iptables
//! (`net.bridge.bridge-nf-call-iptables`): a caller would never reach Hostward by TCP, nor a port that a container publishes.
//! The test engines make no rules, so two for their range let them through, and go with the last of them.

use std::fs;
use std::process::{Command, Stdio};

use crate::catalog::Catalog;
use crate::command::run;
use crate::error::{Result, doing};
use crate::paths;

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// Remembers what forwarding was before the first engine, and lets the engines' ranges through.
pub(crate) fn allow(catalog: &Catalog) -> Result<()> {
    let note = paths::run().join("forwarding");
    if !note.exists() {
        let was = fs::read_to_string(FORWARDING).map_err(doing("read whether IPv4 is forwarded"))?;
        fs::write(&note, was).map_err(doing("note whether IPv4 is forwarded"))?;
    }
    for rule in rules(catalog) {
        if !exists(&rule) {
            run(iptables("--insert").args(rule))?;
        }
    }
    Ok(())
}

/// Sets it all back after the last engine has ended.
pub(crate) fn restore(catalog: &Catalog) -> Result<()> {
    let folder = paths::run();
    let mut others = fs::read_dir(&folder).into_iter().flatten().flatten();
    if others.any(|entry| entry.path().is_dir()) {
        return Ok(());
    }
    for rule in rules(catalog) {
        while exists(&rule) {
            run(iptables("--delete").args(rule))?;
        }
    }
    let note = folder.join("forwarding");
    if let Ok(was) = fs::read_to_string(&note) {
        fs::write(FORWARDING, was).map_err(doing("set IPv4 forwarding back"))?;
        fs::remove_file(&note).map_err(doing(format!("remove {}", note.display())))?;
    }
    // Fails while someone has a file there, and then it is not to be removed.
    let _ = fs::remove_dir(&folder);
    Ok(())
}

/// From and to what engines and their containers have for addresses.
fn rules(catalog: &Catalog) -> [[&str; 5]; 2] {
    ["--source", "--destination"].map(|way| ["FORWARD", way, &catalog.range, "--jump", "ACCEPT"])
}

fn exists(rule: &[&str]) -> bool {
    let mut check = iptables("--check");
    check.args(rule).stdout(Stdio::null()).stderr(Stdio::null());
    check.status().is_ok_and(|status| status.success())
}

fn iptables(action: &str) -> Command {
    let mut command = Command::new("iptables");
    // A daemon of the machine may be changing its rules: wait for the lock.
    command.args(["--wait", action]);
    command
}
