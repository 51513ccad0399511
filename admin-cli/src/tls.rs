//! TLS to an auditors' door: whom to expect there, by a key or by an authority that a person named (PROTOCOL 35.1).
//!
//! TLS 1.3 alone. No authority is believed that was not named. Not here: HTTP (`client`).

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use creditbay_crypto::key_file::spki_der;
use creditbay_crypto::sign::PublicKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::file;

/// Whom to expect behind a door.
#[derive(Clone)]
pub struct Expected(TlsConnector);

impl Expected {
    /// The one who has this key, whatever its certificate says: a region's TLS key of the network directory.
    pub fn key(key: PublicKey) -> anyhow::Result<Self> {
        let provider = Arc::new(default_provider());
        let verifier = OneKey::of(key, provider.clone());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13])?;
        Ok(Self::with(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
    }

    /// Whoever has a certificate for the URL's host from an authority in this file.
    pub fn authority(path: &Path) -> anyhow::Result<Self> {
        let pem = file::read_text(path)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.with_context(|| format!("{}: not a certificate in PEM", path.display()))?;
            roots.add(certificate).with_context(|| format!("{}: not a certificate of an authority", path.display()))?;
        }
        if roots.is_empty() {
            bail!("{} holds no certificate in PEM; name the file of the authority's certificate", path.display());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        Ok(Self::with(builder.with_root_certificates(roots).with_no_client_auth()))
    }

    fn with(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// The handshake over a connection to `host`.
    pub async fn meet(&self, host: &str, stream: TcpStream) -> anyhow::Result<TlsStream<TcpStream>> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = match host.parse::<IpAddr>() {
            Ok(address) => ServerName::IpAddress(address.into()),
            Err(_) => ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no name of a host"))?,
        };
        self.0.connect(name, stream).await.with_context(|| {
            format!("{host} is not who is expected there, or speaks no TLS 1.3; look at the network directory's TLS key, or --ca")
        })
    }
}

/// Takes the one server whose certificate is around a key, whatever else it says, over TLS 1.3 alone.
#[derive(Debug)]
pub struct OneKey {
    key: PublicKey,
    provider: Arc<CryptoProvider>,
}

impl OneKey {
    /// The server with this key.
    pub fn of(key: PublicKey, provider: Arc<CryptoProvider>) -> Arc<Self> {
        Arc::new(Self { key, provider })
    }
}

impl ServerCertVerifier for OneKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let same = found.as_ref() == spki_der(&self.key).as_slice();
        if same { Ok(ServerCertVerified::assertion()) } else { Err(CertificateError::UnknownIssuer.into()) }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
