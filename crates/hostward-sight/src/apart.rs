//! A process of the engine's machine in a mount namespace of its own (systemd's `PrivateTmp`, a snap, `unshare --mount`):
//! its paths are the machine's, to the letter, where both see one file.

use std::collections::HashSet;

use hostward::path::{AskedPath, CallerPath};
use hostward::places::{is_fixture, is_machine};
use hostward::refusal::Reason;
use hostward::view::{Socket, View};

use crate::eyes::{Eyes, Follow, Identity, ProcessRoot, unseen};
use crate::looks::Looks;
use crate::machine::Machine;
use crate::mounted::Mounted;
use crate::runner;
use crate::sight::Sight;

/// What both see.
struct Namespaces<'a> {
    /// The process's root directory.
    caller: &'a ProcessRoot,
    machine: &'a ProcessRoot,
    looks: &'a Looks,
}

impl Sight {
    /// The process `pid` of the machine, in a mount namespace of its own. [`resolve`](Self::resolve) refuses each path at
    /// which the machine has something else; all others are the machine's.
    ///
    /// # Errors
    /// Where the process has ended, or this process may not look at it.
    pub fn of_host_process(pid: u32, socket: Socket) -> Result<Self, Reason> {
        let root = ProcessRoot::of_process(pid).map_err(unseen)?;
        let mounted = Mounted::of_process(pid).map_err(unseen)?;
        let view = View::identity().with_socket(socket);
        Ok(Self { eyes: Some(Eyes::Process(root)), mounted, machine: Machine::Same, ..Self::blind(view) })
    }

    /// Makes sure that a process of the machine sees at a path what the machine has there, and beneath it. Says nothing of
    /// callers of any other kind.
    ///
    /// # Errors
    /// Where the two differ, or a side cannot be looked at.
    pub(crate) fn agrees_with_the_machine(&self, asked: &AskedPath, looks: &Looks) -> Result<(), Reason> {
        let (true, true, Some(Eyes::Process(caller))) =
            (self.view.is_identity(), self.machine.is_seen(), &self.eyes)
        else {
            return Ok(());
        };
        // The engine takes a path by its text.
        let name = asked.clean();
        if name == CallerPath::root() || is_machine(&name) {
            return Ok(());
        }
        let machine = runner::engine_side(self.runner).map_err(unseen)?;
        let both = Namespaces { caller, machine: &machine.root, looks };
        if self.is_our_socket(&both, &name)? {
            return Ok(());
        }
        if both.identity_of_asked(asked)? != both.machine_sees(&name)? || !both.agree_above(&name)? {
            return Err(Reason::Apart { beneath: None });
        }
        let moved = |side: &Mounted, root| {
            side.moved(root, &name, looks, &mut HashSet::new()).map(Option::<&CallerPath>::cloned)
        };
        if let Some(point) = moved(&self.mounted, caller)?.or(moved(&machine.mounted, &machine.root)?) {
            return Err(Reason::Apart { beneath: Some(point) });
        }
        for line in self.mounted.beneath(&name).chain(machine.mounted.beneath(&name)) {
            let point = &line.mount_point;
            if !is_fixture(point)
                && both.caller_sees(point)? != both.machine_sees(point)?
                && !self.is_our_socket(&both, point)?
            {
                return Err(Reason::Apart { beneath: Some(point.clone()) });
            }
        }
        Ok(())
    }

    /// Whether it is Hostward's socket in the place of the engine's, which `wrap` mounts there. The engine's own is what a
    /// process of the machine has by that path.
    fn is_our_socket(&self, both: &Namespaces<'_>, path: &CallerPath) -> Result<bool, Reason> {
        let Some(Socket { own: Some(own), raw: Some(raw) }) = self.view.socket() else { return Ok(false) };
        let on_the_machine = |bytes| both.machine.identity(bytes, Follow::Links).ok().flatten();
        let (own, raw) = (on_the_machine(own.as_bytes()), on_the_machine(raw.as_bytes()));
        Ok(own.is_some()
            && raw.is_some()
            && both.caller_sees(path)? == own
            && both.machine_sees(path)? == raw)
    }
}

