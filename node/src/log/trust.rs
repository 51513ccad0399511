//! Which logs gave cause for an alarm, with the evidence, and what the operator decided (PROTOCOL 31.4).
//!
//! Evidence is kept whole and durable; until the operator decides, trust in that log stays suspended, over restarts too. Not here: what
//! gives cause (`seen`, `witness`), and the leaf of a decision (`exchange::order`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::fork::Evidence;
use creditbay_protocol::name::Origin;

use crate::host::clock::Clock;
use crate::host::telemetry::Metrics;
use crate::store::log::RowError;
use crate::store::witness::{self as layout, Case, Decision};
use crate::store::{Batch, Durable, Store, StoreError, Tree};

/// What is trusted no more, and why.
pub struct Trust {
    store: Arc<dyn Store>,
    suspended: Mutex<BTreeMap<Origin, String>>,
    clock: Arc<Clock>,
    metrics: Arc<Metrics>,
}

impl Trust {
    /// Goes on from what the store kept about these logs.
    pub fn recover(
        store: Arc<dyn Store>,
        logs: impl IntoIterator<Item = Origin>,
        clock: Arc<Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RowError> {
        let mut suspended = BTreeMap::new();
        for origin in logs {
            let cases = layout::cases(&*store, &origin.to_string())?;
            if let Some(case) = cases.into_iter().find(|case| case.decided.is_none()) {
                metrics.set("creditbay_trust_suspended", &[("log", &origin.to_string())], 1);
                suspended.insert(origin, case.what);
            }
        }
        Ok(Self { store, suspended: Mutex::new(suspended), clock, metrics })
    }

    /// The store of the witness's tree.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Why trust in a log is suspended, if it is.
    pub fn suspended(&self, origin: &Origin) -> Option<String> {
        self.held().get(origin).cloned()
    }

    /// Suspends trust without evidence, for as long as this process runs.
    pub(super) fn suspend(&self, origin: Origin, what: String) {
        self.held().insert(origin, what);
    }

    /// Raises an alarm: trust ends at once, and the evidence is durable when this returns. While trust is suspended nothing is added.
    pub fn alarm(&self, origin: &Origin, size: u64, what: &str, evidence: &Evidence) {
        if self.held().contains_key(origin) {
            return;
        }
        self.held().insert(*origin, what.to_owned());
        let log = origin.to_string();
        tracing::warn!(%log, "ALARM {what}; trust in this log is suspended until an operator decides (creditbay trust show)");
        self.metrics.count("creditbay_alarms_total", &[("log", &log)]);
        self.metrics.set("creditbay_trust_suspended", &[("log", &log)], 1);
        self.keep(origin, size, what, evidence);
    }

    /// Keeps evidence about this node's own log, which stops by itself.
    pub fn own(&self, origin: &Origin, size: u64, what: &str, evidence: &Evidence) {
        self.metrics.count("creditbay_alarms_total", &[("log", "own")]);
        self.keep(origin, size, what, evidence);
    }

    fn keep(&self, origin: &Origin, size: u64, what: &str, evidence: &Evidence) {
        let kept = || -> Result<(), RowError> {
            let log = origin.to_string();
            let cases = layout::cases(&*self.store, &log)?;
            let text = serde_json::to_vec_pretty(evidence).unwrap_or_default();
            if cases.iter().any(|case| case.decided.is_none() && case.evidence == Digest::of(&text)) {
                return Ok(());
            }
            let number = cases.len() as u32;
            let mut batch = Batch::default();
            layout::set_evidence(&mut batch, &log, number, &text);
            let alarm = evidence.alarm.as_str().to_owned();
            let case = Case {
                number,
                alarm,
                what: what.to_owned(),
                size,
                since: self.clock.now(),
                evidence: Digest::of(&text),
                decided: None,
            };
            layout::set_case(&mut batch, &log, &case);
            let Durable { .. } = self.store.commit(Tree::Witness, batch)?;
            Ok(())
        };
        if let Err(error) = kept() {
            tracing::error!(log = %origin, "the evidence of an alarm could not be kept: {error}");
        }
    }

    /// The cases of a log, in their order.
    pub fn cases(&self, origin: &Origin) -> Result<Vec<Case>, RowError> {
        layout::cases(&*self.store, &origin.to_string())
    }

    /// The evidence of a case, a JSON document (`creditbay_protocol::fork`).
    pub fn evidence(&self, origin: &Origin, number: u32) -> Result<Vec<u8>, StoreError> {
        layout::evidence(&*self.store, &origin.to_string(), number)
    }

    /// Trusts a log again: every open case is closed by this decision.
    pub fn restore(&self, origin: &Origin, reason: &str, leaf: u64, at: Millis) -> Result<(), RowError> {
        let log = origin.to_string();
        let mut batch = Batch::default();
        for mut case in self.cases(origin)?.into_iter().filter(|case| case.decided.is_none()) {
            case.decided = Some(Decision { at, reason: reason.to_owned(), leaf });
            layout::set_case(&mut batch, &log, &case);
        }
        let Durable { .. } = self.store.commit(Tree::Witness, batch)?;
        self.held().remove(origin);
        self.metrics.set("creditbay_trust_suspended", &[("log", &log)], 0);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Origin, String>> {
        self.suspended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
