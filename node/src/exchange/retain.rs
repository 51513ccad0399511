//! Retention: what the rule pack's periods are over for is erased, each day and at every start (PROTOCOL 32.6).
//!
//! A receipt, which is the answer as its recipient has it, goes a number of days after the answer's last day; what opens a leaf is part of
//! the record of a disclosure and stays for months. The leaf itself stays for ever. Records go once no question can see them any more.
//! Not here: the periods (the rule pack).

use std::sync::{Arc, PoisonError};

use creditbay_protocol::erasure::{ErasureGround, ErasureScope};

use super::Exchange;
use super::erase::{EraseError, ErasureReport, blocking};
use super::kept::Wanted;
use crate::log::fault::LogError;
use crate::store::records::erase::Gone;

impl Exchange {
    /// Erases what is overdue today, and says so; `creditbay_retention_overdue_days` says for how long that did not succeed.
    pub async fn retain(self: &Arc<Self>) {
        let today = self.clock.now().day();
        let done = match self.erase_overdue().await {
            Ok(report) => self.erase_over().await.map(|gone| (report, gone)),
            Err(error) => Err(error.into()),
        };
        let mut state = self.erasures.retention.lock().unwrap_or_else(PoisonError::into_inner);
        match done {
            Ok((report, gone)) => {
                let ErasureReport { exchanges, receipts, .. } = &report;
                let Gone { records, reports, persons, .. } = &gone;
                tracing::info!(exchanges, receipts, records, reports, persons, "retention: what was overdue is erased");
                state.erased += exchanges + receipts + gone.rows();
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

    /// Erases the records that are over, under one leaf if there are any, and the keys by which budgets knew subjects of past days.
    async fn erase_over(self: &Arc<Self>) -> Result<Gone, EraseError> {
        let now = self.clock.sure_now(creditbay_protocol::calendar::Millis(0)).map_err(LogError::from)?;
        let (pack, today) = (self.orders.in_force(&self.log, now).await?.pack().clone(), now.day());
        // Before anything else can fail: these keys are of no use to anybody any more.
        let forgotten = self.ledger.forget(now, pack.budgets().portfolio_days);
        forgotten.map_err(|error| LogError::Sealing(error.to_string()))?;
        let _one = self.erasures.records.lock().await;
        let (exchange, rules) = (self.clone(), pack.clone());
        let keys = blocking(move || Ok::<_, EraseError>(exchange.records.over(rules.regimes(), today)?)).await?;
        if keys.is_empty() {
            return Ok(Gone::default());
        }
        self.append_records_erasure(ErasureGround::RetentionOver, None).await?;
        let exchange = self.clone();
        let gone = blocking(move || Ok::<_, EraseError>(exchange.records.erase_over(&keys, pack.regimes(), today)?)).await?;
        self.metrics.add("creditbay_erased_records_total", &[], gone.rows());
        Ok(gone)
    }
}
