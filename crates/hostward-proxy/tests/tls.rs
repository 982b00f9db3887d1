//! TLS at the proxy's socket: who gets in, whom certificates name, and that bytes and ends go through.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod stub;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hostward_engine::select::Selector;
use hostward_proxy::{Callers, Inherited, Listen, On, Settings, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use stub::{GET, Peer, World, content_length, post, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// An authority that signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
struct Identity {
    certificate: String,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Signs for a common name and DNS names, for a time that ends with `year`.
    fn signs_until(&self, year: i32, common: &str, names: &[&str]) -> Identity {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(year, 12, 31));
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.signed_by(&key, &self.issuer).unwrap().pem(), key }
    }

    fn signs(&self, common: &str, names: &[&str]) -> Identity {
        self.signs_until(2999, common, names)
    }
}

/// A proxy that speaks TLS in front of a stub, and the authority of its certificates.
struct Tested {
    world: World,
    authority: Authority,
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<String>>>,
    settings: Settings,
}

/// Names that mean the container that the stub knows, and another.
const CALLERS: [(&str, &str); 3] = [("one", "caller"), ("one.example", "caller"), ("two", "other")];

impl Tested {
    async fn new() -> Self {
        let authority = Authority::new();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut settings = None;
        let set = |made: &mut Settings| {
            let dir = made.engine.socket().unwrap().parent().unwrap().to_owned();
            write(&dir, &authority, &authority.signs("proxy", &["localhost"]));
            let file = |name: &str| dir.join(name);
            let callers = CALLERS.map(|(name, caller)| (name.to_owned(), Selector::parse(caller).unwrap()));
            let tls = Tls {
                certificate: file("cert.pem"),
                key: file("key.pem"),
                client_ca: Some(file("ca.pem")),
                callers: callers.into(),
            };
            made.listen.push(Listen { on: On::Tls { address, tls }, callers: Callers::Each });
            settings = Some(made.clone());
            Inherited::new([socket.into()]).unwrap()
        };
        let arrived: Arc<Mutex<Vec<String>>> = Arc::default();
        let record = Arc::clone(&arrived);
        let world = World::of_containers(set, "1.51", move |mut peer: Peer, head, body| {
            let record = Arc::clone(&record);
            async move {
                if head.starts_with("GET /containers/json ") {
                    peer.send(stub::ok("[]")).await;
                } else if head.contains("Upgrade: tcp") {
                    peer.send(UPGRADED).await;
                    let input = peer.rest().await;
                    peer.send([b"got ", input.as_slice()].concat()).await;
                    peer.end().await;
                } else {
                    record.lock().unwrap().push(String::from_utf8(body).unwrap());
                    peer.send(stub::OK).await;
                }
                peer
            }
        })
        .await;
        Self { world, authority, address, arrived, settings: settings.unwrap() }
    }

    async fn connect(&self, identity: Option<&Identity>) -> std::io::Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        let stream = TcpStream::connect(self.address).await?;
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), stream).await.map(Client)
    }

    /// What is answered to a request; an error where nothing is.
    async fn ask(&self, identity: Option<&Identity>, request: &str) -> std::io::Result<String> {
        let mut client = self.connect(identity).await?;
        client.0.write_all(request.as_bytes()).await?;
        let head = client.until("\r\n\r\n").await?;
        let body = client.exactly(content_length(&head)).await?;
        Ok(head + &body)
    }

    /// The request that mounts the caller's /ws/f.
    async fn asks_for_a_mount(&self, identity: &Identity) -> String {
        let create = post("/containers/create", r#"{"HostConfig":{"Binds":["/ws/f:/x"]}}"#);
        self.ask(Some(identity), &create).await.unwrap()
    }
}

struct Client(TlsStream<TcpStream>);

