//! Showing what commitments hide: a leaf that says so first, then the openings (PROTOCOL 32.2).
//!
//! Not here: who may ask for it (the operator's door), and what an auditor does with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use creditbay_protocol::erasure::{ErasedPart, ErasureProof};
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::limits::{MAX_GROUND_BYTES, MAX_SHOWN};
use creditbay_protocol::opening::{FieldOpening, Held, LeafOpening, OpeningFault, commitment};
use creditbay_protocol::shown::{Field, Shown};
use creditbay_protocol::wire;

use super::Exchange;
use super::erase::blocking;
use crate::log::entry::{Entry, Showing};
use crate::log::fault::LogError;
use crate::log::rows::Row;
use crate::store::erasure as rows;
use crate::store::log as layout;

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
        let size = self.log.head().signed().checkpoint().size;
        if let Some(index) = indices.iter().find(|index| **index >= size) {
            return Err(OpenError::NoLeaf { index: *index, size });
        }
        let seed = self.entropy.seed();
        let shown = Shown::of(&indices, fields, &ground, &seed).ok_or(OpenError::Count(indices.len()))?;
        let fields = shown.fields.members();
        let appended = self.log.append(Entry::Showing(Arc::new(Showing { shown, seed, ground }))).await?;
        self.metrics.add("creditbay_openings_shown_total", &[], indices.len() as u64);
        let exchange = self.clone();
        let leaf = appended.committed.place().index;
        blocking(move || Ok::<_, LogError>(exchange.lines(&indices, &fields, leaf))).await?
    }

    fn lines(&self, indices: &[u64], fields: &[Field], shown: u64) -> Result<Vec<LeafOpening>, OpenError> {
        let mut erased = self.erased(indices)?;
        let mut lines = Vec::new();
        for index in indices {
            let leaf = self.leaf(*index)?;
            let wanted: Vec<Field> = fields.iter().copied().filter(|field| commitment(&leaf.body, *field).is_some()).collect();
            let holds = match erased.remove(index) {
                _ if wanted.is_empty() => Held::Nothing,
                Some((leaf, proof)) => Held::Erased { leaf, proof },
                None => Held::Fields(self.fields(*index, &wanted)?),
            };
            lines.push(self.proved(LeafOpening::new(*self.log.origin(), *index, shown, holds), &leaf)?);
        }
        Ok(lines)
    }

    /// A line that proves what it says, by the code with which anybody checks it.
    fn proved(&self, line: LeafOpening, leaf: &Leaf) -> Result<LeafOpening, OpenError> {
        line.check(leaf).map_err(OpenError::Damaged)?;
        if let Held::Erased { leaf: erasure, .. } = &line.holds {
            line.check_erased(&self.leaf(*erasure)?).map_err(OpenError::Damaged)?;
        }
        Ok(line)
    }

    fn fields(&self, index: u64, wanted: &[Field]) -> Result<Vec<FieldOpening>, OpenError> {
        let row = match self.row(index) {
            // Sealed anew between reading and opening: the row is read again.
            Err(LogError::KeyGone { .. }) => self.row(index)?,
            row => row?,
        };
        let row = row.ok_or(OpenError::Lost(index))?;
        let open = |field: &Field| field_of(&row, *field).ok_or(OpenError::Lost(index));
        wanted.iter().map(open).collect()
    }

    fn row(&self, index: u64) -> Result<Option<Row>, LogError> {
        let store = &**self.log.store();
        let mut page = layout::sealed_from(store, index)?;
        while let Some(end) = page.last() {
            for sealed in &page {
                if sealed.size > index {
                    return Ok(None);
                }
                if let Some(row) = self.seals.open(sealed)?.into_iter().find(|row| row.opens() == Some(index)) {
                    return Ok(Some(row));
                }
            }
            page = layout::sealed_after(store, end)?;
        }
        Ok(None)
    }

    /// Which of these leaves were erased, each with the erasure's leaf and the proof.
    fn erased(&self, indices: &[u64]) -> Result<BTreeMap<u64, (u64, ErasureProof)>, LogError> {
        let store = &**self.log.store();
        let (mut found, mut erasure) = (BTreeMap::new(), rows::erasure_after(store, None)?);
        while let Some(leaf) = erasure {
            if let Some(list) = rows::list(store, leaf)? {
                for entry in list.entries.iter().filter(|entry| entry.part == ErasedPart::Exchange) {
                    if indices.binary_search(&entry.index).is_ok()
                        && let Some(proof) = list.prove(entry.index)
                    {
                        found.insert(entry.index, (leaf, proof));
                    }
                }
            }
            erasure = rows::erasure_after(store, Some(leaf))?;
        }
        Ok(found)
    }
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
