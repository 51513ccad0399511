//! The keys and values of the log's tree (PROTOCOL 22).
//!
//! | key | value |
//! |---|---|
//! | `H` | the head: size, root, time, watermark |
//! | `E` · chunk u64 | up to 15 leaves, each with its length in two big-endian bytes before it |
//! | `T` · tile level u8 · chunk u64 | up to 64 hashes of that tile level; behind 64 the root over them |
//! | `S` · size u64 · batch u64 · part u16 | sealed rows: what opens the leaves of one batch, and its receipts |
//! | `N` · origin | the newest note seen of that log |
//! | `R` | a restore is under way; what it wrote is no log yet |
//! | `L` | the end of the log before this one is lost, and the operator had this one begin behind what is left |
//!
//! Not here: when what is written (`node::log`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::{empty_root, node_hash};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Origin;
use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::wire::{self, WireError};

use super::{Batch, Store, StoreError, Tree};

/// Leaves in one value: 15 × (448 + 2) bytes = 6 750, below `MAX_VALUE_BYTES` whatever the leaves hold.
pub const LEAVES_PER_CHUNK: u64 = 15;
/// Hashes in one value.
pub const HASHES_PER_CHUNK: u64 = 1 << CHUNK_HEIGHT;
/// Levels of the tree from the hashes of one value up to the root over them.
pub const CHUNK_HEIGHT: u32 = 6;

/// The state that a batch leaves the log in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// Whose log.
    pub origin: Origin,
    /// Leaves in it.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// The time of the last leaf.
    pub time: Millis,
    /// Batches so far.
    pub batches: u64,
    /// Replay keys of queries that expired up to here were forgotten.
    pub watermark: Millis,
    /// Every query of this log before this index is closed.
    pub open_from: u64,
}

impl Head {
    /// The state of a log without a leaf.
    pub fn fresh(origin: Origin) -> Self {
        Self { origin, size: 0, root: empty_root(), time: Millis(0), batches: 0, watermark: Millis(0), open_from: 0 }
    }
}

/// What a stored value should have been and is not.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RowError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value is missing that the head says is there.
    #[error("the store lacks {what} {number}; it was damaged or put together from several copies: restore it from the archive")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Which one.
        number: u64,
    },
    /// A value is there and is not the one that was signed over.
    #[error(
        "the store's {what} {number} is not what was signed over; the disk or a hand changed it: keep the folder, and restore it from the archive"
    )]
    Altered {
        /// What is altered.
        what: &'static str,
        /// Which one.
        number: u64,
    },
    /// A value cannot be read.
    #[error("the store's {what} {number} cannot be read: {error}; restore it from the archive")]
    Unreadable {
        /// What is unreadable.
        what: &'static str,
        /// Which one.
        number: u64,
        /// Why.
        error: WireError,
    },
}

fn numbered(prefix: &[u8], number: u64) -> Vec<u8> {
    [prefix, &number.to_be_bytes()].concat()
}

/// Reads the head; `None` for a log that never had one.
pub fn head(store: &dyn Store) -> Result<Option<Head>, RowError> {
    let Some(bytes) = store.get(Tree::Log, b"H")? else { return Ok(None) };
    wire::decode(&bytes, 1024).map(Some).map_err(|error| RowError::Unreadable { what: "head", number: 0, error })
}

/// Writes the head.
pub fn set_head(batch: &mut Batch, head: &Head) {
    batch.set(b"H".to_vec(), wire::encode(head));
}

/// Whether a restore began that did not end.
pub fn restoring(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(Tree::Log, b"R")?.is_some())
}

/// Writes that a restore is under way, or that it ended.
pub fn set_restoring(batch: &mut Batch, under_way: bool) {
    if under_way { batch.set(b"R".to_vec(), Vec::new()) } else { batch.remove(b"R".to_vec()) }
}

/// Behind what a log begins whose predecessor has no end, and by which directory.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Loss {
    /// What the regions decided.
    pub range: OrphanedRange,
    /// The directory's edition.
    pub serial: u32,
    /// SHA-256 of the directory.
    pub directory: Digest,
    /// When the operator had this log begin.
    pub at: Millis,
}

