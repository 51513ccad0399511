//! Showing what commitments hide: a leaf that says so first, then the openings (PROTOCOL 32.2).
//!
//! Not here: who may ask for it (the operator's door), and what an auditor does with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use creditbay_protocol::erasure::{ErasedEntry, ErasedPart};
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::limits::{MAX_GROUND_BYTES, MAX_SHOWN};
use creditbay_protocol::name::Origin;
use creditbay_protocol::opening::{FieldOpening, Held, LeafOpening, OpeningFault, commitment};
use creditbay_protocol::shown::{Field, Shown};
use creditbay_protocol::wire;

use super::Exchange;
use super::erase::blocking;
use crate::log::entry::{Entry, Showing};
use crate::log::fault::LogError;
use crate::log::find;
use crate::log::rows::Row;
use crate::log::seals::Seals;
use crate::store::Store;
use crate::store::before::Before;
use crate::store::erasure as rows;
use crate::store::log::{self as layout, Head};

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// None, or too many.
    #[error("openings of 1 to {MAX_SHOWN} leaves are shown at a time; {0} were asked for")]
    Count(usize),
    /// No field.
    #[error("no field was asked for; name message, subject or operator")]
    NoField,
    /// No ground, or one too long.
    #[error("the ground takes 1 to {MAX_GROUND_BYTES} bytes; say for what the openings are shown")]
    Ground,
    /// No such leaf.
    #[error("the log has {size} leaves, and so none of index {index}")]
    NoLeaf {
        /// Which.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// No log of this region that the store holds.
    #[error(
        "this node has no log {0} whose leaves it can open: it is neither the current one nor one before it that the store holds"
    )]
    OtherLog(Origin),
    /// Rows are neither there nor erased.
    #[error(
        "what opens leaf {0} is not in the store, and no erasure took it; the store was damaged: restore it from where it was kept"
    )]
    Lost(u64),
    /// What is kept does not open the leaf.
    #[error("what is kept does not open its leaf: {0}; the store was damaged")]
    Damaged(OpeningFault),
    /// This node's log takes or gives nothing.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Exchange {
    /// Logs that these fields of these leaves are shown, and for what; then shows them, each proved against its leaf.
    pub async fn open(
        self: &Arc<Self>,
        indices: Vec<u64>,
        fields: &[Field],
        ground: String,
    ) -> Result<Vec<LeafOpening>, OpenError> {
        let size = self.log.head().signed().checkpoint().size;
        self.open_of(Of { origin: *self.log.origin(), size, back: None }, indices, fields, ground).await
    }

    /// The same of leaves of this log, or of one before it, whose sealed rows stay in the store.
    pub async fn open_in(
        self: &Arc<Self>,
        log: Origin,
        indices: Vec<u64>,
        fields: &[Field],
        ground: String,
    ) -> Result<Vec<LeafOpening>, OpenError> {
        if log == *self.log.origin() {
            return self.open(indices, fields, ground).await;
        }
        let before = self.log.ended()?.into_iter().find(|(_, head)| head.origin == log);
        let (back, Head { size, .. }) = before.ok_or(OpenError::OtherLog(log))?;
        self.open_of(Of { origin: log, size, back: Some(back) }, indices, fields, ground).await
    }

    async fn open_of(
        self: &Arc<Self>,
        of: Of,
        mut indices: Vec<u64>,
        fields: &[Field],
        ground: String,
    ) -> Result<Vec<LeafOpening>, OpenError> {
        indices.sort_unstable();
        indices.dedup();
        if indices.is_empty() || indices.len() > MAX_SHOWN {
            return Err(OpenError::Count(indices.len()));
        }
        if ground.trim().is_empty() || ground.len() > MAX_GROUND_BYTES {
            return Err(OpenError::Ground);
        }
        if fields.is_empty() {
            return Err(OpenError::NoField);
        }
        if let Some(index) = indices.iter().find(|index| **index >= of.size) {
            return Err(OpenError::NoLeaf { index: *index, size: of.size });
        }
        let seed = self.entropy.seed();
        let shown = Shown::of(&indices, fields, &ground, &seed).ok_or(OpenError::Count(indices.len()))?;
        let fields = shown.fields.members();
        let earlier = of.back.map(|_| of.origin);
        let appended = self.log.append(Entry::Showing(Arc::new(Showing { shown, seed, ground, earlier }))).await?;
        self.metrics.add("creditbay_openings_shown_total", &[], indices.len() as u64);
        let exchange = self.clone();
        let leaf = appended.committed.place().index;
        blocking(move || {
            let store = &**exchange.log.store();
            let before = of.back.map(|back| Before { store, back });
            let of_log: &dyn Store = before.as_ref().map_or(store, |before| before);
            let showing =
                OpenLog { of, store: of_log, newest: store, newest_log: *exchange.log.origin(), seals: &exchange.seals };
            Ok::<_, LogError>(showing.lines(&indices, &fields, leaf))
        })
        .await?
    }
}

/// Of which log leaves are shown.
#[derive(Clone, Copy)]
struct Of {
    origin: Origin,
    size: u64,
    /// How many logs back it is; `None` for this node's own.
    back: Option<u32>,
}

