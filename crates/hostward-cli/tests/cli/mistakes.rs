//! Files that are wrong: `config check` names every mistake with its line, and a start says the same. Files that are right start.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::{Child, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, get, status, stderr, wait_until};

/// Files, and what is wrong with them: the line, and some words of what is said. `DIR` is the world's directory.
const WRONG: &[(&str, &[(usize, &str)])] = &[
    ("log = 'info'\nengin = 'x'\n", &[(2, "the file has no setting `engin`; did you mean `engine`?")]),
    ("engine = 'nowhere'", &[(1, "\"nowhere\" is not the address of an engine")]),
    ("engine = 'npipe:////./pipe/x'", &[(1, "named pipes are not supported")]),
    (
        "map = [\n'/a',\n'/b=/c/../d',\n7,\n'/e=/f']",
        &[(2, "/a"), (3, "/c/../d"), (4, "7 is not a list of texts; write map = [")],
    ),
    ("map = '/a=/b'", &[(1, "'/a=/b' is not a list of texts; write map = [")]),
    ("unmapped = 'pass'", &[(1, "unknown value \"pass\" (expected \"refuse\" or \"host\")")]),
    ("unmapped = true", &[(1, "true is not \"refuse\" or \"host\"; write unmapped = \"refuse\"")]),
    ("volumes_from = 'none'", &[(1, "expected \"all\" or \"narrow\"")]),
    ("publish = 'no'", &[(1, "expected \"caller\" or \"machine\"")]),
    ("log = 'loud'", &[(1, "there is no log level \"loud\"")]),
    ("log = 'hostward-proxy=debug'", &[(1, "did you mean \"hostward_proxy\"?")]),
    ("log = 'info,debug'", &[(1, "a second level for everything")]),
    ("log_format = 'xml'", &[(1, "'xml' is not \"text\" or \"json\"; write log_format = \"text\"")]),
    ("log = 'audit=info'", &[(1, "the log has no target \"audit\"")]),
    ("audit = 'audit.log'", &[(1, "expected \"log\", \"off\", or the absolute path of a file")]),
    ("audit = 'DIR/no/audit.log'", &[(1, "cannot write the audit to ")]),
    ("audit = 'DIR'", &[(1, "Is a directory")]),
    ("audit_also = ['host', 'all']", &[(1, "unknown value \"all\" (expected \"unchanged\" or \"host\")")]),
    ("drain = \"10s\"", &[(1, "\"10s\" is not a number of seconds; write drain = 10")]),
    ("drain = -1", &[(1, "-1 is not a number of seconds; write drain = 10")]),
    ("drain = 99999999999", &[(1, "more than 31536000, a year")]),
    ("admin = 'tcp://0.0.0.0:2380'", &[(1, "the admin socket is only for this one")]),
    ("admin = 'ssh://host'", &[(1, "only unix:// and tcp:// addresses can be served")]),
    ("state = 'var/lib'", &[(1, "not an absolute path")]),
    ("[limits]\nconections = 5\npaths = 0", &[(2, "did you mean `connections`?"), (3, "at least 1")]),
    (
        "[limits]\nheld_bytes = '96 MB'\npaths = '9'",
        &[(2, "text with KiB, MiB or GiB"), (3, "'9' is not a number")],
    ),
    ("[limits]\nports = 100\nports_per_caller = 200", &[(3, "set it to at most 100")]),
    ("limits = 5", &[(1, "write [limits]")]),
    ("[listen]\naddress = 'unix://DIR/a.sock'", &[(1, "write [[listen]], in double brackets")]),
    ("listen = 'unix://DIR/a.sock'", &[(1, "write [[listen]], and below it address = ")]),
    ("[profile]\nname = 'x'", &[(1, "write [[profile]], in double brackets")]),
    ("profile = 'ci'", &[(1, "write [[profile]], and below it name = ")]),
    ("[[profile]]\npreset = 'ci'", &[(1, "[[profile]] has no `name`, which is required")]),
    ("[[profile]]\nname = 'x'\npreset = 'root'", &[(3, "unknown preset \"root\"")]),
    (
        "[[profile]]\nname = 'x'\nroot = ['/app']\nroots = [\n'/a',\n'b']\nprivileged = 'no'",
        &[
            (3, "did you mean `roots`?"),
            (6, "\"b\" is not an absolute path"),
            (7, "'no' is not true or false"),
        ],
    ),
    ("[[profile]]\nname = 'x'\nmemory = { most = '2x' }", &[(3, "`most` is not a number of bytes")]),
    ("[[profile]]\nname = 'x'\n[[profile]]\nname = 'x'", &[(3, "another profile with the name \"x\"")]),
    ("[[profile]]\nname = 'x'\npreset = 'trusted'\nports = []", &[(4, "`ports` has no effect")]),
    ("roots = ['/app']", &[(1, "it belongs to a [[profile]]")]),
    ("[[listen]]\nfor = 'web'", &[(1, "[[listen]] has no `address`, which is required")]),
    ("[[listen]]\nadress = 'unix://DIR/a.sock'", &[(2, "did you mean `address`?")]),
    ("[[listen]]\naddress = 'unix://DIR/a.sock'\nmode = 0660", &[(3, "; write mode = \"0660\"")]),
    ("[[listen]]\naddress = 'unix://DIR/a.sock'\nmode = 660", &[(3, "660 is not a mode in octal digits")]),
    (
        "[[listen]]\naddress = 'unix://DIR/a.sock'\nmode = '0800'",
        &[(3, "'0800' is not a mode in octal digits")],
    ),
    (
        "[[listen]]\naddress = 'unix://DIR/a.sock'\nowner = 'no such user'\ngroup = -1",
        &[(3, "/etc/passwd has no user"), (4, "-1 is not a group's name or number")],
    ),
    ("[[listen]]\naddress = 'unix://DIR/a.sock'\nfor = 'label:'", &[(3, "\"label:\" names no label")]),
    ("[[listen]]\naddress = 'unix://DIR/a.sock'\nfor = 'a b'", &[(3, "not a container's name or id")]),
    ("[[listen]]\naddress = 'unix://DIR/a.sock'\nfor = 'web'\nrelay = true", &[(4, "remove one of them")]),
    (
        "[[listen]]\naddress = 'unix://DIR/a.sock'\nrelay = 'yes'",
        &[(3, "'yes' is not true or false; write relay = true")],
    ),
    (
        "[[listen]]\naddress = 'unix://DIR/a.sock'\n[[listen]]\naddress = 'unix://DIR/a.sock'",
        &[(4, "a.sock is listed twice")],
    ),
    (
        "[[listen]]\naddress = 'unix://DIR/a.sock'\n[[listen]]\naddress = 'unix://DIR/link/a.sock'",
        &[(4, "cannot both be served")],
    ),
    (
        "admin = 'unix://DIR/a.sock'\n[[listen]]\naddress = 'unix://DIR/a.sock'",
        &[(1, "a.sock is listed twice")],
    ),
    (
        "engine = 'unix://DIR/e.sock'\n[[listen]]\naddress = 'unix://DIR/link/e.sock'",
        &[(3, "both the socket to serve and the engine's socket")],
    ),
    (
        "engine = 'tcp://localhost:PORT'\n[[listen]]\naddress = 'tcp://127.0.0.1:PORT'",
        &[(3, "both the socket to serve and the engine's socket")],
    ),
    (
        "[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\ntls = { certificate = 'DIR/no.pem', key = 'DIR/no.key' }",
        &[(3, "no.pem: "), (3, "no.key: ")],
    ),
    (
        "[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\n[listen.tls]\ncertificate = 'DIR/plain'\nkey = 'DIR/a.pem'\nclient_ca = 'DIR/a.key'",
        &[
            (4, "no certificate in PEM format"),
            (5, "no private key in PEM format"),
            (6, "no certificate in PEM"),
        ],
    ),
    (
        "[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\ntls = { certificate = 'DIR/a.pem', key = 'DIR/b.key' }",
        &[(3, "a.pem: ")],
    ),
    (
        "[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\ntls = { certificate = 'a.pem', key = 'DIR/a.key' }",
        &[(3, "\"a.pem\" is not an absolute path")],
    ),
    (
        "[[listen]]\naddress = 'unix://DIR/a.sock'\ntls = { certificate = 'DIR/a.pem', key = 'DIR/a.key' }",
        &[(3, "`plain_tcp` and `tls` are for tcp:// addresses")],
    ),
    ("[[listen]]\naddress = 'tcp://0.0.0.0:PORT'", &[(2, "other machines can reach tcp://0.0.0.0")]),
    (
        "[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\ntls = { certificate = 'DIR/a.pem', key = 'DIR/a.key', callers = { x = 'label:' } }",
        &[(3, "\"label:\" names no label")],
    ),
    (
        "[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\ntls = { certificate = 'DIR/a.pem', key = 'DIR/a.key', callers = { x = 'y' } }",
        &[(3, "`client_ca` is required")],
    ),
    ("[[listen]]\naddress = 'unix://DIR/LONG.sock'", &[(2, "the path of a unix socket can have 107 bytes")]),
    ("[[listen]]\naddress = 'unix://DIR/plain'", &[(2, "exists and is not a socket")]),
    ("[[listen]]\naddress = 'unix://DIR/plain/a.sock'", &[(2, "ot a directory")]),
    (
        "[[listen]]\naddress = 'tcp://192.0.2.1:2375'\nplain_tcp = true",
        &[(2, "annot assign requested address")],
    ),
    ("[[listen]]\naddress = 'tcp://no-such-host.invalid:2375'", &[(2, "tcp://no-such-host.invalid:2375: ")]),
    (
        "[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\n[[listen]]\naddress = 'tcp://0.0.0.0:PORT'\nplain_tcp = true",
        &[(4, "cannot both be served")],
    ),
    ("log = info", &[(1, "; write log = \"info\"")]),
    ("log = \"info\nengin = 'x'", &[(1, ""), (2, "did you mean `engine`?")]),
    ("log = 'info'\nlog = 'warn'", &[(2, "duplicate key")]),
    (
        "[[listen]]\naddress = 'unix://DIR/a.sock'\nadmin = 'unix://DIR/b.sock'",
        &[(3, "[[listen]] has no setting `admin`; move it to the top of the file")],
    ),
    (
        "log = 'loud'\ndrain = '10s'\nadmin = 'tcp://0.0.0.0:1'\nlimits = { paths = 0 }\n[[listen]]\naddress = \
         'unix://DIR/plain'\nmode = 0660\nfor = 'label:'\n[[listen]]\naddress = 'tcp://127.0.0.1:PORT'\ntls = { \
         certificate = 'DIR/no.pem', key = 'DIR/a.key' }\ncolour = 'red'",
        &[
            (1, "no log level"),
            (2, "write drain = 10"),
            (3, "admin socket"),
            (4, "at least 1"),
            (6, "not a socket"),
            (7, "write mode"),
            (8, "names no label"),
            (11, "no.pem"),
            (12, "no setting `colour`"),
        ],
    ),
];

