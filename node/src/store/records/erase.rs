//! Records that go, with the key of their bucket (PROTOCOL 32.7).
//!
//! The bucket's next key is made, durable; what stays is sealed anew under it, in other places, and made durable; then the key before is
//! destroyed. What goes is left out on the way, and with the key everything is gone that sled still keeps of it: earlier states,
//! deleted values, places. A crash anywhere leaves a bucket with two keys, which the same code finishes. Not here: who orders it, and the
//! leaf that says so (`exchange`).

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use bincode::{Decode, Encode};
use creditbay_configs::rules::record::Report;
use creditbay_configs::rules::regimes::Regimes;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::wire;

use super::going::{Going, Owner};
use super::merging::Item;
use super::parts::SUBJECTS;
use super::reports::{REPORTS, open_report, register_of};
use super::{Counts, Records, RecordsError};
use crate::store::buckets::{BucketKey, Number, PLACE_BYTES};
use crate::store::{Batch, MAX_VALUE_BYTES, Tree};

/// Values that are read at once.
const PAGE: usize = 64;
/// Bytes that are sealed anew and made durable at once, and one subject's values more.
const AT_ONCE_BYTES: usize = 256 * 1024;
/// What an order is sealed for.
const ORDER: &[u8] = b"order to erase records";

/// An order that waits to be carried through. Whose records go is sealed under the key that goes with them, so that the order tells
/// nothing once it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Order {
    key: Number,
    sealed: Vec<u8>,
}

/// How much went, or would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gone {
    /// Records and what happened to their documents.
    pub records: u64,
    /// Reports.
    pub reports: u64,
    /// Rows about natural persons.
    pub persons: u64,
    /// Keys that were destroyed.
    pub keys: u64,
}

impl Gone {
    /// Everything but keys.
    pub fn rows(&self) -> u64 {
        self.records + self.reports + self.persons
    }
}

impl Records {
    /// How much there is of an owner.
    pub fn extent(&self, of: &Owner) -> Result<Gone, RecordsError> {
        let mut extent = Gone::default();
        match of {
            Owner::Person(person) => extent.persons = self.persons.rows_of(person)?,
            Owner::Subject(subject) => {
                extent.records = self.load(subject)?.items.len() as u64;
                let going = Going::Owners([*of].into());
                self.each_bucket(|key| {
                    let reports = self.reports_under(key)?;
                    extent.reports += reports.iter().filter(|(_, _, report)| going.takes_report(report)).count() as u64;
                    Ok(())
                })?;
            }
        }
        Ok(extent)
    }

    /// The order to erase an owner's records, to be kept until it is carried through.
    pub fn order(&self, of: Owner) -> Result<Order, RecordsError> {
        let key = self.buckets.newest(of.bucket())?;
        Ok(Order { key: key.number(), sealed: key.seal(ORDER, &wire::encode(&of), &self.entropy) })
    }

