//! How erasures stand while the node runs: who carries them through, who is woken, and how retention goes.
//!
//! Not here: erasing (`erase`), the notices (`notify`), retention (`retain`). What must survive is in the store.

use std::sync::{Mutex, PoisonError};

use creditbay_protocol::calendar::Day;
use tokio::sync::Notify;

use crate::log::erase::Eraser;

/// What is known of erasures while the node runs.
pub struct Erasures {
    /// Carries them through.
    pub eraser: Eraser,
    /// Wakes whoever sends notices.
    pub to_send: Notify,
    /// How retention stands.
    pub retention: Mutex<RetentionState>,
    /// Held while an erasure is chosen and logged, so that nothing is erased twice.
    pub choosing: tokio::sync::Mutex<()>,
    /// Held from the order to erase records to its end: it is sealed under a key that another one would destroy.
    pub records: tokio::sync::Mutex<()>,
}

/// How retention stands.
#[derive(Debug, Clone, Default)]
pub struct RetentionState {
    /// The day of the last run that came to its end.
    pub done: Option<Day>,
    /// What runs since the start erased.
    pub erased: u64,
    /// Why the last run did not come to its end.
    pub failed: Option<String>,
}

impl Erasures {
    /// Nothing known yet.
    pub fn new(eraser: Eraser) -> Self {
        let (choosing, records) = (tokio::sync::Mutex::default(), tokio::sync::Mutex::default());
        Self { eraser, to_send: Notify::new(), retention: Mutex::default(), choosing, records }
    }

    /// How retention stands.
    pub fn retention(&self) -> RetentionState {
        self.retention.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
