//! What is known of erasures: their lists, what is still to be done, and notices that no peer has acknowledged (PROTOCOL 32.5).
//!
//! | key | value |
//! |---|---|
//! | `X` · `l` · erasure u64 | the seed of the list's salts, and how many entries it has |
//! | `X` · `l` · erasure u64 · part u16 | up to 500 entries: log, index and part of each leaf |
//! | `X` · `p` · erasure u64 | what is still to be done of an erasure |
//! | `X` · `t` · erasure u64 · part u16 | up to 80 leaves of peers that notices are still to be made of |
//! | `X` · `n` · notice u64 | a notice that its receiver has not acknowledged, with the seed of its leaf |
//! | `X` · `m` · hash of a peer's notice | the erasure that answers it |
//! | `X` · `r` · erasure u64 | an order to erase records that is still to be carried out, sealed |
//!
//! An erasure is named by the index of its leaf. Nothing here names a subject. Not here: when what is written (`node::log`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::erasure::{ErasedEntry, ErasureList};
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::notice::{NamedLeaf, Notice};
use creditbay_protocol::wire;

use super::log::RowError;
use super::records::erase::Order;
use super::{Batch, MAX_VALUE_BYTES, Store, Tree};

/// Entries in one value: 500 × 13 bytes.
const ENTRIES_PER_PART: usize = 500;
/// Leaves to be told in one value: 80 × 84 bytes.
const TOLD_PER_PART: usize = 80;
/// Notices read at once.
const PAGE: usize = 64;

/// A leaf that a peer is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct ToTell {
    /// The peer.
    pub peer: Region,
    /// The log in which the leaf stands.
    pub log: Origin,
    /// The leaf.
    pub leaf: NamedLeaf,
}

/// What is still to be done of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Pending {
    /// Whether its notices are leaves by now.
    pub noticed: bool,
    /// Whether the bytes stay until the peers acknowledged.
    pub early: bool,
}

/// A notice on its way.
#[derive(Encode, Decode)]
pub struct Outgoing {
    /// The erasure that it tells.
    pub erasure: u64,
    /// The seed of its leaf.
    pub seed: Seed,
    /// The notice.
    pub notice: Notice,
}

fn key(family: u8, number: u64) -> Vec<u8> {
    [&[b'X', family], number.to_be_bytes().as_slice()].concat()
}

fn part_key(family: u8, number: u64, part: usize) -> Vec<u8> {
    [key(family, number).as_slice(), &(part as u16).to_be_bytes()].concat()
}

/// Writes what an erasure erases, and that all of it is still to be done.
pub fn set_erasure(batch: &mut Batch, erasure: u64, list: &ErasureList, told: &[ToTell], early: bool) {
    batch.set(key(b'l', erasure), wire::encode(&(&list.seed, list.entries.len() as u64)));
    for (part, entries) in list.entries.chunks(ENTRIES_PER_PART).enumerate() {
        batch.set(part_key(b'l', erasure, part), wire::encode(&entries.to_vec()));
    }
    for (part, told) in told.chunks(TOLD_PER_PART).enumerate() {
        batch.set(part_key(b't', erasure, part), wire::encode(&told.to_vec()));
    }
    set_pending(batch, erasure, Pending { noticed: told.is_empty(), early });
}

/// Writes what is still to be done of an erasure.
pub fn set_pending(batch: &mut Batch, erasure: u64, pending: Pending) {
    batch.set(key(b'p', erasure), wire::encode(&pending));
}

/// Nothing more is to be done of an erasure.
pub fn remove_pending(batch: &mut Batch, erasure: u64) {
    batch.remove(key(b'p', erasure));
}

/// The erasures of which something is still to be done.
pub fn pending(store: &dyn Store) -> Result<Vec<(u64, Pending)>, RowError> {
    let pairs = store.range(Tree::Log, b"Xp", b"Xq", usize::MAX)?;
    pairs.iter().map(|(key, value)| Ok((number(key), read("pending erasure", value)?))).collect()
}

