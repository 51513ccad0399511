//! Queries of this log that could not be closed when they ended (PROTOCOL 19).
//!
//! In memory alone: a start finds every open query in the log. Not here: closing them (`close`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use creditbay_protocol::name::Region;

/// Queries whose `abandoned` leaf is still to be written, each with who was asked.
#[derive(Default)]
pub struct Closing(Mutex<BTreeMap<u64, Region>>);

impl Closing {
    /// One more.
    pub fn remember(&self, query: u64, issuer: Region) {
        self.waiting().insert(query, issuer);
    }

    /// The oldest of them.
    pub fn first(&self) -> Option<(u64, Region)> {
        self.waiting().first_key_value().map(|(query, issuer)| (*query, *issuer))
    }

    /// A query was closed.
    pub fn forget(&self, query: u64) {
        self.waiting().remove(&query);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.waiting().len() as u64
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Region>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