/// Files that are right, if unusual.
const RIGHT: &[&str] = &[
    "[[listen]]\naddress = 'DIR/a.sock'",
    "log = 'warn,hostward_proxy=debug'\nlog_format = 'json'\ndrain = 0\n[[listen]]\naddress = 'unix://DIR/new/dir/a.sock'",
    "log = ''\nstate = 'DIR/plain/state'\n[[listen]]\naddress = 'unix://DIR/a.sock'\nowner = 0\ngroup = 'root'\nmode = '0600'",
    "audit = 'DIR/audit.log'\naudit_also = ['host', 'unchanged']\n[[listen]]\naddress = 'unix://DIR/a.sock'",
    "audit = 'off'\naudit_also = []\n[[listen]]\naddress = 'unix://DIR/a.sock'",
    "admin = 'tcp://127.0.0.1:PORT'\n[[listen]]\naddress = 'unix://DIR/a.sock'\nfor = 'label:job=1'",
    "[[listen]]\naddress = 'unix://DIR/a.sock'\n[[listen]]\naddress = 'tcp://localhost:PORT'\nrelay = true",
    "[[listen]]\naddress = 'unix://DIR/a.sock'\n[[listen]]\naddress = 'tcp://0.0.0.0:PORT'\ntls = { certificate = 'DIR/a.pem', \
     key = 'DIR/a.key', client_ca = 'DIR/a.pem', callers = { runner = 'web' } }",
    "limits = { connections = 64, held_bytes = '1 GiB' }\n[[listen]]\naddress = 'unix://DIR/a.sock'",
    "engine = 'ssh://nobody@no-such-host.invalid'\n[[listen]]\naddress = 'unix://DIR/a.sock'",
];

