//! TLS over TCP for the auditors' door: what is shown in the handshake (PROTOCOL 35.1).
//!
//! TLS 1.3 alone, no tickets, nobody is asked for a certificate: auditors sign their requests. Not here: the handshakes (`serve::secured`).

use std::path::Path;
use std::sync::Arc;

use creditbay_configs::node::AuditorsTls;
use creditbay_crypto::sign::SigningKey;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use tokio_rustls::TlsAcceptor;

use super::identity::{Form, certified, provider};
use crate::host::keys::{self, KeyError};

/// What the door speaks inside TLS.
pub(super) const HTTP: &[u8] = b"http/1.1";

/// Why the door has nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum ShownError {
    /// The certificate's file cannot be read.
    #[error("{path}: {error}; it must hold the certificate's chain in PEM")]
    Chain {
        /// The file.
        path: String,
        /// Why not.
        error: String,
    },
    /// The key's file cannot be read.
    #[error(transparent)]
    KeyFile(#[from] KeyError),
    /// The key's file holds no key.
    #[error("{path}: {error}; it must hold the certificate's private key in PEM")]
    Key {
        /// The file.
        path: String,
        /// Why not.
        error: String,
    },
    /// Certificate and key do not fit, or TLS cannot use them.
    #[error("auditors' door: {0}; look at auditors_certificate and auditors_key")]
    Tls(#[from] rustls::Error),
}

/// What takes handshakes at the auditors' door; `None` where it speaks in clear. `key` is the region's TLS identity.
pub fn acceptor(shown: &AuditorsTls, key: &SigningKey) -> Result<Option<TlsAcceptor>, ShownError> {
    let shown = match shown {
        AuditorsTls::Plain => return Ok(None),
        AuditorsTls::Identity => certified(key, Form::SelfSigned)?,
        AuditorsTls::Certificate { certificate, key } => Arc::new(from_files(certificate, key)?),
    };
    let shown: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from((*shown).clone()));
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![HTTP.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn from_files(certificate: &Path, key: &Path) -> Result<CertifiedKey, ShownError> {
    let unreadable =
        |error: &dyn std::fmt::Display| ShownError::Chain { path: certificate.display().to_string(), error: error.to_string() };
    let pem = std::fs::read(certificate).map_err(|error| unreadable(&error))?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(&error))?;
    if chain.is_empty() {
        return Err(unreadable(&"no certificate stands in it"));
    }
    let pem = keys::read_private(key)?;
    let der = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|error| ShownError::Key { path: key.display().to_string(), error: error.to_string() })?;
    Ok(CertifiedKey::from_der(chain, der, &provider())?)
}

#[cfg(test)]
mod tests {
    use creditbay_crypto::secret::Seed;

    use super::*;

    #[test]
    fn a_certificate_whose_files_do_not_hold_is_refused_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        let shown = AuditorsTls::Certificate { certificate: chain.clone(), key: key.clone() };
        let identity = SigningKey::from_seed(Seed::from_bytes([1; 32]));
        let refused = || acceptor(&shown, &identity).err().unwrap();
        assert!(matches!(refused(), ShownError::Chain { .. }));
        std::fs::write(&chain, "no certificate").unwrap();
        assert!(refused().to_string().contains("no certificate stands in it"));
        let other = rcgen::generate_simple_self_signed(vec!["log.example".to_owned()]).unwrap();
        std::fs::write(&chain, other.cert.pem()).unwrap();
        assert!(matches!(refused(), ShownError::KeyFile(_)));
        let private = |text: &str| {
            std::fs::write(&key, text).unwrap();
            std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        };
        private("no key");
        assert!(matches!(refused(), ShownError::Key { .. }));
        private(&rcgen::generate_simple_self_signed(vec!["log.example".to_owned()]).unwrap().signing_key.serialize_pem());
        assert!(matches!(refused(), ShownError::Tls(_)), "the key of another certificate");
        private(&other.signing_key.serialize_pem());
        assert!(acceptor(&shown, &identity).unwrap().is_some());
        assert!(acceptor(&AuditorsTls::Plain, &identity).unwrap().is_none());
    }
}
