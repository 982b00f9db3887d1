//! What Podman reads otherwise than the API says, and by which a path would pass unseen: refused.
//!
//! Podman 4.3 makes a text of each mount (`type=…,source=…`) and reads it again, so that a comma in a field begins the
//! next option; takes sources that begin with a full stop from its service's own directory; and takes the keys of
//! `Volumes` for binds. Fields that have no paths in Docker's API have some in Podman's: a seccomp profile is a file on
//! the host (Docker's clients send its text), a log's option `path` is the file that is written, `ns:PATH` is a
//! namespace, and a volume of the type `bind` is a bind mount without `o=bind`. Each was seen to reach the host.
//!
//! What a request's query says is in `podman_query`.

pub use super::podman_query::{QueryError, check_query, queries};

use super::binds::names_a_path;
use super::endpoint::Endpoint;
use super::fields::BLOCK_LIMITS;
use super::json::{BodyError, Member, Objects, Value, array, present, string};
use super::mounts;
use super::podman_query::has_transport;
use std::borrow::Cow;

/// Where a container's namespaces are, each a text.
const NAMESPACES: [&str; 6] = ["NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode"];

/// How annotations begin by which Podman and the runtimes beneath it find files on the host: the file that Podman
/// deletes with the container (`io.podman.annotations.cid-file`), where crun writes the output of hooks
/// (`run.oci.hooks.stdout`), the configuration of CRIU (`org.criu.config`).
const ANNOTATIONS: [&str; 3] = ["io.podman.annotations.", "run.oci.", "org.criu."];

/// Looks through the body of a request for such things.
///
/// # Errors
/// A body that Podman would read otherwise than it is read here.
pub(super) fn check<'a>(endpoint: Endpoint, top: Value<'a>, objects: &Objects<'a>) -> Result<(), BodyError> {
    match endpoint {
        Endpoint::ContainerCreate => container(top, objects),
        Endpoint::VolumeCreate => volume(top, objects),
        _ => Ok(()),
    }
}

fn container<'a>(top: Value<'a>, objects: &Objects<'a>) -> Result<(), BodyError> {
    for names in [&["HostConfig"][..], &[]] {
        let Some(holder) = objects.descend(top, names)? else { continue };
        let members = objects.members(holder)?;
        let members = members.as_deref().unwrap_or_default();
        binds(members)?;
        all_mounts(members, objects)?;
        namespaces(members)?;
        security(members)?;
        log(objects.descend(holder, &["LogConfig", "Config"])?)?;
        devices(members, objects)?;
        annotations(members)?;
        // Docker's CLI writes it in the caller, and says so to the engine, which need not know.
        let file = string(members, "ContainerIDFile")?;
        if file.is_some_and(|file| !file.is_empty()) {
            return Err(untranslated("ContainerIDFile"));
        }
    }
    let members = objects.members(top)?;
    let image = string(members.as_deref().unwrap_or_default(), "Image")?;
    if image.is_some_and(|image| has_transport(&image)) {
        return Err(untranslated("Image"));
    }
    let Some(volumes) = objects.descend(top, &["Volumes"])? else { return Ok(()) };
    volumes
        .each_member(|key, _| {
            if key.contains(':') {
                return Err(refused(format!("Volumes[{key:?}]"), "has a colon, by which it is a bind"));
            }
            Ok(())
        })
        .map(drop)
}

