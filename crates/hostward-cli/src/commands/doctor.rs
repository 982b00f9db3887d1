//! `hostward doctor`: what works here, what does not, why, and what to do about it.
//!
//! Each check is a line: what was looked at, how it is, and where it is wrong, a remedy. A check that cannot be made
//! because an earlier one failed is left out.

mod check;
mod containment;
mod kind;
mod limits;
mod listens;
mod surroundings;
mod systems;

use hostward::explanation::{Explanation, MountTold};
use hostward::path::AskedPath;
use hostward_client::{SeenCaller, Viewpoint};
use hostward_engine::about::{self, Asker, HostwardTold};
use hostward_engine::address::Address;
use hostward_engine::context::Chosen;
use hostward_engine::version;

use crate::args::DoctorArgs;
use crate::config::{self, Configuration, service};
use crate::engine_failure::{ask_failed, viewpoint_failed};
use crate::report::{Failure, Status};
use crate::variables::{HOST_PWD, HostPwd, STORAGE_BASE};
use crate::{printer, viewpoint};
use check::{Check, Outlook, shown};

/// The oldest API version whose inspect answers say all that Hostward reads.
const OLDEST_API: (u32, u32) = (1, 25);

/// The check of what stands before the engine.
const HOSTWARD: &str = "hostward";

pub(crate) async fn run(args: DoctorArgs) -> Result<Status, Failure> {
    let settings = config::settle(&args.whose)?;
    let mut checks = examine(&settings, &args.listen).await;
    // Those of the Hostward that this process goes through are not known here.
    if !checks.iter().any(|check| check.name == HOSTWARD) {
        // Behind what this process is, since what matters is read at the end.
        checks.insert(1, limits::check(&settings.limits));
    }
    if args.json {
        printer::json(&checks)?;
    } else {
        printer::text(&shown(&checks))?;
    }
    let wrong = checks.iter().any(|check| check.state == Outlook::Wrong);
    Ok(if wrong { Status::Failed } else { Status::Done })
}

async fn examine(settings: &Configuration, listen: &[String]) -> Vec<Check> {
    let mut checks = vec![Check::ok("process", surroundings::of_process())];
    checks.extend(systems::of_process());
    checks.extend(maps(settings));
    let chosen = match viewpoint::choose(settings) {
        Ok(chosen) => chosen,
        Err(failure) => {
            checks.push(Check::failed("engine", &failure));
            return checks;
        }
    };
    let engine = engine(&chosen).await;
    let reachable = engine.state != Outlook::Wrong;
    checks.push(engine);
    if reachable {
        if let Ok(Some(kind)) = version::kind(&chosen.address).await {
            checks.push(kind::note(&kind));
        }
        match service::listens(settings, listen).await {
            Ok(listen) => {
                checks.extend(listens::examine(&chosen.address, &listen, settings.rules.publish).await);
            }
            Err(failure) => checks.push(Check::failed("listen", &failure)),
        }
        if settings.file.profiles.iter().any(|profile| profile.is_enforced() && !profile.unrestricted) {
            checks.push(containment::check(&chosen.address).await);
        }
        if let Ok(Some(about)) = about::about(&chosen.address).await {
            checks.push(hostward(&about));
            checks.extend(ports(&about));
        }
    }
    let viewpoint = if reachable {
        caller(settings, &chosen.address).await
    } else {
        match viewpoint::maps(&viewpoint::whose(settings)) {
            Ok(None) => return checks,
            Ok(Some(maps)) => Ok(Viewpoint::Seen(maps)),
            Err(failure) => Err(failure),
        }
    };
    match viewpoint {
        Ok(viewpoint) => checks.extend(view(settings, &viewpoint).await),
        Err(failure) => checks.push(Check::failed("caller", &failure)),
    }
    checks
}

fn maps(settings: &Configuration) -> Vec<Check> {
    let mut checks: Vec<_> =
        settings.rules.maps.iter().map(|map| Check::ok("map", map.to_string())).collect();
    if let HostPwd::Alone(name) = settings.host_pwd {
        let other = if name == HOST_PWD { STORAGE_BASE } else { HOST_PWD };
        checks.push(Check::note(
            "map",
            format!("{name} is set but {other} is not: {name} is ignored, because it means nothing alone"),
            "set both, or use --map DIR=ENGINE_DIR; neither is needed if the engine knows this container",
        ));
    }
    checks
}

async fn engine(chosen: &Chosen) -> Check {
    let Chosen { address, by } = chosen;
    match version::version(address).await {
        Err(error) => Check::failed("engine", &ask_failed(&error)),
        Ok(version) => {
            let text = format!(
                "{} {}, API {}, at {address} (named by {by})",
                version.name(),
                version.version,
                version.api_version
            );
            if api(&version.api_version).is_none_or(|api| api < OLDEST_API) {
                let (major, minor) = OLDEST_API;
                let remedy = format!("use an engine with API {major}.{minor} (Docker 1.13) or later");
                return Check::wrong("engine", text, &[remedy]);
            }
            if version.os == "windows" {
                let remedy = "use an engine that runs Linux containers".to_owned();
                return Check::wrong("engine", format!("{text}, for Windows containers"), &[remedy]);
            }
            Check::ok("engine", text)
        }
    }
}

