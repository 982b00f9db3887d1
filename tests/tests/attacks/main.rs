//! Attacks: what an untrusted container tries with the socket that it was given, a file a case (`tests/attacks/`).
//!
//! Each case is shown to succeed on a bare engine first, or is marked with what the engine itself has against it, so that
//! it can fail. Then the same requests come from a container of the attacker through Hostward, under each preset: what the
//! case is after must not come to be, and the engine must not have received what was refused.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

mod case;
mod http;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use hostward_testkit::docker_engines;
use hostward_tests::recorder::Recorder;
use hostward_tests::swarm::Swarm;

use case::{Case, Request, Seen};
use http::{Answer, ask, get};
use stage::Stage;

/// How many cases there are at least.
const CASES: usize = 180;
/// How many requests a bare engine is given at a time.
const HANDS: usize = 6;

#[test]
fn without_hostward_every_attack_succeeds() {
    play(None);
}

#[test]
fn none_succeeds_under_ci() {
    play(Some("ci"));
}

#[test]
fn none_succeeds_under_executor() {
    play(Some("executor"));
}

#[test]
fn none_succeeds_under_observer() {
    play(Some("observer"));
}

#[test]
fn each_case_says_why_and_there_are_enough() {
    let cases = case::all();
    if std::env::var_os("HOSTWARD_TEST_ATTACKS").is_none() {
        assert!(cases.len() >= CASES, "{} cases", cases.len());
    }
    let mut names = BTreeSet::new();
    for case in &cases {
        assert!(case.why.ends_with('.') && case.why.len() > 10, "{}: {}", case.title(), case.why);
        assert!(!case.request.is_empty(), "{}", case.title());
        assert!(names.insert(case.title()), "{} is there twice", case.title());
    }
}

/// Plays all cases on each engine; says at the end which did not go as they should.
fn play(preset: Option<&str>) {
    let cases = case::all();
    let mut red = String::new();
    for engine in docker_engines().unwrap_or_else(|error| panic!("{error}")) {
        let begun = Instant::now();
        let stage = Stage::on(&engine, preset);
        let (alone, plain): (Vec<_>, Vec<_>) =
            cases.iter().enumerate().partition(|(_, case)| case.is_alone());
        let (swarm, alone): (Vec<_>, Vec<_>) = alone.into_iter().partition(|(_, case)| case.swarm);
        let played = Mutex::new(BTreeMap::new());
        let play = |number: usize, case: &Case| {
            let sent = Instant::now();
            let (line, found) = match preset {
                None => bare(&stage, case, number),
                Some(preset) => guarded(&stage, case, number, preset),
            };
            let line = format!("{:>5} ms {line}", sent.elapsed().as_millis());
            played.lock().unwrap().insert(number, (line, found));
        };
        if preset.is_none() {
            side_by_side(&plain, |(number, case)| play(*number, case));
        } else {
            // What the engine receives is known of one request at a time.
            for (number, case) in &plain {
                play(*number, case);
            }
        }
        for (number, case) in &alone {
            play(*number, case);
        }
        // The others have come and gone by now.
        let _swarm = (preset.is_none() && !swarm.is_empty()).then(|| Swarm::of(&engine));
        for (number, case) in &swarm {
            play(*number, case);
        }
        let mut table = String::new();
        for (number, (line, found)) in played.into_inner().unwrap() {
            let _ = writeln!(table, "{line}");
            if let Some(found) = found {
                let _ = writeln!(red, "engine {}: {}\n    {found}", engine.name, cases[number].title());
            }
        }
        println!("--- engine {} ({:.0?})\n{table}", engine.name, begun.elapsed());
    }
    assert!(red.is_empty(), "\n{red}");
}

/// Does something with each of a list, some at a time: an engine takes its time for each.
fn side_by_side<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(one);
                }
            });
        }
    });
}

/// What came of a case, as a line; what is wrong with that.
type Outcome = (String, Option<String>);

/// Plays a case on the engine itself.
fn bare(stage: &Stage<'_>, case: &Case, number: usize) -> Outcome {
    let name = stage.named(number);
    let answer = send(stage, case, &name);
    let line = format!("{}: {}", case.title(), shown(&answer));
    let own = case.bare.refused.iter().find(|own| own.on.contains(&stage.engine.name));
    let found = match own {
        Some(own) => match &own.says {
            Some(says) if answer.status < 400 || !answer.body.contains(says) => {
                Some(format!("the engine does not refuse it with {says:?}: {}", shown(&answer)))
            }
            None if answer.status == case.bare.status
                && holds(stage, &case.bare.seen, &answer, &name).is_ok() =>
            {
                Some("it succeeds on this engine".to_owned())
            }
            _ => None,
        },
        None if answer.status != case.bare.status => {
            Some(format!("expected {}, got {}", case.bare.status, shown(&answer)))
        }
        None => holds(stage, &case.bare.seen, &answer, &name).err(),
    };
    (line, found)
}

