//! Which logs gave cause for an alarm, with the evidence, and what the operator decided (PROTOCOL 31.4).
//!
//! Evidence is kept whole and durable; until the operator decides, trust in that log stays suspended, over restarts too. Where the
//! witness's store takes no writes any more, the log's store takes the case in, and the next start brings it back. Not here: what gives
//! cause (`seen`, `witness`), and the leaf of a decision (`exchange::order`).

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
    /// Where a case goes that the store did not take: the log's store, for a node.
    refuge: Option<Arc<dyn Store>>,
    suspended: Mutex<BTreeMap<Origin, String>>,
    clock: Arc<Clock>,
    metrics: Arc<Metrics>,
}

impl Trust {
    /// Goes on from what the stores kept about these logs; what took refuge goes back to its place.
    pub fn recover(
        store: Arc<dyn Store>,
        refuge: Option<Arc<dyn Store>>,
        logs: impl IntoIterator<Item = Origin>,
        clock: Arc<Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RowError> {
        let mut suspended = BTreeMap::new();
        for origin in logs {
            if let Some(refuge) = &refuge {
                bring_back(&*store, &**refuge, &origin.to_string())?;
            }
            let cases = layout::cases(&*store, &origin.to_string())?;
            if let Some(case) = cases.into_iter().find(|case| case.decided.is_none()) {
                metrics.set("creditbay_trust_suspended", &[("log", &origin.to_string())], 1);
                suspended.insert(origin, case.what);
            }
        }
        Ok(Self { store, refuge, suspended: Mutex::new(suspended), clock, metrics })
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
        let kept = self.keep_in(&self.store, origin, size, what, evidence).or_else(|error| match &self.refuge {
            None => Err(error),
            Some(refuge) => {
                tracing::error!(log = %origin, "the witness's store did not take an alarm's evidence, the log's store does: {error}");
                self.keep_in(refuge, origin, size, what, evidence)
            }
        });
        if let Err(error) = kept {
            tracing::error!(log = %origin, "the evidence of an alarm could not be kept, trust ends until the next start: {error}");
        }
    }

    fn keep_in(
        &self,
        store: &Arc<dyn Store>,
        origin: &Origin,
        size: u64,
        what: &str,
        evidence: &Evidence,
    ) -> Result<(), RowError> {
        let text = serde_json::to_vec_pretty(evidence).unwrap_or_default();
        if is_held(&layout::cases(&**store, &origin.to_string())?, Digest::of(&text)) {
            return Ok(());
        }
        let case = Case {
            number: self.cases(origin)?.iter().map(|case| case.number + 1).max().unwrap_or(0),
            alarm: evidence.alarm.as_str().to_owned(),
            what: what.to_owned(),
            size,
            since: self.clock.now(),
            evidence: Digest::of(&text),
            decided: None,
        };
        let mut batch = Batch::default();
        layout::set_whole(&mut batch, &origin.to_string(), &case, &text);
        let Durable { .. } = store.commit(Tree::Witness, batch)?;
        Ok(())
    }

    /// The cases of a log, in their order.
    pub fn cases(&self, origin: &Origin) -> Result<Vec<Case>, RowError> {
        let mut cases = layout::cases(&*self.store, &origin.to_string())?;
        if let Some(refuge) = &self.refuge {
            // After a commit of unknown outcome it can be in both.
            let there = layout::cases(&**refuge, &origin.to_string())?;
            let more: Vec<_> = there.into_iter().filter(|case| !is_held(&cases, case.evidence)).collect();
            cases.extend(more);
        }
        Ok(cases)
    }

    /// The evidence of a case, a JSON document (`creditbay_protocol::fork`).
    pub fn evidence(&self, origin: &Origin, number: u32) -> Result<Vec<u8>, StoreError> {
        let kept = layout::evidence(&*self.store, &origin.to_string(), number)?;
        match &self.refuge {
            Some(refuge) if kept.is_empty() => layout::evidence(&**refuge, &origin.to_string(), number),
            _ => Ok(kept),
        }
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

/// Whether a case that nobody has decided has this evidence.
fn is_held(cases: &[Case], evidence: Digest) -> bool {
    cases.iter().any(|case| case.decided.is_none() && case.evidence == evidence)
}

/// Moves the cases that took refuge in another store; each is durable in its place before it leaves the refuge.
fn bring_back(store: &dyn Store, refuge: &dyn Store, log: &str) -> Result<(), RowError> {
    for case in layout::cases(refuge, log)? {
        let evidence = layout::evidence(refuge, log, case.number)?;
        if !is_held(&layout::cases(store, log)?, case.evidence) {
            let mut there = Batch::default();
            layout::set_whole(&mut there, log, &case, &evidence);
            let Durable { .. } = store.commit(Tree::Witness, there)?;
        }
        let mut gone = Batch::default();
        layout::remove_whole(&mut gone, log, &case, &evidence);
        let Durable { .. } = refuge.commit(Tree::Witness, gone)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
