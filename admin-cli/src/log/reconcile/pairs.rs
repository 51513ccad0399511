//! Queries of one region and the answers of another, matched as their leaves come (PROTOCOL 33.5).
//!
//! Both logs are read side by side, so that only what waits for its counterpart is remembered: the exchanges of some minutes, and the
//! queries that were never answered. At most [`MAX_WAITING`] of each, some 150 bytes a piece. Pure; not here: reading the logs.

use std::collections::{HashMap, HashSet, VecDeque};

use creditbay_configs::rules::replay::LATEST_ANSWER_MS;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, Overlap};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::FRESHNESS_MS;
use creditbay_protocol::name::Region;
use creditbay_protocol::refusal::OutcomeClass;
use creditbay_protocol::succession::Beginning;
use creditbay_protocol::terms::Terms;
use creditbay_protocol::wire;

use super::mismatch::Mismatch;

/// Leaves that wait for their counterpart at most, of queries, answers, and matched queries each.
pub const MAX_WAITING: usize = 1 << 19;

/// What became of the exchanges.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Queries that were answered or refused, and of which both logs say the same.
    pub matched: u64,
    /// Of these, the ones that the asker abandoned: the answer never came through.
    pub not_delivered: u64,
    /// Queries that were abandoned and never answered.
    pub abandoned: u64,
    /// Exchanges of which the other half need not be there yet.
    pub in_flight: u64,
    /// Exchanges of which the other half stands in an earlier log, if anywhere: the one that is held against began later.
    pub earlier: u64,
}

/// The queries of `asker` to `issuer`.
pub struct Pairs {
    asker: Region,
    issuer: Region,
    queries: HashMap<Digest, Query>,
    /// Queries by their leaf, to find what an abandoned leaf names.
    by_leaf: HashMap<u64, Digest>,
    answers: HashMap<Digest, Answer>,
    /// Answers in the order in which they came, to find those that no query will come for.
    answers_in_order: VecDeque<(Millis, Digest)>,
    /// Matched queries, as long as a second answer could come.
    matched: HashMap<Digest, (u64, u64)>,
    /// Answers that were not released; their queries get another.
    withheld: HashSet<u64>,
    /// Their leaves, while they were not abandoned.
    matched_leaves: HashSet<u64>,
    matched_in_order: VecDeque<(Millis, Digest)>,
    activations: Vec<(Digest, Millis, Option<Overlap>)>,
    /// When the asker's log and the issuer's began, where they go on from others.
    asker_began: Option<Millis>,
    issuer_began: Option<Millis>,
    counts: Counts,
}

struct Query {
    leaf: u64,
    at: Millis,
    terms: Digest,
    abandoned: bool,
}

struct Answer {
    leaf: u64,
    at: Millis,
    terms: Digest,
    /// The pack, and from when to when it was good for queries; `None` of a refusal.
    good: Option<(Digest, Good)>,
}

#[derive(Clone, Copy)]
struct Good {
    from: Option<Millis>,
    until: Option<Millis>,
}

impl Pairs {
    /// Nothing read yet.
    pub fn new(asker: Region, issuer: Region) -> Self {
        Self {
            asker,
            issuer,
            queries: HashMap::new(),
            by_leaf: HashMap::new(),
            answers: HashMap::new(),
            answers_in_order: VecDeque::new(),
            matched: HashMap::new(),
            withheld: HashSet::new(),
            matched_leaves: HashSet::new(),
            matched_in_order: VecDeque::new(),
            activations: Vec::new(),
            asker_began: None,
            issuer_began: None,
            counts: Counts::default(),
        }
    }

