//! A leaf: what an auditor may read of a message, and commitments to the rest (PROTOCOL 10).
//!
//! `leaf = version · time · body`, at most 448 bytes. A commitment is `SHA-256(label · 0 · salt · bytes)` with the salt derived from one
//! seed per leaf, so each field opens alone. Not here: the seed's keeping (the node's log) and the tree (`crypto::merkle`).

use bincode::{Decode, Encode};
use creditbay_crypto::commit::commit;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::secret::Seed;

use crate::answer::Answer;
use crate::calendar::Millis;
use crate::event::Event;
use crate::identifier::SubjectKind;
use crate::limits::{MAX_LEAF_BYTES, PROTOCOL_VERSION};
use crate::name::{OrganisationId, Region};
use crate::predicate::{Predicates, Purpose};
use crate::query::{Declined, Query};
use crate::refusal::{OutcomeClass, RefusalClass};
use crate::terms::Terms;
use crate::wire::{self, WireError};

/// The commitments of a leaf that belongs to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Commitments {
    /// To the message.
    pub message: Digest,
    /// To the subject's identifier.
    pub subject: Digest,
    /// To the operator who asked.
    pub operator: Digest,
}

/// What a leaf records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum LeafBody {
    /// A query left this node.
    Query {
        /// What it says in clear.
        terms: Terms,
        /// What it says otherwise.
        commitments: Commitments,
    },
    /// An answer or a refusal left this node.
    Answer {
        /// The query's terms.
        terms: Terms,
        /// How it ended.
        outcome: OutcomeClass,
        /// The hash of the query's leaf in the asker's log.
        query: Digest,
        /// What it says otherwise.
        commitments: Commitments,
    },
    /// This node refused to ask; nothing left it.
    Declined {
        /// The region of this node.
        asker: Region,
        /// Who would have been asked.
        issuer: Option<Region>,
        /// For whom.
        organisation: OrganisationId,
        /// What for.
        purpose: Purpose,
        /// What kind of subject.
        subject_kind: SubjectKind,
        /// The pack that was active.
        pack: Digest,
        /// What would have been asked.
        predicates: Predicates,
        /// Why not.
        class: RefusalClass,
        /// To the subject's identifier; to nothing where it is a natural person's.
        subject: Digest,
        /// To the operator who wanted to ask.
        operator: Digest,
    },
    /// A query of this log was never answered and no longer will be.
    Abandoned {
        /// The query's index in this log.
        query: u64,
        /// Who was asked.
        issuer: Region,
    },
    /// Something that is no message.
    Event(Event),
}

impl LeafBody {
    /// The kind's name, as in reports and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Query { .. } => "query",
            Self::Answer { outcome: OutcomeClass::Answered, .. } => "answer",
            Self::Answer { .. } => "refusal",
            Self::Declined { .. } => "declined",
            Self::Abandoned { .. } => "abandoned",
            Self::Event(event) => event.kind(),
        }
    }

    /// The body for a query under this seed.
    pub fn of_query(query: &Query, seed: &Seed) -> Self {
        Self::Query { terms: query.terms(), commitments: commitments(seed, &wire::encode(query), query) }
    }

    /// The body for an answer to this query under this seed.
    pub fn of_answer(query: &Query, answer: &Answer, seed: &Seed) -> Self {
        Self::Answer {
            terms: query.terms(),
            outcome: answer.reply.outcome(),
            query: answer.query,
            commitments: commitments(seed, &wire::encode(answer), query),
        }
    }

    /// The body for a question that was not asked.
    pub fn of_declined(declined: &Declined, seed: &Seed) -> Self {
        Self::Declined {
            asker: declined.asker,
            issuer: declined.issuer,
            organisation: declined.organisation,
            purpose: declined.purpose,
            subject_kind: declined.subject.kind(),
            pack: declined.pack,
            predicates: declined.predicates.clone(),
            class: declined.refusal.class(),
            subject: commit(seed, Label::COMMIT_SUBJECT, &declined.subject.canonical_bytes()),
            operator: commit(seed, Label::COMMIT_OPERATOR, &wire::encode(&declined.operator)),
        }
    }
}

fn commitments(seed: &Seed, message: &[u8], query: &Query) -> Commitments {
    Commitments {
        message: commit(seed, Label::COMMIT_MESSAGE, message),
        subject: commit(seed, Label::COMMIT_SUBJECT, &query.subject_bytes()),
        operator: commit(seed, Label::COMMIT_OPERATOR, &wire::encode(&query.operator)),
    }
}

/// One entry of a disclosure log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Leaf {
    version: u16,
    /// UTC milliseconds, never less than the leaf's before it.
    pub time: Millis,
    /// What it records.
    pub body: LeafBody,
}

/// Why bytes are no leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not the canonical bytes of a leaf.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A version that this program does not know.
    #[error("leaf version {0}; this program reads version {PROTOCOL_VERSION}: use a newer one")]
    Version(u16),
}

impl Leaf {
    /// A leaf of the current version.
    pub fn new(time: Millis, body: LeafBody) -> Self {
        Self { version: PROTOCOL_VERSION, time, body }
    }

    /// The bytes that stand in the log.
    pub fn bytes(&self) -> Vec<u8> {
        let bytes = wire::encode(self);
        debug_assert!(bytes.len() <= MAX_LEAF_BYTES, "a leaf of {} bytes", bytes.len());
        bytes
    }

    /// Reads a leaf from the bytes that stand in a log.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        let leaf: Self = wire::decode(bytes, MAX_LEAF_BYTES)?;
        if leaf.version == PROTOCOL_VERSION { Ok(leaf) } else { Err(LeafError::Version(leaf.version)) }
    }

    /// RFC 9162 leaf hash of the bytes.
    pub fn hash(&self) -> Digest {
        leaf_hash(&self.bytes())
    }
}
