//! Publication: how long what was recorded may be seen, and how severe a penalty is that does not say it (PROTOCOL.md, "Rule pack").
//!
//! NDRC Order 36 of 2025-11-20 from 2026-04-01, Order 58 of 2023 before; the numbers are the pack's. The last day of a publication counts.
//! Not here: whether a record is visible (`visible`), and what is asked about visible records (`evaluate`).

use std::collections::BTreeMap;

use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, Severity};

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
}

#[cfg(test)]
mod tests {
    use super::super::sample::{day, pack};
    use super::Severity;

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
}
