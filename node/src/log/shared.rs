//! What the writer shares with those who read: the newest nodes, the newest head, and whether the log is stopped.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use creditbay_crypto::merkle::tree::Window;
use creditbay_protocol::evidence::SignedHead;
use tokio::sync::watch;

use super::fault::LogError;
use super::seen::Seen;
use crate::store::Store;

/// What the writer shares with those who read.
pub struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) window: RwLock<Window>,
    pub(super) published: watch::Sender<Arc<SignedHead>>,
    pub(super) stopped: Mutex<Option<LogError>>,
    pub(super) watermark: AtomicU64,
    /// What was seen of the peers' logs; written with each batch.
    pub seen: Arc<Seen>,
}

impl Shared {
    /// Whether the log takes leaves, and why not.
    pub(super) fn running(&self) -> Result<(), LogError> {
        match &*self.stopped.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(reason) => Err(reason.clone()),
        }
    }

    pub(super) fn stop(&self, reason: LogError) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if stopped.is_none() {
            if !matches!(reason, LogError::Closed) {
                tracing::warn!("{reason}");
            }
            *stopped = Some(reason);
        }
    }
}
