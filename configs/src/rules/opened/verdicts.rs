//! Verdicts against what the pack says that an answer may say, rest on, and be used for.
//!
//! Not here: whether they are true; records never leave their node.

use creditbay_protocol::answer::{Coverage, Indeterminate, Truth, Verdict, Verdicts};
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin, Predicate};

use crate::rules::RulePack;
use crate::rules::catalogue::Shape;
use crate::rules::evaluate::{Scope, is_stale};
use crate::rules::replay::spent::QUEUE_MS;

use super::breach::OpenedBreach;

/// Adds what is wrong with the verdicts of an answer whose leaf has this time.
pub(super) fn check(
    pack: &RulePack,
    law: Option<LawOfOrigin>,
    predicates: &[Predicate],
    said: &Verdicts,
    at: Millis,
    breaches: &mut Vec<OpenedBreach>,
) {
    if said.verdicts.len() != predicates.len() {
        breaches.push(OpenedBreach::VerdictCount { verdicts: said.verdicts.len(), predicates: predicates.len() });
        return;
    }
    let Some(law) = law else { return };
    if said.law_of_origin != law {
        breaches.push(OpenedBreach::OtherLaw { says: said.law_of_origin, law });
    }
    // It was judged before its leaf had its time.
    if ![at.day(), at.minus(QUEUE_MS).day()].contains(&said.as_of) {
        breaches.push(OpenedBreach::AsOf { as_of: said.as_of, at });
    }
    for (number, (verdict, predicate)) in said.verdicts.iter().zip(predicates).enumerate() {
        let scope = Scope::of(pack, law, predicate);
        Judged { pack, number, verdict, predicate, said, at }.check(scope.as_ref(), breaches);
    }
}

struct Judged<'a> {
    pack: &'a RulePack,
    number: usize,
    verdict: &'a Verdict,
    predicate: &'a Predicate,
    said: &'a Verdicts,
    at: Millis,
}

impl Judged<'_> {
    fn check(&self, scope: Option<&Scope<'_>>, breaches: &mut Vec<OpenedBreach>) {
        let (verdict, as_of) = (self.number, self.said.as_of);
        if self.verdict.band.is_some() {
            breaches.push(OpenedBreach::BandTold { verdict });
        }
        let latest = match (self.verdict.truth, scope) {
            (Truth::True | Truth::False, Some(scope)) => {
                self.rests_on_all(scope, breaches);
                as_of.plus_days(u32::from(scope.validity_days))
            }
            (Truth::True | Truth::False, None) => {
                return breaches.push(OpenedBreach::OutOfScope { verdict });
            }
            (Truth::Indeterminate(reason), scope) => {
                self.rests_on_some(scope, breaches);
                if !self.may_be(reason, scope.is_some()) {
                    breaches.push(OpenedBreach::OtherReason { verdict, reason });
                }
                as_of
            }
        };
        self.until(latest, breaches);
    }

    fn until(&self, latest: Day, breaches: &mut Vec<OpenedBreach>) {
        let says = self.verdict.valid_until;
        if says < self.said.as_of || says > latest {
            breaches.push(OpenedBreach::ValidUntil { verdict: self.number, says, latest });
        }
    }

    /// TRUE or FALSE rests on every register that the type names, each synchronised within its bound.
    fn rests_on_all(&self, scope: &Scope<'_>, breaches: &mut Vec<OpenedBreach>) {
        let (verdict, covered) = (self.number, self.covered());
        let mut named: Vec<AttestationType> = scope.registers().collect();
        named.sort_unstable();
        named.dedup();
        let mut found: Vec<AttestationType> = covered.iter().flatten().map(|entry| entry.register).collect();
        found.sort_unstable();
        if covered.is_none() || named != found {
            breaches.push(OpenedBreach::OtherRegisters { verdict });
        }
        for entry in covered.iter().flatten().filter(|entry| is_stale(self.pack, entry, self.at.minus(QUEUE_MS))) {
            breaches.push(OpenedBreach::Stale { verdict, register: entry.register });
        }
    }

    fn rests_on_some(&self, scope: Option<&Scope<'_>>, breaches: &mut Vec<OpenedBreach>) {
        let is_named = |register| scope.is_some_and(|scope| scope.registers().any(|named| named == register));
        if !self.covered().is_some_and(|covered| covered.iter().all(|entry| is_named(entry.register))) {
            breaches.push(OpenedBreach::OtherRegisters { verdict: self.number });
        }
    }

    /// The entries of the coverage that the verdict names; `None` where it names one that is not there.
    fn covered(&self) -> Option<Vec<&Coverage>> {
        let bits = self.verdict.coverage;
        (0..u32::BITS).filter(|bit| bits & (1 << bit) != 0).map(|bit| self.said.coverage.get(bit as usize)).collect()
    }

    fn may_be(&self, reason: Indeterminate, in_scope: bool) -> bool {
        let shape = Shape::of(self.predicate);
        match reason {
            Indeterminate::OutOfScope => !in_scope,
            Indeterminate::NotRated => in_scope && matches!(shape, Shape::GradeAtLeast | Shape::BandAtLeast),
            Indeterminate::Withdrawn => in_scope && shape == Shape::HashMatches,
            Indeterminate::NoSource | Indeterminate::Stale | Indeterminate::Objection => in_scope,
        }
    }
}
