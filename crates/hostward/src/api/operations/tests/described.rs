//! The API's own description against the table: what it has, the table has, too.
//!
//! `api-1.56.txt` is that description in few words. A line without indentation is an operation with the keys of its query; the
//! lines behind it are the fields of its body, those of an object one step further in. `[]` is an array, `{}` a map.

use crate::api::operations::{self, BodyKind, Operation};
use crate::api::shapes::host::{DEVICE_REQUEST, MOUNT, PORT_BINDING, SERVICE_PORT, ULIMIT};
use crate::api::shapes::kind::{FieldKind, ObjectShape, Special};

const DESCRIPTION: &str = include_str!("../api-1.56.txt");

/// Operations, keys and fields of other versions, in the same form.
const OTHERS: &str = "\
POST /containers/{id}/copy
 Resource
POST /containers/{id}/start ?checkpoint &checkpoint-dir
 Binds[] Links[] LxcConf[] PortBindings{} PublishAllPorts Privileged ReadonlyRootfs Dns[] DnsSearch[] VolumesFrom[] CapAdd[] \
 CapDrop[] NetworkMode Devices[] Ulimits[] SecurityOpt[] CgroupParent ExtraHosts[] RestartPolicy Memory
GET /containers/json ?since &before
POST /containers/create
 Binds[] Memory MemorySwap CpuShares Cpuset CpusetCpus VolumeDriver VolumesFrom[] Dns[] Privileged MacAddress PortSpecs[]
 HostConfig:
  KernelMemory KernelMemoryTCP LxcConf[] InitPath
POST /containers/{id}/exec
 Detach
GET /containers/{id}/logs ?details
GET /containers/{id}/checkpoints ?dir
POST /containers/{id}/checkpoints
 CheckpointID CheckpointDir Exit
DELETE /containers/{id}/checkpoints/{checkpoint} ?dir
POST /build ?cpusetmems &cgroupparent &securityopt &isolation &ulimits &session &buildid
POST /build/prune ?keep-storage
POST /build/cancel ?id
GET /images/json ?filter
POST /images/{name}/tag ?force
POST /session
POST /grpc
POST /networks/create
 CheckDuplicate
OPTIONS /containers/json
HEAD /_ping
GET /debug/vars
GET /debug/pprof/{name} ?seconds
";

/// What of a description is not in the table.
fn missing(description: &str) -> Vec<String> {
    let mut missing = Vec::new();
    let mut operation: Option<&Operation> = None;
    // The objects that the line is in.
    let mut within: Vec<&str> = Vec::new();
    for line in description.lines().filter(|line| !line.is_empty()) {
        let depth = line.len() - line.trim_start().len();
        if depth == 0 {
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let key = words.clone().next().map_or("", |key| &key[1..]);
            operation = found(method, path, key);
            within.clear();
            let Some(operation) = operation else {
                missing.push(format!("{method} {path}"));
                continue;
            };
            let known = |key: &str| operation.query.iter().any(|known| known.name == key);
            missing.extend(words.filter(|key| !known(&key[1..])).map(|key| format!("{method} {path} {key}")));
            continue;
        }
        within.truncate(depth - 1);
        let Some(operation) = operation else { continue };
        let (object, leaves) = match line.trim().strip_suffix(':') {
            Some(object) => (Some(object), Vec::new()),
            None => (None, line.split_whitespace().collect()),
        };
        for name in object.into_iter().chain(leaves) {
            let mut path = within.clone();
            path.push(name);
            let BodyKind::Json(kind) = operation.body else {
                missing.push(format!("{} has no body: {name}", operation.name));
                continue;
            };
            if !has(kind, &path) {
                missing.push(format!("{}: {}", operation.name, path.join(".")));
            }
        }
        within.extend(object);
    }
    missing
}

/// The operation of a described path, with this key in its query.
fn found(method: &str, path: &str, key: &str) -> Option<&'static Operation> {
    let names = path.replace(['{', '}'], "");
    let of = |target: &str| operations::find(method.as_bytes(), target.as_bytes()).ok();
    // Two operations of one path have the same keys.
    let found = of(&format!("{names}?{key}=x")).or_else(|| of(&names))?.operation;
    found
        .names
        .len()
        .eq(&path.matches('{').count())
        .then_some(found)
        .or(Some(found).filter(|it| it.method == "OPTIONS"))
}

