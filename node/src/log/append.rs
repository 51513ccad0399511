//! The write path of the log, as one story (design 5).
//!
//! Durable, then signed, then handed out. Whatever fails before the store's word leaves the log as it was for this batch alone (clock,
//! disk) or stops it (everything else): a stopped log is recovered by starting the daemon again, never by trying again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::{Frontier, inclusion};
use creditbay_crypto::note::NoteSigner;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::evidence::{DurableHead, SignedHead};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Origin;
use creditbay_protocol::requester::Verified;
use creditbay_protocol::tile::{TILE_HEIGHT, encode_bundle};
use tokio::sync::{mpsc, oneshot};

use super::entry::{Appended, Entry};
use super::fault::LogError;
use super::opening::Rows;
use super::reserve::Reserve;
use super::seals::Seals;
use super::shared::Shared;
use super::spend::{Balances, write_order};
use super::witness::Cosigned;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::telemetry::Metrics;
use crate::store::ledger::Spending;
use crate::store::log::{self as layout, HASHES_PER_CHUNK, Head, LEAVES_PER_CHUNK};
use crate::store::{Batch, Durable, Tree};

/// Items of one batch at most; above a hundred a flush carries no more per second.
pub const BATCH: usize = 256;
/// Leaves whose nodes stay in memory for proofs.
const WINDOW: u64 = 8_192;

/// What waits for the writer.
pub enum Item {
    /// A leaf to append.
    Leaf {
        /// What it records.
        entry: Entry,
        /// What is spent with it.
        spendings: Vec<Spending>,
        /// Who waits.
        done: oneshot::Sender<Result<Appended, LogError>>,
    },
    /// A receipt to keep.
    Receipt {
        /// The query's index in this log.
        query: u64,
        /// The verified answer.
        verified: Arc<Verified>,
        /// The issuer's note, cosigned.
        note: Arc<Cosigned>,
        /// Who waits.
        done: oneshot::Sender<Result<ReceiptKept, LogError>>,
    },
}

impl Item {
    /// Whether what is spent with it belongs to the day of this time.
    fn is_of(&self, time: Millis) -> bool {
        let Self::Leaf { spendings, .. } = self else { return true };
        spendings.iter().filter_map(|spending| spending.account.day()).all(|day| day == time.day().number())
    }
}

/// The log's word that a receipt is durable. Only the writer makes one.
#[derive(Debug)]
pub struct ReceiptKept(());

/// What the writer is made of; `recover` fills it in.
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) signer: NoteSigner,
    pub(super) seals: Arc<Seals>,
    pub(super) clock: Arc<Clock>,
    pub(super) entropy: Arc<Entropy>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) reserve: Option<Reserve>,
    pub(super) head: Head,
    pub(super) frontier: Frontier,
    pub(super) leaf_tail: Vec<u8>,
    pub(super) hash_tails: BTreeMap<u8, Vec<u8>>,
    pub(super) open: BTreeSet<u64>,
    pub(super) unopened: Vec<u64>,
    pub(super) seen_written: BTreeMap<Origin, u64>,
    pub(super) balances: Balances,
}

/// Leaves of one batch, ready to be written.
struct Prepared {
    time: Millis,
    leaves: Vec<(Vec<u8>, Digest)>,
    rows: Rows,
}

impl Writer {
    /// Writes what waits, batch after batch, until every handle is gone. For a thread of its own.
    pub fn run(mut self, mut queue: mpsc::Receiver<Item>) {
        while let Some(first) = queue.blocking_recv() {
            self.write(drain(first, &mut queue));
        }
    }

    /// The same as a task, for a runtime with virtual time.
    pub async fn run_as_task(mut self, mut queue: mpsc::Receiver<Item>) {
        while let Some(first) = queue.recv().await {
            self.write(drain(first, &mut queue));
        }
    }

