//! The openings of a drawn sample, held against the log and judged by the rules (PROTOCOL 33.4).
//!
//! A leaf that was drawn is opened, or an erasure that this log has took what opened it; nothing else was opened. Memory is that of the
//! sample. Not here: drawing it (`draw`), and the judgement of an opened leaf (`configs::rules::opened`).

pub mod fault;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use creditbay_configs::peers::Directory;
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::opened::Opened;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::erasure::{Erased, ErasureGround};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Origin;
use creditbay_protocol::opening::{Held, LeafOpening};
use serde::Serialize;

use crate::file;

use super::fault::{Fault, Faults};
use super::opening::read_lines;
use super::walk::Read;

use self::fault::OpenedFault;

/// Bytes of a file of openings at most: 100 000 leaves of some 2 500 bytes.
const MAX_BYTES: u64 = 256 << 20;

/// A file of openings, and the leaves of the log that they name.
pub struct Openings {
    log: Origin,
    /// By the leaf's index.
    lines: BTreeMap<u64, LeafOpening>,
    /// Leaves of erasures, and leaves which say that something was shown.
    named: BTreeSet<u64>,
    found: BTreeMap<u64, Leaf>,
    /// Leaves of the log that were read.
    size: u64,
    faults: Faults,
}

/// What a file of openings showed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Leaves that were opened, and whose openings fit.
    pub opened: u64,
    /// Leaves of which an erasure of this log took what opens them, on request, order or a peer's notice.
    pub erased: Vec<Gone>,
    /// The same, because they had been kept for as long as the rules say.
    pub expired: Vec<Gone>,
    /// Leaves that were drawn and not opened.
    pub missing: Vec<u64>,
    /// Leaves which say that something was shown, and which stand behind the end of this copy of the log.
    pub shown_beyond: Vec<u64>,
    /// Faults.
    pub faults: u64,
}

/// A leaf that can be opened no more.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// The leaf.
    pub index: u64,
    /// The leaf of the erasure.
    pub erasure: u64,
    /// On which ground.
    pub ground: ErasureGround,
}

/// What a line shows of its leaf.
enum Standing {
    Opened(Vec<OpenedFault>),
    Erased(Gone),
    Wrong(OpenedFault),
}

impl Openings {
    /// Reads a file of openings of this log.
    pub fn read(path: &Path, log: Origin) -> anyhow::Result<Self> {
        let bytes = file::read_if_there(path, MAX_BYTES)?;
        let bytes = bytes.with_context(|| format!("{} does not exist; check the path", path.display()))?;
        let lines = read_lines(&bytes).with_context(|| format!("{}: no file of openings", path.display()))?;
        let (named, found) = (BTreeSet::new(), BTreeMap::new());
        let mut openings = Self { log, lines: BTreeMap::new(), named, found, size: 0, faults: Faults::new() };
        lines.into_iter().for_each(|line| openings.take(line));
        Ok(openings)
    }

    fn take(&mut self, line: LeafOpening) {
        let index = line.index;
        if line.log != self.log {
            return self.fault(index, OpenedFault::OtherLog { log: line.log });
        }
        self.named.extend(line.shown_in.is_none().then_some(line.shown));
        self.named.extend(line.erasure().filter(|(log, _)| *log == self.log).map(|(_, leaf)| leaf));
        if self.lines.insert(index, line).is_some() {
            self.fault(index, OpenedFault::Twice);
        }
    }

    /// Looks at the next leaf of the log.
    pub fn leaf(&mut self, read: &Read<'_>) {
        self.size = read.index + 1;
        if self.named.contains(&read.index) {
            self.found.insert(read.index, read.leaf.clone());
        }
    }

    /// Holds all of it against the leaves that were drawn. `claimed` is the sample as the auditor has it in a file.
    pub fn end(
        mut self,
        drawn: &BTreeMap<u64, Leaf>,
        claimed: Option<&[u64]>,
        directory: &Directory,
        packs: &[Arc<RulePack>],
    ) -> (Outcome, Faults) {
        let mut outcome = Outcome::default();
        if let Some(index) = claimed.and_then(|claimed| first_difference(claimed, drawn.keys().copied())) {
            self.fault(index, OpenedFault::OtherSample);
        }
        let mut opened = Opened::new(directory, packs);
        for (index, leaf) in drawn {
            let standing = match self.lines.get(index) {
                None => {
                    outcome.missing.push(*index);
                    Standing::Wrong(OpenedFault::NotOpened)
                }
                Some(line) => self.stands(line, leaf, &mut opened, packs),
            };
            match standing {
                Standing::Opened(breaches) => {
                    outcome.opened += 1;
                    breaches.into_iter().for_each(|breach| self.fault(*index, breach));
                }
                Standing::Erased(gone) if gone.ground == ErasureGround::RetentionOver => outcome.expired.push(gone),
                Standing::Erased(gone) => outcome.erased.push(gone),
                Standing::Wrong(fault) => self.fault(*index, fault),
            }
        }
        let undrawn: Vec<u64> = self.lines.keys().copied().filter(|index| !drawn.contains_key(index)).collect();
        undrawn.into_iter().for_each(|index| self.fault(index, OpenedFault::NotDrawn));
        self.check_shown(&mut outcome);
        outcome.faults = self.faults.count();
        (outcome, self.faults)
    }

