//! The clock of a simulated machine: virtual time that all share, and an offset that somebody may set.
//!
//! Not here: whether a node believes it (`node::host::clock`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use creditbay_node::host::clock::{Clock, Reading};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::limits::CLOCK_SURE_MS;
use tokio::time::Instant;

/// A machine's wall clock.
pub(crate) struct Machine {
    began: Instant,
    began_at: Millis,
    offset: AtomicI64,
    offset_at_boot: AtomicI64,
    passed: AtomicU64,
}

impl Machine {
    /// A machine whose clock is right; virtual time began then, and was that.
    pub(crate) fn new(began: Instant, began_at: Millis) -> Arc<Self> {
        Arc::new(Self {
            began,
            began_at,
            offset: AtomicI64::new(0),
            offset_at_boot: AtomicI64::new(0),
            passed: AtomicU64::new(0),
        })
    }

    /// Milliseconds of virtual time.
    pub(crate) fn running(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// What time it is.
    pub(crate) fn right(&self) -> Millis {
        self.began_at.plus(self.running() + self.passed.load(Ordering::Acquire))
    }

    /// So much time passes in which no process runs here.
    pub(crate) fn pass(&self, milliseconds: u64) {
        self.passed.fetch_add(milliseconds, Ordering::AcqRel);
    }

    /// What its wall clock says.
    pub(crate) fn wall(&self) -> Millis {
        Millis(self.right().0.saturating_add_signed(self.offset.load(Ordering::Acquire)))
    }

    /// Sets the wall clock so far from what is right.
    pub(crate) fn set(&self, offset: i64) {
        self.offset.store(offset, Ordering::Release);
    }

    /// How far the wall clock is from what is right.
    pub(crate) fn offset(&self) -> i64 {
        self.offset.load(Ordering::Acquire)
    }

    /// A process starts: from now on jumps are against this.
    pub(crate) fn boot(&self) {
        self.offset_at_boot.store(self.offset(), Ordering::Release);
    }

    /// Whether the wall clock was set by more than a node may believe while its process ran.
    pub(crate) fn jumped(&self) -> bool {
        (self.offset() - self.offset_at_boot.load(Ordering::Acquire)).unsigned_abs() > CLOCK_SURE_MS
    }

    /// The clock as a node reads it.
    pub(crate) fn clock(self: &Arc<Self>) -> Clock {
        let machine = self.clone();
        Clock::told(move || Reading { wall: machine.wall(), running: machine.running() })
    }

    /// A clock that believes whatever it is set to; for a mutant.
    pub(crate) fn credulous_clock(self: &Arc<Self>) -> Clock {
        let machine = self.clone();
        Clock::told(move || Reading { wall: machine.wall(), running: machine.wall().0 })
    }
}
