//! A disk whose every commit is numbered, and fails where the trial says so. It stands before the store in memory as a process stands
//! before a disk: what a process that was killed still writes is lost.
//!
//! Not here: the two ways in which a commit fails (`store::in_memory`).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use creditbay_protocol::name::Region;

use crate::store::in_memory::{Failure, InMemory};
use crate::store::{Batch, Durable, Pair, Store, StoreError, Tree};

/// A commit, as the table names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    /// The step of the story.
    pub(super) step: &'static str,
    /// Whose disk.
    pub(super) city: Region,
    /// Which tree.
    pub(super) tree: Tree,
    /// The kinds of keys that it writes, and behind a minus those that it removes.
    pub(super) kinds: BTreeSet<String>,
}

/// A failure that came: which commit it was, and whether the node was starting.
#[derive(Debug, Clone)]
pub(super) struct Struck {
    /// The commit.
    pub(super) point: Point,
    /// Whether it was one of a start.
    pub(super) starting: bool,
}

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It fails.
    Fails(Failure),
    /// The disk says that it is durable, and forgets it; the process is killed. No code can bear that: it shows what the checks see.
    Forgotten,
}

/// What one trial lets fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    /// Which commit of the story, and how.
    pub(super) first: (usize, Way),
    /// Which commit after the restart of the same node, and how.
    pub(super) again: Option<(usize, Way)>,
}

#[derive(Default)]
struct State {
    trial: Option<Trial>,
    step: &'static str,
    starting: bool,
    points: Vec<Point>,
    struck: Vec<Struck>,
    /// The node whose next commits are counted, and how many there are before the one that fails.
    again: Option<(Region, usize, Way)>,
}

/// Numbers commits, and says which of them fails.
pub(super) struct Plan(Mutex<State>);

impl Plan {
    /// A plan for one run.
    pub(super) fn new(trial: Option<Trial>) -> Self {
        Self(Mutex::new(State { trial, ..State::default() }))
    }

    /// The story goes on to this step.
    pub(super) fn at(&self, step: &'static str) {
        self.0.lock().unwrap().step = step;
    }

    /// A node starts, or has started. After its first failure its commits are counted anew.
    pub(super) fn starts(&self, city: Region, starting: bool) {
        let mut state = self.0.lock().unwrap();
        state.starting = starting;
        let failed_once = state.struck.len() == 1 && state.struck[0].point.city == city;
        if starting && failed_once && state.again.is_none() {
            state.again = state.trial.and_then(|trial| trial.again).map(|(nth, failure)| (city, nth, failure));
        }
    }

    /// Every commit so far.
    pub(super) fn points(&self) -> Vec<Point> {
        self.0.lock().unwrap().points.clone()
    }

    /// Every failure so far.
    pub(super) fn struck(&self) -> Vec<Struck> {
        self.0.lock().unwrap().struck.clone()
    }

    fn next(&self, city: Region, tree: Tree, batch: &Batch) -> Option<Way> {
        let mut state = self.0.lock().unwrap();
        let number = state.points.len();
        let point = Point { step: state.step, city, tree, kinds: kinds(tree, batch) };
        state.points.push(point.clone());
        let first = state.trial.map(|trial| trial.first).filter(|(at, _)| *at == number).map(|(_, failure)| failure);
        let again = match &mut state.again {
            Some((of, left, failure)) if *of == city => {
                let now = (*left == 0).then_some(*failure);
                *left = left.wrapping_sub(1);
                now
            }
            _ => None,
        };
        let failure = first.or(again);
        if failure.is_some() {
            let starting = state.starting;
            state.struck.push(Struck { point, starting });
        }
        failure
    }
}

/// The first letter of each key, and of what is known of erasures the family too.
fn kinds(tree: Tree, batch: &Batch) -> BTreeSet<String> {
    let kind = |key: &[u8]| match key {
        [b'X', family @ b'a'..=b'z', ..] if tree == Tree::Log => format!("X{}", char::from(*family)),
        [first, ..] => char::from(*first).to_string(),
        [] => String::new(),
    };
    let written = batch.writes().iter().map(|(key, _)| kind(key));
    written.chain(batch.removals().iter().map(|key| format!("-{}", kind(key)))).collect()
}

/// Whether a process lives, and whether one of its disks has failed.
#[derive(Default)]
pub(super) struct Life {
    dead: Mutex<bool>,
    failed: AtomicBool,
}

impl Life {
    /// The process is killed: nothing that it writes from now on is kept.
    pub(super) fn end(&self) {
        *self.dead.lock().unwrap() = true;
    }

    /// Whether a commit failed, so that the operator has to start the node again.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

/// A disk of one process.
pub(super) struct Disk {
    city: Region,
    durable: InMemory,
    plan: Arc<Plan>,
    life: Arc<Life>,
    stopped: AtomicBool,
}

impl Disk {
    /// A disk that holds this.
    pub(super) fn new(city: Region, durable: InMemory, plan: Arc<Plan>, life: Arc<Life>) -> Self {
        Self { city, durable, plan, life, stopped: AtomicBool::new(false) }
    }
}

impl Store for Disk {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.durable.get(tree, key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.durable.range(tree, from, to, limit)
    }

    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.durable.last(tree, from, to)
    }

    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError> {
        let dead = self.life.dead.lock().unwrap();
        if *dead || self.stopped.load(Ordering::Acquire) {
            return Err(StoreError::Stopped);
        }
        let done = match self.plan.next(self.city, tree, &batch) {
            None => self.durable.commit(tree, batch),
            Some(Way::Fails(failure)) => {
                self.durable.fail(0, failure);
                self.durable.commit(tree, batch)
            }
            Some(Way::Forgotten) => {
                self.stopped.store(true, Ordering::Release);
                self.life.failed.store(true, Ordering::Release);
                self.durable.commit(tree, Batch::default())
            }
        };
        if done.is_err() {
            self.stopped.store(true, Ordering::Release);
            self.life.failed.store(true, Ordering::Release);
        }
        done
    }
}