impl Client {
    async fn exactly(&mut self, len: usize) -> std::io::Result<String> {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    async fn until(&mut self, end: &str) -> std::io::Result<String> {
        let mut text = String::new();
        while !text.ends_with(end) {
            text += &self.exactly(1).await?;
        }
        Ok(text)
    }
}

fn write(dir: &Path, authority: &Authority, identity: &Identity) {
    std::fs::write(dir.join("ca.pem"), &authority.pem).unwrap();
    std::fs::write(dir.join("cert.pem"), &identity.certificate).unwrap();
    std::fs::write(dir.join("key.pem"), identity.key.serialize_pem()).unwrap();
}

const ATTACH: &str = "POST /v1.43/containers/c/attach?stream=1 HTTP/1.1\r\nHost: docker\r\n\
                      Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

#[test]
fn a_name_in_the_certificate_means_its_caller() {
    run(async {
        let tested = Tested::new().await;
        for (common, names) in
            [("one", &[][..]), ("whoever", &["one.example"]), ("one", &["one.example", "none.example"])]
        {
            let answer = tested.asks_for_a_mount(&tested.authority.signs(common, names)).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{common}: {answer}");
            let arrived = tested.arrived.lock().unwrap().pop().unwrap();
            assert!(arrived.contains("/srv/ws/f:/x"), "{common}: {arrived}");
        }
    });
}

#[test]
fn names_that_mean_two_callers_or_none_are_refused() {
    run(async {
        let tested = Tested::new().await;
        let both = tested.asks_for_a_mount(&tested.authority.signs("two", &["one.example"])).await;
        assert!(both.starts_with("HTTP/1.1 403 "), "{both}");
        assert!(both.contains("caller (as one.example)") && both.contains("other (as two)"), "{both}");
        // Not this process, which has a socket's other end.
        let unlisted = tested.authority.signs("three", &["three.example"]);
        let none = tested.asks_for_a_mount(&unlisted).await;
        assert!(none.starts_with("HTTP/1.1 403 ") && none.contains("127.0.0.1"), "{none}");
        assert!(tested.arrived.lock().unwrap().is_empty());
        assert!(tested.ask(Some(&unlisted), GET).await.unwrap().ends_with("OK"));
    });
}

#[test]
fn nobody_gets_in_without_a_certificate_that_holds() {
    run(async {
        let tested = Tested::new().await;
        let others = Authority::new().signs("one", &[]);
        let expired = tested.authority.signs_until(2020, "one", &[]);
        for identity in [None, Some(&others), Some(&expired)] {
            assert!(tested.ask(identity, GET).await.is_err());
        }
        let mut plain = TcpStream::connect(tested.address).await.unwrap();
        plain.write_all(GET.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        assert_eq!(tested.world.seen(), 0);
        tested.ask(Some(&tested.authority.signs("one", &[])), GET).await.unwrap();
    });
}

#[test]
fn ends_go_through_one_by_one() {
    run(async {
        let tested = Tested::new().await;
        let identity = tested.authority.signs("one", &[]);
        let mut client = tested.connect(Some(&identity)).await.unwrap();
        client.0.write_all(ATTACH.as_bytes()).await.unwrap();
        assert_eq!(client.until("\r\n\r\n").await.unwrap(), UPGRADED);
        // More than all buffers on the way hold.
        let input = vec![b'x'; 8 << 20];
        client.0.write_all(&input).await.unwrap();
        client.0.shutdown().await.unwrap();
        let mut output = Vec::new();
        client.0.read_to_end(&mut output).await.unwrap();
        assert!(output.starts_with(b"got ") && output[4..] == input, "{} bytes", output.len());
    });
}

#[test]
fn clients_that_say_nothing_keep_nobody_waiting_and_leave_nothing() {
    run(async {
        let tested = Tested::new().await;
        let identity = tested.authority.signs("one", &[]);
        tested.ask(Some(&identity), GET).await.unwrap();
        let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = open();
        let mut silent = Vec::new();
        for _ in 0..300 {
            silent.push(TcpStream::connect(tested.address).await.unwrap());
        }
        tested.ask(Some(&identity), GET).await.unwrap();
        for mut client in silent {
            // The proxy's patience ends.
            assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)));
        }
        while open() > before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn files_are_read_again_and_bad_ones_change_nothing() {
    run(async {
        let tested = Tested::new().await;
        let before = tested.authority.signs("one", &[]);
        let dir = tested.world.path("");
        std::fs::write(dir.join("key.pem"), "no key").unwrap();
        let error = tested.world.trigger.reload(tested.settings.clone()).await.unwrap_err().to_string();
        assert!(error.contains("key.pem"), "{error}");
        tested.ask(Some(&before), GET).await.unwrap();

        let after = Authority::new();
        write(&dir, &after, &tested.authority.signs("proxy", &["localhost"]));
        tested.world.trigger.reload(tested.settings.clone()).await.unwrap();
        assert!(tested.ask(Some(&before), GET).await.is_err());
        tested.ask(Some(&after.signs("one", &[])), GET).await.unwrap();
    });
}
