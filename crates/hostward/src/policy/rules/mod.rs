//! The rules of a profile: pure functions over what is asked.
//!
//! What a claim is about is matched without a wildcard: a new kind does not compile until a rule has it.

mod bounds;
mod builds;
mod lists;
mod names;
mod namespaces;
mod networks;
pub(super) mod paths;
mod privileges;
mod said;
mod volumes;

#[cfg(test)]
mod tests;

use super::action::{Action, OPEN};
use super::claim::{About, Claim, Said};
use super::denial::Denial;
use super::pattern::Patterns;
use super::profile::Profile;
use super::verdict::{Amendment, Verdict};
use lists::AllowList;
use said::JudgedClaim;

/// Applies all of them.
pub(super) fn judge(profile: &Profile, action: Action<'_>) -> Result<Verdict, Denial> {
    operation(profile, action.operation)?;
    for claim in action.claims {
        judge_claim(profile, claim, action)?;
    }
    if !action.makes_container() {
        return Ok(Verdict::default());
    }
    let mut amendments = bounds::amendments(profile, action)?;
    amendments.extend(network(profile, action));
    if profile.read_only_root {
        amendments.push(Amendment::new(&["HostConfig", "ReadonlyRootfs"], true));
    }
    Ok(Verdict { amendments })
}

fn operation(profile: &Profile, name: &str) -> Result<(), Denial> {
    if OPEN.contains(&name) || profile.operations.matches(name) {
        return Ok(());
    }
    if name.starts_with("buildkit.") {
        return Err(builds::no_buildkit(profile));
    }
    let what = format!("{name} is not among the operations that the profile {:?} allows", profile.name);
    Err(Denial::new("operation", what, "leave it out, or add it to `operations` of the profile"))
}

/// The network of a container that asks for none in particular.
fn network(profile: &Profile, action: Action<'_>) -> Vec<Amendment> {
    let Some(network) = &profile.network else { return Vec::new() };
    let is_default = |claim: &Claim| matches!(claim.text(), None | Some("" | "default"));
    if !action.about(About::NetworkMode).all(is_default) {
        return Vec::new();
    }
    let mut amendments =
        vec![Amendment::new(&["HostConfig", "NetworkMode"], serde_json::Value::from(network.as_str()))];
    // Clients name the default network here as well, and the engine would find two.
    if action.claims.iter().any(|claim| claim.place.starts_with("NetworkingConfig")) {
        amendments.push(Amendment::new(&["NetworkingConfig", "EndpointsConfig"], "{}"));
    }
    amendments
}

