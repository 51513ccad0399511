//! The reference: the node's own code, store, checks and group commit, but every message carries a signature of its own.
//!
//! The sender signs its head once more for each message and sends the note behind the frame; the receiver verifies it for each message.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use creditbay_configs::node::NodeConfig;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::sign::SigningKey;
use creditbay_node::exchange::Exchange;
use creditbay_node::exchange::answer::Peer;
use creditbay_node::exchange::replay::Claim;
use creditbay_node::host::keys::read_signing_key;
use creditbay_node::log::entry::{Appended, Entry};
use creditbay_node::node::Node;
use creditbay_node::quic::endpoint::{dial_config, listen};
use creditbay_node::quic::identity::Form;
use creditbay_protocol::chain::{Chain, TrustedRoot};
use creditbay_protocol::limits::{BODY_BYTES, MAX_FRAME_BYTES};
use creditbay_protocol::requester::{Asked, Replied};
use creditbay_protocol::responder::Received;
use quinn::Connection;

use crate::echo::{loopback, spawn_server};
use crate::load::{Figures, drive};
use harness::questions::query;

const MAX_MESSAGE_BYTES: usize = MAX_FRAME_BYTES + 4096;

/// One node, as the reference needs it.
struct Side {
    exchange: Arc<Exchange>,
    signer: NoteSigner,
    other: RegionEntry,
}

impl Side {
    fn new(exchange: Arc<Exchange>, config: &Path, other: &str) -> Result<(Self, SigningKey)> {
        let files = NodeConfig::parse(config, &std::fs::read_to_string(config)?)?.keys;
        let own = exchange.directory.entry(exchange.me).context("a node is in its directory")?;
        let signer = NoteSigner::new(own.log.name().clone(), KeyKind::Ed25519, read_signing_key(&files.log)?);
        let other =
            exchange.directory.regions().iter().find(|entry| entry.name.as_str() == other).context("no such region")?.clone();
        Ok((Self { exchange, signer, other }, read_signing_key(&files.tls)?))
    }

    /// The frame with a signature made for it alone.
    fn signed(&self, mut frame: Vec<u8>, appended: &Appended) -> Result<Vec<u8>> {
        let own = appended.head.signed().checkpoint().sign(&self.signer)?;
        frame.extend(own.note_bytes());
        Ok(frame)
    }

    /// The frame, and the root that the signature behind it vouches for.
    fn verified<'a>(&self, message: &'a [u8]) -> Result<(&'a [u8], TrustedRoot)> {
        let slots = usize::from(u16::from_le_bytes([message[2], message[3]]));
        let (frame, note) = message.split_at_checked(8 + BODY_BYTES + 32 * slots).context("a short message")?;
        let root = Chain::unseen(self.other.log_origin, self.other.log.clone()).advance(note, &[], self.exchange.clock.now())?;
        Ok((frame, root))
    }

    async fn answer(&self, message: &[u8]) -> Result<Vec<u8>> {
        let exchange = &self.exchange;
        let (frame, root) = self.verified(message)?;
        let identified =
            Received::parse(frame).and_then(|received| received.identify(exchange.me, self.other.name, &self.other.log_origin));
        let now = exchange.clock.now();
        let fresh =
            identified.and_then(|query| query.include(&root)).and_then(|query| query.fresh(now, exchange.log.watermark()));
        let fresh = fresh.map_err(|fault| anyhow::anyhow!("fault: {fault}"))?;
        let Claim::New(ticket) = exchange.replay.claim(fresh.asked()) else { bail!("asked twice") };
        let peer = Peer { region: self.other.name, log: self.other.log_origin };
        let pronounced = exchange.pronounce(&peer, fresh, now).await;
        let (judged, appended) = pronounced.map_err(|fault| anyhow::anyhow!("fault: {fault}"))?;
        ticket.settle(appended.committed.place().index);
        exchange.log.raise_watermark(exchange.replay.prune(now));
        self.signed(judged.release(&appended.committed)?, &appended)
    }

    async fn ask(&self, connection: &Connection) -> Result<()> {
        let exchange = &self.exchange;
        let asked = Arc::new(Asked::new(
            query(exchange.me, self.other.name, exchange.orders.read().await.pack().digest(), &exchange.clock),
            exchange.entropy.seed(),
        ));
        let appended = exchange.log.append(Entry::Query(asked.clone())).await?;
        let message = self.signed(asked.release(&appended.committed)?, &appended)?;
        let (mut send, mut recv) = connection.open_bi().await?;
        send.write_all(&message).await?;
        send.finish()?;
        let reply = recv.read_to_end(MAX_MESSAGE_BYTES).await?;
        let (frame, root) = self.verified(&reply)?;
        let replied =
            Replied::parse(frame).and_then(|reply| reply.attribute(&asked, appended.committed.leaf(), &self.other.log_origin));
        let verified =
            replied.and_then(|reply| reply.include(&asked, &root)).map_err(|fault| anyhow::anyhow!("fault: {fault}"))?;
        let note = exchange.witness.cosign(&root)?;
        exchange.log.keep_receipt(appended.committed.place().index, Arc::new(verified), note).await?;
        Ok(())
    }
}

/// Guangzhou's side, in a process of its own.
pub(crate) async fn serve(config: &Path) -> Result<()> {
    let node = Node::start(config).await?;
    let (side, tls) = Side::new(node.exchange.clone(), config, "hk")?;
    let side = Arc::new(side);
    let endpoint = listen(loopback(), &tls, [side.other.tls], Form::RawPublicKey)?;
    println!("{}", endpoint.local_addr()?);
    while let Some(incoming) = endpoint.accept().await {
        let connection = incoming.await?;
        let side = side.clone();
        tokio::spawn(async move {
            while let Ok((mut send, mut recv)) = connection.accept_bi().await {
                let side = side.clone();
                tokio::spawn(async move {
                    let message = recv.read_to_end(MAX_MESSAGE_BYTES).await?;
                    let reply = side.answer(&message).await?;
                    send.write_all(&reply).await?;
                    send.finish()?;
                    anyhow::Ok(())
                });
            }
        });
    }
    Ok(())
}

/// Exchanges per second.
pub(crate) async fn measure(hk: &Arc<Node>, gz_config: &Path, in_flight: usize, time: Duration) -> Result<Figures> {
    let config = gz_config.display().to_string();
    let (mut server, address) = spawn_server(&["reference-server", &config])?;
    let hk_config = gz_config.parent().and_then(Path::parent).context("no folder above the node's")?.join("hk/node.toml");
    let (side, tls) = Side::new(hk.exchange.clone(), &hk_config, "gz")?;
    let side = Arc::new(side);
    let endpoint = listen(loopback(), &tls, [side.other.tls], Form::RawPublicKey)?;
    let connection = endpoint.connect_with(dial_config(&tls, side.other.tls, Form::RawPublicKey)?, address, "creditbay")?.await?;
    let figures = drive(in_flight, time, move || {
        let (side, connection) = (side.clone(), connection.clone());
        async move { side.ask(&connection).await }
    })
    .await;
    server.kill()?;
    server.wait()?;
    figures
}
