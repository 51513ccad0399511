//! The keys and values by which a node knows the newest directory that it acted on (PROTOCOL 31.2, 35.8), in the witness's tree: it
//! outlives the loss of a log's store.
//!
//! | key | value |
//! |---|---|
//! | `D` | serial u32 ‖ SHA-256 of the directory |
//! | `O` · log | an orphaned range that a directory listed |
//!
//! Not here: when what is written (`node::editions`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::wire;

use super::log::RowError;
use super::{Batch, Store, Tree};

/// Ranges that are read at most: as many as a directory can list (16 regions, 16 each).
const MAX_RANGES: usize = 256;

/// An edition of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Edition {
    /// Its number.
    pub serial: u32,
    /// SHA-256 of the file.
    pub digest: Digest,
}

/// The newest edition that was acted on.
pub fn newest(store: &dyn Store) -> Result<Option<Edition>, RowError> {
    let Some(bytes) = store.get(Tree::Witness, b"D")? else { return Ok(None) };
    wire::decode(&bytes, 64).map(Some).map_err(|error| RowError::Unreadable {
        what: "edition of the directory",
        number: 0,
        error,
    })
}

/// Every orphaned range that a directory listed once.
pub fn orphaned(store: &dyn Store) -> Result<Vec<OrphanedRange>, RowError> {
    let pairs = store.range(Tree::Witness, b"O", b"P", MAX_RANGES)?;
    let read = |(number, (_, value)): (u64, super::Pair)| {
        wire::decode(&value, 256).map_err(|error| RowError::Unreadable { what: "orphaned range", number, error })
    };
    (0..).zip(pairs).map(read).collect()
}

/// Writes an edition with what it lists.
pub fn set<'a>(batch: &mut Batch, edition: &Edition, ranges: impl IntoIterator<Item = &'a OrphanedRange>) {
    batch.set(b"D".to_vec(), wire::encode(edition));
    for range in ranges {
        batch.set([b"O".as_slice(), range.log.to_string().as_bytes()].concat(), wire::encode(range));
    }
}
