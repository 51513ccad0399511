//! The disclosure log: one writer, one batch, one flush, one signature (design 3 and 5).
//!
//! `append` is the write path as one story; `recover` makes a writer out of what the store holds; `prove` and `tiles` read; `rows` is what
//! opens a leaf; `seen` is what was seen of the peers' logs. [`Log`] is the handle that the rooms above hold. What the store holds is
//! trusted to be kept, not to be right: the root is checked at every start. Not here: what a leaf means.

pub mod append;
pub mod prove;
pub mod recover;
pub mod rows;
pub mod seen;
pub mod tiles;
pub mod witness;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use creditbay_crypto::merkle::tree::Window;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::evidence::{Committed, SignedHead};
use creditbay_protocol::name::Origin;
use creditbay_protocol::name::Region;
use creditbay_protocol::query::Declined;
use creditbay_protocol::requester::{Asked, Verified};
use creditbay_protocol::responder::Judged;
use tokio::sync::{mpsc, oneshot, watch};

use self::append::{Item, ReceiptKept};
use self::seen::Seen;
use self::witness::Cosigned;
use crate::host::clock::ClockUnsure;
use crate::store::log::RowError;
use crate::store::{Store, StoreError};

/// Items that wait for the writer at most.
pub const QUEUE: usize = 4096;

/// What can become a leaf.
#[derive(Clone)]
pub enum Entry {
    /// A query of this node's.
    Query(Arc<Asked>),
    /// An answer or a refusal of this node's.
    Answer(Arc<Judged>),
    /// A question that this node refused to ask, with the seed of its leaf.
    Declined(Arc<(Declined, creditbay_crypto::secret::Seed)>),
    /// A query of this log that will not be answered any more.
    Abandoned {
        /// Its index.
        query: u64,
        /// Who was asked.
        issuer: Region,
    },
}

/// A leaf that is durable and signed over, with the head that says so.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The leaf's place, proved.
    pub committed: Committed,
    /// The head that it was proved under.
    pub head: Arc<SignedHead>,
}

/// Why the log does not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The time cannot be believed.
    #[error(transparent)]
    Clock(#[from] ClockUnsure),
    /// Too little room is left on the disk.
    #[error("disk_low: {free} MiB free where {least} are kept in reserve; nothing is asked or answered until there is room")]
    DiskLow {
        /// MiB that are free.
        free: u64,
        /// MiB that must stay free.
        least: u64,
    },
    /// The store failed; the log is stopped until the daemon starts again.
    #[error("log stopped: {0}")]
    Store(#[from] StoreError),
    /// The store holds something else than it should.
    #[error("log stopped: {0}")]
    Rows(#[from] RowError),
    /// Hashes computed twice differ: a fault of the machine's memory, or of this program.
    #[error("log stopped before signing: two computations of the tree at size {size} differ; suspect the machine's memory")]
    SelfCheck {
        /// The size that would have been signed.
        size: u64,
    },
    /// A signed note of this log that is larger than the log itself: the store was rolled back.
    #[error(
        "log stopped before signing: ROLLBACK, a peer holds this log's signed note at size {signed}, the store ends at {stored}; \
             fetch the tail from the archive, or retire the log"
    )]
    Rollback {
        /// The size that was signed once.
        signed: u64,
        /// The size of the store.
        stored: u64,
    },
    /// A signed note of this log whose root is not the log's.
    #[error(
        "log stopped before signing: FORK, a peer holds this log's signed note at size {size} with another root; retire the log"
    )]
    OwnFork {
        /// The size that was signed once.
        size: u64,
    },
    /// What opens a leaf could not be sealed.
    #[error("log stopped: {0}")]
    Sealing(String),
    /// The daemon is shutting down.
    #[error("the log is closed")]
    Closed,
    /// A position that the log does not have.
    #[error("the log has no proof for leaf {index} at size {size}")]
    NoProof {
        /// The leaf.
        index: u64,
        /// The size.
        size: u64,
    },
}

/// What the writer shares with those who read.
pub struct Shared {
    pub(in crate::log) store: Arc<dyn Store>,
    pub(in crate::log) window: RwLock<Window>,
    pub(in crate::log) published: watch::Sender<Arc<SignedHead>>,
    pub(in crate::log) stopped: Mutex<Option<LogError>>,
    pub(in crate::log) watermark: AtomicU64,
    /// What was seen of the peers' logs; written with each batch.
    pub seen: Arc<Seen>,
}

/// The handle to the log; clones share it.
#[derive(Clone)]
pub struct Log {
    queue: mpsc::Sender<Item>,
    shared: Arc<Shared>,
    origin: Origin,
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
        self.running()?;
        let (done, wait) = oneshot::channel();
        self.queue.send(Item::Leaf { entry, done }).await.map_err(|_| LogError::Closed)?;
        wait.await.map_err(|_| LogError::Closed)?
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

    /// Follows the signed heads.
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

    /// Whether the log takes leaves, and why not.
    pub fn running(&self) -> Result<(), LogError> {
        match &*self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(reason) => Err(reason.clone()),
        }
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

impl Shared {
    pub(in crate::log) fn stop(&self, reason: LogError) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if stopped.is_none() {
            if !matches!(reason, LogError::Closed) {
                tracing::warn!("{reason}");
            }
            *stopped = Some(reason);
        }
    }
}
