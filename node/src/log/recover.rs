//! From what the store holds to a running writer: at every start, the same way (design 5).
//!
//! The head in the store is the truth. The tails of the last chunks, the frontier and the root are computed again from the stored hashes,
//! the last leaves are held against their hashes, and a root that does not match is refused. Not here: healing; a store that does not
//! match is restored from the archive or its log is retired.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use creditbay_crypto::merkle::tree::Window;
use creditbay_crypto::note::NoteSigner;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::evidence::DurableHead;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Origin;
use creditbay_protocol::tile::{TILE_HEIGHT, encode_bundle};
use tokio::sync::{mpsc, watch};

use super::append::Writer;
use super::entry::Entry;
use super::fault::LogError;
use super::prove::recover_frontier;
use super::reserve::Reserve;
use super::rows::Row;
use super::scrub;
use super::seals::Seals;
use super::seen::Seen;
use super::shared::Shared;
use super::spend::Balances;
use super::succession::{beginning, first_leaves, is_retired};
use super::{Log, QUEUE, append};
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::telemetry::Metrics;
use crate::store::Store;
use crate::store::log::{self as layout, HASHES_PER_CHUNK, Head, LEAVES_PER_CHUNK};

/// Leaves at the end of the log that are held against their hashes at every start.
const CHECKED_LEAVES: u64 = 4_096;

/// What the log is made of.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Whose log.
    pub origin: Origin,
    /// The log's key.
    pub signer: NoteSigner,
    /// The keys that seal rows.
    pub seals: Arc<Seals>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Chance.
    pub entropy: Arc<Entropy>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// What was seen of the peers.
    pub seen: Arc<Seen>,
    /// Where disk space is looked for.
    pub reserve: Option<Reserve>,
}

/// A recovered log: the handle, the writer that is not running yet, and its queue.
pub struct Recovered {
    /// The handle.
    pub log: Log,
    /// The writer.
    pub writer: Writer,
    /// What it reads from.
    pub queue: mpsc::Receiver<append::Item>,
}

/// A query of this log that has neither a receipt nor an `abandoned` leaf.
pub struct OpenQuery {
    /// Its index.
    pub index: u64,
    /// The message.
    pub query: creditbay_protocol::query::Query,
    /// The seed of its leaf.
    pub seed: creditbay_crypto::secret::Seed,
}

/// Recovers the log; one that was never written begins, behind the log before it where its number says so.
pub fn recover(parts: Parts) -> Result<Recovered, LogError> {
    let head = layout::head(&*parts.store)?.map_or_else(|| beginning(&*parts.store, Head::fresh(parts.origin)), Ok)?;
    recover_at(parts, head)
}

/// The same for a log whose leaves are about to be put back: it may be empty whatever its number is.
pub fn recover_to_put_back(parts: Parts) -> Result<Recovered, LogError> {
    let head = layout::head(&*parts.store)?.unwrap_or(Head::fresh(parts.origin));
    recover_at(parts, head)
}

fn recover_at(parts: Parts, head: Head) -> Result<Recovered, LogError> {
    if head.origin != parts.origin {
        return Err(LogError::Sealing(format!("the store is of log {}, the directory says {}", head.origin, parts.origin)));
    }
    let frontier = recover_frontier(&*parts.store, &head)?;
    check_leaves(&*parts.store, &head)?;
    let open = open_queries(&*parts.store, &head)?;
    let retired = is_retired(&*parts.store, &head)?.then_some(LogError::Retired { origin: head.origin });

    let checkpoint = Checkpoint { origin: head.origin, size: head.size, root: head.root };
    let signed =
        DurableHead::after_flush(checkpoint).sign(&parts.signer).map_err(|error| LogError::Sealing(error.to_string()))?;
    let shared = Arc::new(Shared {
        store: parts.store.clone(),
        window: RwLock::new(Window::from_frontier(&frontier)),
        published: watch::Sender::new(Arc::new(signed)),
        stopped: Mutex::new(retired),
        watermark: AtomicU64::new(head.watermark.0),
        seen: parts.seen,
    });
    let leaf_tail = recover_leaf_tail(&*parts.store, head.size)?;
    let hash_tails = recover_tails(&*parts.store, head.size)?;
    let (sender, queue) = mpsc::channel(QUEUE);
    let log = Log::new(sender, shared.clone(), head.origin);
    let writer = Writer {
        shared,
        signer: parts.signer,
        seals: parts.seals,
        clock: parts.clock,
        entropy: parts.entropy,
        metrics: parts.metrics,
        reserve: parts.reserve,
        head,
        frontier,
        leaf_tail,
        hash_tails,
        open,
        unopened: Vec::new(),
        seen_written: BTreeMap::new(),
        balances: Balances::default(),
    };
    Ok(Recovered { log, writer, queue })
}

