//! What must hold after every step, judged by somebody who sees the seams alone: what is durable on each disk after each commit, what
//! goes over the wire, and what services get.
//!
//! Not here: how logs grow (`history`), what the leaves of one may say (`rules`), what was spent (`spent`).

mod history;
pub(super) mod rules;
mod spent;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_crypto::hash::Digest;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::log::rows::Row;
use creditbay_node::log::seals::Seals;
use creditbay_node::store::in_memory::InMemory;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::control::Control;
use creditbay_protocol::evidence::Place;
use creditbay_protocol::frame;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Region;
use creditbay_protocol::query::Query;

use self::history::{History, News};
use self::rules::Standing;
use super::ground::Ground;
use super::machine::Machine;
use super::story::{Promise, Story};

/// A query whose leaf was seen.
struct SeenQuery {
    query: Query,
    time: Millis,
    of: Region,
}

/// One city, as it is seen.
struct Seen {
    machine: Arc<Machine>,
    history: History,
    standing: Standing,
    /// The answer's leaf to each query.
    answers: BTreeMap<Digest, u64>,
}

#[derive(Default)]
struct State {
    cities: BTreeMap<Region, Seen>,
    queries: BTreeMap<Digest, SeenQuery>,
}

/// The model of a network.
pub(crate) struct Model {
    ground: &'static Ground,
    story: Arc<Story>,
    state: Mutex<State>,
}

impl Model {
    /// Of cities that have done nothing.
    pub(crate) fn new(ground: &'static Ground, story: Arc<Story>) -> Self {
        Self { ground, story, state: Mutex::default() }
    }

    /// Begins to look at a city, whose keys lie in this folder.
    pub(crate) fn watch(&self, city: Region, machine: Arc<Machine>, keys: &Path) {
        let keys = EpochKeys::in_folder(keys).expect("invariant: the folder of keys was just made");
        let seals = Seals::new(keys).expect("invariant: an empty folder has no key that could be wrong");
        let history = History::unseen(seals);
        let seen = Seen { machine, history, standing: Standing::default(), answers: BTreeMap::new() };
        self.state().cities.insert(city, seen);
    }

    /// Looks at what is durable after a commit; `whole` at everything, as after a start.
    pub(crate) fn look(&self, city: Region, durable: &InMemory, whole: bool) {
        let state = &mut *self.state();
        let Some(seen) = state.cities.get_mut(&city) else { return };
        let News { first, rows, faults } = seen.history.look(durable, whole);
        faults.iter().for_each(|fault| self.story.broken(Promise::OneHistory, format_args!("{city}: {fault}")));
        for row in rows {
            self.note_row(&mut state.cities, &mut state.queries, city, row);
        }
        let size = state.cities.get(&city).map_or(first, |seen| seen.history.size());
        for index in first..size {
            self.judge(state, city, index);
        }
    }

    /// What opens a leaf says what its query was, whose receipt stands where.
    fn note_row(&self, cities: &mut BTreeMap<Region, Seen>, queries: &mut BTreeMap<Digest, SeenQuery>, city: Region, row: Row) {
        let Some(seen) = cities.get_mut(&city) else { return };
        match row {
            Row::Query { index, query, .. } => {
                if let (Some(hash), Some(leaf)) =
                    (seen.history.hashes.get(index as usize), seen.history.leaves.get(index as usize))
                {
                    queries.insert(*hash, SeenQuery { query: *query, time: leaf.time, of: city });
                }
            }
            Row::Receipt { query: index, answer, seed, time, .. } => {
                let asked = seen.history.hashes.get(index as usize).and_then(|hash| queries.get(hash));
                match asked {
                    Some(asked) => {
                        let leaf = Leaf::new(time, LeafBody::of_answer(&asked.query, &answer, &seed)).hash();
                        seen.history.receipts.insert(leaf, index);
                    }
                    None => self.story.broken(Promise::Receipted, format_args!("{city}: a receipt for leaf {index}, no query")),
                }
            }
            _ => {}
        }
    }

    fn judge(&self, state: &mut State, city: Region, index: u64) {
        let Some(leaf) = state.cities.get(&city).and_then(|seen| seen.history.leaves.get(index as usize)).cloned() else {
            return;
        };
        self.story.tell("leaf", format_args!("{city} {index} {}", leaf.body.kind()));
        if let LeafBody::Answer { query, terms, .. } = &leaf.body {
            self.judge_sides(state, city, index, query, terms.asker);
        }
        let Some(seen) = state.cities.get_mut(&city) else { return };
        if seen.machine.jumped() {
            self.story.broken(Promise::Closed, format_args!("{city}: leaf {index} while the clock was set"));
        }
        let asked = match &leaf.body {
            LeafBody::Answer { query, .. } => state.queries.get(query),
            LeafBody::Query { .. } => seen.history.hashes.get(index as usize).and_then(|hash| state.queries.get(hash)),
            _ => None,
        };
        for (promise, fault) in seen.standing.judge(self.ground, city, &leaf, asked.map(|asked| (&asked.query, asked.time))) {
            self.story.broken(promise, format_args!("{city}: leaf {index}: {fault}"));
        }
    }

    /// An answer's leaf names a query's leaf of the asker's durable log, and is the only one that does.
    fn judge_sides(&self, state: &mut State, city: Region, index: u64, query: &Digest, asker: Region) {
        let sided = state.queries.get(query).is_some_and(|asked| asked.of == asker)
            && state.cities.get(&asker).is_some_and(|seen| seen.history.hashes.contains(query));
        if !sided {
            self.story.broken(Promise::TwoSided, format_args!("{city}: leaf {index} answers no query of {asker}"));
        }
        let Some(seen) = state.cities.get_mut(&city) else { return };
        if let Some(first) = seen.answers.insert(*query, index) {
            self.story.broken(Promise::AnsweredOnce, format_args!("{city}: leaves {first} and {index} answer one query"));
        }
    }

