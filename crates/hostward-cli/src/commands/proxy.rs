//! `hostward proxy`: serves the engine's API in the caller's paths.

use std::time::Duration;

use hostward_engine::address::Address;
use hostward_engine::client::{self, PATIENCE};
use hostward_proxy::{Control, Inherited, Predecessor, Start, Trigger, serve};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::next_program::NextProgram;
use crate::args::ProxyArgs;
use crate::config::service::{self, WantedService};
use crate::log;
use crate::report::{Failure, Status};
use crate::serving::serve_failed;

/// What the end may take beyond what running requests may.
const MARGIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: ProxyArgs, inherited: Inherited) -> Result<Status, Failure> {
    let successor = NextProgram::of_this_process(&args);
    let predecessor = if args.replace { predecessor(&args).await? } else { None };
    let given = inherited.addresses().chain(predecessor.iter().flat_map(Predecessor::inherited));
    let addresses: Vec<_> = given.cloned().collect();
    let service = service::settle(&args, &addresses).await?;
    let log = service.log.start();
    warn(&service);
    let (trigger, control) = Control::on_signals().map_err(|error| no_signals(&error))?;
    let settings = service.settings.clone();
    let running = RunningService { args, inherited: addresses, service, log, trigger, successor };
    tokio::spawn(running.on(ServiceSignals::heard()?));
    let start = Start { inherited, predecessor };
    let engine = settings.engine.clone();
    let ready = || {
        notify(&[NotifyState::Ready]);
        tokio::spawn(look(engine));
    };
    serve(settings, start, control, ready).await.map_err(|error| serve_failed(&error))?;
    Ok(Status::Done)
}

/// The Hostward that serves by now what this one is to serve.
async fn predecessor(args: &ProxyArgs) -> Result<Option<Predecessor>, Failure> {
    let (state, addresses) = service::known_by(args).await?;
    let Some(state) = state else { return Ok(None) };
    let found = Predecessor::find(&state, &addresses).await;
    found.map_err(|error| serve_failed(&error.into()))
}

/// What signals do to a running service.
struct RunningService {
    args: ProxyArgs,
    inherited: Vec<Address>,
    /// As it is served.
    service: WantedService,
    log: log::Handle,
    trigger: Trigger,
    successor: NextProgram,
}

/// The signals that are heard here. Those that end it are heard by [`Control`] as well.
struct ServiceSignals {
    hang_up: Signal,
    replace: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl ServiceSignals {
    fn heard() -> Result<Self, Failure> {
        let heard = |kind| signal(kind).map_err(|error| no_signals(&error));
        Ok(Self {
            hang_up: heard(SignalKind::hangup())?,
            replace: heard(SignalKind::user_defined2())?,
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
        })
    }
}

impl RunningService {
    async fn on(mut self, mut signals: ServiceSignals) {
        loop {
            tokio::select! {
                _ = signals.hang_up.recv() => self.hang_up().await,
                _ = signals.replace.recv() => self.successor.start(),
                by = self.trigger.replaced() => {
                    // From now on that is the service. What this process tells the manager would be of no service any more.
                    notify(&[NotifyState::MainPid(by)]);
                    return;
                }
                _ = signals.terminate.recv() => break,
                _ = signals.interrupt.recv() => break,
            }
        }
        // Or the manager would cut requests off that may finish by the configuration.
        let end = self.service.settings.grace + MARGIN;
        let end = u32::try_from(end.as_micros()).unwrap_or(u32::MAX);
        notify(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(end)]);
    }

    /// The settings are read again, and stay as they are where something is wrong with the new ones.
    async fn hang_up(&mut self) {
        notify(&[NotifyState::Reloading, now(), NotifyState::Status("reloading the settings")]);
        let status = match self.reload().await {
            Ok(()) => "",
            Err(failure) => {
                let why = [&[failure.message().to_owned()], failure.hints()].concat().join("\nhint: ");
                tracing::error!("the new settings are wrong, so the old ones stay: {why}");
                "the new settings are wrong, so the old ones stay: see the log"
            }
        };
        notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    async fn reload(&mut self) -> Result<(), Failure> {
        let mut new = service::settle(&self.args, &self.inherited).await.inspect_err(|failure| {
            self.trigger.keep(failure.message());
        })?;
        let later = new.later(&self.service).join(", ");
        new.keep_format(&self.service);
        let changed = new.changes(&self.service).join(", ");
        self.trigger.reload(new.settings.clone()).await.map_err(|error| serve_failed(&error))?;
        self.log.change(&new.log)?;
        tokio::spawn(look(new.settings.engine.clone()));
        if !later.is_empty() {
            tracing::warn!(settings = later, "these apply from the next start");
        }
        warn(&new);
        tracing::info!(changed, "the settings were reloaded");
        self.service = new;
        Ok(())
    }
}

/// Says so if the engine is not there: until a client asks something, nobody else would notice.
async fn look(engine: Address) {
    if let Err(why) = client::get(&engine, "/_ping", PATIENCE).await {
        tracing::warn!(%why, "the engine does not answer: requests fail with 502 until it does");
    }
}

fn warn(service: &WantedService) {
    for warning in &service.warnings {
        tracing::warn!("{warning}");
    }
}

fn no_signals(error: &std::io::Error) -> Failure {
    Failure::failed(format_args!("cannot wait for signals: {error}"))
}

/// The time that systemd compares with its own of when it asked.
fn now() -> NotifyState<'static> {
    NotifyState::monotonic_usec_now().unwrap_or(NotifyState::MonotonicUsec(0))
}

/// Tells the service manager, where there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