    /// What became of the exchanges so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A leaf of the asker's log.
    pub fn of_asker(&mut self, index: u64, hash: Digest, leaf: &Leaf) -> Vec<Mismatch> {
        match &leaf.body {
            LeafBody::Query { terms, .. } if terms.issuer == self.issuer => {
                let query = Query { leaf: index, at: leaf.time, terms: of_terms(terms), abandoned: false };
                if let Some(answer) = self.answers.remove(&hash) {
                    return self.matches(hash, &query, &answer);
                }
                if self.queries.len() >= MAX_WAITING {
                    return vec![Mismatch::BeyondMemory { region: self.asker, leaf: index, limit: MAX_WAITING }];
                }
                self.by_leaf.insert(index, hash);
                self.queries.insert(hash, query);
            }
            LeafBody::Abandoned { query, .. } => {
                let waiting = self.by_leaf.get(query).and_then(|hash| self.queries.get_mut(hash));
                match waiting {
                    Some(waiting) => waiting.abandoned = true,
                    // It was answered, and the answer did not come through.
                    None if self.matched_leaves.remove(query) => self.counts.not_delivered += 1,
                    None => {}
                }
            }
            LeafBody::Event(event) if index == 0 => self.asker_began = Beginning::of(event).map(|_| leaf.time),
            _ => {}
        }
        Vec::new()
    }

    /// A leaf of the issuer's log.
    pub fn of_issuer(&mut self, index: u64, leaf: &Leaf) -> Vec<Mismatch> {
        match &leaf.body {
            LeafBody::Answer { terms, outcome, query, .. } if terms.asker == self.asker => {
                let good = (*outcome == OutcomeClass::Answered).then(|| (terms.pack, self.good(terms.pack)));
                let answer = Answer { leaf: index, at: leaf.time, terms: of_terms(terms), good };
                if let Some((asked, first)) = self.matched.get_mut(query) {
                    let (asker, issuer) = (self.asker, self.issuer);
                    if self.withheld.remove(first) {
                        *first = index;
                        return Vec::new();
                    }
                    return vec![Mismatch::AnsweredTwice { asker, issuer, query: *asked, first: *first, second: index }];
                }
                if let Some(asked) = self.queries.remove(query) {
                    self.by_leaf.remove(&asked.leaf);
                    return self.matches(*query, &asked, &answer);
                }
                if self.answers.len() >= MAX_WAITING {
                    return vec![Mismatch::BeyondMemory { region: self.issuer, leaf: index, limit: MAX_WAITING }];
                }
                self.answers_in_order.push_back((leaf.time, *query));
                self.answers.insert(*query, answer);
            }
            // It was never delivered; a refusal of the same query goes out in its place.
            LeafBody::Event(Event::Withheld { answer }) if self.withheld.len() < MAX_WAITING => {
                self.counts.not_delivered += 1;
                self.withheld.insert(*answer);
            }
            LeafBody::Event(Event::PackActivated { pack, overlap, .. }) => {
                self.activations.push((*pack, leaf.time, *overlap));
            }
            LeafBody::Event(event) if index == 0 => self.issuer_began = Beginning::of(event).map(|_| leaf.time),
            _ => {}
        }
        Vec::new()
    }

    /// From when to when a pack is good for queries, by the leaves of the issuer so far.
    fn good(&self, pack: Digest) -> Good {
        let from = self.activations.iter().rev().find(|(activated, ..)| *activated == pack).map(|(_, at, _)| *at);
        let active = self.activations.last().is_some_and(|(activated, ..)| *activated == pack);
        let overlaps = self.activations.iter().filter_map(|(.., overlap)| *overlap);
        let until = overlaps.into_iter().find(|overlap| overlap.pack == pack).map_or(Millis(0), |overlap| overlap.until);
        Good { from, until: (!active).then_some(until) }
    }

