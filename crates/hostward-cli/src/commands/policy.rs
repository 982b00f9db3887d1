//! `hostward policy`: what profiles allow, told, printed, and tried on a request.

mod docker; // a docker command as the request that it sends
mod recorded; // a request as it was sent
mod show; // profiles in sentences, and as TOML
mod trial; // a request, judged

use std::path::Path;

use hostward::policy::profile::Profile;

use crate::args::{PolicyCommand, PolicyShowArgs, PolicyTestArgs, WhichProfile};
use crate::config::{file, policy};
use crate::printer;
use crate::report::{Failure, Status};
use crate::variables;
use recorded::PlainRequest;
use trial::Trial;

pub(crate) fn run(command: PolicyCommand) -> Result<Status, Failure> {
    match command {
        PolicyCommand::Test(args) => test(&args),
        PolicyCommand::Explain(args) => show(&args, show::explained),
        PolicyCommand::Export(args) => show(&args, show::exported),
    }
}

/// Prints the profiles that are meant, in this way for people.
fn show(args: &PolicyShowArgs, text: fn(&[Profile]) -> String) -> Result<Status, Failure> {
    let profiles = profiles(&args.which, args.file.as_deref())?;
    let printed =
        if args.json { printer::json(&show::told(&profiles)) } else { printer::text(&text(&profiles)) };
    printed?;
    Ok(Status::Done)
}

/// Tries a request on one profile.
fn test(args: &PolicyTestArgs) -> Result<Status, Failure> {
    let is_given = args.which.from_env || policy::of_flags(&args.which.policy)?.is_some();
    let (file, words) = match &args.words[..] {
        words if is_given => (None, words),
        [file, words @ ..] => (Some(file.as_ref()), words),
        [] => (None, &[][..]),
    };
    let profiles = profiles(&args.which, file)?;
    let [profile] = &profiles[..] else {
        let names: Vec<_> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        let failure = match names[..] {
            [] => Failure::usage("the file has no [[profile]]: everything is allowed"),
            _ => Failure::usage(format_args!("the file has several profiles ({})", names.join(", "))),
        };
        return Err(failure.hint("hostward policy test --profile NAME FILE REQUEST"));
    };
    let trial = Trial::of(profile, &request(words)?);
    if args.json { printer::json(&trial) } else { printer::text(&trial.text()) }?;
    Ok(if trial.is_allowed() { Status::Done } else { Status::Failed })
}

/// The request that is meant: a docker command, or the file that it is recorded in.
fn request(words: &[String]) -> Result<PlainRequest, Failure> {
    let is_docker = |word: &str| matches!(word.rsplit('/').next(), Some("docker" | "podman"));
    match words {
        [] => {
            let failure =
                Failure::usage("no request is given: name a file with a recorded one, or a docker command");
            Err(failure.hint("hostward policy test FILE docker run -v /app/data:/data busybox"))
        }
        // All of the command as one word.
        [line] if line.split_whitespace().next().is_some_and(is_docker) => {
            let words: Vec<_> = line.split_whitespace().skip(1).map(str::to_owned).collect();
            docker::request(&words)
        }
        [docker, words @ ..] if is_docker(docker) => docker::request(words),
        [file] => recorded::read(file.as_ref()),
        [_, more, ..] => {
            Err(Failure::usage(format_args!("unexpected {more:?} after the file of the request")))
        }
    }
}

/// The profiles that are meant.
fn profiles(which: &WhichProfile, path: Option<&Path>) -> Result<Vec<Profile>, Failure> {
    let all = if which.from_env {
        vec![Profile::preset_with("tecnativa", &variables::plain).map_err(Failure::usage)?]
    } else if let Some(profile) = policy::of_flags(&which.policy)? {
        vec![profile]
    } else {
        let file = file::load(path)?;
        file.profiles
    };
    let Some(name) = &which.profile else { return Ok(all) };
    let names: Vec<_> = all.iter().map(|profile| profile.name.clone()).collect();
    let found: Vec<_> = all.into_iter().filter(|profile| profile.name == *name).collect();
    if found.is_empty() {
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(Failure::usage(format_args!("there is no profile {name:?}; there are {known}")));
    }
    Ok(found)
}
