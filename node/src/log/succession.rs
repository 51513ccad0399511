//! From one log of a region to the next: what must hold of the old one, what goes over, and the first leaves of the new one
//! (PROTOCOL 35.5).
//!
//! The retired log stays in the store, in a tree of its own, and is only read. What must not be had twice goes over: balances, uses,
//! withdrawals, portfolios, the notes seen of others. What an auditor judges by is said again in leaves: suspensions here, the rule pack
//! by `policy::orders`. Not here: retiring (`append`), and what peers make of it.

use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::tree::consistency;
use creditbay_crypto::note::Note;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::event::Event;
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::{FRESHNESS_MS, MAX_QUERY_LIFETIME_MS};
use creditbay_protocol::name::Origin;
use creditbay_protocol::succession::{self, Succession};

use super::Log;
use super::fault::LogError;
use super::prove::{StoredNodes, recover_frontier};
use crate::store::ledger as orders;
use crate::store::log::{self as layout, Head};
use crate::store::{Batch, Durable, Pair, Store, StoreError, Tree};

/// Leaves that are read at a time.
const PAGE: u64 = 1_024;
/// Rows that go over in one batch.
const ROWS: usize = 256;
/// The rows that go over: balances of days and years, uses, portfolios, suspensions, withdrawals, declarations, notes seen.
const CARRIED: [&[u8; 1]; 9] = [b"B", b"Y", b"A", b"O", b"D", b"U", b"W", b"F", b"N"];

/// How long after the leaf that answers it a query may still be brought again.
const STILL_FRESH_MS: u64 = MAX_QUERY_LIFETIME_MS + FRESHNESS_MS + 1;

/// The log before this one, as a store that is only read.
struct Predecessor<'a>(&'a dyn Store);

impl Store for Predecessor<'_> {
    fn get(&self, _: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(Tree::Predecessor, key)
    }

    fn range(&self, _: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.0.range(Tree::Predecessor, from, to, limit)
    }

    fn last(&self, _: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.0.last(Tree::Predecessor, from, to)
    }

    fn commit(&self, _: Tree, _: Batch) -> Result<Durable, StoreError> {
        Err(StoreError::Stopped)
    }
}

/// Goes back from the end of a log to the first leaf that is too old to matter.
fn lately(store: &dyn Store, size: u64, since: Millis, found: &mut Vec<Digest>) -> Result<(), LogError> {
    let mut end = size;
    while end > 0 {
        let begin = end.saturating_sub(PAGE);
        for leaf in layout::read_leaves(store, begin, end)?.into_iter().rev() {
            let Ok(leaf) = Leaf::parse(&leaf) else { continue };
            if leaf.time.plus(STILL_FRESH_MS) <= since {
                return Ok(());
            }
            if let LeafBody::Answer { query, .. } = leaf.body {
                found.push(query);
            }
        }
        end = begin;
    }
    Ok(())
}

/// Copies what must not be had twice from the log before this one, if this one has not begun. Done again after a crash, it writes the
/// same. Before anything else reads the store.
pub fn carry_over(store: &dyn Store, origin: Origin) -> Result<(), LogError> {
    if layout::head(store)?.is_some() || predecessor(store, origin)?.is_none() {
        return Ok(());
    }
    for kind in CARRIED {
        let mut from = kind.to_vec();
        let end = [kind[0] + 1];
        loop {
            let rows = store.range(Tree::Predecessor, &from, &end, ROWS)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            let mut batch = Batch::default();
            rows.into_iter().for_each(|(key, value)| batch.set(key, value));
            store.commit(Tree::Log, batch)?;
        }
    }
    Ok(())
}

/// The state in which the log that this store is to hold begins: empty, and where it is not the first of its region, behind a retired one.
pub(super) fn beginning(store: &dyn Store, fresh: Head) -> Result<Head, LogError> {
    let Some(before) = predecessor(store, fresh.origin)? else { return Ok(fresh) };
    Ok(Head { time: before.time, watermark: before.watermark, ..fresh })
}

