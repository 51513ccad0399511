//! Asking twice gives one answer: which queries were answered, and which are being answered (PROTOCOL 18.3).
//!
//! Keys live until the query's expiry plus the allowed skew; the log's durable watermark refuses older queries. What is here can be made
//! again from the sealed rows. Not here: the answers, which the rows hold.

use std::collections::hash_map::Entry::Vacant;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::{FRESHNESS_MS, MAX_QUERY_LIFETIME_MS};
use creditbay_protocol::name::Origin;
use creditbay_protocol::responder::AskedHere;
use tokio::sync::watch;

use crate::log::Log;
use crate::log::fault::LogError;
use crate::log::rows::Row;
use crate::log::seals::{Seals, written_at};
use crate::store::log as layout;

type Key = (Origin, u64);

enum State {
    InFlight(watch::Receiver<()>),
    Answered(u64),
}

struct Entry {
    query_leaf: Digest,
    state: State,
}

#[derive(Default)]
struct Table {
    entries: HashMap<Key, Entry>,
    by_expiry: BTreeMap<Millis, Vec<Key>>,
    /// Leaves of queries that were answered lately before this process began; not all of these answers can be given again.
    before: HashSet<Digest>,
    /// A log that began behind a lost end does not know what that answered: no query older than its beginning is answered.
    begun: Option<Millis>,
}

/// The table; clones share it.
#[derive(Clone, Default)]
pub struct Replay(Arc<Mutex<Table>>);

/// What is known of a query that came.
pub enum Claim {
    /// Nothing: whoever holds the ticket answers it.
    New(Ticket),
    /// Somebody is answering it: wait, and ask again.
    InFlight(watch::Receiver<()>),
    /// It was answered by the leaf with this index.
    Answered(u64),
    /// Another query came before under this index of this log, and was answered by the leaf with this index.
    OtherBytes(u64),
    /// It was answered, or may have been, and what opens the answer is gone or stands in a log that has ended.
    Lost,
}

/// The right to answer a query. Dropped without `settle`, the query counts as never seen.
pub struct Ticket {
    replay: Replay,
    key: Key,
    _wakes_waiters: watch::Sender<()>,
    settled: bool,
}

impl Ticket {
    /// The query was answered by the leaf with this index.
    pub fn settle(mut self, answer: u64) {
        if let Some(entry) = self.replay.table().entries.get_mut(&self.key) {
            entry.state = State::Answered(answer);
        }
        self.settled = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            self.replay.table().entries.remove(&self.key);
        }
    }
}

impl Replay {
    /// Looks a query up, and claims it if it is new.
    pub fn claim(&self, asked: &AskedHere) -> Claim {
        let key = (asked.place.origin, asked.place.index);
        let mut table = self.table();
        match table.entries.get(&key) {
            // Which of two queries it was that came before is told once that one has its answer.
            Some(Entry { state: State::InFlight(wait), .. }) => Claim::InFlight(wait.clone()),
            Some(Entry { state: State::Answered(index), query_leaf }) if *query_leaf != asked.leaf => Claim::OtherBytes(*index),
            Some(Entry { state: State::Answered(index), .. }) => Claim::Answered(*index),
            None if table.before.contains(&asked.leaf) || table.begun.is_some_and(|begun| asked.time < begun) => Claim::Lost,
            None => {
                let (wakes_waiters, wait) = watch::channel(());
                table.insert(key, asked.leaf, asked.query.expires, State::InFlight(wait));
                Claim::New(Ticket { replay: self.clone(), key, _wakes_waiters: wakes_waiters, settled: false })
            }
        }
    }

    /// The leaf that answers a query now, if it was answered.
    pub fn answered(&self, log: Origin, query: u64) -> Option<u64> {
        match self.table().entries.get(&(log, query))?.state {
            State::Answered(index) => Some(index),
            State::InFlight(_) => None,
        }
    }

    /// Another leaf answers a query from now on: the refusal in place of an answer that was withheld.
    pub fn answer_instead(&self, log: Origin, query: u64, answer: u64) {
        if let Some(entry) = self.table().entries.get_mut(&(log, query)) {
            entry.state = State::Answered(answer);
        }
    }

    /// Forgets queries that no clock within the allowed skew would still take, and returns the watermark that refuses them from now on.
    pub fn prune(&self, now: Millis) -> Millis {
        let watermark = now.minus(FRESHNESS_MS + 1);
        let mut table = self.table();
        let kept = table.by_expiry.split_off(&watermark.plus(1));
        for key in std::mem::replace(&mut table.by_expiry, kept).into_values().flatten() {
            table.entries.remove(&key);
        }
        watermark
    }

    /// Fills the table from the sealed rows, backwards until no query in them could still be fresh, and from the leaves alone where there
    /// are no rows.
    pub fn recover(&self, log: &Log, seals: &Seals) -> Result<(), LogError> {
        self.table().before = log.answered_lately()?.into_iter().collect();
        self.table().begun = log.begun_after_loss()?;
        let watermark = log.watermark();
        let mut sealed = layout::sealed_before(&**log.store(), None)?;
        while let Some(rows) = sealed {
            if written_at(&rows).plus(MAX_QUERY_LIFETIME_MS + FRESHNESS_MS) <= watermark {
                break;
            }
            // Newest first: of an answer that was withheld and the refusal in its place, the refusal counts.
            for row in seals.open_kept(&rows)?.into_iter().rev() {
                if let Row::Answer { index, query, query_seed, query_time, query_log, query_index, .. } = row
                    && query.expires > watermark
                {
                    let leaf = Leaf::new(query_time, LeafBody::of_query(&query, &query_seed)).hash();
                    self.table().insert((query_log, query_index), leaf, query.expires, State::Answered(index));
                }
            }
            sealed = layout::sealed_before(&**log.store(), Some(&rows))?;
        }
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, key: Key, query_leaf: Digest, expires: Millis, state: State) {
        if let Vacant(place) = self.entries.entry(key) {
            self.by_expiry.entry(expires).or_default().push(key);
            place.insert(Entry { query_leaf, state });
        }
    }
}
