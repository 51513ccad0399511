//! From one log of a region to the next: what must hold of the old one, what goes over, and the first leaves of the new one
//! (PROTOCOL 35.5).
//!
//! The retired log stays in the store, in a tree of its own, and is only read. What must not be had twice goes over: balances, uses,
//! withdrawals, portfolios, the notes seen of others. What an auditor judges by is said again in leaves: suspensions here, the rule pack
//! by `policy::orders`. Behind a log whose end was lost the next one begins where a directory and the operator say so (`store::log::Loss`),
//! with what is left of it. Not here: retiring (`append`), the operator's word (`crate::succeed`), and what peers make of it.

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
use creditbay_protocol::succession::{self, Beginning, Succession};

use super::Log;
use super::fault::LogError;
use super::prove::{StoredNodes, recover_frontier};
use crate::store::before::Before;
use crate::store::ledger as orders;
use crate::store::log::{self as layout, Head, Loss, RowError};
use crate::store::{Batch, Store, Tree};

/// Leaves that are read at a time.
const PAGE: u64 = 1_024;
/// Rows that go over in one batch.
const ROWS: usize = 256;
/// The rows that go over: balances of days and years, uses, portfolios, suspensions, withdrawals, declarations, notes seen.
const CARRIED: [&[u8; 1]; 9] = [b"B", b"Y", b"A", b"O", b"D", b"U", b"W", b"F", b"N"];

/// How long after the leaf that answers it a query may still be brought again.
const STILL_FRESH_MS: u64 = MAX_QUERY_LIFETIME_MS + FRESHNESS_MS + 1;

/// The log before this one as far as it goes, and the loss behind that, if there is one.
struct Ended {
    head: Head,
    loss: Option<Loss>,
}

/// Goes back from the end of a log to the first leaf that is too old to matter; whether there is none.
fn lately(store: &dyn Store, size: u64, since: Millis, found: &mut Vec<Digest>) -> Result<bool, LogError> {
    let mut end = size;
    while end > 0 {
        let begin = end.saturating_sub(PAGE);
        for leaf in layout::read_leaves(store, begin, end)?.into_iter().rev() {
            let Ok(leaf) = Leaf::parse(&leaf) else { continue };
            if leaf.time.plus(STILL_FRESH_MS) <= since {
                return Ok(false);
            }
            if let LeafBody::Answer { query, .. } = leaf.body {
                found.push(query);
            }
        }
        end = begin;
    }
    Ok(true)
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
            let rows = store.range(Tree::Ended(1), &from, &end, ROWS)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            let mut batch = Batch::default();
            rows.into_iter().for_each(|(key, value)| batch.set(key, value));
            store.commit(Tree::Log, batch)?;
        }
    }
    Ok(())
}

/// The state in which the log that this store is to hold begins: empty, and where it is not the first of its region, behind another.
pub(super) fn beginning(store: &dyn Store, fresh: Head) -> Result<Head, LogError> {
    let Some(Ended { head: before, .. }) = predecessor(store, fresh.origin)? else { return Ok(fresh) };
    Ok(Head { time: before.time, watermark: before.watermark, ..fresh })
}

/// The leaves with which a log begins that is not the first of its region.
pub(super) fn first_leaves(store: &dyn Store, origin: Origin) -> Result<Vec<Event>, LogError> {
    let Some(Ended { head: before, loss }) = predecessor(store, origin)? else { return Ok(Vec::new()) };
    let began = match loss {
        None => Event::LogBegun { predecessor: before.origin, size: before.size, root: before.root },
        Some(Loss { range, serial, directory, .. }) => Event::LogBegunAfterLoss { range, serial, directory },
    };
    let suspended = orders::suspensions(&Before::last(store))?;
    let again = suspended.into_iter().map(|of| Event::Suspension { of, in_force: true });
    Ok(std::iter::once(began).chain(again).collect())
}

/// What the first leaf of this log says that it goes on from; `None` for the first of a region, and before it has one.
fn begun(store: &dyn Store) -> Result<Option<(Millis, Beginning)>, LogError> {
    if layout::head(store)?.is_none_or(|head| head.size == 0) {
        return Ok(None);
    }
    let leaf = layout::read_leaves(store, 0, 1)?.pop().and_then(|leaf| Leaf::parse(&leaf).ok());
    Ok(leaf.and_then(|leaf| match &leaf.body {
        LeafBody::Event(event) => Some((leaf.time, Beginning::of(event)?)),
        _ => None,
    }))
}

/// How far the log goes that is before the one that this store is open for.
pub fn left_of(store: &dyn Store) -> Result<Option<Head>, RowError> {
    layout::head(&Before::last(store))
}

