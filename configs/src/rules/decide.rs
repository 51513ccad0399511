//! The static decision: whether a question may be asked, in which lane, on which legal basis (PROTOCOL.md, "Rule pack").
//!
//! One pure function of question and pack that asker, issuer and auditor run and must agree on. What is checked, in this order; the
//! first that fails is the refusal:
//!
//! 1. the pack is the one that the query names ([`decide`] only)
//! 2. issuer and asker are a pair with any legal basis, and the purpose is one that they may use between them
//! 3. for each predicate, in the asker's order: the catalogue has the type, for a natural person in a row about persons; the cell of type
//!    and purpose is no refusal; the type may be asked about this kind of subject, in this form, for this grade or band, over this window
//! 4. the strictest lane of all cells can be served: lane C by digests only, lane R between regulators only, each lane on the legal basis
//!    that the pair has for it
//! 5. a digest came if, and only if, one is to be matched
//! 6. an authorisation came if, and only if, the lane is A; a portfolio is no larger than the largest ([`decide`] only)
//! 7. the query names that lane, and then that legal basis ([`decide`] only)
//!
//! Not here: what stands in an authorisation; budgets, suspensions and staleness, which are the issuer's veto; and what the answer is
//! (`evaluate`).

use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{Lane, LegalBasis, Predicate, Purpose};
use creditbay_protocol::refusal::Refusal;
use creditbay_protocol::terms::Terms;

use super::RulePack;
use super::catalogue::{Shape, TypeRule};
use super::scales::BEST_BAND;
use super::standing::Standing;
use super::steps::Step;

/// What the rules demand of a question that they admit. Only this file makes one.
///
/// ```compile_fail,E0451
/// use creditbay_configs::rules::decide::Permit;
/// use creditbay_protocol::predicate::{Lane, LegalBasis};
/// let forged = Permit { lane: Lane::Public, legal_basis: LegalBasis::CnPub };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    lane: Lane,
    legal_basis: LegalBasis,
}

impl Permit {
    /// The lane that the query must name.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// The legal basis that the query must name.
    pub fn legal_basis(&self) -> LegalBasis {
        self.legal_basis
    }
}

/// A question, as far as the rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The region that asks.
    pub asker: Region,
    /// For whom it asks.
    pub organisation: OrganisationId,
    /// What that organisation is, towards the issuer.
    pub standing: Standing,
    /// The region that answers.
    pub issuer: Region,
    /// What for.
    pub purpose: Purpose,
    /// About what kind of subject.
    pub subject_kind: SubjectKind,
    /// Whether a digest to be matched comes with it.
    pub with_digest: bool,
    /// What is asked.
    pub predicates: &'a [Predicate],
}

/// What the pack demands of this question, or why it may not be asked.
pub fn require(pack: &RulePack, question: &Question<'_>) -> Result<Permit, Refusal> {
    walk(pack, question, &mut |_| {})
}

/// Whether the query with these terms may be answered under this pack. `standing` is the querying organisation's, by the network
/// directory.
pub fn decide(pack: &RulePack, standing: Standing, terms: &Terms) -> Result<Permit, Refusal> {
    if terms.pack != pack.digest() {
        return Err(Refusal::RulePack { named: terms.pack, active: pack.digest() });
    }
    let question = Question {
        asker: terms.asker,
        organisation: terms.organisation,
        standing,
        issuer: terms.issuer,
        purpose: terms.purpose,
        subject_kind: terms.subject_kind,
        with_digest: terms.with_digest,
        predicates: terms.predicates.as_slice(),
    };
    let permit = require(pack, &question)?;
    if terms.authorisation.is_some() != (permit.lane == Lane::Authorised) {
        return Err(Refusal::AuthorisationMissing);
    }
    if terms.authorisation.is_some_and(|used| used.number > used.of) {
        return Err(Refusal::AuthorisationSpent);
    }
    let largest = pack.budgets().portfolio_subjects;
    if terms.portfolio.is_some_and(|under| !(1..=largest).contains(&under.size)) {
        return Err(Refusal::PortfolioUnknown);
    }
    if terms.lane != permit.lane {
        return Err(Refusal::LaneWrong);
    }
    if terms.legal_basis != permit.legal_basis {
        return Err(Refusal::BasisWrong);
    }
    Ok(permit)
}

/// The rules that decide this question, each with its key in the file, whether it is a proposal (ILL), and who holds it; the last line is
/// the decision. If it is a refusal, the line before names the rule that refuses.
pub fn explain(pack: &RulePack, question: &Question<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let decision = walk(pack, question, &mut |step: Step| lines.push(step.explained(pack)));
    lines.push(match decision {
        Ok(permit) if permit.lane == Lane::Authorised => {
            format!("admitted in lane {} on {}, with the entity's authorisation", permit.lane, permit.legal_basis)
        }
        Ok(permit) => format!("admitted in lane {} on {}", permit.lane, permit.legal_basis),
        Err(refusal) => format!("refused: {refusal} ({})", refusal.name()),
    });
    lines
}

