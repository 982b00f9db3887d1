//! `hostward health`: would a client be served now?

use std::time::Duration;

use hostward_engine::address::Address;
use hostward_engine::client;
use serde::Deserialize;

use crate::args::HealthArgs;
use crate::config::{file, service};
use crate::printer;
use crate::report::{self, Failure, Status};

/// The proxy asks its engine meanwhile, and has a shorter limit.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer of `GET /ready`.
#[derive(Debug, Deserialize)]
struct Readiness {
    ready: bool,
    engine: String,
    sockets: usize,
    reasons: Vec<String>,
    /// What the operator must mend, though clients are served.
    warnings: Vec<String>,
}

pub(crate) async fn run(args: HealthArgs) -> Result<Status, Failure> {
    let file = file::load(args.config.as_deref())?;
    let Some(admin) = service::admin(args.admin.as_deref(), &file)? else {
        return Err(Failure::usage("no admin socket is given")
            .hint("give the proxy one, and pass it here: --admin unix:///run/hostward/admin.sock")
            .hint("or set `admin = \"unix:///run/hostward/admin.sock\"` in the configuration file of both"));
    };
    let answer = client::get(&admin, "/ready", PATIENCE).await.map_err(|error| silent(&admin, &error))?;
    let readiness: Readiness = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::failed(format_args!("the server at {admin} is not hostward's admin socket")))?;
    let Readiness { ready, engine, sockets, reasons, warnings } = readiness;
    if args.json {
        printer::bytes(&answer.body)?;
    } else if ready {
        let are = if sockets == 1 { "socket is" } else { "sockets are" };
        printer::text(&format!("ready: {sockets} {are} served, and the engine at {engine} answers\n"))?;
        for warning in warnings {
            report::say(format_args!("warning: {warning}"), &[]);
        }
    } else {
        return Err(Failure::failed(format_args!("not ready: {}", reasons.join("; "))));
    }
    Ok(if ready { Status::Done } else { Status::Failed })
}

fn silent(admin: &Address, error: &client::ClientError) -> Failure {
    let failure = Failure::failed(format_args!("no proxy answers at {admin}: {error}"));
    if error.is_permission_denied() {
        return failure.hint("run as root, or as a member of the group that owns the socket");
    }
    failure.hint("check that `hostward proxy` runs with this admin socket")
}
