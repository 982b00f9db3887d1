//! What a configuration file may say, and where a mistake in it is found.

use hostward_engine::select::Selector;
use hostward_proxy::Access;

use super::*;

fn read_text(text: &str) -> Result<ConfigurationFile, String> {
    let (file, mistakes) = parse(&SourceFile { path: "h.toml".into(), text: text.to_owned() });
    mistakes.or(file).map_err(|mistakes| mistakes.to_string())
}

fn mistake(text: &str) -> String {
    read_text(text).unwrap_err()
}

#[test]
fn a_complete_file_is_read() {
    let file = read_text(
        "engine = 'unix:///e'\nmap = ['/a=/b']\nunmapped = 'refuse'\nvolumes_from = 'narrow'\npublish = 'machine'\nlog = 'info'\nlog_format = 'json'\n\
         drain = 30\nadmin = 'unix:///a'\n\
         [[listen]]\naddress = 'unix:///l'\nowner = 1000\ngroup = 'root'\nmode = '0600'\n\
         [[listen]]\naddress = '/m'\nfor = 'label:ci.job=42'\n\
         [[listen]]\naddress = 'tcp://0.0.0.0:2375'\nplain_tcp = true\n\
         [[listen]]\naddress = 'tcp://0.0.0.0:2376'\n\
         tls = { certificate = '/c', key = '/k', client_ca = '/ca', callers = { runner = 'web' } }\n",
    )
    .unwrap();
    assert_eq!(file.engine.as_ref().unwrap().get_ref().to_string(), "unix:///e");
    assert_eq!(file.maps[0].to_string(), "/a=/b");
    assert_eq!((file.log_format, file.drain), (Some(Format::Json), Some(30)));
    let [own, job, plain, tls] = &file.listen[..] else { panic!("{:?}", file.listen) };
    assert_eq!(own.access(), Access { owner: Some(1000), group: Some(0), mode: 0o600 });
    assert_eq!(job.access(), Access::default());
    assert_eq!(job.container(), Some(&Selector::Label("ci.job=42".into())));
    assert!(plain.plain_tcp() && !job.plain_tcp());
    assert_eq!(tls.tls().unwrap().callers["runner"], Selector::Name("web".into()));
    assert!(file.warnings().is_empty());
}

#[test]
fn the_documents_show_files_that_are_right() {
    let docs = include_str!("../../../../../docs/configuration.md").rsplit_once("\n    engine = ").unwrap().1;
    // Not every machine has this group.
    let file = format!("engine = {docs}").replace("group = \"docker\"", "group = \"0\"");
    let file = read_text(&file).unwrap_or_else(|mistake| panic!("{mistake}"));
    assert_eq!((file.listen.len(), file.drain), (3, Some(30)));
    for text in [
        include_str!("../../../../../examples/systemd/hostward.toml"),
        include_str!("../../../../../examples/ci-jobs/base.toml"),
    ] {
        read_text(text).unwrap();
    }
}

#[test]
fn a_socket_that_every_user_may_use_is_warned_of() {
    let file = read_text("[[listen]]\naddress = '/m'\nmode = '666'\n").unwrap();
    assert!(file.warnings()[0].contains("unix:///m has the mode 0666"), "{:?}", file.warnings());
}

#[test]
fn what_keys_say_together_is_checked() {
    let tls = |keys: &str| format!("tls = {{ certificate = '/c', key = '/k'{keys} }}");
    for (address, keys, place, why) in [
        ("tcp://0.0.0.0:2375", String::new(), "2:11", "`plain_tcp = true`"),
        ("tcp://[::]:2375", "plain_tcp = false".into(), "2:11", "other machines"),
        ("unix:///x", "plain_tcp = true".into(), "3:13", "for tcp:// addresses"),
        ("unix:///x", tls(""), "3:7", "for tcp:// addresses"),
        ("tcp://127.0.0.1:1", "mode = '0660'".into(), "3:8", "only unix sockets"),
        ("tcp://127.0.0.1:1", "owner = 'root'".into(), "3:9", "only unix sockets"),
        ("tcp://10.0.0.1:1", format!("plain_tcp = true\n{}", tls("")), "3:13", "not plain"),
        ("tcp://10.0.0.1:1", tls(", callers = { a = 'b' }"), "3:7", "`client_ca` is required"),
        ("unix:///x", "mode = '0800'".into(), "3:8", "octal digits"),
        ("unix:///x", "mode = '01777'".into(), "3:8", "octal digits"),
        ("unix:///x", "mode = 660".into(), "3:8", "660 is not a mode in octal digits"),
        ("unix:///x", "owner = 'no such user'".into(), "3:9", "/etc/passwd has no user"),
        ("unix:///x", "group = -1".into(), "3:9", "-1 is not a group's name or number"),
    ] {
        let shown = mistake(&format!("[[listen]]\naddress = '{address}'\n{keys}\n"));
        assert!(shown.starts_with(&format!("h.toml:{place}: ")) && shown.contains(why), "{shown}");
    }
    for right in ["tcp://localhost:2375", "tcp://[::1]:2375", "tcp://some.name:2375"] {
        assert!(read_text(&format!("[[listen]]\naddress = '{right}'\n")).is_ok(), "{right}");
    }
}

