//! Doors that are not the node's: one pronounces an answer whenever a query comes (the mutant that answers twice), one lets an answer out
//! before any witness saw it.
//!
//! All the rest is the node's own, step by step.

use creditbay_node::exchange::Exchange;
use creditbay_node::exchange::answer::Peer;
use creditbay_node::exchange::replay::Claim;
use creditbay_node::log::entry::Appended;
use creditbay_node::log::fault::LogError;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::responder::{Fresh, Received};

/// The reply's frame, pronounced anew. Where witnesses would have to be waited for, nothing.
pub(crate) async fn answer(
    exchange: &Exchange,
    peer: &Peer,
    frame: &[u8],
    announce: impl Fn(&Appended) -> Result<Appended, LogError>,
) -> Result<Vec<u8>, Fault> {
    let (fresh, now) = verified(exchange, peer, frame).await?;
    let named = exchange.orders.read().await.pack_for(fresh.asked().query.pack, fresh.asked().time).cloned();
    if named.is_ok_and(|pack| pack.witnessed().is_some()) {
        return Err(Fault::Closing);
    }
    let (judged, appended) = exchange.pronounce(peer, fresh, now).await?;
    let appended = announce(&appended).map_err(|_| Fault::LogStopped)?;
    judged.release(&appended.committed).map_err(|_| Fault::LogStopped)
}

/// The reply's frame as soon as its leaf is durable.
pub(crate) async fn answer_unwitnessed(
    exchange: &Exchange,
    peer: &Peer,
    frame: &[u8],
    announce: impl Fn(&Appended) -> Result<Appended, LogError>,
) -> Result<Vec<u8>, Fault> {
    let (fresh, now) = verified(exchange, peer, frame).await?;
    let Claim::New(ticket) = exchange.replay.claim(fresh.asked()) else { return Err(Fault::Closing) };
    let (judged, appended) = exchange.pronounce(peer, fresh, now).await?;
    ticket.settle(appended.committed.place().index);
    let appended = announce(&appended).map_err(|_| Fault::LogStopped)?;
    judged.release(&appended.committed).map_err(|_| Fault::LogStopped)
}

async fn verified(exchange: &Exchange, peer: &Peer, frame: &[u8]) -> Result<(Fresh, Millis), Fault> {
    let identified = Received::parse(frame)?.identify(exchange.me, peer.region, &peer.log)?;
    let root = exchange.log.seen().root(&peer.log, identified.size()).await.ok_or(Fault::CheckpointMissing)?;
    let now = exchange.clock.sure_now(Millis(0)).map_err(|_| Fault::LogStopped)?;
    Ok((identified.include(&root)?.fresh(now, exchange.log.watermark())?, now))
}
