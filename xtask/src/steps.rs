//! `cargo xtask test --every`, steps: without any one step of the data path the proxy does not compile.
//!
//! A promise of ARCHITECTURE.md that no test of behaviour can hold: each step's result is the next one's only parameter. Here each
//! call is taken out of a copy of the sources, one after the other, and `cargo check` must fail for want of what the call makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hostward_testkit::{Error, Result, cargo, say};

/// A call that is taken out: where, what it is there, and what takes its place.
struct Step {
    name: &'static str,
    file: &'static str,
    call: &'static str,
    without: &'static str,
}

const JUDGE: &str = "crates/hostward-proxy/src/judge.rs";
const EXCHANGE: &str = "crates/hostward-proxy/src/exchange.rs";
const ROUTE: &str = "crates/hostward-proxy/src/route.rs";
const TAKING: &str = "crates/hostward-proxy/src/taking.rs";

/// All steps, in the order of the data path. What takes a call's place is what was there before it.
const STEPS: &[Step] = &[
    Step {
        name: "identify",
        file: EXCHANGE,
        call: "match asks.by(caller.clone(), &self.shared.identify).await {",
        without: "match asks {",
    },
    Step {
        name: "route",
        file: EXCHANGE,
        call: "match route(request, operation, &profiles) {",
        without: "match request {",
    },
    Step {
        name: "read the body",
        file: TAKING,
        call: "reader.hold(request).await?.map(WholeBody::Held)",
        without: "Ok(WholeBody::Held(request))",
    },
    Step {
        name: "judge",
        file: TAKING,
        call: "judge(&identify, &limits, to_judge, body, cancel)",
        without: "Ok(to_judge)",
    },
    Step {
        name: "read",
        file: JUDGE,
        call: "let mut read = read(endpoint, body, terms)?;",
        without: "let mut read = body;",
    },
    Step {
        name: "claim",
        file: JUDGE,
        call: "let claimed = claim(&guest, &request, line, Some(Came { body: &mut body, limits, cancel }))?;",
        without: "let claimed = line;",
    },
    Step {
        name: "context",
        file: "crates/hostward-proxy/src/claim.rs",
        call: "let (file, length) = context::read(spooled, request.target(), limits, cancel, &mut claims)?;",
        without: "let (file, length) = spooled;",
    },
    Step {
        name: "own",
        file: JUDGE,
        call: "let owned = own(identify, &guest, claimed).await?;",
        without: "let owned = claimed;",
    },
    Step {
        name: "resolve",
        file: JUDGE,
        call: "let resolved = resolve(&guest, read, &looks)?;",
        without: "let resolved = read;",
    },
    Step {
        name: "authorize",
        file: JUDGE,
        call: "let permit = authorize(&guest, owned, &lenders, resolved)?;",
        without: "let permit = resolved;",
    },
    Step {
        name: "plan",
        file: JUDGE,
        call: "let planned = plan(&guest, &lenders, abilities, permit)?;",
        without: "let planned = permit;",
    },
    Step {
        name: "pin",
        file: JUDGE,
        call: "let pinned = pin(&guest.sight, abilities, planned, &looks, shorten, contain)?;",
        without: "let pinned = planned;",
    },
    Step {
        name: "write",
        file: JUDGE,
        call: "write(&guest, endpoint, &image.labels, request, pinned)",
        without: "Ok(pinned)",
    },
    Step {
        name: "outgoing",
        file: EXCHANGE,
        call: "let outgoing = Outgoing::Written(written);",
        without: "let outgoing = written;",
    },
    Step {
        name: "own what streams",
        file: ROUTE,
        call: "Ok(claimed) => own(identify, &guest, claimed).await,",
        without: "Ok(claimed) => Ok(claimed),",
    },
    Step {
        name: "clear what streams",
        file: ROUTE,
        call: "let cleared = clear(&guest, owned);",
        without: "let cleared = owned;",
    },
    Step {
        name: "forward what streams",
        file: EXCHANGE,
        call: "Allowed { caller: None, outgoing: Outgoing::Streams(streams), manner, pending: None }",
        without: "Allowed { caller: None, outgoing: streams, manner, pending: None }",
    },
];

/// Takes out one call after the other.
///
/// # Errors
/// A step without which the proxy compiles, or whose call is not found, or a copy that does not compile as it is.
pub(crate) fn all() -> Result<()> {
    let copy = Copy::of(&cargo::workspace())?;
    let whole = copy.check()?;
    if !whole.status.success() {
        return Err(Error::State(format!("the copy does not compile as it is:\n{}", text(&whole.stderr))));
    }
    for Step { name, file, call, without } in STEPS {
        let path = copy.directory.join(file);
        let source = read(&path)?;
        if source.matches(call).count() != 1 {
            return Err(Error::State(format!("{file} does not call {name} exactly once: {call}")));
        }
        write(&path, &source.replace(call, without))?;
        let checked = copy.check();
        write(&path, &source)?;
        let checked = checked?;
        let said = text(&checked.stderr);
        // For want of what the step makes, and not of a comma.
        let code = said.lines().find_map(|line| line.strip_prefix("error[")?.split(']').next());
        match code {
            Some(code) if !checked.status.success() => {
                say(format_args!("steps: without {name}: error {code}"));
            }
            _ => {
                return Err(Error::State(format!(
                    "without {name} the proxy compiles, or its error cannot be read:\n{said}"
                )));
            }
        }
    }
    Ok(())
}

/// A copy of the sources, with a target directory that is kept for the next time.
struct Copy {
    directory: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn of(workspace: &Path) -> Result<Self> {
        let base = workspace.join("target/steps");
        let directory = base.join("copy");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).map_err(|source| io("make a directory for the copy", source))?;
        for part in [
            "Cargo.toml",
            "Cargo.lock",
            ".cargo",
            "bench",
            "crates",
            "tests",
            "xtask",
            "rust-toolchain.toml",
            "clippy.toml",
        ] {
            let mut copy = Command::new("cp");
            copy.arg("--recursive").arg("--preserve=timestamps").arg(workspace.join(part)).arg(&directory);
            let status = copy.status().map_err(|source| io("copy the sources", source))?;
            if !status.success() {
                return Err(Error::State(format!("cannot copy {part} ({status})")));
            }
        }
        Ok(Self { directory, target: base.join("target") })
    }

    fn check(&self) -> Result<std::process::Output> {
        let mut check = cargo::command();
        check.args(["check", "--package", "hostward-proxy", "--color", "never"]);
        check.current_dir(&self.directory).env("CARGO_TARGET_DIR", &self.target);
        check.output().map_err(|source| io("run cargo check", source))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| io("read a file of the copy", source))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| io("write a file of the copy", source))
}

fn io(aim: &str, source: std::io::Error) -> Error {
    Error::Io { aim: aim.to_owned(), source }
}