/// A world with the files that those name.
fn world() -> World {
    let world = World::new();
    world.write("plain", "nothing of use\n");
    std::os::unix::fs::symlink(world.path(), world.path().join("link")).unwrap();
    for name in ["a", "b"] {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        world.write(&format!("{name}.pem"), &made.cert.pem());
        world.write(&format!("{name}.key"), &made.signing_key.serialize_pem());
    }
    world
}

/// The text for a world: nobody else has the port.
fn adapted(text: &str, world: &World) -> String {
    let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    text.replace("LONG", &"x".repeat(107))
        .replace("DIR", world.path().to_str().unwrap())
        .replace("PORT", &port.to_string())
}

/// The lines of mistakes, and what is said there.
fn mistakes(said: &str) -> Vec<(usize, String)> {
    let said = said.replace("hostward: f.toml:", "f.toml:");
    let heads = said.lines().filter_map(|line| line.strip_prefix("f.toml:"));
    let head = |head: &str| {
        let (line, rest) = head.split_once(':').unwrap();
        (line.parse().unwrap(), rest.split_once(": ").unwrap().1.to_owned())
    };
    heads.map(head).collect()
}

#[test]
fn every_mistake_is_named_with_its_line_and_a_start_says_the_same() {
    assert!(WRONG.len() >= 40);
    let world = world();
    for (text, expected) in WRONG {
        let text = adapted(text, &world);
        world.write("f.toml", &text);
        let checked = world.run(&["config", "check", "f.toml"]);
        let found = mistakes(stderr(&checked));
        let as_expected = found.len() == expected.len()
            && found
                .iter()
                .zip(*expected)
                .all(|(found, (line, said))| found.0 == *line && found.1.contains(said));
        assert!(as_expected, "{text}\n--- expected\n{expected:?}\n--- said\n{}", stderr(&checked));
        assert_eq!((status(&checked), checked.stdout.len()), (1, 0), "{text}");
        if expected.len() > 1 {
            assert!(
                stderr(&checked).contains(&format!("\n{} mistakes\n", expected.len())),
                "{}",
                stderr(&checked)
            );
        }
        let started = world.run(&["proxy", "--config", "f.toml"]);
        assert_eq!((status(&started), mistakes(stderr(&started))), (2, found), "{text}");
    }
}

