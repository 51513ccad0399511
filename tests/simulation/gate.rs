//! A gate that opens once, and lets through whoever waits, in their order.
//!
//! Not tokio's watch: that wakes in an order that chance of its own decides, and a schedule has to be repeated.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A gate.
#[derive(Default)]
pub(crate) struct Gate {
    open: AtomicBool,
    opened: Notify,
}

impl Gate {
    /// Opens it for ever.
    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::Release);
        self.opened.notify_waiters();
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Waits until it is open.
    pub(crate) async fn wait(&self) {
        let opened = self.opened.notified();
        tokio::pin!(opened);
        opened.as_mut().enable();
        if !self.is_open() {
            opened.await;
        }
    }
}
