//! What a log's messages add up to: so many leaves of each day, role, region, purpose, types and outcome.
//!
//! Each message is in exactly one cell, so the cells add up to the log's messages. Not here: how it is shown.

use std::collections::BTreeMap;

use creditbay_protocol::calendar::Day;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Predicates, Purpose};
use creditbay_protocol::refusal::OutcomeClass;

/// Cells at most: ten years of days, each with a hundred of them.
pub const MAX_CELLS: usize = 365_000;

/// What a leaf is counted under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The day, in UTC+8.
    pub day: Day,
    /// The other region, where there is one.
    pub peer: Option<Region>,
    /// What for.
    pub purpose: Purpose,
    /// The types, each once, by bits of their codes.
    pub types: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a message ended, as this log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// This node disclosed.
    Answered,
    /// This node refused to answer.
    Refused,
    /// This node asked.
    Asked,
    /// This node declined to ask.
    Declined,
}

impl Outcome {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Answered, Self::Refused, Self::Asked, Self::Declined];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Asked => "asked",
            Self::Declined => "declined",
        }
    }
}

impl Cell {
    fn of(leaf: &Leaf) -> Option<Self> {
        let (peer, purpose, predicates, outcome) = match &leaf.body {
            LeafBody::Query { terms, .. } => (Some(terms.issuer), terms.purpose, &terms.predicates, Outcome::Asked),
            LeafBody::Answer { terms, outcome: OutcomeClass::Answered, .. } => {
                (Some(terms.asker), terms.purpose, &terms.predicates, Outcome::Answered)
            }
            LeafBody::Answer { terms, .. } => (Some(terms.asker), terms.purpose, &terms.predicates, Outcome::Refused),
            LeafBody::Declined { issuer, purpose, predicates, .. } => (*issuer, *purpose, predicates, Outcome::Declined),
            LeafBody::Abandoned { .. } | LeafBody::Event(_) => return None,
        };
        Some(Self { day: leaf.time.day(), peer, purpose, types: types_of(predicates), outcome })
    }

    /// The types' names.
    pub fn types(&self) -> Vec<&'static str> {
        let named = AttestationType::ALL.iter().filter(|of| self.types & (1 << of.code()) != 0);
        named.map(|of| of.as_str()).collect()
    }

    /// The other region's name.
    pub fn peer(&self) -> String {
        self.peer.map_or_else(|| "-".to_owned(), |peer| peer.to_string())
    }
}

fn types_of(predicates: &Predicates) -> u64 {
    predicates.as_slice().iter().fold(0, |bits, predicate| bits | 1 << predicate.of().code())
}

/// All cells with their counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally(BTreeMap<Cell, u64>);

/// There would be more cells than are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log has more than {MAX_CELLS} combinations of day, region, purpose, types and outcome; it is none of an honest network"
)]
pub struct TooManyCells;

impl Tally {
    /// Counts a leaf.
    pub fn add(&mut self, leaf: &Leaf) -> Result<(), TooManyCells> {
        let Some(cell) = Cell::of(leaf) else { return Ok(()) };
        if self.0.len() >= MAX_CELLS && !self.0.contains_key(&cell) {
            return Err(TooManyCells);
        }
        *self.0.entry(cell).or_default() += 1;
        Ok(())
    }

    /// The cells in their order.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, u64)> {
        self.0.iter().map(|(cell, count)| (cell, *count))
    }

    /// All messages.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The messages by what `of` says of a cell, and by outcome. Where it says several, the message counts once for each.
    pub fn by(&self, of: impl Fn(&Cell) -> Vec<String>) -> BTreeMap<String, [u64; 4]> {
        let mut sums: BTreeMap<String, [u64; 4]> = BTreeMap::new();
        for (cell, count) in self.cells() {
            for name in of(cell) {
                sums.entry(name).or_default()[cell.outcome as usize] += count;
            }
        }
        sums
    }
}
