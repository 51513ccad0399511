//! Two copies of one city's store that run in turn: each is judged as a log of its own, and whoever has seen both histories, or more than
//! there is, finds out.
//!
//! Not here: when the copies change places (`schedule`).

use std::collections::BTreeMap;

use creditbay_crypto::note::NoteVerifier;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::log::seals::Seals;
use creditbay_node::log::trust::Trust;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::{Store, Tree};
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::fork::{Alarm, Evidence, EvidenceFault};
use creditbay_protocol::name::{Origin, Region};

use super::super::story::Promise;
use super::erased::Kept;
use super::history::History;
use super::rules::Standing;
use super::{Model, Seen};

impl Model {
    /// The other copy of a city's store runs from now on.
    pub(crate) fn changes_places(&self, city: Region) {
        let mut state = self.state();
        let Some(seen) = state.cities.get_mut(&city) else { return };
        let other = match seen.other.take() {
            Some(other) => *other,
            None => seen.unread(),
        };
        let running = std::mem::replace(seen, other);
        seen.other = Some(Box::new(running));
    }

    /// Whether a note that somebody has seen of a city is none of the copy that runs.
    pub(crate) fn contradicts(&self, city: Region, note: &[u8], log: &NoteVerifier) -> bool {
        let state = self.state();
        let Some(history) = state.cities.get(&city).map(|seen| &seen.history) else { return false };
        SignedCheckpoint::verify(note, &history.origin, log)
            .is_ok_and(|signed| history.root(signed.checkpoint().size) != Some(&signed.checkpoint().root))
    }

    /// What a city holds against others: it grows alone.
    pub(crate) fn hold_alarms(&self, city: Region, apart: &InMemory) {
        let now = apart.range(Tree::Witness, b"C", b"D", usize::MAX).map_or(0, |cases| cases.len());
        let mut state = self.state();
        let Some(seen) = state.cities.get_mut(&city) else { return };
        if now < seen.alarms {
            let how = format_args!("{city}: holds {now} cases against others and held {}", seen.alarms);
            self.story.broken(Promise::Evident, how);
        }
        seen.alarms = now;
    }

    /// The evidence that a city keeps about a log verifies with that log's key, and proves what it is called.
    pub(crate) fn hold_evidence(&self, city: Region, trust: &Trust, of: &Origin, log: &NoteVerifier) {
        for case in trust.cases(of).unwrap_or_default() {
            let read = trust.evidence(of, case.number).ok().and_then(|text| serde_json::from_slice::<Evidence>(&text).ok());
            let finding = read.as_ref().map(|evidence| (evidence.alarm, evidence.verify(log)));
            self.story.tell("evidence", format_args!("{city} of {of}: {finding:?}"));
            if let Some((Alarm::Fork, Ok(finding))) = &finding
                && finding.is_fork()
            {
                self.story.tell("fork proved", format_args!("{city} of {of}"));
            }
            // A store that was rolled back to nothing contradicts no note.
            let nothing = matches!(finding, Some((Alarm::Rollback, Err(EvidenceFault::NothingWrong))));
            if !nothing && !matches!(finding, Some((_, Ok(_)))) {
                let how = format_args!("{city}: case {} against {of} is no evidence: {finding:?}", case.number);
                self.story.broken(Promise::Evident, how);
            }
        }
    }
}

impl Seen {
    /// The same city, of whose store nothing was seen.
    fn unread(&self) -> Self {
        let keys = self.kept.keys();
        let seals = EpochKeys::in_folder(keys).and_then(Seals::new);
        let seals = seals.expect("invariant: the node that ran has left its keys whole");
        Self {
            machine: self.machine.clone(),
            history: History::unseen(self.history.origin, seals),
            past: Vec::new(),
            directory: self.directory.clone(),
            kept: Kept::nothing(keys, self.history.origin.number()),
            standing: Standing::default(),
            answers: BTreeMap::new(),
            alarms: self.alarms,
            other: None,
        }
    }
}