fn walk(pack: &RulePack, question: &Question<'_>, note: &mut dyn FnMut(Step)) -> Result<Permit, Refusal> {
    let Question { asker, issuer, purpose, .. } = *question;
    let pair = pack.bases().between(issuer, asker);
    note(Step::Pair { issuer, asker, entry: pair.map(|pair| pair.entry) });
    let pair = pair.ok_or(Refusal::PairWithoutBasis)?;
    let rule = pack.purposes().get(&purpose);
    if let Some(rule) = rule.filter(|rule| rule.only_between.is_some()) {
        note(Step::Between { purpose });
        if !rule.admits(asker, issuer) {
            return Err(Refusal::PurposeBetweenOthers);
        }
    }
    let mut strictest = None;
    for predicate in question.predicates {
        let lane = admit(pack, question, predicate, note)?;
        strictest = strictest.max(Some(lane));
    }
    // A question without predicates names no type that the pack knows.
    let lane = strictest.ok_or(Refusal::TypeUnknown)?;
    note(Step::Strictest { lane });
    let by_digest = |predicate: &Predicate| Shape::of(predicate) == Shape::HashMatches;
    if lane == Lane::Carried && !question.predicates.iter().all(by_digest) {
        note(Step::CarriedOnly);
        return Err(Refusal::ShapeNotAdmitted);
    }
    if lane == Lane::Regulators {
        note(Step::Regulators { organisation: question.organisation, standing: question.standing });
        if !question.standing.regulators {
            return Err(Refusal::NotRegulators);
        }
    }
    let basis = pair.of(lane);
    note(Step::Basis { issuer, asker, entry: pair.entry, lane, basis });
    let legal_basis = basis.ok_or(Refusal::PairWithoutBasis)?;
    let needed = question.predicates.iter().any(by_digest);
    if needed || question.with_digest {
        note(Step::Digest { needed, came: question.with_digest });
    }
    if needed != question.with_digest {
        return Err(Refusal::DigestMissing);
    }
    Ok(Permit { lane, legal_basis })
}

/// The lane of one predicate.
fn admit(pack: &RulePack, question: &Question<'_>, predicate: &Predicate, note: &mut dyn FnMut(Step)) -> Result<Lane, Refusal> {
    let of = predicate.of();
    note(Step::Known { of });
    let rule = pack.catalogue().get(of).ok_or(Refusal::TypeUnknown)?;
    if question.subject_kind == SubjectKind::NaturalPerson {
        return admit_person(pack, question, predicate, note);
    }
    let cell = pack.matrix().cell(of, question.purpose);
    note(Step::Cell { of, purpose: question.purpose, cell });
    let lane = cell.ok_or(Refusal::PurposeNotAdmitted)?;
    note(Step::Subjects { of, kind: question.subject_kind });
    if !rule.subjects.contains(&question.subject_kind) {
        return Err(Refusal::SubjectKindNotAdmitted);
    }
    note(Step::Shapes { predicate: *predicate });
    if !rule.admits_shape(predicate) {
        return Err(Refusal::ShapeNotAdmitted);
    }
    grade(pack, question, predicate, note)?;
    window(rule, predicate, note)?;
    Ok(lane)
}

/// The lane of one predicate about a natural person, who carries the report: his row, and nothing but a digest.
fn admit_person(
    pack: &RulePack,
    question: &Question<'_>,
    predicate: &Predicate,
    note: &mut dyn FnMut(Step),
) -> Result<Lane, Refusal> {
    let of = predicate.of();
    let rule = pack.catalogue().person(of);
    note(Step::Person { of, has_row: rule.is_some() });
    let rule = rule.ok_or(Refusal::NaturalPerson)?;
    if Shape::of(predicate) != Shape::HashMatches {
        return Err(Refusal::NaturalPerson);
    }
    let cell = pack.matrix().person_cell(of, question.purpose);
    note(Step::PersonCell { of, purpose: question.purpose, cell });
    let lane = cell.ok_or(Refusal::PurposeNotAdmitted)?;
    note(Step::PersonShape { predicate: *predicate });
    if !rule.admits_shape(predicate) {
        return Err(Refusal::ShapeNotAdmitted);
    }
    note(Step::PersonLookBack { of, longest: rule.look_back_months });
    if !rule.admits_window(predicate) {
        return Err(Refusal::WindowTooLong);
    }
    Ok(lane)
}

fn grade(pack: &RulePack, question: &Question<'_>, predicate: &Predicate, note: &mut dyn FnMut(Step)) -> Result<(), Refusal> {
    let (of, asker, issuer) = (predicate.of(), pack.law(question.asker), pack.law(question.issuer));
    let (asker, issuer) = asker.zip(issuer).ok_or(Refusal::PairWithoutBasis)?;
    match predicate {
        Predicate::GradeAtLeast { grade, .. } => {
            note(Step::Grade { of, rank: *grade, law: issuer });
            pack.scales().scale(of, issuer).and_then(|scale| scale.grade(*grade)).ok_or(Refusal::GradeUnknown)?;
            note(Step::OneLaw { asker, issuer });
            if asker == issuer { Ok(()) } else { Err(Refusal::GradeAcrossLaws) }
        }
        Predicate::BandAtLeast { band, map, .. } => {
            note(Step::Band { of, band: *band, map: *map, asker, issuer });
            let known = pack.scales().map(*map).is_some_and(|map| map.of == of) && *band <= BEST_BAND;
            if known { Ok(()) } else { Err(Refusal::GradeUnknown) }
        }
        _ => Ok(()),
    }
}

fn window(rule: &TypeRule, predicate: &Predicate, note: &mut dyn FnMut(Step)) -> Result<(), Refusal> {
    note(Step::LookBack { of: predicate.of(), longest: rule.look_back_months });
    if rule.admits_window(predicate) { Ok(()) } else { Err(Refusal::WindowTooLong) }
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
