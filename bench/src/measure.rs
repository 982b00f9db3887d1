//! Workloads on all peers, round by round.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::caller::Caller;
use crate::fold::{median, paired, rotated};
use crate::job::{Job, Outcome, Way};
use crate::peer::{Kind, Peer};

/// What is done on each peer.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    /// By which a report finds it.
    pub(crate) name: String,
    pub(crate) load: Load,
}

/// By what a peer is loaded.
#[derive(Debug, Clone)]
pub(crate) enum Load {
    Requests { connections: usize, request: String, fresh: bool },
    Stream(Way),
}

/// How long it is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) seconds: f64,
    pub(crate) rounds: usize,
}

/// One measurement of one peer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample {
    /// Requests or bytes.
    count: f64,
    /// And a second.
    pub(crate) rate: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Seconds of the peer's processor time.
    processor: Option<f64>,
    /// The share of the time that the load generator was computing.
    pub(crate) load: f64,
}

/// All measurements of a workload: of each peer one a round, where it did not fail.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) samples: BTreeMap<Kind, Vec<Option<Sample>>>,
    /// Why a peer has none.
    pub(crate) failures: BTreeMap<Kind, String>,
}

impl Workload {
    pub(crate) fn requests(name: impl Into<String>, connections: usize, request: String) -> Self {
        Self { name: name.into(), load: Load::Requests { connections, request, fresh: false } }
    }

    fn job(&self, caller: &Caller, peer: &Peer, seconds: f64) -> Job {
        let socket = caller.socket(peer.socket());
        match &self.load {
            Load::Requests { connections, request, fresh } => Job::Requests {
                socket,
                connections: *connections,
                seconds,
                request: request.clone(),
                fresh: *fresh,
            },
            Load::Stream(way) => Job::Stream { socket, way: *way, seconds },
        }
    }
}

/// Measures workloads on the peers of these kinds. Each round has all workloads, and each of them all peers in an order that rotates:
/// what disturbs the machine for a while disturbs a round of each, and not all rounds of one.
pub(crate) fn measure(
    workloads: &[Workload],
    caller: &mut Caller,
    peers: &[Peer],
    kinds: &[Kind],
    pace: Pace,
) -> Vec<Measured> {
    let peers: Vec<&Peer> = peers.iter().filter(|peer| kinds.contains(&peer.kind)).collect();
    let begun = |workload: &Workload| Measured {
        name: workload.name.clone(),
        samples: peers.iter().map(|peer| (peer.kind, vec![None; pace.rounds])).collect(),
        ..Measured::default()
    };
    let mut all: Vec<Measured> = workloads.iter().map(begun).collect();
    for round in 0..pace.rounds {
        for (workload, measured) in workloads.iter().zip(&mut all) {
            for peer in rotated(&peers, round) {
                measured.add(round, peer.kind, |kind| {
                    let sampled = sample(caller, peer, &workload.job(caller, peer, pace.seconds));
                    sampled.inspect_err(|error| eprintln!("{} on {kind} failed: {error}", workload.name))
                });
            }
        }
    }
    all
}

fn sample(caller: &mut Caller, peer: &Peer, job: &Job) -> hostward_testkit::Result<Sample> {
    let load = caller.usage().seconds;
    let (outcome, before) = caller.perform(job, || peer.usage())?;
    let Outcome { count, seconds, p50, p99 } = outcome;
    let load = (caller.usage().seconds - load) / seconds;
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 bytes are moved in a measurement")]
    let count = count as f64;
    let processor = before.zip(peer.usage()).map(|(before, after)| after.seconds - before.seconds);
    Ok(Sample { count, rate: count / seconds, p50, p99, processor, load })
}

impl Measured {
    /// Adds a measurement of a round, unless the peer has failed before: it would again, and some take their time for that.
    fn add(
        &mut self,
        round: usize,
        kind: Kind,
        sample: impl FnOnce(Kind) -> hostward_testkit::Result<Sample>,
    ) {
        if self.failures.contains_key(&kind) {
            return;
        }
        match sample(kind) {
            Ok(sample) => {
                if let Some(samples) = self.samples.get_mut(&kind) {
                    samples[round] = Some(sample);
                }
            }
            Err(error) => {
                self.failures.insert(kind, error.to_string());
            }
        }
    }

    fn of(&self, kind: Kind) -> &[Option<Sample>] {
        self.samples.get(&kind).map_or(&[], Vec::as_slice)
    }

    fn median(&self, kind: Kind, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        median(self.of(kind).iter().flatten().map(figure))
    }

