//! Handshakes that a node must turn away: keys that are not one's own, no key, other protocols, other versions, and one that never ends.
//!
//! Not here: what is said after a handshake (`forger`).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use creditbay_crypto::key_file::{pkcs8_der, spki_der};
use creditbay_crypto::sign::{PublicKey, SigningKey};
use creditbay_node::quic::identity::{Form, Pinned};
use creditbay_protocol::limits::ALPN;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint, TransportConfig};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::hostile::how_shut;

/// How a Retry begins (RFC 9000, 17.2.5).
const RETRY: u8 = 0xf0;

/// What somebody shows in a handshake.
pub struct Disguise<'a> {
    /// The raw public key that is shown, with the key that signs for it; nothing where there is none.
    pub shown: Option<(PublicKey, &'a SigningKey)>,
    /// The application protocols that are offered.
    pub alpn: Vec<Vec<u8>>,
    /// The version of QUIC.
    pub version: u32,
}

impl<'a> Disguise<'a> {
    /// What a node shows with this key.
    pub fn of(key: &'a SigningKey) -> Self {
        Self { shown: Some((key.public(), key)), alpn: vec![ALPN.to_vec()], version: 1 }
    }

    /// How a node is dialled so, which must show this key itself.
    pub fn config(self, server: PublicKey) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Pinned::new([server], Form::RawPublicKey));
        let mut tls = match self.shown {
            None => builder.with_no_client_auth(),
            Some((shown, key)) => {
                let signing = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8_der(key).to_vec()))?;
                let certified = CertifiedKey::new(vec![CertificateDer::from(spki_der(&shown))], signing);
                builder.with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::new(certified))))
            }
        };
        tls.alpn_protocols = self.alpn;
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        config.version(self.version).transport_config(Arc::new(TransportConfig::default()));
        Ok(config)
    }

    /// Knocks: how the door was shut, or `greeted`.
    pub async fn knock(self, address: SocketAddr, server: PublicKey) -> Result<String> {
        let endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        match endpoint.connect_with(self.config(server)?, address, "creditbay")?.await {
            Ok(connection) => Ok(how_shut(&connection).await),
            Err(refused) => Ok(refused.to_string()),
        }
    }
}

/// A way to a door on which a handshake is begun and never ended: once the door has answered with more than a Retry, nothing of the visitor's
/// gets through any more.
pub struct Narrow {
    /// Where to dial.
    pub address: SocketAddr,
    relaying: JoinHandle<()>,
}

impl Narrow {
    /// A way to this door for one visitor.
    pub async fn to(door: SocketAddr) -> Result<Self> {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (outer, inner) = (UdpSocket::bind(here).await?, UdpSocket::bind(here).await?);
        inner.connect(door).await?;
        let address = outer.local_addr()?;
        let relaying = tokio::spawn(async move {
            let (mut there, mut back) = ([0; 2_048], [0; 2_048]);
            let (mut visitor, mut open) = (None, true);
            loop {
                tokio::select! {
                    Ok((len, from)) = outer.recv_from(&mut there) => {
                        visitor = Some(from);
                        if open {
                            let _ = inner.send(&there[..len]).await;
                        }
                    }
                    Ok(len) = inner.recv(&mut back) => {
                        open &= back[0] & 0xf0 == RETRY;
                        if let Some(visitor) = visitor {
                            let _ = outer.send_to(&back[..len], visitor).await;
                        }
                    }
                }
            }
        });
        Ok(Self { address, relaying })
    }
}

impl Drop for Narrow {
    fn drop(&mut self) {
        self.relaying.abort();
    }
}
