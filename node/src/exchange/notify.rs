//! Notices of erasures: told to the other side until it acknowledges, and taken from it (PROTOCOL 32.3).
//!
//! A notice waits in the store, so that a restart forgets none. Whoever gets one erases its own side of the exchanges that it names, if they
//! were between the two, and answers with the leaf that says so. Not here: what services were given outside the nodes; nobody can
//! erase that from here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::erasure::{Erased, ErasureGround, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::MAX_NOTICE_LEAVES;
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::notice::{Acknowledged, NamedLeaf, Notice, NoticeIncluded, NoticeReceived, Noticed, release_erased};
use creditbay_protocol::refusal::Fault;
use tokio::task::{JoinError, JoinSet};

use super::Exchange;
use super::answer::Peer;
use super::erase::{START, blocking};
use super::kept::{Found, LeafAt, Wanted};
use super::network::LinkError;
use crate::log::entry::{Appended, Entry};
use crate::log::fault::LogError;
use crate::store::before::Before;
use crate::store::erasure::{self as rows, Outgoing};
use crate::store::log as layout;
use crate::store::{Batch, Store, Tree};

/// Leaves that are read at once where a query's answer is looked for.
const AT_ONCE: u64 = 1_024;
/// Notices that are on their way to one peer at once, so that its erasures share the work.
const IN_FLIGHT: usize = 16;

/// A word to a peer that its notice is carried out: the erasure's leaf.
pub struct Acknowledging {
    erased: Erased,
    appended: Appended,
}

impl Acknowledging {
    /// The erasure's leaf.
    pub fn appended(&self) -> &Appended {
        &self.appended
    }

    /// The frame, proved under `appended`.
    pub fn frame(&self, appended: &Appended, unused: &Seed) -> Result<Vec<u8>, Fault> {
        release_erased(&self.erased, unused, &appended.committed).map_err(|_| Fault::LogStopped)
    }
}

/// Notices that no peer has acknowledged, by peer: how many, and the oldest one's leaf.
pub type Outstanding = BTreeMap<Region, (u64, u64)>;

/// A notice that was sent: its leaf, whom it went to, and the erasure in the peer's log that acknowledges it.
type Sent = (u64, Region, Result<u64, LinkError>);

impl Exchange {
    /// Gives every notice that a logged erasure owes its own leaf.
    pub(super) async fn give_notices(&self) -> Result<(), LogError> {
        let store = self.log.store().clone();
        for (erasure, pending) in rows::pending(&*store)?.into_iter().filter(|(_, pending)| !pending.noticed) {
            let ground = self.ground_of(erasure)?;
            let mut by_log: BTreeMap<(Region, String), (Origin, Vec<NamedLeaf>)> = BTreeMap::new();
            for told in rows::to_tell(&*store, erasure)? {
                by_log.entry((told.peer, told.log.to_string())).or_insert((told.log, Vec::new())).1.push(told.leaf);
            }
            let mut submitted = Vec::new();
            for ((receiver, _), (log, leaves)) in by_log {
                for leaves in leaves.chunks(MAX_NOTICE_LEAVES) {
                    let notice = Notice { sender: self.me, receiver, ground, log, leaves: leaves.to_vec() };
                    let noticed = Arc::new(Noticed::new(notice, self.entropy.seed()));
                    submitted.push(self.log.submit(Entry::Notice { noticed, erasure }, Vec::new()).await?);
                }
            }
            for submitted in submitted {
                submitted.durable().await?;
            }
            // A crash before this line gives the notices again: the peer then has nothing more to erase, and says so.
            let mut batch = Batch::default();
            rows::set_noticed(&*store, &mut batch, erasure, pending.early)?;
            store.commit(Tree::Log, batch)?;
        }
        Ok(())
    }

    /// Sends what no peer has acknowledged yet; a peer out of reach is left for later. Returns how many were acknowledged.
    pub async fn send_notices(self: &Arc<Self>) -> Result<u64, LogError> {
        let (mut from, mut acknowledged, mut early) = (0, 0, false);
        let mut out_of_reach = BTreeSet::new();
        loop {
            let page = rows::outgoing(&**self.log.store(), from)?;
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            let mut sending = JoinSet::new();
            for (leaf, outgoing) in page {
                let receiver = outgoing.notice.receiver;
                if out_of_reach.contains(&receiver) {
                    continue;
                }
                while sending.len() >= IN_FLIGHT {
                    self.settle(sending.join_next().await, &mut out_of_reach, &mut acknowledged)?;
                }
                early |= rows::pending(&**self.log.store())?
                    .iter()
                    .any(|(erasure, pending)| *erasure == outgoing.erasure && pending.early);
                let exchange = self.clone();
                sending.spawn(async move { (leaf, receiver, exchange.send_notice(leaf, outgoing).await) });
            }
            while let Some(sent) = sending.join_next().await {
                self.settle(Some(sent), &mut out_of_reach, &mut acknowledged)?;
            }
        }
        if acknowledged > 0 && early {
            let exchange = self.clone();
            blocking(move || exchange.erasures.eraser.carry_through()).await?;
        }
        Ok(acknowledged)
    }

