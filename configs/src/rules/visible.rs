//! Whether a record exists for a question on a day, and the days on which that may change (PROTOCOL.md, "Records").
//!
//! What was repaired, withdrawn, delisted, has expired or is past its publication does not exist. Each last day counts.
//! Not here: how long the law publishes (`regimes`), and what is asked about visible records (`evaluate`).

use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::Severity;

use super::record::{Fact, Record};
use super::regimes::Regimes;

impl Regimes {
    /// Whether a record exists for a question on that day. One that was repaired, withdrawn or delisted by then, is past its
    /// publication or has not begun does not. A penalty's publication ends with the day that was recorded, or with the longest that
    /// this pack admits where that is earlier.
    pub fn visible(&self, record: &Record, day: Day) -> bool {
        let over = |end: &Option<Day>| end.is_some_and(|end| end <= day);
        match &record.fact {
            Fact::Registration { since, .. } => *since <= day,
            Fact::Listing { listed_on, delisted_on, repaired_on, withdrawn_on, .. } => {
                *listed_on <= day
                    && ![delisted_on, repaired_on, withdrawn_on].into_iter().any(over)
                    && self.listing_end(record.register, *listed_on).is_none_or(|end| day <= end)
            }
            Fact::Penalty { decided_on, severity, published_until, repaired_on, withdrawn_on, .. } => {
                (*decided_on..=*published_until).contains(&day)
                    && *severity != Severity::Minor
                    && ![repaired_on, withdrawn_on].into_iter().any(over)
                    && day <= self.publication_end(*decided_on, *severity, None)
            }
            Fact::Permit { valid_from, valid_until, withdrawn_on, .. } => {
                (*valid_from..=*valid_until).contains(&day) && !over(withdrawn_on)
            }
            Fact::Grade { rated_on, valid_until, withdrawn_on, .. } => {
                *rated_on <= day && valid_until.is_none_or(|last| day <= last) && !over(withdrawn_on)
            }
            Fact::Unrated { on } => *on <= day,
            Fact::Commitment { made_on, withdrawn_on, .. } => *made_on <= day && !over(withdrawn_on),
        }
    }

    /// Every day on which the record may come to be visible, or cease to be.
    pub fn turns(&self, record: &Record) -> impl Iterator<Item = Day> {
        let after = |last: Day| Some(last.plus_days(1));
        let turns = match &record.fact {
            Fact::Registration { since, .. } => [Some(*since), None, None, None, None],
            Fact::Listing { listed_on, delisted_on, repaired_on, withdrawn_on, .. } => {
                let end = self.listing_end(record.register, *listed_on).and_then(after);
                [Some(*listed_on), end, *delisted_on, *repaired_on, *withdrawn_on]
            }
            Fact::Penalty { decided_on, severity, published_until, repaired_on, withdrawn_on, .. } => {
                let end = after(self.publication_end(*decided_on, *severity, Some(*published_until)));
                [Some(*decided_on), end, *repaired_on, *withdrawn_on, None]
            }
            Fact::Permit { valid_from, valid_until, withdrawn_on, .. } => {
                [Some(*valid_from), after(*valid_until), *withdrawn_on, None, None]
            }
            Fact::Grade { rated_on, valid_until, withdrawn_on, .. } => {
                [Some(*rated_on), valid_until.and_then(after), *withdrawn_on, None, None]
            }
            Fact::Unrated { on } => [Some(*on), None, None, None, None],
            Fact::Commitment { made_on, withdrawn_on, .. } => [Some(*made_on), *withdrawn_on, None, None, None],
        };
        turns.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use creditbay_crypto::hash::Digest;
    use creditbay_protocol::predicate::{AttestationType, RegistrationStatus};

    use super::super::RulePack;
    use super::super::record::CommitmentState;
    use super::super::sample::{altered_pack, day};
    use super::{Day, Fact, Record, Severity};

    static PACK: LazyLock<RulePack> = LazyLock::new(super::super::sample::pack);

    fn pack() -> &'static RulePack {
        &PACK
    }

