//! What the leaves of one log must be among themselves: readable, in the order of time, of messages that this node sent, plausible.
//!
//! Looks back over the last [`WINDOW`] leaves only, so that memory stays constant. Not here: the tree (`verify`), reconciliation of
//! two logs, and whether what was disclosed was permitted.

use std::collections::{BTreeMap, HashMap, VecDeque};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody, LeafError};
use creditbay_protocol::name::Region;
use creditbay_protocol::succession::Beginning;

use super::fault::{Fault, Faults};
use super::walk::Batch;

/// Leaves that are remembered: some MiB.
pub const WINDOW: usize = 65_536;

/// The leaves of one log, read one after the other.
pub struct Leaves {
    owner: Region,
    newest: Option<Millis>,
    last: Option<Millis>,
    first: Option<Millis>,
    counts: BTreeMap<&'static str, u64>,
    /// For each of the last leaves: to whom it was a query, while that is not abandoned; and the query that it answers.
    recent: VecDeque<Seen>,
    /// The index after the last leaf.
    next: u64,
    answered: HashMap<Digest, u64>,
    began: Option<Beginning>,
    retired: Option<u64>,
}

/// What is remembered of a leaf.
#[derive(Clone, Copy)]
enum Seen {
    Query {
        issuer: Region,
        abandoned: bool,
    },
    Answer {
        query: Digest,
    },
    Other,
    /// An entry that could not be read may have been anything.
    Unread,
}

impl Leaves {
    /// The leaves of this region's log.
    pub fn of(owner: Region) -> Self {
        Self {
            owner,
            newest: None,
            last: None,
            first: None,
            counts: BTreeMap::new(),
            recent: VecDeque::new(),
            next: 0,
            answered: HashMap::new(),
            began: None,
            retired: None,
        }
    }

    /// How many of each kind.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// The time of the first leaf and the newest time.
    pub fn span(&self) -> Option<(Millis, Millis)> {
        self.first.zip(self.newest)
    }

    /// What the log goes on from, if its first leaf says so.
    pub fn began(&self) -> Option<Beginning> {
        self.began
    }

    /// The leaf that retired the log.
    pub fn retired(&self) -> Option<u64> {
        self.retired
    }

    /// Passes over entries that are missing.
    pub fn skip(&mut self, count: u64) {
        for _ in 0..count {
            self.remember(Seen::Unread);
        }
    }

    /// The next entries.
    pub fn read_batch(&mut self, batch: &Batch, faults: &mut Faults) {
        match &batch.leaves {
            Some(leaves) => leaves.iter().for_each(|(_, leaf)| self.read(leaf, faults)),
            None => self.skip(u64::from(batch.width)),
        }
    }

    /// The next entry, as it was read.
    pub fn read(&mut self, read: &Result<Leaf, LeafError>, faults: &mut Faults) {
        let index = self.next;
        let leaf = match read {
            Ok(leaf) => leaf,
            Err(error) => {
                faults.add(Fault::Leaf { index, error: error.clone() });
                return self.remember(Seen::Unread);
            }
        };
        *self.counts.entry(leaf.body.kind()).or_default() += 1;
        // Held against the leaf right before it: one leaf with a forged time is one fault, not one for every leaf behind it.
        if let Some(before) = self.last.replace(leaf.time).filter(|before| leaf.time < *before) {
            faults.add(Fault::TimeBackwards { index, time: leaf.time, before });
        }
        self.first.get_or_insert(leaf.time);
        self.newest = self.newest.max(Some(leaf.time));
        if let Some(retired) = self.retired {
            faults.add(Fault::BehindRetirement { index, retired });
        }
        let seen = self.judge(index, &leaf.body, faults);
        self.remember(seen);
    }

    fn judge(&mut self, index: u64, body: &LeafBody, faults: &mut Faults) -> Seen {
        let (sender, receiver) = match body {
            LeafBody::Query { terms, .. } => (Some(terms.asker), Some(terms.issuer)),
            LeafBody::Answer { terms, .. } => (Some(terms.issuer), Some(terms.asker)),
            LeafBody::Declined { asker, issuer, .. } => (Some(*asker), *issuer),
            LeafBody::Abandoned { issuer, .. } => (None, Some(*issuer)),
            LeafBody::Event(_) => (None, None),
        };
        if let Some(sender) = sender.filter(|sender| *sender != self.owner) {
            faults.add(Fault::OtherSender { index, kind: body.kind(), sender, owner: self.owner });
        }
        // A node that is asked to ask itself may decline that, and then says so.
        if receiver == Some(self.owner) && sender == receiver && !matches!(body, LeafBody::Declined { .. }) {
            faults.add(Fault::AsksItself { index, region: self.owner });
        }
        match body {
            LeafBody::Query { terms, .. } => Seen::Query { issuer: terms.issuer, abandoned: false },
            LeafBody::Answer { query, .. } => self.judge_answer(index, *query, faults),
            LeafBody::Event(event) => {
                self.judge_event(index, event, faults);
                Seen::Other
            }
            LeafBody::Declined { .. } => Seen::Other,
            LeafBody::Abandoned { query, issuer } => {
                self.judge_abandoned(index, *query, *issuer, faults);
                Seen::Other
            }
        }
    }

    fn judge_event(&mut self, index: u64, event: &Event, faults: &mut Faults) {
        match event {
            Event::LogBegun { .. } | Event::LogBegunAfterLoss { .. } if index == 0 => self.began = Beginning::of(event),
            Event::LogBegun { .. } | Event::LogBegunAfterLoss { .. } => faults.add(Fault::BeginsAgain { index }),
            Event::LogRetired { .. } => self.retired = Some(index),
            // A refusal of the same query goes out in its place.
            Event::Withheld { answer } => self.answered.retain(|_, known| known != answer),
            _ => {}
        }
    }

    fn judge_answer(&mut self, index: u64, query: Digest, faults: &mut Faults) -> Seen {
        if query.0 == [0; 32] {
            faults.add(Fault::AnswerWithoutQuery { index });
            return Seen::Other;
        }
        if let Some(first) = self.answered.get(&query) {
            faults.add(Fault::AnsweredTwice { index, first: *first });
            return Seen::Other;
        }
        self.answered.insert(query, index);
        Seen::Answer { query }
    }

    fn judge_abandoned(&mut self, index: u64, query: u64, issuer: Region, faults: &mut Faults) {
        if query >= index {
            return faults.add(Fault::AbandonsNoQuery { index, query, issuer });
        }
        let oldest = self.next - self.recent.len() as u64;
        let Some(position) = query.checked_sub(oldest).and_then(|position| usize::try_from(position).ok()) else { return };
        match self.recent.get_mut(position) {
            Some(Seen::Query { issuer: asked, abandoned }) if *asked == issuer => {
                if std::mem::replace(abandoned, true) {
                    faults.add(Fault::AbandonedTwice { index, query });
                }
            }
            Some(Seen::Unread) | None => {}
            Some(_) => faults.add(Fault::AbandonsNoQuery { index, query, issuer }),
        }
    }

    fn remember(&mut self, seen: Seen) {
        if self.recent.len() == WINDOW
            && let Some(Seen::Answer { query }) = self.recent.pop_front()
        {
            self.answered.remove(&query);
        }
        self.recent.push_back(seen);
        self.next += 1;
    }
}

#[cfg(test)]
mod tests;
