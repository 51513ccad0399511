//! The peers' way to each other: QUIC, TLS 1.3 with mutual raw public keys (RFC 7250), ALPN `creditbay/1` (PROTOCOL 24).
//!
//! The one room of quinn, rustls and rcgen. `endpoint` sets the limits, `lanes` are its sockets, `identity` pins keys, `session` is one connection after its hello,
//! `dial` keeps one to each peer, `accept` takes theirs (`places` and `held` bound how many); `tls_server` and `tls_client` are the same keys over TCP, for the auditors' doors.
//! Not here: what the frames mean.

pub mod accept;
pub mod dial;
pub mod endpoint;
pub mod fault;
pub mod held;
pub mod identity;
pub mod inbound;
pub mod lanes;
pub mod places;
pub mod session;
pub mod tls_client;
pub mod tls_server;
