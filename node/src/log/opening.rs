//! The rows of a batch as they are written: what opens each leaf, and the receipts (PROTOCOL 22.2).
//!
//! Not here: how rows are read, packed and sealed (`rows`).

use std::collections::BTreeSet;

use creditbay_protocol::evidence::Place;
use creditbay_protocol::name::Origin;
use creditbay_protocol::query::Declined;
use creditbay_protocol::requester::Verified;
use creditbay_protocol::wire;

use super::entry::Entry;
use super::rows::RowRef;
use super::witness::Cosigned;

/// The encoded rows of a batch, in their order.
#[derive(Default)]
pub(super) struct Rows {
    encoded: Vec<Vec<u8>>,
    /// Notes that receipts of the batch rest on, and notes under which queries came that it answers: by log and size.
    of_receipts: BTreeSet<(Origin, u64)>,
    of_queries: BTreeSet<(Origin, u64)>,
}

impl Rows {
    /// Adds what opens an entry's leaf, and the note under which came what it answers.
    pub(super) fn add(&mut self, entry: &Entry, index: u64) {
        if let Entry::Answer(judged) = entry {
            let signed = &judged.asked().note;
            let (log, size) = (signed.checkpoint().origin, signed.checkpoint().size);
            if self.of_queries.insert((log, size)) {
                self.encoded.push(wire::encode(&RowRef::Note { log, size, note: &signed.note_bytes() }));
            }
        }
        self.encoded.extend(row_of(entry, index));
    }

    /// Adds a receipt, and the cosigned note that it rests on.
    pub(super) fn add_receipt(&mut self, query: u64, verified: &Verified, note: &Cosigned) {
        if self.of_receipts.insert((note.log, note.size)) {
            self.encoded.push(wire::encode(&RowRef::Note { log: note.log, size: note.size, note: &note.note }));
        }
        let Place { origin, index, size, path } = verified.place();
        let (answer, seed, time) = (verified.answer(), verified.seed(), verified.time());
        let receipt = RowRef::Receipt { query, answer, seed, time, log: *origin, index: *index, size: *size, path };
        self.encoded.push(wire::encode(&receipt));
    }

    /// All of them.
    pub(super) fn encoded(&self) -> &[Vec<u8>] {
        &self.encoded
    }
}

/// The row that opens an entry's leaf; none for a leaf that commits to nothing.
fn row_of(entry: &Entry, index: u64) -> Option<Vec<u8>> {
    match entry {
        Entry::Query(asked) => Some(wire::encode(&RowRef::Query { index, seed: asked.seed(), query: asked.query() })),
        Entry::Answer(judged) => {
            let asked = judged.asked();
            Some(wire::encode(&RowRef::Answer {
                index,
                seed: judged.seed(),
                answer: judged.answer(),
                query: &asked.query,
                query_seed: &asked.seed,
                query_time: asked.time,
                query_log: asked.place.origin,
                query_index: asked.place.index,
                query_size: asked.place.size,
                query_path: &asked.place.path,
            }))
        }
        Entry::Declined(declined) => {
            let (Declined { subject, operator, refusal, .. }, seed) = &**declined;
            Some(wire::encode(&RowRef::Declined { index, seed, subject: &subject.canonical_bytes(), operator, refusal }))
        }
        Entry::Showing(showing) => Some(wire::encode(&RowRef::Shown { index, seed: &showing.seed, ground: &showing.ground })),
        Entry::Notice { noticed, .. } => {
            Some(wire::encode(&RowRef::Notice { index, seed: noticed.seed(), notice: noticed.notice() }))
        }
        Entry::Abandoned { .. } | Entry::Event(_) | Entry::Erasure(_) | Entry::RecordsErasure(_) => None,
    }
}
