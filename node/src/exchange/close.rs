//! Closing a query that ended without an answer, by an `abandoned` leaf, however long that takes (PROTOCOL 19).
//!
//! Where the log takes no leaf just now (low disk, an unsure clock), the query is remembered and closed once it does again. A log that
//! has stopped for good closes them at its next start. Not here: when a query has ended (`ask`).

use creditbay_protocol::name::Region;

use super::Exchange;
use crate::log::entry::Entry;

impl Exchange {
    /// Closes a query, now or as soon as the log takes leaves again.
    pub async fn close(&self, query: u64, issuer: Region) {
        self.metrics.count("creditbay_abandoned_total", &[("peer", issuer.as_str())]);
        if let Err(error) = self.log.append(Entry::Abandoned { query, issuer }).await {
            tracing::warn!(query, "a query without an answer is still open, and is closed once the log takes leaves: {error}");
            self.closing.remember(query, issuer);
            self.tell_closing();
        }
    }

    /// Closes the queries that could not be closed before, as far as the log takes them.
    pub async fn close_waiting(&self) {
        while let Some((query, issuer)) = self.closing.first() {
            if self.log.append(Entry::Abandoned { query, issuer }).await.is_err() {
                return;
            }
            self.closing.forget(query);
            self.tell_closing();
        }
    }

    fn tell_closing(&self) {
        self.metrics.set("creditbay_queries_to_close", &[], self.closing.count());
    }
}
