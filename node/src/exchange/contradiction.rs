//! A peer whose log has two queries under one index: a fork, with both leaves, their proofs and the notes as evidence (PROTOCOL 31.4).
//!
//! The first was answered and is kept with the proof under which it came; the second has just been verified. What either asks stays
//! sealed: a leaf's hash says that it is another. Not here: two notes of one size (`log::seen`).

use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::fork::{Evidence, Position, Positions};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::responder::AskedHere;

use super::Exchange;
use crate::log::find;
use crate::log::rows::Row;

impl Exchange {
    /// Ends trust in the log of a query under whose index another one came before, which the leaf `answer` answers. Gives what the peer
    /// hears.
    pub(super) fn two_leaves(&self, asked: &AskedHere, answer: u64) -> Fault {
        let (origin, index) = (asked.place.origin, asked.place.index);
        match self.evidence_of_two(asked, answer) {
            Some(evidence) => {
                let what = format!("FORK: log {origin} has two leaves at index {index}, each under a tree that it signed");
                self.log.seen().trust().alarm(&origin, asked.place.size, &what, &evidence);
            }
            None => tracing::warn!(log = %origin, index, "another query came under this index before, and its proof is gone"),
        }
        Fault::OtherBytesUnderIndex
    }

    fn evidence_of_two(&self, asked: &AskedHere, answer: u64) -> Option<Evidence> {
        let (store, seals) = (&**self.log.store(), &*self.seals);
        let key = &self.directory.entry(asked.query.asker)?.log;
        let row = find::row(store, seals, answer).map_err(|error| self.refuse_leaf(&error)).ok()??;
        let Row::Answer { query, query_seed, query_time, query_log, query_size, query_path, .. } = row else { return None };
        let note =
            find::note(store, seals, answer, (&query_log, query_size)).map_err(|error| self.refuse_leaf(&error)).ok()??;
        let note = SignedCheckpoint::verify(&note, &query_log, key).ok()?;
        let first = Leaf::new(query_time, LeafBody::of_query(&query, &query_seed)).hash();
        let leaves = [Position { leaf: first, path: query_path }, Position { leaf: asked.leaf, path: asked.place.path.clone() }];
        Some(Evidence::of_leaves(key, [&note, &asked.note], Positions { index: asked.place.index, leaves }))
    }
}