    /// One batch: durable, signed, handed out. A leaf that retires the log is the last of all.
    pub fn write(&mut self, items: Vec<Item>) {
        let time = match self.leaf_time() {
            Ok(time) => time,
            Err(error) => return self.refuse_batch(items, error),
        };
        // What was reserved before midnight and would stand behind it: whoever recounts the leaves of a day counts what was spent on it.
        let (mut items, late): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.is_of(time));
        refuse(late, &LogError::DayTurned);
        if items.is_empty() {
            return;
        }
        let behind = match self.end(&mut items) {
            Ok(behind) => behind,
            Err(error) => return self.refuse_batch(items, error),
        };
        let result = self.make_durable(&items, time).and_then(|(first, durable)| self.sign(durable).map(|head| (first, head)));
        match result {
            Ok((first, head)) => {
                self.metrics.count("creditbay_log_batches_total", &[]);
                self.metrics.set("creditbay_log_size", &[], self.head.size);
                // Published first: a peer that hears of this head may tell us so before the waiters have run.
                self.shared.published.send_replace(head.clone());
                self.hand_out(items, first, time, &head);
                if let Some(behind) = behind {
                    let retired = LogError::Retired { origin: self.head.origin };
                    self.shared.stop(retired.clone());
                    refuse(behind, &retired);
                }
            }
            Err(error) => {
                refuse(behind.unwrap_or_default(), &error);
                self.refuse_batch(items, error);
            }
        }
    }

    fn refuse_batch(&self, items: Vec<Item>, error: LogError) {
        self.metrics.count("creditbay_log_refused_batches_total", &[]);
        if !matches!(error, LogError::Clock(_) | LogError::DiskLow { .. }) {
            self.shared.stop(error.clone());
        }
        refuse(items, &error);
    }

    /// The time that the leaves of a batch carry. A leaf with a wrong time cannot be taken back: look before anything is made.
    fn leaf_time(&self) -> Result<Millis, LogError> {
        self.shared.running()?;
        Ok(self.clock.sure_now(self.head.time)?.max(self.head.time))
    }

    /// Steps 1 to 3. Returns the index of the first new leaf.
    fn make_durable(&mut self, items: &[Item], time: Millis) -> Result<(u64, Durable), LogError> {
        // Nor can half a batch on a full disk.
        self.reserve.as_ref().map_or(Ok(()), Reserve::look)?;

        // 1. Leaves, their hashes, and the tree they make. From here on every error stops the log, so nothing is undone.
        let prepared = self.prepare(items, time);
        let first = self.head.size;
        let size = first + prepared.leaves.len() as u64;
        let root = self.grow_window(&prepared.leaves);
        let mut batch = Batch::default();
        let leaf_tail = self.write_leaves(&mut batch, &prepared.leaves);
        let hash_tails = self.write_hashes(&mut batch, size);
        // Once more, from the bytes that will be written and a frontier that the window knows nothing of: a bit that flipped in memory
        // would otherwise be signed, and the log could never be repaired (Yeti 2022).
        let frontier = self.recompute(&batch, first, size, &root)?;

        // 2. Everything into one atomic batch of one tree, so that a crash leaves all of it or nothing.
        let head = Head {
            origin: self.head.origin,
            size,
            root,
            time: prepared.time,
            batches: self.head.batches + 1,
            watermark: Millis(self.shared.watermark.load(std::sync::atomic::Ordering::Acquire)),
            open_from: self.open.first().copied().unwrap_or(size),
        };
        // Held until the rows are durable: an erasure that retires their key waits, and then finds them.
        let seals = self.seals.clone();
        let _writing = seals.writing();
        for (part, sealed) in self.seals.seal(prepared.rows.encoded(), time, head.batches, &self.entropy)?.into_iter().enumerate()
        {
            layout::set_sealed(&mut batch, first, head.batches, part as u16, sealed);
        }
        self.write_ledger(&mut batch, items, time)?;
        let entries = items.iter().filter_map(|item| if let Item::Leaf { entry, .. } = item { Some(entry) } else { None });
        (first..).zip(entries).for_each(|(index, entry)| entry.write(&mut batch, index));
        let seen = self.write_seen(&mut batch);
        layout::set_head(&mut batch, &head);

        // 3. Flushed and synced. After an error here nobody knows what is on disk: the log stops.
        let durable = self.shared.store.commit(Tree::Log, batch)?;

        self.head = head;
        self.frontier = frontier;
        self.leaf_tail = leaf_tail;
        self.hash_tails = hash_tails;
        self.seen_written.extend(seen);
        Ok((first, durable))
    }

    /// Step 4. The signature is deterministic, so a crash before this line changes nothing: the same head is signed at the next start.
    fn sign(&self, _durable: Durable) -> Result<Arc<SignedHead>, LogError> {
        let published = self.shared.published.borrow().clone();
        if published.signed().checkpoint().size == self.head.size {
            return Ok(published);
        }
        let checkpoint = Checkpoint { origin: self.head.origin, size: self.head.size, root: self.head.root };
        let signed = DurableHead::after_flush(checkpoint).sign(&self.signer);
        signed.map(Arc::new).map_err(|error| LogError::Sealing(error.to_string()))
    }

    /// Step 5. Each waiter gets its leaf's place under the head just signed.
    fn hand_out(&mut self, items: Vec<Item>, first: u64, time: Millis, head: &Arc<SignedHead>) {
        let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
        let size = head.signed().checkpoint().size;
        let mut places = head.places();
        let mut index = first;
        for item in items {
            match item {
                Item::Leaf { done, .. } => {
                    let placed = inclusion(index, size, &*window)
                        .ok()
                        .and_then(|path| places.place(window.node(0, index)?, time, index, path).ok())
                        .map(|committed| Appended { committed, head: head.clone() })
                        .ok_or(LogError::NoProof { index, size });
                    index += 1;
                    let _ = done.send(placed);
                }
                Item::Receipt { done, .. } => {
                    let _ = done.send(Ok(ReceiptKept(())));
                }
            }
        }
        drop(window);
        let keep_from = self.head.size.saturating_sub(WINDOW);
        self.shared.window.write().unwrap_or_else(PoisonError::into_inner).forget_before(keep_from);
    }

    fn prepare(&mut self, items: &[Item], time: Millis) -> Prepared {
        let mut prepared = Prepared { time: self.head.time, leaves: Vec::new(), rows: Rows::default() };
        for item in items {
            match item {
                Item::Leaf { entry, .. } => {
                    let index = self.head.size + prepared.leaves.len() as u64;
                    let leaf = entry.leaf(time);
                    track_open(&mut self.open, &leaf, index);
                    prepared.rows.add(entry, index);
                    let bytes = leaf.bytes();
                    let hash = leaf_hash(&bytes);
                    prepared.leaves.push((bytes, hash));
                    prepared.time = time;
                }
                Item::Receipt { query, verified, note, .. } => {
                    prepared.rows.add_receipt(*query, verified, note);
                    self.open.remove(query);
                }
            }
        }
        prepared
    }

    pub(super) fn grow_window(&self, leaves: &[(Vec<u8>, Digest)]) -> Digest {
        let mut window = self.shared.window.write().unwrap_or_else(PoisonError::into_inner);
        for (_, hash) in leaves {
            window.push(*hash);
        }
        window.root()
    }

    pub(super) fn write_leaves(&self, batch: &mut Batch, leaves: &[(Vec<u8>, Digest)]) -> Vec<u8> {
        let mut tail = self.leaf_tail.clone();
        let mut index = self.head.size;
        for (bytes, _) in leaves {
            tail.extend(encode_bundle([bytes.as_slice()]));
            index += 1;
            if index.is_multiple_of(LEAVES_PER_CHUNK) {
                layout::set_leaves(batch, index / LEAVES_PER_CHUNK - 1, std::mem::take(&mut tail));
            }
        }
        if !tail.is_empty() && !leaves.is_empty() {
            layout::set_leaves(batch, index / LEAVES_PER_CHUNK, tail.clone());
        }
        tail
    }

    pub(super) fn write_hashes(&self, batch: &mut Batch, size: u64) -> BTreeMap<u8, Vec<u8>> {
        let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
        let mut tails = self.hash_tails.clone();
        for tile_level in 0u8.. {
            let level = u32::from(tile_level) * TILE_HEIGHT;
            let (before, after) = (self.head.size >> level, size >> level);
            if after == 0 {
                break;
            }
            let tail = tails.entry(tile_level).or_default();
            for (index, hash) in window.completed_since(level, before).take_while(|(index, _)| *index < after) {
                tail.extend_from_slice(&hash.0);
                if (index + 1) % HASHES_PER_CHUNK == 0 {
                    layout::set_hashes(batch, tile_level, index / HASHES_PER_CHUNK, std::mem::take(tail));
                }
            }
            if !tail.is_empty() && after > before {
                layout::set_hashes(batch, tile_level, after / HASHES_PER_CHUNK, tail.clone());
            }
        }
        tails
    }

    /// The frontier after the batch, from the leaves as they stand in the batch's values; its root must be the window's.
    pub(super) fn recompute(&self, batch: &Batch, first: u64, size: u64, root: &Digest) -> Result<Frontier, LogError> {
        let mut frontier = self.frontier.clone();
        for (key, value) in batch.writes().iter().filter(|(key, _)| key.first() == Some(&b'E')) {
            let chunk = key.get(1..).and_then(|chunk| chunk.try_into().ok()).map_or(0, u64::from_be_bytes);
            for (position, leaf) in layout::split_bundle(value).enumerate() {
                if chunk * LEAVES_PER_CHUNK + position as u64 >= first.max(frontier.size()) {
                    frontier.push(leaf_hash(leaf));
                }
            }
        }
        if frontier.size() == size && frontier.root() == *root { Ok(frontier) } else { Err(LogError::SelfCheck { size }) }
    }

    /// What was spent and ordered stands in the batch of the leaves that say so: both become durable, or neither.
    fn write_ledger(&mut self, batch: &mut Batch, items: &[Item], time: Millis) -> Result<(), LogError> {
        let spendings =
            items.iter().filter_map(|item| if let Item::Leaf { spendings, .. } = item { Some(spendings) } else { None });
        self.balances.write(&*self.shared.store, batch, spendings.flatten(), time)?;
        for item in items {
            if let Item::Leaf { entry: Entry::Event(event), .. } = item {
                write_order(batch, event, time);
            }
        }
        Ok(())
    }

    fn write_seen(&self, batch: &mut Batch) -> Vec<(Origin, u64)> {
        let news = self.shared.seen.newer_than(&self.seen_written).into_iter();
        news.map(|(origin, size, note)| {
            layout::set_seen(batch, &origin, note);
            (origin, size)
        })
        .collect()
    }
}

fn drain(first: Item, queue: &mut mpsc::Receiver<Item>) -> Vec<Item> {
    let mut items = vec![first];
    while items.len() < BATCH
        && let Ok(item) = queue.try_recv()
    {
        items.push(item);
    }
    items
}

fn refuse(items: Vec<Item>, error: &LogError) {
    for item in items {
        match item {
            Item::Leaf { done, .. } => drop(done.send(Err(error.clone()))),
            Item::Receipt { done, .. } => drop(done.send(Err(error.clone()))),
        }
    }
}

fn track_open(open: &mut BTreeSet<u64>, leaf: &Leaf, index: u64) {
    match &leaf.body {
        LeafBody::Query { .. } => {
            open.insert(index);
        }
        LeafBody::Abandoned { query, .. } => {
            open.remove(query);
        }
        LeafBody::Answer { .. } | LeafBody::Declined { .. } | LeafBody::Event(_) => {}
    }
}
