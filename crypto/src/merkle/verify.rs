//! Checking proofs (RFC 9162, 2.1.3.2 and 2.1.4.2). For bytes from strangers: no panic, no work beyond the path's right length.
//!
//! Shares only the two hash functions with the producer. Deliberately not here: whether a root deserves trust (`protocol`).

use crate::hash::Digest;
use crate::merkle::node_hash;

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A leaf at or beyond the tree's end.
    #[error("leaf {index} is beyond a tree of {size} leaves; ask for the proof under a later checkpoint")]
    IndexBeyondSize {
        /// The leaf's index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// More or fewer hashes than this position has in a tree of this size.
    #[error("a proof of {found} hashes where exactly {expected} belong; ask for the proof again")]
    WrongLength {
        /// Hashes that belong there.
        expected: usize,
        /// Hashes that were given.
        found: usize,
    },
    /// The hashes do not lead to the root (in a proof of consistency: to the new root).
    #[error("the proof does not lead to the root; leaf, proof or root is not the log's, keep all three as evidence")]
    RootMismatch,
    /// The hashes of a proof of consistency do not lead to the old root.
    #[error("the proof does not lead to the old root; proof or root is not the log's, keep both as evidence")]
    OldRootMismatch,
    /// An old tree larger than the new one.
    #[error("the old tree has {old} leaves, more than the new one's {new}; compare them the other way round")]
    SizesReversed {
        /// Leaves of the old tree.
        old: u64,
        /// Leaves of the new tree.
        new: u64,
    },
    /// Two different roots for one size.
    #[error("two different roots for one tree of {size} leaves: if both are signed, that is a fork; keep both")]
    RootsDiffer {
        /// Leaves of both trees.
        size: u64,
    },
    /// An old tree without leaves: every tree continues it, so nothing can be proved.
    #[error("an empty tree is continued by every tree; take the first checkpoint with leaves as the start")]
    EmptyOldTree,
}

/// How many hashes the path of a leaf has in a tree of this size; nothing if the leaf is beyond it.
pub const fn path_len(index: u64, size: u64) -> Option<usize> {
    if index >= size {
        return None;
    }
    // Below the level where the ways of this leaf and of the last leaf meet, every level has a sibling; above it, only left ones.
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let left = if inner == u64::BITS { 0 } else { (index >> inner).count_ones() };
    Some((inner + left) as usize)
}

/// The root that a leaf's hash and path lead to. The caller compares it with a root that it trusts.
pub fn root_from_inclusion(leaf: &Digest, index: u64, size: u64, path: &[Digest]) -> Result<Digest, ProofError> {
    let expected = path_len(index, size).ok_or(ProofError::IndexBeyondSize { index, size })?;
    if path.len() != expected {
        return Err(ProofError::WrongLength { expected, found: path.len() });
    }
    let mut way = Way { node: index, last: size - 1 };
    Ok(path.iter().fold(*leaf, |hash, sibling| match way.step() {
        Side::Left => node_hash(sibling, &hash),
        Side::Right => node_hash(&hash, sibling),
    }))
}

