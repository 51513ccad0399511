//! Carries logged erasures through: what stays is sealed anew, and the keys of what does not are destroyed (design 5; PROTOCOL 32.4).
//!
//! The order is the promise. The leaf and its list are durable first. Then each day's key that sealed something of the list is retired, what
//! stays of that day is sealed under the next one and made durable, and only then is the key destroyed. A crash anywhere leaves either
//! what was to be done, which the next start does again, or nothing to do. Not here: what is erased, and why (`exchange`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use creditbay_protocol::calendar::Millis;
use creditbay_protocol::erasure::ErasedPart;

use super::fault::LogError;
use super::rows::Row;
use super::seals::{KeyNumber, Seals, read, sealed_under, written_at};
use super::succession::ended;
use crate::host::entropy::Entropy;
use crate::store::before::Before;
use crate::store::erasure as rows;
use crate::store::log::{self as layout, SealedRows};
use crate::store::{Batch, Store, Tree};

/// A receipt is written before its query is over, or at the start after; no row about a leaf is written later than this after it.
pub const ROWS_AFTER_MS: u64 = 3_600_000;
/// Values that are sealed anew and made durable at once.
const AT_ONCE: usize = 32;

/// Carries erasures through, one after the other.
pub struct Eraser {
    store: Arc<dyn Store>,
    /// The number of the log.
    number: u32,
    seals: Arc<Seals>,
    entropy: Arc<Entropy>,
    one: Mutex<()>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Erasures of which nothing is left to do.
    pub erasures: u64,
    /// Rows that are gone.
    pub rows: u64,
    /// Values that were sealed anew.
    pub sealed_anew: u64,
    /// Keys that were destroyed.
    pub keys: u64,
}

/// What the due erasures take of one log.
#[derive(Default)]
struct Gone {
    exchanges: BTreeSet<u64>,
    receipts: BTreeSet<u64>,
}

impl Gone {
    fn takes(&self, row: &Row) -> bool {
        match row {
            Row::Receipt { query, .. } => self.exchanges.contains(query) || self.receipts.contains(query),
            Row::Note { .. } => false,
            _ => row.opens().is_some_and(|index| self.exchanges.contains(&index)),
        }
    }

    fn span(&self) -> Option<(u64, u64)> {
        let all = || self.exchanges.iter().chain(&self.receipts).copied();
        Some((all().min()?, all().max()?))
    }
}

impl Eraser {
    /// Over this store, open for the log with this number, with the keys that seal its rows.
    pub fn new(store: Arc<dyn Store>, number: u32, seals: Arc<Seals>, entropy: Arc<Entropy>) -> Self {
        Self { store, number, seals, entropy, one: Mutex::default() }
    }

    /// Does what is left to do of every erasure that is due: one whose notices are leaves, and, where something of it could still be
    /// used, were acknowledged.
    pub fn carry_through(&self) -> Result<Done, LogError> {
        let _one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        let due = self.due()?;
        let mut taken: BTreeMap<u32, Gone> = BTreeMap::new();
        for erasure in &due {
            for entry in rows::list(&*self.store, *erasure)?.map(|list| list.entries).unwrap_or_default() {
                let gone = taken.entry(entry.log).or_default();
                match entry.part {
                    ErasedPart::Exchange => gone.exchanges.insert(entry.index),
                    ErasedPart::Receipt => gone.receipts.insert(entry.index),
                };
            }
        }
        for (log, gone) in &taken {
            match self.number.checked_sub(*log) {
                Some(0) => self.retire_keys(&*self.store, gone)?,
                Some(back) => self.retire_keys(&Before { store: &*self.store, back }, gone)?,
                None => {}
            }
        }
        let mut done = self.seal_anew(&taken)?;
        if !due.is_empty() {
            let mut batch = Batch::default();
            due.iter().for_each(|erasure| rows::remove_pending(&mut batch, *erasure));
            self.store.commit(Tree::Log, batch)?;
        }
        done.erasures = due.len() as u64;
        Ok(done)
    }

    fn due(&self) -> Result<Vec<u64>, LogError> {
        let pending = rows::pending(&*self.store)?;
        let waits = if pending.iter().any(|(_, pending)| pending.early) { self.unacknowledged()? } else { BTreeSet::new() };
        let due = pending.into_iter().filter(|(erasure, pending)| pending.noticed && !(pending.early && waits.contains(erasure)));
        Ok(due.map(|(erasure, _)| erasure).collect())
    }

    fn unacknowledged(&self) -> Result<BTreeSet<u64>, LogError> {
        let (mut waits, mut from) = (BTreeSet::new(), 0);
        loop {
            let page = rows::outgoing(&*self.store, from)?;
            let Some((last, _)) = page.last() else { return Ok(waits) };
            from = last + 1;
            waits.extend(page.iter().map(|(_, outgoing)| outgoing.erasure));
        }
    }

    /// Retires every key that sealed something that goes of a log.
    fn retire_keys(&self, store: &dyn Store, gone: &Gone) -> Result<(), LogError> {
        let Some((first, last)) = gone.span() else { return Ok(()) };
        let mut retired = BTreeSet::new();
        let mut until: Option<Millis> = None;
        let mut page = layout::sealed_from(store, first)?;
        while let Some(end) = page.last() {
            for sealed in &page {
                let Some(number) = sealed_under(sealed) else { continue };
                if sealed.size > last {
                    let last_row = *until.get_or_insert(written_at(sealed).plus(ROWS_AFTER_MS));
                    if written_at(sealed) > last_row {
                        return Ok(());
                    }
                }
                if !retired.contains(&number) && self.holds(sealed, gone)? {
                    self.seals.retire(number, &self.entropy)?;
                    retired.insert(number);
                }
            }
            page = layout::sealed_after(store, end)?;
        }
        Ok(())
    }