    /// Carries orders through, and whatever a crash left half done; one whose key is gone was carried through before.
    pub fn carry_through(&self, orders: &[Order]) -> Result<Gone, RecordsError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut owners = BTreeSet::new();
        for order in orders {
            let Some(key) = self.buckets.key(order.key) else { continue };
            owners.insert(wire::decode(&key.open(ORDER, &order.sealed)?, MAX_VALUE_BYTES)?);
            self.buckets.retire(order.key)?;
        }
        let going = Going::Owners(owners);
        if !orders.is_empty() {
            self.each_bucket(|key| {
                let reports = self.reports_under(key)?;
                let goes = reports.iter().any(|(_, _, report)| going.takes_report(report));
                if goes { Ok(self.buckets.retire(key.number())?) } else { Ok(()) }
            })?;
        }
        self.seal_anew(&going, &mut counts)
    }

    /// The keys that sealed something that is over.
    pub fn over(&self, regimes: &Regimes, today: Day) -> Result<Vec<Number>, RecordsError> {
        let (going, mut found) = (Going::Over { regimes, today }, Vec::new());
        self.each_bucket(|key| {
            if self.holds(key, &going)? {
                found.push(key.number());
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Erases what is over of what these keys sealed.
    pub fn erase_over(&self, keys: &[Number], regimes: &Regimes, today: Day) -> Result<Gone, RecordsError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().try_for_each(|number| self.buckets.retire(*number))?;
        self.seal_anew(&Going::Over { regimes, today }, &mut counts)
    }

    fn holds(&self, key: &BucketKey, going: &Going<'_>) -> Result<bool, RecordsError> {
        let (mut from, to) = key.span(SUBJECTS);
        loop {
            let page = self.store.range(Tree::Records, &from, &to, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (place, _) in &page {
                let Some((place, [0, 0])) = place.split_at_checked(PLACE_BYTES) else { continue };
                let Some((subject, held)) = self.load_at(key, place)? else { continue };
                if !going.sift(&subject, held.items).1.is_empty() {
                    return Ok(true);
                }
            }
        }
        let reports = self.reports_under(key)?.iter().any(|(_, _, report)| going.takes_report(report));
        Ok(reports || self.persons.holds(key, |row| going.takes_person(row))?)
    }

    /// Seals anew what retired keys sealed and stays, and destroys them.
    pub(super) fn seal_anew(&self, going: &Going<'_>, counts: &mut Counts) -> Result<Gone, RecordsError> {
        let retired = self.buckets.retired();
        let mut gone = Gone::default();
        for key in &retired {
            self.move_subjects(key, going, counts, &mut gone)?;
            self.move_reports(key, going, counts, &mut gone)?;
            gone.persons += self.persons.seal_anew(key, |row| going.takes_person(row))?;
        }
        // What stays is durable under other keys: nothing opens under these any more that is to be kept.
        for key in &retired {
            self.buckets.destroy(key.number())?;
            gone.keys += 1;
        }
        Ok(gone)
    }

    fn move_subjects(
        &self,
        key: &BucketKey,
        going: &Going<'_>,
        counts: &mut Counts,
        gone: &mut Gone,
    ) -> Result<(), RecordsError> {
        let (mut from, to) = key.span(SUBJECTS);
        let (mut batch, mut left) = (Batch::default(), counts.clone());
        loop {
            let page = self.store.range(Tree::Records, &from, &to, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (place, _) in &page {
                let Some((place, [0, 0])) = place.split_at_checked(PLACE_BYTES) else { continue };
                let Some((subject, mut held)) = self.load_at(key, place)? else { continue };
                let (stay, go) = going.sift(&subject, std::mem::take(&mut held.items));
                held.items = stay;
                gone.records += go.len() as u64;
                left.subjects = left.subjects.saturating_sub(u64::from(held.items.is_empty()));
                for item in &go {
                    if let Item::Record(record) = item {
                        left.lose(record.register);
                    }
                }
                self.put(&mut batch, &subject, &held)?;
                self.commit_large(&mut batch, &left, counts)?;
            }
        }
        self.commit_moved(batch, &left, counts)
    }

    fn move_reports(&self, key: &BucketKey, going: &Going<'_>, counts: &mut Counts, gone: &mut Gone) -> Result<(), RecordsError> {
        let (mut batch, mut left) = (Batch::default(), counts.clone());
        for (place, tag, report) in self.reports_under(key)? {
            batch.remove(place);
            if going.takes_report(&report) {
                gone.reports += 1;
                left.lose(register_of(report.of));
            } else {
                self.put_report(&mut batch, &tag, &report)?;
            }
            self.commit_large(&mut batch, &left, counts)?;
        }
        self.commit_moved(batch, &left, counts)
    }

    fn commit_large(&self, batch: &mut Batch, left: &Counts, counts: &mut Counts) -> Result<(), RecordsError> {
        let bytes: usize = batch.writes().iter().map(|(_, value)| value.len()).sum();
        if bytes + batch.removals().len() * PLACE_BYTES < AT_ONCE_BYTES {
            return Ok(());
        }
        self.commit_moved(std::mem::take(batch), left, counts)
    }

    /// Nobody reads while something moves from one key to another, and nobody finds it in neither place.
    fn commit_moved(&self, batch: Batch, left: &Counts, counts: &mut Counts) -> Result<(), RecordsError> {
        let _alone = self.moving.write().unwrap_or_else(PoisonError::into_inner);
        self.commit(batch, left.clone(), counts)
    }

    /// Sees every key of every bucket.
    pub(super) fn each_bucket(
        &self,
        mut see: impl FnMut(&Arc<BucketKey>) -> Result<(), RecordsError>,
    ) -> Result<(), RecordsError> {
        (0..=u8::MAX).flat_map(|bucket| self.buckets.keys(bucket)).try_for_each(|key| see(&key))
    }

    /// The reports that a key sealed: where each lies, its tag, and what it says. A report is below 200 bytes, so of a million a
    /// bucket's are below a megabyte.
    pub(super) fn reports_under(&self, key: &BucketKey) -> Result<Vec<(Vec<u8>, Digest, Report)>, RecordsError> {
        let (from, to) = key.span(REPORTS);
        let found = self.store.range(Tree::Records, &from, &to, usize::MAX)?;
        let opened = found.into_iter().map(|(place, sealed)| {
            let (tag, report) = open_report(key, &place, &sealed)?;
            Ok((place, tag, report))
        });
        opened.collect()
    }
}

impl Counts {
    /// One record or report of a register less.
    fn lose(&mut self, register: AttestationType) {
        let rows = self.rows.entry(register).or_default();
        *rows = rows.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