    /// A query's frame leaves its sender.
    pub(crate) fn query_released(&self, from: Region, frame: &[u8]) {
        let Ok(logged) = frame::decode::<Query>(frame) else {
            return self.story.broken(Promise::LogThenRelease, format_args!("{from}: a frame that is no query"));
        };
        let leaf = Leaf::new(logged.time, LeafBody::of_query(&logged.message, &logged.seed)).hash();
        self.story.tell("query sent", format_args!("{from} {} to {}", logged.place.index, logged.message.issuer));
        self.hold_logged(from, &leaf, &logged.place);
    }

    /// A reply's frame leaves its sender.
    pub(crate) fn reply_released(&self, from: Region, frame: &[u8]) {
        let Ok(logged) = frame::decode::<Answer>(frame) else {
            return self.story.broken(Promise::LogThenRelease, format_args!("{from}: a frame that is no reply"));
        };
        self.story.tell("reply sent", format_args!("{from} {}", logged.place.index));
        let leaf = {
            let state = self.state();
            let asked = state.queries.get(&logged.message.query);
            asked.map(|asked| Leaf::new(logged.time, LeafBody::of_answer(&asked.query, &logged.message, &logged.seed)).hash())
        };
        match leaf {
            Some(leaf) => self.hold_logged(from, &leaf, &logged.place),
            None => self.story.broken(Promise::TwoSided, format_args!("{from}: a reply to no query")),
        }
    }

    fn hold_logged(&self, from: Region, leaf: &Digest, place: &Place) {
        let state = self.state();
        let logged = state.cities.get(&from).and_then(|seen| seen.history.hashes.get(place.index as usize));
        if logged != Some(leaf) {
            let how = format_args!("{from}: a frame whose leaf {} is not durable", place.index);
            self.story.broken(Promise::LogThenRelease, how);
        }
    }

    /// A control message leaves its sender; the notes in it are of trees that are durable, and of one history.
    pub(crate) fn control_sent(&self, from: Region, to: Region, message: &Control) {
        match message {
            Control::Hello(hello) => {
                self.note_shown(from, hello.note.as_slice());
                if let Some(seen) = &hello.seen {
                    self.note_shown(to, seen.as_slice());
                }
            }
            Control::Checkpoint { note, .. } => self.note_shown(from, note.as_slice()),
            Control::Link { .. } | Control::Succession { .. } => {}
        }
    }

    fn note_shown(&self, of: Region, note: &[u8]) {
        let Some(entry) = self.ground.directory.entry(of) else { return };
        let Ok(signed) = SignedCheckpoint::verify(note, &entry.log_origin, &entry.log) else {
            return self.story.broken(Promise::OneHistory, format_args!("{of}: a note that its log did not sign"));
        };
        let Checkpoint { size, root, .. } = *signed.checkpoint();
        let state = self.state();
        let durable = state.cities.get(&of).and_then(|seen| seen.history.root(size));
        if durable != Some(&root) {
            let how = format_args!("{of}: signed a tree of {size} leaves that is not its durable log's");
            self.story.broken(Promise::OneHistory, how);
        }
    }

    /// A service gets an answer: it verifies, its receipt is durable here, and its leaf there.
    pub(crate) fn served(&self, asker: Region, issuer: Region, attestation: &Attestation) {
        let leaf = match attestation.verify(&self.ground.known) {
            Ok(leaf) => leaf,
            Err(faults) => return self.story.broken(Promise::Receipted, format_args!("{asker}: {faults:?}")),
        };
        let state = self.state();
        if !state.cities.get(&asker).is_some_and(|seen| seen.history.receipts.contains_key(&leaf)) {
            self.story.broken(Promise::Receipted, format_args!("{asker}: an answer of {issuer} without a durable receipt"));
        }
        if !state.cities.get(&issuer).is_some_and(|seen| seen.history.hashes.contains(&leaf)) {
            self.story.broken(Promise::Receipted, format_args!("{asker}: an answer that is not in the log of {issuer}"));
        }
    }

    /// Every receipt is of an answer that stands in the log of the city that was asked.
    pub(crate) fn hold_receipts(&self) {
        let state = self.state();
        for (city, seen) in &state.cities {
            for (leaf, index) in &seen.history.receipts {
                let asked = seen.history.hashes.get(*index as usize).and_then(|query| state.queries.get(query));
                let issuer = asked.and_then(|asked| state.cities.get(&asked.query.issuer));
                if !issuer.is_some_and(|issuer| issuer.history.hashes.contains(leaf)) {
                    self.story.broken(
                        Promise::Receipted,
                        format_args!("{city}: the receipt of {index} is of no answer that was logged"),
                    );
                }
            }
        }
    }

    /// Queries of a city that are neither answered nor closed.
    pub(crate) fn open(&self, city: Region) -> Vec<u64> {
        self.state().cities.get(&city).map(|seen| seen.history.open.iter().copied().collect()).unwrap_or_default()
    }

    /// The time of a city's last leaf.
    pub(crate) fn last_leaf(&self, city: Region) -> Option<Millis> {
        self.state().cities.get(&city)?.history.leaves.last().map(|leaf| leaf.time)
    }

    /// A hash over every leaf of every log.
    pub(crate) fn digest(&self) -> Digest {
        let state = self.state();
        let hashes = state.cities.values().flat_map(|seen| &seen.history.hashes);
        Digest::of(&hashes.flat_map(|hash| hash.0).collect::<Vec<_>>())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