#[test]
fn limits_are_set_by_their_names() {
    let file =
        read_text("[limits]\nconnections = 512\nheld_bytes = '128 MiB'\nhead_seconds = 5\npaths = 7\n")
            .unwrap();
    let set: Vec<_> = file.limits.into_iter().collect();
    assert_eq!(set, [("connections", 512), ("head_seconds", 5), ("held_bytes", 128 << 20), ("paths", 7)]);
    for limit in hostward_proxy::Limits::ALL {
        let text = format!("limits = {{ {} = {} }}", limit.name, limit.default);
        assert_eq!(read_text(&text).unwrap().limits[limit.name], limit.default);
    }
}

#[test]
fn a_mistake_in_limits_is_pointed_at() {
    for (line, place, why, marked) in [
        ("conections = 5", "2:1", "unknown limit `conections`; did you mean `connections`?", "^^^^^^^^^^"),
        ("Paths = 5", "2:1", "did you mean `paths`?", "^^^^^"),
        ("colour = 5", "2:1", "unknown limit `colour`; there are connections, ", "^^^^^^"),
        ("paths = 0", "2:9", "must be at least 1", "^"),
        ("paths = -4", "2:9", "-4 is not a number; `paths` needs one, such as 1000", "^^"),
        ("paths = 1e3", "2:9", "is not a number", "^^^"),
        ("paths = '1000'", "2:9", "'1000' is not a number", "^^^^^^"),
        ("paths = 4294967296", "2:9", "must be at most 4294967295", "^^^^^^^^^^"),
        ("head_seconds = '30'", "2:16", "needs a number of seconds, such as 30", "^^^^"),
        ("held_bytes = '96 MB'", "2:14", "text with KiB, MiB or GiB, such as \"96 MiB\"", "^^^^^^^"),
        ("held_bytes = true", "2:14", "true is not a size", "^^^^"),
        ("held_bytes = '32 MiB'", "2:14", "more than a quarter of `held_bytes`", "^^^^^^^^"),
        ("connections_per_caller = 5000", "2:26", "set it to at most 4096", "^^^^"),
        ("ports = 100\nports_per_caller = 200", "3:20", "set it to at most 100", "^^^"),
        ("stranger_bytes = '2 MiB'", "2:18", "`held_bytes_of_strangers` (1 MiB)", "^^^^^^^"),
    ] {
        let shown = mistake(&format!("[limits]\n{line}\n"));
        assert!(shown.starts_with(&format!("h.toml:{place}: ")) && shown.contains(why), "{line}:\n{shown}");
        assert!(shown.ends_with(&format!(" {marked}")), "{line}:\n{shown}");
    }
    let shown = mistake("limits = 5\n");
    assert!(shown.starts_with("h.toml:1:10: "), "{shown}");
}

#[test]
fn an_empty_file_is_a_configuration() {
    assert!(read_text("# nothing yet\n").unwrap().is_empty);
}

#[test]
fn a_mistake_is_pointed_at() {
    for (text, place, marked) in [
        (
            "log = 'info'\nengin = 'x'\n",
            "h.toml:2:1: the file has no setting `engin`; did you mean `engine`?",
            "2 | engin = 'x'\n  | ^^^^^",
        ),
        ("map = ['/a=/b', '/a']\n", "h.toml:1:17: ", "^^^^"),
        ("\nengine = 'nowhere'\n", "h.toml:2:10: ", "^^^^^^^^^"),
        ("log = 'x=y=z'\n", "h.toml:1:7: the log has no target", "^^^^^^^"),
        ("log_format = 'xml'\n", "h.toml:1:14: 'xml' is not \"text\" or \"json\"", "^^^^^"),
        ("drain = -1\n", "h.toml:1:9: ", "^^"),
        ("map = ['/a=/b/../c']", "h.toml:1:8: ", "^^^^^^^^^^^^"),
        ("unmapped = 'pass'", "h.toml:1:12: unknown value \"pass\"", "^^^^^^"),
        ("publish = 'no'", "h.toml:1:11: unknown value \"no\"", "^^^^"),
        ("volumes_from = 'none'", "h.toml:1:16: unknown value \"none\"", "^^^^^^"),
        ("state = 'var/hostward'", "h.toml:1:9: \"var/hostward\" is not an absolute path", "^^^^^^^^^^^^"),
        ("log = 7", "h.toml:1:7: ", "^"),
        ("log = ", "h.toml:1:7: ", "^"),
        ("[[listen]]\nfor = 'x'\n", "h.toml:1:1: [[listen]] has no `address`", "^"),
        ("[[listen]]\naddress = 'x'\n", "h.toml:2:11: ", "^^^"),
    ] {
        let shown = mistake(text);
        assert!(shown.starts_with(place), "{text:?}:\n{shown}");
        assert!(shown.contains(marked), "{text:?}:\n{shown}");
    }
}
