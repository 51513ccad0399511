//! One city's log as its durable store shows it, leaf by leaf: it grows, never changes, and its root is what its head says.
//!
//! Not here: what the leaves mean (`rules`).

use std::collections::{BTreeMap, BTreeSet};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::merkle::tree::Frontier;
use creditbay_node::log::rows::Row;
use creditbay_node::log::seals::Seals;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::log::{self as layout, SealedRows};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Origin;

/// A log, as it was seen to grow.
pub(crate) struct History {
    /// Which log.
    pub(crate) origin: Origin,
    /// Every leaf.
    pub(crate) leaves: Vec<Leaf>,
    /// The hash of every leaf.
    pub(crate) hashes: Vec<Digest>,
    /// Queries that have neither a receipt nor an `abandoned` leaf.
    pub(crate) open: BTreeSet<u64>,
    /// Receipts: the answer's leaf, and the query's index.
    pub(crate) receipts: BTreeMap<Digest, u64>,
    /// The root at every size.
    roots: Vec<Digest>,
    frontier: Frontier,
    newest_rows: Option<SealedRows>,
    seals: Seals,
}

/// What a look at the store brought.
#[derive(Default)]
pub(crate) struct News {
    /// The index of the first new leaf.
    pub(crate) first: u64,
    /// Rows that were written since the last look, as they lie there and opened.
    pub(crate) rows: Vec<(SealedRows, Vec<Row>)>,
    /// What is wrong with the log.
    pub(crate) faults: Vec<String>,
}

impl History {
    /// A log of which nothing was seen; its rows open with these keys.
    pub(crate) fn unseen(origin: Origin, seals: Seals) -> Self {
        Self {
            origin,
            leaves: Vec::new(),
            hashes: Vec::new(),
            open: BTreeSet::new(),
            receipts: BTreeMap::new(),
            roots: vec![empty_root()],
            frontier: Frontier::empty(),
            newest_rows: None,
            seals,
        }
    }

    /// Whether it is the history of this log.
    pub(crate) fn is(&self, log: &Origin) -> bool {
        self.origin == *log
    }

    /// Whether its last leaf retires it.
    pub(crate) fn is_retired(&self) -> bool {
        self.leaves.last().is_some_and(|leaf| matches!(leaf.body, LeafBody::Event(Event::LogRetired { .. })))
    }

    /// Leaves seen.
    pub(crate) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The root at a size.
    pub(crate) fn root(&self, size: u64) -> Option<&Digest> {
        self.roots.get(usize::try_from(size).ok()?)
    }

    /// Looks at what the store has more, and holds it against what was seen. `whole` reads the whole log again.
    pub(crate) fn look(&mut self, store: &InMemory, whole: bool) -> News {
        let mut news = News { first: self.size(), ..News::default() };
        if let Err(fault) = self.grow(store, whole, &mut news) {
            news.faults.push(fault);
        }
        news
    }

    fn grow(&mut self, store: &InMemory, whole: bool, news: &mut News) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let head = layout::head(store).map_err(|error| said(&error))?;
        let (size, root) = head.map_or((0, empty_root()), |head| (head.size, head.root));
        if size < self.size() {
            return Err(format!("the log has {size} leaves and had {}", self.size()));
        }
        let from = if whole { 0 } else { self.size() - self.size() % layout::LEAVES_PER_CHUNK };
        let stored = layout::read_leaves(store, from, size).map_err(|error| said(&error))?;
        for (index, bytes) in (from..).zip(stored) {
            let leaf = Leaf::parse(&bytes).map_err(|error| format!("leaf {index}: {error}"))?;
            let hash = leaf.hash();
            if let Some(seen) = self.hashes.get(index as usize) {
                if *seen != hash {
                    return Err(format!("leaf {index} is another than it was"));
                }
                continue;
            }
            if self.leaves.last().is_some_and(|last| last.time > leaf.time) {
                return Err(format!("leaf {index} is earlier than the one before it"));
            }
            if self.is_retired() {
                return Err(format!("leaf {index} stands behind the one that retires the log"));
            }
            self.take(index, leaf, hash);
        }
        if self.root(size) != Some(&root) {
            return Err(format!("the head at size {size} has another root than its leaves"));
        }
        self.read_rows(store, news).map_err(|error| said(&error))
    }

    fn take(&mut self, index: u64, leaf: Leaf, hash: Digest) {
        match &leaf.body {
            LeafBody::Query { .. } => drop(self.open.insert(index)),
            LeafBody::Abandoned { query, .. } => drop(self.open.remove(query)),
            _ => {}
        }
        self.frontier.push(hash);
        self.roots.push(self.frontier.root());
        self.leaves.push(leaf);
        self.hashes.push(hash);
    }

    fn read_rows(&mut self, store: &InMemory, news: &mut News) -> Result<(), String> {
        loop {
            let page = match &self.newest_rows {
                None => layout::sealed_from(store, 0),
                Some(rows) => layout::sealed_after(store, rows),
            };
            let page = page.map_err(|error| error.to_string())?;
            if page.is_empty() {
                return Ok(());
            }
            for sealed in page {
                let rows = self.seals.open(&sealed).map_err(|error| error.to_string())?;
                rows.iter().for_each(|row| self.note(row));
                self.newest_rows = Some(sealed.clone());
                news.rows.push((sealed, rows));
            }
        }
    }

    fn note(&mut self, row: &Row) {
        if let Row::Receipt { query, .. } = row {
            self.open.remove(query);
        }
    }
}