/// Plays a case through Hostward.
fn guarded(stage: &Stage<'_>, case: &Case, number: usize, preset: &str) -> Outcome {
    let name = stage.named(number);
    let answer = send(stage, case, &name);
    let line = format!("{}: {}", case.title(), shown(&answer));
    let reached = if case.bare.seen.looks() {
        holds(stage, &case.bare.seen, &answer, &name).is_ok()
    } else {
        answer.status == case.bare.status
    };
    let found = if case.hostward.given.iter().any(|given| given == preset) {
        None
    } else if reached {
        Some(format!("it succeeds: {}", shown(&answer)))
    } else if case.is_harmless(preset) {
        // Or the engine refuses it, or an earlier request was.
        let passed = answer.status == 101 || (200..400).contains(&answer.status);
        passed.then(|| holds(stage, &case.hostward.seen, &answer, &name).err()).flatten()
    } else {
        refused(stage, case, &answer, &name, preset)
    };
    (line, found)
}

/// What is wrong with a refusal.
fn refused(stage: &Stage<'_>, case: &Case, answer: &Answer, name: &str, preset: &str) -> Option<String> {
    let status = case.hostward.status.unwrap_or(403);
    // What a preset leaves out as a whole is refused by that.
    let fits = answer.status == status || (preset != "ci" && matches!(answer.status, 400 | 403 | 404));
    if !fits {
        return Some(format!("expected {status}, got {}", shown(answer)));
    }
    if let Some(says) = case.hostward.says.as_ref().filter(|_| preset == "ci")
        && !answer.body.contains(&stage.fill(says, name))
    {
        return Some(format!("it does not say {says:?}: {}", shown(answer)));
    }
    let received = received(stage, case.request.last()?, name);
    (!received.is_empty()).then(|| format!("the engine received {received:?}, and then: {}", shown(answer)))
}

/// Request lines that the engine got since the last request was sent, and that could change something, or are the request
/// itself. What Hostward looks up is none of them.
fn received(stage: &Stage<'_>, request: &Request, name: &str) -> Vec<String> {
    let sent = stage.fill(&request.send, name);
    let (method, target) = sent.split_once(' ').unwrap();
    let path = target.split('?').next().unwrap();
    let connections = stage.recorder.as_ref().map(Recorder::take).unwrap_or_default();
    let lines = connections.iter().flat_map(|bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().filter(|line| line.contains(" HTTP/1.")).map(str::to_owned).collect::<Vec<_>>()
    });
    let concerns = |line: &String| {
        if method == "GET" || method == "HEAD" {
            let looks =
                path.ends_with("/json") || ["/networks/", "/volumes/"].iter().any(|of| path.starts_with(of));
            return line.contains(path) && !looks;
        }
        // Hostward's own volumes come and go when they are no longer used.
        ["POST ", "PUT ", "DELETE "].iter().any(|method| line.starts_with(method))
            && !line.contains("/volumes/hostward-")
    };
    lines.filter(concerns).collect()
}

/// Sends all requests of a case; gives the last answer.
fn send(stage: &Stage<'_>, case: &Case, name: &str) -> Answer {
    for (link, target) in &case.links {
        stage.link(link, &stage.fill(target, name));
    }
    for request in &case.before {
        let answer = ask(&stage.engine.socket, &stage.request(request, name));
        assert!(answer.status < 400, "{}: {}: {answer:?}", case.title(), request.send);
    }
    let mut answer = None;
    for request in &case.request {
        if let Some(recorder) = &stage.recorder {
            recorder.take();
        }
        answer = Some(ask_again(stage, request, name));
    }
    answer.expect("a case has a request")
}

/// Asks, and again where an engine fails because another test has just removed something: whoever asks for all that there is on
/// containerd's store is told that a snapshot is missing.
fn ask_again(stage: &Stage<'_>, request: &Request, name: &str) -> Answer {
    let ask = || ask(&stage.socket, &stage.request(request, name));
    let is_gone =
        |answer: &Answer| answer.body.contains("snapshot") && answer.body.contains("does not exist");
    (0..20).map(|_| ask()).find(|answer| !is_gone(answer)).unwrap_or_else(ask)
}

/// Whether something is seen; if not, what is seen instead.
fn holds(stage: &Stage<'_>, seen: &Seen, answer: &Answer, name: &str) -> Result<(), String> {
    let asked = seen.get.as_ref().map(|target| get(&stage.engine.socket, &stage.fill(target, name)));
    let said = asked.as_ref().unwrap_or(answer);
    if !seen.looks() {
        return Ok(());
    }
    if said.status >= 400 || said.status == 0 {
        return Err(format!("asked for what is seen: {}", shown(said)));
    }
    let (part, text) = match &seen.at {
        Some(pointer) => {
            let part = said.json().pointer(&stage.fill(pointer, name)).cloned().unwrap_or_default();
            let text = part.as_str().map_or_else(|| part.to_string(), str::to_owned);
            (part, text)
        }
        None => (serde_json::Value::Null, said.body.clone()),
    };
    if let Some(wanted) = &seen.is {
        let wanted = serde_json::to_string(wanted).unwrap();
        let wanted: serde_json::Value = serde_json::from_str(&stage.fill(&wanted, name)).unwrap();
        if part != wanted {
            return Err(format!("{:?} is {part}, not {wanted}", seen.at));
        }
    }
    match &seen.has {
        Some(wanted) if !text.contains(&stage.fill(wanted, name)) => {
            Err(format!("{wanted:?} is not in {}", text.chars().take(400).collect::<String>()))
        }
        _ => Ok(()),
    }
}

/// Status and error of an answer.
fn shown(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.said().trim().chars().take(300).collect::<String>())
}
