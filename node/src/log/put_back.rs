//! Leaves that this log signed once and its store lost, put back from an archive (PROTOCOL 35.4).
//!
//! By the steps of every batch (`append`), except that nothing is new: the leaves keep their times, no row opens them any more, and the
//! head moves only with the last of them, so that a restore that was cut off is no log. What the leaves spent and ordered counts again.
//! Not here: whether the leaves are those that were signed (`crate::restore`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::FRESHNESS_MS;
use creditbay_protocol::refusal::OutcomeClass;
use creditbay_protocol::terms::Terms;

use super::append::Writer;
use super::fault::LogError;
use super::spend::write_order;
use crate::store::ledger::{Account, Balance, Spending};
use crate::store::log::{self as layout, Head};
use crate::store::{Batch, Tree};

impl Writer {
    /// Leaves in the log.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The root over them.
    pub fn root(&self) -> Digest {
        self.head.root
    }

    /// Puts the next leaves back. With the `last` of them the log stands where they end.
    pub fn put_back(&mut self, leaves: &[Vec<u8>], last: bool) -> Result<(), LogError> {
        let parsed = leaves.iter().map(|leaf| Leaf::parse(leaf)).collect::<Result<Vec<_>, _>>();
        let parsed = parsed.map_err(|error| LogError::Sealing(format!("a leaf of the archive cannot be read: {error}")))?;
        let hashed: Vec<_> = leaves.iter().map(|leaf| (leaf.clone(), leaf_hash(leaf))).collect();
        let (first, size) = (self.head.size, self.head.size + leaves.len() as u64);
        let root = self.grow_window(&hashed);
        let mut batch = Batch::default();
        let leaf_tail = self.write_leaves(&mut batch, &hashed);
        let hash_tails = self.write_hashes(&mut batch, size);
        let frontier = self.recompute(&batch, first, size, &root)?;
        let time = parsed.iter().map(|leaf| leaf.time).fold(self.head.time, Ord::max);
        let head = Head { size, root, time, batches: self.head.batches + 1, ..self.head.clone() };

        let spendings: Vec<_> = parsed.iter().flat_map(spent).collect();
        self.balances.write(&*self.shared.store, &mut batch, spendings.iter(), time)?;
        for leaf in &parsed {
            if let LeafBody::Event(event) = &leaf.body {
                write_order(&mut batch, event, leaf.time);
            }
        }
        layout::set_restoring(&mut batch, !last);
        if last {
            // As it stood when the last leaf was written: what was answered later than that allows is known by its leaf.
            let watermark = head.watermark.max(time.minus(FRESHNESS_MS + 1));
            let open_from = self.open.first().copied().unwrap_or(size);
            layout::set_head(&mut batch, &Head { watermark, open_from, ..head.clone() });
        }
        self.shared.store.commit(Tree::Log, batch)?;
        self.head = head;
        self.frontier = frontier;
        self.leaf_tail = leaf_tail;
        self.hash_tails = hash_tails;
        let mut window = self.shared.window.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        window.forget_before(size);
        Ok(())
    }
}

/// What an answer's leaf says was spent. The subject is not in it: what was spent of a subject's budget is lost with its opening.
fn spent(leaf: &Leaf) -> Vec<Spending> {
    let LeafBody::Answer { terms, outcome: OutcomeClass::Answered, .. } = &leaf.body else { return Vec::new() };
    let Terms { asker: peer, organisation, authorisation, portfolio, .. } = terms;
    let (day, one) = (leaf.time.day().number(), Balance { answers: 1, ..Balance::default() });
    let mut spendings = vec![
        Spending { account: Account::Requester { day, peer: *peer, organisation: *organisation }, amount: one },
        Spending { account: Account::Peer { day, peer: *peer }, amount: one },
    ];
    if let Some(used) = authorisation {
        let amount = Balance { bits: 1 << used.number.get(), ..Balance::default() };
        spendings.push(Spending { account: Account::Uses { authorisation: used.authorisation }, amount });
    }
    if let Some(under) = portfolio {
        spendings.push(Spending { account: Account::Portfolio { portfolio: under.portfolio }, amount: one });
    }
    spendings
}