/// The leaves with which a log begins that is not the first of its region.
pub(super) fn first_leaves(store: &dyn Store, origin: Origin) -> Result<Vec<Event>, LogError> {
    let Some(before) = predecessor(store, origin)? else { return Ok(Vec::new()) };
    let began = Event::LogBegun { predecessor: before.origin, size: before.size, root: before.root };
    let suspended = orders::suspensions(&Predecessor(store))?;
    let again = suspended.into_iter().map(|of| Event::Suspension { of, in_force: true });
    Ok(std::iter::once(began).chain(again).collect())
}

/// The head of the log before this one, which must be retired; `None` for the first log of a region.
fn predecessor(store: &dyn Store, origin: Origin) -> Result<Option<Head>, LogError> {
    if origin.number() == 1 {
        return Ok(None);
    }
    let refused = |reason: String| Err(LogError::NoPredecessor { origin, reason });
    let before = Predecessor(store);
    let Some(head) = layout::head(&before)? else {
        return refused("the store has no log before it".to_owned());
    };
    if (head.origin.owner(), head.origin.number() + 1) != (origin.owner(), origin.number()) {
        return refused(format!("the log before it in this store is {}", head.origin));
    }
    if !is_retired(&before, &head)? {
        return refused(format!("{} is not retired; name it in the directory again and run `creditbay log retire`", head.origin));
    }
    recover_frontier(&before, &head)?;
    Ok(Some(head))
}

impl Log {
    /// The leaves of the queries that were answered lately, by this log and the one before it: what may still be brought again. The
    /// answers' own leaves say so; what opens them may be gone.
    pub fn answered_lately(&self) -> Result<Vec<Digest>, LogError> {
        let store = &**self.store();
        let mut found = Vec::new();
        let since = self.watermark();
        lately(store, self.head().signed().checkpoint().size, since, &mut found)?;
        match predecessor(store, *self.origin()) {
            Ok(Some(before)) => lately(&Predecessor(store), before.size, since, &mut found)?,
            // A log that was put back from an archive has nothing before it in this store.
            Ok(None) | Err(LogError::NoPredecessor { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(found)
    }

    /// What shows a peer that has seen nothing of this log that it goes on from the one before it, of which the peer has shown `seen`;
    /// `None` for the first log of a region.
    pub fn succession(&self, seen: Option<&Checkpoint>, head: &Arc<SignedHead>) -> Result<Option<Succession>, LogError> {
        let store = &**self.store();
        let Some(before) = predecessor(store, *self.origin())? else { return Ok(None) };
        let leaf = layout::read_leaves(store, 0, 1)?.pop().ok_or(LogError::NoProof { index: 0, size: 0 })?;
        let inclusion = self.prove(0, head)?.committed.place().path.clone();
        let from = seen.filter(|seen| seen.origin == before.origin && seen.size <= before.size).map_or(0, |seen| seen.size);
        let retired = Predecessor(store);
        let consistency = consistency(from, before.size, &StoredNodes { window: None, store: &retired });
        let consistency = consistency.map_err(|_| LogError::NoProof { index: from, size: before.size })?;
        Ok(Some(Succession { leaf, inclusion, consistency }))
    }

    /// The newest note that was kept of the log before this one of a peer.
    pub fn kept_before(&self, of: &Origin) -> Option<(Checkpoint, Vec<u8>)> {
        let note = layout::seen(&**self.store(), &succession::predecessor(of)?).ok()??;
        let checkpoint = Checkpoint::parse(&Note::parse(&note).ok()?.text).ok()?;
        Some((checkpoint, note))
    }
}

/// Whether the last leaf of a log retires it.
pub(super) fn is_retired(store: &dyn Store, head: &Head) -> Result<bool, LogError> {
    let Some(last) = head.size.checked_sub(1) else { return Ok(false) };
    let leaf = layout::read_leaves(store, last, head.size)?.pop();
    let body = leaf.and_then(|leaf| Leaf::parse(&leaf).ok()).map(|leaf| leaf.body);
    Ok(matches!(body, Some(LeafBody::Event(Event::LogRetired { .. }))))
}

#[cfg(test)]
mod tests;
