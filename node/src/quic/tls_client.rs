//! TLS over TCP to another region's auditors' door: exactly the key that the network directory names (PROTOCOL 35.1).
//!
//! Not here: connecting, HTTP, and doors with a certificate of an authority.

use std::sync::Arc;

use creditbay_crypto::sign::PublicKey;
use rustls::version::TLS13;
use tokio_rustls::TlsConnector;

use super::identity::{Form, Pinned, provider};
use super::tls_server::HTTP;

/// What sets up TLS to the door of the region that has this TLS key. The server's name plays no part: give any.
pub fn connector(key: PublicKey) -> Result<TlsConnector, rustls::Error> {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Pinned::new([key], Form::SelfSigned))
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_sni = false;
    Ok(TlsConnector::from(Arc::new(config)))
}
