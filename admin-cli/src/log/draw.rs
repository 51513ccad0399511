//! Drawing the leaves that are to be opened: a sample that follows from the signed root (PROTOCOL 33.3).
//!
//! Memory is that of the sample, whatever the log's size. Not here: the openings.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_protocol::leaf::{Leaf, LeafBody};

use super::walk::Read;

/// From which tree, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lottery {
    /// The signed root.
    pub root: Digest,
    /// Leaves under it; what stands behind them is not drawn.
    pub size: u64,
    /// How many to draw.
    pub count: usize,
}

/// The sample as it is drawn.
pub struct Draw {
    lottery: Lottery,
    /// The lowest lots so far, the highest of them on top.
    lots: BinaryHeap<Lot>,
    disclosures: u64,
}

struct Lot {
    lot: Digest,
    index: u64,
    leaf: Leaf,
}

/// A leaf that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Drawn {
    /// Its index.
    pub index: u64,
    /// Its kind.
    pub kind: &'static str,
}

impl Draw {
    /// Nothing drawn yet.
    pub fn new(lottery: Lottery) -> Self {
        Self { lottery, lots: BinaryHeap::new(), disclosures: 0 }
    }

    /// Looks at the next leaf. Only queries, answers and refusals are drawn: the rest commits to no message.
    pub fn leaf(&mut self, read: &Read<'_>) {
        let Lottery { root, size, count } = self.lottery;
        if read.index >= size || !matches!(read.leaf.body, LeafBody::Query { .. } | LeafBody::Answer { .. }) {
            return;
        }
        self.disclosures += 1;
        let lot = Digest::concat(&[Label::AUDIT_SAMPLE.as_bytes(), &[0], &root.0, &read.index.to_be_bytes()]);
        let beaten = |highest: &Lot| (lot, read.index) >= (highest.lot, highest.index);
        if count == 0 || self.lots.len() == count && self.lots.peek().is_some_and(beaten) {
            return;
        }
        self.lots.push(Lot { lot, index: read.index, leaf: read.leaf.clone() });
        if self.lots.len() > count {
            self.lots.pop();
        }
    }

    /// From which tree it is drawn.
    pub fn lottery(&self) -> &Lottery {
        &self.lottery
    }

    /// Queries, answers and refusals that there were.
    pub fn disclosures(&self) -> u64 {
        self.disclosures
    }

    /// The sample, in the order of the log.
    pub fn drawn(&self) -> Vec<Drawn> {
        let mut drawn: Vec<_> = self.lots.iter().map(|lot| Drawn { index: lot.index, kind: lot.leaf.body.kind() }).collect();
        drawn.sort();
        drawn
    }

    /// The leaves of the sample, by their index.
    pub fn into_leaves(self) -> BTreeMap<u64, Leaf> {
        self.lots.into_iter().map(|lot| (lot.index, lot.leaf)).collect()
    }
}

impl Ord for Lot {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.lot, self.index).cmp(&(other.lot, other.index))
    }
}

impl PartialOrd for Lot {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Lot {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Lot {}

#[cfg(test)]
mod tests {
    use creditbay_crypto::hash::Digest;
    use creditbay_protocol::leaf::Leaf;

    use super::{Draw, Lottery};
    use crate::log::sample::{abandoned, queries};
    use crate::log::walk::Read;

    fn drawn(root: u8, count: usize, entries: &[Vec<u8>]) -> Vec<u64> {
        let mut draw = Draw::new(Lottery { root: Digest([root; 32]), size: u64::MAX, count });
        for (index, entry) in (0..).zip(entries) {
            let leaf = Leaf::parse(entry).unwrap();
            draw.leaf(&Read { index, hash: leaf.hash(), leaf: &leaf });
        }
        draw.drawn().iter().map(|drawn| drawn.index).collect()
    }

    #[test]
    fn a_sample_follows_from_the_root_and_from_nothing_else() {
        let log = queries(1000);
        let sample = drawn(1, 20, &log);
        assert_eq!((sample.len(), sample.is_sorted()), (20, true));
        assert_eq!(sample, drawn(1, 20, &log));
        assert_ne!(sample, drawn(2, 20, &log), "another root draws others");
        assert!(drawn(1, 5, &log).iter().all(|index| sample.contains(index)), "a larger sample holds the smaller");
        assert!(sample[0] < 200 && sample[19] > 800, "it lies all over the log: {sample:?}");
    }

    #[test]
    fn what_commits_to_no_message_is_not_drawn_and_a_small_log_is_drawn_whole() {
        let mut log = queries(3);
        log.insert(1, abandoned(1_790_000_000_001, 0, "gz"));
        assert_eq!(drawn(1, 20, &log), [0, 2, 3]);
        assert_eq!(drawn(1, 0, &log), [0; 0]);
    }
}
