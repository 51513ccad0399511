//! One lasting connection to each peer, found again by itself when it is lost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::name::Region;
use creditbay_protocol::notice::Noticed;
use creditbay_protocol::requester::Asked;
use quinn::{ClientConfig, Endpoint};
use tokio::sync::{mpsc, watch};

use super::endpoint::PeerDoor;
use super::fault::{STREAM_WAIT, SessionError};
use super::session::{Local, Session};
use crate::exchange::answer::Peer;
use crate::exchange::network::{LinkError, Network, Reply};
use crate::log::entry::Appended;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a peer may take to erase what a notice names; after that the notice is sent again.
const NOTICE_WAIT: Duration = Duration::from_secs(120);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A peer and how to reach it.
pub struct Target {
    /// Who it must be.
    pub peer: Peer,
    /// Where.
    pub address: SocketAddr,
    /// With which key.
    pub config: ClientConfig,
}

type Slot = watch::Sender<Option<Arc<Session>>>;

/// The connection to each peer. Of two nodes, the one whose region comes first in the alphabet dials; both ask over the connection.
pub struct Links {
    slots: BTreeMap<Region, Arc<Slot>>,
}

impl Links {
    /// Places for the connections to these peers, all empty.
    pub fn to(peers: impl IntoIterator<Item = Region>) -> Self {
        Self { slots: peers.into_iter().map(|peer| (peer, Arc::new(watch::Sender::new(None)))).collect() }
    }

    /// Begins to dial these targets, and goes on until nobody serves their sessions any more. Each new session is also sent to whoever
    /// serves it.
    pub fn dial(&self, door: &PeerDoor, targets: Vec<Target>, local: &Arc<Local>, serve: &mpsc::UnboundedSender<Arc<Session>>) {
        for target in targets {
            if let Some(slot) = self.slots.get(&target.peer.region) {
                tokio::spawn(keep(door.endpoint.clone(), target, local.clone(), slot.clone(), serve.clone()));
            }
        }
    }

    /// Asks over this session, which the peer dialled, until it ends.
    pub fn accepted(&self, session: &Arc<Session>) {
        if let Some(slot) = self.slots.get(&session.peer().region) {
            tokio::spawn(hold(slot.clone(), session.clone()));
        }
    }

    /// Which peers are connected.
    pub fn connected(&self) -> Vec<(Region, bool)> {
        self.slots.iter().map(|(region, slot)| (*region, slot.borrow().is_some())).collect()
    }

    /// Waits until every peer was heard, at most so long.
    pub async fn heard_all(&self, at_most: Duration) {
        let all = async {
            for slot in self.slots.values() {
                let _ = slot.subscribe().wait_for(Option::is_some).await;
            }
        };
        let _ = tokio::time::timeout(at_most, all).await;
    }

    /// Lets every connected peer hear of a head, so that it can cosign it.
    pub fn announce(&self, head: &SignedHead) {
        for slot in self.slots.values() {
            let session = slot.borrow().clone();
            if let Some(Err(error)) = session.map(|session| session.announce_head(head)) {
                tracing::debug!("a head was not announced: {error}");
            }
        }
    }

    async fn session(&self, issuer: Region) -> Result<Arc<Session>, LinkError> {
        let mut link = self.slots.get(&issuer).ok_or(LinkError::NoPeer)?.subscribe();
        let connected = tokio::time::timeout(STREAM_WAIT, link.wait_for(Option::is_some)).await;
        let session = connected.map_err(|_| LinkError::Unreachable)?.map_err(|_| LinkError::Unreachable)?;
        session.clone().ok_or(LinkError::Unreachable)
    }
}

impl Network for Links {
    fn exchange<'a>(&'a self, issuer: Region, asked: &'a Asked, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let session = self.session(issuer).await?;
            let appended = session.announce(appended).map_err(|_| LinkError::Lost)?;
            let frame = asked.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            session.exchange(&frame).await
        })
    }

    fn tell<'a>(&'a self, receiver: Region, noticed: &'a Noticed, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let session = self.slots.get(&receiver).ok_or(LinkError::NoPeer)?.borrow().clone();
            let session = session.ok_or(LinkError::Unreachable)?;
            let appended = session.announce(appended).map_err(|_| LinkError::Lost)?;
            let frame = noticed.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            let reply = tokio::time::timeout(NOTICE_WAIT, session.exchange(&frame)).await;
            reply.map_err(|_| LinkError::Lost)?
        })
    }
}

async fn keep(
    endpoint: Endpoint,
    target: Target,
    local: Arc<Local>,
    slot: Arc<Slot>,
    serve: mpsc::UnboundedSender<Arc<Session>>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let connected = tokio::select! {
            connected = connect(&endpoint, &target, &local) => connected,
            () = serve.closed() => return,
        };
        match connected {
            Ok(session) => {
                pause = FIRST_PAUSE;
                if serve.send(session.clone()).is_err() {
                    return;
                }
                hold(slot.clone(), session).await;
            }
            Err(error) => tracing::debug!(peer = %target.peer.region, "no connection: {error}"),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = serve.closed() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn hold(slot: Arc<Slot>, session: Arc<Session>) {
    let peer = session.peer().region;
    tracing::info!(%peer, "connected");
    slot.send_replace(Some(session.clone()));
    let why = session.connection().closed().await;
    slot.send_if_modified(|held| {
        let mine = held.as_ref().is_some_and(|held| Arc::ptr_eq(held, &session));
        if mine {
            *held = None;
        }
        mine
    });
    tracing::info!(%peer, "connection ended: {why}");
}

async fn connect(endpoint: &Endpoint, target: &Target, local: &Arc<Local>) -> Result<Arc<Session>, SessionError> {
    let connecting = endpoint
        .connect_with(target.config.clone(), target.address, "creditbay")
        .map_err(|error| SessionError::Transport(error.to_string()))?;
    let connection = tokio::time::timeout(STREAM_WAIT, connecting).await.map_err(|_| SessionError::Slow)?;
    let connection = connection.map_err(|error| SessionError::Transport(error.to_string()))?;
    Session::establish(connection, target.peer, local.clone()).await
}