    /// Seals anew what retired keys sealed and stays, removes the rest, and destroys the keys. Of the day on which a log followed another
    /// one key sealed rows of both.
    fn seal_anew(&self, taken: &BTreeMap<u32, Gone>) -> Result<Done, LogError> {
        let retired = self.seals.retired();
        let (mut done, mut used) = (Done::default(), BTreeSet::new());
        let nothing = Gone::default();
        let gone = |log: u32| taken.get(&log).unwrap_or(&nothing);
        self.seal_anew_in(&*self.store, &retired, gone(self.number), &mut done, &mut used)?;
        for (back, head) in ended(&*self.store, self.number)? {
            let before = Before { store: &*self.store, back };
            self.seal_anew_in(&before, &retired, gone(head.origin.number()), &mut done, &mut used)?;
        }
        // What stays is durable under other keys: nothing opens under these any more that is to be kept.
        for number in self.to_destroy(&retired, &used)? {
            self.seals.destroy(number)?;
            done.keys += 1;
        }
        Ok(done)
    }

    /// The rows of one log; `used` are the keys of these days that stay in use.
    fn seal_anew_in(
        &self,
        store: &dyn Store,
        retired: &BTreeSet<KeyNumber>,
        gone: &Gone,
        done: &mut Done,
        used: &mut BTreeSet<KeyNumber>,
    ) -> Result<(), LogError> {
        let (Some(first), Some(last)) = (retired.iter().map(|key| key.day()).min(), retired.iter().map(|key| key.day()).max())
        else {
            return Ok(());
        };
        let mut batch = Batch::default();
        let mut page = first_of(store, first)?;
        'rows: while let Some(end) = page.last() {
            for sealed in &page {
                let Some(number) = sealed_under(sealed) else { continue };
                if number.day() > last {
                    break 'rows;
                }
                if !retired.contains(&number) {
                    used.insert(number);
                    continue;
                }
                used.extend(self.replace(sealed, gone, &mut batch, done)?);
                if batch.writes().len() + batch.removals().len() >= AT_ONCE {
                    store.commit(Tree::Log, std::mem::take(&mut batch))?;
                }
            }
            page = layout::sealed_after(store, end)?;
        }
        if !batch.writes().is_empty() || !batch.removals().is_empty() {
            store.commit(Tree::Log, batch)?;
        }
        Ok(())
    }

    /// Puts what stays of a value in its place, under its day's newest key; that key, if something stays.
    fn replace(&self, old: &SealedRows, gone: &Gone, batch: &mut Batch, done: &mut Done) -> Result<Option<KeyNumber>, LogError> {
        let rows = self.opened(old)?;
        let before = rows.len();
        let stay: Vec<Vec<u8>> = rows.into_iter().filter(|(_, row)| !gone.takes(row)).map(|(bytes, _)| bytes).collect();
        done.rows += (before - stay.len()) as u64;
        if stay.is_empty() {
            layout::remove_sealed(batch, old);
            return Ok(None);
        }
        let anew = self.seals.seal_anew(old, &stay, &self.entropy)?;
        done.sealed_anew += 1;
        layout::replace_sealed(batch, old, anew);
        Ok(sealed_under(old).and_then(|number| self.seals.newest(number.day())))
    }

    /// The retired keys, and the newest of past days on which nothing is left.
    fn to_destroy(&self, retired: &BTreeSet<KeyNumber>, used: &BTreeSet<KeyNumber>) -> Result<Vec<KeyNumber>, LogError> {
        let today = layout::head(&*self.store)?.map_or(0, |head| head.time.day().number());
        let days: BTreeSet<u16> = retired.iter().map(|number| number.day()).collect();
        let past = days.into_iter().filter(|day| i32::from(*day) < today);
        let unused = past.filter_map(|day| self.seals.newest(day)).filter(|newest| !used.contains(newest));
        Ok(retired.iter().copied().chain(unused).collect())
    }

    /// Whether a value holds something that goes. One whose key is gone, in a store that was restored, holds nothing any more.
    fn holds(&self, sealed: &SealedRows, gone: &Gone) -> Result<bool, LogError> {
        match self.opened(sealed) {
            Ok(rows) => Ok(rows.iter().any(|(_, row)| gone.takes(row))),
            Err(LogError::KeyGone { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn opened(&self, sealed: &SealedRows) -> Result<Vec<(Vec<u8>, Row)>, LogError> {
        let packed = self.seals.open_packed(sealed)?;
        packed.into_iter().map(|bytes| read(&bytes).map(|row| (bytes, row))).collect()
    }
}

/// The page of rows that begins with the first of a day.
fn first_of(store: &dyn Store, day: u16) -> Result<Vec<SealedRows>, LogError> {
    let mut begin = None;
    let mut before = layout::sealed_before(store, None)?;
    while let Some(sealed) = before.filter(|sealed| written_at(sealed).day().number() >= i32::from(day)) {
        before = layout::sealed_before(store, Some(&sealed))?;
        begin = Some(sealed);
    }
    Ok(begin.map_or(Ok(Vec::new()), |begin| layout::sealed_from(store, begin.size))?)
}
