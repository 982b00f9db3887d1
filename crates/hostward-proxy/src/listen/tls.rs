//! TLS on a TCP socket: the files that it takes, the handshake, and the names in a client's certificate.
//!
//! Threat model: anybody may connect, and say nothing or anything. Until its handshake is done a connection takes a
//! descriptor and a task, for a few seconds at most. Whoever has a key that the client's authority has signed for is
//! who the certificate says; nothing is asked about certificates that were called back.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hostward_engine::bridge::bridge;
use hostward_engine::select::Selector;
use hostward_engine::stream::Stream;
use hostward_engine::tls::{UnusableFile, authorities, certificates, private_key};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::error::ListenError;
use crate::peer::{Ends, Peer};
use crate::phase::Phase;
use crate::settings::{On, Tls};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may take for what is on its way to it when its connection is over.
const LAST_BYTES: Duration = Duration::from_mins(1);

/// Takes connections that speak TLS.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: TlsAcceptor,
    callers: BTreeMap<String, Selector>,
}

/// What a client's certificate says.
struct ShownCertificate {
    /// All names in it.
    names: Vec<String>,
    /// Those that mean a caller, and which.
    callers: Vec<(String, Selector)>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("callers", &self.callers).finish_non_exhaustive()
    }
}

impl Acceptor {
    /// What speaks TLS there, by the files as they are now; none where nobody does.
    pub(crate) fn of(on: &On) -> Result<Option<Self>, ListenError> {
        match on {
            On::Tls { tls, .. } => Self::new(tls).map(Some),
            On::Unix { .. } | On::Tcp(_) => Ok(None),
        }
    }

    /// Each of the files that is of no use, as they are now; where all are of use, what is wrong with them together.
    pub(crate) fn unusable(on: &On) -> Vec<ListenError> {
        let On::Tls { tls, .. } = on else { return Vec::new() };
        let alone = [
            certificates(&tls.certificate).err(),
            private_key(&tls.key).err(),
            tls.client_ca.as_deref().and_then(|path| authorities(path).err()),
        ];
        let alone: Vec<_> = alone.into_iter().flatten().map(ListenError::from).collect();
        if alone.is_empty() { Self::new(tls).err().into_iter().collect() } else { alone }
    }

    /// Reads the files.
    fn new(tls: &Tls) -> Result<Self, ListenError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| UnusableFile::new(&tls.certificate, error))?;
        let builder = match &tls.client_ca {
            Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(certificates(&tls.certificate)?, private_key(&tls.key)?)
            .map_err(|error| UnusableFile::new(&tls.certificate, error))?;
        // Clients that could speak HTTP/2 ask what is spoken here.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(config).into(), callers: tls.callers.clone() })
    }

    /// Shakes hands with a client, and serves it; not when all is about to end.
    pub(crate) async fn serve<F: Future<Output = ()>>(
        &self,
        stream: Stream,
        ends: Ends,
        mut end: watch::Receiver<Phase>,
        serve: impl FnOnce(Stream, Peer) -> F,
    ) {
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(HANDSHAKE, self.shake_hands(stream)) => shaken,
            _ = end.wait_for(|phase| !phase.is_serving()) => return,
        };
        let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let bridged = shaken.and_then(|(stream, named)| Ok((bridge(stream)?, named)));
        let ((near, carry), ShownCertificate { names, callers }) = match bridged {
            Ok(bridged) => bridged,
            Err(error) => {
                tracing::info!(remote = %ends.remote, %error, "the TLS handshake with a client failed");
                return;
            }
        };
        let mut carry = pin!(carry);
        let mut serving = pin!(serve(near, Peer::Certificate { callers, names, ends }));
        tokio::select! {
            () = &mut serving => {
                // A client that reads no more is not waited for.
                let _ = tokio::time::timeout(LAST_BYTES, carry).await;
            }
            () = &mut carry => serving.await,
        }
    }

    /// The client's stream, the names in its certificate, and the callers that these mean.
    async fn shake_hands(&self, stream: Stream) -> io::Result<(TlsStream<TcpStream>, ShownCertificate)> {
        let Stream::Tcp(stream) = stream else { return Err(io::ErrorKind::Unsupported.into()) };
        let stream = self.tls.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let names = shown.map(|shown| names(shown)).transpose()?.unwrap_or_default();
        let caller = |name: &String| Some((name.clone(), self.callers.get(name)?.clone()));
        let callers = names.iter().filter_map(caller).collect();
        Ok((stream, ShownCertificate { names, callers }))
    }
}

fn verifier(path: &Path, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, ListenError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(authorities(path)?.into(), provider).build();
    Ok(verifier.map_err(|error| UnusableFile::new(path, error))?)
}

/// The DNS names of a certificate and the common names of its subject. In a client's certificate both are what its
/// authority says of it, and docker's own guide writes the common name alone.
fn names(certificate: &CertificateDer<'_>) -> io::Result<Vec<String>> {
    let bad = |error| io::Error::other(format!("the client's certificate cannot be read: {error}"));
    let certificate = Certificate::from_der(certificate).map_err(bad)?;
    let certificate = certificate.tbs_certificate();
    let common = certificate.subject().common_name().map_err(bad)?;
    let mut names: Vec<_> = common.iter().map(|name| name.value().into_owned()).collect();
    let alternatives = certificate.get_extension::<SubjectAltName>().map_err(bad)?;
    for alternative in alternatives.into_iter().flat_map(|(_, alternatives)| alternatives.0) {
        if let GeneralName::DnsName(name) = alternative {
            names.push(name.to_string());
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
