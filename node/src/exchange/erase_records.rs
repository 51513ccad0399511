//! Erasing the records of one subject or person: a leaf first, then the key of their bucket (PROTOCOL 32.7).
//!
//! From its leaf on an erasure is carried through, whatever happens to the process. No peer is told: no record ever crossed a border. Not
//! here: the destroying (`store::records::erase`), what opens leaves (`erase`), records whose time is over (`retain`).

use std::sync::Arc;

use creditbay_protocol::erasure::{Erased, ErasureGround};

use super::Exchange;
use super::erase::{EraseError, blocking};
use crate::log::entry::{Entry, RecordsErasure};
use crate::log::fault::LogError;
use crate::store::erasure as rows;
use crate::store::records::erase::{Gone, Order};
use crate::store::records::going::Owner;
use crate::store::{Batch, Tree};

impl Exchange {
    /// Erases an owner's records on an operator's order; the leaf that says so, if there was anything, and what went.
    pub async fn erase_records(self: &Arc<Self>, of: Owner, ground: ErasureGround) -> Result<(Option<u64>, Gone), EraseError> {
        if ground == ErasureGround::PeerNotice {
            return Err(EraseError::NotAnOperatorsGround);
        }
        let _one = self.erasures.records.lock().await;
        let exchange = self.clone();
        let extent = blocking(move || Ok::<_, EraseError>(exchange.records.extent(&of)?)).await?;
        if extent.rows() == 0 {
            return Ok((None, extent));
        }
        let order = self.records.order(of)?;
        let leaf = self.append_records_erasure(ground, Some(order)).await?;
        Ok((Some(leaf), self.carry_through_records().await?))
    }

    /// Carries out what was logged before the last shutdown, or the last crash: of openings and of records, also by the logs before this
    /// one. Before any door opens.
    pub async fn finish_all_erasures(self: &Arc<Self>) -> Result<(), EraseError> {
        self.take_up().await?;
        self.finish_erasures().await?;
        self.finish_records_erasures().await
    }

    /// Carries out what was ordered of records.
    pub async fn finish_records_erasures(self: &Arc<Self>) -> Result<(), EraseError> {
        let _one = self.erasures.records.lock().await;
        self.carry_through_records().await.map(drop)
    }

    /// How many orders to erase records are still to be carried out.
    pub fn records_orders(&self) -> Result<usize, LogError> {
        Ok(rows::records_orders(&**self.log.store(), Tree::Log)?.len())
    }

    /// Logs an erasure of records; the leaf's index.
    pub(super) async fn append_records_erasure(&self, ground: ErasureGround, order: Option<Order>) -> Result<u64, LogError> {
        self.metrics.count("creditbay_erasures_total", &[("ground", ground.as_str())]);
        let erasing = RecordsErasure { erased: Erased::of_records(ground), order };
        Ok(self.log.append(Entry::RecordsErasure(Arc::new(erasing))).await?.committed.place().index)
    }

    async fn carry_through_records(self: &Arc<Self>) -> Result<Gone, EraseError> {
        let exchange = self.clone();
        let gone = blocking(move || {
            let store = &**exchange.log.store();
            let (erasures, mut orders): (Vec<_>, Vec<_>) =
                rows::records_orders(store, Tree::Log).map_err(LogError::Rows)?.into_iter().unzip();
            // What a retired log left: it can be removed there no more, and is known as done by its key, which is gone.
            let before = rows::records_orders(store, Tree::Ended(1)).map_err(LogError::Rows)?;
            orders.extend(before.into_iter().map(|(_, order)| order));
            let gone = exchange.records.carry_through(&orders)?;
            if !erasures.is_empty() {
                let mut batch = Batch::default();
                erasures.iter().for_each(|erasure| rows::remove_records_order(&mut batch, *erasure));
                store.commit(Tree::Log, batch).map_err(LogError::from)?;
            }
            Ok::<_, EraseError>(gone)
        })
        .await?;
        if gone != Gone::default() {
            let Gone { records, reports, persons, keys } = gone;
            tracing::info!(records, reports, persons, keys, "records were erased");
            self.metrics.add("creditbay_erased_records_total", &[], gone.rows());
        }
        Ok(gone)
    }
}