/// Checks that the leaf with this hash stands at this index of the tree with this size and root.
pub fn verify_inclusion(leaf: &Digest, index: u64, size: u64, path: &[Digest], root: &Digest) -> Result<(), ProofError> {
    let computed = root_from_inclusion(leaf, index, size, path)?;
    if computed == *root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Checks paths of many leaves under one root, and takes no step twice: whether a way ends at the root depends on nothing but where it
/// stands, its hash there and the hashes that are left, so a way that comes to where the last one was ends where that one did.
pub struct Inclusions {
    size: u64,
    root: Digest,
    steps: Vec<(Way, Digest)>,
    path: Vec<Digest>,
}

impl Inclusions {
    /// Under the root of a tree of this size.
    pub fn under(size: u64, root: Digest) -> Self {
        Self { size, root, steps: Vec::new(), path: Vec::new() }
    }

    /// The same as [`verify_inclusion`], cheaper for leaves near the last one that was verified.
    pub fn verify(&mut self, leaf: &Digest, index: u64, path: &[Digest]) -> Result<(), ProofError> {
        let expected = path_len(index, self.size).ok_or(ProofError::IndexBeyondSize { index, size: self.size })?;
        if path.len() != expected {
            return Err(ProofError::WrongLength { expected, found: path.len() });
        }
        let mut steps = Vec::new();
        let (mut way, mut hash) = (Way { node: index, last: self.size - 1 }, *leaf);
        for (taken, sibling) in path.iter().enumerate() {
            if let Some(at) = self.met(&way, &hash, &path[taken..]) {
                self.steps.splice(..at, steps);
                self.path.splice(..at, path[..taken].iter().copied());
                return Ok(());
            }
            steps.push((way, hash));
            hash = match way.step() {
                Side::Left => node_hash(sibling, &hash),
                Side::Right => node_hash(&hash, sibling),
            };
        }
        if hash != self.root {
            return Err(ProofError::RootMismatch);
        }
        self.steps = steps;
        self.path = path.to_vec();
        Ok(())
    }

    /// The step of the last verified way that stood at the same place with the same hash and the same hashes left.
    fn met(&self, way: &Way, hash: &Digest, left: &[Digest]) -> Option<usize> {
        let at = self.path.len().checked_sub(left.len())?;
        let met = self.steps.get(at).is_some_and(|(stood, was)| stood == way && was == hash) && self.path[at..] == *left;
        met.then_some(at)
    }
}

/// Checks that the old tree is the beginning of the new one. For equal sizes the path is empty and the roots are equal. An old size of
/// 0 is refused, [`ProofError::EmptyOldTree`]: a caller that knows an empty tree has nothing to verify.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Digest,
    new_size: u64,
    new_root: &Digest,
    path: &[Digest],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::SizesReversed { old: old_size, new: new_size });
    }
    if old_size == 0 {
        return Err(ProofError::EmptyOldTree);
    }
    let expected = consistency_len(old_size, new_size);
    if path.len() != expected {
        return Err(ProofError::WrongLength { expected, found: path.len() });
    }
    if old_size == new_size {
        return if old_root == new_root { Ok(()) } else { Err(ProofError::RootsDiffer { size: old_size }) };
    }
    // An old tree that is one perfect subtree is where the way begins; of any other, the proof's first hash is.
    let (start, path) = match path {
        [first, rest @ ..] if !old_size.is_power_of_two() => (*first, rest),
        _ => (*old_root, path),
    };
    let level = old_size.trailing_zeros();
    let mut way = Way { node: (old_size - 1) >> level, last: (new_size - 1) >> level };
    let (mut old, mut new) = (start, start);
    for sibling in path {
        match way.step() {
            Side::Left => (old, new) = (node_hash(sibling, &old), node_hash(sibling, &new)),
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    match (old == *old_root, new == *new_root) {
        (false, _) => Err(ProofError::OldRootMismatch),
        (true, false) => Err(ProofError::RootMismatch),
        (true, true) => Ok(()),
    }
}

/// How many hashes a proof between these sizes has, `0 < old_size <= new_size`.
fn consistency_len(old_size: u64, new_size: u64) -> usize {
    if old_size == new_size {
        return 0;
    }
    let level = old_size.trailing_zeros();
    let way = path_len((old_size - 1) >> level, ((new_size - 1) >> level) + 1);
    way.unwrap_or_default() + usize::from(!old_size.is_power_of_two())
}

/// On which side of the way the next hash of a path stands.
enum Side {
    Left,
    Right,
}

/// A way from a node to the root: `fn` and `sn` of RFC 9162, 2.1.3.2. Valid for as many steps as the path has hashes.
///
/// The RFC lets a node at the right edge rise over the levels where it has no sibling. Here that is needless: once on the edge, all
/// hashes that are left stand on the left, and their number has been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Way {
    node: u64,
    last: u64,
}

impl Way {
    fn step(&mut self) -> Side {
        let left = self.node & 1 == 1 || self.node == self.last;
        self.node >>= 1;
        self.last >>= 1;
        if left { Side::Left } else { Side::Right }
    }
}

#[cfg(test)]
mod tests;