/// The loss behind which this log begins.
pub fn loss(store: &dyn Store) -> Result<Option<Loss>, RowError> {
    let Some(bytes) = store.get(Tree::Log, b"L")? else { return Ok(None) };
    wire::decode(&bytes, 1024).map(Some).map_err(|error| RowError::Unreadable { what: "loss", number: 0, error })
}

/// Writes the loss behind which this log begins.
pub fn set_loss(batch: &mut Batch, loss: &Loss) {
    batch.set(b"L".to_vec(), wire::encode(loss));
}

/// Writes a chunk of leaves, as `encode_bundle` puts them together.
pub fn set_leaves(batch: &mut Batch, chunk: u64, bundle: Vec<u8>) {
    batch.set(numbered(b"E", chunk), bundle);
}

/// The chunk of leaves; empty where there is none.
pub fn leaves(store: &dyn Store, chunk: u64) -> Result<Vec<u8>, StoreError> {
    Ok(store.get(Tree::Log, &numbered(b"E", chunk))?.unwrap_or_default())
}

/// Takes leaves `from..to` out of their chunks.
pub fn read_leaves(store: &dyn Store, from: u64, to: u64) -> Result<Vec<Vec<u8>>, RowError> {
    let mut found = Vec::new();
    let mut index = from;
    while index < to {
        let chunk = index / LEAVES_PER_CHUNK;
        let bundle = leaves(store, chunk)?;
        let end = to.min((chunk + 1) * LEAVES_PER_CHUNK);
        let skip = (index % LEAVES_PER_CHUNK) as usize;
        let wanted = (end - index) as usize;
        let entries: Vec<_> = split_bundle(&bundle).skip(skip).take(wanted).map(<[u8]>::to_vec).collect();
        if entries.len() < wanted {
            return Err(RowError::Missing { what: "leaf", number: index + entries.len() as u64 });
        }
        found.extend(entries);
        index = end;
    }
    Ok(found)
}

/// The leaves of a chunk, up to the first that is not whole.
pub fn split_bundle(mut bundle: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = bundle.split_first_chunk::<2>()?;
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        bundle = rest;
        Some(leaf)
    })
}

/// Writes a chunk of hashes of a tile level, and the root over them if it is full.
pub fn set_hashes(batch: &mut Batch, tile_level: u8, chunk: u64, mut hashes: Vec<u8>) {
    let (full, _) = hashes.as_chunks();
    if full.len() as u64 == HASHES_PER_CHUNK {
        let root = perfect_root(full.iter().copied().map(Digest).collect());
        hashes.extend_from_slice(&root.0);
    }
    batch.set(numbered(&[b'T', tile_level], chunk), hashes);
}

/// The chunk of hashes, without the root over them; empty where there is none.
pub fn hashes(store: &dyn Store, tile_level: u8, chunk: u64) -> Result<Vec<u8>, StoreError> {
    let mut hashes = store.get(Tree::Log, &numbered(&[b'T', tile_level], chunk))?.unwrap_or_default();
    hashes.truncate(HASHES_PER_CHUNK as usize * 32);
    Ok(hashes)
}

/// One hash of a tile level.
pub fn read_hash(store: &dyn Store, tile_level: u8, index: u64) -> Result<Digest, RowError> {
    let chunk = hashes(store, tile_level, index / HASHES_PER_CHUNK)?;
    let (hashes, _) = chunk.as_chunks::<32>();
    let hash = hashes.get((index % HASHES_PER_CHUNK) as usize);
    hash.map(|hash| Digest(*hash)).ok_or(RowError::Missing { what: "hash", number: index })
}

/// `count` hashes of a tile level from an index on, each stored value read once.
pub fn read_hashes(store: &dyn Store, tile_level: u8, from: u64, count: u64) -> Result<Vec<Digest>, RowError> {
    let mut found = Vec::with_capacity(count as usize);
    let mut index = from;
    while index < from + count {
        let chunk = hashes(store, tile_level, index / HASHES_PER_CHUNK)?;
        let (hashes, _) = chunk.as_chunks::<32>();
        let wanted = (from + count - index) as usize;
        let before = found.len();
        found.extend(hashes.iter().skip((index % HASHES_PER_CHUNK) as usize).take(wanted).map(|hash| Digest(*hash)));
        if found.len() == before {
            return Err(RowError::Missing { what: "hash", number: index });
        }
        index = from + found.len() as u64;
    }
    Ok(found)
}

