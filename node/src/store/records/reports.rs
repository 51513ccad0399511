//! Reports that the body gave to their subjects, found by the digest of a file that a subject brings (PROTOCOL 22).
//!
//! Neither the file nor its digest is kept: only a keyed hash of the digest leads to the report, so that whoever reads the store cannot
//! tell whether a file that he holds is one of them. Of a natural person's report nothing says whose it is.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use creditbay_configs::rules::record::Report;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::wire;

use super::{Merged, Records, RecordsError};
use crate::store::buckets::{BucketKey, Buckets};
use crate::store::{Batch, MAX_VALUE_BYTES, Tree};

/// The family of reports.
pub(super) const REPORTS: u8 = b'P';

impl Records {
    /// The report whose file has this digest, if it was given to this subject; `None` stands for whoever brings a natural person's.
    pub fn report(&self, file: &Digest, subject: Option<&Identifier>) -> Result<Option<Report>, RecordsError> {
        let about = subject.map(|subject| self.tag(subject));
        Ok(self.load_report(&self.report_tag(file))?.map(|(_, report)| report).filter(|report| report.about == about))
    }

    /// Keeps reports under the digests of their files; returns when they are durable. One replaces that of the same file, but a report
    /// that was taken back stays so.
    pub fn keep_reports(&self, rows: Vec<(Digest, Report)>) -> Result<Merged, RecordsError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut batch, mut merged, mut grown) = (Batch::default(), Merged::default(), counts.clone());
        let by_tag: BTreeMap<Digest, Report> = rows.iter().map(|(file, report)| (self.report_tag(file), *report)).collect();
        merged.unchanged += (rows.len() - by_tag.len()) as u64;
        for (tag, mut report) in by_tag {
            match self.load_report(&tag)? {
                None => {
                    merged.added += 1;
                    *grown.rows.entry(register_of(report.of)).or_default() += 1;
                }
                Some((place, known)) => {
                    report.withdrawn_on = [known.withdrawn_on, report.withdrawn_on].into_iter().flatten().min();
                    if report == known {
                        merged.unchanged += 1;
                        continue;
                    }
                    merged.replaced += 1;
                    batch.remove(place);
                }
            }
            self.put_report(&mut batch, &tag, &report)?;
        }
        self.commit(batch, grown, &mut counts)?;
        Ok(merged)
    }

    /// Takes a report back as of a day; `false` if none has this digest.
    pub fn withdraw_report(&self, file: &Digest, on: Day) -> Result<bool, RecordsError> {
        let Some((_, report)) = self.load_report(&self.report_tag(file))? else { return Ok(false) };
        self.keep_reports(vec![(*file, Report { withdrawn_on: Some(on), ..report })])?;
        Ok(true)
    }

    fn report_tag(&self, file: &Digest) -> Digest {
        Digest::hmac(&self.report_index.0, &[&file.0])
    }

    /// A report, and where it lies.
    fn load_report(&self, tag: &Digest) -> Result<Option<(Vec<u8>, Report)>, RecordsError> {
        let _not_moved_meanwhile = self.moving.read().unwrap_or_else(PoisonError::into_inner);
        for key in self.buckets.keys(Buckets::of(tag)) {
            let place = key.place(REPORTS, tag);
            if let Some(sealed) = self.store.get(Tree::Records, &place)? {
                let (_, report) = open_report(&key, &place, &sealed)?;
                return Ok(Some((place, report)));
            }
        }
        Ok(None)
    }

    /// Puts a report under the newest key of its bucket.
    pub(super) fn put_report(&self, batch: &mut Batch, tag: &Digest, report: &Report) -> Result<(), RecordsError> {
        let key = self.buckets.newest(Buckets::of(tag))?;
        let place = key.place(REPORTS, tag);
        let sealed = key.seal(&place, &wire::encode(&(*tag, *report)), &self.entropy);
        batch.set(place, sealed);
        Ok(())
    }
}

/// A report with its tag, by which it finds its place under another key.
pub(super) fn open_report(key: &BucketKey, place: &[u8], sealed: &[u8]) -> Result<(Digest, Report), RecordsError> {
    Ok(wire::decode(&key.open(place, sealed)?, MAX_VALUE_BYTES)?)
}

