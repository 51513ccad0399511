//! The static decision: whether a question may be asked, in which lane, on which legal basis (PROTOCOL.md, "Rule pack").
//!
//! One pure function of question and pack that asker, issuer and auditor run and must agree on. What is checked, in this order; the
//! first that fails is the refusal:
//!
//! 1. the pack is the one that the query names ([`decide`] only)
//! 2. the subject is no natural person
//! 3. issuer and asker are a pair with a legal basis
//! 4. for each predicate, in the asker's order: the catalogue has the type; the cell of type and purpose is no refusal; the type may be
//!    asked about this kind of subject, in this form, over this window
//! 5. the strictest lane of all cells can be served: in this version the public lane only, because nothing carries an authorisation yet
//! 6. the query names that lane, and then that legal basis ([`decide`] only)
//!
//! Not here: budgets, suspensions and staleness, which are the issuer's veto; and what the answer is (`evaluate`).

use std::fmt;

use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Purpose};
use creditbay_protocol::refusal::Refusal;
use creditbay_protocol::terms::Terms;

use super::RulePack;
use super::catalogue::TypeRule;

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
    /// The region that answers.
    pub issuer: Region,
    /// What for.
    pub purpose: Purpose,
    /// About what kind of subject.
    pub subject_kind: SubjectKind,
    /// What is asked.
    pub predicates: &'a [Predicate],
    /// o
    pub organisation: creditbay_protocol::name::OrganisationId,
    /// d
    pub with_digest: bool,
    /// s
    pub standing: super::standing::Standing,
}

/// What the pack demands of this question, or why it may not be asked.
pub fn require(pack: &RulePack, question: &Question<'_>) -> Result<Permit, Refusal> {
    walk(pack, question, &mut |_| {})
}

/// Whether the query with these terms may be answered under this pack.
pub fn decide(pack: &RulePack, standing: super::standing::Standing, terms: &Terms) -> Result<Permit, Refusal> {
    if terms.pack != pack.digest() {
        return Err(Refusal::RulePack { named: terms.pack, active: pack.digest() });
    }
    let question = Question {
        asker: terms.asker,
        issuer: terms.issuer,
        purpose: terms.purpose,
        subject_kind: terms.subject_kind,
        predicates: terms.predicates.as_slice(),
        organisation: terms.organisation,
        with_digest: terms.with_digest,
        standing,
    };
    let permit = require(pack, &question)?;
    if terms.lane != permit.lane {
        return Err(Refusal::LaneWrong);
    }
    if terms.legal_basis != permit.legal_basis {
        return Err(Refusal::BasisWrong);
    }
    Ok(permit)
}

/// The rules that decide this question, each with its key in the file and who holds it; the last line is the decision. If it is a
/// refusal, the line before names the rule that refuses.
pub fn explain(pack: &RulePack, question: &Question<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let decision = walk(pack, question, &mut |step: Step| {
        let section = pack.sections().iter().find(|section| section.name == step.section());
        lines.push(section.map_or_else(|| step.to_string(), |section| format!("{step} [{section}]")));
    });
    lines.push(match decision {
        Ok(permit) => format!("admitted in lane {} on {}", permit.lane, permit.legal_basis),
        Err(refusal) => format!("refused: {refusal} ({})", refusal.name()),
    });
    lines
}

fn walk(pack: &RulePack, question: &Question<'_>, note: &mut dyn FnMut(Step)) -> Result<Permit, Refusal> {
    if question.subject_kind == SubjectKind::NaturalPerson {
        note(Step::NaturalPerson);
        return Err(Refusal::NaturalPerson);
    }
    let (issuer, asker) = (question.issuer, question.asker);
    let pair = pack.bases().between(issuer, asker);
    note(Step::Pair { issuer, asker, found: pair.map(|pair| (pair.entry, pair.public)) });
    let legal_basis = pair.ok_or(Refusal::PairWithoutBasis)?.public;
    let mut strictest = None;
    for predicate in question.predicates {
        let lane = admit(pack, question, predicate, note)?;
        strictest = strictest.max(Some(lane));
    }
    // A question without predicates names no type that the pack knows.
    let lane = strictest.ok_or(Refusal::TypeUnknown)?;
    note(Step::Strictest { lane });
    if lane == Lane::Public { Ok(Permit { lane, legal_basis }) } else { Err(Refusal::LaneWrong) }
}

