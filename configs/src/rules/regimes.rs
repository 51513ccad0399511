//! Publication: how long what was recorded may be seen, and how severe a penalty is that does not say it (PROTOCOL.md, "Rule pack").
//!
//! NDRC Order 36 of 2025-11-20 from 2026-04-01, Order 58 of 2023 before; the numbers are the pack's. The last day of a publication counts.
//! Not here: what is asked about visible records (`evaluate`).

use std::collections::BTreeMap;

use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, Severity};

use super::record::{Fact, Record};

/// How long penalties are published that were decided under one regime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PenaltyRegime {
    /// Its name.
    pub title: String,
    /// The first day of decision that it covers; the next regime's first day ends it.
    pub decided_from: Day,
    /// Whether its numbers are a proposal.
    pub illustrative: bool,
    /// The longest publication of a minor penalty, in months. Minor penalties are never visible to a question.
    pub minor_months: u32,
    /// The longest publication of a general one, in months.
    pub general_months: u32,
    /// The longest publication of a serious one, in months.
    pub serious_months: u32,
    /// The shortest publication of a general one before credit can be repaired, in months. Minor penalties have none.
    pub general_minimum_months: u32,
    /// The shortest publication of a serious one before credit can be repaired, in months.
    pub serious_minimum_months: u32,
}

impl PenaltyRegime {
    fn months(&self, severity: Severity) -> u32 {
        match severity {
            Severity::Minor => self.minor_months,
            Severity::General => self.general_months,
            Severity::Serious => self.serious_months,
        }
    }

    fn minimum_months(&self, severity: Severity) -> u32 {
        match severity {
            Severity::Minor => 0,
            Severity::General => self.general_minimum_months,
            Severity::Serious => self.serious_minimum_months,
        }
    }
}

/// A sector whose penalties have a minimum of their own before credit can be repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sector {
    /// Its name.
    pub name: String,
    /// The minimum, in months.
    pub minimum_months: u32,
    /// Whether it is a proposal.
    pub illustrative: bool,
    /// The text that it was taken from.
    pub source: String,
}

/// How long listings stay visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingPeriods {
    /// In months, where nothing else is said.
    pub maximum_months: u32,
    /// Types with another maximum, in months.
    pub longer: BTreeMap<AttestationType, u32>,
    /// Types without a maximum.
    pub until_delisted: Vec<AttestationType>,
}

/// How the severity of a penalty follows from its kinds and its fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeverityTable {
    /// 处罚类别, any of which makes a penalty serious.
    pub serious_kinds: Vec<String>,
    /// The fine in fen that makes it serious, or more.
    pub serious_fine_fen: u64,
    /// 处罚类别 that leave it minor if there is nothing else.
    pub minor_kinds: Vec<String>,
}

/// All rules of publication of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regimes {
    /// In the order of their first days; the first begins with the calendar.
    penalties: Vec<PenaltyRegime>,
    severity: SeverityTable,
    sectors: Vec<Sector>,
    listings: ListingPeriods,
}

impl Regimes {
    pub(super) fn new(
        penalties: Vec<PenaltyRegime>,
        severity: SeverityTable,
        sectors: Vec<Sector>,
        listings: ListingPeriods,
    ) -> Self {
        Self { penalties, severity, sectors, listings }
    }

    /// The regimes for penalties, oldest first.
    pub fn penalties(&self) -> &[PenaltyRegime] {
        &self.penalties
    }

    /// How a missing severity is derived.
    pub fn severity(&self) -> &SeverityTable {
        &self.severity
    }

    /// The sectors with a minimum of their own.
    pub fn sectors(&self) -> &[Sector] {
        &self.sectors
    }

    /// How long listings stay visible.
    pub fn listings(&self) -> &ListingPeriods {
        &self.listings
    }

    fn regime(&self, decided_on: Day) -> &PenaltyRegime {
        let regime = self.penalties.iter().rfind(|regime| regime.decided_from <= decided_on);
        regime.expect("invariant: the first regime begins with the calendar")
    }

    /// The first day on which credit can be repaired for a penalty: after the minimum of its regime or of its sector, whichever is
    /// longer. A sector that the pack does not name adds nothing.
    pub fn earliest_repair(&self, decided_on: Day, severity: Severity, sector: Option<&str>) -> Day {
        let of_sector = self.sectors.iter().find(|known| Some(known.name.as_str()) == sector);
        let months = self.regime(decided_on).minimum_months(severity).max(of_sector.map_or(0, |sector| sector.minimum_months));
        decided_on.months_after(months)
    }

    /// The last day on which a penalty is published: the longest that its regime admits, or the day that came with it (公示截止期) if
    /// that is earlier. The regime in force on the day of the decision decides.
    pub fn publication_end(&self, decided_on: Day, severity: Severity, given: Option<Day>) -> Day {
        let longest = decided_on.months_after(self.regime(decided_on).months(severity));
        given.map_or(longest, |given| given.min(longest))
    }

    /// The severity of a penalty that came without one. `kinds` are the values of 处罚类别, `fine_fen` the fine in fen.
    pub fn derive_severity(&self, kinds: &[&str], fine_fen: Option<u64>) -> Severity {
        let fine = fine_fen.unwrap_or(0);
        let named = |list: &[String], kind: &&str| list.iter().any(|known| known == kind.trim());
        if fine >= self.severity.serious_fine_fen || kinds.iter().any(|kind| named(&self.severity.serious_kinds, kind)) {
            Severity::Serious
        } else if fine == 0 && !kinds.is_empty() && kinds.iter().all(|kind| named(&self.severity.minor_kinds, kind)) {
            Severity::Minor
        } else {
            Severity::General
        }
    }

