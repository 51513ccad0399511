//! What proves that a log showed two histories, as a file that anybody can verify offline (PROTOCOL 31.4).
//!
//! Either two signed notes of one size with different roots, or two notes and two proofs that put different leaves at one position. A
//! proof of consistency that was withheld proves no fork: what was seen is kept all the same. Not here: who is told (`node::log::trust`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::{ProofError, verify_consistency, verify_inclusion};
use creditbay_crypto::note::{NoteError, NoteVerifier};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};

/// The format line of a file.
pub const FORMAT: &str = "creditbay/log-evidence/v1";

/// Why trust in a log was suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// Two histories.
    Fork,
    /// A larger tree without a proof that it continues the one seen. No fork is claimed.
    ConsistencyWithheld,
    /// This node's own log is smaller than a note that it signed.
    Rollback,
}

impl Alarm {
    /// Its name, as in files, metrics and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::ConsistencyWithheld => "consistency_withheld",
            Self::Rollback => "rollback",
        }
    }
}

/// A leaf at a position under a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The leaf's hash.
    pub leaf: Digest,
    /// Its inclusion path under the note, the sibling first.
    pub path: Vec<Digest>,
}

/// Two leaves at one position, the first under the first note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Positions {
    /// The position in the log.
    pub index: u64,
    /// What each note has there.
    pub leaves: [Position; 2],
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// [`FORMAT`].
    pub format: String,
    /// What was reported.
    pub alarm: Alarm,
    /// The key of the log, as whoever found it knew it. A verifier brings its own.
    pub log: String,
    /// The note that was seen first and the one that came later, byte for byte.
    pub notes: [String; 2],
    /// The proof of consistency that came with the later note.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<Digest>,
    /// Two leaves at one position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<Positions>,
}

/// What a file of evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The log signed two roots for one size: a fork.
    TwoRoots {
        /// The size.
        size: u64,
        /// Both roots.
        roots: [Digest; 2],
    },
    /// The log's two trees have different leaves at one position: a fork.
    TwoLeaves {
        /// The position.
        index: u64,
        /// The sizes of the two trees.
        sizes: [u64; 2],
    },
    /// Both notes are the log's, and no fork follows from them: the proof that came along does not hold.
    Unproved {
        /// The sizes of the two trees.
        sizes: [u64; 2],
        /// What is wrong with the proof.
        proof: ProofError,
    },
}

impl Finding {
    /// Whether it proves a fork.
    pub fn is_fork(&self) -> bool {
        !matches!(self, Self::Unproved { .. })
    }
}

/// Why a file is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// Another format line.
    #[error("format: the file says another format than {FORMAT}")]
    Format,
    /// The file names no verifier key.
    #[error("log: {0}")]
    Key(NoteError),
    /// The file names another key than the verifier's.
    #[error("log: the file is about another key than the one known for this log")]
    OtherKey,
    /// A note is not a checkpoint signed by the log.
    #[error("notes[{at}]: {error}")]
    Note {
        /// Which.
        at: usize,
        /// What is wrong.
        error: CheckpointError,
    },
    /// A leaf does not stand where the file says.
    #[error("positions.leaves[{at}]: {error}")]
    Position {
        /// Which.
        at: usize,
        /// What is wrong.
        error: ProofError,
    },
    /// The notes agree, so that nothing follows from them.
    #[error("the notes and proofs agree with one another; nothing follows from them")]
    NothingWrong,
}

impl Evidence {
    /// The notes of a log, with what came along.
    pub fn new(alarm: Alarm, log: &NoteVerifier, notes: [&SignedCheckpoint; 2], proof: &[Digest]) -> Self {
        Self {
            format: FORMAT.to_owned(),
            alarm,
            log: log.to_string(),
            notes: notes.map(|note| note.note().to_string()),
            proof: proof.to_vec(),
            positions: None,
        }
    }

    /// Two leaves at one position, each under its note.
    pub fn of_leaves(log: &NoteVerifier, notes: [&SignedCheckpoint; 2], positions: Positions) -> Self {
        Self { positions: Some(positions), ..Self::new(Alarm::Fork, log, notes, &[]) }
    }

    /// Verifies everything in the file with the log's key, and says what follows.
    pub fn verify(&self, log: &NoteVerifier) -> Result<Finding, EvidenceFault> {
        if self.format != FORMAT {
            return Err(EvidenceFault::Format);
        }
        if NoteVerifier::parse(&self.log).map_err(EvidenceFault::Key)? != *log {
            return Err(EvidenceFault::OtherKey);
        }
        let [first, second] = [self.read(0, log)?, self.read(1, log)?];
        if first.size == second.size && first.root != second.root {
            return Ok(Finding::TwoRoots { size: first.size, roots: [first.root, second.root] });
        }
        let sizes = [first.size, second.size];
        if let Some(positions) = &self.positions {
            for (at, (position, tree)) in positions.leaves.iter().zip([&first, &second]).enumerate() {
                verify_inclusion(&position.leaf, positions.index, tree.size, &position.path, &tree.root)
                    .map_err(|error| EvidenceFault::Position { at, error })?;
            }
            if positions.leaves[0].leaf != positions.leaves[1].leaf {
                return Ok(Finding::TwoLeaves { index: positions.index, sizes });
            }
        }
        let (old, new) = if first.size <= second.size { (first, second) } else { (second, first) };
        if old.size == 0 {
            return Err(EvidenceFault::NothingWrong);
        }
        match verify_consistency(old.size, &old.root, new.size, &new.root, &self.proof) {
            Ok(()) => Err(EvidenceFault::NothingWrong),
            Err(proof) => Ok(Finding::Unproved { sizes, proof }),
        }
    }

    fn read(&self, at: usize, log: &NoteVerifier) -> Result<Checkpoint, EvidenceFault> {
        let fault = |error| EvidenceFault::Note { at, error };
        let origin = log.name().as_str().parse().map_err(|_| fault(CheckpointError::Origin))?;
        let note = self.notes.get(at).map(String::as_bytes).unwrap_or_default();
        Ok(*SignedCheckpoint::verify(note, &origin, log).map_err(fault)?.checkpoint())
    }
}
