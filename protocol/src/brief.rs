//! A leaf in brief: when, from whom to whom, and how it refers to other leaves of its log (PROTOCOL 30).
//!
//! All that an audit of the order of leaves needs, a quarter of the leaf's size: whoever reads millions keeps no more of each. What a leaf
//! says beyond it stays in its bytes (`leaf`).

use creditbay_crypto::hash::Digest;

use crate::calendar::Millis;
use crate::event::Event;
use crate::leaf::{Leaf, LeafBody};
use crate::name::Region;
use crate::refusal::OutcomeClass;
use crate::succession::Beginning;
use crate::terms::Terms;

/// A leaf in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// Its time.
    pub time: Millis,
    /// The kind's name, as [`LeafBody::kind`] has it.
    pub kind: &'static str,
    /// Who sent its message, or would have.
    pub sender: Option<Region>,
    /// Who was to get it.
    pub receiver: Option<Region>,
    /// How it refers to other leaves.
    pub refers: Refers,
}

/// How a leaf refers to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refers {
    /// A query: others refer to it.
    Asks,
    /// Answers a query of another log, by the hash of its leaf.
    Answers(Digest),
    /// Nothing was sent.
    Declines,
    /// Gives up this leaf, a query to its receiver.
    Abandons(u64),
    /// Takes back this answer, in whose place a refusal goes out.
    Withholds(u64),
    /// Goes on from another log.
    Begins(Box<Beginning>),
    /// Ends the log.
    Retires,
    /// To none.
    Nothing,
}

impl Brief {
    /// A leaf in brief.
    pub fn of(leaf: &Leaf) -> Self {
        let time = leaf.time;
        match &leaf.body {
            LeafBody::Query { terms, .. } => Self::of_query(time, terms),
            LeafBody::Answer { terms, outcome, query, .. } => Self::of_answer(time, terms, *outcome, *query),
            body => {
                let (sender, receiver, refers) = match body {
                    LeafBody::Declined { asker, issuer, .. } => (Some(*asker), *issuer, Refers::Declines),
                    LeafBody::Abandoned { query, issuer } => (None, Some(*issuer), Refers::Abandons(*query)),
                    LeafBody::Event(event) => (None, None, of_event(event)),
                    LeafBody::Query { .. } | LeafBody::Answer { .. } => (None, None, Refers::Nothing),
                };
                Self { time, kind: body.kind(), sender, receiver, refers }
            }
        }
    }

    pub(crate) fn of_query(time: Millis, terms: &Terms) -> Self {
        Self { time, kind: "query", sender: Some(terms.asker), receiver: Some(terms.issuer), refers: Refers::Asks }
    }

    pub(crate) fn of_answer(time: Millis, terms: &Terms, outcome: OutcomeClass, query: Digest) -> Self {
        let kind = if outcome == OutcomeClass::Answered { "answer" } else { "refusal" };
        Self { time, kind, sender: Some(terms.issuer), receiver: Some(terms.asker), refers: Refers::Answers(query) }
    }
}

fn of_event(event: &Event) -> Refers {
    match event {
        Event::Withheld { answer } => Refers::Withholds(*answer),
        Event::LogRetired { .. } => Refers::Retires,
        _ => Beginning::of(event).map_or(Refers::Nothing, |begins| Refers::Begins(Box::new(begins))),
    }
}