fn binds(members: &[Member<'_>]) -> Result<(), BodyError> {
    for value in list(members, "Binds")? {
        let Some(text) = value.string()? else { continue };
        let place = || format!("the bind {}", value.text());
        if text.starts_with('.') {
            return Err(refused(place(), "has a source that is taken from the engine's own directory"));
        }
        // Of a volume too: an overlay's changes go to the directory that `upperdir=` says.
        if text.split(':').nth(2).is_some_and(names_a_path) {
            return Err(untranslated(format!("an option of {}", place())));
        }
    }
    Ok(())
}

fn all_mounts<'a>(members: &[Member<'a>], objects: &Objects<'a>) -> Result<(), BodyError> {
    for (n, mount) in list(members, "Mounts")?.into_iter().enumerate() {
        let place = format!("Mounts[{n}]");
        let Some(members) = objects.fields(&place, mount)? else { continue };
        let text =
            |field: &str| Ok::<_, BodyError>(mounts::text(&place, &members, field)?.map(|(text, _)| text));
        let (kind, source) = (text("Type")?.unwrap_or_default(), text("Source")?.unwrap_or_default());
        if !matches!(&*kind, "bind" | "volume" | "tmpfs") {
            return Err(refused(place, "is of a type that is not known of it"));
        }
        if kind == "bind" && !source.starts_with('/') {
            return Err(refused(place, "has a source that is taken from the engine's own directory"));
        }
        if kind == "volume" && (source.contains('/') || source.starts_with('.')) {
            return Err(refused(place, "has a path for a volume's name"));
        }
        // Of any field: which ones go into the text is for each version of it to say.
        if says_more(mount.text()) {
            return Err(refused(place, "has a comma, a quote or a newline, by which it says something else"));
        }
    }
    Ok(())
}

