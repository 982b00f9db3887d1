//! What is counted of all that this process does, for Prometheus.
//!
//! One set for the process, as there is one log. What a request that streams through adds to is a plain atomic number each; what
//! is found by a label or put into a histogram is only touched by requests that are judged, refused or looked up.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// What is counted.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The first bucket's bound in seconds, and how many follow, each four times as wide: from 0.1 ms to 26 s.
const BUCKETS: (f64, f64, u16) = (0.0001, 4.0, 10);

/// All of it. Each field's help says what it counts.
pub(crate) struct Metrics {
    registry: Registry,
    streamed: Counter,
    judged: Counter,
    restored: Counter,
    own: Counter,
    decisions: Family<DecisionLabel, Counter>,
    translated: Counter,
    refused: Family<RefusedLabels, Counter>,
    pub(crate) unknown_callers: Counter,
    pub(crate) connections: Counter,
    pub(crate) to_engine: Counter,
    pub(crate) to_client: Counter,
    pub(crate) audit_lost: Counter,
    lookups: Histogram,
    judging: Histogram,
    // What is asked for at each scrape.
    open_connections: Gauge<u64, AtomicU64>,
    published_ports: Gauge<u64, AtomicU64>,
    taken: Family<LimitLabel, Gauge<u64, AtomicU64>>,
    limits: Family<LimitLabel, Gauge<u64, AtomicU64>>,
    reload_failed: Gauge<u64, AtomicU64>,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Streamed,
    Judged,
    Restored,
    Own,
}

