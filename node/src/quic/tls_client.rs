//! TLS over TCP to another region's auditors' door: exactly the key that the network directory names (PROTOCOL 35.1).
//!
//! Not here: connecting, HTTP, and doors with a certificate of an authority.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use creditbay_crypto::sign::PublicKey;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::identity::{Form, Pinned, provider};
use super::tls_server::HTTP;

/// What sets up TLS to the door of one region.
#[derive(Clone)]
pub struct TlsTo(TlsConnector);

impl TlsTo {
    /// The region that has this TLS key.
    pub fn key(key: PublicKey) -> Result<Self, rustls::Error> {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Pinned::new([key], Form::SelfSigned))
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        config.enable_sni = false;
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// TLS over a connection; an error where the other end has another key.
    pub async fn over(&self, stream: TcpStream) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
        // The server's name plays no part.
        self.0.connect(ServerName::from(Ipv4Addr::LOCALHOST), stream).await
    }
}
