//! The heads of this log that were offered to witnesses, what came back, and which of them is published (PROTOCOL 31.3).
//!
//! Published is the newest offered head that every witness in reach has cosigned, or that is old enough to wait no longer: a witness out
//! of reach only delays. In memory alone; at a start the witnesses are asked anew. Not here: asking them (`push`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_crypto::note::{KeyName, NoteLine, NoteVerifier};
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::evidence::SignedHead;
use tokio::sync::Notify;

use crate::host::clock::Stopwatch;

/// How long an offered head waits for its cosignatures before it is published without those that lack, in milliseconds.
const PUBLISH_AFTER_MS: u64 = 1_000;
/// Offered heads that are kept.
const KEPT: usize = 64;

struct Offer {
    head: Arc<SignedHead>,
    since: Stopwatch,
    lines: BTreeMap<KeyName, NoteLine>,
}

struct State {
    offers: VecDeque<Offer>,
    unreachable: BTreeSet<KeyName>,
    published: u64,
}

/// A head with the cosignatures that it has gathered.
#[derive(Clone)]
pub struct CosignedHead {
    /// The head.
    pub head: Arc<SignedHead>,
    /// Its note, with the cosignatures.
    pub note: SignedCheckpoint,
}

/// What was offered and what came back.
pub struct Heads {
    witnesses: Vec<NoteVerifier>,
    state: Mutex<State>,
    news: Notify,
    hurry: Notify,
}

impl Heads {
    /// Heads for these witnesses; the first one is published as it is.
    pub fn new(witnesses: Vec<NoteVerifier>, first: Arc<SignedHead>) -> Self {
        let published = first.signed().checkpoint().size;
        let offers = VecDeque::from([Offer { head: first, since: Stopwatch::start(), lines: BTreeMap::new() }]);
        // Nobody is in reach until it answers.
        let unreachable = witnesses.iter().map(|witness| witness.name().clone()).collect();
        let state = Mutex::new(State { offers, unreachable, published });
        Self { witnesses, state, news: Notify::new(), hurry: Notify::new() }
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[NoteVerifier] {
        &self.witnesses
    }

    /// Whoever offers should offer the newest head now.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Waits until somebody is in a hurry.
    pub async fn hurried(&self) {
        self.hurry.notified().await;
    }

    /// A head is offered from now on.
    pub fn offer(&self, head: &Arc<SignedHead>) {
        let mut state = self.state();
        let newest = state.offers.back().map(|offer| offer.head.signed().checkpoint().size);
        if newest.is_none_or(|newest| newest < head.signed().checkpoint().size) {
            state.offers.push_back(Offer { head: head.clone(), since: Stopwatch::start(), lines: BTreeMap::new() });
            if state.offers.len() > KEPT {
                state.offers.pop_front();
            }
        }
    }

    /// A witness cosigned the head of this size; the lines were verified.
    pub fn cosigned(&self, witness: &KeyName, size: u64, line: NoteLine) {
        let mut state = self.state();
        state.unreachable.remove(witness);
        if let Some(offer) = state.offers.iter_mut().find(|offer| offer.head.signed().checkpoint().size == size) {
            offer.lines.insert(witness.clone(), line);
        }
        drop(state);
        self.news.notify_waiters();
    }

    /// A witness does not answer, or not as it should: nothing waits for it until it does.
    pub fn out_of_reach(&self, witness: &KeyName) {
        self.state().unreachable.insert(witness.clone());
    }

    /// The published head.
    pub fn published(&self) -> CosignedHead {
        let mut state = self.state();
        let waited_for: Vec<_> =
            self.witnesses.iter().map(NoteVerifier::name).filter(|name| !state.unreachable.contains(*name)).collect();
        let due = |offer: &&Offer| {
            waited_for.iter().all(|name| offer.lines.contains_key(*name)) && (!waited_for.is_empty() || self.witnesses.is_empty())
                || offer.since.micros() / 1_000 >= PUBLISH_AFTER_MS
                || offer.head.signed().checkpoint().size == state.published
        };
        let offer = state.offers.iter().rev().find(due).or_else(|| state.offers.front());
        let offer = offer.expect("invariant: one head is offered from the start, and the newest is never dropped");
        let (cosigned, size) = (cosigned(offer), offer.head.signed().checkpoint().size);
        state.published = state.published.max(size);
        cosigned
    }

    /// The newest offered head that covers a leaf and that `enough` says has enough cosignatures; waits for it. A connection that was made
    /// anew meanwhile has heard of the newest at best.
    pub async fn covering(&self, index: u64, enough: impl Fn(&SignedCheckpoint) -> bool) -> CosignedHead {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let found = {
                let state = self.state();
                let covering = state.offers.iter().rev().take_while(|offer| offer.head.signed().checkpoint().size > index);
                covering.map(cosigned).find(|head| enough(&head.note))
            };
            if let Some(head) = found {
                return head;
            }
            news.await;
        }
    }

    /// The size of the newest offered head that a witness has cosigned.
    pub fn cosigned_by(&self, witness: &KeyName) -> Option<u64> {
        let state = self.state();
        let newest = state.offers.iter().rev().find(|offer| offer.lines.contains_key(witness));
        newest.map(|offer| offer.head.signed().checkpoint().size)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cosigned(offer: &Offer) -> CosignedHead {
    let lines = offer.lines.values().cloned();
    let note = lines.fold(offer.head.signed().clone(), |note, line| note.with_line(line));
    CosignedHead { head: offer.head.clone(), note }
}

#[cfg(test)]
mod tests;