/// What an erasure erased.
pub fn list(store: &dyn Store, erasure: u64) -> Result<Option<ErasureList>, RowError> {
    let Some(head) = store.get(Tree::Log, &key(b'l', erasure))? else { return Ok(None) };
    let (seed, count): (Seed, u64) = read("erasure", &head)?;
    let mut entries: Vec<ErasedEntry> = Vec::new();
    for part in 0.. {
        if entries.len() as u64 >= count {
            break;
        }
        let missing = RowError::Missing { what: "list of erasure", number: erasure };
        let value = store.get(Tree::Log, &part_key(b'l', erasure, part))?.ok_or(missing)?;
        entries.extend(read::<Vec<ErasedEntry>>("list of erasure", &value)?);
    }
    Ok(Some(ErasureList { seed, entries }))
}

/// The erasure whose list begins after this one's; the first where nothing is given.
pub fn erasure_after(store: &dyn Store, erasure: Option<u64>) -> Result<Option<u64>, RowError> {
    let from = erasure.map_or_else(|| b"Xl".to_vec(), |erasure| key(b'l', erasure + 1));
    Ok(store.range(Tree::Log, &from, b"Xm", 1)?.first().map(|(key, _)| number(key)))
}

/// The leaves of peers of which an erasure's notices are to be made.
pub fn to_tell(store: &dyn Store, erasure: u64) -> Result<Vec<ToTell>, RowError> {
    let pairs = store.range(Tree::Log, &key(b't', erasure), &key(b't', erasure + 1), usize::MAX)?;
    let parts = pairs.iter().map(|(_, value)| read::<Vec<ToTell>>("leaves to tell", value)).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.concat())
}

/// The notices of an erasure are leaves by now.
pub fn set_noticed(store: &dyn Store, batch: &mut Batch, erasure: u64, early: bool) -> Result<(), RowError> {
    for (key, _) in store.range(Tree::Log, &key(b't', erasure), &key(b't', erasure + 1), usize::MAX)? {
        batch.remove(key);
    }
    set_pending(batch, erasure, Pending { noticed: true, early });
    Ok(())
}

/// Writes a notice that is on its way.
pub fn set_outgoing(batch: &mut Batch, leaf: u64, outgoing: &Outgoing) {
    batch.set(key(b'n', leaf), wire::encode(outgoing));
}

/// A notice arrived.
pub fn remove_outgoing(batch: &mut Batch, leaf: u64) {
    batch.remove(key(b'n', leaf));
}

/// Notices on their way from this leaf on, a page of them.
pub fn outgoing(store: &dyn Store, from: u64) -> Result<Vec<(u64, Outgoing)>, RowError> {
    let pairs = store.range(Tree::Log, &key(b'n', from), b"Xo", PAGE)?;
    pairs.iter().map(|(key, value)| Ok((number(key), read("notice", value)?))).collect()
}

/// Writes which erasure answers a peer's notice.
pub fn set_taken(batch: &mut Batch, notice: &Digest, erasure: u64) {
    batch.set([b"Xm".as_slice(), &notice.0].concat(), wire::encode(&erasure));
}

/// The erasure that answers a peer's notice.
pub fn taken(store: &dyn Store, notice: &Digest) -> Result<Option<u64>, RowError> {
    let value = store.get(Tree::Log, &[b"Xm".as_slice(), &notice.0].concat())?;
    value.map(|value| read("notice", &value)).transpose()
}

/// Writes an order to erase records, to be carried out.
pub fn set_records_order(batch: &mut Batch, erasure: u64, order: &Order) {
    batch.set(key(b'r', erasure), wire::encode(order));
}

/// An order to erase records was carried out.
pub fn remove_records_order(batch: &mut Batch, erasure: u64) {
    batch.remove(key(b'r', erasure));
}

/// The orders to erase records that are still to be carried out, of this log or of the one before it.
pub fn records_orders(store: &dyn Store, log: Tree) -> Result<Vec<(u64, Order)>, RowError> {
    let pairs = store.range(log, b"Xr", b"Xs", usize::MAX)?;
    pairs.iter().map(|(key, value)| Ok((number(key), read("order to erase records", value)?))).collect()
}

fn number(key: &[u8]) -> u64 {
    key.get(2..10).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes)
}

fn read<T: Encode + Decode<()>>(what: &'static str, value: &[u8]) -> Result<T, RowError> {
    wire::decode(value, MAX_VALUE_BYTES).map_err(|error| RowError::Unreadable { what, number: 0, error })
}
