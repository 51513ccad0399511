//! How a log ends: every query that is still open is closed, then comes the leaf that retires the log, and nothing behind it
//! (PROTOCOL 35.5).
//!
//! The next log knows nothing of the queries of this one, so whatever is not closed here never would be. Not here: the next log's
//! beginning (`succession`).

use std::collections::BTreeMap;

use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Region;
use tokio::sync::oneshot;

use super::append::{Item, Writer};
use super::entry::Entry;
use super::fault::LogError;
use crate::store::log::{self as layout, RowError};

impl Writer {
    /// Where a batch has a leaf that retires the log: puts an `abandoned` leaf for every open query right before it, and takes off what
    /// came behind it.
    pub(super) fn end(&self, items: &mut Vec<Item>) -> Result<Option<Vec<Item>>, LogError> {
        let retires = |item: &Item| matches!(item, Item::Leaf { entry: Entry::Event(Event::LogRetired { .. }), .. });
        let Some(at) = items.iter().position(retires) else { return Ok(None) };
        let open = self.open_behind(&items[..at])?;
        let behind = items.split_off(at + 1);
        let closing = open.into_iter().map(|(query, issuer)| Item::Leaf {
            entry: Entry::Abandoned { query, issuer },
            spendings: Vec::new(),
            done: oneshot::channel().0,
        });
        items.splice(at..at, closing);
        Ok(Some(behind))
    }

    /// The queries that are open behind these items, each with whom it was put to.
    fn open_behind(&self, items: &[Item]) -> Result<BTreeMap<u64, Region>, LogError> {
        let mut open = BTreeMap::new();
        for index in &self.open {
            open.insert(*index, self.issuer_of(*index)?);
        }
        let mut index = self.head.size;
        for item in items {
            match item {
                Item::Leaf { entry, .. } => {
                    match entry {
                        Entry::Query(asked) => drop(open.insert(index, asked.query().issuer)),
                        Entry::Abandoned { query, .. } => drop(open.remove(query)),
                        _ => {}
                    }
                    index += 1;
                }
                Item::Receipt { query, .. } => drop(open.remove(query)),
            }
        }
        Ok(open)
    }

    /// Who was asked by a query of this log.
    pub(super) fn issuer_of(&self, query: u64) -> Result<Region, LogError> {
        let leaf = layout::read_leaves(&*self.shared.store, query, query + 1)?.pop();
        match leaf.and_then(|leaf| Leaf::parse(&leaf).ok()).map(|leaf| leaf.body) {
            Some(LeafBody::Query { terms, .. }) => Ok(terms.issuer),
            _ => Err(RowError::Missing { what: "leaf of a query", number: query }.into()),
        }
    }
}
