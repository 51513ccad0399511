//! The rule pack as TOML: its keys, each explained in `samples/rules/gba-2026.1.toml`.
//!
//! Names of types, purposes and legal bases are read as text here, so that an unknown one gets a fault of its own.
//! Not here: the checks (`read`).

use std::collections::BTreeMap;

use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{Lane, LawOfOrigin, Severity};
use serde::Deserialize;
use serde_spanned::Spanned;

use super::catalogue::Shape;
use super::section::Holder;

/// What stands under names that are not checked yet.
pub(super) type ByName<T> = BTreeMap<Spanned<String>, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPack {
    pub(super) format: Spanned<String>,
    pub(super) id: Name<32>,
    pub(super) serial: Spanned<u32>,
    pub(super) regions: Spanned<Vec<Spanned<Region>>>,
    pub(super) unreviewed_languages: Vec<Spanned<String>>,
    pub(super) purposes: WrittenPurposes,
    pub(super) catalogue: WrittenCatalogue,
    pub(super) matrix: WrittenMatrix,
    pub(super) basis: WrittenBasis,
    pub(super) freshness: WrittenFreshness,
    pub(super) listings: WrittenListings,
    pub(super) penalties: WrittenPenalties,
    pub(super) severity: WrittenSeverity,
    pub(super) contract: WrittenContract,
    pub(super) labels: WrittenLabels,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPurposes {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) meaning: ByName<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCatalogue {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) types: ByName<WrittenType>,
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenMatrix {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) cells: Spanned<ByName<ByName<Spanned<String>>>>,
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
    pub(super) public: Spanned<String>,
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
    pub(super) until_delisted: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPenalties {
    pub(super) illustrative: bool,
    pub(super) held_by: Holder,
    pub(super) regimes: Spanned<Vec<WrittenRegime>>,
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
