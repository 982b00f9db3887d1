//! `docker run`, `create` and `update`: flags as members of a body.

use std::env;

use hostward::policy::bound::Measure;
use serde_json::{Value, json};

use super::flags::{CommandWords, escaped, given};
use crate::commands::policy::recorded::PlainRequest;
use crate::report::Failure;

const SWITCHES: &[&str] = &[
    "d",
    "detach",
    "i",
    "interactive",
    "t",
    "tty",
    "P",
    "publish-all",
    "privileged",
    "read-only",
    "rm",
    "init",
    "oom-kill-disable",
    "no-healthcheck",
    "sig-proxy",
    "q",
    "quiet",
    "disable-content-trust",
];

const VALUES: &[&str] = &[
    "a",
    "add-host",
    "annotation",
    "attach",
    "blkio-weight",
    "cap-add",
    "cap-drop",
    "cgroup-parent",
    "cgroupns",
    "cidfile",
    "c",
    "cpu-period",
    "cpu-quota",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "cpuset-mems",
    "detach-keys",
    "device",
    "device-cgroup-rule",
    "dns",
    "dns-opt",
    "dns-option",
    "dns-search",
    "domainname",
    "e",
    "entrypoint",
    "env",
    "env-file",
    "expose",
    "gpus",
    "group-add",
    "h",
    "health-cmd",
    "health-interval",
    "health-retries",
    "health-timeout",
    "hostname",
    "ip",
    "ip6",
    "ipc",
    "isolation",
    "l",
    "label",
    "link",
    "log-driver",
    "log-opt",
    "m",
    "mac-address",
    "memory",
    "memory-reservation",
    "memory-swap",
    "memory-swappiness",
    "mount",
    "name",
    "net",
    "network",
    "network-alias",
    "oom-score-adj",
    "p",
    "pid",
    "pids-limit",
    "platform",
    "publish",
    "pull",
    "restart",
    "runtime",
    "security-opt",
    "shm-size",
    "stop-signal",
    "stop-timeout",
    "storage-opt",
    "sysctl",
    "tmpfs",
    "u",
    "ulimit",
    "user",
    "userns",
    "uts",
    "v",
    "volume",
    "volume-driver",
    "volumes-from",
    "w",
    "workdir",
];

/// A body on its way: what is of the container, and what is of the host.
struct ContainerBody {
    config: Value,
    host: Value,
}

/// `docker run` and `docker create`.
pub(super) fn create(words: &[&str]) -> Result<PlainRequest, Failure> {
    let CommandWords { flags, names } = given("docker run", words, SWITCHES, VALUES)?;
    let [image, command @ ..] = &names[..] else {
        return Err(Failure::usage("docker run: an image is missing"));
    };
    let config = json!({ "Image": image, "Cmd": command });
    let mut body = ContainerBody { config, host: json!({ "NetworkMode": "default" }) };
    let mut target = "/containers/create".to_owned();
    for (name, value) in &flags {
        match *name {
            "name" => target = format!("/containers/create?name={}", escaped(value)),
            "ip" | "ip6" => {}
            name => flag(&mut body, name, value)?,
        }
    }
    let ContainerBody { mut config, host } = body;
    let network = host["NetworkMode"].as_str().unwrap_or_default().to_owned();
    for (name, value) in &flags {
        let member = match *name {
            "ip" => "IPv4Address",
            "ip6" => "IPv6Address",
            _ => continue,
        };
        config["NetworkingConfig"]["EndpointsConfig"][&*network]["IPAMConfig"][member] = json!(value);
    }
    config["HostConfig"] = host;
    Ok(PlainRequest::json("POST", target, &config))
}

/// `docker update`.
pub(super) fn update(words: &[&str]) -> Result<PlainRequest, Failure> {
    let CommandWords { flags, names } = given("docker update", words, &[], VALUES)?;
    let container = names.first().ok_or_else(|| Failure::usage("docker update: a container is missing"))?;
    let mut body = ContainerBody { config: json!({}), host: json!({}) };
    flags.iter().try_for_each(|(name, value)| flag(&mut body, name, value))?;
    Ok(PlainRequest::json("POST", format!("/containers/{}/update", escaped(container)), &body.host))
}