/// A proxy that runs by the file.
fn start(world: &World) -> Child {
    let mut command = world.command(&["proxy", "--config", "f.toml"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Output {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn what_is_right_starts() {
    let world = world();
    for text in RIGHT {
        let text = adapted(text, &world);
        world.write("f.toml", &text);
        let checked = world.run(&["config", "check", "f.toml"]);
        assert_eq!((status(&checked), stderr(&checked)), (0, ""), "{text}");
        let mut child = start(&world);
        let socket = if text.contains("new/dir") { "new/dir/a.sock" } else { "a.sock" };
        let serves = || UnixStream::connect(world.path().join(socket)).is_ok();
        wait_until(|| serves() || child.try_wait().unwrap().is_some());
        assert!(serves(), "{text}\n{}", stderr(&child.wait_with_output().unwrap()));
        // What it has taken itself is no mistake, before a reload.
        let checked = world.run(&["config", "check", "f.toml"]);
        assert_eq!((status(&checked), stderr(&checked)), (0, ""), "{text}");
        assert_eq!(status(&end(child)), 0, "{text}");
    }
}

#[test]
fn a_mistake_at_sighup_leaves_the_settings_and_the_log_as_they_are() {
    let world = world();
    let right =
        adapted("admin = 'unix://DIR/admin.sock'\n[[listen]]\naddress = 'unix://DIR/a.sock'\n", &world);
    world.write("f.toml", &right);
    let child = start(&world);
    let admin = world.path().join("admin.sock");
    wait_until(|| UnixStream::connect(&admin).is_ok());
    world.write("f.toml", &format!("log = 'loud'\ndrain = '10s'\n{right}"));
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    wait_until(|| get(&admin, "/health").1.contains("no log level"));
    let output = end(child);
    let said = stderr(&output);
    for expected in ["the new settings are wrong", "no log level", "write drain = 10", "draining"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn an_empty_file_says_so_and_one_without_sockets_too() {
    let world = World::new();
    for empty in ["", "# nothing yet\n"] {
        world.write("f.toml", empty);
        let output = world.run(&["config", "check", "f.toml"]);
        assert_eq!(status(&output), 0);
        assert!(
            stderr(&output).contains("warning: the file has no settings, so every setting has its default")
        );
        assert!(stderr(&output).contains("warning: there is no [[listen]]"));
    }
    world.write("f.toml", "log = 'info'\n");
    let output = world.run(&["config", "check", "f.toml"]);
    assert!(!stderr(&output).contains("no settings") && stderr(&output).contains("there is no [[listen]]"));
    let output = World::new().with("HOSTWARD_LISTEN", "unix:///run/h.sock");
    output.write("f.toml", "[[listen]]\naddress = 'unix:///run/other.sock'\n");
    assert!(
        stderr(&output.run(&["config", "check", "f.toml"])).contains("HOSTWARD_LISTEN is set, and replaces")
    );
}

#[test]
fn a_misspelt_variable_is_warned_of_by_every_command() {
    let world = World::new().with("HOSTWARD_LISTN", "unix:///x").with("HOSTWARD_SERVICE_HOST", "10.0.0.1");
    let said = "hostward: warning: the variable HOSTWARD_LISTN means nothing to hostward; did you mean HOSTWARD_LISTEN?\n";
    for args in [
        &["proxy"][..],
        &["health"],
        &["wrap", "true"],
        &["translate", "/a"],
        &["explain", "/a"],
        &["doctor"],
        &["config", "check"],
        &["completions", "bash"],
        &["man", "."],
    ] {
        let output = world.run(args);
        assert_eq!(stderr(&output).matches(said).count(), 1, "{args:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("SERVICE_HOST"), "{args:?}");
    }
}
