//! Who is at the other end: the Ed25519 key that the network directory names, as a raw public key or inside a self-signed certificate.
//!
//! No certificate authority, no dates, no names: the pinned key is the identity. Not here: which region a key belongs to.

use std::collections::BTreeSet;
use std::sync::Arc;

use creditbay_crypto::key_file::{pkcs8_der, public_from_spki, spki_der};
use creditbay_crypto::sign::{PublicKey, SigningKey};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// How a key is shown in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// RFC 7250.
    RawPublicKey,
    /// A self-signed certificate around the same key, for foreign QUIC stacks.
    SelfSigned,
}

/// ring, and nothing else.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// This node's own key, in the form of the listener.
pub fn certified(key: &SigningKey, form: Form) -> Result<Arc<CertifiedKey>, Error> {
    let der = PrivatePkcs8KeyDer::from(pkcs8_der(key).to_vec());
    let signing = provider().key_provider.load_private_key(der.clone_key().into())?;
    let chain = match form {
        Form::RawPublicKey => CertificateDer::from(spki_der(&key.public())),
        Form::SelfSigned => self_signed(&der)?,
    };
    Ok(Arc::new(CertifiedKey::new(vec![chain], signing)))
}

fn self_signed(der: &PrivatePkcs8KeyDer<'_>) -> Result<CertificateDer<'static>, Error> {
    let failed = |error: rcgen::Error| Error::General(error.to_string());
    let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(der, &rcgen::PKCS_ED25519).map_err(failed)?;
    let params = rcgen::CertificateParams::new(vec!["creditbay".to_owned()]).map_err(failed)?;
    Ok(params.self_signed(&pair).map_err(failed)?.der().clone())
}

/// The key that a peer proved in the handshake.
pub fn proven_key(certificate: &CertificateDer<'_>, form: Form) -> Option<PublicKey> {
    match form {
        Form::RawPublicKey => public_from_spki(certificate).ok(),
        Form::SelfSigned => public_from_spki(&ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info()).ok(),
    }
}

/// Takes exactly these keys.
#[derive(Debug)]
pub struct Pinned {
    keys: BTreeSet<[u8; 32]>,
    form: Form,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    /// A verifier for these keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>, form: Form) -> Arc<Self> {
        let keys = keys.into_iter().map(|key| *key.as_bytes()).collect();
        Arc::new(Self { keys, form, algorithms: provider().signature_verification_algorithms })
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let known = proven_key(certificate, self.form).is_some_and(|key| self.keys.contains(key.as_bytes()));
        if known { Ok(()) } else { Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) }
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.form {
            Form::RawPublicKey => {
                let key = SubjectPublicKeyInfoDer::from(certificate.as_ref());
                verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
            }
            Form::SelfSigned => verify_tls13_signature(message, certificate, signature, &self.algorithms),
        }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
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
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.form == Form::RawPublicKey
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
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
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.form == Form::RawPublicKey
    }
}