    fn settle(
        &self,
        sent: Option<Result<Sent, JoinError>>,
        out_of_reach: &mut BTreeSet<Region>,
        acknowledged: &mut u64,
    ) -> Result<(), LogError> {
        let Some(Ok((leaf, receiver, outcome))) = sent else { return Ok(()) };
        match outcome {
            Ok(theirs) => {
                let mut batch = Batch::default();
                rows::remove_outgoing(&mut batch, leaf);
                self.log.store().commit(Tree::Log, batch)?;
                tracing::info!(peer = %receiver, notice = leaf, erasure = theirs, "a notice of erasure was acknowledged");
                *acknowledged += 1;
            }
            Err(error) => {
                tracing::debug!(peer = %receiver, notice = leaf, "a notice of erasure waits: {error}");
                self.metrics.count("creditbay_notices_failed_total", &[("peer", receiver.as_str())]);
                out_of_reach.insert(receiver);
            }
        }
        Ok(())
    }

    /// The index of the erasure in the peer's log.
    async fn send_notice(&self, leaf: u64, outgoing: Outgoing) -> Result<u64, LinkError> {
        let peer_log = self.directory.entry(outgoing.notice.receiver).map(|entry| entry.log_origin).ok_or(LinkError::NoPeer)?;
        let receiver = outgoing.notice.receiver;
        let noticed = Noticed::new(outgoing.notice, outgoing.seed);
        let appended = self.log.prove(leaf, &self.log.head()).map_err(|_| LinkError::Lost)?;
        let frame = self.network.tell(receiver, &noticed, &appended).await?;
        let acknowledged =
            Acknowledged::parse(&frame, self.me, appended.committed.leaf(), &peer_log).map_err(LinkError::Fault)?;
        if self.log.seen().suspended(&peer_log).is_some() {
            return Err(LinkError::Fault(Fault::TrustSuspended));
        }
        let root = self.log.seen().root(&peer_log, acknowledged.size()).await;
        acknowledged.include(&root.ok_or(LinkError::Fault(Fault::CheckpointMissing))?).map_err(LinkError::Fault)
    }

    /// Takes a peer's notice: erases, logs, and returns the word for it. The same notice again gets the same word.
    pub async fn take_notice(self: &Arc<Self>, peer: &Peer, frame: &[u8]) -> Result<Acknowledging, Fault> {
        self.log.running().map_err(|_| Fault::LogStopped)?;
        if self.log.seen().suspended(&peer.log).is_some() {
            return Err(Fault::TrustSuspended);
        }
        let identified = NoticeReceived::parse(frame)?.identify(self.me, peer.region, &peer.log)?;
        let root = self.log.seen().root(&peer.log, identified.size()).await.ok_or(Fault::CheckpointMissing)?;
        let included = identified.include(&root)?;
        let erasure = self.log_notice(peer, &included).await?;
        self.finish_erasures().await.map_err(|error| unfinished(&error))?;
        self.acknowledging(erasure).map_err(|error| unfinished(&error))
    }

    async fn log_notice(self: &Arc<Self>, peer: &Peer, included: &NoticeIncluded) -> Result<u64, Fault> {
        let _choosing = self.erasures.choosing.lock().await;
        let taken_before =
            rows::taken(&**self.log.store(), included.leaf()).map_err(|error| unfinished(&LogError::Rows(error)))?;
        if let Some(erasure) = taken_before {
            return Ok(erasure);
        }
        let leaves = self.meant(peer, included.notice()).await?;
        let found = if leaves.is_empty() {
            Found::default()
        } else {
            // What waits to be erased until this peer knows need not wait longer: it knows.
            let taken = self.taken_for_good().map_err(|error| unfinished(&error))?;
            self.find(Arc::new(Wanted::Leaves(leaves)), taken, START, |_| {}).await.map_err(|error| unfinished(&error))?.0
        };
        let now = self.clock.sure_now(Millis(0)).map_err(|_| Fault::LogStopped)?;
        if found.kept.values().any(|kept| kept.busy_until >= now) {
            return Err(Fault::LogStopped);
        }
        // A notice that erases nothing more costs this log a leaf all the same, so there are as many as refusals.
        if found.kept.is_empty() && !self.refusals.take(peer.region, now) {
            return Err(Fault::LeafBudgetSpent);
        }
        let scope = ErasureScope::Notice { peer: peer.region, notice: *included.leaf() };
        let appended = self.append_erasure(&found, ErasureGround::PeerNotice, scope, false, Some(*included.leaf())).await;
        let index = appended.map_err(|error| unfinished(&error))?.committed.place().index;
        tracing::info!(peer = %peer.region, erasure = index, exchanges = found.kept.len(), "a peer's notice: its erasure is done here too");
        Ok(index)
    }

