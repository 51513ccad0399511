//! Taking connections from the directory's keys, and from nobody else (PROTOCOL 24).
//!
//! A source address is validated by a retry before anything is kept for it, and handshakes are counted. Not here: what a session is for.

use std::sync::Arc;

use creditbay_configs::peers::EndorsedDirectory;
use quinn::{Endpoint, Incoming};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Semaphore, mpsc};

use super::dial::Links;
use super::endpoint::PeerDoor;
use super::identity::{Form, proven_key};
use super::session::{Local, STREAM_WAIT, Session, SessionError};
use crate::exchange::answer::Peer;

/// Handshakes at once; more are turned away.
const HANDSHAKES: usize = 64;

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
}

/// Accepts connections at a door for ever.
pub fn accept(door: &PeerDoor, reception: Reception) -> impl Future<Output = ()> + Send + 'static {
    receive(door.endpoint.clone(), door.form, reception)
}

async fn receive(endpoint: Endpoint, form: Form, reception: Reception) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    while let Some(incoming) = endpoint.accept().await {
        if !incoming.remote_address_validated() {
            // A retry costs nothing here and makes a forged source address useless.
            let _ = incoming.retry();
            continue;
        }
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            reception.local.metrics.count("creditbay_handshakes_turned_away_total", &[]);
            incoming.refuse();
            continue;
        };
        let reception = reception.clone();
        tokio::spawn(async move {
            match greet(incoming, form, &reception).await {
                Ok(session) => {
                    if form == Form::RawPublicKey && session.peer().region < reception.local.region {
                        reception.links.accepted(&session);
                    }
                    let _ = reception.serve.send(session);
                }
                Err(error) => {
                    reception.local.metrics.count("creditbay_handshakes_refused_total", &[]);
                    tracing::debug!("a connection was refused: {error}");
                }
            }
            drop(permit);
        });
    }
}

async fn greet(incoming: Incoming, form: Form, reception: &Reception) -> Result<Arc<Session>, SessionError> {
    let connection = tokio::time::timeout(STREAM_WAIT, incoming).await.map_err(|_| SessionError::Slow)?;
    let connection = connection.map_err(|error| SessionError::Transport(error.to_string()))?;
    let identity = connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
    let key = identity.as_ref().and_then(|chain| proven_key(chain.first()?, form));
    let entry = key.and_then(|key| reception.directory.by_tls(&key));
    let entry = entry.ok_or(SessionError::Control("a key that the directory does not name"))?;
    let peer = Peer { region: entry.name, log: entry.log_origin };
    Session::establish(connection, peer, reception.local.clone()).await
}
