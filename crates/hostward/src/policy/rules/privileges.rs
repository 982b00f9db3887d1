//! What makes a process of a container more than a process in a container.

use super::lists::AllowList;
use super::said::{JudgedClaim, quoted};
use crate::policy::capability::{DEFAULT_CAPABILITIES, capability_name};
use crate::policy::denial::Denial;
use crate::policy::pattern::Pattern;

pub(super) fn privileged(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.is_nothing() || judged.profile.privileged {
        return Ok(());
    }
    let remedy =
        "run it without --privileged; a single capability can be allowed with `capabilities` in the profile";
    Err(judged.forbidden("privileged", "a privileged container", remedy))
}

/// A capability that is added.
pub(super) fn capability(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let allowed = &judged.profile.capabilities;
    let name = judged.claim.text().and_then(capability_name);
    let is_allowed = name.as_deref().is_some_and(|name| {
        // All of them are more than each that a star matches.
        let by_default = allowed.names("default") && DEFAULT_CAPABILITIES.contains(&name);
        by_default || if name == "ALL" { allowed.names("ALL") } else { allowed.matches(name) }
    });
    if is_allowed {
        return Ok(());
    }
    let subject = format!("the capability {}", name.unwrap_or_else(|| judged.shown()));
    Err(judged.denied("capability", subject, allowed, "capabilities"))
}

/// An option for the security modules, in either spelling: `seccomp=unconfined`, `seccomp:unconfined`.
pub(super) fn security_option(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let text = judged.text();
    let (key, value) = security_pair(&text);
    let takes_away = key == "no-new-privileges" && matches!(value, "" | "true");
    if takes_away || judged.profile.security_options.matches_pair(key, value) {
        return Ok(());
    }
    // A profile of seccomp can be very long.
    let subject = format!("the security option {}", quoted(&text));
    Err(judged.denied("security-option", subject, &judged.profile.security_options, "security_options"))
}

/// As the engine takes it apart: by the first `=`, and only where there is none by the first colon, the old way.
fn security_pair(text: &str) -> (&str, &str) {
    let separator = if text.contains('=') { '=' } else { ':' };
    text.split_once(separator).unwrap_or((text, ""))
}

/// `MaskedPaths` and `ReadonlyPaths`: what of `/proc` and `/sys` is hidden.
pub(super) fn system_paths(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.profile.system_paths {
        return Ok(());
    }
    let subject = "changing what is masked in /proc and /sys (--security-opt systempaths=unconfined)";
    Err(judged.forbidden(
        "system-paths",
        subject,
        "leave it out, or set `system_paths = true` in the profile",
    ))
}

/// A device of the host, by its path there.
pub(super) fn device(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let list =
        AllowList { rule: "device", noun: "device", key: "devices", patterns: &judged.profile.devices };
    let text = judged.text();
    let is_clean = !text.split('/').any(|part| part == ".." || part == ".") && !text.contains("//");
    if judged.is_nothing() || (is_clean && list.patterns.matches(&text)) {
        Ok(())
    } else {
        Err(list.denied(judged))
    }
}

/// A rule of the device cgroup, with one space between its parts.
pub(super) fn device_rule(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let patterns = &judged.profile.device_rules;
    let list = AllowList { rule: "device-rule", noun: "device rule", key: "device_rules", patterns };
    let text = judged.text().split_whitespace().collect::<Vec<_>>().join(" ");
    if patterns.matches(&text) { Ok(()) } else { Err(list.denied(judged)) }
}

/// A driver that gives devices, and each device that is asked of it by its id: `nvidia`, `cdi=vendor.example/class=name`.
pub(super) fn device_request(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let patterns = &judged.profile.device_requests;
    let list = AllowList { rule: "device-request", noun: "device driver", key: "device_requests", patterns };
    let text = judged.text();
    // `--gpus all` names no driver.
    let driver = if text.is_empty() { "gpu" } else { &text };
    let is_allowed = match judged.claim.key.as_deref() {
        Some(id) => patterns.matches_pair(driver, id),
        None => patterns.iter().any(|one| {
            let of_driver = one.as_str().split('=').next().unwrap_or_default();
            Pattern::new(of_driver).matches(driver)
        }),
    };
    if is_allowed { Ok(()) } else { Err(list.denied(judged)) }
}

/// A kernel setting, of a container or of an endpoint. Those of an endpoint are several with commas between.
pub(super) fn sysctl(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let patterns = &judged.profile.sysctls;
    let list = AllowList { rule: "sysctl", noun: "sysctl", key: "sysctls", patterns };
    let text = judged.text();
    let is_allowed = |key: &str, value: &str| is_sysctl(key) && patterns.matches_pair(key, value);
    let allowed = match judged.claim.key.as_deref() {
        Some(key) if is_sysctl(key) && !key.ends_with(".endpoint.sysctls") => is_allowed(key, &text),
        Some(key) if !key.ends_with(".endpoint.sysctls") => false,
        Some(_) | None => text
            .split(',')
            .filter(|one| !one.is_empty())
            .all(|one| one.split_once('=').is_some_and(|(key, value)| is_allowed(key.trim(), value.trim()))),
    };
    if allowed { Ok(()) } else { Err(list.denied(judged)) }
}

/// Runtimes make a path of it, in which `/` and `..` would lead to another setting.
fn is_sysctl(key: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    key.split('.').all(|part| !part.is_empty() && part.bytes().all(is_plain))
}
