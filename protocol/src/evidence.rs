//! What must have happened before, as values that only that step can make (PROTOCOL 14).
//!
//! [`DurableHead`] says that a tree's leaves are on disk; only the log writer says so, after its flush and sync returned.
//! [`SignedHead`] is what its key signed of that. [`Committed`] is a leaf's place under a signed head, and the only thing that turns a
//! message into bytes for the wire (`requester`, `responder`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::{Inclusions, ProofError};
use creditbay_crypto::note::{NoteError, NoteSigner};

use crate::calendar::Millis;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::name::Origin;

/// A tree whose every leaf is durable.
#[derive(Debug, Clone, Copy)]
pub struct DurableHead(Checkpoint);

impl DurableHead {
    /// To be called by the log writer alone, after the store reported the batch durable. `tests/tidy.rs` holds every other file to it.
    pub fn after_flush(checkpoint: Checkpoint) -> Self {
        Self(checkpoint)
    }

    /// Signs the head with the log's key.
    pub fn sign(self, signer: &NoteSigner) -> Result<SignedHead, NoteError> {
        Ok(SignedHead(self.0.sign(signer)?))
    }
}

/// A durable head with the log's own signature.
#[derive(Debug, Clone)]
pub struct SignedHead(SignedCheckpoint);

impl SignedHead {
    /// The signed checkpoint.
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.0
    }

    /// A leaf's place under this head; the path must lead there.
    pub fn place(&self, leaf: Digest, time: Millis, index: u64, path: Vec<Digest>) -> Result<Committed, ProofError> {
        self.places().place(leaf, time, index, path)
    }

    /// The places of many leaves under this head, cheapest in the order of their index.
    pub fn places(&self) -> Places {
        let Checkpoint { origin, size, root } = *self.0.checkpoint();
        Places { origin, size, inclusions: Inclusions::under(size, root) }
    }
}

/// Places under one signed head; every path must lead there.
pub struct Places {
    origin: Origin,
    size: u64,
    inclusions: Inclusions,
}

impl Places {
    /// A leaf's place; the path must lead to the head.
    pub fn place(&mut self, leaf: Digest, time: Millis, index: u64, path: Vec<Digest>) -> Result<Committed, ProofError> {
        self.inclusions.verify(&leaf, index, &path)?;
        Ok(Committed { leaf, time, place: Place { origin: self.origin, index, size: self.size, path } })
    }
}

/// Where a leaf stands: which log, which index, under which size, by which path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The log.
    pub origin: Origin,
    /// The leaf's index.
    pub index: u64,
    /// The tree size that the path leads to.
    pub size: u64,
    /// RFC 9162 inclusion path, the leaf's sibling first.
    pub path: Vec<Digest>,
}

/// A leaf that is durable, under a head that its log signed.
#[derive(Debug, Clone)]
pub struct Committed {
    leaf: Digest,
    time: Millis,
    place: Place,
}

impl Committed {
    /// The leaf's hash.
    pub fn leaf(&self) -> &Digest {
        &self.leaf
    }
    /// The time that the leaf carries.
    pub fn time(&self) -> Millis {
        self.time
    }
    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }
}
