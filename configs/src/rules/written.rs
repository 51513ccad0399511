//! The rule pack as TOML: its keys, each explained in `samples/rules/gba-2026.1.toml`.
//!
//! Names of types, purposes and legal bases are read as text here, so that an unknown one gets a fault of its own.
//! Not here: the checks (`read`).

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{Lane, LawOfOrigin, Severity};
use serde::Deserialize;
use serde_spanned::Spanned;

use super::catalogue::Shape;
use super::section::Holder;
use super::timers::{Counted, TimedAct};

/// What stands under names that are not checked yet.
pub(super) type ByName<T> = BTreeMap<Spanned<String>, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPack {
    pub(super) format: Spanned<String>,
    pub(super) id: Name<32>,
    pub(super) serial: Spanned<u32>,
    pub(super) supersedes: Option<Spanned<Digest>>,
    pub(super) effective_from: Day,
    pub(super) overlap_days: u32,
    pub(super) regions: Spanned<Vec<Spanned<Region>>>,
    pub(super) laws: Spanned<BTreeMap<Spanned<Region>, LawOfOrigin>>,
    pub(super) unreviewed_languages: Vec<Spanned<String>>,
    pub(super) purposes: WrittenPurposes,
    pub(super) catalogue: WrittenCatalogue,
    pub(super) matrix: WrittenMatrix,
    pub(super) scales: WrittenScales,
    pub(super) bands: WrittenBands,
    pub(super) basis: WrittenBasis,
    pub(super) freshness: WrittenFreshness,
    pub(super) listings: WrittenListings,
    pub(super) penalties: WrittenPenalties,
    pub(super) severity: WrittenSeverity,
    pub(super) retention: WrittenRetention,
    pub(super) onward: WrittenOnward,
    pub(super) budgets: WrittenBudgets,
    pub(super) volumes: WrittenVolumes,
    pub(super) witnessed: Option<WrittenWitnessed>,
    pub(super) timers: WrittenTimers,
    pub(super) calendars: WrittenCalendars,
    pub(super) contract: WrittenContract,
    pub(super) labels: WrittenLabels,
    pub(super) golden: Option<WrittenGolden>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGolden {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) cases: Spanned<Vec<WrittenCase>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPurposes {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) only_between: BTreeMap<Spanned<String>, Spanned<Vec<Spanned<Region>>>>,
    pub(super) meaning: ByName<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCatalogue {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) types: ByName<WrittenType>,
    pub(super) persons: ByName<WrittenPerson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPerson {
    pub(super) origins: Spanned<Vec<LawOfOrigin>>,
    pub(super) look_back_months: Option<Spanned<u16>>,
    pub(super) sensitive: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenType {
    pub(super) lane: Lane,
    pub(super) subjects: Spanned<Vec<SubjectKind>>,
    pub(super) shapes: Spanned<Vec<Spanned<Shape>>>,
    pub(super) origins: Spanned<Vec<LawOfOrigin>>,
    pub(super) look_back_months: Option<Spanned<u16>>,
    pub(super) severities: Option<Vec<Severity>>,
    pub(super) counts: Option<Vec<u8>>,
    pub(super) members: Option<Vec<Spanned<String>>>,
    pub(super) domains: Option<Spanned<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenMatrix {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) cells: Spanned<ByName<ByName<Spanned<String>>>>,
    pub(super) persons: Spanned<ByName<ByName<Spanned<String>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenScales {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) native: Vec<WrittenScale>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenScale {
    pub(super) of: Spanned<String>,
    pub(super) law: LawOfOrigin,
    pub(super) grades: Spanned<Vec<String>>,
    pub(super) illustrative: bool,
    pub(super) source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBands {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) maps: Vec<WrittenMap>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenMap {
    pub(super) id: Spanned<u16>,
    pub(super) of: Spanned<String>,
    pub(super) rows: Spanned<BTreeMap<LawOfOrigin, Spanned<Vec<u8>>>>,
    #[serde(default)]
    pub(super) settled: BTreeMap<LawOfOrigin, Vec<Spanned<String>>>,
    pub(super) source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBasis {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) pairs: Vec<WrittenPair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPair {
    pub(super) issuers: Vec<Spanned<Region>>,
    pub(super) askers: Vec<Spanned<Region>>,
    pub(super) public: Option<Spanned<String>>,
    pub(super) authorised: Option<Spanned<String>>,
    pub(super) carried: Option<Spanned<String>>,
    pub(super) regulators: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFreshness {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) types: Spanned<ByName<WrittenTerm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTerm {
    pub(super) validity_days: Spanned<u16>,
    pub(super) stale_after_days: Option<Spanned<u16>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenListings {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) maximum_months: Spanned<u32>,
    pub(super) longer: ByName<Spanned<u32>>,
    pub(super) until_delisted: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPenalties {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) regimes: Spanned<Vec<WrittenRegime>>,
    pub(super) sectors: Vec<WrittenSector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSector {
    pub(super) name: Spanned<String>,
    pub(super) minimum_months: Spanned<u32>,
    pub(super) illustrative: bool,
    pub(super) source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRegime {
    pub(super) title: String,
    pub(super) decided_from: Spanned<Day>,
    pub(super) illustrative: bool,
    pub(super) minor_months: Spanned<u32>,
    pub(super) general_months: Spanned<u32>,
    pub(super) serious_months: Spanned<u32>,
    pub(super) general_minimum_months: Spanned<u32>,
    pub(super) serious_minimum_months: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSeverity {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) serious_kinds: Vec<String>,
    pub(super) serious_fine_fen: Spanned<u64>,
    pub(super) minor_kinds: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRetention {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) answer_days: u32,
    pub(super) audit_months: Spanned<u32>,
    pub(super) authorisation_months: Spanned<u32>,
    pub(super) withdrawal_months: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenOnward {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) permitted: Spanned<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBudgets {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) requester_per_day: Spanned<u32>,
    pub(super) peer_per_day: Spanned<u32>,
    pub(super) subject_per_day: Spanned<u32>,
    pub(super) types_per_subject_and_day: Spanned<u32>,
    pub(super) subjects_per_day: Spanned<u32>,
    pub(super) unknown_subjects_per_day: Spanned<u32>,
    pub(super) portfolio_subjects: Spanned<u32>,
    pub(super) portfolio_days: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenVolumes {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) warn_percent: Spanned<u8>,
    pub(super) thresholds: Spanned<Vec<WrittenThreshold>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenThreshold {
    pub(super) persons: Spanned<u64>,
    pub(super) sensitive: bool,
    pub(super) refuse: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTimers {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) rules: Spanned<Vec<WrittenTimer>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTimer {
    pub(super) act: TimedAct,
    pub(super) regions: Vec<Spanned<Region>>,
    pub(super) days: Spanned<u32>,
    #[serde(default)]
    pub(super) extension: u32,
    pub(super) counted: Counted,
    pub(super) illustrative: bool,
    pub(super) source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCalendars {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) regional: Spanned<Vec<WrittenCalendar>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCalendar {
    pub(super) name: String,
    pub(super) regions: Vec<Spanned<Region>>,
    pub(super) first_day: Day,
    pub(super) last_day: Spanned<Day>,
    pub(super) holidays: Vec<Spanned<Day>>,
    pub(super) working_days: Vec<Spanned<Day>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenContract {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) rules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLabels {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) types: Spanned<ByName<WrittenLabel>>,
    pub(super) purposes: Spanned<ByName<WrittenLabel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLabel {
    #[serde(rename = "zh-Hans")]
    pub(super) zh_hans: Option<String>,
    #[serde(rename = "zh-Hant")]
    pub(super) zh_hant: Option<String>,
    pub(super) pt: Option<String>,
    pub(super) en: Option<String>,
}

/// A golden case: a question, what the issuer holds, and what follows (`golden`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCase {
    pub(super) name: Spanned<String>,
    pub(super) asker: String,
    pub(super) issuer: String,
    pub(super) purpose: String,
    pub(super) subject: Option<String>,
    pub(super) ask: Vec<String>,
    pub(super) under: String,
    pub(super) authorised: Option<String>,
    #[serde(default)]
    pub(super) regulators: bool,
    #[serde(default)]
    pub(super) digest: bool,
    pub(super) portfolio: Option<u32>,
    pub(super) pack: Option<String>,
    pub(super) day: Option<Day>,
    #[serde(default)]
    pub(super) synchronised: Vec<String>,
    pub(super) held: Option<bool>,
    #[serde(default)]
    pub(super) records: Vec<String>,
    pub(super) expect: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenWitnessed {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) purposes: Spanned<Vec<Spanned<String>>>,
    pub(super) quorum: Spanned<u32>,
    pub(super) wait_seconds: Spanned<u32>,
}
