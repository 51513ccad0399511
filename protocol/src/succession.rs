//! How a log shows a peer that knew its predecessor that it goes on from it (PROTOCOL 35.6).
//!
//! The first leaf names the final note of the retired log. It counts if it stands first in the tree that the new log signed, and if the final
//! note is no older than, and consistent with, the newest that the verifier has seen. Where the end of the log before it was lost, it names
//! the range that the regions decided to give up (`orphaned`), and counts if the directory lists that very range and the newest note seen
//! lies in it. Not here: the new log's signature (`chain`), which is checked next, and the stream (`control`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::verify::{ProofError, verify_consistency, verify_inclusion};

use crate::checkpoint::Checkpoint;
use crate::event::Event;
use crate::leaf::{Leaf, LeafBody};
use crate::name::Origin;
use crate::orphaned::{OrphanedRange, OutsideRange};

/// The first leaf of a log that is not its region's first, with what proves it to a verifier that has seen the log before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// The first leaf, encoded.
    pub leaf: Vec<u8>,
    /// Its path to the root of the note that is shown with it.
    pub inclusion: Vec<Digest>,
    /// From the newest note of the retired log that the verifier has shown, to the final one; empty where it has shown none.
    pub consistency: Vec<Digest>,
}

/// Why a log is not taken for the one that goes on from the log that was known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionFault {
    /// The first leaf does not begin this log behind the one before it.
    #[error("its first leaf does not name the final note of {expected}")]
    NoBeginning {
        /// The log before it.
        expected: Origin,
    },
    /// The leaf is not the first of the tree that is shown.
    #[error("the leaf that is shown is not the first of its tree: {0}")]
    NotFirst(ProofError),
    /// The log that was known had grown beyond the note that is called final.
    #[error(
        "ORPHANED: {seen} leaves of {log} were seen, and what follows it knows of {last}; the regions decide, by a signed directory"
    )]
    Orphaned {
        /// The log before.
        log: Origin,
        /// The size that is called final, or the end of the range that the directory lists.
        last: u64,
        /// The size that was seen.
        seen: u64,
    },
    /// The final note is not of the history that was seen.
    #[error("FORK: the final note of {log} does not continue what was seen of it: {proof}")]
    OtherHistory {
        /// The retired log.
        log: Origin,
        /// What is wrong.
        proof: ProofError,
    },
    /// The note that the directory's range ends with is not the one that was seen.
    #[error("FORK: {log} signed another note of {size} leaves than the one with which its orphaned range ends")]
    OtherNote {
        /// The lost log.
        log: Origin,
        /// The size.
        size: u64,
    },
    /// What the first leaf says of the end of the log before it is not what the directory says.
    #[error(
        "ORPHANED: what its first leaf says of the end of {log} is not what the directory says; only a directory that the other regions \
         signed lets a log go on behind one whose end was lost"
    )]
    NotDecided {
        /// The log before.
        log: Origin,
    },
}

/// What the first leaf of a log says that it goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    /// The log before it.
    pub log: Origin,
    /// The leaves of that one that it goes on from.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// What was lost behind them, where that log has no end of its own.
    pub lost: Option<OrphanedRange>,
}

impl Beginning {
    /// What this event says, if it begins a log.
    pub fn of(event: &Event) -> Option<Self> {
        match event {
            Event::LogBegun { predecessor, size, root } => Some(Self { log: *predecessor, size: *size, root: *root, lost: None }),
            Event::LogBegunAfterLoss { range, .. } => {
                Some(Self { log: range.log, size: range.size, root: range.root, lost: Some(*range) })
            }
            _ => None,
        }
    }

    /// The same of an encoded leaf.
    pub fn of_leaf(leaf: &[u8]) -> Option<Self> {
        match Leaf::parse(leaf).ok()?.body {
            LeafBody::Event(event) => Self::of(&event),
            _ => None,
        }
    }
}

/// The log before this one; `None` for the first of a region.
pub fn predecessor(origin: &Origin) -> Option<Origin> {
    Origin::new(origin.owner(), origin.number() - 1).ok()
}

impl Succession {
    /// Holds the first leaf against the tree that is shown, against the newest note seen of the log before it, and against what the regions
    /// decided about the end of that one, if they did.
    pub fn check(
        &self,
        shown: &Checkpoint,
        seen: Option<&Checkpoint>,
        decided: Option<&OrphanedRange>,
    ) -> Result<(), SuccessionFault> {
        let Some(before) = predecessor(&shown.origin) else { return Ok(()) };
        let begun = Beginning::of_leaf(&self.leaf).filter(|begun| begun.log == before);
        let Beginning { size, root, lost, .. } = begun.ok_or(SuccessionFault::NoBeginning { expected: before })?;
        verify_inclusion(&leaf_hash(&self.leaf), 0, shown.size, &self.inclusion, &shown.root)
            .map_err(SuccessionFault::NotFirst)?;
        if lost.as_ref() != decided {
            return Err(SuccessionFault::NotDecided { log: before });
        }
        let Some(seen) = seen.filter(|seen| seen.size > 0) else { return Ok(()) };
        if seen.origin != before {
            return Err(SuccessionFault::Orphaned { log: before, last: size, seen: seen.size });
        }
        if seen.size > size {
            let range = lost.ok_or(SuccessionFault::Orphaned { log: before, last: size, seen: seen.size })?;
            return range.covers(seen).map_err(|outside| match outside {
                OutsideRange::OtherNote { size } => SuccessionFault::OtherNote { log: before, size },
                OutsideRange::Beyond { .. } | OutsideRange::OtherLog => {
                    SuccessionFault::Orphaned { log: before, last: range.seen, seen: seen.size }
                }
            });
        }
        verify_consistency(seen.size, &seen.root, size, &root, &self.consistency)
            .map_err(|proof| SuccessionFault::OtherHistory { log: before, proof })
    }
}
