//! Proofs out of the log: recent nodes from memory, older ones from the stored tile levels.
//!
//! Proof and head always come from one snapshot: the caller names a signed head, and the nodes under it never change.

use std::sync::{Arc, PoisonError, RwLock};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::tree::{Frontier, Nodes, TreeError, Window, consistency, inclusion};
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::tile::TILE_HEIGHT;

use super::Log;
use super::entry::Appended;
use super::fault::LogError;
use crate::store::Store;
use crate::store::log::{self as layout, CHUNK_HEIGHT, Head, RowError};

/// The nodes of the tree, wherever they are.
pub(super) struct StoredNodes<'a> {
    pub(super) window: Option<&'a RwLock<Window>>,
    pub(super) store: &'a dyn Store,
}

impl Nodes for StoredNodes<'_> {
    type Error = RowError;

    fn node(&self, level: u32, index: u64) -> Result<Digest, RowError> {
        if let Some(window) = self.window
            && let Some(hash) = window.read().unwrap_or_else(PoisonError::into_inner).node(level, index)
        {
            return Ok(hash);
        }
        // Of eight levels the lowest is stored, and the seventh behind each chunk of it; the others are hashed again, from values that are
        // read once.
        let (tile_level, within) = ((level / TILE_HEIGHT) as u8, level % TILE_HEIGHT);
        let hashes = match within.checked_sub(CHUNK_HEIGHT) {
            None => layout::read_hashes(self.store, tile_level, index << within, 1 << within)?,
            Some(above) => {
                let chunks = index << above..(index + 1) << above;
                chunks.map(|chunk| layout::read_chunk_root(self.store, tile_level, chunk)).collect::<Result<_, _>>()?
            }
        };
        Ok(layout::perfect_root(hashes))
    }
}

/// The frontier of a stored log, if it leads to the head's root.
pub(super) fn recover_frontier(store: &dyn Store, head: &Head) -> Result<Frontier, LogError> {
    let nodes = StoredNodes { window: None, store };
    let mut roots = Vec::new();
    let mut covered = 0u64;
    for level in (0..u64::BITS).rev().filter(|level| head.size >> level & 1 == 1) {
        roots.push(nodes.node(level, covered >> level)?);
        covered += 1 << level;
    }
    let frontier = Frontier::from_roots(head.size, roots).ok_or(LogError::SelfCheck { size: head.size })?;
    if frontier.root() == head.root { Ok(frontier) } else { Err(LogError::SelfCheck { size: head.size }) }
}

impl Log {
    fn nodes(&self) -> StoredNodes<'_> {
        StoredNodes { window: Some(&self.shared.window), store: &*self.shared.store }
    }

    /// The place of a leaf under a head that is not older than the leaf.
    pub fn prove(&self, index: u64, head: &Arc<SignedHead>) -> Result<Appended, LogError> {
        let size = head.signed().checkpoint().size;
        let leaf = layout::read_leaves(&*self.shared.store, index, index + 1)?.pop().ok_or(LogError::NoProof { index, size })?;
        let parsed = Leaf::parse(&leaf).map_err(|_| LogError::NoProof { index, size })?;
        let path = inclusion(index, size, &self.nodes()).map_err(|error| proof_error(error, index, size))?;
        let committed = head.place(parsed.hash(), parsed.time, index, path).map_err(|_| LogError::NoProof { index, size })?;
        Ok(Appended { committed, head: head.clone() })
    }

    /// The proof that the tree of `old` leaves is the beginning of the head's.
    pub fn consistency(&self, old: u64, head: &SignedHead) -> Result<Vec<Digest>, LogError> {
        let size = head.signed().checkpoint().size;
        consistency(old, size, &self.nodes()).map_err(|error| proof_error(error, old, size))
    }

    /// The root that this log had at a size.
    pub fn root_at(&self, size: u64) -> Result<Digest, LogError> {
        Ok(creditbay_crypto::merkle::tree::root(size, &self.nodes())?)
    }
}

fn proof_error(error: TreeError<RowError>, index: u64, size: u64) -> LogError {
    match error {
        TreeError::OutOfRange { .. } => LogError::NoProof { index, size },
        TreeError::Nodes(error) => LogError::Rows(error),
    }
}