/// Hostward stands before the engine.
fn hostward(about: &HostwardTold) -> Check {
    let version = &about.version;
    let behind = format!("hostward {version} is in front of the engine, and sees this process as");
    match &about.caller {
        Asker::Host => {
            Check::ok(HOSTWARD, format!("{behind} a process of the host, whose paths it passes on unchanged"))
        }
        Asker::Container { name, id } => {
            let short = &id[..id.len().min(12)];
            Check::ok(HOSTWARD, format!("{behind} the container {name} ({short}), whose paths it translates"))
        }
        Asker::Unknown { why } => {
            let remedy =
                "requests with paths are refused; run `hostward doctor` where hostward runs".to_owned();
            Check::wrong(HOSTWARD, format!("{behind} an unknown caller: {why}"), &[remedy])
        }
    }
}

/// Where the ports are of what this container starts.
fn ports(about: &HostwardTold) -> Option<Check> {
    let is_container = matches!(about.caller, Asker::Container { .. });
    (is_container && !about.ports_on_localhost).then(|| {
        Check::note(
            "ports",
            "ports that containers publish are on the host, and not on the localhost of this container",
            "run `hostward doctor` where hostward runs to see why, or the program here with `hostward wrap`",
        )
    })
}

fn api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn caller(settings: &Configuration, engine: &Address) -> Result<Viewpoint, Failure> {
    let whose = viewpoint::whose(settings);
    match (Viewpoint::asking(engine, &whose).await, viewpoint::maps(&whose)?) {
        // With maps, what nothing is known of is not needed.
        (Err(_), Some(maps)) => Ok(Viewpoint::Seen(maps)),
        (found, _) => found.map_err(|error| viewpoint_failed(&error)),
    }
}

async fn view(settings: &Configuration, viewpoint: &Viewpoint) -> Vec<Check> {
    let mut checks = Vec::new();
    match viewpoint {
        // Said already.
        Viewpoint::Told(_) => {}
        Viewpoint::Seen(SeenCaller { container: Some(container), .. }) => {
            let text = format!("container {} ({})", container.name, container.id.short());
            checks.push(Check::ok("caller", text));
        }
        Viewpoint::Seen(_) if viewpoint.is_host() => {
            checks.push(Check::ok("caller", "on the host, outside any container: paths need no translation"));
        }
        Viewpoint::Seen(_) => checks.push(Check::ok("caller", "known only through explicit maps")),
    }
    if let Viewpoint::Seen(seen) = viewpoint
        && seen.sight.is_by_the_engine()
    {
        checks.push(Check::note(
            "files",
            "no process of the container is visible from here: hostward asks the engine what is at a path, and the \
             engine does not know of mounts that were made inside the container",
            "run hostward on the host, as root",
        ));
    }
    if viewpoint.container().is_some() {
        checks.extend(mounts(&viewpoint.mounts()));
    }
    checks.extend(example(settings, viewpoint).await);
    checks
}

fn mounts(told: &[MountTold]) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut any = false;
    for MountTold { destination, r#type, source, driver, subpath, user_path, read_only } in told {
        // The kernel's and the engine's own mounts are no news.
        if is_system(destination) {
            continue;
        }
        let mode = if *read_only { ", read-only" } else { "" };
        let what = match &**r#type {
            "bind" => {
                any |= !is_socket(source);
                let user_path = user_path.as_ref().map(|path| format!(", written as {path}"));
                format!("bind of {source}{}", user_path.unwrap_or_default())
            }
            "volume" => {
                any = true;
                let part = if subpath.is_empty() { String::new() } else { format!("{subpath} in the ") };
                format!("{part}volume {source} ({driver})")
            }
            "tmpfs" | "image" => format!("{type}, which the engine cannot mount into another container"),
            kind => format!("{kind}, which hostward cannot translate"),
        };
        checks.push(Check::ok("mount", format!("{destination}  {what}{mode}")));
    }
    if !any {
        checks.push(Check::note(
            "mount",
            "no directory and no volume is mounted here: what another container mounts is gone when this container \
             is removed",
            "start this container with -v HOST_DIR:DIR",
        ));
    }
    checks
}

fn is_socket(source: &str) -> bool {
    source.as_bytes().ends_with(b".sock")
}

fn is_system(destination: &str) -> bool {
    ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"].contains(&destination)
        || ["/proc", "/sys", "/dev"].iter().any(|base| destination.starts_with(base))
}

/// A path that someone here could well ask for, and where it goes: in the first directory that leads anywhere.
async fn example(settings: &Configuration, viewpoint: &Viewpoint) -> Option<Check> {
    let mapped = settings.rules.maps.iter().map(|map| map.caller().to_string());
    let mounted = viewpoint
        .mounts()
        .into_iter()
        .filter(|mount| matches!(&*mount.r#type, "bind" | "volume"))
        .map(|mount| mount.destination)
        .filter(|destination| !is_system(destination));
    for directory in mapped.chain(mounted) {
        let asked = format!("{}/example", directory.trim_end_matches('/'));
        let asked = AskedPath::parse(asked.as_bytes()).ok()?;
        let explained = viewpoint.explain(&[asked]).await.ok()?;
        if let [Explanation { asked, source: Some(source), .. }] = &explained[..] {
            return Some(Check::ok("example", format!("{asked} is {source} to the engine")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_are_compared_as_numbers() {
        assert!(api("1.9").unwrap() < OLDEST_API);
        assert!(api("1.41").unwrap() > OLDEST_API);
        assert_eq!(api("new"), None);
    }
}
