//! What opened answers spend of the budgets that count subjects.
//!
//! A sample holds some answers of a day, never more than there were: what it overspends was overspent. An answer whose leaf carries the
//! first moments of a day may have been judged on the day before, and is not counted. A subject that was met under a portfolio first counts
//! to that one for the day, so different subjects are counted where no answer of the day was under one, which all leaves together show.

use std::collections::{HashMap, HashSet};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::{Indeterminate, Truth, Verdicts};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::opening::Revealed;
use creditbay_protocol::refusal::OutcomeClass;
use creditbay_protocol::terms::Terms;

use crate::rules::budgets::Budgets;
use crate::rules::replay::spent::QUEUE_MS;

use super::breach::OpenedBreach;

/// One organisation on one day.
type Account = (Region, OrganisationId, i32);

/// The organisations that were answered under a portfolio, each with the days.
#[derive(Debug, Default)]
pub struct Portfolios(HashSet<Account>);

impl Portfolios {
    /// Looks at a leaf, whether or not it was drawn.
    pub fn note(&mut self, leaf: &Leaf) {
        if let LeafBody::Answer { terms, outcome: OutcomeClass::Answered, .. } = &leaf.body
            && terms.portfolio.is_some()
        {
            // Near midnight it may have been judged on the day before.
            let days = [leaf.time, leaf.time.minus(QUEUE_MS)].map(|at| at.day().number());
            self.0.extend(days.map(|day| (terms.asker, terms.organisation, day)));
        }
    }
}

/// What was counted.
pub(super) struct Subjects {
    under_portfolios: Portfolios,
    /// Different subjects that were asked about.
    different: HashMap<Account, u32>,
    /// Answers about a subject, and the types in them by bit.
    of_subject: HashMap<(Account, Vec<u8>), (u32, u64)>,
    unknown: HashMap<Account, u32>,
    portfolios: HashMap<Digest, HashSet<Vec<u8>>>,
}

/// An opened answer.
pub(super) struct Counted<'a> {
    pub(super) terms: &'a Terms,
    pub(super) subject: &'a Revealed,
    pub(super) said: &'a Verdicts,
    pub(super) at: Millis,
}

impl Subjects {
    /// Nothing yet.
    pub(super) fn new(under_portfolios: Portfolios) -> Self {
        let (different, of_subject, unknown, portfolios) = Default::default();
        Self { under_portfolios, different, of_subject, unknown, portfolios }
    }

    /// Counts an answer; adds what is overspent with it.
    pub(super) fn count(&mut self, counted: &Counted<'_>, budgets: &Budgets, breaches: &mut Vec<OpenedBreach>) {
        let Counted { terms, subject, said, at } = counted;
        let subject = match subject {
            Revealed::Subject(subject) => subject.canonical_bytes().to_vec(),
            Revealed::Report(digest) => digest.0.to_vec(),
            _ => return,
        };
        if let Some(under) = terms.portfolio {
            let subjects = self.portfolios.entry(under.portfolio).or_default();
            subjects.insert(subject.clone());
            if subjects.len() as u64 > u64::from(under.size) {
                breaches.push(OpenedBreach::PortfolioFull { portfolio: under.portfolio, size: under.size });
            }
        }
        let (day, organisation) = (at.day(), terms.organisation);
        if at.minus(QUEUE_MS).day() != day {
            return;
        }
        let account = (terms.asker, organisation, day.number());
        let (answers, types) = self.of_subject.entry((account, subject)).or_default();
        *answers += 1;
        *types |= terms.predicates.as_slice().iter().fold(0, |bits, predicate| bits | 1 << predicate.of().code());
        if *answers == 1 && !self.under_portfolios.0.contains(&account) {
            let different = self.different.entry(account).or_default();
            *different += 1;
            if *different > budgets.subjects_per_day {
                breaches.push(OpenedBreach::Subjects { day, organisation, limit: budgets.subjects_per_day });
            }
        }
        if *answers > budgets.subject_per_day {
            breaches.push(OpenedBreach::SubjectBudget { day, organisation, limit: budgets.subject_per_day });
        }
        if types.count_ones() > budgets.types_per_subject_and_day {
            breaches.push(OpenedBreach::Combination { day, organisation, limit: budgets.types_per_subject_and_day });
        }
        if said.verdicts.iter().all(|verdict| verdict.truth == Truth::Indeterminate(Indeterminate::NoSource)) {
            let unknown = self.unknown.entry(account).or_default();
            *unknown += 1;
            if *unknown > budgets.unknown_subjects_per_day {
                breaches.push(OpenedBreach::Enumeration { day, organisation, limit: budgets.unknown_subjects_per_day });
            }
        }
    }
}
