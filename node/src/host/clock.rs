//! The only room that asks the clock, and the judgement whether it can be believed (design: Time).
//!
//! A wall clock that jumps against the monotonic one, stands before the last leaf, or lies away from the peers' median by more than 5 s
//! is not sure, and no leaf carries it. Not here: what is then refused (`node::log`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use creditbay_protocol::calendar::Millis;
use creditbay_protocol::limits::CLOCK_SURE_MS;
use creditbay_protocol::name::Region;

enum Source {
    Host { started: Instant, started_at: Millis },
    Manual(Arc<AtomicU64>),
    Told { read: Box<dyn Fn() -> Reading + Send + Sync>, at_start: Reading },
}

/// What a machine says of the time.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// What its wall clock says.
    pub wall: Millis,
    /// How long it has run, in milliseconds; nobody sets that.
    pub running: u64,
}

/// Why the time cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockUnsure {
    /// The wall clock was set while the daemon ran.
    #[error("clock_unsure: the wall clock moved {0} ms against the monotonic clock; set it right and start the daemon again")]
    Jumped(u64),
    /// The wall clock stands before the newest leaf.
    #[error("clock_unsure: the wall clock stands {0} ms before the newest leaf; set it right")]
    BeforeLastLeaf(u64),
    /// The peers agree on another time.
    #[error("clock_unsure: the wall clock lies {0} ms from the peers' median; compare it with a time server")]
    ApartFromPeers(u64),
}

/// The node's clock.
pub struct Clock {
    source: Source,
    offsets: Mutex<BTreeMap<Region, i64>>,
}

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "the one room that asks the clock")]
    pub fn host() -> Self {
        let source = Source::Host { started: Instant::now(), started_at: wall() };
        Self { source, offsets: Mutex::default() }
    }

    /// A clock that stands where it is set.
    pub fn manual(time: Arc<AtomicU64>) -> Self {
        Self { source: Source::Manual(time), offsets: Mutex::default() }
    }

    /// A clock of a simulated machine, believed and doubted like the real one.
    pub fn told(read: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        let at_start = read();
        Self { source: Source::Told { read: Box::new(read), at_start }, offsets: Mutex::default() }
    }

    /// What the wall clock says.
    pub fn now(&self) -> Millis {
        match &self.source {
            Source::Host { .. } => wall(),
            Source::Manual(time) => Millis(time.load(Ordering::Acquire)),
            Source::Told { read, .. } => read().wall,
        }
    }

    /// What the wall clock says, if it can be believed after a leaf of this time.
    pub fn sure_now(&self, last_leaf: Millis) -> Result<Millis, ClockUnsure> {
        let now = self.now();
        let expected = match &self.source {
            Source::Host { started, started_at } => started_at.plus(started.elapsed().as_millis() as u64),
            Source::Told { read, at_start } => at_start.wall.plus(read().running.saturating_sub(at_start.running)),
            Source::Manual(_) => now,
        };
        if expected.distance(now) > CLOCK_SURE_MS {
            return Err(ClockUnsure::Jumped(expected.distance(now)));
        }
        if last_leaf > now && last_leaf.distance(now) > CLOCK_SURE_MS {
            return Err(ClockUnsure::BeforeLastLeaf(last_leaf.distance(now)));
        }
        match self.median_offset() {
            Some(offset) if offset.unsigned_abs() > CLOCK_SURE_MS => Err(ClockUnsure::ApartFromPeers(offset.unsigned_abs())),
            _ => Ok(now),
        }
    }

    /// Remembers what a peer's hello said its clock was.
    pub fn heard(&self, peer: Region, peer_now: Millis) {
        let offset = peer_now.0 as i64 - self.now().0 as i64;
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, offset);
    }

    /// The median of the peers' offsets; one peer alone is no majority against this clock.
    fn median_offset(&self) -> Option<i64> {
        let offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut offsets: Vec<_> = offsets.values().copied().collect();
        offsets.sort_unstable();
        (offsets.len() >= 2).then(|| {
            let middle = offsets.len() / 2;
            if offsets.len() % 2 == 1 { offsets[middle] } else { nearer_zero(offsets[middle - 1], offsets[middle]) }
        })
    }
}

fn nearer_zero(a: i64, b: i64) -> i64 {
    if a.unsigned_abs() <= b.unsigned_abs() { a } else { b }
}

#[expect(clippy::disallowed_methods, reason = "the one room that asks the clock")]
fn wall() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Millis(since.as_millis() as u64)
}

/// A stopwatch, virtual where the runtime's time is. Never for what a leaf says.
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "the one room that asks the clock")]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Microseconds since the start.
    pub fn micros(&self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    #[test]
    fn a_clock_before_the_last_leaf_is_unsure_beyond_five_seconds() {
        let time = Arc::new(AtomicU64::new(100_000));
        let clock = Clock::manual(time.clone());
        assert_eq!(clock.sure_now(Millis(105_000)), Ok(Millis(100_000)));
        assert_eq!(clock.sure_now(Millis(105_001)), Err(ClockUnsure::BeforeLastLeaf(5_001)));
        time.store(100_001, Ordering::Release);
        assert!(clock.sure_now(Millis(105_001)).is_ok());
    }

    #[test]
    fn the_peers_median_counts_and_one_liar_does_not() {
        let clock = Clock::manual(Arc::new(AtomicU64::new(1_000_000)));
        clock.heard(region("sz"), Millis(2_000_000));
        assert!(clock.sure_now(Millis(0)).is_ok(), "one peer is no majority");
        clock.heard(region("hk"), Millis(1_000_010));
        clock.heard(region("mo"), Millis(999_990));
        assert!(clock.sure_now(Millis(0)).is_ok(), "one liar among three does not move the median");
        clock.heard(region("hk"), Millis(1_990_000));
        assert_eq!(clock.sure_now(Millis(0)), Err(ClockUnsure::ApartFromPeers(990_000)));
    }

    #[test]
    fn a_wall_clock_that_was_set_is_unsure_beyond_five_seconds() {
        let (wall, running) = (Arc::new(AtomicU64::new(1_000_000)), Arc::new(AtomicU64::new(40)));
        let (told_wall, told_running) = (wall.clone(), running.clone());
        let clock = Clock::told(move || Reading {
            wall: Millis(told_wall.load(Ordering::Acquire)),
            running: told_running.load(Ordering::Acquire),
        });
        running.store(60_040, Ordering::Release);
        wall.store(1_065_000, Ordering::Release);
        assert_eq!(clock.sure_now(Millis(0)), Ok(Millis(1_065_000)), "60 s later, 5 s ahead");
        wall.store(1_065_001, Ordering::Release);
        assert_eq!(clock.sure_now(Millis(0)), Err(ClockUnsure::Jumped(5_001)));
        wall.store(1_054_999, Ordering::Release);
        assert_eq!(clock.sure_now(Millis(0)), Err(ClockUnsure::Jumped(5_001)));
    }

    #[test]
    fn the_machines_clock_is_sure_of_itself() {
        let clock = Clock::host();
        assert!(clock.sure_now(clock.now()).is_ok());
    }
}
