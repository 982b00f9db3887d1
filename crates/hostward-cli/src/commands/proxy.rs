//! `hostward proxy`: serves the engine's API in the caller's paths.

use std::time::Duration;

use hostward_engine::address::Address;
use hostward_proxy::{Control, Inherited, Trigger, serve};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::ProxyArgs;
use crate::config::service::{self, WantedService};
use crate::log;
use crate::report::{Failure, Status};
use crate::serving::serve_failed;

/// What the end may take beyond what running requests may.
const MARGIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: ProxyArgs, inherited: Inherited) -> Result<Status, Failure> {
    let addresses: Vec<_> = inherited.addresses().cloned().collect();
    let service = service::settle(&args, &addresses).await?;
    let log = service.log.start();
    warn(&service);
    let (trigger, control) = Control::on_signals().map_err(|error| no_signals(&error))?;
    let settings = service.settings.clone();
    let reloading = Reloading { args, inherited: addresses, service, log, trigger };
    let [hang_up, terminate, interrupt] =
        [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(hearing);
    tokio::spawn(reloading.on(hang_up?, terminate?, interrupt?));
    serve(settings, inherited, control, || notify(&[NotifyState::Ready]))
        .await
        .map_err(|error| serve_failed(&error))?;
    Ok(Status::Done)
}

/// What SIGHUP does: the settings are read again, and stay as they are where something is wrong with the new ones.
struct Reloading {
    args: ProxyArgs,
    inherited: Vec<Address>,
    /// As it is served.
    service: WantedService,
    log: log::Handle,
    trigger: Trigger,
}

impl Reloading {
    async fn on(mut self, mut hang_up: Signal, mut terminate: Signal, mut interrupt: Signal) {
        loop {
            tokio::select! {
                _ = hang_up.recv() => {}
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
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
        // Or the manager would cut requests off that may finish by the configuration.
        let end = self.service.settings.grace + MARGIN;
        let end = u32::try_from(end.as_micros()).unwrap_or(u32::MAX);
        notify(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(end)]);
    }

    async fn reload(&mut self) -> Result<(), Failure> {
        let new = service::settle(&self.args, &self.inherited).await.inspect_err(|failure| {
            self.trigger.keep(failure.message());
        })?;
        let changed = new.changes(&self.service).join(", ");
        self.trigger.reload(new.settings.clone()).await.map_err(|error| serve_failed(&error))?;
        self.log.change(&new.log)?;
        let later = new.later(&self.service).join(", ");
        if !later.is_empty() {
            tracing::warn!(settings = later, "these apply from the next start");
        }
        warn(&new);
        tracing::info!(changed, "the settings were reloaded");
        self.service = new;
        Ok(())
    }
}

fn warn(service: &WantedService) {
    for warning in &service.warnings {
        tracing::warn!("{warning}");
    }
}

fn hearing(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| no_signals(&error))
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