    /// The last day on which a listing is visible that nobody takes off; `None` for a list without a maximum.
    pub fn listing_end(&self, register: AttestationType, listed_on: Day) -> Option<Day> {
        let ListingPeriods { maximum_months, longer, until_delisted } = &self.listings;
        let months = *longer.get(&register).unwrap_or(maximum_months);
        (!until_delisted.contains(&register)).then(|| listed_on.months_after(months))
    }

    /// Whether a record exists for a question on that day. One that was repaired, withdrawn or delisted by then, is past its
    /// publication or has not begun does not.
    pub fn visible(&self, record: &Record, day: Day) -> bool {
        let over = |end: &Option<Day>| end.is_some_and(|end| end <= day);
        match &record.fact {
            Fact::Registration { since, .. } => *since <= day,
            Fact::Listing { listed_on, delisted_on, repaired_on, withdrawn_on } => {
                *listed_on <= day
                    && self.listing_end(record.register, *listed_on).is_none_or(|end| day <= end)
                    && ![delisted_on, repaired_on, withdrawn_on].into_iter().any(over)
            }
            Fact::Penalty { decided_on, severity, published_until, repaired_on, withdrawn_on, .. } => {
                *decided_on <= day
                    && day <= *published_until
                    && *severity != Severity::Minor
                    && ![repaired_on, withdrawn_on].into_iter().any(over)
            }
            Fact::Permit { valid_from, valid_until, withdrawn_on, .. } => {
                (*valid_from..=*valid_until).contains(&day) && !over(withdrawn_on)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use creditbay_crypto::hash::Digest;
    use creditbay_protocol::predicate::RegistrationStatus;

    use super::super::sample::{day, pack};
    use super::{AttestationType, Fact, Record, Severity};

    fn record(register: AttestationType, fact: Fact) -> Record {
        Record { register, key: Digest([0; 32]), fact }
    }

    fn listing(register: AttestationType, listed_on: &str) -> Record {
        record(register, Fact::Listing { listed_on: day(listed_on), delisted_on: None, repaired_on: None, withdrawn_on: None })
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
    fn the_regime_of_the_day_of_decision_decides_how_long_a_penalty_is_published() {
        for (decided_on, severity, end) in [
            ("2026-03-31", Severity::Minor, "2026-06-30"),
            ("2026-03-31", Severity::General, "2029-03-31"),
            ("2026-03-31", Severity::Serious, "2029-03-31"),
            ("2026-04-01", Severity::Minor, "2026-07-01"),
            ("2026-04-01", Severity::General, "2027-04-01"),
            ("2026-04-01", Severity::Serious, "2029-04-01"),
            ("1999-12-20", Severity::General, "2002-12-20"),
            ("2024-02-29", Severity::General, "2027-02-28"),
        ] {
            let found = pack().regimes().publication_end(day(decided_on), severity, None);
            assert_eq!(found, day(end), "{severity} decided on {decided_on}");
        }
    }

    #[test]
    fn a_given_day_only_shortens_a_publication() {
        let end = |given| pack().regimes().publication_end(day("2026-05-10"), Severity::General, Some(day(given)));
        assert_eq!(end("2027-05-09"), day("2027-05-09"));
        assert_eq!(end("2027-05-10"), day("2027-05-10"));
        assert_eq!(end("2027-05-11"), day("2027-05-10"));
        assert_eq!(end("2099-12-31"), day("2027-05-10"));
    }

    #[test]
    fn credit_can_be_repaired_after_the_longer_of_the_minimums_of_regime_and_sector() {
        for (decided_on, severity, sector, expected) in [
            ("2026-05-10", Severity::Minor, None, "2026-05-10"),
            ("2026-05-10", Severity::General, None, "2026-08-10"),
            ("2026-05-10", Severity::Serious, None, "2027-05-10"),
            ("2026-05-10", Severity::General, Some("market-regulation"), "2026-11-10"),
            ("2026-05-10", Severity::General, Some("food-drugs-special-equipment"), "2027-05-10"),
            ("2026-05-10", Severity::Serious, Some("market-regulation"), "2027-05-10"),
            ("2026-05-10", Severity::General, Some("unheard-of"), "2026-08-10"),
            ("2026-03-31", Severity::General, None, "2026-06-30"),
        ] {
            let found = pack().regimes().earliest_repair(day(decided_on), severity, sector);
            assert_eq!(found, day(expected), "{severity} {sector:?} decided on {decided_on}");
        }
    }

    #[test]
    fn severity_follows_from_kinds_and_fine() {
        let million_yuan = 100_000_000;
        for (kinds, fine_fen, severity) in [
            (&["警告"][..], None, Severity::Minor),
            (&["警告", " 通报批评 "], Some(0), Severity::Minor),
            (&["警告", "罚款"], Some(50_000), Severity::General),
            (&["警告"], Some(1), Severity::General),
            (&["罚款"], Some(million_yuan - 1), Severity::General),
            (&["罚款"], Some(million_yuan), Severity::Serious),
            (&["警告", "吊销许可证件"], None, Severity::Serious),
            (&["责令关闭"], None, Severity::Serious),
            (&["限制从业"], None, Severity::Serious),
            (&["责令停产停业", "罚款"], Some(1), Severity::Serious),
            (&["暂扣许可证件"], None, Severity::General),
            (&["其他-警告"], None, Severity::General),
            (&[], None, Severity::General),
            (&[""], None, Severity::General),
        ] {
            assert_eq!(pack().regimes().derive_severity(kinds, fine_fen), severity, "{kinds:?} {fine_fen:?}");
        }
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
}
