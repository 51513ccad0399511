//! Subjects as budgets know them: keyed tags, under a key of their day or of their portfolio that is destroyed once these are over
//! (PROTOCOL 22.4).
//!
//! sled keeps what was deleted; without the key nobody can try identifiers on it. Not here: what is counted (`ledger`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::query::Query;
use creditbay_protocol::wire;

use crate::host::entropy::Entropy;
use crate::host::keys::{EpochKeys, KeyError};
use crate::store::ledger::Tag;

/// Set in the number of a portfolio's key; a day's number is smaller.
const PORTFOLIO: u32 = 1 << 31;

/// Makes tags of subjects.
pub struct Tags {
    keys: EpochKeys,
    entropy: Arc<Entropy>,
    held: Mutex<BTreeMap<u32, [u8; 32]>>,
}

impl Tags {
    /// Tags under these keys.
    pub fn new(keys: EpochKeys, entropy: Arc<Entropy>) -> Self {
        Self { keys, entropy, held: Mutex::default() }
    }

    /// The subject of a query on a day: for one organisation of one peer, so that two of them share nothing.
    pub fn of_day(&self, day: Day, query: &Query) -> Result<Tag, KeyError> {
        self.of(number_of_day(day), query)
    }

    /// The subject of a query in a portfolio.
    pub fn of_portfolio(&self, portfolio: &Digest, query: &Query) -> Result<Tag, KeyError> {
        self.of(number_of_portfolio(portfolio), query)
    }

    /// Destroys the keys of all days before this one; how many.
    pub fn forget_days(&self, before: Day) -> Result<u64, KeyError> {
        let mut held = self.held();
        let over: Vec<u32> = self.keys.numbers()?.into_iter().filter(|number| *number < number_of_day(before)).collect();
        for number in &over {
            held.remove(number);
            self.keys.destroy(*number)?;
        }
        Ok(over.len() as u64)
    }

    /// Destroys the key of a portfolio, if it has one. Two of two thousand million may share a key; the other one's subjects then count
    /// once more.
    pub fn forget_portfolio(&self, portfolio: &Digest) -> Result<(), KeyError> {
        let (mut held, number) = (self.held(), number_of_portfolio(portfolio));
        held.remove(&number);
        if self.keys.existing_secret(number)?.is_some() { self.keys.destroy(number) } else { Ok(()) }
    }

    fn of(&self, number: u32, query: &Query) -> Result<Tag, KeyError> {
        let mut held = self.held();
        let key = match held.get(&number) {
            Some(key) => *key,
            None => {
                let secret = self.keys.make_secret(number, &self.entropy)?;
                let key = Digest::hmac(&secret, &[Label::INDEX_BUDGET.as_bytes()]).0;
                held.insert(number, key);
                key
            }
        };
        drop(held);
        let organisation = wire::encode(&(query.asker, query.organisation));
        let whole = Digest::hmac(&key, &[&organisation, &query.subject_bytes()]);
        let mut tag = [0; 16];
        tag.copy_from_slice(&whole.0[..16]);
        Ok(tag)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u32, [u8; 32]>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number_of_day(day: Day) -> u32 {
    u32::from(u16::try_from(day.number().max(0)).unwrap_or(u16::MAX))
}

fn number_of_portfolio(portfolio: &Digest) -> u32 {
    let [a, b, c, d, ..] = portfolio.0;
    u32::from_be_bytes([a, b, c, d]) | PORTFOLIO
}
