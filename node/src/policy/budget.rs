//! What a peer may cost this log: leaves for refusals, per minute, and one leaf a minute that says how many more there would have been
//! (design 3).
//!
//! A refusal is a leaf here too. A peer that has spent its budget gets a fault, which is none; what was turned away so is counted, and
//! handed out once, when its minute is over. Not here: that leaf; budgets of requesters and subjects.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Region;

const MINUTE_MS: u64 = 60_000;

/// Queries that would have been refused and were turned away instead, because their peer's budget was spent: due to become one leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnedAway {
    /// Whose queries.
    pub peer: Region,
    /// The beginning of the first minute that is counted.
    pub since: Millis,
    /// How many.
    pub count: u32,
}

/// Refusals that each peer may still get in this minute.
pub struct RefusalBudget {
    per_minute: u32,
    accounts: Mutex<BTreeMap<Region, Account>>,
}

/// One peer's minute, and what is due of earlier ones: a single count, so that a log that takes no leaves makes nothing grow.
#[derive(Default)]
struct Account {
    minute: u64,
    refused: u32,
    turned_away: u32,
    due: Option<(Millis, u32)>,
}

impl RefusalBudget {
    /// So many refusals per peer and minute.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, accounts: Mutex::default() }
    }

    /// Takes one refusal out of the peer's budget; false if it is spent, and then this query is counted among those turned away.
    pub fn take(&self, peer: Region, now: Millis) -> bool {
        let mut accounts = self.accounts();
        let account = accounts.entry(peer).or_default();
        account.turn_to(now.0 / MINUTE_MS);
        if account.refused < self.per_minute {
            account.refused += 1;
            return true;
        }
        account.turned_away = account.turned_away.saturating_add(1);
        false
    }

    /// What was turned away in minutes that are over, for each peer once: whoever takes it appends the leaf, or gives it back.
    pub fn due(&self, now: Millis) -> Vec<TurnedAway> {
        let mut accounts = self.accounts();
        let due = accounts.iter_mut().filter_map(|(peer, account)| {
            account.turn_to(now.0 / MINUTE_MS);
            let (since, count) = account.due.take()?;
            Some(TurnedAway { peer: *peer, since, count })
        });
        due.collect()
    }

    /// Takes back what no leaf could be written for; it is due again, together with what was turned away meanwhile.
    pub fn give_back(&self, turned_away: TurnedAway) {
        self.accounts().entry(turned_away.peer).or_default().owe(turned_away.since, turned_away.count);
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<Region, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn turn_to(&mut self, minute: u64) {
        if self.minute == minute {
            return;
        }
        if self.turned_away > 0 {
            self.owe(Millis(self.minute * MINUTE_MS), self.turned_away);
        }
        (self.minute, self.refused, self.turned_away) = (minute, 0, 0);
    }

    fn owe(&mut self, since: Millis, count: u32) {
        let (known_since, known) = self.due.unwrap_or((since, 0));
        self.due = Some((known_since.min(since), known.saturating_add(count)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    /// A budget of two a minute, of which `peer` takes `count` at this time.
    fn spend(budget: &RefusalBudget, peer: &str, count: u32, now: u64) {
        for _ in 0..count {
            budget.take(region(peer), Millis(now));
        }
    }

    fn due(budget: &RefusalBudget, now: u64) -> Vec<(String, u64, u32)> {
        budget.due(Millis(now)).into_iter().map(|due| (due.peer.to_string(), due.since.0, due.count)).collect()
    }

    #[test]
    fn a_budget_is_spent_per_peer_and_comes_back_with_the_next_minute() {
        let (hk, mo) = (region("hk"), region("mo"));
        let budget = RefusalBudget::new(2);
        let taken: Vec<_> = (0..3).map(|_| budget.take(hk, Millis(1))).collect();
        assert_eq!(taken, [true, true, false]);
        assert!(budget.take(mo, Millis(1)));
        assert!(budget.take(hk, Millis(MINUTE_MS)));
    }

    #[test]
    fn what_was_turned_away_is_due_once_when_its_minute_is_over() {
        let budget = RefusalBudget::new(2);
        spend(&budget, "hk", 5, 5 * MINUTE_MS + 1);
        spend(&budget, "mo", 3, 5 * MINUTE_MS + 2);
        spend(&budget, "sz", 2, 5 * MINUTE_MS + 3);
        assert_eq!(due(&budget, 6 * MINUTE_MS - 1), [], "the minute is not over");
        let both = [("hk".to_owned(), 5 * MINUTE_MS, 3), ("mo".to_owned(), 5 * MINUTE_MS, 1)];
        assert_eq!(due(&budget, 6 * MINUTE_MS), both, "sz was within its budget");
        assert_eq!(due(&budget, 7 * MINUTE_MS), [], "it is handed out once");
    }

    #[test]
    fn the_running_minute_is_not_mixed_with_the_one_before() {
        let budget = RefusalBudget::new(2);
        spend(&budget, "hk", 4, MINUTE_MS);
        spend(&budget, "hk", 9, 2 * MINUTE_MS + 30_000);
        assert_eq!(due(&budget, 2 * MINUTE_MS + 40_000), [("hk".to_owned(), MINUTE_MS, 2)]);
        assert_eq!(due(&budget, 3 * MINUTE_MS), [("hk".to_owned(), 2 * MINUTE_MS, 7)]);
    }

    #[test]
    fn minutes_that_nobody_asked_for_are_one_count_from_the_first() {
        let budget = RefusalBudget::new(2);
        spend(&budget, "hk", 3, MINUTE_MS);
        spend(&budget, "hk", 4, 8 * MINUTE_MS);
        assert_eq!(due(&budget, 9 * MINUTE_MS), [("hk".to_owned(), MINUTE_MS, 3)]);
    }

    #[test]
    fn what_no_leaf_could_be_written_for_is_due_again() {
        let budget = RefusalBudget::new(2);
        spend(&budget, "hk", 3, MINUTE_MS);
        let taken = budget.due(Millis(2 * MINUTE_MS));
        spend(&budget, "hk", 4, 2 * MINUTE_MS);
        taken.into_iter().for_each(|due| budget.give_back(due));
        assert_eq!(due(&budget, 3 * MINUTE_MS), [("hk".to_owned(), MINUTE_MS, 3)]);
    }
}
