//! Why the log takes or gives nothing: one cause each, with what to do.

use creditbay_protocol::name::Origin;

use crate::host::clock::ClockUnsure;
use crate::store::StoreError;
use crate::store::log::RowError;

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
    /// The leaf would carry another day than the one on which what it spends was reserved.
    #[error("midnight in UTC+8 came between the answer and its leaf; the query is answered anew when it comes again")]
    DayTurned,
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
    /// The log's last leaf was written.
    #[error(
        "log {origin} is retired; have the network directory name the next one (log_origin, log) and be signed, and start the node again"
    )]
    Retired {
        /// Which log.
        origin: Origin,
    },
    /// A log that is not the first of its region has nothing to begin behind.
    #[error(
        "log {origin} cannot begin: {reason}; what the region's log is called stands in the network directory, and the log before it ends \
             with a leaf that retires it"
    )]
    NoPredecessor {
        /// Which log.
        origin: Origin,
        /// Why not.
        reason: String,
    },
    /// A peer knows the log before this one as a store that was put back does not.
    #[error(
        "a peer that saw {from} leaves of {log} is to be shown how this log goes on from them, and the store does not hold that log; put it \
         back too: creditbay-node restore --predecessor DIR"
    )]
    PredecessorGone {
        /// The log before this one.
        log: Origin,
        /// Leaves that the peer saw.
        from: u64,
    },
    /// A restore began and did not end.
    #[error("the store holds half of a restored log; run `creditbay-node restore` again, it goes on to the end")]
    HalfRestored,
    /// What opens a leaf could not be sealed.
    #[error("log stopped: {0}")]
    Sealing(String),
    /// The key of sealed rows is not there: they were erased meanwhile, or the key folder is another one.
    #[error("key {number} of sealed rows is gone: they were erased, or data/keys/openings was restored from elsewhere")]
    KeyGone {
        /// The key's number.
        number: u32,
    },
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