/// Writes one flag into a body.
fn flag(body: &mut ContainerBody, name: &str, value: &str) -> Result<(), Failure> {
    let ContainerBody { config, host } = body;
    let text = || json!(value);
    let number = || value.parse::<i64>().map(Value::from).map_err(|_| wrong(name, value));
    match name {
        "v" | "volume" => volume(config, host, value),
        "mount" => push(host, "Mounts", mount(value)?),
        "tmpfs" => {
            let (target, options) = value.split_once(':').unwrap_or((value, ""));
            host["Tmpfs"][target] = json!(options);
        }
        "p" | "publish" => publish(host, value),
        "P" | "publish-all" => host["PublishAllPorts"] = is_on(value),
        "privileged" => host["Privileged"] = is_on(value),
        "read-only" => host["ReadonlyRootfs"] = is_on(value),
        "init" => host["Init"] = is_on(value),
        "rm" => host["AutoRemove"] = is_on(value),
        "oom-kill-disable" => host["OomKillDisable"] = is_on(value),
        "l" | "label" => config["Labels"][pair(value).0] = json!(pair(value).1),
        "annotation" => host["Annotations"][pair(value).0] = json!(pair(value).1),
        "sysctl" => host["Sysctls"][pair(value).0] = json!(pair(value).1),
        "log-opt" => host["LogConfig"]["Config"][pair(value).0] = json!(pair(value).1),
        "storage-opt" => host["StorageOpt"][pair(value).0] = json!(pair(value).1),
        "log-driver" => host["LogConfig"]["Type"] = text(),
        "e" | "env" => push(config, "Env", text()),
        "u" | "user" => config["User"] = text(),
        "mac-address" => config["MacAddress"] = text(),
        "cap-add" => push(host, "CapAdd", text()),
        "cap-drop" => push(host, "CapDrop", text()),
        "security-opt" => security(host, value),
        "device" => push(host, "Devices", json!({ "PathOnHost": value.split(':').next() })),
        "device-cgroup-rule" => push(host, "DeviceCgroupRules", text()),
        "gpus" => {
            push(host, "DeviceRequests", json!({ "Driver": "", "Count": -1, "Capabilities": [["gpu"]] }));
        }
        "pid" => host["PidMode"] = text(),
        "ipc" => host["IpcMode"] = text(),
        "uts" => host["UTSMode"] = text(),
        "userns" => host["UsernsMode"] = text(),
        "cgroupns" => host["CgroupnsMode"] = text(),
        "cgroup-parent" => host["CgroupParent"] = text(),
        "runtime" => host["Runtime"] = text(),
        "isolation" => host["Isolation"] = text(),
        "net" | "network" => host["NetworkMode"] = text(),
        "group-add" => push(host, "GroupAdd", text()),
        "volumes-from" => push(host, "VolumesFrom", text()),
        "link" => push(host, "Links", text()),
        "add-host" => push(host, "ExtraHosts", json!(value.replacen('=', ":", 1))),
        "dns" => push(host, "Dns", text()),
        "dns-opt" | "dns-option" => push(host, "DnsOptions", text()),
        "dns-search" => push(host, "DnsSearch", text()),
        "volume-driver" => host["VolumeDriver"] = text(),
        "restart" => host["RestartPolicy"] = json!({ "Name": value.split(':').next() }),
        "ulimit" => push(host, "Ulimits", ulimit(value).ok_or_else(|| wrong(name, value))?),
        "m" | "memory" => host["Memory"] = json!(bytes(name, value)?),
        "memory-swap" if value == "-1" => host["MemorySwap"] = json!(-1),
        "memory-swap" => host["MemorySwap"] = json!(bytes(name, value)?),
        "memory-reservation" => host["MemoryReservation"] = json!(bytes(name, value)?),
        "shm-size" => host["ShmSize"] = json!(bytes(name, value)?),
        "cpus" => host["NanoCpus"] = json!(Measure::Cpus.parse(value).ok_or_else(|| wrong(name, value))?),
        "c" | "cpu-shares" => host["CpuShares"] = number()?,
        "cpu-period" => host["CpuPeriod"] = number()?,
        "cpu-quota" => host["CpuQuota"] = number()?,
        "cpuset-cpus" => host["CpusetCpus"] = text(),
        "cpuset-mems" => host["CpusetMems"] = text(),
        "blkio-weight" => host["BlkioWeight"] = number()?,
        "pids-limit" => host["PidsLimit"] = number()?,
        "oom-score-adj" => host["OomScoreAdj"] = number()?,
        // All others ask for nothing that a profile has a say about.
        _ => {}
    }
    Ok(())
}