/// Whether a text anywhere in a JSON value, names of members included, holds a comma, a quote or a newline.
///
/// One pass over its bytes, however deep it is: a mount of 30,000 nested arrays is a mount that a caller can send.
fn says_more(json: &str) -> bool {
    let mut bytes = json.bytes();
    let mut within = false;
    while let Some(byte) = bytes.next() {
        match (within, byte) {
            (_, b'"') => within = !within,
            (true, b',') => return true,
            // A control character stands in a text as an escape only.
            (true, b'\\') => match bytes.next() {
                Some(b'"' | b'n' | b'r') => return true,
                Some(b'u') => {
                    let code = [(); 4].map(|()| bytes.next().unwrap_or_default());
                    if matches!(
                        &code.map(|digit| digit.to_ascii_lowercase()),
                        b"002c" | b"0022" | b"000a" | b"000d"
                    ) {
                        return true;
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    false
}

fn namespaces(members: &[Member<'_>]) -> Result<(), BodyError> {
    for name in NAMESPACES {
        if string(members, name)?.is_some_and(|mode| is_namespace_file(&mode)) {
            return Err(untranslated(name));
        }
    }
    Ok(())
}

/// Whether the mode of a namespace names a file: the namespace itself, or one in the options of a network's helper.
pub(super) fn is_namespace_file(mode: &str) -> bool {
    let helper = ["pasta:", "slirp4netns:"].iter().any(|helper| mode.starts_with(helper));
    mode.starts_with("ns:") || (helper && mode.contains('/'))
}

fn security(members: &[Member<'_>]) -> Result<(), BodyError> {
    for (n, option) in list(members, "SecurityOpt")?.into_iter().enumerate() {
        if option.string()?.is_some_and(|option| is_profile_file(&option)) {
            return Err(untranslated(format!("SecurityOpt[{n}]")));
        }
    }
    Ok(())
}

/// Whether an option of `SecurityOpt` is a seccomp profile by its file.
///
/// Docker's clients send a profile's text. Podman 4.3 opens a file of that name, and says that there is none.
pub(super) fn is_profile_file(option: &str) -> bool {
    let Some(profile) = option.strip_prefix("seccomp").and_then(|rest| rest.strip_prefix(['=', ':'])) else {
        return false;
    };
    let is_text = || Value::of(profile.as_bytes()).is_ok_and(|profile| profile.text().starts_with('{'));
    !(matches!(profile, "" | "unconfined") || is_text())
}

/// The file that a log is written to.
fn log(options: Option<Value<'_>>) -> Result<(), BodyError> {
    let Some(options) = options else { return Ok(()) };
    options
        .each_member(|key, value| {
            // It joins them with an equals sign, and takes what is before the first for the name, in any letter case.
            let (name, more) = key.split_once('=').map_or((&*key, false), |(name, _)| (name, true));
            if name.to_lowercase() == "path" && (more || value.string()?.is_none_or(|path| !path.is_empty()))
            {
                return Err(untranslated(format!("LogConfig.Config[{key:?}]")));
            }
            Ok(())
        })
        .map(drop)
}

fn devices<'a>(members: &[Member<'a>], objects: &Objects<'a>) -> Result<(), BodyError> {
    let limits = BLOCK_LIMITS.iter().map(|list| (*list, "Path"));
    for (name, field) in std::iter::once(("Devices", "PathOnHost")).chain(limits) {
        for (n, device) in list(members, name)?.into_iter().enumerate() {
            let place = format!("{name}[{n}].{field}");
            let members = objects.members(device)?;
            let path = string(members.as_deref().unwrap_or_default(), field)?.unwrap_or_default();
            // It is taken from the directory in which the service runs.
            if !path.is_empty() && !path.starts_with('/') {
                return Err(untranslated(place));
            }
            if path.contains(':') {
                return Err(refused(place, "has a colon, by which it says something else"));
            }
        }
    }
    for (n, request) in list(members, "DeviceRequests")?.into_iter().enumerate() {
        let members = objects.members(request)?;
        for id in list(members.as_deref().unwrap_or_default(), "DeviceIDs")? {
            // What is not of the form `vendor/class=name` is the path of a device.
            if id.string()?.is_some_and(|id| id.starts_with(['/', '.'])) {
                return Err(untranslated(format!("DeviceRequests[{n}].DeviceIDs")));
            }
        }
    }
    Ok(())
}

fn annotations(members: &[Member<'_>]) -> Result<(), BodyError> {
    let Some(annotations) = present(members, "Annotations")? else { return Ok(()) };
    annotations
        .each_member(|key, _| {
            if ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix)) {
                return Err(untranslated(format!("Annotations[{key:?}]")));
            }
            Ok(())
        })
        .map(drop)
}

/// A volume, which Podman mounts by `mount -t TYPE -o O DEVICE`. A bind whose device is absolute is left to the table of
/// fields; of all others only those may pass whose device is certainly no file on the host.
fn volume<'a>(top: Value<'a>, objects: &Objects<'a>) -> Result<(), BodyError> {
    let members = objects.fields("the whole", top)?;
    let members = members.as_deref().unwrap_or_default();
    // The keys of a map: they match to the letter, and the last one counts.
    let (mut kind, mut device, mut flags, mut image) = Default::default();
    if let Some(options) = present(members, "DriverOpts")? {
        options.each_member(|key, value| {
            let says: &mut Cow<'_, str> = match &*key {
                "type" => &mut kind,
                "device" => &mut device,
                "o" => &mut flags,
                "image" => &mut image,
                _ => return Ok(()),
            };
            *says = value.string()?.unwrap_or_default();
            Ok(())
        })?;
    }
    match &*string(members, "Driver")?.unwrap_or_default() {
        "" | "local" => {}
        "image" if has_transport(&image) => return Err(untranslated("DriverOpts.image")),
        _ => return Ok(()),
    }
    let is_bind = flags.split(',').any(|flag| matches!(flag, "bind" | "rbind"));
    if kind == "bind" && !is_bind {
        return Err(refused(
            "DriverOpts.type".to_owned(),
            "makes it a bind mount without o=bind, which is not seen,",
        ));
    }
    // A device such as `tmpfs` that is named as its file system, a server's directory, a share of Windows.
    let is_remote = device.find(':').is_some_and(|colon| !device[..colon].contains(['/', '=']))
        || (matches!(&*kind, "cifs" | "smb3") && device.starts_with("//"));
    let is_name = device.is_empty() || device == "none" || device == kind;
    let passes = if is_bind { device.starts_with('/') } else { is_name || is_remote };
    if passes && !device.starts_with('-') { Ok(()) } else { Err(untranslated("DriverOpts.device")) }
}

/// The elements of the member `name`; none where it is missing or no array.
fn list<'a>(members: &[Member<'a>], name: &str) -> Result<Vec<Value<'a>>, BodyError> {
    Ok(array(members, name)?.unwrap_or_default())
}

/// Whether Podman reads a text of a mount as several.
pub(super) fn reads_otherwise(text: &str) -> bool {
    text.contains([',', '"', '\n', '\r'])
}

fn refused(place: String, what: &'static str) -> BodyError {
    BodyError::Podman(place, what)
}