impl Namespaces<'_> {
    /// What is missing on both sides is made in the nearest directory that is there.
    fn agree_above(&self, name: &CallerPath) -> Result<bool, Reason> {
        let mut path = name.clone();
        loop {
            match (self.caller_sees(&path)?, self.machine_sees(&path)?) {
                (None, None) => match path.parent() {
                    Some(parent) => path = parent,
                    None => return Ok(true),
                },
                (caller, machine) => return Ok(caller == machine),
            }
        }
    }

    /// By the path as it was asked: `..` goes up from where a link has led.
    fn identity_of_asked(&self, asked: &AskedPath) -> Result<Option<Identity>, Reason> {
        self.looks.take()?;
        let seen = self.caller.identity(asked.as_bytes(), Follow::Links);
        seen.map_err(|error| unseen(format!("{asked}: {error}")))
    }

    fn caller_sees(&self, path: &CallerPath) -> Result<Option<Identity>, Reason> {
        self.looks.take()?;
        let seen = self.caller.identity(path.as_bytes(), Follow::Links);
        seen.map_err(|error| unseen(format!("{path}: {error}")))
    }

    fn machine_sees(&self, path: &CallerPath) -> Result<Option<Identity>, Reason> {
        self.looks.take()?;
        let seen = self.machine.identity(path.as_bytes(), Follow::Links);
        seen.map_err(|error| unseen(format!("{path} on the host: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};

    struct Ended(Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// The sight of a process in a mount namespace of its own, in which a script has mounted something; none where this
    /// user may not make one.
    fn apart(script: &str, socket: Socket) -> Option<(Sight, Ended)> {
        let mut command = Command::new("unshare");
        let script = format!("{script} && echo ready && read end");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        let mut child = Ended(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?);
        let mut line = String::new();
        BufReader::new(child.0.stdout.take()?).read_line(&mut line).ok()?;
        let sight = || Sight::of_host_process(child.0.id(), socket).unwrap();
        (line == "ready\n").then(sight).map(|sight| (sight, child))
    }

    fn asked(path: &Path, rest: &str) -> AskedPath {
        AskedPath::parse(format!("{}{rest}", path.display()).as_bytes()).unwrap()
    }

    #[test]
    fn what_both_see_is_the_machines_and_what_one_sees_alone_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        for made in ["shared", "private"] {
            std::fs::create_dir(dir.join(made)).unwrap();
            std::fs::write(dir.join(made).join("f"), "").unwrap();
        }
        std::os::unix::fs::symlink("private", dir.join("link")).unwrap();
        let script = format!("mount -t tmpfs tmpfs {0}/private && touch {0}/private/own", dir.display());
        let Some((sight, _process)) = apart(&script, Socket::default()) else { return };
        for same in ["/shared", "/shared/f", "/shared/new/deep", "/new", "/./shared/../shared/f"] {
            sight
                .agrees_with_the_machine(&asked(dir, same), &Looks::default())
                .unwrap_or_else(|reason| panic!("{same}: {reason}"));
        }
        let apart = Err(Reason::Apart { beneath: None });
        for other in ["/private", "/private/f", "/private/own", "/private/new", "/link", "/link/new"] {
            assert_eq!(
                sight.agrees_with_the_machine(&asked(dir, other), &Looks::default()),
                apart,
                "{other}"
            );
        }
        // To the process it is the tmpfs's; the engine takes it by its text.
        assert_eq!(
            sight.agrees_with_the_machine(&asked(dir, "/link/../shared/../private/own"), &Looks::default()),
            apart
        );
        let beneath = sight.agrees_with_the_machine(&asked(dir, ""), &Looks::default());
        assert!(matches!(beneath, Err(Reason::Apart { beneath: Some(_) })), "{beneath:?}");
        for machines in ["/", "/dev", "/proc/1", "/sys"] {
            sight
                .agrees_with_the_machine(&AskedPath::parse(machines.as_bytes()).unwrap(), &Looks::default())
                .unwrap();
        }
    }

    #[test]
    fn hostwards_socket_in_the_place_of_the_engines_is_no_other_file() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        for made in ["own.sock", "raw.sock", "other"] {
            std::fs::write(dir.join(made), "").unwrap();
        }
        let engine = |name: &str| {
            hostward::path::EnginePath::parse(dir.join(name).to_str().unwrap().as_bytes()).unwrap()
        };
        let socket = Socket { own: Some(engine("own.sock")), raw: Some(engine("raw.sock")) };
        let over = |name: &str| format!("mount --bind {0}/own.sock {0}/{name}", dir.display());
        let Some((wrapped, _process)) = apart(&over("raw.sock"), socket.clone()) else { return };
        for path in ["/raw.sock", "/own.sock", ""] {
            wrapped.agrees_with_the_machine(&asked(dir, path), &Looks::default()).unwrap();
        }
        let Some((other, _process)) = apart(&over("other"), socket) else { return };
        assert!(other.agrees_with_the_machine(&asked(dir, "/other"), &Looks::default()).is_err());
        assert!(other.agrees_with_the_machine(&asked(dir, ""), &Looks::default()).is_err());
    }
}