    fn record(register: AttestationType, fact: Fact) -> Record {
        Record { register, key: Digest([0; 32]), fact }
    }

    fn listing(register: AttestationType, listed_on: &str) -> Record {
        record(
            register,
            Fact::Listing {
                listed_on: day(listed_on),
                delisted_on: None,
                repaired_on: None,
                withdrawn_on: None,
                contested: false,
            },
        )
    }

    fn penalty(severity: Severity) -> Record {
        let (decided_on, published_until) = (day("2026-05-10"), day("2027-05-10"));
        let fact = Fact::Penalty {
            decided_on,
            severity,
            severity_derived: false,
            published_until,
            repaired_on: None,
            withdrawn_on: None,
            contested: false,
        };
        record(AttestationType::Penalty, fact)
    }

    /// The days on which the record is seen, of these.
    fn seen(record: &Record, days: &[&str]) -> String {
        let mark = |text: &&str| if pack().regimes().visible(record, day(text)) { 'x' } else { '.' };
        days.iter().map(mark).collect()
    }

    #[test]
    fn a_listing_is_seen_from_its_first_day_to_the_last_of_36_months() {
        let days = ["2023-11-22", "2023-11-23", "2026-11-23", "2026-11-24"];
        assert_eq!(seen(&listing(AttestationType::SerTax, "2023-11-23"), &days), ".xx.");
        assert_eq!(seen(&listing(AttestationType::AbnList, "2023-11-23"), &days), ".xxx");
        assert_eq!(pack().regimes().listing_end(AttestationType::AbnList, day("2023-11-23")), None);
        assert_eq!(pack().regimes().listing_end(AttestationType::SerTax, day("2023-11-23")), Some(day("2026-11-23")));
        assert_eq!(pack().regimes().listing_end(AttestationType::CourtDishonest, day("2023-11-23")), Some(day("2028-11-23")));
    }

    #[test]
    fn what_was_taken_off_repaired_or_withdrawn_is_gone_on_that_day() {
        let days = ["2026-08-04", "2026-08-05"];
        let on = Some(day("2026-08-05"));
        for which in 0..3 {
            let mut record = listing(AttestationType::SerTax, "2025-11-20");
            let Fact::Listing { delisted_on, repaired_on, withdrawn_on, .. } = &mut record.fact else { unreachable!() };
            *[delisted_on, repaired_on, withdrawn_on][which] = on;
            assert_eq!(seen(&record, &days), "x.");
        }
        for which in 0..2 {
            let mut record = penalty(Severity::General);
            let Fact::Penalty { repaired_on, withdrawn_on, .. } = &mut record.fact else { unreachable!() };
            *[repaired_on, withdrawn_on][which] = on;
            assert_eq!(seen(&record, &days), "x.");
        }
    }

    #[test]
    fn a_penalty_is_seen_to_the_last_day_of_its_publication_and_a_minor_one_never() {
        let days = ["2026-05-09", "2026-05-10", "2027-05-10", "2027-05-11"];
        assert_eq!(seen(&penalty(Severity::General), &days), ".xx.");
        assert_eq!(seen(&penalty(Severity::Serious), &days), ".xx.");
        assert_eq!(seen(&penalty(Severity::Minor), &days), "....");
    }

    #[test]
    fn a_permit_is_seen_while_it_is_valid_and_a_registration_from_its_day_on() {
        let days = ["2023-01-31", "2023-02-01", "2024-06-29", "2024-06-30", "2025-01-31", "2025-02-01"];
        let permit = |withdrawn_on| {
            let (valid_from, valid_until) = (day("2023-02-01"), day("2025-01-31"));
            record(AttestationType::Permit, Fact::Permit { category: 1, valid_from, valid_until, withdrawn_on })
        };
        assert_eq!(seen(&permit(None), &days), ".xxxx.");
        assert_eq!(seen(&permit(Some(day("2024-06-30"))), &days), ".xx...");
        let state = Fact::Registration { status: RegistrationStatus::Active, since: day("2023-02-01") };
        assert_eq!(seen(&record(AttestationType::RegStatus, state), &days), ".xxxxx");
    }

