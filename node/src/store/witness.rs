//! The keys and values of the witness's tree, in a store of its own (PROTOCOL 31.2).
//!
//! | key | value |
//! |---|---|
//! | `L` · origin | the newest note of that log that this node cosigned for its asking, its cosignature among the lines |
//! | `C` · origin · 0 · number u32 | an alarm about that log, and what the operator decided |
//! | `E` · origin · 0 · number u32 · part u16 | its evidence, in parts |
//!
//! Not here: when what is written (`node::witness`, `node::log::trust`).

use std::path::Path;

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::wire;

use super::log::RowError;
use super::on_disk::OnDisk;
use super::{Batch, MAX_VALUE_BYTES, Store, StoreError, Tree};

/// The page cache, in MiB: the store holds one note for each log.
const CACHE_MIB: u64 = 8;
/// Bytes of an operator's reason at most.
pub const MAX_REASON_BYTES: usize = 1024;
/// Cases of one log that are listed at most.
const MAX_CASES: usize = 1024;

/// Opens the store, which is apart from the log's and has a page cache of its own, below a node's data folder.
pub fn open(data: &Path) -> Result<OnDisk, StoreError> {
    OnDisk::open(&data.join("witness"), CACHE_MIB)
}

/// An alarm about a log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Case {
    /// Its number among the log's.
    pub number: u32,
    /// What was reported, by its name.
    pub alarm: String,
    /// What happened, in words.
    pub what: String,
    /// The size that the log showed.
    pub size: u64,
    /// When.
    pub since: Millis,
    /// SHA-256 of the evidence.
    pub evidence: Digest,
    /// What the operator decided; trust is suspended until then.
    pub decided: Option<Decision>,
}

/// An operator's word that a log is trusted again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Decision {
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
    /// The leaf that says so.
    pub leaf: u64,
}

fn key(prefix: &[u8], origin: &str, rest: &[&[u8]]) -> Vec<u8> {
    [prefix, origin.as_bytes(), &[0], &rest.concat()].concat()
}

/// The newest note that was cosigned of a log.
pub fn latest(store: &dyn Store, origin: &str) -> Result<Option<Vec<u8>>, StoreError> {
    store.get(Tree::Witness, &[b"L", origin.as_bytes()].concat())
}

/// Writes the newest note that was cosigned of a log.
pub fn set_latest(batch: &mut Batch, origin: &str, note: Vec<u8>) {
    batch.set([b"L", origin.as_bytes()].concat(), note);
}

/// The cases of a log, in their order.
pub fn cases(store: &dyn Store, origin: &str) -> Result<Vec<Case>, RowError> {
    let (from, to) = (key(b"C", origin, &[]), key(b"C", origin, &[&[0xff; 5]]));
    let pairs = store.range(Tree::Witness, &from, &to, MAX_CASES)?;
    let read = |(number, (_, value)): (usize, super::Pair)| {
        let unreadable = |error| RowError::Unreadable { what: "case of distrust", number: number as u64, error };
        wire::decode(&value, MAX_VALUE_BYTES).map_err(unreadable)
    };
    pairs.into_iter().enumerate().map(read).collect()
}

/// Writes a case.
pub fn set_case(batch: &mut Batch, origin: &str, case: &Case) {
    batch.set(key(b"C", origin, &[&case.number.to_be_bytes()]), wire::encode(case));
}

/// Writes a case with its evidence.
pub fn set_whole(batch: &mut Batch, origin: &str, case: &Case, evidence: &[u8]) {
    set_case(batch, origin, case);
    for (part, bytes) in parts(evidence) {
        batch.set(part_key(origin, case.number, part), bytes.to_vec());
    }
}

/// Removes a case with its evidence.
pub fn remove_whole(batch: &mut Batch, origin: &str, case: &Case, evidence: &[u8]) {
    batch.remove(key(b"C", origin, &[&case.number.to_be_bytes()]));
    parts(evidence).for_each(|(part, _)| batch.remove(part_key(origin, case.number, part)));
}

fn parts(evidence: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    (0u16..).zip(evidence.chunks(MAX_VALUE_BYTES))
}

fn part_key(origin: &str, number: u32, part: u16) -> Vec<u8> {
    key(b"E", origin, &[&number.to_be_bytes(), &part.to_be_bytes()])
}

/// The evidence of a case.
pub fn evidence(store: &dyn Store, origin: &str, number: u32) -> Result<Vec<u8>, StoreError> {
    let from = key(b"E", origin, &[&number.to_be_bytes()]);
    let to = key(b"E", origin, &[&number.to_be_bytes(), &[0xff; 3]]);
    Ok(store.range(Tree::Witness, &from, &to, usize::from(u16::MAX))?.into_iter().flat_map(|(_, part)| part).collect())
}
