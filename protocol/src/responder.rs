//! The steps of answering, each a type that only the step before it can make (PROTOCOL 18).
//!
//! `Received → Identified → Included → Fresh → Judged → bytes`. A step consumes the one before; there is no way round. Whatever fails
//! before `Fresh` is a fault and leaves no leaf. Not here: the rules, the replay table, the log.

use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::verify_inclusion;
use creditbay_crypto::secret::Seed;

use crate::answer::{Answer, Reply};
use crate::calendar::Millis;
use crate::chain::TrustedRoot;
use crate::checkpoint::SignedCheckpoint;
use crate::evidence::{Committed, Place};
use crate::frame::{self, Logged};
use crate::leaf::{Leaf, LeafBody};
use crate::limits::{FRESHNESS_MS, MAX_QUERY_LIFETIME_MS};
use crate::name::{Origin, Region};
use crate::query::Query;
use crate::refusal::{Fault, Refusal};

/// A query whose bytes were read; nothing is known about it yet.
pub struct Received(Logged<Query>);

impl Received {
    /// Reads a frame.
    pub fn parse(frame: &[u8]) -> Result<Self, Fault> {
        frame::decode(frame).map(Self)
    }

    /// The message is from the peer whose key the connection proved, out of that peer's log, and for this node.
    pub fn identify(self, me: Region, peer: Region, peer_log: &Origin) -> Result<Identified, Fault> {
        if self.0.message.asker != peer || self.0.place.origin != *peer_log {
            return Err(Fault::WrongSender);
        }
        if self.0.message.issuer != me {
            return Err(Fault::WrongReceiver);
        }
        Ok(Identified(self.0))
    }
}

/// A query from the peer that it names, for this node.
pub struct Identified(Logged<Query>);

impl Identified {
    /// The tree size whose checkpoint the next step needs.
    pub fn size(&self) -> u64 {
        self.0.place.size
    }

    /// The query's leaf stands in the sender's signed tree.
    pub fn include(self, root: &TrustedRoot) -> Result<Included, Fault> {
        let Logged { message, time, seed, place } = self.0;
        if *root.origin() != place.origin || root.size() != place.size {
            return Err(Fault::CheckpointMissing);
        }
        let leaf = Leaf::new(time, LeafBody::of_query(&message, &seed)).hash();
        verify_inclusion(&leaf, place.index, place.size, &place.path, root.root()).map_err(|_| Fault::ProofInvalid)?;
        Ok(Included(AskedHere { query: message, time, seed, leaf, place, note: root.note().clone() }))
    }
}

/// A query as the issuer holds it: with its leaf's place in the asker's log.
pub struct AskedHere {
    /// The question.
    pub query: Query,
    /// The time of its leaf.
    pub time: Millis,
    /// The seed of its leaf.
    pub seed: Seed,
    /// The hash of its leaf.
    pub leaf: Digest,
    /// Where the leaf stands in the asker's log.
    pub place: Place,
    /// The asker's note under which it stands there.
    pub note: Arc<SignedCheckpoint>,
}

/// A query that stands in its sender's log.
pub struct Included(AskedHere);

impl Included {
    /// The query is of now: not past its expiry, not from the future, not longer-lived than queries may be, and not older than the
    /// durable `watermark` below which replay keys were forgotten.
    pub fn fresh(self, now: Millis, watermark: Millis) -> Result<Fresh, Fault> {
        let AskedHere { query, time, .. } = &self.0;
        if query.expires.0.saturating_sub(time.0) > MAX_QUERY_LIFETIME_MS {
            return Err(Fault::LifetimeTooLong);
        }
        if time.0 > now.0.saturating_add(FRESHNESS_MS) {
            return Err(Fault::FromTheFuture);
        }
        if query.expires.0.saturating_add(FRESHNESS_MS) < now.0 || query.expires <= watermark {
            return Err(Fault::Expired);
        }
        Ok(Fresh(self.0))
    }
}

/// A query that may be judged, once.
pub struct Fresh(AskedHere);

impl Fresh {
    /// The query and where it stands.
    pub fn asked(&self) -> &AskedHere {
        &self.0
    }

    /// Pronounces the reply. From here the only way out is through the log.
    pub fn judge(self, reply: Reply, seed: Seed) -> Judged {
        let answer = Answer { query: self.0.leaf, reply };
        let body = LeafBody::of_answer(&self.0.query, &answer, &seed);
        Judged { asked: self.0, answer, seed, body }
    }
}

/// A reply that is pronounced but not released.
///
/// There is no way to its bytes but [`Judged::release`], which takes the log's word:
///
/// ```compile_fail
/// fn leak(judged: creditbay_protocol::responder::Judged) -> Vec<u8> {
///     judged.release()
/// }
/// ```
///
/// ```compile_fail
/// fn leak(judged: creditbay_protocol::responder::Judged) -> Vec<u8> {
///     creditbay_protocol::wire::encode(&judged)
/// }
/// ```
pub struct Judged {
    asked: AskedHere,
    answer: Answer,
    seed: Seed,
    body: LeafBody,
}

impl Judged {
    /// The answer's leaf at this time.
    pub fn leaf(&self, time: Millis) -> Leaf {
        Leaf::new(time, self.body.clone())
    }

    /// The query that was judged.
    pub fn asked(&self) -> &AskedHere {
        &self.asked
    }

    /// What was pronounced; to be kept sealed, and sent only by `release`.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// The seed of the answer's leaf, to be kept sealed.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// What is pronounced where this answer must not be released: a refusal of the same query, with a leaf of its own.
    pub fn refused_instead(&self, refusal: Refusal, seed: Seed) -> Self {
        let AskedHere { query, time, seed: query_seed, leaf, place, note } = &self.asked;
        let asked = AskedHere {
            query: query.clone(),
            time: *time,
            seed: Seed::from_bytes(*query_seed.expose()),
            leaf: *leaf,
            place: place.clone(),
            note: note.clone(),
        };
        Fresh(asked).judge(Reply::Refused(refusal), seed)
    }

    /// The bytes for the wire, in exchange for the proof that this answer's leaf is durable under a signed head.
    pub fn release(&self, committed: &Committed) -> Result<Vec<u8>, NotThisLeaf> {
        if self.leaf(committed.time()).hash() != *committed.leaf() {
            return Err(NotThisLeaf);
        }
        Ok(frame::encode(&self.answer, committed.time(), &self.seed, committed.place()))
    }
}

/// An answer of this log that was released before; kept so that asking twice gives one answer.
pub struct AnsweredBefore {
    /// The answer as it was pronounced.
    pub answer: Answer,
    /// The seed of its leaf.
    pub seed: Seed,
    /// The body of its leaf.
    pub body: LeafBody,
}

impl AnsweredBefore {
    /// The same answer under a fresh proof.
    pub fn release(&self, committed: &Committed) -> Result<Vec<u8>, NotThisLeaf> {
        if Leaf::new(committed.time(), self.body.clone()).hash() != *committed.leaf() {
            return Err(NotThisLeaf);
        }
        Ok(frame::encode(&self.answer, committed.time(), &self.seed, committed.place()))
    }
}

/// A proof was offered for another leaf than the message's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof is of another leaf than this message's")]
pub struct NotThisLeaf;