/// The lane of one predicate. R lies beyond A and C: what only regulators may ask makes the whole question theirs.
fn admit(pack: &RulePack, question: &Question<'_>, predicate: &Predicate, note: &mut dyn FnMut(Step)) -> Result<Lane, Refusal> {
    let of = predicate.of();
    note(Step::Known { of });
    let rule: &TypeRule = pack.catalogue().get(of).ok_or(Refusal::TypeUnknown)?;
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
    note(Step::LookBack { of, longest: rule.look_back_months });
    if !rule.admits_window(predicate) {
        return Err(Refusal::WindowTooLong);
    }
    Ok(lane)
}

/// A rule that the walk comes to, noted before it is applied.
#[derive(Debug, Clone, Copy)]
enum Step {
    NaturalPerson,
    Pair { issuer: Region, asker: Region, found: Option<(usize, LegalBasis)> },
    Known { of: AttestationType },
    Cell { of: AttestationType, purpose: Purpose, cell: Option<Lane> },
    Subjects { of: AttestationType, kind: SubjectKind },
    Shapes { predicate: Predicate },
    LookBack { of: AttestationType, longest: Option<u16> },
    Strictest { lane: Lane },
}

impl Step {
    fn section(self) -> &'static str {
        match self {
            Self::Pair { .. } => "basis",
            Self::Cell { .. } | Self::Strictest { .. } => "matrix",
            _ => "catalogue",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NaturalPerson => write!(f, "catalogue.types: no type has natural persons among its subjects"),
            Self::Pair { issuer, asker, found: Some((entry, basis)) } => {
                write!(f, "basis.pairs[{entry}]: {issuer} answers {asker} on {basis}")
            }
            Self::Pair { issuer, asker, found: None } => write!(f, "basis.pairs: none in which {issuer} answers {asker}"),
            Self::Known { of } => write!(f, "catalogue.types.{of}: may be asked only if it is there"),
            Self::Cell { of, purpose, cell: Some(lane) } => write!(f, "matrix.cells.{of}.{purpose}: lane {lane}"),
            Self::Cell { of, purpose, cell: None } => write!(f, "matrix.cells.{of}.{purpose}: refused"),
            Self::Subjects { of, kind } => write!(f, "catalogue.types.{of}.subjects: must have {kind}"),
            Self::Shapes { predicate } => write!(f, "catalogue.types.{}.shapes: must admit {predicate}", predicate.of()),
            Self::LookBack { of, longest: Some(months) } => {
                write!(f, "catalogue.types.{of}.look_back_months: at most {months} months")
            }
            Self::LookBack { of, longest: None } => write!(f, "catalogue.types.{of}.look_back_months: none, so only today"),
            Self::Strictest { lane } => write!(f, "matrix.cells: the strictest lane of all is {lane}; this version serves P"),
        }
    }
}

#[cfg(test)]
mod tests {
    use creditbay_crypto::hash::Digest;
    use creditbay_protocol::name::OrganisationId;
    use creditbay_protocol::predicate::{Predicates, RegistrationStatus, Severity, Statuses};

    use super::super::sample::{altered_pack, pack};
    use super::*;

