//! What a container may use: the most of it, and what is written into requests that say nothing.

use super::said::JudgedClaim;
use crate::policy::action::Action;
use crate::policy::bound::{Bound, Measure};
use crate::policy::claim::{About, Claim, Said};
use crate::policy::denial::Denial;
use crate::policy::pattern::Pattern;
use crate::policy::profile::Profile;
use crate::policy::verdict::Amendment;

/// One of the numbers.
struct Quantity {
    rule: &'static str,
    key: &'static str,
    noun: &'static str,
    flag: &'static str,
    measure: Measure,
    /// Where it is written in a request that makes a container.
    names: &'static [&'static str],
    bound: fn(&Profile) -> Option<Bound>,
    /// Whether no word means no end: then the most is written where there is no default.
    is_endless: bool,
}

const MEMORY: Quantity = Quantity {
    rule: "memory",
    key: "memory",
    noun: "of memory",
    flag: "--memory",
    measure: Measure::Bytes,
    names: &["HostConfig", "Memory"],
    bound: |profile| profile.memory,
    is_endless: true,
};
const MEMORY_SWAP: Quantity = Quantity {
    rule: "memory-swap",
    key: "memory_swap",
    noun: "of memory and swap",
    flag: "--memory-swap",
    measure: Measure::Bytes,
    names: &["HostConfig", "MemorySwap"],
    bound: |profile| profile.memory_swap,
    // Twice the memory.
    is_endless: false,
};
const CPUS: Quantity = Quantity {
    rule: "cpus",
    key: "cpus",
    noun: "processors",
    flag: "--cpus",
    measure: Measure::Cpus,
    names: &["HostConfig", "NanoCpus"],
    bound: |profile| profile.cpus,
    is_endless: true,
};
const PIDS: Quantity = Quantity {
    rule: "pids",
    key: "pids",
    noun: "processes",
    flag: "--pids-limit",
    measure: Measure::Count,
    names: &["HostConfig", "PidsLimit"],
    bound: |profile| profile.pids,
    is_endless: true,
};
const SHARED_MEMORY: Quantity = Quantity {
    rule: "shared-memory",
    key: "shared_memory",
    noun: "in /dev/shm",
    flag: "--shm-size",
    measure: Measure::Bytes,
    names: &["HostConfig", "ShmSize"],
    bound: |profile| profile.shared_memory,
    is_endless: false,
};
const STORAGE: Quantity = Quantity {
    rule: "storage",
    key: "storage",
    noun: "in the root filesystem",
    flag: "--storage-opt size",
    measure: Measure::Bytes,
    names: &["HostConfig", "StorageOpt"],
    bound: |profile| profile.storage,
    // Not every engine can limit it.
    is_endless: false,
};

/// All of them, in the order in which they are judged.
const ALL: [&Quantity; 6] = [&MEMORY, &MEMORY_SWAP, &CPUS, &PIDS, &SHARED_MEMORY, &STORAGE];

/// So long is a period of the scheduler, in microseconds, where a request does not say it.
const PERIOD: i64 = 100_000;

impl Quantity {
    /// What a request says of it: none where it says nothing.
    fn said(&self, action: Action<'_>) -> Option<i64> {
        let number = |about| action.about(about).find_map(|claim| number(claim, self.measure));
        let said = match self.key {
            "memory" => number(About::Memory),
            "memory_swap" => number(About::MemorySwap),
            "cpus" => action.about(About::Cpus).find_map(|claim| match last_name(&claim.place) {
                "CpuPeriod" | "cpuperiod" => None,
                _ => number_of(claim),
            }),
            "pids" => number(About::Pids),
            "shared_memory" => number(About::SharedMemory),
            _ => number(About::StorageOption),
        };
        said.filter(|number| *number != 0)
    }

    fn within(&self, judged: JudgedClaim<'_>, asked: i64) -> Result<(), Denial> {
        match (self.bound)(judged.profile) {
            Some(Bound { most: None, .. }) => Ok(()),
            Some(Bound { most: Some(most), .. }) if (0..=most).contains(&asked) => Ok(()),
            bound => {
                let asked = match asked {
                    ..0 => "no limit".to_owned(),
                    asked => format!("{} {}", self.measure.shown(asked), self.noun),
                };
                let allowed = bound.map_or("nothing to be said of it".to_owned(), |bound| {
                    bound.told(self.measure).to_string()
                });
                let mut denial = judged.denied(self.rule, asked, allowed, self.key);
                denial.remedy =
                    format!("ask for less ({}), or change `{}` of the profile", self.flag, self.key);
                Err(denial)
            }
        }
    }

    /// What a request that makes a container gets where it says nothing.
    fn amended(&self, profile: &Profile, action: Action<'_>) -> Result<Option<Amendment>, Denial> {
        let Some(bound) = (self.bound)(profile).filter(|_| self.said(action).is_none()) else {
            return Ok(None);
        };
        let most = bound.most.filter(|_| self.is_endless && !bound.required);
        match bound.default.or(most) {
            Some(number) if self.key == "storage" => {
                Ok(Some(Amendment::new(self.names, format_args!("{{\"size\":\"{number}\"}}"))))
            }
            Some(number) => Ok(Some(Amendment::new(self.names, number))),
            None if bound.required => {
                let what = format!(
                    "the request sets no limit {}; the profile {:?} requires one ({})",
                    self.noun,
                    profile.name,
                    bound.told(self.measure)
                );
                Err(Denial::new(self.rule, what, format_args!("set it with {}", self.flag)))
            }
            None => Ok(None),
        }
    }
}

