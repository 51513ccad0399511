//! Queries that end without an answer: each is closed by an `abandoned` leaf, however long that takes (PROTOCOL 19).
//!
//! Where the log takes no leaf just now (low disk, an unsure clock), the query is remembered and closed once it does again. A log that
//! has stopped for good closes them at its next start. Not here: when a query has ended (`ask`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use creditbay_protocol::name::Region;

use super::Exchange;
use crate::log::entry::Entry;

/// Queries of this log whose `abandoned` leaf is still to be written, each with who was asked.
#[derive(Default)]
pub struct Closing(Mutex<BTreeMap<u64, Region>>);

impl Exchange {
    /// Closes a query, now or as soon as the log takes leaves again.
    pub async fn close(&self, query: u64, issuer: Region) {
        self.metrics.count("creditbay_abandoned_total", &[("peer", issuer.as_str())]);
        if let Err(error) = self.log.append(Entry::Abandoned { query, issuer }).await {
            tracing::warn!(query, "a query without an answer is still open, and is closed once the log takes leaves: {error}");
            self.closing.waiting().insert(query, issuer);
            self.tell_closing();
        }
    }

    /// Closes the queries that could not be closed before, as far as the log takes them.
    pub async fn close_waiting(&self) {
        loop {
            let Some((query, issuer)) = self.closing.waiting().first_key_value().map(|(query, issuer)| (*query, *issuer)) else {
                return;
            };
            if self.log.append(Entry::Abandoned { query, issuer }).await.is_err() {
                return;
            }
            self.closing.waiting().remove(&query);
            self.tell_closing();
        }
    }

    fn tell_closing(&self) {
        self.metrics.set("creditbay_queries_to_close", &[], self.closing.waiting().len() as u64);
    }
}

impl Closing {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Region>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
