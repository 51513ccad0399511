//! An opening as a line of JSON: what one leaf's commitments hide, provable against the leaf alone (PROTOCOL 32.2).
//!
//! One line for one leaf, so that a file of any length is read line by line. Whoever holds a line and the leaf needs no key, no node and
//! no trust: a field opens its commitment, or it does not. Not here: the leaf's place in its log (`creditbay log verify`).

use creditbay_crypto::commit::Opening;
use creditbay_crypto::hash::{Digest, base64_decode, base64_encode};
use creditbay_crypto::merkle::verify::ProofError;
use creditbay_crypto::secret::Seed;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::erasure::{ErasedPart, ErasureProof};
use crate::event::Event;
use crate::identifier::{IDENTIFIER_BYTES, Identifier};
use crate::leaf::{Leaf, LeafBody};
use crate::limits::MAX_WIRE_BYTES;
use crate::name::{OperatorId, Origin};
use crate::notice::Notice;
use crate::query::Query;
use crate::shown::Field;
use crate::wire;

/// The format of the lines that this program writes and reads.
pub const FORMAT: &str = "creditbay-opening/1";

/// One line: what is said of one leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafOpening {
    /// [`FORMAT`].
    pub format: String,
    /// The log.
    pub log: Origin,
    /// The leaf's index.
    pub index: u64,
    /// The index of the leaf which says that this was shown.
    pub shown: u64,
    /// The log of that leaf, where it is a later one of the same region: a log that has ended says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_in: Option<Origin>,
    /// What is said.
    pub holds: Held,
}

/// What is said of a leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Fields that open.
    Fields(Vec<FieldOpening>),
    /// What opened it was erased: the index of the erasure's leaf, and the proof that its list has this one.
    Erased {
        /// The log of the erasure's leaf, where it is a later one of the same region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<Origin>,
        /// The erasure's leaf.
        leaf: u64,
        /// The proof.
        proof: ErasureProof,
    },
    /// The leaf commits to nothing that was asked for.
    Nothing,
}

/// One field.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldOpening {
    /// Which.
    pub field: Field,
    /// Its salt.
    pub salt: Digest,
    /// Its canonical bytes, in base64.
    pub bytes: String,
}

/// The content stays where it is.
impl std::fmt::Debug for FieldOpening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FieldOpening").field("field", &self.field).finish_non_exhaustive()
    }
}

/// What a field says, once it was held against its leaf.
#[derive(Clone, PartialEq, Eq)]
pub enum Revealed {
    /// The leaf's query.
    Query(Box<Query>),
    /// The leaf's answer.
    Answer(Box<Answer>),
    /// The leaf's notice of an erasure.
    Notice(Box<Notice>),
    /// For what openings were shown.
    Ground(String),
    /// The subject.
    Subject(Identifier),
    /// The digest of the report that a bearer brought.
    Report(Digest),
    /// The leaf hides that it names no subject: that of a question about a natural person.
    Nobody,
    /// Who asked.
    Operator(OperatorId),
}

/// Why a line does not open its leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningFault {
    /// Another format.
    #[error("the line says another format than {FORMAT}; use the version of this program that wrote it")]
    Format,
    /// Bytes that are not base64.
    #[error("the {0} of leaf {1} is not base64; get the opening again")]
    Base64(Field, u64),
    /// A field that the leaf does not commit to.
    #[error("leaf {1} commits to no {0}; the opening is of another leaf")]
    NoCommitment(Field, u64),
    /// The same field twice.
    #[error("the line opens the {0} of leaf {1} twice")]
    Twice(Field, u64),
    /// Salt and bytes do not give the commitment.
    #[error("the {0} does not open leaf {1}: it is forged, or of another leaf")]
    Forged(Field, u64),
    /// The bytes open the leaf but are no value of the field.
    #[error("the {0} opens leaf {1}, but its bytes are no {0}; the log's owner logged something else than it says")]
    Unreadable(Field, u64),
    /// The message opens the leaf, and says something else than the leaf says in clear.
    #[error("the message of leaf {0} says something else than the leaf says in clear; the log's owner logged what was not sent")]
    OtherTerms(u64),
    /// The erasure's leaf is no erasure.
    #[error("leaf {0} is said to be an erasure and is none")]
    NoErasure(u64),
    /// The erasure's list does not have the leaf.
    #[error("the erasure of leaf {erasure} does not have leaf {index} in its list: {error}")]
    NotErased {
        /// The erasure's leaf.
        erasure: u64,
        /// The leaf.
        index: u64,
        /// What is wrong.
        error: ProofError,
    },
    /// The erasure took another leaf, or a receipt alone.
    #[error("the proof is of another leaf than {0}, or of a receipt alone")]
    OtherEntry(u64),
    /// The erasure is said to stand in a log that cannot have taken the leaf.
    #[error("leaf {index} of {of} is said to be erased by a leaf of {log}, which is no later log of the same region")]
    OtherLog {
        /// The leaf.
        index: u64,
        /// Its log.
        of: Origin,
        /// The log that is named.
        log: Origin,
    },
}

impl FieldOpening {
    /// The opening of a field under its leaf's seed.
    pub fn of(field: Field, seed: &Seed, bytes: &[u8]) -> Self {
        let Opening { salt, bytes, .. } = Opening::of(seed, field.label(), bytes);
        Self { field, salt, bytes: base64_encode(&bytes) }
    }