    /// The leaves of this region's logs that a notice means. All must be of exchanges between the two. Of a log that has ended and that
    /// this store does not hold nothing is kept.
    async fn meant(self: &Arc<Self>, peer: &Peer, notice: &Notice) -> Result<BTreeSet<LeafAt>, Fault> {
        if notice.log.owner() == self.log.origin().owner() {
            let named = |leaf: &NamedLeaf| self.is_between(peer.region, &notice.log, leaf);
            return match self.size_of(&notice.log).map_err(|error| unfinished(&error))? {
                None if notice.log.number() < self.log.origin().number() => Ok(BTreeSet::new()),
                None => Err(Fault::NoSuchExchange),
                Some(_) => notice.leaves.iter().map(named).collect(),
            };
        }
        if notice.log.owner() != peer.log.owner() {
            return Err(Fault::NoSuchExchange);
        }
        let (exchange, region) = (self.clone(), peer.region);
        let queries: BTreeSet<_> = notice.leaves.iter().map(|named| named.leaf).collect();
        let answers = blocking(move || {
            let (store, mut answers) = (&**exchange.log.store(), BTreeSet::new());
            for (back, head) in exchange.log.ended()? {
                answers_to(&Before { store, back }, head.size, head.origin.number(), region, &queries, &mut answers)?;
            }
            let size = exchange.log.head().signed().checkpoint().size;
            answers_to(store, size, exchange.log.origin().number(), region, &queries, &mut answers)?;
            Ok(answers)
        });
        answers.await.map_err(|error| unfinished(&error))
    }

    fn is_between(&self, peer: Region, log: &Origin, named: &NamedLeaf) -> Result<LeafAt, Fault> {
        let leaf = self.leaf_of(log, named.index).map_err(|_| Fault::NoSuchExchange)?;
        let between = match &leaf.body {
            LeafBody::Query { terms, .. } => terms.issuer == peer,
            LeafBody::Answer { terms, .. } => terms.asker == peer,
            _ => false,
        };
        let at = LeafAt { log: log.number(), index: named.index };
        if between && leaf.hash() == named.leaf { Ok(at) } else { Err(Fault::NoSuchExchange) }
    }

    fn acknowledging(&self, erasure: u64) -> Result<Acknowledging, LogError> {
        let LeafBody::Event(Event::Erased(erased)) = self.leaf(erasure)?.body else {
            return Err(LogError::NoProof { index: erasure, size: self.log.head().signed().checkpoint().size });
        };
        Ok(Acknowledging { erased, appended: self.log.prove(erasure, &self.log.head())? })
    }

    fn ground_of(&self, erasure: u64) -> Result<ErasureGround, LogError> {
        match self.leaf(erasure)?.body {
            LeafBody::Event(Event::Erased(erased)) => Ok(erased.ground),
            _ => Err(LogError::NoProof { index: erasure, size: self.log.head().signed().checkpoint().size }),
        }
    }

    /// One leaf of this log.
    pub(super) fn leaf(&self, index: u64) -> Result<Leaf, LogError> {
        self.leaf_of(self.log.origin(), index)
    }

    /// One leaf of a log of this region that the store holds.
    pub(super) fn leaf_of(&self, log: &Origin, index: u64) -> Result<Leaf, LogError> {
        let size = self.size_of(log)?.unwrap_or(0);
        if index >= size {
            return Err(LogError::NoProof { index, size });
        }
        let store = &**self.log.store();
        let read = match self.log.origin().number().checked_sub(log.number()) {
            Some(0) | None => layout::read_leaves(store, index, index + 1)?,
            Some(back) => layout::read_leaves(&Before { store, back }, index, index + 1)?,
        };
        read.first().and_then(|leaf| Leaf::parse(leaf).ok()).ok_or(LogError::NoProof { index, size })
    }

    /// What no peer has acknowledged.
    pub fn outstanding(&self) -> Result<Outstanding, LogError> {
        let (mut outstanding, mut from) = (Outstanding::new(), 0);
        loop {
            let page = rows::outgoing(&**self.log.store(), from)?;
            let Some((last, _)) = page.last() else { return Ok(outstanding) };
            from = last + 1;
            for (leaf, outgoing) in page {
                outstanding.entry(outgoing.notice.receiver).or_insert((0, leaf)).0 += 1;
            }
        }
    }
}

/// The leaves of a log of this region that answer one of these queries of a peer.
fn answers_to(
    store: &dyn Store,
    size: u64,
    log: u32,
    asker: Region,
    queries: &BTreeSet<Digest>,
    answers: &mut BTreeSet<LeafAt>,
) -> Result<(), LogError> {
    let mut from = 0;
    while from < size {
        let to = (from + AT_ONCE).min(size);
        for (index, bytes) in (from..).zip(layout::read_leaves(store, from, to)?) {
            if let Ok(LeafBody::Answer { terms, query, .. }) = Leaf::parse(&bytes).map(|leaf| leaf.body)
                && terms.asker == asker
                && queries.contains(&query)
            {
                answers.insert(LeafAt { log, index });
            }
        }
        from = to;
    }
    Ok(())
}

fn unfinished(error: &LogError) -> Fault {
    tracing::warn!("a peer's notice of erasure was not carried out: {error}");
    Fault::LogStopped
}