/// One number of a request.
pub(super) fn bounded(judged: JudgedClaim<'_>, action: Action<'_>) -> Result<(), Denial> {
    let quantity = match judged.claim.about {
        About::Memory => &MEMORY,
        About::MemorySwap => &MEMORY_SWAP,
        About::Pids => &PIDS,
        About::SharedMemory => &SHARED_MEMORY,
        About::Cpus => return cpus(judged, action),
        _ => return storage(judged),
    };
    match number(judged.claim, quantity.measure) {
        // An update to 0 processes takes the limit away; of all else, 0 says nothing.
        Some(0) if quantity.key == "pids" && !action.makes_container() => quantity.within(judged, -1),
        Some(0) => Ok(()),
        Some(asked) => quantity.within(judged, asked),
        None => Err(unreadable(judged, quantity)),
    }
}

/// Processors, as such or as a share of a period.
fn cpus(judged: JudgedClaim<'_>, action: Action<'_>) -> Result<(), Denial> {
    let named = |name: &str| {
        let of_name = |claim: &&Claim| last_name(&claim.place).eq_ignore_ascii_case(name);
        action.about(About::Cpus).find(of_name).and_then(number_of)
    };
    let Some(asked) = number_of(judged.claim) else { return Err(unreadable(judged, &CPUS)) };
    match &*last_name(&judged.claim.place).to_ascii_lowercase() {
        "cpuperiod" if asked == 0 => Ok(()),
        // Without a quota in the same request, the one that the container has would be of another period.
        "cpuperiod" if named("CpuQuota").is_none_or(|quota| quota == 0) && !action.makes_container() => {
            CPUS.within(judged, -1)
        }
        "cpuperiod" => Ok(()),
        "cpuquota" if asked > 0 => {
            let period = named("CpuPeriod").filter(|period| *period > 0).unwrap_or(PERIOD);
            CPUS.within(judged, asked.saturating_mul(1_000_000_000) / period)
        }
        _ if asked == 0 => Ok(()),
        _ => CPUS.within(judged, asked),
    }
}

/// The size of the root filesystem; a driver's other options are its own affair.
fn storage(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.key() != "size" {
        let subject = format!("the storage option {}", judged.shown());
        return Err(judged.denied(STORAGE.rule, subject, "only \"size\"", STORAGE.key));
    }
    match number(judged.claim, Measure::Bytes) {
        Some(asked) => STORAGE.within(judged, asked),
        None => Err(unreadable(judged, &STORAGE)),
    }
}

fn unreadable(judged: JudgedClaim<'_>, quantity: &Quantity) -> Denial {
    judged.denied(quantity.rule, judged.shown(), "a number", quantity.key)
}

fn number_of(claim: &Claim) -> Option<i64> {
    number(claim, Measure::Count)
}

fn number(claim: &Claim, measure: Measure) -> Option<i64> {
    match &claim.said {
        Said::Number(number) => Some(*number),
        Said::Text(text) => text.parse().ok().or_else(|| measure.parse(text)),
        Said::Flag(_) | Said::Present => None,
    }
}

/// The name of a member without the way to it, or of a key of the query.
pub(super) fn last_name(place: &str) -> &str {
    let place = place.rsplit(['.', ' ']).next().unwrap_or(place);
    place.split('[').next().unwrap_or(place)
}

/// Other settings of what a container may use, by their names.
pub(super) fn resource(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let name = field_name(&judged.claim.place);
    // The query of a build has the same names in small letters.
    let by_query = |pattern: &Pattern| pattern.as_str().eq_ignore_ascii_case(name);
    let resources = &judged.profile.resources;
    if judged.is_nothing() || resources.matches(name) || resources.iter().any(by_query) {
        return Ok(());
    }
    Err(judged.denied("resource", format_args!("{name} = {}", judged.text()), resources, "resources"))
}

/// The field that a place is in: `BlkioDeviceReadBps` of `HostConfig.BlkioDeviceReadBps[0].Rate`.
fn field_name(place: &str) -> &str {
    let place = place.strip_prefix("HostConfig.").unwrap_or(place);
    let place = place.rsplit(' ').next().unwrap_or(place);
    place.split(['.', '[']).next().unwrap_or(place)
}

/// How early a process is killed when the host's memory runs out.
pub(super) fn oom_score(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let asked = number_of(judged.claim);
    match (judged.profile.oom_score, asked) {
        (_, Some(0)) => Ok(()),
        (Some(least), Some(asked)) if asked >= least => Ok(()),
        (least, _) => {
            let allowed =
                least.map_or("nothing to be said of it".to_owned(), |least| format!("at least {least}"));
            Err(judged.denied("oom", format_args!("the score {}", judged.shown()), allowed, "oom_score"))
        }
    }
}

/// Whether a container is spared when memory runs out.
pub(super) fn oom_kill(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.is_nothing() || judged.profile.oom_kill_disable {
        return Ok(());
    }
    let remedy = "leave --oom-kill-disable out, or set `oom_kill_disable = true` in the profile";
    Err(judged.forbidden("oom", "sparing a container when memory runs out", remedy))
}

/// What is written into a request that makes a container.
pub(super) fn amendments(profile: &Profile, action: Action<'_>) -> Result<Vec<Amendment>, Denial> {
    let amended = ALL.iter().map(|quantity| quantity.amended(profile, action));
    amended.filter_map(Result::transpose).collect()
}