/// The register that a report of this type stands in: its own where that holds nothing but reports, else the one for reports of any type.
pub(super) fn register_of(of: AttestationType) -> AttestationType {
    match of {
        AttestationType::NoViolReport | AttestationType::ResIntegrity => of,
        _ => AttestationType::ReportVerify,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use creditbay_protocol::domains::Domains;
    use creditbay_protocol::identifier::Scheme;

    use super::super::tests::keys;
    use super::*;
    use crate::host::entropy::Entropy;
    use crate::store::Store;
    use crate::store::in_memory::{Failure, InMemory};

    const FILE: Digest = Digest([3; 32]);

    fn opened(store: &InMemory) -> Records {
        Records::open(Arc::new(store.clone()), keys(5), Arc::new(Entropy::system())).unwrap()
    }

    fn company(number: u32) -> Identifier {
        Identifier::parse(Scheme::HkBrn, &format!("{number:08}")).unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn report(records: &Records, subject: Option<&Identifier>) -> Report {
        let about = subject.map(|subject| records.tag(subject));
        let of = if subject.is_some() { AttestationType::ReportVerify } else { AttestationType::ResIntegrity };
        let (from, issued_on, valid_until) = (day("2021-05-01"), day("2026-05-01"), day("2027-04-30"));
        Report { of, about, domains: Domains::NONE, from, issued_on, valid_until, withdrawn_on: None }
    }

    #[test]
    fn a_report_is_found_by_its_file_and_subject_alone_and_after_a_restart() {
        let store = InMemory::new();
        let records = opened(&store);
        let subject = company(1);
        let (of_company, of_person) = (report(&records, Some(&subject)), report(&records, None));
        let kept = records.keep_reports(vec![(FILE, of_company), (Digest([4; 32]), of_person)]).unwrap();
        assert_eq!(kept, Merged { added: 2, ..Merged::default() });
        let records = opened(&store.reopen());
        assert_eq!(records.report(&FILE, Some(&subject)).unwrap(), Some(of_company));
        assert_eq!(records.report(&Digest([4; 32]), None).unwrap(), Some(of_person));
        for (file, subject) in [(FILE, Some(company(2))), (FILE, None), (Digest([4; 32]), Some(subject)), (Digest([5; 32]), None)]
        {
            assert_eq!(records.report(&file, subject.as_ref()).unwrap(), None);
        }
        let rows: Vec<_> = records.rows().into_iter().collect();
        assert_eq!(rows, [(AttestationType::ResIntegrity, 1), (AttestationType::ReportVerify, 1)]);
        assert_eq!(records.subjects(), 0);
    }

    #[test]
    fn a_report_that_was_taken_back_stays_so() {
        let store = InMemory::new();
        let records = opened(&store);
        let given = report(&records, None);
        assert!(!records.withdraw_report(&FILE, day("2026-06-01")).unwrap());
        records.keep_reports(vec![(FILE, given)]).unwrap();
        assert!(records.withdraw_report(&FILE, day("2026-06-01")).unwrap());
        let again = records.keep_reports(vec![(FILE, given), (FILE, given)]).unwrap();
        assert_eq!(again, Merged { unchanged: 2, ..Merged::default() });
        let found = records.report(&FILE, None).unwrap().unwrap();
        assert_eq!(found, Report { withdrawn_on: Some(day("2026-06-01")), ..given });
        assert_eq!(store.commits(), 2);
    }

    #[test]
    fn neither_a_digest_nor_a_subject_is_kept() {
        let store = InMemory::new();
        let records = opened(&store);
        records.keep_reports(vec![(FILE, report(&records, Some(&company(1))))]).unwrap();
        for (key, value) in store.range(Tree::Records, &[], &[0xff], 9).unwrap() {
            let bytes = [key, value].concat();
            for clear in [FILE.0, Digest::of(&FILE.0).0, records.tag(&company(1)).0.0] {
                assert!(!bytes.windows(32).any(|window| window == clear));
            }
        }
    }

    #[test]
    fn a_value_that_was_moved_or_not_written_is_noticed() {
        let store = InMemory::new();
        let records = opened(&store);
        records.keep_reports(vec![(FILE, report(&records, None))]).unwrap();
        let place = |file| {
            let tag = records.report_tag(&file);
            records.buckets.newest(Buckets::of(&tag)).unwrap().place(REPORTS, &tag)
        };
        let sealed = store.get(Tree::Records, &place(FILE)).unwrap().unwrap();
        let mut batch = Batch::default();
        batch.set(place(Digest([4; 32])), sealed);
        store.commit(Tree::Records, batch).unwrap();
        assert!(matches!(records.report(&Digest([4; 32]), None), Err(RecordsError::Sealed(_))));
        store.fail(0, Failure::NotPersisted);
        assert!(matches!(records.withdraw_report(&FILE, day("2026-06-01")), Err(RecordsError::Store(_))));
        assert_eq!(opened(&store.reopen()).report(&FILE, None).unwrap().unwrap().withdrawn_on, None);
    }
}
