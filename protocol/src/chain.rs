//! The chain of checkpoints that one party has seen of one log, and what may follow (PROTOCOL 13).
//!
//! Two signed notes of one size with different roots are a fork, with both notes as evidence. A larger note without a proof of
//! consistency is *withheld*: trust is suspended, no fork is claimed. Not here: keeping it on disk (`node`), cosigning.

use std::collections::VecDeque;
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::{ProofError, verify_consistency};
use creditbay_crypto::note::NoteVerifier;

use crate::calendar::Millis;
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::limits::RECENT_ROOTS;
use crate::name::Origin;

/// A root of this log at this size that the log signed and that is consistent with all that was seen of it. Only a [`Chain`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedRoot {
    signed: Arc<SignedCheckpoint>,
    accepted: Millis,
}

impl TrustedRoot {
    /// Whose log.
    pub fn origin(&self) -> &Origin {
        &self.signed.checkpoint().origin
    }
    /// Leaves under the root.
    pub fn size(&self) -> u64 {
        self.signed.checkpoint().size
    }
    /// The root.
    pub fn root(&self) -> &Digest {
        &self.signed.checkpoint().root
    }
    /// The note that signs it.
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }
    /// The same, to be held on to.
    pub fn note(&self) -> &Arc<SignedCheckpoint> {
        &self.signed
    }
    /// When it was the largest tree seen of this log.
    pub fn accepted(&self) -> Millis {
        self.accepted
    }
}

/// Why a checkpoint does not continue a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// Not a checkpoint signed by this log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// One size, two roots, both signed: the log shows two histories. The notes are the evidence.
    #[error("FORK: log {} signed two roots at size {}", seen.checkpoint().origin, seen.checkpoint().size)]
    Fork {
        /// The note that was seen before.
        seen: Box<SignedCheckpoint>,
        /// The note that contradicts it.
        offered: Box<SignedCheckpoint>,
    },
    /// No valid proof that the offered tree continues the one seen.
    #[error("consistency_withheld: size {offered} offered after {seen}, without a proof that it continues it ({proof})")]
    Withheld {
        /// The size seen before.
        seen: u64,
        /// The size that was offered.
        offered: u64,
        /// What is wrong with the proof.
        proof: ProofError,
    },
    /// The proof begins at another size than the newest seen, which came by another connection meanwhile. Nobody is at fault: the
    /// connection begins anew, with a hello.
    #[error("the proof to size {offered} begins at {from}, and {seen} was seen meanwhile; the connection begins anew")]
    OutOfTurn {
        /// Where the proof begins.
        from: u64,
        /// The size seen meanwhile.
        seen: u64,
        /// The size that was offered.
        offered: u64,
    },
    /// Smaller than what was seen before.
    #[error("the log shows size {offered} after it had shown {seen}")]
    Shrunk {
        /// The size seen before.
        seen: u64,
        /// The size that was offered.
        offered: u64,
    },
}

impl ChainFault {
    /// The fault's name, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Checkpoint(error) => error.kind(),
            Self::Fork { .. } => "fork",
            Self::Withheld { .. } => "consistency_withheld",
            Self::OutOfTurn { .. } => "out_of_turn",
            Self::Shrunk { .. } => "shrunk",
        }
    }
}

/// What was seen of one log.
#[derive(Debug, Clone)]
pub struct Chain {
    origin: Origin,
    log: NoteVerifier,
    recent: VecDeque<TrustedRoot>,
}

impl Chain {
    /// Nothing seen yet of this log.
    pub fn unseen(origin: Origin, log: NoteVerifier) -> Self {
        Self { origin, log, recent: VecDeque::new() }
    }

    /// Goes on from a note that was kept.
    pub fn resume(origin: Origin, log: NoteVerifier, kept: &[u8], now: Millis) -> Result<Self, CheckpointError> {
        let newest = SignedCheckpoint::verify(kept, &origin, &log)?;
        let mut chain = Self::unseen(origin, log);
        chain.adopt(newest, now);
        Ok(chain)
    }

    /// The newest note seen.
    pub fn newest(&self) -> Option<&SignedCheckpoint> {
        self.recent.back().map(TrustedRoot::signed)
    }

    /// The size seen so far; 0 if nothing was.
    pub fn size(&self) -> u64 {
        self.recent.back().map_or(0, TrustedRoot::size)
    }

    /// Takes the next note: `proof` leads from the newest seen to it; for a note that was seen before, it is not looked at.
    pub fn advance(&mut self, note: &[u8], proof: &[Digest], now: Millis) -> Result<TrustedRoot, ChainFault> {
        let offered = SignedCheckpoint::verify(note, &self.origin, &self.log)?;
        let next = *offered.checkpoint();
        let Some(last) = self.recent.back() else { return Ok(self.adopt(offered, now)) };
        if next.size <= last.size() {
            return match self.root_at(next.size) {
                Some(same) if *same.root() == next.root => Ok(self.join(same, &offered)),
                Some(other) => Err(ChainFault::Fork { seen: Box::new(other.signed().clone()), offered: Box::new(offered) }),
                None => Err(ChainFault::Shrunk { seen: last.size(), offered: next.size }),
            };
        }
        if last.size() > 0 {
            verify_consistency(last.size(), last.root(), next.size, &next.root, proof).map_err(|proof| ChainFault::Withheld {
                seen: last.size(),
                offered: next.size,
                proof,
            })?;
        }
        Ok(self.adopt(offered, now))
    }

    /// The same for a proof that is known to begin at `from`, the last size that was exchanged on its connection.
    pub fn advance_from(&mut self, from: u64, note: &[u8], proof: &[Digest], now: Millis) -> Result<TrustedRoot, ChainFault> {
        let seen = self.size();
        if from != seen {
            let offered = SignedCheckpoint::verify(note, &self.origin, &self.log)?.checkpoint().size;
            if offered > seen {
                return Err(ChainFault::OutOfTurn { from, seen, offered });
            }
        }
        self.advance(note, proof, now)
    }

    /// The root at a size that was seen not long ago.
    pub fn root_at(&self, size: u64) -> Option<TrustedRoot> {
        let position = self.recent.binary_search_by_key(&size, TrustedRoot::size).ok()?;
        self.recent.get(position).cloned()
    }

    /// A note that is shown again may have gathered cosignatures meanwhile: they are kept with the root.
    fn join(&mut self, same: TrustedRoot, offered: &SignedCheckpoint) -> TrustedRoot {
        let Some(signed) = same.signed().joined(offered) else { return same };
        let root = TrustedRoot { signed: Arc::new(signed), accepted: same.accepted };
        if let Ok(position) = self.recent.binary_search_by_key(&root.size(), TrustedRoot::size) {
            self.recent[position] = root.clone();
        }
        root
    }

    fn adopt(&mut self, newest: SignedCheckpoint, now: Millis) -> TrustedRoot {
        if self.recent.len() == RECENT_ROOTS {
            self.recent.pop_front();
        }
        let root = TrustedRoot { signed: Arc::new(newest), accepted: now };
        self.recent.push_back(root.clone());
        root
    }
}
