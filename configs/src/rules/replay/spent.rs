//! What the answers of one log spend of the budgets that leaves alone show: by peer, by organisation, of natural persons by year.
//!
//! An answer is judged before its leaf has its time, so one that carries the first moments of a day may have been spent on the day
//! before: it is counted there while there was room, and where both days together are overspent no way of counting helps.
//! Not here: budgets that count subjects (openings show them), and the figures (`budgets`).

use std::collections::HashMap;

use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::name::{OrganisationId, Region};

use crate::rules::budgets::{Budgets, Volumes};

use super::breach::Breach;

/// How long an answer may wait for its leaf, in milliseconds: as long as clocks may differ.
pub(in crate::rules) const QUEUE_MS: u64 = 30_000;
/// Accounts of a day that are remembered.
const MAX_ACCOUNTS: usize = 65_536;

/// What was spent.
#[derive(Default)]
pub(super) struct Spent {
    day: Option<Day>,
    peers: HashMap<Region, Account>,
    organisations: HashMap<(Region, OrganisationId), Account>,
    year: i16,
    persons: HashMap<Region, Yearly>,
}

/// What one account spent today, and what room it had yesterday.
#[derive(Default, Clone, Copy)]
struct Account {
    day: i32,
    today: u32,
    yesterday: Option<u32>,
}

#[derive(Default, Clone, Copy)]
struct Yearly {
    year: i16,
    persons: u64,
    before: Option<u64>,
}

/// An answer, as far as budgets look at it.
pub(super) struct Answered {
    pub(super) peer: Region,
    pub(super) organisation: OrganisationId,
    pub(super) about_a_person: bool,
    pub(super) at: Millis,
}

impl Spent {
    /// Counts an answer.
    pub(super) fn answer(&mut self, answered: &Answered, budgets: &Budgets, volumes: &Volumes, breaches: &mut Vec<Breach>) {
        let Answered { peer, organisation, at, .. } = *answered;
        let (day, early) = (at.day(), at.minus(QUEUE_MS).day() != at.day());
        if self.day.is_none_or(|before| before < day) {
            self.turn_to(day);
        }
        if self.peers.len() + self.organisations.len() >= MAX_ACCOUNTS && !self.organisations.contains_key(&(peer, organisation))
        {
            return breaches.push(Breach::BeyondMemory { what: "peers and organisations of a day", limit: MAX_ACCOUNTS });
        }
        let limit = budgets.peer_per_day;
        if !self.peers.entry(peer).or_default().spend(day, early, limit) {
            breaches.push(Breach::PeerBudget { peer, day, limit });
        }
        let limit = budgets.requester_per_day;
        if !self.organisations.entry((peer, organisation)).or_default().spend(day, early, limit) {
            breaches.push(Breach::OrganisationBudget { peer, organisation, day, limit });
        }
        let refused_from =
            volumes.thresholds.iter().filter(|threshold| threshold.refuse).map(|threshold| threshold.persons).min();
        if let (true, Some(limit)) = (answered.about_a_person, refused_from) {
            let year = self.year;
            if !self.persons.entry(peer).or_default().spend(year, early, limit) {
                breaches.push(Breach::Volume { peer, year, limit });
            }
        }
    }

    /// Accounts of which nothing was heard since the day before yesterday are new ones.
    fn turn_to(&mut self, day: Day) {
        let known = |account: &Account| account.day >= day.number() - 1;
        self.peers.retain(|_, account| known(account));
        self.organisations.retain(|_, account| known(account));
        self.day = Some(day);
        self.year = day.year();
    }
}

impl Account {
    /// Whether one more may be spent.
    fn spend(&mut self, day: Day, early: bool, limit: u32) -> bool {
        if self.day != day.number() {
            let room = if self.day + 1 == day.number() { limit.saturating_sub(self.today) } else { limit };
            *self = Self { day: day.number(), today: 0, yesterday: Some(room) };
        }
        if let Some(room) = self.yesterday.as_mut().filter(|room| early && **room > 0) {
            *room -= 1;
            return true;
        }
        self.today = self.today.saturating_add(1);
        self.today <= limit
    }
}

impl Yearly {
    fn spend(&mut self, year: i16, early: bool, limit: u64) -> bool {
        if self.year != year {
            let room = if self.year + 1 == year { limit.saturating_sub(self.persons) } else { limit };
            *self = Self { year, persons: 0, before: Some(room) };
        }
        let first_day = early && self.before.is_some();
        if let Some(room) = self.before.as_mut().filter(|room| first_day && **room > 0) {
            *room -= 1;
            return true;
        }
        // Beyond the first moments of the year nothing more counts to the one before.
        if !early {
            self.before = None;
        }
        self.persons += 1;
        self.persons <= limit
    }
}