    fn grade(valid_until: Option<&str>, withdrawn_on: Option<&str>) -> Record {
        let (rated_on, valid_until, withdrawn_on) = (day("2026-05-10"), valid_until.map(day), withdrawn_on.map(day));
        record(AttestationType::AeoGrade, Fact::Grade { rank: 3, rated_on, valid_until, withdrawn_on, contested: false })
    }

    fn commitment(withdrawn_on: Option<&str>) -> Record {
        let fact =
            Fact::Commitment { made_on: day("2026-05-10"), state: CommitmentState::Broken, withdrawn_on: withdrawn_on.map(day) };
        record(AttestationType::Commit, fact)
    }

    #[test]
    fn a_rating_is_seen_while_it_holds_and_a_commitment_until_it_is_withdrawn() {
        let days = ["2026-05-09", "2026-05-10", "2026-08-05", "2029-05-09", "2029-05-10"];
        assert_eq!(seen(&grade(Some("2029-05-09"), None), &days), ".xxx.");
        assert_eq!(seen(&grade(None, None), &days), ".xxxx");
        assert_eq!(seen(&grade(Some("2029-05-09"), Some("2026-08-05")), &days), ".x...");
        assert_eq!(seen(&record(AttestationType::EnvGrade, Fact::Unrated { on: day("2026-05-10") }), &days), ".xxxx");
        assert_eq!(seen(&commitment(None), &days), ".xxxx");
        assert_eq!(seen(&commitment(Some("2026-08-05")), &days), ".x...");
    }

    #[test]
    fn a_penalty_is_seen_no_longer_than_the_pack_admits_whatever_was_recorded() {
        let mut longer = penalty(Severity::General);
        let Fact::Penalty { published_until, .. } = &mut longer.fact else { unreachable!() };
        *published_until = Day::LAST;
        let days = ["2027-05-10", "2027-05-11"];
        assert_eq!(seen(&longer, &days), "x.");
        let shorter = altered_pack("\ngeneral_months = 12", "\ngeneral_months = 11");
        assert!(!shorter.regimes().visible(&penalty(Severity::General), day("2027-05-10")), "also under a pack that came later");
    }

    #[test]
    fn between_two_turns_nothing_changes() {
        let pack = pack();
        let mut ended = listing(AttestationType::SerTax, "2023-02-28");
        let Fact::Listing { repaired_on, .. } = &mut ended.fact else { unreachable!() };
        *repaired_on = Some(day("2025-12-24"));
        let state = Fact::Registration { status: RegistrationStatus::Active, since: day("2026-02-01") };
        let permit = Fact::Permit {
            category: 1,
            valid_from: day("2023-02-01"),
            valid_until: day("2026-03-31"),
            withdrawn_on: Some(day("2026-03-01")),
        };
        for record in [
            ended,
            listing(AttestationType::SerTax, "2023-02-28"),
            listing(AttestationType::AbnList, "2026-02-28"),
            penalty(Severity::General),
            penalty(Severity::Serious),
            penalty(Severity::Minor),
            grade(Some("2026-12-31"), None),
            grade(None, Some("2026-06-30")),
            commitment(Some("2026-07-01")),
            record(AttestationType::RegStatus, state),
            record(AttestationType::Permit, permit),
            record(AttestationType::EnvGrade, Fact::Unrated { on: day("2026-05-10") }),
        ] {
            let turns: Vec<Day> = pack.regimes().turns(&record).collect();
            let mut before = day("2022-12-31");
            for number in 1..2_500 {
                let today = day("2022-12-31").plus_days(number);
                let changed = pack.regimes().visible(&record, before) != pack.regimes().visible(&record, today);
                assert!(!changed || turns.contains(&today), "{record:?} on {today}");
                before = today;
            }
        }
    }
}
