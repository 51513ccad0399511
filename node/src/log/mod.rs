//! The disclosure log: one writer, one batch, one flush, one signature (design 3 and 5).
//!
//! `append` is the write path as one story; `recover` makes a writer out of what the store holds; `prove` and `tiles` read; `rows` is what
//! opens a leaf, `seals` what seals it, `erase` what destroys it; `seen` is what was seen of the peers' logs, `trust` which of them gave
//! cause for an alarm; `scrub` looks at what is on disk. [`Log`] is the handle that the rooms above hold. What the store holds is trusted
//! to be kept, not to be right: the root is checked at every start. Not here: what a leaf means.

pub mod append;
pub mod entry;
pub mod erase;
pub mod fault;
pub mod find;
mod opening;
pub mod prove;
mod put_back;
pub mod recover;
pub mod reserve;
mod retire;
pub mod rows;
pub mod scrub;
pub mod seals;
pub mod seen;
pub mod shared;
mod spend;
pub mod succession;
pub mod tiles;
pub mod trust;
pub mod witness;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use creditbay_crypto::note::NoteVerifier;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::fork::{Alarm, Evidence};
use creditbay_protocol::name::Origin;
use creditbay_protocol::requester::Verified;
use tokio::sync::{mpsc, oneshot, watch};

use self::append::{Item, ReceiptKept};
use self::entry::{Appended, Entry};
use self::fault::LogError;
use self::seen::Seen;
use self::shared::Shared;
use self::witness::Cosigned;
use crate::store::Store;
use crate::store::ledger::Spending;

/// Items that wait for the writer at most.
pub const QUEUE: usize = 4096;

/// The handle to the log; clones share it.
#[derive(Clone)]
pub struct Log {
    queue: mpsc::Sender<Item>,
    shared: Arc<Shared>,
    origin: Origin,
}

/// A leaf on its way to the store.
pub struct Submitted(oneshot::Receiver<Result<Appended, LogError>>);

impl Submitted {
    /// Waits until the leaf is durable and signed over.
    pub async fn durable(self) -> Result<Appended, LogError> {
        self.0.await.map_err(|_| LogError::Closed)?
    }
}

impl Log {
    /// A handle to a recovered log.
    pub fn new(queue: mpsc::Sender<Item>, shared: Arc<Shared>, origin: Origin) -> Self {
        Self { queue, shared, origin }
    }

    /// Whose log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Appends a leaf; returns when it is durable and signed over.
    pub async fn append(&self, entry: Entry) -> Result<Appended, LogError> {
        self.submit(entry, Vec::new()).await?.durable().await
    }

    /// Gives a leaf its place in the queue, with what is spent with it. Leaves stand in the log in the order of the queue.
    pub async fn submit(&self, entry: Entry, spendings: Vec<Spending>) -> Result<Submitted, LogError> {
        self.running()?;
        let (done, wait) = oneshot::channel();
        self.queue.send(Item::Leaf { entry, spendings, done }).await.map_err(|_| LogError::Closed)?;
        Ok(Submitted(wait))
    }

    /// Keeps the receipt of an answer; returns when it is durable.
    pub async fn keep_receipt(&self, query: u64, verified: Arc<Verified>, note: Arc<Cosigned>) -> Result<ReceiptKept, LogError> {
        self.running()?;
        let (done, wait) = oneshot::channel();
        self.queue.send(Item::Receipt { query, verified, note, done }).await.map_err(|_| LogError::Closed)?;
        wait.await.map_err(|_| LogError::Closed)?
    }

    /// The newest signed head.
    pub fn head(&self) -> Arc<SignedHead> {
        self.shared.published.borrow().clone()
    }

    /// The newest signed head, and every one after it.
    pub fn heads(&self) -> watch::Receiver<Arc<SignedHead>> {
        self.shared.published.subscribe()
    }

    /// What was seen of the peers' logs.
    pub fn seen(&self) -> &Arc<Seen> {
        &self.shared.seen
    }

    /// The store, for readers.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Refuses everything from now on, for this reason; only a start of the daemon changes that.
    pub fn stop(&self, reason: LogError) {
        self.shared.stop(reason);
    }

    /// A note of this log that this log's key signed: more than there is, or something else, means that the store was rolled back or
    /// copied. The log stops before it signs anything more, and both notes are kept.
    pub fn refuse_contradiction(&self, shown: &SignedCheckpoint, key: &NoteVerifier) -> Result<(), LogError> {
        let (now, shown_head) = (self.head(), *shown.checkpoint());
        let stored = now.signed().checkpoint().size;
        let (fault, alarm) = if shown_head.size > stored {
            (LogError::Rollback { signed: shown_head.size, stored }, Alarm::Rollback)
        } else if self.root_at(shown_head.size)? != shown_head.root {
            (LogError::OwnFork { size: shown_head.size }, Alarm::Fork)
        } else {
            return Ok(());
        };
        self.stop(fault.clone());
        let proof = self.consistency(shown_head.size, &now).unwrap_or_default();
        let evidence = Evidence::new(alarm, key, [shown, now.signed()], &proof);
        self.seen().trust().own(&self.origin, shown_head.size, &fault.to_string(), &evidence);
        Err(fault)
    }

    /// Whether the log takes leaves, and why not.
    pub fn running(&self) -> Result<(), LogError> {
        self.shared.running()
    }

    /// Queries that expired up to here are refused, whatever the clock says.
    pub fn watermark(&self) -> Millis {
        Millis(self.shared.watermark.load(Ordering::Acquire))
    }

    /// Raises the watermark; it becomes durable with the next batch.
    pub fn raise_watermark(&self, to: Millis) {
        self.shared.watermark.fetch_max(to.0, Ordering::AcqRel);
    }
}
