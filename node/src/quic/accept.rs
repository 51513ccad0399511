//! Taking connections from the directory's keys, and from nobody else (PROTOCOL 24).
//!
//! A source address is validated by a retry before anything is kept for it, and handshakes are counted. Not here: what a session is for.

use std::sync::Arc;

use creditbay_configs::peers::EndorsedDirectory;
use quinn::{Connection, Endpoint, Incoming};
use rustls::pki_types::CertificateDer;
use tokio::sync::mpsc;

use super::dial::Links;
use super::endpoint::PeerDoor;
use super::fault::{HandshakeError, STREAM_WAIT};
use super::held::Held;
use super::identity::{Form, proven_key};
use super::places::Places;
use super::session::{Local, Session};
use crate::exchange::answer::Peer;

/// What becomes of those who are let in.
#[derive(Clone)]
pub struct Reception {
    /// Who may come.
    pub directory: Arc<EndorsedDirectory>,
    /// This node.
    pub local: Arc<Local>,
    /// Where a peer's connection is kept for asking.
    pub links: Arc<Links>,
    /// Who serves a session.
    pub serve: mpsc::UnboundedSender<Arc<Session>>,
    held: Arc<Held>,
}

impl Reception {
    /// Nobody has come yet.
    pub fn new(
        directory: Arc<EndorsedDirectory>,
        local: Arc<Local>,
        links: Arc<Links>,
        serve: mpsc::UnboundedSender<Arc<Session>>,
    ) -> Self {
        Self { directory, local, links, serve, held: Arc::default() }
    }
}

/// Accepts connections at a door for ever.
pub fn accept(door: &PeerDoor, reception: Reception) -> impl Future<Output = ()> + Send + 'static {
    receive(door.endpoint.clone(), door.form, reception)
}

async fn receive(endpoint: Endpoint, form: Form, reception: Reception) {
    let places = Places::free(reception.directory.regions().iter().map(|entry| entry.address));
    while let Some(incoming) = endpoint.accept().await {
        if !incoming.remote_address_validated() {
            // A retry costs nothing here and makes a forged source address useless.
            let _ = incoming.retry();
            continue;
        }
        let Some(place) = places.take(&incoming.remote_address()) else {
            reception.local.metrics.count("creditbay_handshakes_turned_away_total", &[]);
            incoming.refuse();
            continue;
        };
        let reception = reception.clone();
        tokio::spawn(async move {
            let came = match shake_hands(incoming, form, &reception).await {
                Ok((connection, peer)) => welcome(connection, peer, form, &reception).await,
                Err(error) => {
                    reception.local.metrics.count("creditbay_handshakes_refused_total", &[("why", error.name())]);
                    tracing::debug!("a connection was refused: {error}");
                    false
                }
            };
            if !came {
                place.rest().await;
            }
        });
    }
}

/// Who is at the other end, by the key that it proved.
async fn shake_hands(incoming: Incoming, form: Form, reception: &Reception) -> Result<(Connection, Peer), HandshakeError> {
    let connection = tokio::time::timeout(STREAM_WAIT, incoming).await.map_err(|_| HandshakeError::Slow)??;
    let identity = connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
    let key = identity.as_ref().and_then(|chain| proven_key(chain.first()?, form));
    let entry = key.and_then(|key| reception.directory.by_tls(&key)).ok_or(HandshakeError::NoPeersKey)?;
    Ok((connection, Peer { region: entry.name, log: entry.log_origin }))
}

/// From a connection with a peer to a session that is served, if it becomes one. It counts as held before it has said a word.
async fn welcome(connection: Connection, peer: Peer, form: Form, reception: &Reception) -> bool {
    let Reception { local, links, held, serve, .. } = reception;
    if held.hold(peer.region, connection.clone()) {
        local.metrics.count("creditbay_connections_over_bound_total", &[("peer", peer.region.as_str())]);
    }
    let session = match Session::establish(connection, peer, local.clone()).await {
        Ok(session) => session,
        Err(error) => {
            tracing::debug!(peer = %peer.region, "no session: {error}");
            return false;
        }
    };
    if form == Form::RawPublicKey && peer.region < local.region {
        links.accepted(&session);
    }
    serve.send(session).is_ok()
}