/// What is so at the moment of a scrape.
#[derive(Debug, Default)]
pub(crate) struct Now {
    pub(crate) open_connections: u64,
    pub(crate) published_ports: u64,
    /// Each limit that is counted, by its name: how much is taken, and how much may be.
    pub(crate) limits: Vec<(&'static str, u64, u64)>,
    pub(crate) reload_failed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabel {
    decision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    status: u16,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabel {
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("hostward");
        let (requests, bytes) =
            (Family::<KindLabel, Counter>::default(), Family::<DirectionLabel, Counter>::default());
        let kind = |kind| requests.get_or_create_owned(&KindLabel { kind });
        let direction = |direction| bytes.get_or_create_owned(&DirectionLabel { direction });
        let (start, factor, count) = BUCKETS;
        let seconds = || Histogram::new(exponential_buckets(start, factor, count));
        let metrics = Self {
            streamed: kind("streamed"),
            judged: kind("judged"),
            restored: kind("restored"),
            own: kind("own"),
            decisions: Family::default(),
            translated: Counter::default(),
            refused: Family::default(),
            unknown_callers: Counter::default(),
            connections: Counter::default(),
            to_engine: direction("to_engine"),
            to_client: direction("to_client"),
            audit_lost: Counter::default(),
            lookups: seconds(),
            judging: seconds(),
            open_connections: Gauge::default(),
            published_ports: Gauge::default(),
            taken: Family::default(),
            limits: Family::default(),
            reload_failed: Gauge::default(),
            registry: Registry::default(),
        };
        for decision in ["translated", "unchanged", "refused", "passed"] {
            // There at 0 before the first one, as a rate needs it.
            drop(metrics.decisions.get_or_create(&DecisionLabel { decision }));
        }
        let version = Info::new(VersionLabel { version: env!("CARGO_PKG_VERSION") });
        registry.register("build", "Hostward's version", version);
        registry.register("requests", "Requests, by what is done with them", requests);
        registry.register("decisions", "Decisions about requests that name paths", metrics.decisions.clone());
        registry.register(
            "translated_paths",
            "Paths that the engine was given another for",
            metrics.translated.clone(),
        );
        registry.register(
            "refused",
            "Requests that Hostward answered instead of the engine",
            metrics.refused.clone(),
        );
        registry.register(
            "unknown_callers",
            "Times that a caller could not be identified",
            metrics.unknown_callers.clone(),
        );
        registry.register("connections", "Connections that clients have made", metrics.connections.clone());
        registry.register(
            "open_connections",
            "Connections of clients that are open",
            metrics.open_connections.clone(),
        );
        registry.register_with_unit("forwarded", "Bytes that were forwarded", Unit::Bytes, bytes);
        registry.register(
            "audit_lost",
            "Decisions that could not be written to the audit",
            metrics.audit_lost.clone(),
        );
        let help = "Time that looking at callers' files took";
        registry.register_with_unit("lookup", help, Unit::Seconds, metrics.lookups.clone());
        let help = "Time from a body that has arrived to a request that may be forwarded, or to a refusal";
        registry.register_with_unit("judge", help, Unit::Seconds, metrics.judging.clone());
        registry.register(
            "published_ports",
            "Ports that are open on callers' localhost",
            metrics.published_ports.clone(),
        );
        registry.register("limit_taken", "How much of a limit is in use", metrics.taken.clone());
        registry.register("limit", "The limit itself", metrics.limits.clone());
        let help = "Whether the settings that were last read could not be applied";
        registry.register("reload_failed", help, metrics.reload_failed.clone());
        Self { registry, ..metrics }
    }

    /// A request has come.
    pub(crate) fn came(&self, kind: RequestKind) {
        match kind {
            RequestKind::Streamed => self.streamed.inc(),
            RequestKind::Judged => self.judged.inc(),
            RequestKind::Restored => self.restored.inc(),
            RequestKind::Own => self.own.inc(),
        };
    }

    /// Something was decided about a request that names paths, so many of which were translated.
    pub(crate) fn decided(&self, decision: &'static str, translated: usize) {
        self.decisions.get_or_create(&DecisionLabel { decision }).inc();
        self.translated.inc_by(translated as u64);
    }

    /// Hostward answers instead of the engine.
    pub(crate) fn refuses(&self, status: u16, reason: &'static str) {
        self.refused.get_or_create(&RefusedLabels { status, reason }).inc();
    }

    pub(crate) fn looked(&self, took: Duration) {
        self.lookups.observe(took.as_secs_f64());
    }

    pub(crate) fn has_judged(&self, took: Duration) {
        self.judging.observe(took.as_secs_f64());
    }

    /// All of it as Prometheus reads it.
    pub(crate) fn page(&self, now: &Now) -> Result<String, fmt::Error> {
        self.open_connections.set(now.open_connections);
        self.published_ports.set(now.published_ports);
        self.reload_failed.set(now.reload_failed.into());
        for &(limit, taken, most) in &now.limits {
            self.taken.get_or_create(&LimitLabel { limit }).set(taken);
            self.limits.get_or_create(&LimitLabel { limit }).set(most);
        }
        let mut page = String::new();
        prometheus_text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The names of all metrics that a text names.
    fn named(text: &str) -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names = words.filter(|word| word.starts_with("hostward_"));
        names.map(|name| name.trim_end_matches("_bucket").to_owned()).collect()
    }

    #[test]
    fn the_page_and_the_dashboard_name_the_metrics_that_there_are() {
        // What has labels is on the page once it was counted.
        METRICS.refuses(502, "engine");
        let now = Now { limits: vec![("connections", 7, 100)], ..Now::default() };
        let page = METRICS.page(&now).unwrap();
        let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let all: BTreeSet<_> = types.map(str::to_owned).collect();
        let read = |file: &str| {
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap()
        };
        assert_eq!(named(&read("docs/metrics.md")), all);
        let shown = named(&read("packaging/grafana/hostward.json"));
        assert!(shown.is_subset(&all), "{shown:?}");
    }

    #[test]
    fn what_is_counted_is_on_the_page() {
        let before = METRICS.page(&Now::default()).unwrap();
        assert!(before.contains("hostward_reload_failed 0\n"), "{before}");
        METRICS.refuses(502, "engine_lost");
        METRICS.looked(Duration::from_millis(3));
        let now = Now {
            open_connections: 7,
            limits: vec![("connections", 7, 100)],
            reload_failed: true,
            ..Now::default()
        };
        let page = METRICS.page(&now).unwrap();
        for line in [
            "hostward_refused_total{status=\"502\",reason=\"engine_lost\"} 1\n",
            "hostward_open_connections 7\n",
            "hostward_limit_taken{limit=\"connections\"} 7\n",
            "hostward_limit{limit=\"connections\"} 100\n",
            "hostward_lookup_seconds_bucket{le=\"0.0016\"} 0\n",
            "hostward_lookup_seconds_bucket{le=\"0.0064\"} 1\n",
            "hostward_reload_failed 1\n",
        ] {
            assert!(page.contains(line), "{line}: {page}");
        }
    }
}
