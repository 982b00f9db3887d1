//! A TLS connection to an engine, by the files that docker's own settings name.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::bridge::bridge;
use crate::credentials::Credentials;
use crate::stream::Stream;

/// Connects, shakes hands, and gives the near end of a pair of sockets; a task carries the bytes until both have ended.
///
/// # Errors
/// Where the engine is not there or not the one that was meant, and where a file is of no use.
pub(crate) async fn connect(stream: TcpStream, host: &str, credentials: &Credentials) -> io::Result<Stream> {
    let mut config = config(credentials)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let (near, carry) =
        bridge(shaken.map_err(|error| io::Error::new(error.kind(), format!("TLS: {error}")))?)?;
    tokio::spawn(carry);
    Ok(near)
}

fn config(credentials: &Credentials) -> io::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = if credentials.verify {
        builder.with_root_certificates(roots(credentials)?)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
    };
    let Some((certificate, key)) = &credentials.own else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate)?;
    let own = builder.with_client_auth_cert(chain, private_key(key)?);
    Ok(own.map_err(|error| UnusableFile::new(certificate, error))?)
}

fn roots(credentials: &Credentials) -> Result<RootCertStore, UnusableFile> {
    if let Some(path) = &credentials.ca {
        return authorities(path);
    }
    let mut roots = RootCertStore::empty();
    // Some of a system's many may be of no use; without any, nobody is believed.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(roots)
}

/// A file that cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
#[error("cannot use TLS with {}: {why}", path.display())]
pub struct UnusableFile {
    path: PathBuf,
    why: String,
}

impl UnusableFile {
    /// Says what is wrong with the file.
    pub fn new(path: &Path, why: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), why: why.to_string() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl From<UnusableFile> for io::Error {
    fn from(file: UnusableFile) -> Self {
        Self::new(io::ErrorKind::InvalidInput, file)
    }
}

/// All certificates of a PEM file, as those who vouch for others.
pub fn authorities(path: &Path) -> Result<RootCertStore, UnusableFile> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| UnusableFile::new(path, error))?;
    }
    Ok(roots)
}

/// All certificates of a PEM file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UnusableFile> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| UnusableFile::new(path, error))?;
    if all.is_empty() {
        Err(UnusableFile::new(path, "it contains no certificate in PEM format"))
    } else {
        Ok(all)
    }
}

/// The private key of a PEM file.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, UnusableFile> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::NoItemsFound => UnusableFile::new(path, "it contains no private key in PEM format"),
        error => UnusableFile::new(path, error),
    })
}

/// Believes anyone to be the engine, as docker does with TLS that is not verified.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::connect;
    use crate::stub::block_on;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use std::fs;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::server::WebPkiClientVerifier;

    /// An authority's certificate, and one for `127.0.0.1` that it signed, with its key, in a directory by docker's names.
    fn certificates_in(dir: &Path) {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        for (name, text) in [("ca.pem", ca), ("cert.pem", own.pem()), ("key.pem", key.serialize_pem())] {
            fs::write(dir.join(name), text).unwrap();
        }
    }

    /// A server that wants a certificate of the authority in `dir`, and sends back in capitals what it gets before the
    /// client's end; what `connect` came to, and what came back.
    fn tried(dir: &Path, host: &str, credentials: Credentials) -> io::Result<String> {
        let provider = Arc::new(ring::default_provider());
        let own = Credentials::in_directory(dir, true);
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots(&own).unwrap().into(), Arc::clone(&provider));
        let (certificate, key) = own.own.unwrap();
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(certificates(&certificate).unwrap(), PrivateKeyDer::from_pem_file(key).unwrap())
            .unwrap();
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(async move {
                let mut stream =
                    TlsAcceptor::from(Arc::new(server)).accept(listener.accept().await.unwrap().0).await?;
                let mut text = Vec::new();
                stream.read_to_end(&mut text).await?;
                stream.write_all(&text.to_ascii_uppercase()).await?;
                stream.shutdown().await
            });
            let address = Address::Tls { host: host.to_owned(), port, credentials: Box::new(credentials) };
            let stream = connect::connect(&address).await?;
            stream.write_all(b"half").await?;
            stream.shutdown_write()?;
            let (mut text, mut buffer) = (Vec::new(), [0; 64]);
            loop {
                match stream.read(&mut buffer).await? {
                    0 => return Ok(String::from_utf8(text).unwrap()),
                    read => text.extend_from_slice(&buffer[..read]),
                }
            }
        })
    }

    #[test]
    fn an_end_goes_through_and_the_answer_still_comes() {
        let dir = tempfile::tempdir().unwrap();
        certificates_in(dir.path());
        let credentials = Credentials::in_directory(dir.path(), true);
        assert_eq!(tried(dir.path(), "127.0.0.1", credentials.clone()).unwrap(), "HALF");
        // A client that does not verify asks for no name.
        let careless = Credentials { ca: None, verify: false, ..credentials };
        assert_eq!(tried(dir.path(), "localhost", careless).unwrap(), "HALF");
    }

    #[test]
    fn another_engine_or_a_file_of_no_use_is_an_error_that_says_which() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        certificates_in(dir.path());
        certificates_in(other.path());
        let right = Credentials::in_directory(dir.path(), true);
        let wrong_ca = Credentials { ca: Some(other.path().join("ca.pem")), ..right.clone() };
        let missing = Credentials { ca: Some(other.path().join("gone.pem")), ..right.clone() };
        let swapped = Credentials { own: right.own.clone().map(|(own, key)| (key, own)), ..right.clone() };
        for (host, credentials, says) in [
            ("127.0.0.1", wrong_ca, "invalid peer certificate"),
            ("localhost", right.clone(), "not valid for name"),
            ("127.0.0.1", missing, "gone.pem"),
            ("127.0.0.1", swapped, "key.pem: it contains no certificate"),
        ] {
            let error = tried(dir.path(), host, credentials).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        // TLS 1.3 says so in answer to the first bytes only.
        let nobody = tried(dir.path(), "127.0.0.1", Credentials { own: None, ..right });
        assert!(nobody.as_ref().is_ok_and(String::is_empty) || nobody.is_err(), "{nobody:?}");
    }
}