/// Whether there is such a field, and objects and arrays where the description has some.
fn has(kind: &FieldKind, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let name = first.trim_end_matches(['[', ']', '{', '}']);
    match kind {
        // All that is in it is refused, or goes on as it is.
        FieldKind::Refused(_) | FieldKind::Free(_) | FieldKind::Path(_) => true,
        // An array is at the top only: elsewhere its name is among those on the way.
        FieldKind::Objects(shape) if name.is_empty() => has(&FieldKind::Object(shape), rest),
        FieldKind::Object(shape) | FieldKind::Objects(shape) | FieldKind::Named(_, shape) => {
            field_of(shape, name, rest)
        }
        FieldKind::Claim(..) => false,
        FieldKind::Special(special) => {
            let shape = match special {
                Special::Mounts => &MOUNT,
                Special::PortBindings => &PORT_BINDING,
                Special::ServicePorts => &SERVICE_PORT,
                Special::Ulimits => &ULIMIT,
                Special::DeviceRequests => &DEVICE_REQUEST,
                Special::Binds
                | Special::VolumesFrom
                | Special::Links
                | Special::EndpointOptions
                | Special::Triggers => return false,
            };
            field_of(shape, name, rest)
        }
    }
}

fn field_of(shape: &ObjectShape, name: &str, rest: &[&str]) -> bool {
    let mut fields =
        shape.lists.iter().flat_map(|list| list.fields.iter().map(|field| (field, list.refused)));
    fields.any(|(field, refused)| field.name == name && (refused.is_some() || has(&field.kind, rest)))
}

#[test]
fn every_operation_key_and_field_of_the_description_is_in_the_table() {
    assert_eq!(missing(DESCRIPTION), Vec::<String>::new());
    assert_eq!(missing(OTHERS), Vec::<String>::new());
    let operations = DESCRIPTION.lines().filter(|line| !line.starts_with(' ')).count();
    assert_eq!(operations, 108);
}

#[test]
fn what_is_not_in_the_table_is_seen() {
    for (description, what) in [
        ("POST /containers/{id}/freeze", "POST /containers/{id}/freeze"),
        ("PATCH /containers/json", "PATCH /containers/json"),
        ("GET /containers/json ?all &colour", "GET /containers/json &colour"),
        ("POST /containers/create\n Hostname Colour", "container.create: Colour"),
        ("POST /containers/create\n HostConfig:\n  Memory Colour", "container.create: HostConfig.Colour"),
        (
            "POST /containers/create\n HostConfig:\n  Mounts[]:\n   Target Colour",
            "container.create: HostConfig.Mounts[].Colour",
        ),
        (
            "POST /containers/create\n HostConfig:\n  CapAdd[]:\n   Colour",
            "container.create: HostConfig.CapAdd[].Colour",
        ),
        ("POST /containers/{id}/stop\n Colour", "container.stop has no body: Colour"),
    ] {
        assert_eq!(missing(description), [what], "{description}");
    }
}

#[test]
fn names_and_rows_are_of_one_form() {
    let mut names = std::collections::BTreeSet::new();
    for row in operations::all() {
        assert!(names.insert(row.name), "{} is there twice", row.name);
        let variables = row.pattern.matches('{').count();
        assert_eq!(row.names.len(), variables, "{}", row.name);
        assert!(row.pattern.matches("*}").count() < 2, "{}", row.name);
        assert!(row.only_with.is_none_or(|key| row.query.iter().any(|it| it.name == key)), "{}", row.name);
        for (n, key) in row.query.iter().enumerate() {
            assert!(row.query[..n].iter().all(|other| other.name != key.name), "{}: {}", row.name, key.name);
        }
        if let BodyKind::Json(kind) = row.body {
            shapes(kind, &mut |shape| {
                let fields: Vec<_> = shape.lists.iter().flat_map(|list| list.fields).collect();
                assert!(fields.len() <= 128, "{}: a bit for each", row.name);
                for (n, field) in fields.iter().enumerate() {
                    let is_new = fields[..n].iter().all(|it| !it.name.eq_ignore_ascii_case(field.name));
                    assert!(is_new, "{}: {} is there twice", row.name, field.name);
                    assert!(field.name.is_ascii(), "{}", field.name);
                }
            });
        }
    }
}

/// All shapes of a body.
fn shapes(kind: &FieldKind, visit: &mut impl FnMut(&ObjectShape)) {
    let (FieldKind::Object(shape) | FieldKind::Objects(shape) | FieldKind::Named(_, shape)) = kind else {
        return;
    };
    visit(shape);
    shape.lists.iter().flat_map(|list| list.fields).for_each(|field| shapes(&field.kind, visit));
}