fn push(of: &mut Value, name: &str, value: Value) {
    match &mut of[name] {
        Value::Array(values) => values.push(value),
        other => *other = json!([value]),
    }
}

fn is_on(value: &str) -> Value {
    json!(value != "false")
}

pub(super) fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn wrong(name: &str, value: &str) -> Failure {
    let dashes = if name.len() == 1 { "-" } else { "--" };
    Failure::usage(format_args!("docker: {value:?} is no value of {dashes}{name}"))
}

pub(super) fn bytes(name: &str, value: &str) -> Result<i64, Failure> {
    Measure::Bytes.parse(value).ok_or_else(|| wrong(name, value))
}

/// `-v`: the CLI makes a relative path absolute, and one alone a volume without a name.
fn volume(config: &mut Value, host: &mut Value, value: &str) {
    if !value.contains(':') {
        config["Volumes"][value] = json!({});
        return;
    }
    let is_relative = value.starts_with("./") || value.starts_with("../") || value.starts_with(".:");
    let directory = env::current_dir().ok().filter(|_| is_relative);
    let directory = directory.map(|path| format!("{}/", path.to_string_lossy())).unwrap_or_default();
    push(host, "Binds", json!(format!("{directory}{value}")));
}

/// `--mount`.
fn mount(value: &str) -> Result<Value, Failure> {
    let mut mount = json!({ "Type": "volume" });
    for part in value.split(',') {
        let (key, text) = part.split_once('=').unwrap_or((part, "true"));
        match key {
            "type" => mount["Type"] = json!(text),
            "source" | "src" => mount["Source"] = json!(text),
            "target" | "dst" | "destination" => mount["Target"] = json!(text),
            "readonly" | "ro" => mount["ReadOnly"] = is_on(text),
            "bind-propagation" => mount["BindOptions"]["Propagation"] = json!(text),
            "bind-nonrecursive" => mount["BindOptions"]["NonRecursive"] = is_on(text),
            "volume-nocopy" => mount["VolumeOptions"]["NoCopy"] = is_on(text),
            "volume-subpath" => mount["VolumeOptions"]["Subpath"] = json!(text),
            "volume-label" => mount["VolumeOptions"]["Labels"][pair(text).0] = json!(pair(text).1),
            "volume-driver" => mount["VolumeOptions"]["DriverConfig"]["Name"] = json!(text),
            "volume-opt" => {
                let (key, text) = pair(text);
                mount["VolumeOptions"]["DriverConfig"]["Options"][key] = json!(text);
            }
            "tmpfs-size" => mount["TmpfsOptions"]["SizeBytes"] = json!(bytes("mount", text)?),
            "tmpfs-mode" | "bind-recursive" | "consistency" => {}
            _ => return Err(wrong("mount", value)),
        }
    }
    Ok(mount)
}

/// `-p`, as ADDRESS:PORT:PORT, each but the last of which may be missing.
fn publish(host: &mut Value, value: &str) {
    let (rest, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
    let (rest, inner) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (address, outer) = rest.rsplit_once(':').unwrap_or(("", rest));
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let first = inner.split('-').next().unwrap_or(inner);
    push(
        &mut host["PortBindings"],
        &format!("{first}/{protocol}"),
        json!({ "HostIp": address, "HostPort": outer }),
    );
}

/// `--security-opt`: the CLI reads files of seccomp, and has a word for paths of the system.
fn security(host: &mut Value, value: &str) {
    if matches!(value, "systempaths=unconfined" | "systempaths:unconfined") {
        host["MaskedPaths"] = json!([]);
        host["ReadonlyPaths"] = json!([]);
        return;
    }
    push(host, "SecurityOpt", json!(value));
}

/// `--ulimit NAME=SOFT:HARD`.
fn ulimit(value: &str) -> Option<Value> {
    let (name, limits) = value.split_once('=')?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    Some(json!({ "Name": name, "Soft": soft.parse::<i64>().ok()?, "Hard": hard.parse::<i64>().ok()? }))
}
