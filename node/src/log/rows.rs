//! What opens the leaves of a batch, and its receipts: rows, packed and sealed under the key of their day (PROTOCOL 22.2).
//!
//! Destroying a day's key makes its rows unreadable while the log still verifies. Not here: the leaves themselves.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Mutex;

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::{OperatorId, Origin};
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::Refusal;
use creditbay_protocol::wire;

use super::fault::LogError;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::store::MAX_VALUE_BYTES;
use crate::store::log::SealedRows;

/// Bytes before the sealed part: time (8) and epoch (4).
const CLEAR_BYTES: usize = 12;
/// Bytes of rows that fit a value: less the clear part, the nonce (12) and the tag (16).
const PACKED_BYTES: usize = MAX_VALUE_BYTES - CLEAR_BYTES - 28;

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
        query: Query,
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
        query: Query,
        /// The seed of the query's leaf.
        query_seed: Seed,
        /// The time of the query's leaf.
        query_time: Millis,
        /// The asker's log.
        query_log: Origin,
        /// The query's index there.
        query_index: u64,
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
    /// A peer's note with this node's cosignature, as accepted.
    Note {
        /// The peer's log.
        log: Origin,
        /// The size it signs.
        size: u64,
        /// The note.
        note: Vec<u8>,
    },
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
}

/// Seals and opens rows.
pub struct Seals {
    keys: EpochKeys,
    cached: Mutex<BTreeMap<u32, SealingKey>>,
}

impl Seals {
    /// Seals with these keys.
    pub fn new(keys: EpochKeys) -> Self {
        Self { keys, cached: Mutex::default() }
    }

    /// Packs encoded rows into sealed values, in order.
    pub fn seal(&self, rows: &[Vec<u8>], time: Millis, batch: u64, entropy: &Entropy) -> Result<Vec<Vec<u8>>, LogError> {
        let epoch = u32::try_from(time.day().number().max(0)).unwrap_or(0);
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for row in rows {
            let len = row.len() + 4;
            if len > PACKED_BYTES {
                return Err(LogError::Sealing(format!("a row of {len} bytes does not fit a value")));
            }
            if parts.last().is_none_or(|part| part.len() + len > PACKED_BYTES) {
                parts.push(Vec::with_capacity(PACKED_BYTES));
            }
            if let Some(part) = parts.last_mut() {
                part.extend_from_slice(&(row.len() as u32).to_le_bytes());
                part.extend_from_slice(row);
            }
        }
        self.with_key(epoch, entropy, |key| {
            let seal = |(number, part): (usize, &Vec<u8>)| {
                let mut value = [time.0.to_be_bytes().as_slice(), &epoch.to_be_bytes()].concat();
                value.extend(key.seal(entropy.nonce(), Label::SEAL_OPENING, &aad(batch, number), part));
                value
            };
            parts.iter().enumerate().map(seal).collect()
        })
    }

    /// Opens a sealed value.
    pub fn open(&self, sealed: &SealedRows, entropy: &Entropy) -> Result<Vec<Row>, LogError> {
        let (clear, value) = sealed.value.split_first_chunk::<CLEAR_BYTES>().ok_or_else(|| broken("cut short"))?;
        let epoch = u32::from_be_bytes([clear[8], clear[9], clear[10], clear[11]]);
        let aad = aad(sealed.batch(), sealed.part());
        let packed = self.with_key(epoch, entropy, |key| key.open(Label::SEAL_OPENING, &aad, value))?;
        let packed = packed.map_err(|error| broken(&error.to_string()))?;
        let mut rest = packed.as_slice();
        let mut rows = Vec::new();
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let (row, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(|| broken("cut short"))?;
            rows.push(wire::decode(row, MAX_VALUE_BYTES).map_err(|error| broken(&error.to_string()))?);
            rest = after;
        }
        Ok(rows)
    }

    fn with_key<T>(&self, epoch: u32, entropy: &Entropy, act: impl FnOnce(&SealingKey) -> T) -> Result<T, LogError> {
        let mut cached = self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = match cached.entry(epoch) {
            Entry::Occupied(key) => key.into_mut(),
            Entry::Vacant(place) => {
                let key = self.keys.key(epoch, entropy).map_err(|error| LogError::Sealing(error.to_string()))?;
                place.insert(key)
            }
        };
        Ok(act(key))
    }
}

/// The time at which sealed rows were written; it stands in clear.
pub fn written_at(sealed: &SealedRows) -> Millis {
    Millis(sealed.value.first_chunk::<8>().map_or(0, |time| u64::from_be_bytes(*time)))
}

fn aad(batch: u64, part: usize) -> Vec<u8> {
    [batch.to_be_bytes().as_slice(), &(part as u64).to_be_bytes()].concat()
}

fn broken(reason: &str) -> LogError {
    LogError::Sealing(format!("rows that open leaves cannot be read: {reason}"))
}
