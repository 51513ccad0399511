//! The disk of a simulated machine: the store in memory, watched at every commit, and for a mutant one that lies.
//!
//! Not here: how a commit fails (`node::store::in_memory`), and how long it takes (`city`).

use std::sync::{Mutex, PoisonError};

use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::{Batch, Durable, Pair, Store, StoreError, Tree};

/// Who looks at what is durable after each commit.
pub(crate) type Watcher = Box<dyn Fn(&InMemory) + Send + Sync>;

/// A disk.
pub(crate) struct Disk {
    durable: InMemory,
    /// What a lying disk shows, and what it has not written yet.
    pretended: Option<(InMemory, Mutex<Option<(Tree, Batch)>>)>,
    watcher: Watcher,
}

impl Disk {
    /// A disk that does what it says.
    pub(crate) fn honest(durable: InMemory, watcher: Watcher) -> Self {
        Self { durable, pretended: None, watcher }
    }

    /// A disk that is always one batch behind what it says.
    pub(crate) fn lying(durable: InMemory, watcher: Watcher) -> Self {
        let pretended = Some((durable.reopen(), Mutex::default()));
        Self { durable, pretended, watcher }
    }

    fn shown(&self) -> &InMemory {
        self.pretended.as_ref().map_or(&self.durable, |(shown, _)| shown)
    }
}

impl Store for Disk {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shown().get(tree, key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.shown().range(tree, from, to, limit)
    }

    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.shown().last(tree, from, to)
    }

    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError> {
        let done = match &self.pretended {
            None => self.durable.commit(tree, batch),
            Some((shown, waiting)) => {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((tree, batch)) = waiting.replace((tree, batch.clone())) {
                    self.durable.commit(tree, batch)?;
                }
                shown.commit(tree, batch)
            }
        };
        (self.watcher)(&self.durable);
        done
    }
}
