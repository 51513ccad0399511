//! Reports that the body gave to their subjects, found by the digest of a file that a subject brings (PROTOCOL 22).
//!
//! Neither the file nor its digest is kept: only a keyed hash of the digest leads to the report, so that whoever reads the store cannot
//! tell whether a file that he holds is one of them. Of a natural person's report nothing says whose it is.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use creditbay_configs::rules::record::Report;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::wire;

use super::{Merged, Records, RecordsError};
use crate::store::{Batch, MAX_VALUE_BYTES, Tree};

impl Records {
    /// The report whose file has this digest, if it was given to this subject; `None` stands for whoever brings a natural person's.
    pub fn report(&self, file: &Digest, subject: Option<&Identifier>) -> Result<Option<Report>, RecordsError> {
        let about = subject.map(|subject| self.tag(subject));
        Ok(self.load_report(&self.report_place(file))?.filter(|report| report.about == about))
    }

    /// Keeps reports under the digests of their files; returns when they are durable. One replaces that of the same file, but a report
    /// that was taken back stays so.
    pub fn keep_reports(&self, rows: Vec<(Digest, Report)>) -> Result<Merged, RecordsError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut batch, mut merged, mut grown) = (Batch::default(), Merged::default(), counts.clone());
        let by_place: BTreeMap<Vec<u8>, Report> = rows.iter().map(|(file, report)| (self.report_place(file), *report)).collect();
        merged.unchanged += (rows.len() - by_place.len()) as u64;
        for (place, mut report) in by_place {
            match self.load_report(&place)? {
                None => {
                    merged.added += 1;
                    *grown.rows.entry(register_of(report.of)).or_default() += 1;
                }
                Some(known) => {
                    report.withdrawn_on = [known.withdrawn_on, report.withdrawn_on].into_iter().flatten().min();
                    if report == known {
                        merged.unchanged += 1;
                        continue;
                    }
                    merged.replaced += 1;
                }
            }
            let sealed = self.seal.seal(self.entropy.nonce(), Label::SEAL_RECORD, &place, &wire::encode(&report));
            batch.set(place, sealed);
        }
        self.commit(batch, grown, &mut counts)?;
        Ok(merged)
    }

    /// Takes a report back as of a day; `false` if none has this digest.
    pub fn withdraw_report(&self, file: &Digest, on: Day) -> Result<bool, RecordsError> {
        let Some(report) = self.load_report(&self.report_place(file))? else { return Ok(false) };
        self.keep_reports(vec![(*file, Report { withdrawn_on: Some(on), ..report })])?;
        Ok(true)
    }

    fn report_place(&self, file: &Digest) -> Vec<u8> {
        [b"P".as_slice(), &Digest::hmac(&self.report_index.0, &[&file.0]).0].concat()
    }

    fn load_report(&self, place: &[u8]) -> Result<Option<Report>, RecordsError> {
        let Some(sealed) = self.store.get(Tree::Records, place)? else { return Ok(None) };
        Ok(Some(wire::decode(&self.seal.open(Label::SEAL_RECORD, place, &sealed)?, MAX_VALUE_BYTES)?))
    }
}

/// The register that a report of this type stands in: its own where that holds nothing but reports, else the one for reports of any type.
fn register_of(of: AttestationType) -> AttestationType {
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

    use super::*;
    use crate::host::entropy::Entropy;
    use crate::store::Store;
    use crate::store::in_memory::{Failure, InMemory};

    const FILE: Digest = Digest([3; 32]);

    fn opened(store: &InMemory) -> Records {
        Records::open(Arc::new(store.clone()), [5; 32], Arc::new(Entropy::seeded(1))).unwrap()
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
        let sealed = store.get(Tree::Records, &records.report_place(&FILE)).unwrap().unwrap();
        let mut batch = Batch::default();
        batch.set(records.report_place(&Digest([4; 32])), sealed);
        store.commit(Tree::Records, batch).unwrap();
        assert!(matches!(records.report(&Digest([4; 32]), None), Err(RecordsError::Sealed(_))));
        store.fail(0, Failure::NotPersisted);
        assert!(matches!(records.withdraw_report(&FILE, day("2026-06-01")), Err(RecordsError::Store(_))));
        assert_eq!(opened(&store.reopen()).report(&FILE, None).unwrap().unwrap().withdrawn_on, None);
    }
}
