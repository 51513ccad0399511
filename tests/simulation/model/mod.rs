//! What must hold after every step, judged by somebody who sees the seams alone: what is durable on each disk after each commit, what
//! goes over the wire, and what services get.
//!
//! Not here: how logs grow (`history`), what the leaves of one may say (`rules`), what was spent (`spent`), what was erased (`erased`,
//! `notices`), what waits for witnesses (`quorum`), how one log follows another
//! (`logs`), and two copies of one store (`forks`).

mod erased;
mod forks;
mod history;
mod logs;
mod notices;
mod quorum;
pub(super) mod rules;
mod spent;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_configs::peers::EndorsedDirectory;
use creditbay_crypto::hash::Digest;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::log::rows::Row;
use creditbay_node::log::seals::Seals;
use creditbay_node::store::in_memory::InMemory;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::control::Control;
use creditbay_protocol::erasure::Erased;
use creditbay_protocol::event::Event;
use creditbay_protocol::evidence::Place;
use creditbay_protocol::frame;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::notice::{Notice, Noticed};
use creditbay_protocol::query::Query;

use self::erased::{Kept, Told};
use self::history::{History, News};
use self::quorum::Quorums;
use self::rules::Standing;
use super::ground::Ground;
use super::machine::Machine;
use super::regions::Directories;
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
    past: Vec<History>,
    directory: Arc<EndorsedDirectory>,
    kept: Kept,
    standing: Standing,
    /// The answer's leaf to each query, with its log.
    answers: BTreeMap<Digest, (Origin, u64)>,
    /// Cases against others that it holds.
    alarms: usize,
    /// The copy of the city's store that does not run, where there is one.
    other: Option<Box<Seen>>,
}

#[derive(Default)]
struct State {
    cities: BTreeMap<Region, Seen>,
    queries: BTreeMap<Digest, SeenQuery>,
    quorums: Quorums,
}

/// The model of a network.
pub(crate) struct Model {
    ground: &'static Ground,
    directories: Arc<Directories>,
    story: Arc<Story>,
    state: Mutex<State>,
}

impl Model {
    /// Of cities that have done nothing.
    pub(crate) fn new(ground: &'static Ground, directories: Arc<Directories>, story: Arc<Story>) -> Self {
        Self { ground, directories, story, state: Mutex::default() }
    }

    /// Begins to look at a city, whose keys lie in this folder.
    pub(crate) fn watch(&self, city: Region, machine: Arc<Machine>, keys: &Path) {
        let directory = self.ground.directory.clone();
        let entry = directory.entry(city).expect("invariant: the samples name every city");
        let kept = Kept::nothing(keys, entry.log_origin.number());
        let keys = EpochKeys::in_folder(keys).expect("invariant: the folder of keys was just made");
        let seals = Seals::new(keys).expect("invariant: an empty folder has no key that could be wrong");
        let history = History::unseen(entry.log_origin, seals);
        let (past, standing, answers) = (Vec::new(), Standing::default(), BTreeMap::new());
        let seen = Seen { machine, history, past, directory, kept, standing, answers, alarms: 0, other: None };
        self.state().cities.insert(city, seen);
    }

    /// Looks at what is durable after a commit; `whole` at everything, as after a start.
    pub(crate) fn look(&self, city: Region, durable: &InMemory, whole: bool) {
        let state = &mut *self.state();
        let Some(seen) = state.cities.get_mut(&city) else { return };
        let News { first, rows, faults } = seen.history.look(durable, whole);
        faults.iter().for_each(|fault| self.story.broken(Promise::OneHistory, format_args!("{city}: {fault}")));
        for (sealed, rows) in rows {
            seen.kept.take(&sealed, &rows);
            rows.into_iter().for_each(|row| self.note_row(&mut seen.history, &mut state.queries, city, row));
        }
        let (size, told) = (seen.history.size(), seen.kept.look(durable, whole));
        for index in first..size {
            self.judge(state, city, index);
        }
        self.judge_told(state, city, &told);
    }

