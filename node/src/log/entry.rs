//! What can become a leaf, and what its author gets for it.

use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::erasure::{Erased, ErasureList};
use creditbay_protocol::event::Event;
use creditbay_protocol::evidence::{Committed, SignedHead};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::notice::Noticed;
use creditbay_protocol::query::Declined;
use creditbay_protocol::requester::Asked;
use creditbay_protocol::responder::Judged;
use creditbay_protocol::shown::Shown;

use crate::store::Batch;
use crate::store::erasure::{self as layout, Outgoing, ToTell};
use crate::store::records::erase::Order;

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
    /// An erasure, with what it erases.
    Erasure(Arc<Erasing>),
    /// An erasure of records, with the order to carry it out.
    RecordsErasure(Arc<RecordsErasure>),
    /// A notice of an erasure.
    Notice {
        /// The notice, with the seed of its leaf.
        noticed: Arc<Noticed>,
        /// The erasure that it tells.
        erasure: u64,
    },
    /// That openings are shown.
    Showing(Arc<Showing>),
}

impl Entry {
    /// What belongs into the batch of this entry's leaf beside what opens it: what an erasure erases and what a notice says, so that both
    /// are carried through whatever happens next.
    pub(super) fn write(&self, batch: &mut Batch, index: u64) {
        match self {
            Self::Erasure(erasing) => erasing.write(batch, index),
            Self::RecordsErasure(erasing) => {
                if let Some(order) = &erasing.order {
                    layout::set_records_order(batch, index, order);
                }
            }
            Self::Notice { noticed, erasure } => {
                let (seed, notice) = (Seed::from_bytes(*noticed.seed().expose()), noticed.notice().clone());
                layout::set_outgoing(batch, index, &Outgoing { erasure: *erasure, seed, notice });
            }
            _ => {}
        }
    }
}

/// An erasure and what belongs into the batch of its leaf.
pub struct Erasing {
    /// The leaf's words.
    pub erased: Erased,
    /// What is erased.
    pub list: ErasureList,
    /// The leaves of peers of which notices are to be made.
    pub told: Vec<ToTell>,
    /// The hash of the peer's notice that it answers.
    pub answers: Option<Digest>,
}

impl Erasing {
    /// The rows of the erasure whose leaf has this index.
    fn write(&self, batch: &mut Batch, index: u64) {
        layout::set_erasure(batch, index, &self.list, &self.told, self.erased.early);
        if let Some(notice) = &self.answers {
            layout::set_taken(batch, notice, index);
        }
    }
}

/// An erasure of records and what belongs into the batch of its leaf.
pub struct RecordsErasure {
    /// The leaf's words.
    pub erased: Erased,
    /// Whose records go; nothing where it is those whose time is over, which are found again.
    pub order: Option<Order>,
}

/// That openings are shown, and for what.
pub struct Showing {
    /// The leaf's words.
    pub shown: Shown,
    /// The seed of its salts.
    pub seed: Seed,
    /// For what, in the operator's words.
    pub ground: String,
    /// The log before this one, where the leaves are of that one.
    pub earlier: Option<Origin>,
}

impl Showing {
    fn event(&self) -> Event {
        let shown = self.shown;
        self.earlier.map_or(Event::OpeningsShown(shown), |log| Event::EarlierOpeningsShown { log, shown })
    }
}

impl Entry {
    /// Its leaf, at this time.
    pub fn leaf(&self, time: Millis) -> Leaf {
        match self {
            Self::Query(asked) => asked.leaf(time),
            Self::Answer(judged) => judged.leaf(time),
            Self::Declined(declined) => Leaf::new(time, LeafBody::of_declined(&declined.0, &declined.1)),
            Self::Abandoned { query, issuer } => Leaf::new(time, LeafBody::Abandoned { query: *query, issuer: *issuer }),
            Self::Event(event) => Leaf::new(time, LeafBody::Event(event.clone())),
            Self::Erasure(erasing) => Leaf::new(time, LeafBody::Event(Event::Erased(erasing.erased))),
            Self::RecordsErasure(erasing) => Leaf::new(time, LeafBody::Event(Event::Erased(erasing.erased))),
            Self::Notice { noticed, .. } => noticed.leaf(time),
            Self::Showing(showing) => Leaf::new(time, LeafBody::Event(showing.event())),
        }
    }
}

/// A leaf that is durable and signed over, with the head that says so.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The leaf's place, proved.
    pub committed: Committed,
    /// The head that it was proved under.
    pub head: Arc<SignedHead>,
}
