//! Records in a copy of the store that is older than an erasure, beside keys that are not (PROTOCOL 32.7).
//!
//! What lies under a key that an erasure destroyed since cannot be read by anybody, the neighbours of what was erased included. It is
//! removed, and no register counts as taken over any more until it is imported again as a whole: nothing that is missing is taken for a
//! clean record. Not here: a copy that is older than what peers have seen (`log`).

use std::sync::PoisonError;

use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::wire;

use super::merging::Item;
use super::parts::SUBJECTS;
use super::reports::{REPORTS, register_of};
use super::{Counts, Records, RecordsError};
use crate::store::buckets::{Number, PLACE_BYTES, number_of, span};
use crate::store::persons::FAMILY as PERSONS;
use crate::store::{Batch, Tree};

/// Values that are read or removed at once.
const PAGE: usize = 256;

impl Records {
    /// Removes what lies under keys that were destroyed since this store was copied.
    ///
    /// # Errors
    /// [`RecordsError::KeyGone`] where a key is not there and no newer one of its bucket says that an erasure destroyed it.
    pub(super) fn settle_lost_keys(&self) -> Result<(), RecordsError> {
        let mut lost = Vec::new();
        for (tree, family) in [(Tree::Records, SUBJECTS), (Tree::Records, REPORTS), (Tree::Persons, PERSONS)] {
            let (mut from, end) = (vec![family], [family + 1]);
            while let Some((place, _)) = self.store.range(tree, &from, &end, 1)?.into_iter().next() {
                let number = number_of(&place).ok_or(RecordsError::KeyGone { bucket: 0 })?;
                from = span(family, number).1;
                match self.buckets.key(number) {
                    Some(_) => {}
                    None if self.is_superseded(number) => lost.push((tree, family, number)),
                    None => return Err(RecordsError::KeyGone { bucket: number.bucket() }),
                }
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            "the store is a copy of before an erasure of records: {} parts of it can be read no more and are removed; no register \
             counts as taken over until it is imported again as a whole",
            lost.len()
        );
        // In this order: a crash between leaves something that is lost, and all of it is done again.
        self.unsynchronise()?;
        self.count_again()?;
        lost.into_iter().try_for_each(|(tree, family, number)| self.remove_all(tree, family, number))
    }

    fn is_superseded(&self, number: Number) -> bool {
        self.buckets.keys(number.bucket()).iter().any(|key| key.number() > number)
    }

    fn unsynchronise(&self) -> Result<(), RecordsError> {
        let mut batch = Batch::default();
        AttestationType::ALL.iter().for_each(|register| batch.remove(vec![b'G', register.code()]));
        self.store.commit(Tree::Records, batch)?;
        self.registers.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    fn count_again(&self) -> Result<(), RecordsError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Counts::default();
        found.rows.extend(AttestationType::ALL.iter().map(|register| (*register, 0)));
        self.each_bucket(|key| {
            let (mut from, to) = key.span(SUBJECTS);
            loop {
                let page = self.store.range(Tree::Records, &from, &to, PAGE)?;
                let Some((last, _)) = page.last() else { break };
                from = [last.as_slice(), &[0]].concat();
                for (place, _) in &page {
                    let Some((place, [0, 0])) = place.split_at_checked(PLACE_BYTES) else { continue };
                    let Some((_, held)) = self.load_at(key, place)? else { continue };
                    found.subjects += 1;
                    for item in &held.items {
                        if let Item::Record(record) = item {
                            *found.rows.entry(record.register).or_default() += 1;
                        }
                    }
                }
            }
            for (_, _, report) in self.reports_under(key)? {
                *found.rows.entry(register_of(report.of)).or_default() += 1;
            }
            Ok(())
        })?;
        let mut batch = Batch::default();
        batch.set(b"C".to_vec(), wire::encode(&found.subjects));
        found.rows.iter().for_each(|(register, rows)| batch.set(vec![b'N', register.code()], wire::encode(rows)));
        self.store.commit(Tree::Records, batch)?;
        *counts = found;
        self.persons.count_again().map_err(RecordsError::from)
    }

    fn remove_all(&self, tree: Tree, family: u8, number: Number) -> Result<(), RecordsError> {
        let (from, to) = span(family, number);
        loop {
            let page = self.store.range(tree, &from, &to, PAGE)?;
            if page.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::default();
            page.into_iter().for_each(|(place, _)| batch.remove(place));
            self.store.commit(tree, batch)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::calendar::Millis;

    use super::super::going::Owner;
    use super::super::tests::{company, listing, opened};
    use super::*;
    use crate::store::buckets::Buckets;
    use crate::store::in_memory::{Failure, InMemory};

    /// A copy of a store of before one of two companies was erased; what the keys are now stands beside it.
    fn copy_of_before(far: &mut Option<creditbay_protocol::identifier::Identifier>) -> InMemory {
        let store = InMemory::new();
        let records = opened(&store);
        let gone = company(1);
        let bucket = |number| Buckets::of(&records.tag(&company(number)).0);
        let other = (2..).map(|number| (number, company(number))).find(|(number, _)| bucket(*number) != bucket(1));
        let stays = other.unwrap().1;
        records.merge(vec![(gone, listing(&gone, "1", "2026-06-18")), (stays, listing(&stays, "1", "2026-06-18"))]).unwrap();
        records.synchronise(AttestationType::SerWage, Millis(1)).unwrap();
        let copy = store.reopen();
        let order = records.order(Owner::Subject(records.tag(&gone))).unwrap();
        records.carry_through(&[order]).unwrap();
        *far = Some(stays);
        copy
    }

    #[test]
    fn what_an_erasure_took_does_not_come_back_with_an_older_store_nor_pass_for_a_clean_record() {
        for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
            for nth in 0..4 {
                let mut far = None;
                let copy = copy_of_before(&mut far);
                copy.fail(nth, failure);
                let first = super::super::tests::try_open(&copy);
                assert!(
                    first.is_ok() == (nth == 3) || matches!(first.as_ref().err(), Some(RecordsError::Store(_))),
                    "write {nth}"
                );
                let records = opened(&copy.reopen());
                assert_eq!(records.of(&company(1)).unwrap(), [], "write {nth}");
                assert_eq!(records.of(&far.unwrap()).unwrap().len(), 1, "write {nth}");
                assert_eq!((records.subjects(), records.rows()[&AttestationType::SerWage]), (1, 1), "write {nth}");
                assert_eq!(records.registers(), [], "write {nth}: nothing counts as taken over");
            }
        }
    }
}
