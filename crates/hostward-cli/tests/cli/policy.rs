//! `hostward policy`: profiles told, printed and tried.

use crate::world::{World, status, stderr, stdout};

const PROFILES: &str = "\
[[profile]]
name = 'builds'
for = ['label:role=ci']
preset = 'ci'
roots = ['/app', '/cache:ro']
memory = { default = '512m', most = '2g' }

[[profile]]
name = 'rest'
mode = 'warn'
";

fn policy(world: &World, args: &str) -> (i32, String) {
    let args: Vec<_> = ["policy"].into_iter().chain(args.split(' ')).collect();
    let output = world.run(&args);
    (status(&output), format!("{}{}", stdout(&output), stderr(&output)))
}

#[test]
fn a_request_is_tried_on_a_profile() {
    let world = World::new();
    let path = |name: &str| format!("{}/{name}", world.path().display());
    let (file, request) = (path("hostward.toml"), path("request.http"));
    world.write("hostward.toml", PROFILES);
    world.write(
        "request.http",
        "POST /v1.43/containers/create HTTP/1.1\r\nContent-Type: application/json\r\n\r\n\
         {\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"/etc:/x\"]}}",
    );
    for (args, code, said) in [
        (format!("--profile builds {file} docker run -v /app/x:/x busybox"), 0, "mounts /app/x as asked"),
        (
            format!("--profile builds {file} docker run -v /cache/x:/x busybox"),
            0,
            "mounts /cache/x read-only",
        ),
        (format!("--profile builds {file} docker run busybox"), 0, "sets HostConfig.Memory to 536870912"),
        (format!("--profile builds {file} docker run -m 4g busybox"), 1, "rule memory"),
        (format!("--profile builds {file} docker run -v /etc:/x busybox"), 1, "rule mount"),
        (
            format!(
                "--profile builds {file} docker run -v /var/run/docker.sock:/var/run/docker.sock busybox"
            ),
            0,
            "hostward's own socket",
        ),
        (format!("--profile builds {file} {request}"), 1, "rule mount"),
        (format!("--profile rest {file} docker ps"), 1, "it passes, and the log says so"),
        ("--preset ci docker run --privileged busybox".to_owned(), 1, "rule privileged"),
        ("--preset ci docker build -t app .".to_owned(), 0, "allowed: image.build"),
        ("--preset ci docker build --secret id=x .".to_owned(), 1, "DOCKER_BUILDKIT=0"),
        ("--preset observer docker rm web".to_owned(), 1, "rule operation"),
        ("--preset trusted docker run --privileged busybox".to_owned(), 0, "allowed"),
        ("--preset ci docker swarm init".to_owned(), 2, "record the request"),
        ("--preset nobody docker ps".to_owned(), 2, "unknown preset"),
        ("--preset ci".to_owned(), 2, "REQUEST"),
        (format!("{file} docker ps"), 2, "several profiles"),
        (format!("--profile x {file} docker ps"), 2, "there are builds, rest"),
    ] {
        let (found, text) = policy(&world, &format!("test {args}"));
        assert!(found == code && text.contains(said), "{args}: {found}\n{text}");
    }
    let (code, text) = policy(&world, "test --preset ci --json docker run --cap-add sys_admin busybox");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &json["refused"]["rule"], &json["allowed"]), (1, &"capability".into(), &false.into()));
}

#[test]
fn what_is_exported_is_read_back() {
    let world = World::new();
    let printed = |args: &str| {
        let (status, text) = policy(&world, args);
        assert_eq!(status, 0, "{args}: {text}");
        text
    };
    let path = |name: &str| format!("{}/{name}", world.path().display());
    world.write("hostward.toml", PROFILES);
    let exported = printed(&format!("export {}", path("hostward.toml")));
    assert!(exported.contains("name = \"builds\"") && !exported.contains("\nprivileged"), "{exported}");
    for preset in ["ci", "executor", "observer", "trusted", "tecnativa"] {
        let exported = printed(&format!("export --preset {preset}"));
        world.write("preset.toml", &exported);
        assert_eq!(printed(&format!("export {}", path("preset.toml"))), exported, "{preset}");
        let told = printed(&format!("explain --preset {preset}"));
        assert!(told.starts_with(&format!("profile {preset:?}, for every container\n")), "{told}");
        let json: serde_json::Value =
            serde_json::from_str(&printed(&format!("export --preset {preset} --json"))).unwrap();
        assert_eq!(json[0]["name"], preset);
    }
}
