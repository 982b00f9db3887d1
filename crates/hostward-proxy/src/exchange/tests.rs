//! A client's connection, played by scripts: one of the client, and one of each connection that is made to the engine.

use std::time::Duration;

use hostward::policy::profile::Profile;
use tokio::task::JoinHandle;

use super::*;
use crate::audit::Sink;
use crate::pool::Tenant;
use crate::script::Script;
use crate::settings::{AuditSettings, AuditTo};
use crate::stage;

const FIRST: &str = "GET /first HTTP/1.1\r\nHost: d\r\n\r\n";
const SECOND: &str = "GET /second HTTP/1.1\r\nHost: d\r\n\r\n";
const POST: &str = "POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\nhi";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A connection that is served.
struct Served {
    client: Script,
    engines: Vec<Script>,
    pools: Arc<Pools>,
    audit: Arc<Audit>,
    phase: watch::Sender<Phase>,
    serving: JoinHandle<Parted>,
}

impl Served {
    /// Of a process of the host, or of nobody that is known; with so many connections to the engine, one after the other.
    fn of(known: Remembered, engines: usize, limits: Limits) -> Self {
        Self::under(Vec::new(), known, engines, limits)
    }

    /// Of somebody who is not known, by this profile for everybody.
    fn of_a_stranger_under(profile: &str, engines: usize) -> Self {
        let profile = Profile::parse(profile).unwrap();
        Self::under(vec![profile], Remembered::Nothing, engines, Limits::default())
    }

    fn under(profiles: Vec<Profile>, known: Remembered, engines: usize, limits: Limits) -> Self {
        let (client, engines) = (Script::default(), vec![(); engines]);
        let engines: Vec<_> = engines.into_iter().map(|()| Script::default()).collect();
        let (pools, audit) = (stage::pools(&limits), Arc::<Audit>::default());
        let identify = Arc::new(stage::identify_by(profiles, &pools));
        let profiles = identify.profiles();
        let shared = Shared {
            engine: stage::nowhere(),
            outage: Arc::default(),
            identify,
            publisher: None,
            tls: None,
            pools: Arc::clone(&pools),
            limits,
            audit: Arc::clone(&audit),
        };
        let (phase, now) = watch::channel(Phase::Serving);
        let mut upstream = Upstream::new(stage::nowhere(), Arc::default());
        upstream.scripted = engines.iter().map(Side::scripted).collect();
        let mut connection = Connection {
            client: Side::scripted(&client),
            upstream,
            shared: Arc::new(shared),
            phase: now,
            peer: Peer::Process,
            accepted: Accepted::now(),
            tenant: Tenant::Machine,
            known,
            profiles,
        };
        let serving = tokio::spawn(async move { connection.run().await });
        Self { client, engines, pools, audit, phase, serving }
    }

    fn of_the_host(engines: usize) -> Self {
        Self::of(Remembered::Host, engines, Limits::default())
    }

    /// Lets everything happen that can without anybody's doing.
    async fn goes_on(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    async fn has_ended(self) -> Parted {
        tokio::time::timeout(Duration::from_secs(20), self.serving).await.expect("it ends").unwrap()
    }
}

/// What comes to a peer until it has heard this much.
async fn hears(peer: &Script, end: &str) -> String {
    let mut heard = String::new();
    let hearing = async {
        while !heard.contains(end) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            heard.push_str(&peer.hears());
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), hearing).await;
    assert!(in_time.is_ok(), "{heard:?} has no {end:?}");
    heard
}

#[tokio::test]
async fn a_pipelined_request_has_its_turn_when_the_one_before_is_answered() {
    let served = Served::of_the_host(1);
    let (client, engine) = (&served.client, &served.engines[0]);
    client.says([FIRST, &SECOND[..10]].concat());
    served.goes_on().await;
    assert_eq!(engine.hears(), FIRST);
    client.says(&SECOND[10..]);
    served.goes_on().await;
    assert_eq!(engine.hears(), "");
    engine.says(OK);
    served.goes_on().await;
    assert_eq!((client.hears().as_str(), engine.hears().as_str()), (OK, SECOND));
    engine.says(OK);
    served.goes_on().await;
    assert_eq!(client.hears(), OK);
    client.goes();
    served.has_ended().await;
}