/// One claim.
#[allow(clippy::too_many_lines, reason = "a line for each kind of claim")]
fn judge_claim(profile: &Profile, claim: &Claim, action: Action<'_>) -> Result<(), Denial> {
    let judged = JudgedClaim { profile, claim };
    let text = |rule, noun, key, patterns: &Patterns| AllowList { rule, noun, key, patterns }.text(judged);
    let pair = |rule, noun, key, patterns: &Patterns| AllowList { rule, noun, key, patterns }.pair(judged);
    match claim.about {
        About::Container | About::Exec => names::container(judged),
        About::Image => names::image(judged),
        About::ImagePulled => names::pulled(judged),
        About::ImagePushed => names::pushed(judged),
        About::ImageNamed => names::given(judged),
        About::ImportSource => names::import_source(judged),
        About::Registry => names::asked_registry(judged),
        About::Volume => volumes::volume(judged),
        About::Network => namespaces::network(judged),
        About::Cluster => {
            AllowList { rule: "cluster", noun: "object", key: "cluster", patterns: &profile.cluster }
                .pair(judged)
        }

        About::ContainerName => text("name", "name", "container_names", &profile.container_names),
        About::Label => names::label(judged),
        About::Privileged => privileges::privileged(judged),
        About::Capability => privileges::capability(judged),
        About::SecurityOption => privileges::security_option(judged),
        About::PidMode => namespaces::mode(judged, &namespaces::PID),
        About::IpcMode => namespaces::mode(judged, &namespaces::IPC),
        About::UtsMode => namespaces::mode(judged, &namespaces::UTS),
        About::UserNamespace => namespaces::mode(judged, &namespaces::USER),
        About::CgroupNamespace => namespaces::mode(judged, &namespaces::CGROUP),
        About::CgroupOf => namespaces::mode(judged, &namespaces::CGROUP_OF),
        About::CgroupParent => {
            text("cgroup-parent", "cgroup parent", "cgroup_parents", &profile.cgroup_parents)
        }
        About::Runtime => text("runtime", "runtime", "runtimes", &profile.runtimes),
        About::Isolation if claim.text() == Some("default") => Ok(()),
        About::Isolation => text("isolation", "isolation", "runtimes", &profile.runtimes),
        About::Sysctl => privileges::sysctl(judged),
        About::Ulimit => ulimit(judged),
        About::OomScore => bounds::oom_score(judged),
        About::OomKill => bounds::oom_kill(judged),
        About::MaskedPaths | About::ReadonlyPaths => privileges::system_paths(judged),
        About::Annotation => pair("annotation", "annotation", "annotations", &profile.annotations),
        About::Group => text("group", "group", "groups", &profile.groups),
        About::User => text("user", "user", "users", &profile.users),
        // It only takes away.
        About::ReadOnlyRoot => Ok(()),
        About::StorageOption
        | About::Memory
        | About::MemorySwap
        | About::Cpus
        | About::Pids
        | About::SharedMemory => bounds::bounded(judged, action),
        About::RestartPolicy if claim.text() == Some("no") => Ok(()),
        About::RestartPolicy => {
            text("restart-policy", "restart policy", "restart_policies", &profile.restart_policies)
        }

        About::Device => privileges::device(judged),
        About::DeviceRule => privileges::device_rule(judged),
        About::DeviceRequest => privileges::device_request(judged),

        About::MountType => text("mount-type", "kind of mount", "mount_types", &profile.mount_types),
        About::AnonymousVolume => volumes::anonymous(judged),
        About::VolumeDriver => {
            text("volume-driver", "volume driver", "volume_drivers", &profile.volume_drivers)
        }
        About::VolumeOption => volumes::option(judged),
        About::VolumesFrom => volumes::taken_over(judged),
        About::TmpfsOption => {
            let patterns = &profile.tmpfs_options;
            let rule =
                AllowList { rule: "tmpfs-option", noun: "tmpfs option", key: "tmpfs_options", patterns };
            rule.options(judged)
        }

        About::NetworkMode | About::BuildNetwork => namespaces::network_mode(judged, action),
        About::StaticAddress => networks::static_address(judged),
        About::MacAddress => text("mac-address", "MAC address", "mac_addresses", &profile.mac_addresses),
        About::Link => networks::link(judged),
        About::Port => networks::port(judged),
        About::PublishAll => networks::publish_all(judged),
        About::ExtraHost => text("extra-host", "extra host", "extra_hosts", &profile.extra_hosts),
        About::Dns => text("dns", "DNS setting", "dns", &profile.dns),
        About::NetworkDriver => networks::driver(judged),
        About::NetworkOption => {
            pair("network-option", "network option", "network_options", &profile.network_options)
        }
        About::NetworkAddresses => networks::addresses(judged),
        About::NetworkKind => network_kind(judged),

        About::LogDriver => text("log-driver", "log driver", "log_drivers", &profile.log_drivers),
        About::LogOption => pair("log-option", "log option", "log_options", &profile.log_options),

        About::Resource => bounds::resource(judged),

        About::BuildRemote => text("build-remote", "remote context", "build_remotes", &profile.build_remotes),
        About::BuildSource => builds::source(judged),
        About::BuildKit => builds::buildkit(judged),
        About::BuildSetting => build_setting(judged),
    }
}

fn ulimit(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let text = judged.text();
    let name = judged.claim.key.as_deref().unwrap_or_else(|| text.split('=').next().unwrap_or_default());
    let ulimits = &judged.profile.ulimits;
    if ulimits.matches(name) {
        return Ok(());
    }
    Err(judged.denied("ulimit", format_args!("the ulimit {}", judged.shown()), ulimits, "ulimits"))
}

/// What makes a network special, by the field's name.
fn network_kind(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let place = &judged.claim.place;
    let name = if place.starts_with("ConfigFrom") { "ConfigFrom" } else { bounds::last_name(place) };
    let kinds = &judged.profile.network_kinds;
    let is_default = name == "Scope" && judged.claim.text() == Some("local");
    if judged.is_nothing() || is_default || kinds.matches_pair(name, &judged.text()) {
        return Ok(());
    }
    let said = match judged.claim.said {
        Said::Present | Said::Flag(_) => name.to_owned(),
        Said::Text(_) | Said::Number(_) => format!("{name}={}", judged.text()),
    };
    Err(judged.denied("network-kind", format_args!("a network with {said}"), kinds, "network_kinds"))
}

/// A setting of a build, by its name in the query.
fn build_setting(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let name = match &judged.claim.key {
        Some(key) => key.as_str(),
        None => bounds::last_name(&judged.claim.place),
    };
    let settings = &judged.profile.build_settings;
    if judged.is_nothing() || settings.matches_pair(name, &judged.text()) {
        return Ok(());
    }
    let subject = format!("the build setting {name}={}", judged.text());
    Err(judged.denied("build-setting", subject, settings, "build_settings"))
}