/// The log before this one, which must have ended as this one says or will say; `None` for the first log of a region.
fn predecessor(store: &dyn Store, origin: Origin) -> Result<Option<Ended>, LogError> {
    if origin.number() == 1 {
        return Ok(None);
    }
    let refused = |reason: String| Err(LogError::NoPredecessor { origin, reason });
    let (before, begun, loss) = (Before::last(store), begun(store)?, layout::loss(store)?);
    let lost = begun.as_ref().map_or_else(|| loss.as_ref().map(|loss| loss.range), |(_, begun)| begun.lost);
    let head = match (layout::head(&before)?, lost) {
        (Some(head), _) => head,
        (None, Some(range)) if range.size == 0 => Head::fresh(range.log),
        (None, _) => {
            return refused(
                "the store has no log before it; if that one's end was lost, the regions decide by a directory that lists it \
                 ([[region.orphaned]]), and then `creditbay-node succeed` begins this one"
                    .to_owned(),
            );
        }
    };
    if (head.origin.owner(), head.origin.number() + 1) != (origin.owner(), origin.number()) {
        return refused(format!("the log before it in this store is {}", head.origin));
    }
    let ends_at = begun.map(|(_, Beginning { size, root, .. })| (size, root)).or(lost.map(|range| (range.size, range.root)));
    match ends_at {
        Some(end) if end != (head.size, head.root) => {
            return refused(format!("it goes on from {} leaves of {}, and the store has {}", end.0, head.origin, head.size));
        }
        None if !is_retired(&before, &head)? => {
            return refused(format!(
                "{} is not retired; name it in the directory again and run `creditbay log retire`",
                head.origin
            ));
        }
        _ => {}
    }
    recover_frontier(&before, &head)?;
    Ok(Some(Ended { head, loss }))
}

impl Log {
    /// The leaves of the queries that were answered lately, by this log and those before it: what may still be brought again. The
    /// answers' own leaves say so; what opens them may be gone.
    pub fn answered_lately(&self) -> Result<Vec<Digest>, LogError> {
        let store = &**self.store();
        let mut found = Vec::new();
        let since = self.watermark();
        let mut further = lately(store, self.head().signed().checkpoint().size, since, &mut found)?;
        // A log that was put back from an archive has nothing before it in this store.
        for (back, head) in self.ended()? {
            further = further && lately(&Before { store, back }, head.size, since, &mut found)?;
        }
        Ok(found)
    }

    /// The logs of this region that have ended, as far as the store holds them, the newest first: how many back each is, and its head.
    pub fn ended(&self) -> Result<Vec<(u32, Head)>, LogError> {
        ended(&**self.store(), self.origin().number())
    }

    /// When this log began, if the end of the one before it was lost: what that end answered nobody knows, so no older query is answered.
    pub fn begun_after_loss(&self) -> Result<Option<Millis>, LogError> {
        let store = &**self.store();
        let marked = layout::loss(store)?.map(|loss| loss.at);
        Ok(begun(store)?.filter(|(_, begun)| begun.lost.is_some()).map(|(at, _)| at).or(marked))
    }

    /// What shows a peer that has seen nothing of this log that it goes on from the one before it, of which the peer has shown `seen`;
    /// `None` for the first log of a region. A log that was put back from an archive has its first leaf, and so most of it.
    pub fn succession(&self, seen: Option<&Checkpoint>, head: &Arc<SignedHead>) -> Result<Option<Succession>, LogError> {
        if self.origin().number() == 1 {
            return Ok(None);
        }
        let store = &**self.store();
        let leaf = layout::read_leaves(store, 0, 1)?.pop().ok_or(LogError::NoProof { index: 0, size: 0 })?;
        let Beginning { log, size, .. } = Beginning::of_leaf(&leaf).ok_or(LogError::NoProof { index: 0, size: 0 })?;
        let inclusion = self.prove(0, head)?.committed.place().path.clone();
        let from = seen.filter(|seen| seen.origin == log && seen.size < size).map_or(0, |seen| seen.size);
        if from == 0 {
            return Ok(Some(Succession { leaf, inclusion, consistency: Vec::new() }));
        }
        let before = match predecessor(store, *self.origin()) {
            Ok(Some(_)) => Before::last(store),
            Ok(None) | Err(LogError::NoPredecessor { .. }) => return Err(LogError::PredecessorGone { log, from }),
            Err(error) => return Err(error),
        };
        let consistency = consistency(from, size, &StoredNodes { window: None, store: &before });
        let consistency = consistency.map_err(|_| LogError::NoProof { index: from, size })?;
        Ok(Some(Succession { leaf, inclusion, consistency }))
    }

    /// The newest note that was kept of the log before this one of a peer.
    pub fn kept_before(&self, of: &Origin) -> Option<(Checkpoint, Vec<u8>)> {
        let note = layout::seen(&**self.store(), &succession::predecessor(of)?).ok()??;
        let checkpoint = Checkpoint::parse(&Note::parse(&note).ok()?.text).ok()?;
        Some((checkpoint, note))
    }
}

/// The logs that have ended before the one with this number, as far as the store holds them, the newest first.
pub(super) fn ended(store: &dyn Store, number: u32) -> Result<Vec<(u32, Head)>, LogError> {
    let head = |back| Ok(layout::head(&Before { store, back })?.map(|head| (back, head)));
    // None is missing between two: a log begins only where the one before it is, or where that one's end was lost with all before it.
    (1..number).map_while(|back| head(back).transpose()).collect()
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
