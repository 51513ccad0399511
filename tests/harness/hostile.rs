//! Peers that do not keep the rules: a node that skips its own policy, frames that were tampered with, and a stranger.
//!
//! They are made of the daemon's own rooms, so that all but the one thing that is wrong is right. Not here: peers that share nothing with
//! the daemon (`foreign`).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use creditbay_configs::node::NodeConfig;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::{PublicKey, SigningKey};
use creditbay_node::exchange::answer::Peer;
use creditbay_node::exchange::ask::Answer;
use creditbay_node::exchange::network::LinkError;
use creditbay_node::host::keys::read_signing_key;
use creditbay_node::log::entry::{Appended, Entry};
use creditbay_node::node::Node;
use creditbay_node::quic::endpoint::{dial_config, listen};
use creditbay_node::quic::identity::Form;
use creditbay_node::quic::session::{Local, Session};
use creditbay_protocol::name::Region;
use creditbay_protocol::query::Query;
use creditbay_protocol::requester::Asked;
use quinn::Connection;

/// A node of the network that asks whatever it likes. It runs on the store and the keys of a daemon that must not run meanwhile.
pub struct Rogue {
    node: Node,
    tls: SigningKey,
}

impl Rogue {
    /// Takes a node over.
    pub async fn take_over(config: &Path) -> Result<Self> {
        let read = NodeConfig::parse(config, &fs::read_to_string(config)?)?;
        let tls = read_signing_key(&read.keys.tls)?;
        Ok(Self { node: Node::start(config).await?, tls })
    }

    /// A node's own view of another.
    pub fn entry(&self, region: &str) -> Result<&RegionEntry> {
        let entry = Region::new(region).ok().and_then(|region| self.node.exchange.directory.entry(region));
        entry.with_context(|| format!("the directory has no region {region}"))
    }

    /// The key that the node proves in a handshake.
    pub fn tls(&self) -> &SigningKey {
        &self.tls
    }

    /// The node that was taken over.
    pub fn exchange(&self) -> &creditbay_node::exchange::Exchange {
        &self.node.exchange
    }

    /// Logs a query that no rule was asked about.
    pub async fn log(&self, query: Query) -> Result<(Arc<Asked>, Appended)> {
        let asked = Arc::new(Asked::new(query, self.node.exchange.entropy.seed()));
        let appended = self.node.exchange.log.append(Entry::Query(asked.clone())).await?;
        Ok((asked, appended))
    }

    /// Logs and sends it, and verifies the reply as every node does.
    pub async fn ask(&self, query: Query) -> Result<Answer> {
        let (asked, appended) = self.log(query).await?;
        Ok(self.node.exchange.carry_through(asked, appended).await?)
    }

    /// A connection of its own to a peer, for frames that no node would send.
    pub async fn session(&self, region: &str) -> Result<Arc<Session>> {
        let entry = self.entry(region)?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let endpoint = listen(any, &self.tls, [entry.tls], Form::RawPublicKey)?;
        let config = dial_config(&self.tls, entry.tls, Form::RawPublicKey)?;
        let connection = endpoint.connect_with(config, entry.address, "creditbay")?.await?;
        self.session_over(connection, region).await
    }

    /// A session over a connection that stands already.
    pub async fn session_over(&self, connection: Connection, region: &str) -> Result<Arc<Session>> {
        let entry = self.entry(region)?;
        let exchange = &self.node.exchange;
        let me = exchange.directory.entry(exchange.me).context("a node is in its directory")?;
        let local = Local {
            region: exchange.me,
            log: exchange.log.clone(),
            log_key: me.log.clone(),
            clock: exchange.clock.clone(),
            metrics: exchange.metrics.clone(),
        };
        Ok(Session::establish(connection, Peer { region: entry.name, log: entry.log_origin }, Arc::new(local)).await?)
    }

    /// Gives the node back; its daemon can be started again.
    pub async fn withdraw(self) {
        self.node.shut_down().await;
    }
}

/// The frame of a logged query, under a checkpoint that the peer has.
pub fn frame(session: &Session, asked: &Asked, appended: &Appended) -> Result<Vec<u8>> {
    let announced = session.announce(appended)?;
    asked.release(&announced.committed).context("the frame of a query that was just logged")
}

/// Sends a frame as it is, and tells how the peer closed the stream.
pub async fn send(session: &Session, frame: &[u8]) -> Result<Vec<u8>, LinkError> {
    session.exchange(frame).await
}

/// Knocks at a door with a raw public key; how the door was shut, or `greeted`.
pub async fn knock(address: SocketAddr, key: &SigningKey, server: PublicKey) -> Result<String> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let endpoint = listen(any, key, [server], Form::RawPublicKey)?;
    let config = dial_config(key, server, Form::RawPublicKey)?;
    match endpoint.connect_with(config, address, "creditbay")?.await {
        Ok(connection) => Ok(how_shut(&connection).await),
        Err(refused) => Ok(refused.to_string()),
    }
}

/// How a door was shut after the handshake, or `greeted`: a client learns only from its first read that its key was refused.
pub async fn how_shut(connection: &Connection) -> String {
    match tokio::time::timeout(Duration::from_secs(10), connection.accept_uni()).await {
        Ok(Ok(_)) => "greeted".to_owned(),
        Ok(Err(refused)) => refused.to_string(),
        Err(_) => "silence".to_owned(),
    }
}

/// A key that no directory names.
pub fn strangers_key() -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes([7; 32]))
}
