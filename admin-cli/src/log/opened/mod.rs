//! The openings of a drawn sample, held against the log and judged by the rules (PROTOCOL 33.4).
//!
//! A leaf that was drawn is opened, or an erasure that this log has, or a later one, took what opened it; nothing else was opened. Memory
//! is that of the sample, and of the days on which organisations were answered under a portfolio. Not here: drawing it (`draw`), and the judgement of an opened leaf (`configs::rules::opened`).

pub mod fault;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use creditbay_configs::peers::Directory;
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::opened::Opened;
use creditbay_configs::rules::opened::subjects::Portfolios;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::erasure::{Erased, ErasureGround};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Origin;
use creditbay_protocol::opening::{Held, LeafOpening};
use serde::Serialize;

use crate::file;

use super::fault::{Fault, Faults};
use super::later::NamedLeaves;
use super::opening::read_lines;
use super::walk::Read;

use self::fault::OpenedFault;

/// Bytes of a file of openings at most: 100 000 leaves of some 2 500 bytes.
const MAX_BYTES: u64 = 256 << 20;

/// A file of openings, and the leaves that they name.
pub struct Openings {
    log: Origin,
    /// By the leaf's index.
    lines: BTreeMap<u64, LeafOpening>,
    /// Leaves of this log that are erasures, or say that something was shown.
    named: BTreeSet<u64>,
    /// Those that were found, of this log and of later ones.
    found: NamedLeaves,
    /// Leaves that were read of this log, and of later ones.
    sizes: BTreeMap<Origin, u64>,
    portfolios: Portfolios,
    faults: Faults,
}

/// What a file of openings showed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Leaves that were opened, and whose openings fit.
    pub opened: u64,
    /// Leaves of which an erasure took what opens them, on request, order or a peer's notice.
    pub erased: Vec<Gone>,
    /// The same, because they had been kept for as long as the rules say.
    pub expired: Vec<Gone>,
    /// Leaves that were drawn and not opened.
    pub missing: Vec<u64>,
    /// Leaves which say that something was shown, and which stand behind the end of this copy of the log, or in one that is not at hand.
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
    /// Its log, where that is a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Origin>,
    /// On which ground.
    pub ground: ErasureGround,
}

/// What a line shows of its leaf.
enum Standing {
    Opened(Vec<OpenedFault>),
    Erased(Gone),
    Wrong(OpenedFault),
}

/// Reads a file of openings.
pub fn read(path: &Path) -> anyhow::Result<Vec<LeafOpening>> {
    let bytes = file::read_if_there(path, MAX_BYTES)?;
    let bytes = bytes.with_context(|| format!("{} does not exist; check the path", path.display()))?;
    read_lines(&bytes).with_context(|| format!("{}: no file of openings", path.display()))
}

/// Leaves of erasures, and leaves which say that something was shown, as the lines name them in other logs than their own.
pub fn elsewhere(lines: &[LeafOpening]) -> BTreeSet<(Origin, u64)> {
    let of = |line: &LeafOpening| {
        let shown = line.shown_in.map(|log| (log, line.shown));
        let erasure = line.erasure().filter(|(log, _)| *log != line.log);
        shown.into_iter().chain(erasure)
    };
    lines.iter().flat_map(of).collect()
}

impl Openings {
    /// These openings, held against this log and what was found in later ones: their sizes, and the leaves that are named.
    pub fn new(lines: Vec<LeafOpening>, log: Origin, (sizes, found): (&BTreeMap<Origin, u64>, NamedLeaves)) -> Self {
        let sizes = sizes.iter().map(|(log, size)| (*log, *size)).chain([(log, 0)]).collect();
        let (named, portfolios, faults) = (BTreeSet::new(), Portfolios::default(), Faults::new());
        let mut openings = Self { log, lines: BTreeMap::new(), named, found, sizes, portfolios, faults };
        lines.into_iter().for_each(|line| openings.take(line));
        openings
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
        self.sizes.insert(self.log, read.index + 1);
        self.portfolios.note(read.leaf);
        if self.named.contains(&read.index) {
            self.found.insert((self.log, read.index), read.leaf.clone());
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
        let mut opened = Opened::new(directory, packs, std::mem::take(&mut self.portfolios));
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
            Held::Erased { log, leaf: erasure, .. } => self.erased(line, leaf, (log.unwrap_or(self.log), *erasure), packs),
        }
    }

    fn erased(&self, line: &LeafOpening, leaf: &Leaf, at: (Origin, u64), packs: &[Arc<RulePack>]) -> Standing {
        let (log, erasure) = at;
        let Some(size) = self.sizes.get(&log).copied() else {
            return Standing::Wrong(OpenedFault::ErasureElsewhere { log, erasure });
        };
        let beyond = Standing::Wrong(OpenedFault::ErasureBeyond { erasure, size });
        let Some(erasing) = self.found.get(&at) else { return beyond };
        if let Err(fault) = line.check_erased(erasing) {
            return Standing::Wrong(OpenedFault::Unfit(fault));
        }
        let LeafBody::Event(Event::Erased(Erased { ground, .. })) = &erasing.body else { return beyond };
        let on = erasing.time.day();
        match kept_until(leaf, packs).filter(|until| *ground == ErasureGround::RetentionOver && on <= *until) {
            Some(until) => Standing::Wrong(OpenedFault::ErasedEarly { erasure, on, until }),
            None => {
                let log = (log != self.log).then_some(log);
                Standing::Erased(Gone { index: line.index, erasure, log, ground: *ground })
            }
        }
    }

    /// Each leaf which is said to say that leaves were shown names just these; one behind the end of the copies is told.
    fn check_shown(&mut self, outcome: &mut Outcome) {
        let mut together: BTreeMap<(Origin, u64), Vec<u64>> = BTreeMap::new();
        for line in self.lines.values() {
            together.entry((line.shown_in.unwrap_or(self.log), line.shown)).or_default().push(line.index);
        }
        for (at, indices) in together {
            let (log, shown) = at;
            let says = |leaf: &Leaf| match &leaf.body {
                LeafBody::Event(Event::OpeningsShown(said)) => log == self.log && said.names(&indices),
                LeafBody::Event(Event::EarlierOpeningsShown { log: of, shown }) => *of == self.log && shown.names(&indices),
                _ => false,
            };
            if self.sizes.get(&log).is_none_or(|size| shown >= *size) {
                outcome.shown_beyond.push(shown);
            } else if !self.found.get(&at).is_some_and(says) {
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
