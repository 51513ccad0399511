//! One log as it is audited: its checkpoint, then its leaves batch by batch, then what was found.
//!
//! Every command that judges leaves goes this way, so none judges what was not verified. Not here: the judgement.

use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::Note;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::name::Origin;
use creditbay_protocol::succession::Beginning;
use indicatif::ProgressBar;

use crate::host;
use crate::print::{self, Screen};
use crate::trust::{self, Trusted};

use super::fault::{Fault, Faults};
use super::findings::Findings;
use super::kept::Seen;
use super::later::Later;
use super::leaves::Leaves;
use super::orphan::not_decided;
use super::predecessor::held_to;
use super::prepare::Wanted;
use super::source::Source;
use super::verify::Audit;
use super::walk::{Batch, Walk};

/// A log, where it is read, and what it is held against.
pub struct Place<'a> {
    /// As it was named.
    pub place: String,
    /// Where it is read.
    pub source: &'a mut Source,
    /// Whose log it is.
    pub entry: &'a RegionEntry,
    /// Checkpoints that it must continue.
    pub earlier: &'a [Seen],
    /// What says which checkpoint it has.
    pub vouched: Vouched,
    /// What is made of its entries.
    pub wanted: Wanted,
}

/// What says which checkpoint a log has.
#[derive(Debug, Clone)]
pub enum Vouched {
    /// The key that the directory has for the log.
    Signed,
    /// The log has ended, and the one after it names its end; `None` where a fault hides that.
    ByNext(Option<Box<Beginning>>),
}

impl Vouched {
    /// By later logs, where there are some.
    pub fn by(later: Option<&Later>) -> Self {
        later.map_or(Self::Signed, |later| Self::ByNext(later.ended.map(Box::new)))
    }
}

/// An audit under way.
pub struct Auditing<'a> {
    walk: Walk<'a>,
    bar: ProgressBar,
    as_of: Millis,
    found: Findings,
    vouched: Vouched,
}

impl<'a> Auditing<'a> {
    /// Reads the checkpoint.
    pub async fn begin(place: Place<'a>, trusted: &Trusted, screen: &Screen) -> anyhow::Result<Self> {
        let Place { place, source, entry, earlier, vouched, wanted } = place;
        let note = source.checkpoint().await?;
        let mut faults = Faults::new();
        let signed = match &vouched {
            Vouched::Signed => SignedCheckpoint::verify(&note, &entry.log_origin, &entry.log)
                .map_err(|error| faults.add(Fault::Checkpoint(error)))
                .ok(),
            Vouched::ByNext(ended) => {
                if let Some(fault) = ended.as_ref().and_then(|ended| held_to(ended, &note).err()) {
                    faults.add(fault);
                }
                None
            }
        };
        let parsed = Note::parse(&note).ok();
        // What an unsigned checkpoint says is still held against the tiles, so that all faults show.
        let checkpoint = parsed.as_ref().and_then(|note| Checkpoint::parse(&note.text).ok());
        let cosigned = parsed.map(|note| trust::cosigned(&note, &trusted.directory, entry.name));
        let cosigned =
            cosigned.transpose().map_err(|error| faults.add(Fault::Cosignature(error))).ok().flatten().unwrap_or_default();
        let fetched = if source.is_live() { host::now()? } else { Millis(0) };
        let as_of = cosigned.iter().filter_map(|(_, at)| *at).fold(fetched, Millis::max);
        let mut audit = Audit::new(checkpoint.map_or(0, |checkpoint| checkpoint.size));
        if let (Some(_), Vouched::ByNext(Some(ended))) = (&checkpoint, &vouched) {
            audit.expect_earlier(ended.size, ended.root);
        }
        if checkpoint.is_some() {
            earlier.iter().map(|seen| seen.signed.checkpoint()).for_each(|one| audit.expect_earlier(one.size, one.root));
        }
        let bar = print::progress(screen, audit.size(), "{msg} [{bar:40}] {pos}/{len} entries {eta}");
        bar.set_message(checkpoint.map_or(entry.log_origin, |checkpoint| checkpoint.origin).to_string());
        let found = Findings {
            place,
            checkpoint,
            note,
            signed,
            cosigned_by: cosigned.iter().map(trust::told).collect(),
            leaves: Leaves::of(entry.name),
            faults,
            because: trusted.because.clone(),
            held_against: earlier.len(),
            evidence: Vec::new(),
            goes_on_from: Vec::new(),
            goes_on_in: Vec::new(),
            orphaned: entry.orphaned.clone(),
            ruled: None,
        };
        Ok(Self { walk: Walk::begin(source, audit, wanted), bar, as_of, found, vouched })
    }

    /// The root that the checkpoint says.
    pub fn root(&self) -> Digest {
        self.found.checkpoint.map_or_else(empty_root, |checkpoint| checkpoint.root)
    }

    /// The size that the checkpoint says.
    pub fn size(&self) -> u64 {
        self.found.checkpoint.map_or(0, |checkpoint| checkpoint.size)
    }

    /// The log.
    pub fn origin(&self) -> Option<Origin> {
        self.found.checkpoint.map(|checkpoint| checkpoint.origin)
    }

    /// The time as of which the log is known to be no larger: that at which it was fetched from a node, or its newest cosignature says, or
    /// its newest leaf that was read.
    pub fn as_of(&self) -> Millis {
        self.found.leaves.span().map_or(self.as_of, |(_, newest)| newest.max(self.as_of))
    }

    /// The time of the newest leaf that was read.
    pub fn read_up_to(&self) -> Millis {
        self.found.leaves.span().map_or(Millis(0), |(_, newest)| newest)
    }

    /// The next leaves; `None` at the end.
    pub async fn next(&mut self) -> anyhow::Result<Option<Batch>> {
        let Some(batch) = self.walk.next().await? else { return Ok(None) };
        self.found.leaves.read_batch(&batch, &mut self.found.faults);
        self.bar.set_position(self.walk.done());
        Ok(Some(batch))
    }

    /// Compares with the signed root.
    pub fn finish(mut self) -> Findings {
        self.bar.finish_and_clear();
        if self.found.checkpoint.is_some() {
            let root = self.root();
            self.found.faults.extend(self.walk.finish(&root));
        }
        if let Vouched::ByNext(Some(ended)) = &self.vouched
            && ended.lost.is_none()
            && self.found.leaves.retired() != ended.size.checked_sub(1)
        {
            self.found.faults.add(Fault::NotRetired { origin: ended.log });
        }
        if let Some(began) = self.found.leaves.began() {
            self.found.faults.extend(not_decided(&began, &self.found.orphaned));
        }
        self.found
    }
}
