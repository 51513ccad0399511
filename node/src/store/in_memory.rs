//! The store in memory, whose every commit can fail in the two ways that a disk can (PROTOCOL 21.3).
//!
//! Stands in for the disk where exchange, policy and log run under a seeded clock and network. A store that was killed is opened again
//! with what it had made durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Durable, Pair, Store, StoreError, Tree};

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was written, and the store says so.
    NotPersisted,
    /// Everything was written, and the store says that it failed.
    ReportedAsFailed,
}

#[derive(Default)]
struct State {
    durable: BTreeMap<(Tree, Vec<u8>), Vec<u8>>,
    commits: u64,
    failing: Option<(u64, Failure)>,
    stopped: bool,
}

/// A store in memory; clones share it.
#[derive(Clone, Default)]
pub struct InMemory(Arc<Mutex<State>>);

impl InMemory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `nth` commit from now (0 the next one) fails in this way.
    pub fn fail(&self, nth: u64, failure: Failure) {
        let mut state = self.state();
        state.failing = Some((state.commits + nth, failure));
    }

    /// The store after the process was killed and started again: what was durable, and no memory of a failure.
    pub fn reopen(&self) -> Self {
        let durable = self.state().durable.clone();
        Self(Arc::new(Mutex::new(State { durable, ..State::default() })))
    }

    /// What the region's next log finds when it opens the store: this log, and those before it, one further back.
    pub fn for_next_log(&self) -> Self {
        let next = self.reopen();
        let mut state = next.state();
        let moved = std::mem::take(&mut state.durable).into_iter().map(|((tree, key), value)| match tree {
            Tree::Log => ((Tree::Ended(1), key), value),
            Tree::Ended(back) => ((Tree::Ended(back + 1), key), value),
            other => ((other, key), value),
        });
        state.durable = moved.collect();
        drop(state);
        next
    }

    /// Commits so far, failed ones included.
    pub fn commits(&self) -> u64 {
        self.state().commits
    }

    /// Whether a commit failed, after which the store takes none.
    pub fn stopped(&self) -> bool {
        self.state().stopped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for InMemory {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().durable.get(&(tree, key.to_vec())).cloned())
    }

    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let state = self.state();
        let pairs = state.durable.range((tree, from.to_vec())..(tree, to.to_vec())).take(limit);
        Ok(pairs.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        let state = self.state();
        let pair = state.durable.range((tree, from.to_vec())..(tree, to.to_vec())).next_back();
        Ok(pair.map(|((_, key), value)| (key.clone(), value.clone())))
    }

    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError> {
        let mut state = self.state();
        if state.stopped {
            return Err(StoreError::Stopped);
        }
        let failure = state.failing.filter(|(at, _)| *at == state.commits).map(|(_, failure)| failure);
        state.commits += 1;
        if failure != Some(Failure::NotPersisted) {
            for key in batch.removals {
                state.durable.remove(&(tree, key));
            }
            for (key, value) in batch.writes {
                state.durable.insert((tree, key), value);
            }
        }
        match failure {
            None => Ok(Durable(())),
            Some(failure) => {
                state.stopped = true;
                Err(StoreError::Write(format!("made to fail: {failure:?}")))
            }
        }
    }
}
