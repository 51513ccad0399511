//! Endpoints with every limit set (PROTOCOL 24.1).
//!
//! quinn's own defaults leave the connection's receive window unbounded and show the round-trip time to an observer (spin bit). Not here:
//! what a connection is used for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::sign::{PublicKey, SigningKey};
use creditbay_protocol::limits::ALPN;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    AckFrequencyConfig, ClientConfig, Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::version::TLS13;

use super::identity::{Form, Pinned, certified, provider};
use super::lanes::{Lanes, OTHERS};
use crate::host::telemetry::Metrics;

/// The one version of QUIC that is spoken (RFC 9000).
const QUIC_VERSION: u32 = 1;
/// Exchanges in flight on one connection; more wait for a stream.
pub const STREAMS: u32 = 512;
/// Connections that may be in their handshake at once.
const INCOMING: usize = 1_024;
/// Bytes of one stream that may wait to be read; a frame is at most 2 312.
const STREAM_WINDOW: u32 = 64 * 1024;
/// Bytes of one connection that may wait to be read: 512 frames of 2 312 bytes are 1.2 MB.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// A connection without a packet for so long is lost.
const IDLE: Duration = Duration::from_secs(30);
/// Packets that may wait for an acknowledgement, at a peer that knows the extension.
const ACK_THRESHOLD: u32 = 10;
/// How often the dialling side lets itself be heard.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address cannot be bound.
    #[error("peers' door {address}: {error}; choose another address in node.toml")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The key or the TLS configuration is not usable.
    #[error("peers' door: {0}")]
    Tls(#[from] rustls::Error),
    /// TLS 1.3's initial cipher suite is missing.
    #[error("peers' door: {0}")]
    Quic(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// Opens an endpoint that takes connections from the pinned keys, wherever they come from, and can dial.
pub fn listen(
    address: SocketAddr,
    key: &SigningKey,
    peers: impl IntoIterator<Item = PublicKey>,
    form: Form,
) -> Result<Endpoint, EndpointError> {
    open(address, server(key, peers, form)?, &[], Arc::default())
}

fn open(
    address: SocketAddr,
    server: ServerConfig,
    apart: &[SocketAddr],
    metrics: Arc<Metrics>,
) -> Result<Endpoint, EndpointError> {
    let mut speaking = EndpointConfig::default();
    // quinn knows the drafts of version 1 too; they are not reviewed here.
    speaking.supported_versions(vec![QUIC_VERSION]);
    let lanes = Lanes::open(address, apart, OTHERS, metrics);
    let opened =
        lanes.and_then(|lanes| Endpoint::new_with_abstract_socket(speaking, Some(server), lanes, Arc::new(TokioRuntime)));
    opened.map_err(|error| EndpointError::Bind { address, error })
}

fn server(key: &SigningKey, peers: impl IntoIterator<Item = PublicKey>, form: Form) -> Result<ServerConfig, EndpointError> {
    let verifier = Pinned::new(peers, form);
    let builder = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier);
    let certified = certified(key, form)?;
    let mut tls = match form {
        Form::RawPublicKey => builder.with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified))),
        Form::SelfSigned => builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from((*certified).clone()))),
    };
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.max_early_data_size = 0;
    tls.send_tls13_tickets = 0;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport(false))).migration(false).max_incoming(INCOMING);
    Ok(config)
}

/// How to dial exactly this peer.
pub fn dial_config(key: &SigningKey, peer: PublicKey, form: Form) -> Result<ClientConfig, EndpointError> {
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Pinned::new([peer], form));
    let certified = certified(key, form)?;
    let mut tls = match form {
        Form::RawPublicKey => builder.with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(certified))),
        Form::SelfSigned => {
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from((*certified).clone())))
        }
    };
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = rustls::client::Resumption::disabled();
    tls.enable_sni = false;
    tls.enable_early_data = false;
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport(true)));
    Ok(config)
}

/// An endpoint of this node's, with the form in which it shows its key.
pub struct PeerDoor {
    pub(super) endpoint: Endpoint,
    pub(super) form: Form,
}

impl PeerDoor {
    /// Opens a door for these peers: their keys are pinned, and what comes from their addresses is kept apart from what comes from others.
    pub fn open(
        address: SocketAddr,
        key: &SigningKey,
        peers: &[RegionEntry],
        form: Form,
        metrics: Arc<Metrics>,
    ) -> Result<Self, EndpointError> {
        let server = server(key, peers.iter().map(|peer| peer.tls), form)?;
        let apart: Vec<_> = peers.iter().map(|peer| peer.address).collect();
        Ok(Self { endpoint: open(address, server, &apart, metrics)?, form })
    }

    /// Where it is.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Says goodbye on every connection and waits until it was heard.
    pub async fn close(self) {
        self.endpoint.close(VarInt::from_u32(0), b"shutting down");
        self.endpoint.wait_idle().await;
    }
}

fn transport(dialling: bool) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
        .datagram_receive_buffer_size(None)
        .allow_spin(false)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE.as_millis() as u32))));
    // An answer carries the acknowledgement of its query; a packet for that alone costs both sides as much as a message.
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements.ack_eliciting_threshold(VarInt::from_u32(ACK_THRESHOLD));
    transport.ack_frequency_config(Some(acknowledgements));
    if dialling {
        transport.keep_alive_interval(Some(KEEP_ALIVE));
    }
    transport
}

#[cfg(test)]
mod tests;
