//! The rule pack: what may be asked between whom, and what follows from it (PROTOCOL.md, "Rule pack").
//!
//! A [`RulePack`] is one that makes sense. Files stand in the order of the data: what a pack says (`section` to `regimes`), how it is
//! read, what it decides of a question (`decide`), what a node answers from its records (`evaluate`).
//! Not here: who signed a pack and whether it is active; records of a node; budgets, withdrawals and suspensions.

pub mod section;

pub mod phrase;

pub mod budgets;
pub mod catalogue;

pub mod matrix;

pub mod record;

pub mod regimes;

pub mod standing;

pub mod fault;
mod read;
mod read_types;
mod written;

pub mod decide;

pub mod authorise;

pub mod evaluate;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::Purpose;

use crate::error::{self, ConfigError, Source};

use self::catalogue::Catalogue;
use self::fault::RulesFault;
use self::matrix::{Bases, Matrix};
use self::regimes::Regimes;
use self::section::Section;
use self::written::WrittenPack;

/// The format line.
const FORMAT: &str = "creditbay/rules/v1";

/// A rule pack whose parts fit together, endorsed by nobody yet.
#[derive(Debug, Clone)]
pub struct RulePack {
    digest: Digest,
    id: Name<32>,
    serial: u32,
    regions: Vec<Region>,
    unreviewed_languages: Vec<&'static str>,
    sections: Vec<Section>,
    purposes: BTreeMap<Purpose, String>,
    catalogue: Catalogue,
    matrix: Matrix,
    bases: Bases,
    regimes: Regimes,
    contract: Vec<String>,
}

impl RulePack {
    /// Reads and checks a pack. `file` is the name that errors show.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError<RulesFault>> {
        let source = Source::new(file, text);
        let written: WrittenPack = error::parse(file, text).map_err(|error| error.map(RulesFault::Text))?;
        if written.format.get_ref() != FORMAT {
            return Err(source.fault(written.format.span(), "format", RulesFault::Format { expected: FORMAT }));
        }
        if *written.serial.get_ref() == 0 {
            return Err(source.fault(written.serial.span(), "serial", RulesFault::SerialZero));
        }
        let regions = read::regions(source, &written)?;
        let purposes = read::purposes(source, &written)?;
        let catalogue = read_types::catalogue(source, &written)?;
        Ok(Self {
            digest: Digest::of(text.as_bytes()),
            id: written.id,
            serial: *written.serial.get_ref(),
            unreviewed_languages: read::unreviewed(source, &written)?,
            sections: read::sections(&written),
            matrix: read::matrix(source, &written, &catalogue, &purposes)?,
            bases: read::bases(source, &written, &regions)?,
            regimes: read::regimes(source, &written, &catalogue)?,
            contract: written.contract.rules,
            regions,
            purposes,
            catalogue,
        })
    }

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

    /// The purposes and what they mean.
    pub fn purposes(&self) -> &BTreeMap<Purpose, String> {
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

    /// On which legal basis each pair of regions exchanges.
    pub fn bases(&self) -> &Bases {
        &self.bases
    }

    /// How long what was recorded may be seen.
    pub fn regimes(&self) -> &Regimes {
        &self.regimes
    }

    /// The rules that only the contract holds.
    pub fn contract(&self) -> &[String] {
        &self.contract
    }
}