    fn beside_direct(&self, kind: Kind, combine: impl Fn(&Sample, &Sample) -> f64) -> Option<f64> {
        paired(self.of(kind), self.of(Kind::Direct), combine)
    }

    /// Requests or bytes a second.
    pub(crate) fn rate(&self, kind: Kind) -> Option<f64> {
        self.median(kind, |sample| sample.rate)
    }

    /// The median latency in µs.
    pub(crate) fn p50(&self, kind: Kind) -> Option<f64> {
        self.median(kind, |sample| sample.p50)
    }

    /// The rate beside the engine's own.
    pub(crate) fn ratio(&self, kind: Kind) -> Option<f64> {
        self.beside_direct(kind, |ours, direct| ours.rate / direct.rate)
    }

    /// The µs that are added to the median latency.
    pub(crate) fn added_p50(&self, kind: Kind) -> Option<f64> {
        self.beside_direct(kind, |ours, direct| ours.p50 - direct.p50)
    }

    /// And to that which one request in a hundred exceeds.
    pub(crate) fn added_p99(&self, kind: Kind) -> Option<f64> {
        self.beside_direct(kind, |ours, direct| ours.p99 - direct.p99)
    }

    /// µs of processor time for each request or byte.
    pub(crate) fn processor(&self, kind: Kind) -> Option<f64> {
        each(self.of(kind).iter().flatten()).map(|each| each * 1e6)
    }

    /// How much of its time the load generator computes: near 1 it would be what limits.
    pub(crate) fn load(&self, kind: Kind) -> Option<f64> {
        self.median(kind, |sample| sample.load)
    }

    /// The rate, and the processor time, beside the faster of two others in the same round.
    pub(crate) fn beside_better(&self, kind: Kind, others: [Kind; 2]) -> Option<(f64, f64)> {
        let rounds = self.of(kind).len();
        let better: Vec<Option<Sample>> = (0..rounds)
            .map(|round| {
                let all = others.iter().filter_map(|other| self.of(*other).get(round).copied().flatten());
                all.max_by(|one, other| one.rate.total_cmp(&other.rate))
            })
            .collect();
        let rate = paired(self.of(kind), &better, |ours, better| ours.rate / better.rate)?;
        Some((rate, each(self.of(kind).iter().flatten())? / each(better.iter().flatten())?))
    }
}

/// Processor time for each request or byte of all rounds together: a round is short beside the kernel's hundredths of a second.
fn each<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<f64> {
    let (mut seconds, mut count) = (0.0, 0.0);
    for sample in samples {
        seconds += sample.processor?;
        count += sample.count;
    }
    (count > 0.0).then(|| seconds / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rate: f64, p50: f64, processor: Option<f64>) -> Sample {
        Sample { count: rate, rate, p50, p99: p50 * 2.0, processor, load: 0.5 }
    }

    fn measured() -> Measured {
        let samples = BTreeMap::from([
            (Kind::Direct, vec![Some(sample(100.0, 10.0, None)), Some(sample(50.0, 20.0, None))]),
            (
                Kind::Hostward,
                vec![Some(sample(40.0, 30.0, Some(80e-6))), Some(sample(20.0, 38.0, Some(100e-6)))],
            ),
            (Kind::Relay, vec![Some(sample(80.0, 12.0, Some(80e-6))), None]),
            (
                Kind::Splice,
                vec![Some(sample(50.0, 12.0, Some(50e-6))), Some(sample(10.0, 20.0, Some(10e-6)))],
            ),
        ]);
        Measured { samples, ..Measured::default() }
    }

    #[test]
    fn peers_are_held_against_the_engine_of_the_same_round() {
        let measured = measured();
        assert_eq!(measured.ratio(Kind::Hostward), Some(0.4));
        assert_eq!(measured.added_p50(Kind::Hostward), Some(19.0));
        assert_eq!(measured.added_p99(Kind::Hostward), Some(38.0));
        assert!((measured.processor(Kind::Hostward).unwrap() - 3.0).abs() < 1e-9);
        assert_eq!((measured.processor(Kind::Direct), measured.ratio(Kind::Nginx)), (None, None));
    }

    #[test]
    fn the_better_relay_is_found_round_by_round() {
        let (rate, processor) =
            measured().beside_better(Kind::Hostward, [Kind::Relay, Kind::Splice]).unwrap();
        assert!((rate - 1.25).abs() < 1e-9 && (processor - 3.0).abs() < 1e-9);
    }
}
