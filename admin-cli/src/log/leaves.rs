//! What the leaves of one log must be among themselves: readable, in the order of time, of messages that this node sent, plausible.
//!
//! Looks back over the last [`WINDOW`] leaves only, so that memory stays constant. Not here: the tree (`verify`), reconciliation of
//! two logs, and whether what was disclosed was permitted.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::brief::{Brief, Refers};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::leaf::LeafError;
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
    counts: Vec<(&'static str, u64)>,
    /// For each of the last leaves: to whom it was a query, while that is not abandoned; and the query that it answers.
    recent: VecDeque<Seen>,
    /// The index after the last leaf.
    next: u64,
    answered: Answered,
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
        query: Half,
    },
    Other,
    /// An entry that could not be read may have been anything.
    Unread,
}

/// The first half of a digest, which keeps what is remembered small. Two queries with one half take 2^64 hashes to find, and would accuse
/// nobody but the log of whoever looked for them.
type Half = [u8; 16];

impl Leaves {
    /// The leaves of this region's log.
    pub fn of(owner: Region) -> Self {
        Self {
            owner,
            newest: None,
            last: None,
            first: None,
            counts: Vec::new(),
            recent: VecDeque::new(),
            next: 0,
            answered: Answered::new(),
            began: None,
            retired: None,
        }
    }

    /// How many of each kind.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.iter().copied().collect()
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
        match &batch.entries {
            Some(entries) => entries.briefs.iter().for_each(|brief| self.read(brief, faults)),
            None => self.skip(u64::from(batch.width)),
        }
    }

    /// The next entry, as it was read.
    pub fn read(&mut self, read: &Result<Brief, LeafError>, faults: &mut Faults) {
        let index = self.next;
        let leaf = match read {
            Ok(leaf) => leaf,
            Err(error) => {
                faults.add(Fault::Leaf { index, error: error.clone() });
                return self.remember(Seen::Unread);
            }
        };
        match self.counts.iter_mut().find(|(kind, _)| *kind == leaf.kind) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((leaf.kind, 1)),
        }
        // Held against the leaf right before it: one leaf with a forged time is one fault, not one for every leaf behind it.
        if let Some(before) = self.last.replace(leaf.time).filter(|before| leaf.time < *before) {
            faults.add(Fault::TimeBackwards { index, time: leaf.time, before });
        }
        self.first.get_or_insert(leaf.time);
        self.newest = self.newest.max(Some(leaf.time));
        if let Some(retired) = self.retired {
            faults.add(Fault::BehindRetirement { index, retired });
        }
        let seen = self.judge(index, leaf, faults);
        self.remember(seen);
    }

    fn judge(&mut self, index: u64, leaf: &Brief, faults: &mut Faults) -> Seen {
        let Brief { kind, sender, receiver, refers, .. } = leaf;
        if let Some(sender) = sender.filter(|sender| *sender != self.owner) {
            faults.add(Fault::OtherSender { index, kind, sender, owner: self.owner });
        }
        // A node that is asked to ask itself may decline that, and then says so.
        if *receiver == Some(self.owner) && sender == receiver && *refers != Refers::Declines {
            faults.add(Fault::AsksItself { index, region: self.owner });
        }
        match (refers, receiver) {
            (Refers::Asks, Some(issuer)) => return Seen::Query { issuer: *issuer, abandoned: false },
            (Refers::Answers(query), _) => return self.judge_answer(index, *query, faults),
            (Refers::Abandons(query), Some(issuer)) => self.judge_abandoned(index, *query, *issuer, faults),
            (Refers::Begins(begins), _) if index == 0 => self.began = Some(**begins),
            (Refers::Begins(_), _) => faults.add(Fault::BeginsAgain { index }),
            (Refers::Retires, _) => self.retired = Some(index),
            (Refers::Withholds(answer), _) => self.withhold(*answer),
            _ => {}
        }
        Seen::Other
    }

    fn judge_answer(&mut self, index: u64, query: Digest, faults: &mut Faults) -> Seen {
        if query.0 == [0; 32] {
            faults.add(Fault::AnswerWithoutQuery { index });
            return Seen::Other;
        }
        let (query, _) = halves(&query);
        let first = self.answered.insert(&query, index);
        if let Some(first) = first.filter(|first| self.answers(*first).is_some_and(|answered| answered == query)) {
            self.answered.insert(&query, first);
            faults.add(Fault::AnsweredTwice { index, first });
            return Seen::Other;
        }
        Seen::Answer { query }
    }

    /// A refusal of the same query goes out in place of an answer that was withheld.
    fn withhold(&mut self, answer: u64) {
        if let Some(query) = self.answers(answer) {
            self.answered.remove(&query, answer);
        }
    }

    /// The query that one of the last leaves answers.
    fn answers(&self, index: u64) -> Option<Half> {
        match self.recent.get(self.position(index)?)? {
            Seen::Answer { query } => Some(*query),
            _ => None,
        }
    }

    /// Where a leaf is among those that are remembered.
    fn position(&self, index: u64) -> Option<usize> {
        let oldest = self.next - self.recent.len() as u64;
        index.checked_sub(oldest).and_then(|position| usize::try_from(position).ok())
    }

    fn judge_abandoned(&mut self, index: u64, query: u64, issuer: Region, faults: &mut Faults) {
        if query >= index {
            return faults.add(Fault::AbandonsNoQuery { index, query, issuer });
        }
        let Some(position) = self.position(query) else { return };
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
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        if self.next.is_multiple_of(WINDOW as u64) {
            self.answered.turn();
        }
        self.recent.push_back(seen);
        self.next += 1;
    }
}

/// The leaves that answer, by a number that stands for the query: small, so that it stays near the processor. Whoever wrote the log does
/// not know the keys, and so cannot give many queries one number. Of each leaf that is remembered it knows, and of some before those.
struct Answered {
    keys: [u64; 2],
    young: ByNumber,
    old: ByNumber,
}

type ByNumber = HashMap<u64, u64, BuildHasherDefault<AsItIs>>;

/// Takes a number for its own hash.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Answered {
    fn new() -> Self {
        let chance = RandomState::new();
        Self { keys: [0u64, 1].map(|number| chance.hash_one(number)), young: HashMap::default(), old: HashMap::default() }
    }

    /// Notes the leaf that answers a query. Gives the one that was noted under the same number.
    fn insert(&mut self, query: &Half, index: u64) -> Option<u64> {
        let number = self.number(query);
        self.young.insert(number, index).or_else(|| self.old.get(&number).copied())
    }

    /// Forgets the older half.
    fn turn(&mut self) {
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.clear();
    }

    /// Forgets the leaf that answers a query, if it is this one.
    fn remove(&mut self, query: &Half, index: u64) {
        let number = self.number(query);
        for half in [&mut self.young, &mut self.old] {
            if half.get(&number) == Some(&index) {
                half.remove(&number);
            }
        }
    }

    fn number(&self, query: &Half) -> u64 {
        let (words, _) = query.as_chunks::<8>();
        let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)) ^ self.keys[at];
        folded(word(0), word(1))
    }
}

fn halves(digest: &Digest) -> (Half, Half) {
    match digest.0.as_chunks() {
        ([first, last], []) => (*first, *last),
        _ => Default::default(),
    }
}

/// Both halves of the product.
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests;