    fn matches(&mut self, hash: Digest, query: &Query, answer: &Answer) -> Vec<Mismatch> {
        let (asker, issuer) = (self.asker, self.issuer);
        let (asked, answered) = (query.at, answer.at);
        let (query_leaf, answer_leaf) = (query.leaf, answer.leaf);
        let mut found = Vec::new();
        if query.terms != answer.terms {
            found.push(Mismatch::TermsDiffer { asker, issuer, query: query_leaf, answer: answer_leaf });
        }
        if answered.plus(FRESHNESS_MS) < asked {
            found.push(Mismatch::AnswerEarly { asker, issuer, query: query_leaf, answer: answer_leaf, asked, answered });
        }
        if asked.plus(LATEST_ANSWER_MS) < answered {
            found.push(Mismatch::AnswerLate { asker, issuer, query: query_leaf, answer: answer_leaf, asked, answered });
        }
        if let Some((pack, Good { from, until })) = answer.good {
            let begun = from.is_some_and(|from| from <= asked.plus(FRESHNESS_MS));
            if !begun || until.is_some_and(|until| asked > until) {
                found.push(Mismatch::PackNotGood { asker, issuer, query: query_leaf, answer: answer_leaf, pack, asked });
            }
        }
        if found.is_empty() {
            self.counts.matched += 1;
            self.counts.not_delivered += u64::from(query.abandoned);
        }
        if self.matched.len() < MAX_WAITING {
            self.matched.insert(hash, (query_leaf, answer_leaf));
            self.matched_leaves.insert(query_leaf);
            self.matched_in_order.push_back((answered.max(asked), hash));
        }
        found
    }

    /// Gives up what can no longer find its counterpart: the asker's log was read up to the one time, the issuer's up to the other.
    pub fn read_up_to(&mut self, asker: Millis, issuer: Millis) -> Vec<Mismatch> {
        let mut found = Vec::new();
        // An answer's query carries a time that is at most so much later, so it would have been read.
        while let Some((at, hash)) = self.answers_in_order.front().copied().filter(|(at, _)| at.plus(FRESHNESS_MS) < asker) {
            self.answers_in_order.pop_front();
            if let Some(answer) = self.answers.remove(&hash) {
                found.extend(self.without_query(at, hash, answer.leaf));
            }
        }
        let over = |at: Millis| at.plus(LATEST_ANSWER_MS) < asker.min(issuer);
        while let Some((_, hash)) = self.matched_in_order.front().copied().filter(|(at, _)| over(*at)) {
            self.matched_in_order.pop_front();
            if let Some((query, _)) = self.matched.remove(&hash) {
                self.matched_leaves.remove(&query);
            }
        }
        found
    }

    /// Judges what is left when both logs were read, the asker's as of one time, the issuer's as of the other.
    pub fn end(mut self, asker_as_of: Millis, issuer_as_of: Millis) -> (Vec<Mismatch>, Counts) {
        let mut found = Vec::new();
        for (hash, answer) in std::mem::take(&mut self.answers) {
            if answer.at.plus(FRESHNESS_MS) < asker_as_of {
                found.extend(self.without_query(answer.at, hash, answer.leaf));
            } else {
                self.counts.in_flight += 1;
            }
        }
        let both = asker_as_of.min(issuer_as_of);
        // A query as old as the issuer's log, to which its clock may have been ahead, was asked of the log before.
        let earlier = |at: Millis| self.issuer_began.is_some_and(|began| at < began.plus(FRESHNESS_MS));
        for query in self.queries.into_values() {
            let (asker, issuer) = (self.asker, self.issuer);
            if query.abandoned {
                self.counts.abandoned += 1;
            } else if earlier(query.at) {
                self.counts.earlier += 1;
            } else if query.at.plus(LATEST_ANSWER_MS) < both {
                found.push(Mismatch::QueryUnanswered { asker, issuer, query: query.leaf, at: query.at });
            } else {
                self.counts.in_flight += 1;
            }
        }
        found.sort_by_key(Mismatch::leaves);
        (found, self.counts)
    }

    /// An answer whose query is not in the asker's log; where that began later than the query can be, it stands in the one before.
    fn without_query(&mut self, at: Millis, hash: Digest, answer: u64) -> Option<Mismatch> {
        if self.asker_began.is_some_and(|began| at < began.plus(LATEST_ANSWER_MS)) {
            self.counts.earlier += 1;
            return None;
        }
        Some(Mismatch::AnswerWithoutQuery { asker: self.asker, issuer: self.issuer, answer, at, hash })
    }
}

/// The terms as far as they are compared: all of them, in 32 bytes.
fn of_terms(terms: &Terms) -> Digest {
    Digest::of(&wire::encode(terms))
}

#[cfg(test)]
mod tests;