    fn judge_told(&self, state: &State, city: Region, told: &Told) {
        told.faults.iter().for_each(|fault| self.story.broken(Promise::Erased, format_args!("{city}: {fault}")));
        if told.finished {
            self.story.tell("carried through", city);
        }
        for (leaf, notice) in &told.acknowledged {
            self.story.tell("acknowledged", format_args!("{city} {leaf} by {}", notice.receiver));
            self.judge_acknowledged(state, city, *leaf, notice);
        }
    }

    /// What opens a leaf says what its query was, whose receipt stands where.
    fn note_row(&self, history: &mut History, queries: &mut BTreeMap<Digest, SeenQuery>, city: Region, row: Row) {
        match row {
            Row::Query { index, query, .. } => {
                if let (Some(hash), Some(leaf)) = (history.hashes.get(index as usize), history.leaves.get(index as usize)) {
                    queries.insert(*hash, SeenQuery { query: *query, time: leaf.time, of: city });
                }
            }
            Row::Receipt { query: index, answer, seed, time, .. } => {
                let asked = history.hashes.get(index as usize).and_then(|hash| queries.get(hash));
                match asked {
                    Some(asked) => {
                        let leaf = Leaf::new(time, LeafBody::of_answer(&asked.query, &answer, &seed)).hash();
                        history.receipts.insert(leaf, index);
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
        match &leaf.body {
            LeafBody::Answer { query, terms, .. } => self.judge_sides(state, city, index, query, terms.asker),
            LeafBody::Event(Event::Withheld { answer }) => self.judge_withheld(state, city, *answer),
            _ => {}
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
        self.judge_beginning(seen, city, index, &leaf);
        for (promise, fault) in
            seen.standing.judge(self.ground, &seen.directory, city, &leaf, asked.map(|asked| (&asked.query, asked.time)))
        {
            self.story.broken(promise, format_args!("{city}: leaf {index}: {fault}"));
        }
    }

    /// An answer's leaf names a query's leaf of the asker's durable log, and is the only one that does.
    fn judge_sides(&self, state: &mut State, city: Region, index: u64, query: &Digest, asker: Region) {
        let sided = state.queries.get(query).is_some_and(|asked| asked.of == asker)
            && state.cities.get(&asker).is_some_and(|seen| seen.holds(query));
        if !sided {
            self.story.broken(Promise::TwoSided, format_args!("{city}: leaf {index} answers no query of {asker}"));
        }
        let Some(seen) = state.cities.get_mut(&city) else { return };
        if let Some((_, first)) = seen.answers.insert(*query, (seen.history.origin, index))
            && !Self::replaces(state, city, first, index)
        {
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
        self.hold_logged(&self.state(), from, &leaf, &logged.place);
    }

    /// A reply's frame leaves its sender.
    pub(crate) fn reply_released(&self, from: Region, frame: &[u8]) {
        let Ok(logged) = frame::decode::<Answer>(frame) else {
            return self.story.broken(Promise::LogThenRelease, format_args!("{from}: a frame that is no reply"));
        };
        self.story.tell("reply sent", format_args!("{from} {}", logged.place.index));
        let state = &mut *self.state();
        let Some(asked) = state.queries.get(&logged.message.query) else {
            return self.story.broken(Promise::TwoSided, format_args!("{from}: a reply to no query"));
        };
        let leaf = Leaf::new(logged.time, LeafBody::of_answer(&asked.query, &logged.message, &logged.seed)).hash();
        let query = asked.query.clone();
        if let Some(erasure) = state.cities.get(&from).and_then(|seen| seen.kept.erased(logged.place.index)) {
            let how = format_args!("{from}: {} leaves, which leaf {erasure} says is erased", logged.place.index);
            self.story.broken(Promise::Erased, how);
        }
        self.hold_logged(state, from, &leaf, &logged.place);
        self.judge_released(state, from, &query, &logged.message, &logged.place);
    }

    /// A notice's frame leaves its sender.
    pub(crate) fn notice_released(&self, from: Region, frame: &[u8]) {
        let Ok(logged) = frame::decode::<Notice>(frame) else {
            return self.story.broken(Promise::LogThenRelease, format_args!("{from}: a frame that is no notice"));
        };
        let receiver = logged.message.receiver;
        self.story.tell("notice sent", format_args!("{from} {} to {receiver}", logged.place.index));
        let leaf = Noticed::new(logged.message, logged.seed).leaf(logged.time).hash();
        self.hold_logged(&self.state(), from, &leaf, &logged.place);
    }

    /// The word that a notice was carried out leaves its sender: the erasure stands in its log, and is carried through.
    pub(crate) fn word_released(&self, from: Region, frame: &[u8]) {
        let Ok(logged) = frame::decode::<Erased>(frame) else {
            return self.story.broken(Promise::LogThenRelease, format_args!("{from}: a frame that is no word of an erasure"));
        };
        self.story.tell("word sent", format_args!("{from} {}", logged.place.index));
        let leaf = Leaf::new(logged.time, LeafBody::Event(Event::Erased(logged.message))).hash();
        let state = self.state();
        self.hold_logged(&state, from, &leaf, &logged.place);
        if state.cities.get(&from).is_some_and(|seen| seen.kept.pending.contains_key(&logged.place.index)) {
            let how = format_args!("{from}: says that erasure {} is done, and it is not", logged.place.index);
            self.story.broken(Promise::Erased, how);
        }
    }

    fn hold_logged(&self, state: &State, from: Region, leaf: &Digest, place: &Place) {
        let log = state.cities.get(&from).and_then(|seen| seen.log(&place.origin));
        let logged = log.and_then(|log| log.hashes.get(place.index as usize));
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
        let text = String::from_utf8_lossy(note);
        let origin = text.lines().next().and_then(|origin| origin.parse::<Origin>().ok());
        let signed = origin.and_then(|origin| SignedCheckpoint::verify(note, &origin, &self.directories.log(&origin)?).ok());
        let Some(signed) = signed else {
            return self.story.broken(Promise::OneHistory, format_args!("{of}: a note that its log did not sign"));
        };
        if !self.state().cities.get(&of).is_some_and(|seen| seen.showed(signed.checkpoint())) {
            let size = signed.checkpoint().size;
            let how = format_args!("{of}: signed a tree of {size} leaves that is not its durable log's");
            self.story.broken(Promise::OneHistory, how);
        }
    }

    /// A service gets an answer: it verifies, its receipt is durable here, and its leaf there.
    pub(crate) fn served(&self, asker: Region, issuer: Region, attestation: &Attestation) {
        let leaf = match attestation.verify(&self.directories.known_logs()) {
            Ok(leaf) => leaf,
            Err(faults) => return self.story.broken(Promise::Receipted, format_args!("{asker}: {faults:?}")),
        };
        let state = self.state();
        if !state.cities.get(&asker).is_some_and(|seen| seen.logs().any(|log| log.receipts.contains_key(&leaf))) {
            self.story.broken(Promise::Receipted, format_args!("{asker}: an answer of {issuer} without a durable receipt"));
        }
        if !state.cities.get(&issuer).is_some_and(|seen| seen.holds(&leaf)) {
            self.story.broken(Promise::Receipted, format_args!("{asker}: an answer that is not in the log of {issuer}"));
        }
    }

    /// Every receipt is of an answer that stands in the log of the city that was asked.
    pub(crate) fn hold_receipts(&self) {
        let state = self.state();
        for (city, log) in state.cities.iter().flat_map(|(city, seen)| seen.logs().map(move |log| (city, log))) {
            for (leaf, index) in &log.receipts {
                let asked = log.hashes.get(*index as usize).and_then(|query| state.queries.get(query));
                let issuer = asked.and_then(|asked| state.cities.get(&asked.query.issuer));
                if !issuer.is_some_and(|issuer| issuer.holds(leaf)) {
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
        self.state().cities.get(&city)?.logs().find_map(|log| log.leaves.last()).map(|leaf| leaf.time)
    }

    /// A hash over every leaf of every log.
    pub(crate) fn digest(&self) -> Digest {
        let state = self.state();
        let hashes = state.cities.values().flat_map(Seen::logs).flat_map(|log| &log.hashes);
        Digest::of(&hashes.flat_map(|hash| hash.0).collect::<Vec<_>>())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
