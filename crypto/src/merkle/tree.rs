//! Making roots and proofs (RFC 9162, 2.1.1, 2.1.3.1, 2.1.4.1), the frontier of a growing tree, and its right edge in memory.
//!
//! Everything is put together from the hashes of perfect subtrees, which a tree never changes once it has them. Deliberately not
//! here: where those hashes are kept (`Nodes` is the seam: memory, tiles, files), and verification (`verify`).

use std::collections::VecDeque;

use crate::hash::Digest;
use crate::merkle::{MAX_LEAVES, empty_root, levels, node_hash};

/// Where the hashes of perfect subtrees come from.
pub trait Nodes {
    /// Why a hash cannot be had.
    type Error;

    /// The hash of the perfect subtree over the leaves `index << level` up to, not including, `(index + 1) << level`.
    fn node(&self, level: u32, index: u64) -> Result<Digest, Self::Error>;
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// A leaf at or beyond the tree's end, or an old tree larger than the new one.
    #[error("position {index} is beyond a tree of {size} leaves; ask for one inside it, or for a larger tree")]
    OutOfRange {
        /// The leaf's index, or the old size.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// A hash could not be had.
    #[error("a hash of the tree is not there: {0}")]
    Nodes(E),
}

/// The root over the first `size` leaves.
pub fn root<N: Nodes>(size: u64, nodes: &N) -> Result<Digest, N::Error> {
    if size == 0 { Ok(empty_root()) } else { range(0, size, nodes) }
}

/// The path from leaf `index` to the root over `size` leaves, the leaf's sibling first. One allocation.
///
/// Fails with [`TreeError::OutOfRange`] if `index >= size`.
pub fn inclusion<N: Nodes>(index: u64, size: u64, nodes: &N) -> Result<Vec<Digest>, TreeError<N::Error>> {
    if index >= size {
        return Err(TreeError::OutOfRange { index, size });
    }
    let mut path = Vec::with_capacity(levels(size) as usize);
    climb(0, index, size, nodes, &mut path).map_err(TreeError::Nodes)?;
    Ok(path)
}

/// The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves. Empty for equal sizes, and for `old == 0`,
/// where nothing is to be proved.
///
/// Fails with [`TreeError::OutOfRange`] if `old > new`.
pub fn consistency<N: Nodes>(old: u64, new: u64, nodes: &N) -> Result<Vec<Digest>, TreeError<N::Error>> {
    if old > new {
        return Err(TreeError::OutOfRange { index: old, size: new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    // The smallest perfect subtree at the old tree's end; from there on the proof is that subtree's path in the new tree.
    let level = old.trailing_zeros();
    let index = (old >> level) - 1;
    let mut path = Vec::with_capacity(levels(new) as usize + 1);
    if index > 0 {
        path.push(nodes.node(level, index).map_err(TreeError::Nodes)?);
    }
    climb(level, index, new, nodes, &mut path).map_err(TreeError::Nodes)?;
    Ok(path)
}

/// Adds the siblings on the way from a perfect subtree up to the root over `size` leaves.
fn climb<N: Nodes>(level: u32, index: u64, size: u64, nodes: &N, path: &mut Vec<Digest>) -> Result<(), N::Error> {
    for (up, level) in (level..levels(size)).enumerate() {
        let sibling = (index >> up) ^ 1;
        let begin = sibling << level;
        // At the right edge a node has no sibling on this level and rises as it is; the last sibling to the right may be ragged.
        if begin >= size {
            continue;
        }
        let end = begin.saturating_add(1 << level).min(size);
        path.push(range(begin, end, nodes)?);
    }
    Ok(())
}

/// The hash over the leaves from `begin` to `end`, not empty; `begin` is a multiple of a power of two that is no less than their number.
fn range<N: Nodes>(begin: u64, end: u64, nodes: &N) -> Result<Digest, N::Error> {
    let last = |end: u64| {
        let level = (end - begin).trailing_zeros();
        nodes.node(level, (end >> level) - 1).map(|node| (node, end - (1 << level)))
    };
    let (mut hash, mut end) = last(end)?;
    while end > begin {
        let (left, rest) = last(end)?;
        hash = node_hash(&left, &hash);
        end = rest;
    }
    Ok(hash)
}

/// The roots of the perfect subtrees that a tree is made of: enough to add leaves and to know the root, not to prove anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Digest>,
}

impl Frontier {
    /// The frontier of a tree without leaves.
    pub const fn empty() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// A frontier from its parts, the largest subtree's root first; nothing if their number does not fit the size.
    pub fn from_roots(size: u64, roots: Vec<Digest>) -> Option<Self> {
        (size <= MAX_LEAVES && roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, the largest first: one for each set bit of the size.
    pub fn roots(&self) -> &[Digest] {
        &self.roots
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        self.add(0, leaf_hash);
    }

    /// Adds the 2^level leaves of a perfect subtree by its root; nothing is added, and false returned, where the tree does not end at
    /// the beginning of such a subtree.
    #[must_use]
    pub fn push_subtree(&mut self, level: u32, root: Digest) -> bool {
        let fits = level < u64::BITS && self.size.trailing_zeros() >= level;
        if fits {
            self.add(level, root);
        }
        fits
    }

    fn add(&mut self, level: u32, root: Digest) {
        let completed = (self.size >> level).trailing_ones() as usize;
        let kept = self.roots.len() - completed;
        let hash = self.roots.drain(kept..).rev().fold(root, |hash, left| node_hash(&left, &hash));
        self.roots.push(hash);
        self.size += 1 << level;
    }

    /// The tree's root.
    pub fn root(&self) -> Digest {
        let roots = self.roots.iter().rev().copied();
        roots.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

/// The right edge of a growing tree: its nodes from some leaf on, so that recent leaves are proved without touching the disk. [`Nodes`] is implemented for it, so [`inclusion`] proves every leaf at or after
/// [`Window::start`] at every size from there up to [`Window::size`], and [`consistency`] every pair of such sizes.
#[derive(Clone, Debug)]
pub struct Window {
    start: u64,
    size: u64,
    levels: Vec<Level>,
}

/// The hashes of one level, without gaps: those with the indices `start`, `start + 1`, and so on.
#[derive(Clone, Debug, Default)]
struct Level {
    start: u64,
    hashes: VecDeque<Digest>,
}

impl Level {
    fn get(&self, index: u64) -> Option<Digest> {
        let position = usize::try_from(index.checked_sub(self.start)?).ok()?;
        self.hashes.get(position).copied()
    }
}

/// A node that lies before the window or is not complete yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {index} of level {level} is not in the window from leaf {start} to {size}; read it from the stored tiles")]
pub struct MissingNode {
    /// The node's level.
    pub level: u32,
    /// Its index on the level.
    pub index: u64,
    /// The window's first leaf.
    pub start: u64,
    /// The tree's size.
    pub size: u64,
}

/// The first node of a level that a window from this leaf on needs. An odd one brings its left sibling: the frontier's root there.
const fn first_needed(level: u32, leaf_index: u64) -> u64 {
    (leaf_index >> level) & !1
}

impl Window {
    /// A window that begins at the end of a tree.
    pub fn from_frontier(frontier: &Frontier) -> Self {
        let size = frontier.size();
        let mut roots = frontier.roots().iter().rev();
        let levels = (0..u64::BITS - size.leading_zeros()).map(|level| {
            let root = if size >> level & 1 == 1 { roots.next() } else { None };
            Level { start: first_needed(level, size), hashes: root.into_iter().copied().collect() }
        });
        Self { start: size, size, levels: levels.collect() }
    }

    /// Adds a leaf by its hash, and every perfect subtree that it completes; two hashes are added per leaf on average.
    pub fn push(&mut self, leaf_hash: Digest) {
        let (mut index, mut hash) = (self.size, leaf_hash);
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Level::default());
            }
            let level = &mut self.levels[level];
            let left = level.hashes.back().copied();
            level.hashes.push_back(hash);
            if index & 1 == 0 {
                break;
            }
            hash = node_hash(&left.expect("invariant: a level keeps the left sibling of its next node"), &hash);
            index >>= 1;
        }
        self.size += 1;
    }

    /// The first leaf that can be proved, and the smallest size for which there are proofs.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root.
    pub fn root(&self) -> Digest {
        root(self.size, self).expect("invariant: a window holds the frontier of every size from its start on")
    }

    /// The hash of a perfect subtree, if the window holds it.
    pub fn node(&self, level: u32, index: u64) -> Option<Digest> {
        self.levels.get(level as usize)?.get(index)
    }

    /// The held nodes of a level from an index on, each with its index, in order. Nodes before the window are passed over: compare
    /// the first index if they matter.
    pub fn completed_since(&self, level: u32, from_index: u64) -> impl Iterator<Item = (u64, Digest)> + '_ {
        let level = self.levels.get(level as usize);
        level.into_iter().flat_map(move |level| {
            let skipped = from_index.saturating_sub(level.start);
            let skipped = usize::try_from(skipped).map_or(level.hashes.len(), |skipped| skipped.min(level.hashes.len()));
            (level.start + skipped as u64..).zip(level.hashes.range(skipped..).copied())
        })
    }

    /// Drops what no proof from this leaf or size on needs. A leaf beyond the tree counts as its end; an earlier start than the
    /// present one changes nothing.
    pub fn forget_before(&mut self, leaf_index: u64) {
        self.start = leaf_index.min(self.size).max(self.start);
        for (number, level) in (0..).zip(&mut self.levels) {
            let first = first_needed(number, self.start);
            while level.start < first && level.hashes.pop_front().is_some() {
                level.start += 1;
            }
        }
    }
}

impl Nodes for Window {
    type Error = MissingNode;

    fn node(&self, level: u32, index: u64) -> Result<Digest, MissingNode> {
        Window::node(self, level, index).ok_or(MissingNode { level, index, start: self.start, size: self.size })
    }
}

#[cfg(test)]
mod tests;