fn untranslated(place: impl Into<String>) -> BodyError {
    BodyError::Untranslated(place.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: Endpoint, body: &[u8]) -> Result<(), BodyError> {
        super::check(endpoint, Value::of(body)?, &Objects::default())
    }

    fn holds(body: &str) -> bool {
        check(Endpoint::ContainerCreate, body.as_bytes()).is_ok()
    }

    #[test]
    fn what_podman_reads_as_the_api_says_is_let_through() {
        assert!(holds(
            r#"{"Volumes":{"/t":{}},"HostConfig":{"Binds":["/a,b:/t","v:/x","v:/y:O"],"Mounts":[null,
                {"Type":"bind","Source":"/a b","Target":"/t","BindOptions":{"Propagation":"rprivate"}},
                {"Type":"volume","Source":"v","Target":"/v"},{"Type":"volume","Target":"/w"},{"Type":"tmpfs","Target":"/m"}],
                "NetworkMode":"container:/web","PidMode":"","IpcMode":"shareable","UTSMode":"host","UsernsMode":"keep-id",
                "CgroupnsMode":"private","ContainerIDFile":"","Annotations":{"a.b/c":"/d"},
                "SecurityOpt":["no-new-privileges","seccomp=unconfined","label=disable","apparmor=unconfined","unmask=/proc/x",
                    "seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"],
                "LogConfig":{"Type":"json-file","Config":{"max-size":"1m","tag":"a/b","path":""}},
                "Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rwm"}],
                "DeviceRequests":[{"Driver":"cdi","DeviceIDs":["v.com/gpu=all"]},{"Driver":"","DeviceIDs":["0"]}],
                "BlkioDeviceReadBps":[{"Path":"/dev/sda","Rate":1}]}}"#
        ));
        assert!(holds("{}") && holds(r#"{"HostConfig":null}"#));
        assert!(check(Endpoint::VolumeCreate, br#"{"Volumes":{"/etc:/t":{}}}"#).is_ok());
    }

    #[test]
    fn its_own_ways_to_the_machine_are_shut() {
        for body in [
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a,src=/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/t,src=/etc"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind,src=/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/t","BindOptions":{"Propagation":"rprivate,src=/etc"}}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a\u002csrc=/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"../etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"/etc","Target":"/t"}]}}"#,
            r#"{"HostConfig":{"Binds":["../../etc:/t"]}}"#,
            r#"{"hostconfig":{"binds":[".:/t"]}}"#,
            r#"{"Volumes":{"/etc:/t":{}}}"#,
            r#"{"HostConfig":{"Binds":["v:/t:O,upperdir=/etc,workdir=/srv"]}}"#,
        ] {
            assert!(!holds(body), "{body}");
        }
    }

    #[test]
    fn fields_that_are_files_to_podman_alone_are_refused_by_their_names() {
        assert!(!holds(r#"{"Image":"containers-storage:[vfs@/srv/a+/srv/b]busybox"}"#));
        assert!(holds(r#"{"Image":"localhost:5000/dir:latest"}"#));
        for (field, named) in [
            (r#""SecurityOpt":["seccomp=/etc/p.json"]"#, "SecurityOpt[0]"),
            (r#""SecurityOpt":[null,"seccomp:/etc/p.json"]"#, "SecurityOpt[1]"),
            (r#""SecurityOpt":["seccomp=p.json"]"#, "SecurityOpt[0]"),
            (r#""SecurityOpt":["seccomp={/../p.json"]"#, "SecurityOpt[0]"),
            (r#""securityopt":["\u0073eccomp=\/etc\/p.json"]"#, "SecurityOpt[0]"),
            (r#""LogConfig":{"Type":"k8s-file","Config":{"path":"/srv/log"}}"#, "LogConfig.Config[\"path\"]"),
            (r#""LogConfig":{"Config":{"PATH":"log"}}"#, "LogConfig.Config[\"PATH\"]"),
            (r#""LogConfig":{"Config":{"path=/srv/log":""}}"#, "LogConfig.Config[\"path=/srv/log\"]"),
            (r#""NetworkMode":"ns:/proc/1/ns/net""#, "NetworkMode"),
            (r#""NetworkMode":"pasta:--pcap,/srv/p""#, "NetworkMode"),
            (r#""PidMode":"ns:/proc/1/ns/pid""#, "PidMode"),
            (r#""IpcMode":"ns:ipc""#, "IpcMode"),
            (r#""UTSMode":"ns:/proc/1/ns/uts""#, "UTSMode"),
            (r#""UsernsMode":"ns:/proc/1/ns/user""#, "UsernsMode"),
            (r#""CgroupnsMode":"ns:/proc/1/ns/cgroup""#, "CgroupnsMode"),
            (r#""Devices":[{"PathOnHost":"../dev/sda"}]"#, "Devices[0].PathOnHost"),
            (r#""Devices":[{"PathOnHost":"/a:/dev/sda"}]"#, "Devices[0].PathOnHost"),
            (r#""BlkioDeviceReadBps":[{"Path":"dev/sda","Rate":1}]"#, "BlkioDeviceReadBps[0].Path"),
            (r#""DeviceRequests":[{"Driver":"cdi","DeviceIDs":["v/c=d","/dev/sda"]}]"#, "DeviceRequests[0]"),
            (r#""ContainerIDFile":"/srv/id""#, "ContainerIDFile"),
            (r#""Annotations":{"run.oci.hooks.stdout":"/srv/out"}"#, "Annotations[\"run.oci"),
        ] {
            let body = format!(r#"{{"HostConfig":{{{field}}}}}"#);
            let error = check(Endpoint::ContainerCreate, body.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(named), "{field}: {error}");
        }
    }

    #[test]
    fn a_volume_is_a_bind_by_what_the_table_sees_or_no_file_on_the_host() {
        let holds = |options: &str| {
            check(Endpoint::VolumeCreate, format!(r#"{{"Name":"v","DriverOpts":{options}}}"#).as_bytes())
                .is_ok()
        };
        for options in [
            "null",
            "{}",
            r#"{"type":"none","o":"ro,bind","device":"/srv"}"#,
            r#"{"type":"bind","o":"rbind","device":"/srv"}"#,
            r#"{"type":"tmpfs","device":"tmpfs","o":"size=1m"}"#,
            r#"{"type":"nfs","device":":/export","o":"addr=10.0.0.1"}"#,
            r#"{"type":"nfs4","device":"server:/export"}"#,
            r#"{"type":"cifs","device":"//server/share"}"#,
        ] {
            assert!(holds(options), "{options}");
        }
        for options in [
            r#"{"type":"bind","device":"/etc"}"#,
            r#"{"type":"none","device":"/etc","type":"bind"}"#,
            r#"{"o":"bind","device":"--source=/etc"}"#,
            r#"{"o":"bind","device":"etc"}"#,
            r#"{"o":"ro","device":"/srv/image.ext4"}"#,
            r#"{"type":"ext4","device":"/dev/sda1"}"#,
            r#"{"type":"ext4","device":"LABEL=a:b"}"#,
            r#"{"type":"ext4","device":"UUID=1"}"#,
            r#"{"type":"none","device":"--types=none:/x"}"#,
            r#"{"type":"none","device":"//etc"}"#,
        ] {
            assert!(!holds(options), "{options}");
        }
        let images = |image: &str| {
            let body = format!(r#"{{"Driver":"image","DriverOpts":{{"image":"{image}"}}}}"#);
            check(Endpoint::VolumeCreate, body.as_bytes()).is_ok()
        };
        assert!(images("docker.io/library/busybox:latest") && !images("containers-storage:[vfs@/a+/b]x"));
        let others = br#"{"Driver":"rclone","DriverOpts":{"type":"bind","device":"/etc"}}"#;
        assert!(check(Endpoint::VolumeCreate, others).is_ok());
    }

    #[test]
    fn depth_costs_no_stack_and_hides_nothing() {
        let mount = |deep: &str| {
            let (open, close) = ("[".repeat(30_000), "]".repeat(30_000));
            let deep = format!(r#"{{"Type":"tmpfs","Target":"/t","x":{open}{deep}{close}}}"#);
            holds(&format!(r#"{{"HostConfig":{{"Mounts":[{deep}]}}}}"#))
        };
        assert!(mount("") && mount(r#""a\\b\t\u00e9""#) && mount("1,2"));
        for text in [r#""a,b""#, r#""a\u002Cb""#, r#""a\"b""#, r#""a\nb""#, r#""a\u000db""#, r#""\\\u0022""#]
        {
            assert!(!mount(text), "{text}");
        }
    }
}