#[tokio::test]
async fn an_engine_that_closed_between_two_requests_is_dialled_again() {
    let served = Served::of_the_host(2);
    let (client, engines) = (&served.client, &served.engines);
    client.says(FIRST);
    served.goes_on().await;
    engines[0].says(OK);
    served.goes_on().await;
    assert_eq!(client.hears(), OK);
    engines[0].goes();
    client.says(POST);
    served.goes_on().await;
    assert_eq!((engines[0].hears().as_str(), engines[1].hears().as_str()), (FIRST, POST));
}

#[tokio::test]
async fn a_request_that_meets_the_close_is_sent_again_only_where_that_does_nothing_twice() {
    for (request, again) in [(SECOND, SECOND), (POST, "")] {
        let served = Served::of_the_host(2);
        let (client, engines) = (&served.client, &served.engines);
        client.says(FIRST);
        served.goes_on().await;
        engines[0].says(OK);
        served.goes_on().await;
        client.says(request);
        served.goes_on().await;
        // It was there when the request was sent.
        engines[0].goes();
        served.goes_on().await;
        assert_eq!(engines[1].hears(), again);
        let said = client.hears();
        assert_eq!(said.contains("502"), again.is_empty(), "{said}");
    }
}

#[tokio::test]
async fn an_engine_that_goes_without_an_answer_is_a_502_and_the_connection_stays() {
    let served = Served::of_the_host(2);
    let (client, engines) = (&served.client, &served.engines);
    client.says(FIRST);
    served.goes_on().await;
    engines[0].goes();
    served.goes_on().await;
    let said = client.hears();
    assert!(said.starts_with("HTTP/1.1 502 ") && !said.contains("Connection: close"), "{said}");
    client.says(SECOND);
    served.goes_on().await;
    assert_eq!(engines[1].hears(), SECOND);
}

#[tokio::test]
async fn an_engine_that_goes_in_the_middle_of_an_answer_takes_the_clients_connection_with_it() {
    let served = Served::of_the_host(2);
    let (client, engine) = (&served.client, &served.engines[0]);
    client.says([FIRST, SECOND].concat());
    served.goes_on().await;
    engine.says(&OK[..OK.len() - 1]);
    served.goes_on().await;
    engine.goes();
    served.goes_on().await;
    assert_eq!(client.hears(), OK[..OK.len() - 1]);
    let second = served.engines[1].clone();
    served.has_ended().await;
    assert_eq!(second.hears(), "");
}

#[tokio::test]
async fn a_service_that_ends_lets_a_request_finish_and_takes_no_other() {
    let served = Served::of_the_host(1);
    let (client, engine) = (&served.client, &served.engines[0]);
    client.says([FIRST, SECOND].concat());
    served.goes_on().await;
    served.phase.send_replace(Phase::Draining);
    served.goes_on().await;
    engine.says(OK);
    let (client, engine) = (client.clone(), engine.clone());
    served.has_ended().await;
    assert_eq!((client.hears().as_str(), engine.hears().as_str()), (OK, FIRST));
}

