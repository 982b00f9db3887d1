//! Creates, spelled by choices: a number for each turn that is taken. What a client could write is among them, and what only an
//! attacker would.

/// Turns to take, which repeat.
pub(crate) struct Choices<'c> {
    bytes: &'c [u8],
    at: usize,
}

/// Values of fields in `HostConfig`, harmless ones first.
const HOST: [(&str, &[&str]); 48] = [
    ("Privileged", &["false", "null", "true", "1", "\"true\""]),
    (
        "CapAdd",
        &["[]", "null", "[\"SYS_ADMIN\"]", "[\"cap_sys_admin\"]", "[\"ALL\"]", "[\"CHOWN\"]", "\"ALL\""],
    ),
    ("CapDrop", &["[\"ALL\"]", "[]"]),
    (
        "Binds",
        &["[]", "[\"/app/x:/x\"]", "[\"v:/x\"]", "[\"/:/h:rw\"]", "[\"/app/../etc:/x\"]", "[\"/x\"]", "null"],
    ),
    (
        "Mounts",
        &[
            "[]",
            r#"[{"Type":"bind","Source":"/app/x","Target":"/x"}]"#,
            r#"[{"type":"BIND","source":"/","target":"/x"}]"#,
            r#"[{"Type":"volume","Source":"v","Target":"/x"}]"#,
            r#"[{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"none","o":"bind","device":"/"}}}}]"#,
            r#"[{"Type":"tmpfs","Target":"/x"}]"#,
            r#"[{"Type":"npipe","Source":"/","Target":"/x"}]"#,
            r#"[{"Type":"image","Source":"busybox","Target":"/x"}]"#,
            r#"[{"Type":"cluster","Source":"c","Target":"/x"}]"#,
            r#"[{"Source":"/","Target":"/x"}]"#,
            "[null,{}]",
        ],
    ),
    ("PidMode", &["\"\"", "null", "\"host\"", "\"container:x\"", "\"HOST\"", "\" host\""]),
    ("IpcMode", &["\"\"", "\"private\"", "\"none\"", "\"host\"", "\"container:x\"", "\"shareable\""]),
    ("UTSMode", &["\"\"", "\"host\""]),
    ("UsernsMode", &["\"\"", "\"host\""]),
    ("CgroupnsMode", &["\"\"", "\"private\"", "\"host\""]),
    (
        "NetworkMode",
        &["\"\"", "\"default\"", "\"none\"", "\"bridge\"", "\"host\"", "\"container:x\"", "\"other\""],
    ),
    (
        "Devices",
        &[
            "[]",
            "null",
            r#"[{"PathOnHost":"/dev/sda","PathInContainer":"/dev/a","CgroupPermissions":"rwm"}]"#,
        ],
    ),
    ("DeviceCgroupRules", &["[]", "[\"a *:* rwm\"]"]),
    ("DeviceRequests", &["[]", "null", r#"[{"Driver":"nvidia","Count":-1}]"#, "[{}]"]),
    (
        "SecurityOpt",
        &[
            "[]",
            "[\"no-new-privileges\"]",
            "[\"no-new-privileges=true\"]",
            "[\"seccomp=unconfined\"]",
            "[\"label:disable\"]",
        ],
    ),
    ("VolumesFrom", &["[]", "[\"x\"]"]),
    ("VolumeDriver", &["\"\"", "\"local\"", "\"evil\""]),
    ("CgroupParent", &["\"\"", "\"/\"", "\"system.slice\""]),
    ("Cgroup", &["\"\"", "\"container:x\""]),
    ("Runtime", &["\"\"", "\"runc\"", "\"evil\""]),
    ("Sysctls", &["{}", "null", r#"{"kernel.core_pattern":"|/x"}"#]),
    ("Ulimits", &["[]", r#"[{"Name":"nofile","Soft":1,"Hard":2}]"#]),
    ("OomKillDisable", &["false", "null", "true"]),
    ("OomScoreAdj", &["0", "1000", "-1000"]),
    ("MaskedPaths", &["null", "[]", "[\"/proc/kcore\"]"]),
    ("ReadonlyPaths", &["null", "[]", "[\"/proc/sys\"]"]),
    ("PublishAllPorts", &["false", "true"]),
    ("PortBindings", &["{}", "null", r#"{"80/tcp":[{"HostIp":"","HostPort":"80"}]}"#, r#"{"80/tcp":[{}]}"#]),
    ("ExtraHosts", &["[]", "[\"h:host-gateway\"]"]),
    ("Links", &["[]", "null", "[\"x:y\"]"]),
    ("GroupAdd", &["[]", "[\"0\"]"]),
    ("Dns", &["[]", "[\"1.1.1.1\"]"]),
    ("StorageOpt", &["{}", r#"{"size":"10G"}"#]),
    ("Annotations", &["{}", r#"{"a":"b"}"#]),
    (
        "LogConfig",
        &[
            r#"{"Type":"","Config":{}}"#,
            "null",
            "{}",
            r#"{"Type":"json-file"}"#,
            r#"{"Config":{"tag":"x"}}"#,
            r#"{"Type":"syslog","Config":{"syslog-address":"unixgram:///run/x"}}"#,
        ],
    ),
    ("RestartPolicy", &[r#"{"Name":""}"#, r#"{"Name":"no"}"#, r#"{"Name":"always"}"#, "null"]),
    ("Memory", &["0", "-1", "1048576000", "9223372036854775807", "9223372036854775808", "1e3", "1.5"]),
    ("NanoCpus", &["0", "-1", "1000000000"]),
    ("PidsLimit", &["null", "0", "-1", "64"]),
    ("ShmSize", &["0", "1073741824000"]),
    ("BlkioDeviceReadBps", &["[]", "null", r#"[{"Path":"/dev/sda","Rate":1}]"#]),
    ("BlkioDeviceWriteIOps", &["[]", r#"[{"Path":"/dev/sda","Rate":1}]"#]),
    ("CpuRealtimeRuntime", &["0", "1"]),
    ("KernelMemory", &["0", "1"]),
    ("Isolation", &["\"\"", "\"hyperv\""]),
    ("Tmpfs", &["{}", r#"{"/t":""}"#, r#"{"/t":"exec"}"#]),
    ("AutoRemove", &["true", "false"]),
    ("Unknown", &["null", "1"]),
];

/// Values of the fields beside it.
const TOP: [(&str, &[&str]); 9] = [
    ("Image", &["\"busybox\""]),
    ("Cmd", &["[\"true\"]", "null"]),
    ("Env", &["[\"A=b\"]"]),
    ("Tty", &["false"]),
    ("Volumes", &["{}", r#"{"/v":{}}"#, r#"{"/:/h":{}}"#]),
    ("ExposedPorts", &["{}", r#"{"80/tcp":{}}"#]),
    ("User", &["\"\"", "\"0\""]),
    (
        "NetworkingConfig",
        &[
            "{}",
            "null",
            r#"{"EndpointsConfig":{"bridge":{}}}"#,
            r#"{"EndpointsConfig":{"bridge":{"DriverOpts":{"com.docker.network.endpoint.sysctls":"net.ipv4.ip_forward=1"}}}}"#,
            r#"{"EndpointsConfig":{"bridge":{"IPAMConfig":{"IPv4Address":"172.17.0.1"}}}}"#,
            r#"{"endpointsconfig":{"BRIDGE":{"MacAddress":"02:42:ac:11:00:01"}}}"#,
            r#"{"EndpointsConfig":{"bridge":{"Links":["x"]}}}"#,
        ],
    ),
    ("Labels", &["{}"]),
];

impl<'c> Choices<'c> {
    pub(crate) fn new(bytes: &'c [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// One of so many.
    fn of(&mut self, many: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % many
    }

    /// Seldom.
    fn seldom(&mut self) -> bool {
        self.of(24) == 23
    }

    /// A create.
    pub(crate) fn create(&mut self) -> Vec<u8> {
        let mut members = vec![self.member("Image", "\"busybox\"")];
        for _ in 0..self.of(3) {
            let (name, values) = TOP[self.of(TOP.len())];
            members.push(self.one(name, values));
        }
        let mut hosts = Vec::new();
        for _ in 0..self.of(5) {
            let (name, values) = HOST[self.of(HOST.len())];
            hosts.push(self.one(name, values));
        }
        members.push(self.member("HostConfig", &format!("{{{}}}", hosts.join(","))));
        if self.seldom() {
            members.push(self.member("HostConfig", r#"{"Privileged":true}"#));
        }
        let mut body = format!("{{{}}}", members.join(",")).into_bytes();
        if self.seldom() {
            let odd: [&[u8]; 5] = [b"{}", b"\xff", b" ", b"\xef\xbb\xbf", b",\"a\":\"\xff\""];
            let odd = odd[self.of(odd.len())];
            let at = [0, body.len(), body.len() - 1][self.of(3)];
            body.splice(at..at, odd.iter().copied());
        }
        body
    }

    fn one(&mut self, name: &str, values: &[&str]) -> String {
        // Half of them are harmless, so that not all are refused for something else.
        let value = if self.of(2) == 0 { values[0] } else { values[self.of(values.len())] };
        self.member(name, value)
    }

    fn member(&mut self, name: &str, value: &str) -> String {
        let name = match self.of(8) {
            0..=3 => name.to_owned(),
            4 => name.to_ascii_lowercase(),
            5 => name.to_ascii_uppercase(),
            6 => name.replacen('s', "ſ", 1).replacen('k', "\u{212a}", 1),
            _ => {
                let at = self.of(name.len());
                let escape = format!("\\u{:04x}", u32::from(name.as_bytes()[at]));
                format!("{}{escape}{}", &name[..at], &name[at + 1..])
            }
        };
        format!("\"{name}\":{value}")
    }
}
