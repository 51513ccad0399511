//! The region's log before this one as a store of its own: what is said of the log's tree means that one's.
//!
//! Its leaves are never written; of its sealed rows those that an erasure's key sealed, too, are sealed anew. Not here: reading a log
//! (`log`).

use super::{Batch, Durable, Pair, Store, StoreError, Tree};

/// The log before.
pub struct Before<'a>(pub &'a dyn Store);

fn of(tree: Tree) -> Tree {
    if tree == Tree::Log { Tree::Predecessor } else { tree }
}

impl Store for Before<'_> {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(of(tree), key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.0.range(of(tree), from, to, limit)
    }

    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.0.last(of(tree), from, to)
    }

    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError> {
        self.0.commit(of(tree), batch)
    }
}
