//! Retention: what the rule pack's periods are over for is erased, each day and at every start (PROTOCOL 32.6).
//!
//! A receipt, which is the answer as its recipient has it, goes a number of days after the answer's last day; what opens a leaf is part of
//! the record of a disclosure and stays for months. The leaf itself stays for ever. Not here: the periods (the rule pack).

use std::sync::{Arc, PoisonError};

use creditbay_protocol::erasure::{ErasureGround, ErasureScope};

use super::Exchange;
use super::erase::ErasureReport;
use super::kept::Wanted;
use crate::log::fault::LogError;

impl Exchange {
    /// Erases what is overdue today, and says so; `creditbay_retention_overdue_days` says for how long that did not succeed.
    pub async fn retain(self: &Arc<Self>) {
        let today = self.clock.now().day();
        let done = self.erase_overdue().await;
        let mut state = self.erasures.retention.lock().unwrap_or_else(PoisonError::into_inner);
        match done {
            Ok(report) => {
                let ErasureReport { exchanges, receipts, .. } = &report;
                tracing::info!(exchanges, receipts, "retention: what was overdue is erased");
                state.erased += exchanges + receipts;
                (state.done, state.failed) = (Some(today), None);
            }
            Err(error) => {
                tracing::warn!("retention did not come to its end, and is tried again in five minutes: {error}");
                state.failed = Some(error.to_string());
            }
        }
        let behind = state.done.map_or(1, |done| today.number().saturating_sub(done.number()).max(0));
        self.metrics.set("creditbay_retention_overdue_days", &[], u64::try_from(behind).unwrap_or(0));
    }

    /// Whether retention has come to its end today.
    pub fn retained_today(&self) -> bool {
        self.erasures.retention().done == Some(self.clock.now().day())
    }

    async fn erase_overdue(self: &Arc<Self>) -> Result<ErasureReport, LogError> {
        let now = self.clock.sure_now(creditbay_protocol::calendar::Millis(0))?;
        let periods = *self.orders.in_force(&self.log, now).await?.pack().retention();
        let wanted = Arc::new(Wanted::Overdue { periods, today: now.day() });
        let choosing = self.erasures.choosing.lock().await;
        let scope = ErasureScope::Retention(now.day());
        let report = self.log_erasures(&wanted, ErasureGround::RetentionOver, scope, false, |_| {}).await?;
        drop(choosing);
        if !report.leaves.is_empty() {
            self.finish_erasures().await?;
        }
        Ok(report)
    }
}