fn check_leaves(store: &dyn Store, head: &Head) -> Result<(), LogError> {
    let from = head.size.saturating_sub(CHECKED_LEAVES);
    Ok(scrub::checked_leaves(store, from, head.size).map(drop)?)
}

/// The leaves of the last chunk that belong to the log: a restore that was cut off may have left more in it.
fn recover_leaf_tail(store: &dyn Store, size: u64) -> Result<Vec<u8>, LogError> {
    let leaves = layout::read_leaves(store, size - size % LEAVES_PER_CHUNK, size)?;
    Ok(encode_bundle(leaves.iter().map(Vec::as_slice)))
}

fn recover_tails(store: &dyn Store, size: u64) -> Result<BTreeMap<u8, Vec<u8>>, LogError> {
    let mut tails = BTreeMap::new();
    for tile_level in 0u8.. {
        let nodes = size >> (u32::from(tile_level) * TILE_HEIGHT);
        if nodes == 0 {
            break;
        }
        let mut tail = layout::hashes(store, tile_level, nodes / HASHES_PER_CHUNK)?;
        tail.truncate((nodes % HASHES_PER_CHUNK) as usize * 32);
        tails.insert(tile_level, tail);
    }
    Ok(tails)
}

/// The open queries' indices: those from `open_from` on that no `abandoned` leaf and no receipt closes. Receipts are sealed, so a closed
/// query may still be listed here; `unanswered` opens the rows and closes it.
fn open_queries(store: &dyn Store, head: &Head) -> Result<BTreeSet<u64>, LogError> {
    let mut open = BTreeSet::new();
    for (index, leaf) in (head.open_from..).zip(layout::read_leaves(store, head.open_from, head.size)?) {
        match Leaf::parse(&leaf).map(|leaf| leaf.body) {
            Ok(LeafBody::Query { .. }) => {
                open.insert(index);
            }
            Ok(LeafBody::Abandoned { query, .. }) => {
                open.remove(&query);
            }
            _ => {}
        }
    }
    Ok(open)
}

impl Writer {
    /// Writes what comes before anything else: the first leaves of a log that follows another, if it has none yet, and for each open query
    /// that nothing opens any more the leaf that closes it; where the clock or the disk forbid that, the next start does it.
    pub fn begin(&mut self) -> Result<(), LogError> {
        if self.head.size > 0 {
            return match self.append_now(self.closing()?) {
                Err(LogError::Clock(_) | LogError::DiskLow { .. }) => Ok(()),
                closed => {
                    self.unopened.clear();
                    closed
                }
            };
        }
        let first = first_leaves(&*self.shared.store, self.head.origin)?;
        self.append_now(first.into_iter().map(Entry::Event).collect())
    }

    fn closing(&self) -> Result<Vec<Entry>, LogError> {
        self.unopened.iter().map(|query| Ok(Entry::Abandoned { query: *query, issuer: self.issuer_of(*query)? })).collect()
    }

    fn append_now(&mut self, entries: Vec<Entry>) -> Result<(), LogError> {
        let mut items = Vec::new();
        let mut written = Vec::new();
        for entry in entries {
            let (done, wait) = tokio::sync::oneshot::channel();
            items.push(append::Item::Leaf { entry, spendings: Vec::new(), done });
            written.push(wait);
        }
        if !items.is_empty() {
            self.write(items);
        }
        written.into_iter().try_for_each(|mut wait| wait.try_recv().map_err(|_| LogError::Closed)?.map(drop))
    }

    /// Opens the rows from the oldest open query on, closes those with a receipt, and returns the rest.
    pub fn unanswered(&mut self) -> Result<Vec<OpenQuery>, LogError> {
        let Some(from) = self.open.first().copied() else { return Ok(Vec::new()) };
        let mut waiting = BTreeMap::new();
        let mut page = layout::sealed_from(&*self.shared.store, from)?;
        while let Some(last) = page.last() {
            for sealed in &page {
                for row in self.seals.open_kept(sealed)? {
                    match row {
                        Row::Query { index, seed, query } if self.open.contains(&index) => {
                            waiting.insert(index, OpenQuery { index, query: *query, seed });
                        }
                        Row::Receipt { query, .. } => {
                            waiting.remove(&query);
                            self.open.remove(&query);
                        }
                        _ => {}
                    }
                }
            }
            page = layout::sealed_after(&*self.shared.store, last)?;
        }
        // A query whose message is gone, erased say, can neither be sent again nor be waited for: `begin` closes it.
        self.unopened = self.open.iter().copied().filter(|index| !waiting.contains_key(index)).collect();
        Ok(waiting.into_values().collect())
    }
}