/// A log whose leaves are shown, as the store holds it.
struct OpenLog<'a> {
    of: Of,
    store: &'a dyn Store,
    /// The store as it is open for the newest log, and that log.
    newest: &'a dyn Store,
    newest_log: Origin,
    seals: &'a Seals,
}

impl OpenLog<'_> {
    fn lines(&self, indices: &[u64], fields: &[Field], shown: u64) -> Result<Vec<LeafOpening>, OpenError> {
        let mut erased = self.erased(indices)?;
        let mut lines = Vec::new();
        for index in indices {
            let leaf = leaf(self.store, *index, self.of.size)?;
            let wanted: Vec<Field> = fields.iter().copied().filter(|field| commitment(&leaf.body, *field).is_some()).collect();
            let (holds, erasure) = match erased.remove(index) {
                _ if wanted.is_empty() => (Held::Nothing, None),
                Some((held, erasure)) => (held, Some(erasure)),
                None => (Held::Fields(self.fields(*index, &wanted)?), None),
            };
            // A line proves what it says, by the code with which anybody checks it.
            let shown_in = self.of.back.map(|_| self.newest_log);
            let line = LeafOpening { shown_in, ..LeafOpening::new(self.of.origin, *index, shown, holds) };
            line.check(&leaf).map_err(OpenError::Damaged)?;
            erasure.map_or(Ok(()), |erasure| line.check_erased(&erasure)).map_err(OpenError::Damaged)?;
            lines.push(line);
        }
        Ok(lines)
    }

    fn fields(&self, index: u64, wanted: &[Field]) -> Result<Vec<FieldOpening>, OpenError> {
        let row = find::row(self.store, self.seals, index)?.ok_or(OpenError::Lost(index))?;
        let open = |field: &Field| field_of(&row, *field).ok_or(OpenError::Lost(index));
        wanted.iter().map(open).collect()
    }

    /// Which of these leaves were erased, by this log or one after it, each with the erasure's leaf.
    fn erased(&self, indices: &[u64]) -> Result<BTreeMap<u64, (Held, Leaf)>, LogError> {
        let mut found = BTreeMap::new();
        erased_by(self.newest, self.of.origin.number(), indices, &mut found)?;
        for back in 1..=self.of.back.unwrap_or(0) {
            erased_by(&Before { store: self.newest, back }, self.of.origin.number(), indices, &mut found)?;
        }
        for (held, _) in found.values_mut() {
            if let Held::Erased { log, .. } = held {
                *log = log.filter(|log| *log != self.of.origin);
            }
        }
        Ok(found)
    }
}

/// What the erasures of one log took of the leaves of another, or of itself.
fn erased_by(store: &dyn Store, log: u32, indices: &[u64], found: &mut BTreeMap<u64, (Held, Leaf)>) -> Result<(), LogError> {
    let Some(head) = layout::head(store)? else { return Ok(()) };
    let mut erasure = rows::erasure_after(store, None)?;
    while let Some(at) = erasure {
        let list = rows::list(store, at)?;
        let whole = |entry: &&ErasedEntry| entry.log == log && entry.part == ErasedPart::Exchange;
        for entry in list.iter().flat_map(|list| &list.entries).filter(whole) {
            if indices.binary_search(&entry.index).is_ok()
                && let Some(proof) = list.as_ref().and_then(|list| list.prove(log, entry.index))
            {
                let held = Held::Erased { log: Some(head.origin), leaf: at, proof };
                found.insert(entry.index, (held, leaf(store, at, head.size)?));
            }
        }
        erasure = rows::erasure_after(store, Some(at))?;
    }
    Ok(())
}

fn leaf(store: &dyn Store, index: u64, size: u64) -> Result<Leaf, LogError> {
    let leaf = layout::read_leaves(store, index, index + 1)?.pop().and_then(|leaf| Leaf::parse(&leaf).ok());
    leaf.ok_or(LogError::NoProof { index, size })
}

fn field_of(row: &Row, field: Field) -> Option<FieldOpening> {
    let (seed, bytes) = match (row, field) {
        (Row::Query { seed, query, .. }, Field::Message) => (seed, wire::encode(query)),
        (Row::Answer { seed, answer, .. }, Field::Message) => (seed, wire::encode(answer)),
        (Row::Query { seed, query, .. } | Row::Answer { seed, query, .. }, Field::Subject) => (seed, query.subject_bytes()),
        (Row::Query { seed, query, .. } | Row::Answer { seed, query, .. }, Field::Operator) => {
            (seed, wire::encode(&query.operator))
        }
        (Row::Declined { seed, subject, .. }, Field::Subject) => (seed, subject.clone()),
        (Row::Declined { seed, operator, .. }, Field::Operator) => (seed, wire::encode(operator)),
        (Row::Shown { seed, ground, .. }, Field::Message) => (seed, ground.as_bytes().to_vec()),
        (Row::Notice { seed, notice, .. }, Field::Message) => (seed, wire::encode(notice)),
        _ => return None,
    };
    Some(FieldOpening::of(field, seed, &bytes))
}
