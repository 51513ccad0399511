//! A log of the region that has ended as a store of its own: what is said of the log's tree means that one's.
//!
//! Its leaves are never written; of its sealed rows those are that an erasure takes, or whose key one takes. Not here: reading a log (`log`).

use super::{Batch, Durable, Pair, Store, StoreError, Tree};

/// The log that is so many before the one that the store is open for.
pub struct Before<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// How many logs back, from 1.
    pub back: u32,
}

impl<'a> Before<'a> {
    /// The log right before.
    pub fn last(store: &'a dyn Store) -> Self {
        Self { store, back: 1 }
    }

    fn of(&self, tree: Tree) -> Tree {
        if tree == Tree::Log { Tree::Ended(self.back) } else { tree }
    }
}

impl Store for Before<'_> {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(self.of(tree), key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.store.range(self.of(tree), from, to, limit)
    }

    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.store.last(self.of(tree), from, to)
    }

    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError> {
        self.store.commit(self.of(tree), batch)
    }
}
