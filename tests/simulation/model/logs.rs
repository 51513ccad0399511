//! One log after another: a city's history goes on in its next log, which begins with what the one before it came to, and leaves nothing
//! open behind.
//!
//! Not here: what the leaves of one log mean.

use std::sync::Arc;

use creditbay_configs::peers::EndorsedDirectory;
use creditbay_crypto::hash::Digest;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::log::seals::Seals;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Origin, Region};

use super::super::story::Promise;
use super::erased::Kept;
use super::history::History;
use super::{Model, Seen};

impl Seen {
    /// Every log of the city, the newest first, and what the copy has that does not run.
    pub(super) fn logs(&self) -> impl Iterator<Item = &History> {
        let copy = self.other.iter().map(|other| &other.history);
        std::iter::once(&self.history).chain(self.past.iter().rev()).chain(copy)
    }

    /// One of its logs.
    pub(super) fn log(&self, origin: &Origin) -> Option<&History> {
        self.logs().find(|history| history.origin == *origin)
    }

    /// Whether the city showed this tree.
    pub(super) fn showed(&self, checkpoint: &Checkpoint) -> bool {
        let mut logs = self.logs().filter(|history| history.origin == checkpoint.origin);
        logs.any(|history| history.root(checkpoint.size) == Some(&checkpoint.root))
    }

    /// Whether a second copy of its store has run.
    pub(super) fn has_copy(&self) -> bool {
        self.other.is_some()
    }

    /// Whether any of its logs has this leaf.
    pub(super) fn holds(&self, leaf: &Digest) -> bool {
        self.logs().any(|history| history.hashes.contains(leaf))
    }

    /// What is wrong with the first leaf of a log behind the one before it.
    fn beginning(&self, leaf: &Leaf) -> Option<String> {
        let before = self.past.last()?;
        let began = match &leaf.body {
            LeafBody::Event(Event::LogBegun { predecessor, size, root }) => {
                *predecessor == before.origin && *size == before.size() && Some(root) == before.root(*size)
            }
            _ => false,
        };
        let ended = before.is_retired();
        (!began || !ended).then(|| format!("it begins behind {}: named {began}, retired {ended}", before.origin))
    }
}

impl Model {
    /// A city's node starts with this directory.
    pub(crate) fn started(&self, city: Region, directory: &Arc<EndorsedDirectory>) {
        if let Some(seen) = self.state().cities.get_mut(&city) {
            seen.directory = directory.clone();
        }
    }

    /// Whether this log is a city's, and retired.
    pub(crate) fn is_retired(&self, city: Region, log: &Origin) -> bool {
        self.state().cities.get(&city).is_some_and(|seen| seen.history.is(log) && seen.history.is_retired())
    }

    /// A city's store is opened for its next log.
    pub(crate) fn begins_next(&self, city: Region, log: Origin) {
        let mut state = self.state();
        let Some(seen) = state.cities.get_mut(&city) else { return };
        if !seen.history.open.is_empty() {
            let how = format_args!("{city}: {} ended with queries {:?} open", seen.history.origin, seen.history.open);
            self.story.broken(Promise::Settled, how);
        }
        let keys = seen.kept.keys().to_owned();
        let seals = EpochKeys::in_folder(&keys).and_then(Seals::new);
        let next = History::unseen(log, seals.expect("invariant: the node that ran has left its keys whole"));
        seen.kept = Kept::nothing(&keys, log.number());
        let before = std::mem::replace(&mut seen.history, next);
        seen.past.push(before);
    }

    /// The first leaf of a log that is not a city's first says what it goes on from.
    pub(super) fn judge_beginning(&self, seen: &Seen, city: Region, index: u64, leaf: &Leaf) {
        if index == 0
            && let Some(fault) = seen.beginning(leaf)
        {
            self.story.broken(Promise::OneHistory, format_args!("{city}: {}: {fault}", seen.history.origin));
        }
    }
}
