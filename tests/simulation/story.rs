//! What happened in a schedule, in order, and the first promise that was broken.
//!
//! Not here: what counts as broken (`model`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use creditbay_crypto::hash::Digest;
use tokio::time::Instant;

/// What a node promises, as far as it can be seen from outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// What is on the wire stood in its sender's durable log before.
    LogThenRelease,
    /// An answer's leaf names a query's leaf of the asker's log.
    TwoSided,
    /// A log neither shrinks nor forks, and signs only what it is.
    OneHistory,
    /// Nothing is asked or answered that is not permitted, nor while the clock is unsure.
    Closed,
    /// No budget is overspent.
    Budgets,
    /// The same query has one answer.
    AnsweredOnce,
    /// What a service got is kept, and verifies.
    Receipted,
    /// What was erased opens no more, everything else does, and the other side knows.
    Erased,
    /// What waits for witnesses leaves with them, or never.
    Witnessed,
    /// A log that shows two histories, or less than it showed, is found out; what proves it is kept.
    Evident,
    /// Every query is answered or closed in the end.
    Settled,
    /// No alarm is raised against an honest node, and no task of a node panics.
    Sound,
}

/// What was broken.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Which promise.
    pub promise: Promise,
    /// How.
    pub how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.how)
    }
}

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
    broken: Option<Broken>,
}

/// The trace of one schedule.
pub struct Story {
    began: Instant,
    told: Mutex<Told>,
}

impl Story {
    /// An empty one that begins now.
    pub fn begin() -> Self {
        Self { began: Instant::now(), told: Mutex::default() }
    }

    /// Tells that something of this kind happened.
    pub fn tell(&self, kind: &'static str, what: impl fmt::Display) {
        let at = self.began.elapsed().as_millis();
        let mut told = self.told();
        *told.counts.entry(kind).or_default() += 1;
        told.lines.push(format!("{at:>9} ms  {kind}  {what}"));
    }

    /// Tells that a promise was broken; the first one counts.
    pub fn broken(&self, promise: Promise, how: impl fmt::Display) {
        let broken = Broken { promise, how: how.to_string() };
        self.tell("BROKEN", &broken);
        self.told().broken.get_or_insert(broken);
    }

    /// What was broken first.
    pub fn first_broken(&self) -> Option<Broken> {
        self.told().broken.clone()
    }

    /// How often each kind of thing happened.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.told().counts.clone()
    }

    /// Every line.
    pub fn lines(&self) -> Vec<String> {
        self.told().lines.clone()
    }

    /// A hash of every line.
    pub fn digest(&self) -> Digest {
        Digest::of(self.told().lines.join("\n").as_bytes())
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
