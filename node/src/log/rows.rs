//! What opens the leaves of a batch, and its receipts (PROTOCOL 22.2).
//!
//! Not here: how rows are packed and sealed (`seals`), and the leaves themselves.

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::{OperatorId, Origin};
use creditbay_protocol::notice::Notice;
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::Refusal;

/// One row.
#[derive(Encode, Decode)]
pub enum Row {
    /// Opens a query's leaf.
    Query {
        /// The leaf's index.
        index: u64,
        /// The seed of its salts.
        seed: Seed,
        /// The message.
        query: Box<Query>,
    },
    /// Opens an answer's leaf, and lets the same query be answered again.
    Answer {
        /// The leaf's index.
        index: u64,
        /// The seed of its salts.
        seed: Seed,
        /// The message.
        answer: Answer,
        /// The query that it answers.
        query: Box<Query>,
        /// The seed of the query's leaf.
        query_seed: Seed,
        /// The time of the query's leaf.
        query_time: Millis,
        /// The asker's log.
        query_log: Origin,
        /// The query's index there.
        query_index: u64,
        /// The tree size under which it came; the note of that size is a row of the same batch.
        query_size: u64,
        /// Its inclusion path under that size.
        query_path: Vec<Digest>,
    },
    /// Opens the leaf of a question that was not asked.
    Declined {
        /// The leaf's index.
        index: u64,
        /// The seed of its salts.
        seed: Seed,
        /// The subject's canonical bytes; none for a natural person.
        subject: Vec<u8>,
        /// Who wanted to ask.
        operator: OperatorId,
        /// Why not.
        refusal: Refusal,
    },
    /// The receipt of an answer.
    Receipt {
        /// The index of the query in this log.
        query: u64,
        /// The answer.
        answer: Answer,
        /// The seed of its leaf.
        seed: Seed,
        /// The time of its leaf.
        time: Millis,
        /// The issuer's log.
        log: Origin,
        /// The leaf's index there.
        index: u64,
        /// The tree size that the path leads to; the note of that size is a row of the same batch.
        size: u64,
        /// The inclusion path.
        path: Vec<Digest>,
    },
    /// A peer's note as accepted; of a receipt's, with this node's cosignature.
    Note {
        /// The peer's log.
        log: Origin,
        /// The size it signs.
        size: u64,
        /// The note.
        note: Vec<u8>,
    },
    /// Opens the leaf which says that openings were shown.
    Shown {
        /// The leaf's index.
        index: u64,
        /// The seed of its salts.
        seed: Seed,
        /// For what, in the operator's words.
        ground: String,
    },
    /// Opens the leaf of a notice of an erasure.
    Notice {
        /// The leaf's index.
        index: u64,
        /// The seed of its salts.
        seed: Seed,
        /// The message.
        notice: Notice,
    },
}

impl Row {
    /// The index of the leaf that this row opens.
    pub fn opens(&self) -> Option<u64> {
        match self {
            Self::Query { index, .. }
            | Self::Answer { index, .. }
            | Self::Declined { index, .. }
            | Self::Shown { index, .. }
            | Self::Notice { index, .. } => Some(*index),
            Self::Receipt { .. } | Self::Note { .. } => None,
        }
    }
}

/// A row that is written from where its parts lie: the same variants and fields as [`Row`], in the same order.
#[derive(Encode)]
pub(super) enum RowRef<'a> {
    /// See [`Row::Query`].
    Query { index: u64, seed: &'a Seed, query: &'a Query },
    /// See [`Row::Answer`].
    Answer {
        index: u64,
        seed: &'a Seed,
        answer: &'a Answer,
        query: &'a Query,
        query_seed: &'a Seed,
        query_time: Millis,
        query_log: Origin,
        query_index: u64,
        query_size: u64,
        query_path: &'a [Digest],
    },
    /// See [`Row::Declined`].
    Declined { index: u64, seed: &'a Seed, subject: &'a [u8], operator: &'a OperatorId, refusal: &'a Refusal },
    /// See [`Row::Receipt`].
    Receipt {
        query: u64,
        answer: &'a Answer,
        seed: &'a Seed,
        time: Millis,
        log: Origin,
        index: u64,
        size: u64,
        path: &'a [Digest],
    },
    /// See [`Row::Note`].
    Note { log: Origin, size: u64, note: &'a [u8] },
    /// See [`Row::Shown`].
    Shown { index: u64, seed: &'a Seed, ground: &'a str },
    /// See [`Row::Notice`].
    Notice { index: u64, seed: &'a Seed, notice: &'a Notice },
}