#[tokio::test]
async fn a_service_that_is_replaced_serves_what_was_begun_and_leaves_a_connection_that_waits() {
    let replaced = || {
        let by = Arc::new(crate::handover::Successor::at("/nowhere".into()));
        Phase::Replaced { by, address: stage::nowhere() }
    };
    // Half of the next request was read.
    let served = Served::of_the_host(1);
    let (client, engine) = (served.client.clone(), served.engines[0].clone());
    let (begin, end) = SECOND.split_at(9);
    client.says([FIRST, begin].concat());
    served.goes_on().await;
    served.phase.send_replace(replaced());
    served.goes_on().await;
    engine.says(OK);
    served.goes_on().await;
    assert_eq!(client.hears(), OK);
    client.says(end);
    served.goes_on().await;
    assert_eq!(engine.hears(), [FIRST, SECOND].concat());
    engine.says(OK);
    assert_eq!(served.has_ended().await, Parted::Waiting);

    let served = Served::of_the_host(0);
    served.goes_on().await;
    served.phase.send_replace(replaced());
    assert_eq!(served.has_ended().await, Parted::Waiting);
}

fn create(body: &str) -> String {
    let length = body.len();
    format!("POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_body_is_judged_whole_and_the_next_request_is_not_taken_for_its_end() {
    let served = Served::of(Remembered::Nothing, 1, Limits::default());
    let (client, engine) = (&served.client, &served.engines[0]);
    let create = create(r#"{"HostConfig":{"Binds":["/v/a:/x"]}}"#);
    let (begin, end) = create.split_at(create.len() - 5);
    client.says(begin);
    served.goes_on().await;
    assert_eq!(engine.hears(), "");
    client.says([end, SECOND].concat());
    let sent = hears(engine, "}}").await;
    assert!(sent.contains("/srv/a:/x") && !sent.contains("GET /second"), "{sent}");
    engine.says("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    hears(client, "{}").await;
    assert_eq!(hears(engine, SECOND).await, SECOND);
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_and_the_engine_out_of_it() {
    let served = Served::of(Remembered::Nothing, 1, Limits::default());
    let (client, engine) = (&served.client, &served.engines[0]);
    client.says([&create(r#"{"HostConfig":{"Binds":["/etc:/x"]}}"#), FIRST].concat());
    assert_eq!(hears(engine, FIRST).await, FIRST);
    let said = client.hears();
    assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_of_a_body_that_is_judged_has_asked_for_nothing() {
    for goes in [Script::goes, Script::ends] {
        let served = Served::of(Remembered::Nothing, 1, Limits::default());
        let create = create(r#"{"HostConfig":{"Binds":["/v/a:/x"]}}"#);
        served.client.says(&create[..create.len() - 5]);
        served.goes_on().await;
        goes(&served.client);
        let engine = served.engines[0].clone();
        served.has_ended().await;
        assert_eq!(engine.hears(), "");
    }
}

#[tokio::test]
async fn a_client_that_goes_while_it_is_judged_is_not_waited_for_and_sends_nothing() {
    let served =
        Served::of(Remembered::Nothing, 1, Limits { lookups: 4, lookups_per_caller: 1, ..Limits::default() });
    // All looks that its like may have are taken, by one that does not end.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let lookups = Arc::clone(&served.pools.lookups);
    let busy = tokio::spawn(async move {
        let _ = lookups.look(Tenant::Strangers, move |_| held.recv()).await;
    });
    served.goes_on().await;
    served.client.says(create(r#"{"HostConfig":{"Binds":["/v/a:/x"]}}"#));
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.client.goes();
    let engine = served.engines[0].clone();
    served.has_ended().await;
    assert_eq!(engine.hears(), "");
    drop(release);
    busy.await.unwrap();
}

#[tokio::test]
async fn a_decision_is_written_with_what_the_engine_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit");
    let settings = AuditSettings { to: AuditTo::File(file.clone()), ..AuditSettings::default() };
    let served = Served::of(Remembered::Nothing, 1, Limits::default());
    served.audit.turn_to(&settings, Sink::open(&settings.to).unwrap()).unwrap();
    let (client, engine) = (&served.client, &served.engines[0]);
    let create = |body: &str| {
        let length = body.len();
        format!(
            "POST /v1.41/containers/create?name=web HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    client.says(create(r#"{"Labels":{"a":"b"},"HostConfig":{"Binds":["/v/a:/x","/v/b:/y:ro"]}}"#));
    hears(engine, "/srv/b:/y:ro").await;
    let id = "ab".repeat(32);
    let answer = format!("{{\"Id\":\"{id}\",\"Warnings\":[]}}");
    engine.says(format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()));
    hears(client, &id).await;
    client.says(create(r#"{"HostConfig":{"Binds":["/etc:/x"]}}"#));
    hears(client, "403 Forbidden").await;
    client.goes();
    let audit = Arc::clone(&served.audit);
    served.has_ended().await;
    drop(audit);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [created, refused] = &lines[..] else { panic!("{text}") };
    assert_eq!((&created["status"], &created["created"]), (&201.into(), &id.into()));
    assert_eq!(created["name"], "web");
    let paths: Vec<_> =
        created["paths"].as_array().unwrap().iter().map(|path| path["after"]["bind"].clone()).collect();
    assert_eq!(paths, ["/srv/a", "/srv/b"]);
    assert_eq!((&refused["decision"], &refused["status"]), (&"refused".into(), &403.into()));
    assert_eq!(refused["reason"], "unknown_caller");
}

/// What a caller under a profile is answered, and what the engine has heard of it.
async fn asked(served: &Served, request: &str) -> (String, String) {
    served.client.says(format!("{request} HTTP/1.1\r\nHost: d\r\n\r\n"));
    let said = hears(&served.client, "\r\n\r\n").await;
    served.goes_on().await;
    (said, served.engines.iter().map(Script::hears).collect())
}

#[tokio::test]
async fn under_a_profile_the_engine_hears_what_is_allowed_and_nothing_else() {
    let served = Served::of_a_stranger_under("name = 'look'\noperations = ['image.list']", 1);
    for (request, status) in [
        ("GET /info", "403"),
        ("GET /images/json?what=1", "403"),
        ("GET /images//json", "400"),
        ("GET /images/%6asON", "403"),
        ("GET /nothing/of/the/kind", "403"),
        ("POST /v1.41/containers/x/start", "403"),
        ("DELETE /images/x", "403"),
        ("GET /containers/x/json", "404"),
        ("POST /libpod/containers/create", "403"),
        ("GET /_ping?x=1", "403"),
    ] {
        let (said, heard) = asked(&served, request).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {said}");
        assert_eq!(heard, "", "{request}");
    }
    // What everybody may ask for, and what the profile allows.
    for request in ["GET /_ping", "HEAD /_ping", "GET /v1.41/version", "GET /v1.41/images/json"] {
        served.client.says(format!("{request} HTTP/1.1\r\nHost: d\r\n\r\n"));
        let engine = &served.engines[0];
        assert!(hears(engine, "\r\n\r\n").await.starts_with(request));
        engine.says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert!(hears(&served.client, "\r\n\r\n").await.starts_with("HTTP/1.1 200 "), "{request}");
    }
}

#[tokio::test]
async fn under_a_profile_nothing_leaves_http_behind_that_is_not_known_to() {
    let served = Served::of_a_stranger_under("name = 'look'\noperations = ['image.list']", 1);
    let (client, engine) = (&served.client, &served.engines[0]);
    client.says(
        "GET /images/json HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0",
    );
    hears(engine, "\r\n\r\n").await;
    engine.says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nraw");
    let said = hears(client, "}").await;
    assert!(said.starts_with("HTTP/1.1 502 "), "{said}");
    served.goes_on().await;
    assert_eq!(engine.hears(), "");
}

#[tokio::test]
async fn where_no_profile_is_for_a_caller_it_may_ask_for_what_tells_nothing() {
    let served = Served::of_a_stranger_under("name = 'ci'\nfor = ['name:runner']\npreset = 'trusted'", 1);
    for request in ["GET /info", "GET /containers/json", "GET /nothing"] {
        let (said, heard) = asked(&served, request).await;
        assert!(said.starts_with("HTTP/1.1 403 ") && heard.is_empty(), "{request}: {said}");
    }
}