/// The root over a full chunk of hashes, as it stands behind them.
pub fn read_chunk_root(store: &dyn Store, tile_level: u8, chunk: u64) -> Result<Digest, RowError> {
    let value = store.get(Tree::Log, &numbered(&[b'T', tile_level], chunk))?.unwrap_or_default();
    let (hashes, _) = value.as_chunks::<32>();
    let root = hashes.get(HASHES_PER_CHUNK as usize).copied().map(Digest);
    root.ok_or(RowError::Missing { what: "root of the chunk of hashes", number: chunk })
}

/// The root over the hashes of as many subtrees as a power of two, each as large as the other.
pub fn perfect_root(mut hashes: Vec<Digest>) -> Digest {
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks::<2>();
        hashes = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    hashes.pop().unwrap_or_else(empty_root)
}

/// Writes sealed rows.
pub fn set_sealed(batch: &mut Batch, size: u64, number: u64, part: u16, sealed: Vec<u8>) {
    batch.set([b"S".as_slice(), &size.to_be_bytes(), &number.to_be_bytes(), &part.to_be_bytes()].concat(), sealed);
}

/// Sealed rows with the size that the log had before their batch.
#[derive(Clone)]
pub struct SealedRows {
    /// Leaves in the log before the batch.
    pub size: u64,
    /// The sealed value.
    pub value: Vec<u8>,
    key: Vec<u8>,
}

impl SealedRows {
    /// The batch's number.
    pub fn batch(&self) -> u64 {
        self.key.get(9..17).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes)
    }

    /// Which part of the batch.
    pub fn part(&self) -> usize {
        self.key.get(17..19).and_then(|part| part.try_into().ok()).map_or(0, |part| usize::from(u16::from_be_bytes(part)))
    }

    fn of((key, value): super::Pair) -> Option<Self> {
        let size = key.get(1..9)?.try_into().ok().map(u64::from_be_bytes)?;
        Some(Self { size, value, key })
    }
}

/// Puts sealed rows in the place of others.
pub fn replace_sealed(batch: &mut Batch, rows: &SealedRows, sealed: Vec<u8>) {
    batch.set(rows.key.clone(), sealed);
}

/// Removes sealed rows.
pub fn remove_sealed(batch: &mut Batch, rows: &SealedRows) {
    batch.remove(rows.key.clone());
}

/// The sealed rows in the order in which they were written, beginning with the batch that holds leaf `from`, a page at a time.
pub fn sealed_from(store: &dyn Store, from: u64) -> Result<Vec<SealedRows>, StoreError> {
    let at = numbered(b"S", from + 1);
    let begin = match store.last(Tree::Log, b"S", &at)?.and_then(SealedRows::of) {
        Some(rows) => numbered(b"S", rows.size),
        None => b"S".to_vec(),
    };
    page(store, &begin)
}

/// The page of sealed rows after this one.
pub fn sealed_after(store: &dyn Store, rows: &SealedRows) -> Result<Vec<SealedRows>, StoreError> {
    page(store, &[rows.key.as_slice(), &[0]].concat())
}

/// The sealed rows right before the ones that begin with this key's, or the last of all.
pub fn sealed_before(store: &dyn Store, rows: Option<&SealedRows>) -> Result<Option<SealedRows>, StoreError> {
    let to = rows.map_or_else(|| b"T".to_vec(), |rows| rows.key.clone());
    Ok(store.last(Tree::Log, b"S", &to)?.and_then(SealedRows::of))
}

fn page(store: &dyn Store, from: &[u8]) -> Result<Vec<SealedRows>, StoreError> {
    Ok(store.range(Tree::Log, from, b"T", 64)?.into_iter().filter_map(SealedRows::of).collect())
}

/// Writes the newest note seen of a log.
pub fn set_seen(batch: &mut Batch, origin: &Origin, note: Vec<u8>) {
    batch.set([b"N".as_slice(), origin.to_string().as_bytes()].concat(), note);
}

/// The newest note seen of a log.
pub fn seen(store: &dyn Store, origin: &Origin) -> Result<Option<Vec<u8>>, StoreError> {
    store.get(Tree::Log, &[b"N".as_slice(), origin.to_string().as_bytes()].concat())
}
