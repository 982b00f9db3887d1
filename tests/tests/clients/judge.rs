//! Whether a client's answers are what the caller sees and what it asked for.

use hostward_testkit::OutputText;
use hostward_tests::feed;
use serde_json::Value;

use crate::place::{Case, Place, TARGETS};

/// A client: how to start its program in the caller, and how to ask for its version.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    pub(crate) version: &'static str,
}

/// Nothing, or what is wrong.
pub(crate) type Outcome = Result<(), String>;

/// What came of one case with one client.
pub(crate) struct Verdict {
    pub(crate) client: &'static str,
    pub(crate) case: &'static str,
    /// What container 2 saw was what the caller sees.
    pub(crate) read: Outcome,
    /// What container 2 wrote is what the caller has.
    pub(crate) write: Outcome,
    /// The client's inspect shows the paths that it asked for, and no others.
    pub(crate) inspect: Outcome,
    /// Container 2 ran to its end, and nothing of what it said arrived.
    pub(crate) unheard: bool,
}

impl Verdict {
    /// The three with their names.
    pub(crate) fn aspects(&self) -> [(&'static str, &Outcome); 3] {
        [("read", &self.read), ("write", &self.write), ("inspect", &self.inspect)]
    }
}

/// Puts a client to these cases.
pub(crate) fn verdicts(place: &Place, client: &Client, cases: &[Case]) -> Vec<Verdict> {
    let run = hostward_testkit::unique("hw-client");
    let expected = place.look(cases);
    // Whatever hangs leaves its answers out.
    let script = format!("cd /opt/clients && exec timeout 150 {}", client.program);
    let asked = place.asked(cases, &run).to_string().into_bytes();
    let output = feed(place.caller.exec(&["sh", "-c", &script]), asked);
    let said = output.out();
    let answers: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let none = serde_json::json!({ "error": format!("no answer: {}{}", said, output.err()) });
    let verdict = |(case, (expected, written)): (&Case, (String, Outcome))| {
        let answer = answers.iter().find(|answer| answer["case"] == case.name).unwrap_or(&none);
        let failed = answer["error"].as_str().map(|error| Err(error.to_owned()));
        let judged = |outcome: Outcome| failed.clone().unwrap_or(outcome);
        Verdict {
            client: client.name,
            case: case.name,
            unheard: answer["output"] == "" && written.is_ok(),
            read: judged(read(answer, &expected)),
            write: judged(written),
            inspect: judged(inspected(answer, case)),
        }
    };
    cases.iter().zip(expected.into_iter().zip(written(place, cases, &run))).map(verdict).collect()
}

fn read(answer: &Value, expected: &str) -> Outcome {
    let output = answer["output"].as_str().unwrap_or_default();
    let wanted = TARGETS.map(|target| format!("=== {target}\n{expected}")).concat();
    if output == wanted { Ok(()) } else { Err(format!("the caller sees\n{expected}\nit saw\n{output}")) }
}

/// Of each case, whether the caller has what was written at both targets, once.
fn written(place: &Place, cases: &[Case], run: &str) -> Vec<Outcome> {
    let files: Vec<String> = cases.iter().flat_map(Case::files).collect();
    let mut contents = files.iter().zip(place.contents(&files));
    let outcome = |case: &Case| {
        for (file, content) in contents.by_ref().take(case.files().len()).collect::<Vec<_>>() {
            for target in TARGETS {
                let line = format!("{run} {target}");
                let count = content.lines().filter(|found| *found == line).count();
                if count != 1 {
                    return Err(format!("what was written at {target} is {count} times in {file}"));
                }
            }
        }
        Ok(())
    };
    cases.iter().map(outcome).collect()
}

/// The mounts that are listed, and the elements of the host configuration, are the two that were asked for.
fn inspected(answer: &Value, case: &Case) -> Outcome {
    let inspect = &answer["inspect"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mounts: Vec<_> = list(&inspect["Mounts"])
        .iter()
        .map(|mount| words([&mount["Type"], &mount["Source"], &mount["Destination"], &mount["RW"]]))
        .collect();
    let binds = list(&inspect["HostConfig"]["Binds"]);
    let binds = binds.iter().map(|bind| bind.as_str().unwrap_or_default().to_owned());
    let long = list(&inspect["HostConfig"]["Mounts"]);
    let long = long.iter().map(|mount| words([&mount["Source"], &mount["Target"]]).replace(' ', ":"));
    // Clients may ask for one form by the other, and options that nobody gave are spelled out by some.
    let place = |bind: String| bind.split(':').take(2).collect::<Vec<_>>().join(":");
    let configured: Vec<String> = binds.chain(long).map(place).collect();

    let same = |mut found: Vec<String>, wanted: fn(&str, &str) -> String| {
        found.sort();
        if found == TARGETS.map(|target| wanted(&case.source, target)) {
            return Ok(());
        }
        Err(format!("asked for {}, inspect shows {found:?}", case.source))
    };
    same(mounts, |source, target| format!("bind {source} {target} true"))?;
    same(configured, |source, target| format!("{source}:{target}"))
}

fn words<const N: usize>(values: [&Value; N]) -> String {
    values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).join(" ")
}
