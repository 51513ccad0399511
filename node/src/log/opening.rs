//! The rows of a batch as they are written: what opens each leaf, and the receipts (PROTOCOL 22.2).
//!
//! Not here: how rows are read, packed and sealed (`rows`).

use creditbay_protocol::evidence::Place;
use creditbay_protocol::query::Declined;
use creditbay_protocol::requester::Verified;
use creditbay_protocol::wire;

use super::entry::Entry;
use super::rows::RowRef;
use super::witness::Cosigned;

/// The row that opens an entry's leaf; none for a leaf that commits to nothing.
pub(super) fn row_of(entry: &Entry, index: u64) -> Option<Vec<u8>> {
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

/// The row of a receipt.
pub(super) fn encode_receipt(query: u64, verified: &Verified) -> Vec<u8> {
    let Place { origin, index, size, path } = verified.place();
    let (answer, seed, time) = (verified.answer(), verified.seed(), verified.time());
    wire::encode(&RowRef::Receipt { query, answer, seed, time, log: *origin, index: *index, size: *size, path })
}

/// The row of a note that receipts of its batch rest on.
pub(super) fn encode_note(note: &Cosigned) -> Vec<u8> {
    wire::encode(&RowRef::Note { log: note.log, size: note.size, note: &note.note })
}
