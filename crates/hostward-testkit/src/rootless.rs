//! Docker without root: dockerd as a user has it, in a user namespace and a mount namespace that rootlesskit makes, with the
//! machine's network.
//!
//! The user has no account on the machine. newuidmap(1) asks /etc/passwd and /etc/subuid for it, so these are other files for it:
//! in a mount namespace of their own, which the machine's mounts come into and none leave.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::catalog::{Catalog, EngineSpec};
use crate::engine::Engine;
use crate::error::{Error, Result, doing};
use crate::paths::EnginePaths;
use crate::{process, programs};

/// How many ids its containers have beside its user's own.
const IDS: u32 = 65_536;

/// What becomes of the machine's files for the user, and then the user.
const ENTER: &str = "set -e; run=$1; root=$2; user=$3; shift 3
for file in passwd group subuid subgid; do mount --bind \"$run/account/$file\" /etc/$file; done
mount --bind \"$root\" \"$run/root\"
exec setpriv --reuid=\"$user\" --regid=\"$user\" --clear-groups --inh-caps=-all \"$@\"";

/// What is the daemon's own and not the machine's, as dockerd-rootless.sh has it, and then the daemon.
const BEGIN: &str = "rm -f /run/docker /run/containerd /run/xtables.lock; exec \"$@\"";

/// Starts the daemon. It ends by a signal only.
pub(crate) fn serve(spec: &EngineSpec, paths: &EnginePaths, log: File, errors: File) -> Result<Child> {
    let user = user(spec)?;
    write_account(user, paths)?;
    for folder in ["home", "root", "state"] {
        make_folder(&paths.run.join(folder))?;
    }
    for folder in [&paths.run, &paths.data, &paths.run.join("home"), &paths.run.join("state")] {
        chown(folder, Some(user), Some(user)).map_err(doing(format!("give away {}", folder.display())))?;
    }
    // Those above the data, which are nobody's yet.
    let above = paths.data.parent().unwrap_or(Path::new("/"));
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(above, open).map_err(doing(format!("open {}", above.display())))?;

    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation=slave", "sh", "-c", ENTER, "sh"]);
    command.arg(&paths.run).arg(&paths.root).arg(user.to_string()).arg("rootlesskit");
    let mut flag = |name: &str, value: &dyn std::fmt::Display| {
        command.arg(format!("--{name}={value}"));
    };
    flag("state-dir", &paths.run.join("state").display());
    flag("net", &"host");
    flag("copy-up", &"/etc");
    flag("copy-up", &"/run");
    flag("propagation", &"rslave");
    command.args(["sh", "-c", BEGIN, "sh", "dockerd", "--rootless"]);
    let mut flag = |name: &str, value: &dyn std::fmt::Display| {
        command.arg(format!("--{name}={value}"));
    };
    flag("data-root", &paths.data.display());
    flag("exec-root", &paths.exec().display());
    flag("pidfile", &paths.pid().display());
    flag("host", &format_args!("unix://{}", paths.socket().display()));
    flag("storage-driver", &"vfs");
    flag("bridge", &"none");
    flag("iptables", &false);
    flag("ip6tables", &false);
    flag("shutdown-timeout", &5);

    command.env_clear();
    command.env("PATH", programs::path(&paths.run.join("root")));
    command.env("HOME", paths.run.join("home")).env("XDG_RUNTIME_DIR", &paths.run);
    // Of a group of its own: what ends the command that started it does not end it.
    command.process_group(0).stdin(Stdio::null()).stdout(log).stderr(errors);
    command.spawn().map_err(doing(format!("start dockerd of {}", spec.name)))
}

/// Where a program runs that is to speak to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On the machine, as root.
    Root,
    /// On the machine, as the engine's user.
    User,
    /// Beside the engine: as root of its user namespace, with its mounts.
    Engine,
}

/// The engine, which must run.
pub fn engine() -> Result<Engine> {
    Engine::of(&Catalog::load()?.rootless)
}

/// The user that the engine runs as.
pub fn engine_user() -> Result<u32> {
    user(&Catalog::load()?.rootless)
}

/// What starts a program on this side, with the program and its arguments behind it.
pub fn on(side: Side) -> Result<Vec<String>> {
    let spec = Catalog::load()?.rootless;
    let command = match side {
        Side::Root => "env".to_owned(),
        Side::User => {
            let user = user(&spec)?;
            format!("setpriv --reuid={user} --regid={user} --clear-groups --inh-caps=-all")
        }
        Side::Engine => {
            let daemon = process::read_pid(&EnginePaths::of(&spec)?.pid());
            let daemon =
                daemon.ok_or_else(|| Error::State("the engine without root has no pid".to_owned()))?;
            format!("nsenter --target={daemon} --user --mount --")
        }
    };
    Ok(command.split(' ').map(str::to_owned).collect())
}

fn user(spec: &EngineSpec) -> Result<u32> {
    spec.user.ok_or_else(|| Error::State(format!("engines.toml names no user for the engine {}", spec.name)))
}

fn write_account(user: u32, paths: &EnginePaths) -> Result<()> {
    let (folder, home) = (paths.run.join("account"), paths.run.join("home"));
    make_folder(&folder)?;
    let ids = format!("rootless:{}:{IDS}\n", user + 1);
    for (file, text) in [
        (
            "passwd",
            format!("root:x:0:0::/root:/bin/sh\nrootless:x:{user}:{user}::{}:/bin/sh\n", home.display()),
        ),
        ("group", format!("root:x:0:\nrootless:x:{user}:\n")),
        ("subuid", ids.clone()),
        ("subgid", ids),
    ] {
        fs::write(folder.join(file), text).map_err(doing(format!("write {file} for the engine's user")))?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(doing(format!("make {}", folder.display())))
}
