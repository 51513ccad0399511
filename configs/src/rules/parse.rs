//! From a file to a rule pack: its text, its parts, what must fit between them, and last its golden cases (PROTOCOL.md, "Rule pack").
//!
//! Not here: who endorsed the file (`endorsement`), and the checks themselves (`read`, `golden`).

use creditbay_crypto::hash::Digest;
use serde_spanned::Spanned;

use crate::error::{self, ConfigError, Source};

use super::fault::RulesFault;
use super::read::Refused;
use super::written::{WrittenCase, WrittenPack};
use super::{RulePack, golden, read, read_days, read_limits, read_matrix, read_scales, read_types};

/// The format line.
const FORMAT: &str = "creditbay/rules/v1";

/// The golden cases of a file, where it has any.
type Cases = Option<Spanned<Vec<WrittenCase>>>;

impl RulePack {
    /// Reads and checks a pack, and runs its golden cases. `file` is the name that errors show.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError<RulesFault>> {
        let source = Source::new(file, text);
        let (pack, golden) = Self::rules(source, text)?;
        let missing = || source.whole(RulesFault::GoldenMissing("the whole pack"));
        golden::check(source, &pack, &golden.ok_or_else(missing)?)?;
        Ok(pack)
    }

    /// Reads and checks the rules of a draft without running its golden cases: to compare drafts, not to decide by them.
    pub fn draft(file: &str, text: &str) -> Result<Self, ConfigError<RulesFault>> {
        Self::rules(Source::new(file, text), text).map(|(pack, _)| pack)
    }

    /// The rules alone, with the cases that they have to be held against.
    pub(super) fn rules(source: Source<'_>, text: &str) -> Result<(Self, Cases), Refused> {
        let written: WrittenPack = error::parse(source.file(), text).map_err(|error| error.map(RulesFault::Text))?;
        if written.format.get_ref() != FORMAT {
            return Err(source.fault(written.format.span(), "format", RulesFault::Format { expected: FORMAT }));
        }
        if *written.serial.get_ref() == 0 {
            return Err(source.fault(written.serial.span(), "serial", RulesFault::SerialZero));
        }
        let regions = read::regions(source, &written)?;
        let laws = read::laws(source, &written, &regions)?;
        let purposes = read::purposes(source, &written, &regions)?;
        let catalogue = read_types::catalogue(source, &written)?;
        let pack = Self {
            digest: Digest::of(text.as_bytes()),
            id: written.id,
            serial: *written.serial.get_ref(),
            supersedes: read::supersedes(source, &written)?,
            effective_from: written.effective_from,
            overlap_days: written.overlap_days,
            unreviewed_languages: read::unreviewed(source, &written)?,
            sections: read::sections(&written),
            matrix: read_matrix::matrix(source, &written, &catalogue, &purposes)?,
            scales: read_scales::scales(source, &written, &catalogue)?,
            bases: read_matrix::bases(source, &written, &laws)?,
            regimes: read::regimes(source, &written, &catalogue)?,
            retention: read_limits::retention(source, &written)?,
            budgets: read_limits::budgets(source, &written)?,
            volumes: read_limits::volumes(source, &written)?,
            witnessed: read_limits::witnessed(source, &written, &regions, &purposes)?,
            timers: read_days::timers(source, &written, &regions)?,
            calendars: read_days::calendars(source, &written, &regions)?,
            contract: written.contract.rules,
            regions,
            laws,
            purposes,
            catalogue,
        };
        Ok((pack, written.golden.map(|golden| golden.cases)))
    }
}
