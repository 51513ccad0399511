//! The rules replayed over leaves that were opened: what only their messages, subjects and operators show (PROTOCOL 33.4).
//!
//! What the commitments of one leaf hide must go together and keep the rules of the pack that it names. Of budgets that count subjects a
//! sample shows a part, so what it shows as overspent is. Pure: leaves and what was revealed of them are arguments. Not here: whether an
//! opening fits its leaf (`protocol::opening`), the sample, and what leaves alone show (`replay`).

pub mod breach;
mod refused;
pub mod subjects;
mod verdicts;

use std::collections::HashMap;
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::{Answer, Reply};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::MAX_QUERY_LIFETIME_MS;
use creditbay_protocol::name::OperatorId;
use creditbay_protocol::opening::Revealed;
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::shown::Field;
use creditbay_protocol::terms::Terms;

use crate::peers::Directory;

use super::RulePack;
use super::authorise::authorise;
use super::replay::spent::QUEUE_MS;

use self::breach::OpenedBreach;
use self::subjects::{Counted, Portfolios, Subjects};

/// The replay over leaves of one log that were opened.
pub struct Opened<'a> {
    directory: &'a Directory,
    packs: HashMap<Digest, Arc<RulePack>>,
    subjects: Subjects,
}

/// What was revealed of one leaf, by field.
#[derive(Default)]
struct Shown<'a> {
    query: Option<&'a Query>,
    answer: Option<&'a Answer>,
    subject: Option<&'a Revealed>,
    operator: Option<&'a OperatorId>,
}

impl<'a> Shown<'a> {
    fn of(revealed: &'a [Revealed]) -> Self {
        let mut shown = Self::default();
        for one in revealed {
            match one {
                Revealed::Query(query) => shown.query = Some(query),
                Revealed::Answer(answer) => shown.answer = Some(answer),
                Revealed::Subject(_) | Revealed::Report(_) | Revealed::Nobody => shown.subject = Some(one),
                Revealed::Operator(operator) => shown.operator = Some(operator),
                Revealed::Notice(_) | Revealed::Ground(_) => {}
            }
        }
        shown
    }

    fn missing(&self) -> impl Iterator<Item = OpenedBreach> {
        let message = self.query.is_none() && self.answer.is_none();
        let fields =
            [(message, Field::Message), (self.subject.is_none(), Field::Subject), (self.operator.is_none(), Field::Operator)];
        fields.into_iter().filter_map(|(missing, field)| missing.then_some(OpenedBreach::FieldMissing(field)))
    }
}

impl<'a> Opened<'a> {
    /// A replay under these packs, over leaves of a log whose answers under portfolios were noted.
    pub fn new(directory: &'a Directory, packs: &[Arc<RulePack>], portfolios: Portfolios) -> Self {
        let packs = packs.iter().map(|pack| (pack.digest(), pack.clone())).collect();
        Self { directory, packs, subjects: Subjects::new(portfolios) }
    }

    /// Takes a query's, an answer's or a refusal's leaf with what was revealed of it, in the order of the log. Gives what it breaks.
    pub fn leaf(&mut self, leaf: &Leaf, revealed: &[Revealed]) -> Vec<OpenedBreach> {
        let shown = Shown::of(revealed);
        let mut breaches: Vec<_> = shown.missing().collect();
        match (&leaf.body, shown.query, shown.answer) {
            (LeafBody::Query { .. }, Some(query), _) => self.query(query, leaf.time, &shown, &mut breaches),
            (LeafBody::Answer { terms, .. }, _, Some(answer)) => self.answer(terms, answer, leaf.time, &shown, &mut breaches),
            _ => {}
        }
        breaches
    }

    fn query(&self, query: &Query, at: Millis, shown: &Shown<'_>, breaches: &mut Vec<OpenedBreach>) {
        if shown.subject.is_some_and(|subject| !is_subject_of(query, subject)) {
            breaches.push(OpenedBreach::OtherSubject);
        }
        if shown.operator.is_some_and(|operator| *operator != query.operator) {
            breaches.push(OpenedBreach::OtherOperator);
        }
        if query.expires > at.plus(MAX_QUERY_LIFETIME_MS) {
            breaches.push(OpenedBreach::Lifetime { until: query.expires });
        }
        // It was composed before its leaf had its time, so an authorisation that ended in between was good.
        let permitted = authorise(self.directory, query, at).or_else(|_| authorise(self.directory, query, at.minus(QUEUE_MS)));
        if let Err(refusal) = permitted {
            breaches.push(OpenedBreach::Authorisation { refusal });
        }
    }

    fn answer(&mut self, terms: &Terms, answer: &Answer, at: Millis, shown: &Shown<'_>, breaches: &mut Vec<OpenedBreach>) {
        let about = shown.subject.and_then(kind_of);
        match (shown.subject, about) {
            (Some(_), None) => breaches.push(OpenedBreach::NoSubject),
            (_, Some(found)) if found != terms.subject_kind => {
                breaches.push(OpenedBreach::OtherKind { says: terms.subject_kind, found });
            }
            _ => {}
        }
        let of = match shown.subject {
            Some(Revealed::Subject(subject)) => Some(self.directory.issuer_of(subject)),
            _ => None,
        };
        let Some(pack) = self.packs.get(&terms.pack) else { return };
        match &answer.reply {
            Reply::Answered(said) => {
                if let Some(of) = of.filter(|of| *of != Some(terms.issuer)) {
                    breaches.push(OpenedBreach::SubjectElsewhere { issuer: terms.issuer, of });
                }
                let law = self.directory.entry(terms.issuer).map(|entry| entry.law);
                verdicts::check(pack, law, terms.predicates.as_slice(), said, at, breaches);
                if let Some(subject) = shown.subject {
                    self.subjects.count(&Counted { terms, subject, said, at }, pack.budgets(), breaches);
                }
            }
            Reply::Refused(said) => {
                let standing = self.directory.standing(terms.asker, terms.organisation, terms.issuer);
                breaches.extend(refused::check(pack, standing, terms, of == Some(Some(terms.issuer)), said));
            }
        }
    }
}

fn is_subject_of(query: &Query, subject: &Revealed) -> bool {
    match (&query.subject, subject) {
        (Subject::Entity(named), Revealed::Subject(hidden)) => named == hidden,
        (Subject::Bearer, Revealed::Report(hidden)) => query.digest == Some(*hidden),
        _ => false,
    }
}

fn kind_of(subject: &Revealed) -> Option<SubjectKind> {
    match subject {
        Revealed::Subject(subject) => Some(subject.subject_kind()),
        Revealed::Report(_) => Some(SubjectKind::NaturalPerson),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
