//! What the leaves of one log may say, one after the other: orders that hold, packs in force, what the pack admits, what was spent.
//!
//! The pure decision is the one that nodes run, as an auditor would run it; what is in force is read out of the leaves alone.

use std::collections::BTreeSet;

use creditbay_configs::peers::Directory;
use creditbay_configs::rules::decide::decide;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, Overlap, Suspended};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::Predicates;
use creditbay_protocol::query::{Presented, Query};
use creditbay_protocol::refusal::OutcomeClass;
use creditbay_protocol::terms::Terms;

use super::super::ground::Ground;
use super::super::story::Promise;
use super::spent::Spent;

/// The operator of whoever asks without minding its own node's rules.
pub(crate) const ROGUE: &str = "rogue";

/// What a log says is in force, and what it has spent.
#[derive(Default)]
pub(crate) struct Standing {
    suspended: BTreeSet<Suspended>,
    withdrawn: BTreeSet<Digest>,
    activated: Vec<(Digest, Option<Overlap>)>,
    given: Spent,
    asked: Spent,
}

impl Standing {
    /// Takes the next leaf of a city, with the query that it is or answers; says what it may not be.
    pub(crate) fn judge(
        &mut self,
        ground: &Ground,
        directory: &Directory,
        city: Region,
        leaf: &Leaf,
        asked: Option<(&Query, Millis)>,
    ) -> Vec<(Promise, String)> {
        match &leaf.body {
            LeafBody::Event(event) => {
                self.apply(event);
                Vec::new()
            }
            LeafBody::Query { terms, .. } => match asked {
                Some((query, _)) if query.operator.as_str() == ROGUE => Vec::new(),
                Some(_) => self.judge_query(terms),
                None => vec![(Promise::Closed, "a query that nothing opens".to_owned())],
            },
            LeafBody::Answer { terms, outcome: OutcomeClass::Answered, .. } => match asked {
                Some((query, time)) => self.judge_answer(ground, directory, city, leaf.time, terms, (query, time)),
                None => vec![(Promise::TwoSided, "an answer to a query that nobody saw".to_owned())],
            },
            LeafBody::Answer { .. } | LeafBody::Declined { .. } | LeafBody::Abandoned { .. } => Vec::new(),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::PackActivated { pack, overlap, .. } => self.activated.push((*pack, *overlap)),
            Event::Suspension { of, in_force: true } => drop(self.suspended.insert(*of)),
            Event::Suspension { of, in_force: false } => drop(self.suspended.remove(of)),
            Event::AuthorisationWithdrawn { authorisation, .. } => drop(self.withdrawn.insert(*authorisation)),
            _ => {}
        }
    }

    fn judge_query(&mut self, terms: &Terms) -> Vec<(Promise, String)> {
        let mut faults = self.forbidden(terms.issuer, &terms.predicates, terms);
        if self.activated.last().map(|(pack, _)| *pack) != Some(terms.pack) {
            faults.push("asked under another pack than the active one".to_owned());
        }
        let mut faults: Vec<_> = faults.into_iter().map(|fault| (Promise::Closed, fault)).collect();
        if let Some(used) = terms.authorisation
            && !self.asked.use_once(used.authorisation, used.number.get())
        {
            faults.push((Promise::Budgets, format!("asked with use {} again", used.number.get())));
        }
        faults
    }

    fn judge_answer(
        &mut self,
        ground: &Ground,
        directory: &Directory,
        city: Region,
        time: Millis,
        terms: &Terms,
        (query, asked): (&Query, Millis),
    ) -> Vec<(Promise, String)> {
        let mut faults = self.forbidden(terms.asker, &terms.predicates, terms);
        if terms.issuer != city || *terms != query.terms() {
            faults.push("other terms than the query's".to_owned());
        }
        let Some(pack) = ground.packs.iter().find(|pack| pack.digest() == terms.pack) else {
            return vec![(Promise::Closed, "an answer under a pack that nobody has".to_owned())];
        };
        let standing = directory.standing(terms.asker, terms.organisation, terms.issuer);
        if let Err(refusal) = decide(pack, standing, terms) {
            faults.push(format!("an answer that the pack refuses: {refusal}"));
        }
        if !self.pack_holds(terms.pack, asked) {
            faults.push("an answer under a pack that was not in force".to_owned());
        }
        if let Some(presented) = &query.authorisation {
            faults.extend(unauthorised(directory, presented, asked));
        }
        let spent = self.given.count(pack.budgets(), query, terms, time).into_iter().map(|fault| (Promise::Budgets, fault));
        faults.into_iter().map(|fault| (Promise::Closed, fault)).chain(spent).collect()
    }

    fn forbidden(&self, peer: Region, predicates: &Predicates, terms: &Terms) -> Vec<String> {
        let mut faults = Vec::new();
        if self.suspended.contains(&Suspended::Peer(peer)) {
            faults.push(format!("{peer} was suspended"));
        }
        for predicate in predicates.as_slice() {
            if self.suspended.contains(&Suspended::Type(predicate.of())) {
                faults.push(format!("{} was suspended", predicate.of()));
            }
        }
        if terms.authorisation.is_some_and(|used| self.withdrawn.contains(&used.authorisation)) {
            faults.push("the authorisation was withdrawn".to_owned());
        }
        faults
    }

    fn pack_holds(&self, pack: Digest, asked: Millis) -> bool {
        let activated = self.activated.iter().any(|(of, _)| *of == pack);
        let active = self.activated.last().is_some_and(|(of, _)| *of == pack);
        let overlap = self.activated.iter().filter_map(|(_, overlap)| *overlap).find(|overlap| overlap.pack == pack);
        activated && (active || overlap.is_some_and(|overlap| asked <= overlap.until))
    }
}

/// What is wrong with an authorisation at the time of the query's leaf.
fn unauthorised(directory: &Directory, presented: &Presented, asked: Millis) -> Vec<String> {
    let authorisation = &presented.signed.authorisation;
    let channel = directory.channel(authorisation.channel);
    let mut faults = Vec::new();
    if channel.is_none_or(|(_, channel)| presented.signed.verify(&channel.key).is_err()) {
        faults.push("an authorisation that no channel signed".to_owned());
    }
    if asked < authorisation.granted || asked >= authorisation.expires {
        faults.push("an authorisation that had not begun or had run out".to_owned());
    }
    faults
}
