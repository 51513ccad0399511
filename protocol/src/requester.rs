//! The steps of asking, each a type that only the step before it can make (PROTOCOL 19).
//!
//! `Asked → bytes`, then `Replied → Attributed → Verified`. What a service gets is made of a `Verified` and the log's word that the
//! receipt is durable (`node::exchange`). Not here: the rules, the log, the way to the peer.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::verify_inclusion;
use creditbay_crypto::secret::Seed;

use crate::answer::{Answer, Reply};
use crate::calendar::Millis;
use crate::chain::TrustedRoot;
use crate::evidence::{Committed, Place};
use crate::frame::{self, Logged};
use crate::leaf::{Leaf, LeafBody};
use crate::name::Origin;
use crate::query::Query;
use crate::refusal::Fault;
use crate::responder::NotThisLeaf;

/// A question on its way to the log.
pub struct Asked {
    query: Query,
    seed: Seed,
    body: LeafBody,
}

impl Asked {
    /// A question under a seed for its leaf.
    pub fn new(query: Query, seed: Seed) -> Self {
        let body = LeafBody::of_query(&query, &seed);
        Self { query, seed, body }
    }

    /// The query's leaf at this time.
    pub fn leaf(&self, time: Millis) -> Leaf {
        Leaf::new(time, self.body.clone())
    }

    /// The question.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The seed of its leaf, to be kept sealed.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The bytes for the wire, in exchange for the proof that this query's leaf is durable under a signed head.
    pub fn release(&self, committed: &Committed) -> Result<Vec<u8>, NotThisLeaf> {
        if self.leaf(committed.time()).hash() != *committed.leaf() {
            return Err(NotThisLeaf);
        }
        Ok(frame::encode(&self.query, committed.time(), &self.seed, committed.place()))
    }
}

/// A reply whose bytes were read; nothing is known about it yet.
pub struct Replied(Logged<Answer>);

impl Replied {
    /// Reads a frame.
    pub fn parse(frame: &[u8]) -> Result<Self, Fault> {
        frame::decode(frame).map(Self)
    }

    /// The reply is out of the asked peer's log, and to this question.
    pub fn attribute(self, asked: &Asked, query_leaf: &Digest, peer_log: &Origin) -> Result<Attributed, Fault> {
        if self.0.place.origin != *peer_log {
            return Err(Fault::WrongSender);
        }
        if self.0.message.query != *query_leaf {
            return Err(Fault::OtherQuestion);
        }
        if let Reply::Answered(verdicts) = &self.0.message.reply
            && verdicts.verdicts.len() != asked.query.predicates.as_slice().len()
        {
            return Err(Fault::OtherQuestion);
        }
        Ok(Attributed(self.0))
    }
}

/// A reply to this question, from the peer's log as it says.
pub struct Attributed(Logged<Answer>);

impl Attributed {
    /// The tree size whose checkpoint the next step needs.
    pub fn size(&self) -> u64 {
        self.0.place.size
    }

    /// The answer's leaf stands in the issuer's signed tree.
    pub fn include(self, asked: &Asked, root: &TrustedRoot) -> Result<Verified, Fault> {
        let Logged { message, time, seed, place } = self.0;
        if *root.origin() != place.origin || root.size() != place.size {
            return Err(Fault::CheckpointMissing);
        }
        let leaf = Leaf::new(time, LeafBody::of_answer(&asked.query, &message, &seed)).hash();
        verify_inclusion(&leaf, place.index, place.size, &place.path, root.root()).map_err(|_| Fault::ProofInvalid)?;
        Ok(Verified { answer: message, time, seed, leaf, place })
    }
}

/// An answer that stands in its issuer's log. Only [`Attributed::include`] makes one.
pub struct Verified {
    answer: Answer,
    time: Millis,
    seed: Seed,
    leaf: Digest,
    place: Place,
}

impl Verified {
    /// The answer.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }
    /// The time of its leaf.
    pub fn time(&self) -> Millis {
        self.time
    }
    /// The seed of its leaf.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }
    /// The hash of its leaf: the answer's identity.
    pub fn leaf(&self) -> &Digest {
        &self.leaf
    }
    /// Where it stands in the issuer's log.
    pub fn place(&self) -> &Place {
        &self.place
    }
}
