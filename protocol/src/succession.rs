//! How a log shows a peer that knew its predecessor that it goes on from it (PROTOCOL 35.6).
//!
//! The first leaf names the final note of the retired log. It counts if it stands first in the tree that the new log signed, and if the final
//! note is no older than, and consistent with, the newest that the verifier has seen. Not here: the new log's signature (`chain`), which
//! is checked next, and the stream (`control`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::verify::{ProofError, verify_consistency, verify_inclusion};

use crate::checkpoint::Checkpoint;
use crate::event::Event;
use crate::leaf::{Leaf, LeafBody};
use crate::name::Origin;

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
        "ORPHANED: leaves {last} to {seen} of {log} were seen, and its final note has {last}; the regions decide, by a signed directory"
    )]
    Orphaned {
        /// The retired log.
        log: Origin,
        /// The size that is called final.
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
}

/// The log before this one; `None` for the first of a region.
pub fn predecessor(origin: &Origin) -> Option<Origin> {
    Origin::new(origin.owner(), origin.number() - 1).ok()
}

impl Succession {
    /// Holds the first leaf against the tree that is shown and against the newest note seen of the log before it.
    pub fn check(&self, shown: &Checkpoint, seen: Option<&Checkpoint>) -> Result<(), SuccessionFault> {
        let Some(before) = predecessor(&shown.origin) else { return Ok(()) };
        let no_beginning = SuccessionFault::NoBeginning { expected: before };
        let leaf = Leaf::parse(&self.leaf).map_err(|_| no_beginning.clone())?;
        let LeafBody::Event(Event::LogBegun { predecessor: named, size, root }) = leaf.body else { return Err(no_beginning) };
        if named != before {
            return Err(no_beginning);
        }
        verify_inclusion(&leaf_hash(&self.leaf), 0, shown.size, &self.inclusion, &shown.root)
            .map_err(SuccessionFault::NotFirst)?;
        let Some(seen) = seen.filter(|seen| seen.size > 0) else { return Ok(()) };
        if seen.origin != before || seen.size > size {
            return Err(SuccessionFault::Orphaned { log: before, last: size, seen: seen.size });
        }
        verify_consistency(seen.size, &seen.root, size, &root, &self.consistency)
            .map_err(|proof| SuccessionFault::OtherHistory { log: before, proof })
    }
}
