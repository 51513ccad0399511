//! Which records and reports no question will ever see again, so that nothing is lost with them (PROTOCOL.md, "Retention").
//!
//! Only what a record says itself counts, not what happened to its document: imported again from the same file, it would still be
//! seen by no question. Registrations and ratings stay: the newest one is what keeps an older file from bringing its own back.
//! Not here: whether a record is visible (`visible`), and the erasure.

use creditbay_protocol::calendar::Day;

use super::record::{Fact, Record, Report};
use super::regimes::Regimes;

impl Regimes {
    /// Whether a record is over on a day: past the last day on which the law, by this pack, would have shown it, whatever became of it
    /// earlier. One without such a day is over as long after its end as a listing would be shown; one that has no end never is.
    pub fn is_over(&self, record: &Record, today: Day) -> bool {
        let months = self.listings().maximum_months;
        let after = |ends: &[Option<Day>]| ends.iter().flatten().min().map(|end| end.months_after(months));
        let last = match &record.fact {
            Fact::Registration { .. } | Fact::Grade { .. } | Fact::Unrated { .. } => None,
            Fact::Listing { listed_on, delisted_on, repaired_on, withdrawn_on, .. } => {
                self.listing_end(record.register, *listed_on).or_else(|| after(&[*delisted_on, *repaired_on, *withdrawn_on]))
            }
            Fact::Penalty { decided_on, severity, published_until, .. } => {
                Some(self.publication_end(*decided_on, *severity, Some(*published_until)))
            }
            Fact::Permit { valid_until, withdrawn_on, .. } => {
                Some(*valid_until).filter(|until| *until < Day::LAST).or_else(|| after(&[*withdrawn_on]))
            }
            Fact::Commitment { withdrawn_on, .. } => after(&[*withdrawn_on]),
        };
        last.is_some_and(|last| last < today)
    }
}

impl Report {
    /// Whether a report is over on a day: nobody may rely on it any more.
    pub fn is_over(&self, today: Day) -> bool {
        self.valid_until < today
    }
}

#[cfg(test)]
mod tests {
    use creditbay_crypto::hash::Digest;
    use creditbay_protocol::domains::Domains;
    use creditbay_protocol::predicate::{AttestationType, RegistrationStatus, Severity};

    use super::super::record::CommitmentState;
    use super::super::sample::{day, pack};
    use super::{Day, Fact, Record, Report};

    fn listing(register: AttestationType, delisted_on: Option<&str>, repaired_on: Option<&str>) -> Record {
        let (delisted_on, repaired_on) = (delisted_on.map(day), repaired_on.map(day));
        let fact = Fact::Listing { listed_on: day("2023-11-23"), delisted_on, repaired_on, withdrawn_on: None, contested: false };
        Record { register, key: Digest([0; 32]), fact }
    }

    fn record(fact: Fact) -> Record {
        Record { register: AttestationType::Penalty, key: Digest([0; 32]), fact }
    }

    fn penalty(severity: Severity, repaired_on: Option<&str>) -> Record {
        record(Fact::Penalty {
            decided_on: day("2026-05-10"),
            severity,
            severity_derived: false,
            published_until: Day::LAST,
            repaired_on: repaired_on.map(day),
            withdrawn_on: None,
            contested: false,
        })
    }

    fn permit(valid_until: Day, withdrawn_on: Option<&str>) -> Record {
        record(Fact::Permit { category: 1, valid_from: day("2023-02-01"), valid_until, withdrawn_on: withdrawn_on.map(day) })
    }

    fn commitment(withdrawn_on: Option<&str>) -> Record {
        let withdrawn_on = withdrawn_on.map(day);
        record(Fact::Commitment { made_on: day("2020-05-10"), state: CommitmentState::Broken, withdrawn_on })
    }

    #[test]
    fn a_record_is_over_the_day_after_the_law_would_have_shown_it_for_the_last_time() {
        for (record, last) in [
            (listing(AttestationType::SerTax, None, None), "2026-11-23"),
            (listing(AttestationType::SerTax, Some("2024-01-01"), None), "2026-11-23"),
            (listing(AttestationType::AbnList, Some("2024-01-01"), Some("2024-02-01")), "2027-01-01"),
            (penalty(Severity::General, None), "2027-05-10"),
            (penalty(Severity::General, Some("2026-09-01")), "2027-05-10"),
            (penalty(Severity::Minor, None), "2026-08-10"),
            (permit(day("2025-01-31"), None), "2025-01-31"),
            (permit(day("2025-01-31"), Some("2024-01-31")), "2025-01-31"),
            (permit(Day::LAST, Some("2024-01-31")), "2027-01-31"),
            (commitment(Some("2024-01-31")), "2027-01-31"),
        ] {
            let regimes = pack().regimes().clone();
            assert!(!regimes.is_over(&record, day(last)), "{record:?} on {last}");
            let next = day(last).plus_days(1);
            assert!(regimes.is_over(&record, next), "{record:?} on {next}");
            for later in 0..2_000 {
                assert!(!regimes.visible(&record, next.plus_days(later)), "{record:?} is over, and seen again");
            }
        }
    }

    #[test]
    fn what_has_no_end_stays_and_so_does_what_keeps_older_files_out() {
        let rated_on = day("2010-05-10");
        let grade = Fact::Grade { rank: 3, rated_on, valid_until: Some(day("2011-05-09")), withdrawn_on: None, contested: false };
        for record in [
            listing(AttestationType::AbnList, None, None),
            permit(Day::LAST, None),
            commitment(None),
            record(grade),
            record(Fact::Unrated { on: rated_on }),
            record(Fact::Registration { status: RegistrationStatus::Cancelled, since: rated_on }),
        ] {
            assert!(!pack().regimes().is_over(&record, day("2099-12-31")), "{record:?}");
        }
    }

    #[test]
    fn a_report_is_over_when_nobody_may_rely_on_it() {
        let (from, issued_on, valid_until) = (day("2021-05-01"), day("2026-05-01"), day("2026-05-31"));
        let of = AttestationType::ReportVerify;
        let report =
            Report { of, about: None, domains: Domains::NONE, from, issued_on, valid_until, withdrawn_on: Some(issued_on) };
        assert!(!report.is_over(valid_until) && report.is_over(valid_until.plus_days(1)));
    }
}