    fn stands(&self, line: &LeafOpening, leaf: &Leaf, opened: &mut Opened<'_>, packs: &[Arc<RulePack>]) -> Standing {
        let revealed = match line.check(leaf) {
            Ok(revealed) => revealed,
            Err(fault) => return Standing::Wrong(OpenedFault::Unfit(fault)),
        };
        match &line.holds {
            Held::Fields(_) => Standing::Opened(opened.leaf(leaf, &revealed).into_iter().map(OpenedFault::Breach).collect()),
            Held::Nothing => Standing::Wrong(OpenedFault::SaidToHideNothing),
            Held::Erased { leaf: erasure, .. } => self.erased(line, leaf, *erasure, packs),
        }
    }

    fn erased(&self, line: &LeafOpening, leaf: &Leaf, erasure: u64, packs: &[Arc<RulePack>]) -> Standing {
        if let Some((log, _)) = line.erasure().filter(|(log, _)| *log != self.log) {
            return Standing::Wrong(OpenedFault::ErasureElsewhere { log, erasure });
        }
        let Some(erasing) = self.found.get(&erasure) else {
            return Standing::Wrong(OpenedFault::ErasureBeyond { erasure, size: self.size });
        };
        if let Err(fault) = line.check_erased(erasing) {
            return Standing::Wrong(OpenedFault::Unfit(fault));
        }
        let LeafBody::Event(Event::Erased(Erased { ground, .. })) = &erasing.body else {
            return Standing::Wrong(OpenedFault::ErasureBeyond { erasure, size: self.size });
        };
        let on = erasing.time.day();
        match kept_until(leaf, packs).filter(|until| *ground == ErasureGround::RetentionOver && on <= *until) {
            Some(until) => Standing::Wrong(OpenedFault::ErasedEarly { erasure, on, until }),
            None => Standing::Erased(Gone { index: line.index, erasure, ground: *ground }),
        }
    }

    /// Each leaf which is said to say that leaves were shown names just these; one behind the end of the copy is told.
    fn check_shown(&mut self, outcome: &mut Outcome) {
        let mut together: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let later = self.lines.values().filter(|line| line.shown_in.is_some()).map(|line| line.shown);
        outcome.shown_beyond.extend(later.collect::<BTreeSet<_>>());
        for line in self.lines.values().filter(|line| line.shown_in.is_none()) {
            together.entry(line.shown).or_default().push(line.index);
        }
        for (shown, indices) in together {
            let says = |leaf: &Leaf| match &leaf.body {
                LeafBody::Event(Event::OpeningsShown(said)) => said.names(&indices),
                _ => false,
            };
            if shown >= self.size {
                outcome.shown_beyond.push(shown);
            } else if !self.found.get(&shown).is_some_and(says) {
                self.fault(indices[0], OpenedFault::OtherShown { shown });
            }
        }
    }

    fn fault(&mut self, index: u64, fault: OpenedFault) {
        self.faults.add(Fault::Opened { index, fault: Box::new(fault) });
    }
}

/// The first leaf that only one of the two has; both are in ascending order.
fn first_difference(claimed: &[u64], drawn: impl Iterator<Item = u64>) -> Option<u64> {
    let drawn: BTreeSet<u64> = drawn.collect();
    let claimed: BTreeSet<u64> = claimed.iter().copied().collect();
    claimed.symmetric_difference(&drawn).next().copied()
}

/// The last day on which what opens a leaf is kept, by the shortest of the packs' periods.
fn kept_until(leaf: &Leaf, packs: &[Arc<RulePack>]) -> Option<Day> {
    let authorised = match &leaf.body {
        LeafBody::Query { terms, .. } | LeafBody::Answer { terms, .. } => terms.authorisation.is_some(),
        _ => false,
    };
    let months = packs.iter().map(|pack| {
        let periods = pack.retention();
        if authorised { periods.audit_months.max(periods.authorisation_months) } else { periods.audit_months }
    });
    months.min().map(|months| leaf.time.day().months_after(months))
}
