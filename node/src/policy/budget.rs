//! What a peer may cost this log: leaves for refusals, per minute (design 3).
//!
//! A refusal is a leaf here too. A peer that has spent its budget gets a fault, which is none. Not here: budgets of requesters and subjects.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Region;

const MINUTE_MS: u64 = 60_000;

/// Refusals that each peer may still get in this minute.
pub struct RefusalBudget {
    per_minute: u32,
    spent: Mutex<BTreeMap<Region, (u64, u32)>>,
}

impl RefusalBudget {
    /// So many refusals per peer and minute.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, spent: Mutex::default() }
    }

    /// Takes one refusal out of the peer's budget; false if it is spent.
    pub fn take(&self, peer: Region, now: Millis) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let (minute, count) = spent.entry(peer).or_default();
        if *minute != now.0 / MINUTE_MS {
            (*minute, *count) = (now.0 / MINUTE_MS, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_per_peer_and_comes_back_with_the_next_minute() {
        let (hk, mo) = (Region::new("hk").unwrap(), Region::new("mo").unwrap());
        let budget = RefusalBudget::new(2);
        let taken: Vec<_> = (0..3).map(|_| budget.take(hk, Millis(1))).collect();
        assert_eq!(taken, [true, true, false]);
        assert!(budget.take(mo, Millis(1)));
        assert!(budget.take(hk, Millis(MINUTE_MS)));
    }
}