    fn open(&self, index: u64, leaf: &Leaf) -> Result<Revealed, OpeningFault> {
        let bytes = base64_decode(&self.bytes).map_err(|_| OpeningFault::Base64(self.field, index))?;
        let commitment = commitment(&leaf.body, self.field).ok_or(OpeningFault::NoCommitment(self.field, index))?;
        let opening = Opening { label: self.field.label().as_str().to_owned(), salt: self.salt, bytes };
        if !opening.opens(&commitment) {
            return Err(OpeningFault::Forged(self.field, index));
        }
        let revealed = reveal(&leaf.body, self.field, &opening.bytes).ok_or(OpeningFault::Unreadable(self.field, index))?;
        if says_the_same(&leaf.body, &revealed) { Ok(revealed) } else { Err(OpeningFault::OtherTerms(index)) }
    }
}

impl LeafOpening {
    /// A line of the current format.
    pub fn new(log: Origin, index: u64, shown: u64, holds: Held) -> Self {
        Self { format: FORMAT.to_owned(), log, index, shown, shown_in: None, holds }
    }

    /// Holds what is said against the leaf; gives what each field says. For an erased leaf that is nothing: `check_erased` has the rest.
    pub fn check(&self, leaf: &Leaf) -> Result<Vec<Revealed>, OpeningFault> {
        if self.format != FORMAT {
            return Err(OpeningFault::Format);
        }
        let Held::Fields(fields) = &self.holds else { return Ok(Vec::new()) };
        let mut seen = Vec::new();
        let mut revealed = Vec::new();
        for opening in fields {
            if seen.contains(&opening.field) {
                return Err(OpeningFault::Twice(opening.field, self.index));
            }
            seen.push(opening.field);
            revealed.push(opening.open(self.index, leaf)?);
        }
        Ok(revealed)
    }

    /// The leaf of the erasure, where the line says that there is one: its log and index.
    pub fn erasure(&self) -> Option<(Origin, u64)> {
        match &self.holds {
            Held::Erased { log, leaf, .. } => Some((log.unwrap_or(self.log), *leaf)),
            Held::Fields(_) | Held::Nothing => None,
        }
    }

    /// Holds the word that the leaf was erased against the leaf of the erasure.
    pub fn check_erased(&self, erasure_leaf: &Leaf) -> Result<(), OpeningFault> {
        let Held::Erased { log, leaf, proof } = &self.holds else { return Ok(()) };
        if let Some(log) = log.filter(|log| log.owner() != self.log.owner() || log.number() <= self.log.number()) {
            return Err(OpeningFault::OtherLog { index: self.index, of: self.log, log });
        }
        let LeafBody::Event(Event::Erased(erased)) = &erasure_leaf.body else { return Err(OpeningFault::NoErasure(*leaf)) };
        let entry = &proof.entry;
        if (entry.log, entry.index, entry.part) != (self.log.number(), self.index, ErasedPart::Exchange) {
            return Err(OpeningFault::OtherEntry(self.index));
        }
        proof.verify(erased).map_err(|error| OpeningFault::NotErased { erasure: *leaf, index: self.index, error })
    }
}

/// The commitment of a leaf to a field, where it has one.
pub fn commitment(body: &LeafBody, field: Field) -> Option<Digest> {
    match (body, field) {
        (LeafBody::Query { commitments, .. } | LeafBody::Answer { commitments, .. }, Field::Message) => Some(commitments.message),
        (LeafBody::Query { commitments, .. } | LeafBody::Answer { commitments, .. }, Field::Subject) => Some(commitments.subject),
        (LeafBody::Query { commitments, .. } | LeafBody::Answer { commitments, .. }, Field::Operator) => {
            Some(commitments.operator)
        }
        (LeafBody::Declined { subject, .. }, Field::Subject) => Some(*subject),
        (LeafBody::Declined { operator, .. }, Field::Operator) => Some(*operator),
        (LeafBody::Event(Event::OpeningsShown(shown) | Event::EarlierOpeningsShown { shown, .. }), Field::Message) => {
            Some(shown.ground)
        }
        (LeafBody::Event(Event::ErasureNotified(notified)), Field::Message) => Some(notified.message),
        _ => None,
    }
}

fn reveal(body: &LeafBody, field: Field, bytes: &[u8]) -> Option<Revealed> {
    match (body, field) {
        (LeafBody::Query { .. }, Field::Message) => {
            wire::decode(bytes, MAX_WIRE_BYTES).ok().map(|query| Revealed::Query(Box::new(query)))
        }
        (LeafBody::Answer { .. }, Field::Message) => {
            wire::decode(bytes, MAX_WIRE_BYTES).ok().map(|answer| Revealed::Answer(Box::new(answer)))
        }
        (LeafBody::Event(Event::ErasureNotified(_)), Field::Message) => {
            wire::decode(bytes, MAX_WIRE_BYTES).ok().map(|notice| Revealed::Notice(Box::new(notice)))
        }
        (_, Field::Message) => String::from_utf8(bytes.to_vec()).ok().map(Revealed::Ground),
        (_, Field::Operator) => wire::decode(bytes, MAX_WIRE_BYTES).ok().map(Revealed::Operator),
        (_, Field::Subject) => match bytes.len() {
            0 => Some(Revealed::Nobody),
            32 => wire::decode(bytes, 32).ok().map(Revealed::Report),
            _ => wire::decode(bytes, IDENTIFIER_BYTES).ok().map(Revealed::Subject),
        },
    }
}

/// A message must say what its leaf says in clear.
fn says_the_same(body: &LeafBody, revealed: &Revealed) -> bool {
    match (body, revealed) {
        (LeafBody::Query { terms, .. }, Revealed::Query(said)) => *terms == said.terms(),
        (LeafBody::Answer { outcome, query, .. }, Revealed::Answer(said)) => {
            *outcome == said.reply.outcome() && *query == said.query
        }
        (LeafBody::Event(Event::ErasureNotified(notified)), Revealed::Notice(said)) => {
            notified.receiver == said.receiver
                && notified.ground == said.ground
                && usize::from(notified.count) == said.leaves.len()
        }
        _ => true,
    }
}
