//! What an erasure leaves in the log: on which ground, how it was chosen, and a commitment to what it erased (PROTOCOL 32.1).
//!
//! The leaf names no subject, and not the leaves either: leaves that were erased together may be about one company, and nobody is to
//! read that off the log. The commitment is the root of a small tree of salted entries, so that one entry can be proved without telling
//! the others. Not here: destroying anything (the node).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::merkle::tree::{Frontier, Window, inclusion};
use creditbay_crypto::merkle::verify::{ProofError, verify_inclusion};
use creditbay_crypto::merkle::{empty_root, leaf_hash};
use creditbay_crypto::secret::Seed;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::coded;
use crate::limits::MAX_ERASED;
use crate::name::Region;
use crate::wire;

coded! {
    /// On which ground something is erased.
    ErasureGround {
        /// The subject asked for it.
        SubjectRequest = 1 "subject_request",
        /// It was kept for as long as the rule pack says.
        RetentionOver = 2 "retention_over",
        /// An authority or a court ordered it.
        Order = 3 "order",
        /// The other side of the exchange erased its own.
        PeerNotice = 4 "peer_notice",
    }
}

coded! {
    /// Which part of what is kept of an exchange.
    ErasedPart {
        /// All of it: what opens the leaf, and the receipt.
        Exchange = 1 "exchange",
        /// The receipt of an answer alone; the leaf of its query can still be opened.
        Receipt = 2 "receipt",
    }
}

/// How what was erased was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ErasureScope {
    /// One leaf, by its index.
    Leaf,
    /// All exchanges about one subject, which is not named.
    Subject,
    /// All leaves of before a day.
    Before(Day),
    /// What the rule pack's periods were over for on a day.
    Retention(Day),
    /// What a peer's notice named.
    Notice {
        /// The peer.
        peer: Region,
        /// The hash of the notice's leaf in the peer's log.
        notice: Digest,
    },
    /// Records, and no leaf: those of one subject or person, who is not named, or those that were over. The list is empty.
    Records,
}

/// An erasure, as its leaf says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Erased {
    /// On which ground.
    pub ground: ErasureGround,
    /// How what is erased was chosen.
    pub scope: ErasureScope,
    /// Whether something of it could still be used: then the bytes are destroyed once the peers know.
    pub early: bool,
    /// How many entries the list has.
    pub count: u32,
    /// The root over the list's salted entries.
    pub list: Digest,
}

impl Erased {
    /// An erasure of records, which opens no leaf and closes none.
    pub fn of_records(ground: ErasureGround) -> Self {
        Self { ground, scope: ErasureScope::Records, early: false, count: 0, list: empty_root() }
    }
}

/// One entry of the list of what an erasure erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
pub struct ErasedEntry {
    /// The number of the leaf's log: that of the erasure's own log, or of one of its region that has ended.
    pub log: u32,
    /// The index of the leaf in that log.
    pub index: u64,
    /// What of it.
    pub part: ErasedPart,
}

/// What an erasure erased, with the seed of the salts.
#[derive(Encode, Decode)]
pub struct ErasureList {
    /// The seed.
    pub seed: Seed,
    /// The entries, in the order of their log and index.
    pub entries: Vec<ErasedEntry>,
}

/// That an erasure's list has an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureProof {
    /// The entry.
    pub entry: ErasedEntry,
    /// Where it stands in the list.
    pub position: u32,
    /// Its salt.
    pub salt: Digest,
    /// The way to the root, the sibling first.
    pub path: Vec<Digest>,
}

impl ErasureList {
    /// The root over the salted entries.
    pub fn root(&self) -> Digest {
        let mut frontier = Frontier::empty();
        for (position, entry) in (0u32..).zip(&self.entries) {
            frontier.push(entry_hash(&salt(&self.seed, position), position, entry));
        }
        frontier.root()
    }

    /// The leaf's words for this list.
    pub fn erased(&self, ground: ErasureGround, scope: ErasureScope, early: bool) -> Erased {
        debug_assert!(self.entries.len() <= MAX_ERASED);
        Erased { ground, scope, early, count: self.entries.len() as u32, list: self.root() }
    }

    /// That the list has an entry for this leaf; nothing where it has none.
    pub fn prove(&self, log: u32, index: u64) -> Option<ErasureProof> {
        let at = self.entries.binary_search_by_key(&(log, index), |entry| (entry.log, entry.index)).ok()?;
        let mut window = Window::from_frontier(&Frontier::empty());
        for (position, entry) in (0u32..).zip(&self.entries) {
            window.push(entry_hash(&salt(&self.seed, position), position, entry));
        }
        let path = inclusion(at as u64, self.entries.len() as u64, &window).ok()?;
        let position = at as u32;
        Some(ErasureProof { entry: self.entries[at], position, salt: salt(&self.seed, position), path })
    }
}

impl ErasureProof {
    /// Holds the proof against the erasure's leaf.
    pub fn verify(&self, erased: &Erased) -> Result<(), ProofError> {
        let hash = entry_hash(&self.salt, self.position, &self.entry);
        verify_inclusion(&hash, u64::from(self.position), u64::from(erased.count), &self.path, &erased.list)
    }
}

fn salt(seed: &Seed, position: u32) -> Digest {
    Digest::hmac(seed.expose(), &[Label::COMMIT_ERASURE.as_bytes(), &[0], &position.to_le_bytes()])
}

fn entry_hash(salt: &Digest, position: u32, entry: &ErasedEntry) -> Digest {
    let parts = [Label::COMMIT_ERASURE.as_bytes(), &[0], &salt.0, &position.to_le_bytes(), &wire::encode(entry)];
    leaf_hash(&parts.concat())
}
