//! The range of a log that was orphaned: its end was lost, others hold signed notes of it, and the regions decided from where the next
//! log goes on (PROTOCOL 35.8).
//!
//! A decision is a directory that the other regions signed; what stands here is what it says. Not here: the directory (`configs`), the
//! first leaf that names the range (`event`), what a verifier makes of both (`succession`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;

use crate::checkpoint::Checkpoint;
use crate::name::Origin;

/// What is known of the end of a log that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct OrphanedRange {
    /// The log that has no final note.
    pub log: Origin,
    /// The leaves that the next log goes on from; those from here on are orphaned. 0 where all are.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// The largest size of which another region holds a signed note.
    pub seen: u64,
    /// SHA-256 of that note's text (`note_digest`).
    pub note: Digest,
}

/// How a note of the lost log stands outside the range that the regions decided upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutsideRange {
    /// A larger note than the regions knew of.
    #[error("a note of {size} leaves was seen, and the range that the directory lists ends at {seen}")]
    Beyond {
        /// The note's size.
        size: u64,
        /// Where the range ends.
        seen: u64,
    },
    /// Another note of the same size.
    #[error("a note of {size} leaves was seen, and it is not the one of that size that the directory names")]
    OtherNote {
        /// The size.
        size: u64,
    },
    /// A note of another log.
    #[error("the note is of another log")]
    OtherLog,
}

impl OrphanedRange {
    /// SHA-256 of a note's text: origin, size and root, each on its line. Signatures are not in it, since a note gathers them.
    pub fn note_digest(checkpoint: &Checkpoint) -> Digest {
        Digest::of(checkpoint.text().as_bytes())
    }

    /// Whether a note that was seen, larger than what the next log goes on from, is one that the decision is about. Between the two
    /// sizes the leaves are lost, so no proof can tell.
    pub fn covers(&self, seen: &Checkpoint) -> Result<(), OutsideRange> {
        if seen.origin != self.log {
            return Err(OutsideRange::OtherLog);
        }
        if seen.size > self.seen {
            return Err(OutsideRange::Beyond { size: seen.size, seen: self.seen });
        }
        if seen.size == self.seen && Self::note_digest(seen) != self.note {
            return Err(OutsideRange::OtherNote { size: seen.size });
        }
        Ok(())
    }

    /// How many leaves were seen by others and are lost.
    pub fn lost(&self) -> u64 {
        self.seen - self.size
    }
}

impl std::fmt::Display for OrphanedRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { log, size, seen, .. } = self;
        match self.lost() {
            0 => write!(f, "{log}: it ended with no final note at {seen} leaves, none of which is lost"),
            1 => write!(f, "{log}: leaf {size}"),
            _ => write!(f, "{log}: leaves {size} to {}", seen - 1),
        }
    }
}
