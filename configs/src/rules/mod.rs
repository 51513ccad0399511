//! The rule pack: what may be asked between whom, and what follows from it (PROTOCOL.md, "Rule pack").
//!
//! A [`RulePack`] is one that makes sense. Files stand in the order of the data: what a pack says (`section` to `regimes`), how it is
//! read, what it decides of a question (`decide`), what a node answers from its records (`evaluate`).
//! Not here: who signed a pack and whether it is active; records of a node; budgets, withdrawals and suspensions.

pub mod section;

pub mod phrase;

pub mod standing;

pub mod purposes;

pub mod catalogue;

pub mod scales;

pub mod matrix;

pub mod record;

pub mod regimes;

mod over;
mod visible;

pub mod retention;

pub mod budgets;

pub mod witnessed;

pub mod calendars;

pub mod timers;

pub mod fault;
mod read;
mod read_days;
mod read_limits;
mod read_matrix;
mod read_scales;
mod read_types;
mod written;

mod steps;

pub mod decide;

pub mod authorise;

pub mod replay;

pub mod evaluate;

pub mod opened;

mod golden;

pub mod parse;

#[cfg(test)]
mod plan;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{LawOfOrigin, Purpose};

use self::budgets::{Budgets, Volumes};
use self::calendars::Calendars;
use self::catalogue::Catalogue;
use self::matrix::{Bases, Matrix};
use self::purposes::PurposeRule;
use self::regimes::Regimes;
use self::retention::Retention;
use self::scales::Scales;
use self::section::Section;
use self::timers::Timers;
use self::witnessed::Witnessed;

/// A rule pack whose parts fit together, endorsed by nobody yet.
#[derive(Debug, Clone)]
pub struct RulePack {
    digest: Digest,
    id: Name<32>,
    serial: u32,
    supersedes: Option<Digest>,
    effective_from: Day,
    overlap_days: u32,
    regions: Vec<Region>,
    laws: BTreeMap<Region, LawOfOrigin>,
    unreviewed_languages: Vec<&'static str>,
    sections: Vec<Section>,
    purposes: BTreeMap<Purpose, PurposeRule>,
    catalogue: Catalogue,
    matrix: Matrix,
    scales: Scales,
    bases: Bases,
    regimes: Regimes,
    retention: Retention,
    budgets: Budgets,
    volumes: Volumes,
    witnessed: Option<Witnessed>,
    timers: Timers,
    calendars: Calendars,
    contract: Vec<String>,
}

impl RulePack {
    /// SHA-256 of the file's bytes; queries name it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The pack's name.
    pub fn id(&self) -> Name<32> {
        self.id
    }

    /// The edition, from 1.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// SHA-256 of the edition that this one follows; every edition but the first names it.
    pub fn supersedes(&self) -> Option<Digest> {
        self.supersedes
    }

    /// The first day on which a query may name it.
    pub fn effective_from(&self) -> Day {
        self.effective_from
    }

    /// For how many days from then on the edition before may still be named.
    pub fn overlap_days(&self) -> u32 {
        self.overlap_days
    }

    /// Whose law a region records facts under; `None` for a region that does not use the pack.
    pub fn law(&self, region: Region) -> Option<LawOfOrigin> {
        self.laws.get(&region).copied()
    }

    /// The regions that use the pack; each must sign it.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The languages whose labels no translator has checked.
    pub fn unreviewed_languages(&self) -> &[&'static str] {
        &self.unreviewed_languages
    }

    /// The sections, with who holds them.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The purposes.
    pub fn purposes(&self) -> &BTreeMap<Purpose, PurposeRule> {
        &self.purposes
    }

    /// The types.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Which purpose may ask which type.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The native scales and band maps.
    pub fn scales(&self) -> &Scales {
        &self.scales
    }

    /// On which legal basis each pair of regions exchanges.
    pub fn bases(&self) -> &Bases {
        &self.bases
    }

    /// How long what was recorded may be seen.
    pub fn regimes(&self) -> &Regimes {
        &self.regimes
    }

    /// How long what was exchanged is kept.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// What may be spent in a day.
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// How many answers about natural persons a peer may get in a year.
    pub fn volumes(&self) -> &Volumes {
        &self.volumes
    }

    /// Which answers wait for witnesses; none where the pack does not say.
    pub fn witnessed(&self) -> Option<&Witnessed> {
        self.witnessed.as_ref()
    }

    /// How soon somebody has to act.
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Each region's working days.
    pub fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// The rules that only the contract holds.
    pub fn contract(&self) -> &[String] {
        &self.contract
    }
}