    const TAX: Predicate = Predicate::NotListed { of: AttestationType::SerTax, window_months: 36 };
    const PENALTIES: Predicate =
        Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::General, window_months: 36, n: 0 };
    const GRADE: Predicate = Predicate::GradeAtLeast { of: AttestationType::TaxGrade, grade: 3 };

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    /// Hong Kong asks Guangzhou about an entity, for finance.
    fn question(predicates: &[Predicate]) -> Question<'_> {
        let (asker, issuer) = (region("hk"), region("gz"));
        Question { asker, issuer, purpose: Purpose::Fin, subject_kind: SubjectKind::Entity, predicates }
    }

    fn terms() -> Terms {
        Terms {
            asker: region("hk"),
            issuer: region("gz"),
            organisation: OrganisationId::new("bank-a").unwrap(),
            purpose: Purpose::Fin,
            subject_kind: SubjectKind::Entity,
            lane: Lane::Public,
            legal_basis: LegalBasis::CnPub,
            pack: pack().digest(),
            predicates: Predicates::new(vec![TAX]).unwrap(),
            with_digest: false,
            authorisation: None,
            portfolio: None,
        }
    }

    #[test]
    fn what_the_rules_admit_has_a_lane_and_a_basis() {
        let permit = decide(&pack(), &terms()).unwrap();
        assert_eq!((permit.lane(), permit.legal_basis()), (Lane::Public, LegalBasis::CnPub));
        let status = Statuses::of(&[RegistrationStatus::Active]).unwrap();
        let eight = [Predicate::StatusIn { of: AttestationType::RegStatus, statuses: status }; 8];
        let of_macao = Question { asker: region("hk"), issuer: region("mo"), ..question(&eight) };
        assert_eq!(require(&pack(), &of_macao).unwrap().legal_basis(), LegalBasis::MoPubreg);
        let household = Question { subject_kind: SubjectKind::Household, ..question(&[TAX]) };
        assert!(require(&pack(), &household).is_ok());
        let proc = Question { purpose: Purpose::Proc, ..question(&[TAX, PENALTIES]) };
        assert!(require(&pack(), &proc).is_ok());
    }

    #[test]
    fn another_pack_is_refused() {
        let named = Digest([1; 32]);
        let refusal = decide(&pack(), &Terms { pack: named, ..terms() }).unwrap_err();
        assert_eq!(refusal, Refusal::RulePack { named, active: pack().digest() });
    }

    #[test]
    fn a_natural_person_is_refused() {
        let person = Question { subject_kind: SubjectKind::NaturalPerson, ..question(&[TAX]) };
        assert_eq!(require(&pack(), &person), Err(Refusal::NaturalPerson));
    }

    #[test]
    fn a_pair_without_basis_is_refused() {
        for (asker, issuer) in [("hk", "fs"), ("fs", "gz"), ("gz", "gz")] {
            let question = Question { asker: region(asker), issuer: region(issuer), ..question(&[TAX]) };
            assert_eq!(require(&pack(), &question), Err(Refusal::PairWithoutBasis), "{asker} asks {issuer}");
        }
    }

    #[test]
    fn an_unknown_type_and_a_question_without_one_are_refused() {
        assert_eq!(require(&pack(), &question(&[TAX, GRADE])), Err(Refusal::TypeUnknown));
        assert_eq!(require(&pack(), &question(&[])), Err(Refusal::TypeUnknown));
    }

    #[test]
    fn a_purpose_without_cell_is_refused() {
        let recognition = Question { purpose: Purpose::Prof, ..question(&[TAX]) };
        assert_eq!(require(&pack(), &recognition), Err(Refusal::PurposeNotAdmitted));
    }

    #[test]
    fn another_kind_of_subject_is_refused() {
        let of = |subject_kind, predicates| Question { subject_kind, purpose: Purpose::Proc, ..question(predicates) };
        let refusals = [of(SubjectKind::Household, &[PENALTIES][..]), of(SubjectKind::PublicBody, &[TAX])];
        for question in refusals {
            assert_eq!(require(&pack(), &question), Err(Refusal::SubjectKindNotAdmitted));
        }
    }

    #[test]
    fn another_shape_count_or_severity_is_refused() {
        let of = AttestationType::Penalty;
        let count = |severity, n| Predicate::CountLe { of, severity, window_months: 36, n };
        let wrong = [
            Predicate::ExistsValid { of: AttestationType::SerTax },
            Predicate::NotListed { of, window_months: 36 },
            count(Severity::General, 2),
            count(Severity::Minor, 0),
        ];
        for predicate in wrong {
            let question = Question { purpose: Purpose::Proc, ..question(std::slice::from_ref(&predicate)) };
            assert_eq!(require(&pack(), &question), Err(Refusal::ShapeNotAdmitted), "{predicate}");
        }
        let right = [count(Severity::General, 0), count(Severity::Serious, 1), count(Severity::Serious, 3)];
        assert!(require(&pack(), &Question { purpose: Purpose::Proc, ..question(&right) }).is_ok());
    }

    #[test]
    fn a_longer_window_is_refused() {
        let listed = |of, window_months| Predicate::NotListed { of, window_months };
        for (predicate, admitted) in [
            (listed(AttestationType::SerAny, 36), true),
            (listed(AttestationType::SerAny, 37), false),
            (listed(AttestationType::AbnList, 0), true),
            (listed(AttestationType::AbnList, 1), false),
        ] {
            let decision = require(&pack(), &question(std::slice::from_ref(&predicate)));
            assert_eq!(decision.is_ok(), admitted, "{predicate}");
            assert!(admitted || decision == Err(Refusal::WindowTooLong), "{predicate}");
        }
    }

    #[test]
    fn a_lane_that_needs_an_authorisation_is_refused_and_so_is_another_lane_than_asked_for() {
        assert_eq!(require(&pack(), &question(&[PENALTIES])), Err(Refusal::LaneWrong), "PENALTY for FIN is lane A");
        assert_eq!(require(&pack(), &question(&[TAX, PENALTIES, TAX])), Err(Refusal::LaneWrong), "the strictest wins");
        let supervision = Question { purpose: Purpose::Reg, ..question(&[PENALTIES]) };
        assert_eq!(require(&pack(), &supervision), Err(Refusal::LaneWrong), "PENALTY for REG is lane R");
        for lane in [Lane::Authorised, Lane::Carried, Lane::Regulators] {
            assert_eq!(decide(&pack(), &Terms { lane, ..terms() }), Err(Refusal::LaneWrong));
            let predicates = Predicates::new(vec![PENALTIES]).unwrap();
            assert_eq!(decide(&pack(), &Terms { lane, predicates, ..terms() }), Err(Refusal::LaneWrong));
        }
    }

    #[test]
    fn another_basis_is_refused() {
        for legal_basis in LegalBasis::ALL.iter().copied().filter(|basis| *basis != LegalBasis::CnPub) {
            assert_eq!(decide(&pack(), &Terms { legal_basis, ..terms() }), Err(Refusal::BasisWrong), "{legal_basis}");
        }
    }

    /// Each question has every fault from its own on; the first is the refusal.
    #[test]
    fn refusals_come_in_the_order_of_the_checks() {
        let window = Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::General, window_months: 37, n: 0 };
        let shape = Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::General, window_months: 37, n: 2 };
        let of = |subject_kind, purpose, predicate: &Predicate| {
            let predicates = std::slice::from_ref(predicate);
            require(&pack(), &Question { subject_kind, purpose, ..question(predicates) }).unwrap_err()
        };
        assert_eq!(of(SubjectKind::Entity, Purpose::Fin, &PENALTIES), Refusal::LaneWrong);
        assert_eq!(of(SubjectKind::Entity, Purpose::Fin, &window), Refusal::WindowTooLong);
        assert_eq!(of(SubjectKind::Entity, Purpose::Fin, &shape), Refusal::ShapeNotAdmitted);
        assert_eq!(of(SubjectKind::Household, Purpose::Fin, &shape), Refusal::SubjectKindNotAdmitted);
        assert_eq!(of(SubjectKind::Household, Purpose::Prof, &shape), Refusal::PurposeNotAdmitted);
        assert_eq!(of(SubjectKind::Household, Purpose::Prof, &GRADE), Refusal::TypeUnknown);
        let elsewhere = Question { issuer: region("fs"), ..question(&[GRADE]) };
        assert_eq!(require(&pack(), &elsewhere), Err(Refusal::PairWithoutBasis));
        let person = Question { subject_kind: SubjectKind::NaturalPerson, ..elsewhere };
        assert_eq!(require(&pack(), &person), Err(Refusal::NaturalPerson));
        let all = Terms { subject_kind: SubjectKind::NaturalPerson, pack: Digest([1; 32]), lane: Lane::Carried, ..terms() };
        assert!(matches!(decide(&pack(), &all), Err(Refusal::RulePack { .. })));
        let lane_and_basis = Terms { lane: Lane::Carried, legal_basis: LegalBasis::OwnRequest, ..terms() };
        assert_eq!(decide(&pack(), &lane_and_basis), Err(Refusal::LaneWrong));
    }

    #[test]
    fn the_first_wrong_predicate_is_the_refusal() {
        let longer = Predicate::NotListed { of: AttestationType::SerTax, window_months: 37 };
        assert_eq!(require(&pack(), &question(&[longer, GRADE])), Err(Refusal::WindowTooLong));
        assert_eq!(require(&pack(), &question(&[GRADE, longer])), Err(Refusal::TypeUnknown));
    }

    #[test]
    fn a_cell_opened_in_the_pack_opens_the_question() {
        let opened = altered_pack("PENALTY     = { FIN = \"A\"", "PENALTY     = { FIN = \"P\"");
        assert!(require(&opened, &question(&[PENALTIES])).is_ok());
        assert!(matches!(decide(&opened, &terms()), Err(Refusal::RulePack { .. })), "but queries name the pack that they mean");
    }

    #[test]
    fn an_explanation_names_the_keys_and_ends_with_the_decision() {
        let admitted = explain(&pack(), &question(&[TAX]));
        assert_eq!(
            admitted,
            [
                "basis.pairs[0]: gz answers hk on CN-PUB [illustrative; held by software, checkable from leaves]",
                "catalogue.types.SER_TAX: may be asked only if it is there [illustrative; held by software, checkable from leaves]",
                "matrix.cells.SER_TAX.FIN: lane P [illustrative; held by software, checkable from leaves]",
                "catalogue.types.SER_TAX.subjects: must have entity [illustrative; held by software, checkable from leaves]",
                "catalogue.types.SER_TAX.shapes: must admit not_listed(SER_TAX, 36 months) [illustrative; held by software, checkable from leaves]",
                "catalogue.types.SER_TAX.look_back_months: at most 36 months [illustrative; held by software, checkable from leaves]",
                "matrix.cells: the strictest lane of all is P; this version serves P [illustrative; held by software, checkable from leaves]",
                "admitted in lane P on CN-PUB",
            ]
        );
        let of_abnormal = Predicate::NotListed { of: AttestationType::AbnList, window_months: 1 };
        for (question, rule, refusal) in [
            (question(&[PENALTIES]), "matrix.cells: the strictest lane of all is A", "lane_wrong"),
            (
                Question { purpose: Purpose::Prof, ..question(&[TAX]) },
                "matrix.cells.SER_TAX.PROF: refused",
                "purpose_not_admitted",
            ),
            (question(&[GRADE]), "catalogue.types.TAX_GRADE: ", "type_unknown"),
            (question(&[of_abnormal]), "catalogue.types.ABN_LIST.look_back_months: none", "window_too_long"),
            (
                Question { issuer: region("fs"), ..question(&[TAX]) },
                "basis.pairs: none in which fs answers hk",
                "pair_without_basis",
            ),
            (
                Question { subject_kind: SubjectKind::NaturalPerson, ..question(&[TAX]) },
                "catalogue.types: no type",
                "natural_person",
            ),
        ] {
            let lines = explain(&pack(), &question);
            assert!(lines[lines.len() - 2].starts_with(rule), "{lines:?}");
            assert!(lines[lines.len() - 1].starts_with("refused: ") && lines[lines.len() - 1].contains(refusal), "{lines:?}");
        }
    }
}
