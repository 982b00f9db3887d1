//! Bytes that two readers take for different requests, on raw sockets: what an engine says of them, what Hostward says, and what
//! reaches the engine behind it, read as Go's lenient readers would. `tests/smuggling/` has the cases.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

mod answers; // malformed answers of an engine that is played
mod case; // the tables
mod lenient; // requests in a stream of bytes, as the most forgiving reader has them
mod raw; // bytes on sockets, from the host and from a container

use case::Case;
use hostward_testkit::{Caller, Engine, Proxy};
use hostward_tests::recorder::Recorder;
use hostward_tests::{host_dir, on_each_engine};
use raw::Heard;

/// Who sends the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// A process of the host, whose requests pass as they are.
    Host,
    /// A process in a container, whose requests are judged.
    Container,
    /// A process in a container under the profile `ci`.
    Profiled,
}

/// What Hostward asks of the container that a request names.
const OWN: [&str; 1] = ["GET /containers/ID/json HTTP/1.1"];

#[test]
fn what_could_be_read_in_two_ways_reaches_no_engine() {
    on_each_engine(|engine| {
        let mut wrong = Vec::new();
        for sender in [Sender::Host, Sender::Container, Sender::Profiled] {
            wrong.extend(play(engine, sender));
        }
        assert!(wrong.is_empty(), "on engine {}:\n{}", engine.name, wrong.join("\n"));
    });
}

/// Plays all cases against the engine itself and through Hostward; gives what is otherwise than the tables say.
fn play(engine: &Engine, sender: Sender) -> Vec<String> {
    let recorder = Recorder::of(&engine.socket);
    let profile: &[&str] = if sender == Sender::Profiled { &["--preset", "ci"] } else { &[] };
    let proxy = Proxy::start_to(&recorder.socket, profile).unwrap();
    let cases = case::all();
    let sent: Vec<_> = cases.iter().map(Case::bytes).collect();
    let mut wrong = Vec::new();
    let through = match sender {
        Sender::Host => {
            let direct = raw::send(&engine.socket, &sent);
            for (case, heard) in cases.iter().zip(&direct) {
                check(&mut wrong, case, "the engine itself", case.of_engine(&engine.name), &heard.summary());
            }
            raw::send(&proxy.socket(), &sent)
        }
        Sender::Container | Sender::Profiled => {
            let storage = host_dir();
            let caller = Caller::start(engine, &proxy.socket(), storage.path()).unwrap();
            raw::send_from(&caller, &sent)
        }
    };
    assert_eq!(through.len(), cases.len());
    let received = recorder.take();
    for (case, heard) in cases.iter().zip(&through) {
        let who = match sender {
            Sender::Host => "hostward",
            Sender::Container => "hostward, of a container's",
            Sender::Profiled => "hostward, under a profile",
        };
        check(&mut wrong, case, who, case.of_hostward(sender, &engine.name), &heard.summary());
        let own = received.iter().filter(|bytes| lenient::contains(bytes, case.id.as_bytes()));
        let seen: Vec<String> = own.flat_map(|bytes| lenient::request_lines(bytes)).collect();
        let seen: Vec<_> = seen.iter().map(|line| line.replace(&case.id, "ID")).collect();
        if sender == Sender::Profiled {
            // Hostward itself asks whose a container is; for the rest nothing may come that comes without a profile.
            let may: Vec<&str> = case.sees(sender).split(" | ").chain(OWN).collect();
            let other =
                seen.iter().filter(|line| !may.contains(&&***line)).cloned().collect::<Vec<_>>().join(" | ");
            check(&mut wrong, case, "what reaches the engine under a profile", "", &other);
        } else {
            check(&mut wrong, case, "what reaches the engine", case.sees(sender), &seen.join(" | "));
        }
    }
    wrong
}

fn check(wrong: &mut Vec<String>, case: &Case, who: &str, expected: &str, seen: &str) {
    if expected != seen {
        wrong.push(format!("{}: {who}: expected `{expected}`, saw `{seen}`", case.name));
    }
}

/// What is asserted of it stands in the tables; this says that they are not empty of it.
#[test]
fn the_tables_have_what_engines_read_and_hostward_does_not() {
    let cases = case::all();
    assert!(cases.len() >= 60, "{}", cases.len());
    let names: std::collections::BTreeSet<&str> = cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    let is_read = |said: &str| said.starts_with('2') || said.starts_with("404");
    let differ = cases.iter().filter(|case| {
        is_read(case.of_engine("28")) && case.of_hostward(Sender::Container, "28").starts_with("400")
    });
    assert!(differ.count() >= 10);
    let quiet = Heard { bytes: Vec::new(), closed: false };
    assert_eq!(quiet.summary(), "nothing");
}
