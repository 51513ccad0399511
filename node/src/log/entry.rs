//! What can become a leaf, and what its author gets for it.

use std::sync::Arc;

use creditbay_crypto::secret::Seed;
use creditbay_protocol::event::Event;
use creditbay_protocol::evidence::{Committed, SignedHead};
use creditbay_protocol::name::Region;
use creditbay_protocol::query::Declined;
use creditbay_protocol::requester::Asked;
use creditbay_protocol::responder::Judged;

/// What can become a leaf.
#[derive(Clone)]
pub enum Entry {
    /// A query of this node's.
    Query(Arc<Asked>),
    /// An answer or a refusal of this node's.
    Answer(Arc<Judged>),
    /// A question that this node refused to ask, with the seed of its leaf.
    Declined(Arc<(Declined, Seed)>),
    /// A query of this log that will not be answered any more.
    Abandoned {
        /// Its index.
        query: u64,
        /// Who was asked.
        issuer: Region,
    },
    /// An act of the node or of its operator.
    Event(Event),
}

/// A leaf that is durable and signed over, with the head that says so.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The leaf's place, proved.
    pub committed: Committed,
    /// The head that it was proved under.
    pub head: Arc<SignedHead>,
}
