//! Each rule of the decision refuses by its own reason, in the order of the checks; and an explanation names the rule.

use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::Uses;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::name::OrganisationId;
use creditbay_protocol::portfolio::UnderPortfolio;
use creditbay_protocol::predicate::{AttestationType, Predicates, RegistrationStatus, Severity, Statuses};
use creditbay_protocol::terms::AuthorisedUse;

use super::super::phrase::parse;
use super::super::sample::{altered_pack, pack, read, within, without};
use super::*;

const TAX: Predicate = Predicate::NotListed { of: AttestationType::SerTax, window_months: 36 };
const PENALTIES: Predicate =
    Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::General, window_months: 36, n: 0 };
const GRADE: Predicate = Predicate::GradeAtLeast { of: AttestationType::TaxGrade, grade: 3 };
const BAND: Predicate = Predicate::BandAtLeast { of: AttestationType::TaxGrade, band: 3, map: 1 };
const REPORT: Predicate = Predicate::HashMatches { of: AttestationType::ReportVerify, domains: Domains::NONE, window_months: 0 };
const PERMITTED: Predicate = Predicate::ExistsValid { of: AttestationType::Permit };
const REGULATOR: Standing = Standing { regulators: true };
const NONE: Standing = Standing { regulators: false };

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

/// Hong Kong asks Guangzhou about an entity, for finance.
fn question(predicates: &[Predicate]) -> Question<'_> {
    Question {
        asker: region("hk"),
        organisation: OrganisationId::new("bank-a").unwrap(),
        standing: NONE,
        issuer: region("gz"),
        purpose: Purpose::Fin,
        subject_kind: SubjectKind::Entity,
        with_digest: false,
        predicates,
    }
}

/// The same about a natural person who carries a report.
fn carried(predicates: &[Predicate]) -> Question<'_> {
    Question { subject_kind: SubjectKind::NaturalPerson, with_digest: true, ..question(predicates) }
}

/// Between the two mainland regions.
fn domestic(predicates: &[Predicate]) -> Question<'_> {
    Question { asker: region("sz"), ..question(predicates) }
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

fn used(number: u16, of: u16) -> Option<AuthorisedUse> {
    let (number, of) = (Uses::new(number).unwrap(), Uses::new(of).unwrap());
    Some(AuthorisedUse { authorisation: Digest([5; 32]), number, of })
}

/// Terms in lane A, use 1 of 3.
fn authorised() -> Terms {
    let predicates = Predicates::new(vec![BAND]).unwrap();
    Terms { lane: Lane::Authorised, legal_basis: LegalBasis::CnEntAuth, predicates, authorisation: used(1, 3), ..terms() }
}

#[track_caller]
fn assert_permit(question: &Question<'_>, lane: Lane, legal_basis: LegalBasis) {
    assert_eq!(require(&pack(), question), Ok(Permit { lane, legal_basis }));
}

#[track_caller]
fn assert_refusal(question: &Question<'_>, refusal: Refusal) {
    assert_eq!(require(&pack(), question), Err(refusal));
}

#[test]
fn what_the_rules_admit_has_a_lane_and_a_basis() {
    let permit = decide(&pack(), NONE, &terms()).unwrap();
    assert_eq!((permit.lane(), permit.legal_basis()), (Lane::Public, LegalBasis::CnPub));
    let status = Statuses::of(&[RegistrationStatus::Active]).unwrap();
    let eight = [Predicate::StatusIn { of: AttestationType::RegStatus, statuses: status }; 8];
    assert_permit(&Question { issuer: region("mo"), ..question(&eight) }, Lane::Public, LegalBasis::MoPubreg);
    assert_permit(&Question { subject_kind: SubjectKind::Household, ..question(&[TAX]) }, Lane::Public, LegalBasis::CnPub);
    assert_permit(&Question { purpose: Purpose::Proc, ..question(&[TAX, PENALTIES]) }, Lane::Public, LegalBasis::CnPub);
    let default = parse("not_listed(GOV_DEFAULT, 36)").unwrap();
    let body = Question { subject_kind: SubjectKind::PublicBody, ..question(std::slice::from_ref(&default)) };
    assert_permit(&body, Lane::Public, LegalBasis::CnPub);
}

#[test]
fn every_lane_has_its_basis() {
    assert_permit(&question(&[BAND]), Lane::Authorised, LegalBasis::CnEntAuth);
    let matched = Question { with_digest: true, ..question(&[REPORT]) };
    assert_permit(&matched, Lane::Authorised, LegalBasis::CnEntAuth);
    let of_hong_kong = Question { asker: region("mo"), issuer: region("hk"), ..matched };
    assert_permit(&of_hong_kong, Lane::Authorised, LegalBasis::HkEntAuth);
    let of_macao = Question { asker: region("hk"), issuer: region("mo"), ..matched };
    assert_permit(&of_macao, Lane::Authorised, LegalBasis::MoEntAuth);
    assert_permit(&carried(&[REPORT]), Lane::Carried, LegalBasis::OwnRequest);
    let supervision = Question { purpose: Purpose::Reg, standing: REGULATOR, ..domestic(&[GRADE, TAX]) };
    assert_permit(&supervision, Lane::Regulators, LegalBasis::CnPiStat);
}

#[test]
fn another_pack_is_refused() {
    let named = Digest([1; 32]);
    let refusal = decide(&pack(), NONE, &Terms { pack: named, ..terms() }).unwrap_err();
    assert_eq!(refusal, Refusal::RulePack { named, active: pack().digest() });
}

#[test]
fn a_pair_without_basis_is_refused() {
    for (asker, issuer) in [("hk", "fs"), ("fs", "gz"), ("gz", "gz")] {
        assert_refusal(&Question { asker: region(asker), issuer: region(issuer), ..question(&[TAX]) }, Refusal::PairWithoutBasis);
    }
}

#[test]
fn a_person_is_refused_between_hong_kong_and_macao_and_a_company_is_not() {
    for (asker, issuer) in [("hk", "mo"), ("mo", "hk")] {
        let between = |question| Question { asker: region(asker), issuer: region(issuer), ..question };
        assert_refusal(&between(carried(&[REPORT])), Refusal::PairWithoutBasis);
        assert!(require(&pack(), &between(question(&[PERMITTED]))).is_ok());
    }
    for (asker, issuer) in [("hk", "gz"), ("mo", "sz"), ("gz", "hk"), ("sz", "mo"), ("gz", "sz")] {
        let between = Question { asker: region(asker), issuer: region(issuer), ..carried(&[REPORT]) };
        assert_permit(&between, Lane::Carried, LegalBasis::OwnRequest);
    }
}

#[test]
fn supervision_across_the_boundary_is_refused() {
    for (asker, issuer) in [("hk", "gz"), ("gz", "hk"), ("mo", "sz"), ("hk", "mo")] {
        let across = Question {
            asker: region(asker),
            issuer: region(issuer),
            purpose: Purpose::Reg,
            standing: REGULATOR,
            ..question(&[TAX])
        };
        assert_refusal(&across, Refusal::PurposeBetweenOthers);
    }
    assert_permit(&Question { purpose: Purpose::Reg, ..domestic(&[TAX]) }, Lane::Public, LegalBasis::CnPub);
}

#[test]
fn an_unknown_type_and_a_question_without_one_are_refused() {
    let lacking = read(&without("PERMIT")).unwrap();
    assert_eq!(require(&lacking, &question(&[TAX, PERMITTED])), Err(Refusal::TypeUnknown));
    assert_eq!(require(&lacking, &carried(&[PERMITTED])), Err(Refusal::TypeUnknown));
    assert!(require(&pack(), &question(&[TAX, PERMITTED])).is_ok());
    assert_refusal(&question(&[]), Refusal::TypeUnknown);
}

#[test]
fn a_natural_person_is_asked_about_by_digest_in_his_own_rows_alone() {
    assert_refusal(&carried(&[TAX]), Refusal::NaturalPerson);
    assert_refusal(&carried(&[GRADE]), Refusal::NaturalPerson);
    for text in ["not_listed(COURT_DISHONEST)", "not_listed(INSOLVENCY, 60)", "exists_valid(REPORT_VERIFY)"] {
        assert_refusal(&carried(&[parse(text).unwrap()]), Refusal::NaturalPerson);
    }
    for (text, purpose, admitted) in [
        ("hash_matches(COURT_DISHONEST)", Purpose::Fin, true),
        ("hash_matches(COURT_DISHONEST)", Purpose::Prof, true),
        ("hash_matches(COURT_DISHONEST)", Purpose::Proc, false),
        ("hash_matches(SEC_FILE)", Purpose::List, true),
        ("hash_matches(SEC_FILE)", Purpose::Fin, false),
        ("hash_matches(RES_INTEGRITY)", Purpose::Rnd, true),
        ("hash_matches(REPORT_VERIFY)", Purpose::Inv, false),
    ] {
        let predicates = [parse(text).unwrap()];
        let decision = require(&pack(), &Question { purpose, ..carried(&predicates) });
        assert_eq!(decision.is_ok(), admitted, "{text} for {purpose}");
        assert!(admitted || decision == Err(Refusal::PurposeNotAdmitted), "{text} for {purpose}");
    }
    let hash = |domains, window_months| [Predicate::HashMatches { of: AttestationType::Insolvency, domains, window_months }];
    assert!(require(&pack(), &carried(&hash(Domains::NONE, 60))).is_ok());
    assert_refusal(&carried(&hash(Domains::NONE, 61)), Refusal::WindowTooLong);
    assert_refusal(&carried(&hash(Domains::of(&[1]).unwrap(), 60)), Refusal::ShapeNotAdmitted);
}

#[test]
fn a_purpose_without_cell_is_refused() {
    assert_refusal(&Question { purpose: Purpose::Prof, ..question(&[TAX]) }, Refusal::PurposeNotAdmitted);
}

#[test]
fn another_kind_of_subject_is_refused() {
    let of = |subject_kind, predicates| Question { subject_kind, purpose: Purpose::Proc, ..question(predicates) };
    let default = [parse("not_listed(GOV_DEFAULT)").unwrap()];
    for question in [
        of(SubjectKind::Household, &[PENALTIES][..]),
        of(SubjectKind::PublicBody, &[TAX]),
        of(SubjectKind::Household, &[GRADE]),
        of(SubjectKind::Entity, &default),
    ] {
        assert_refusal(&question, Refusal::SubjectKindNotAdmitted);
    }
}

#[test]
fn another_shape_count_severity_or_domain_is_refused() {
    let of = AttestationType::Penalty;
    let count = |severity, n| Predicate::CountLe { of, severity, window_months: 36, n };
    let report = |domains: &[u8]| Predicate::HashMatches {
        of: AttestationType::NoViolReport,
        domains: Domains::of(domains).unwrap(),
        window_months: 60,
    };
    let wrong = [
        Predicate::ExistsValid { of: AttestationType::SerTax },
        Predicate::NotListed { of, window_months: 36 },
        count(Severity::General, 2),
        count(Severity::Minor, 0),
        report(&[39]),
        report(&[1, 63]),
    ];
    for predicate in wrong {
        assert_refusal(
            &Question { purpose: Purpose::Proc, with_digest: true, ..question(std::slice::from_ref(&predicate)) },
            Refusal::ShapeNotAdmitted,
        );
    }
    let right = [count(Severity::General, 0), count(Severity::Serious, 1), count(Severity::Serious, 3), report(&[1, 38])];
    assert!(require(&pack(), &Question { purpose: Purpose::Proc, with_digest: true, ..question(&right) }).is_ok());
}

#[test]
fn a_grade_or_band_that_the_pack_does_not_have_is_refused() {
    let (tax, aeo) = (AttestationType::TaxGrade, AttestationType::AeoGrade);
    let grade = |of, grade| Predicate::GradeAtLeast { of, grade };
    let band = |of, band, map| Predicate::BandAtLeast { of, band, map };
    for (predicate, admitted) in [
        (grade(tax, 0), true),
        (grade(tax, 4), true),
        (grade(tax, 5), false),
        (band(tax, 0, 1), true),
        (band(tax, 4, 1), true),
        (band(tax, 5, 1), false),
        (band(tax, 4, 2), false),
        (band(tax, 4, 9), false),
        (band(aeo, 4, 2), true),
    ] {
        let decision = require(&pack(), &domestic(std::slice::from_ref(&predicate)));
        assert_eq!(decision.is_ok(), admitted, "{predicate}");
        assert!(admitted || decision == Err(Refusal::GradeUnknown), "{predicate}");
    }
    let of_hong_kong = Question { asker: region("gz"), issuer: region("hk"), ..question(&[GRADE]) };
    assert_refusal(&of_hong_kong, Refusal::GradeUnknown);
}

#[test]
fn native_grades_across_laws_are_refused_and_bands_are_not() {
    assert_refusal(&question(&[GRADE]), Refusal::GradeAcrossLaws);
    assert_permit(&question(&[BAND]), Lane::Authorised, LegalBasis::CnEntAuth);
    assert_permit(&domestic(&[GRADE]), Lane::Authorised, LegalBasis::CnEntAuth);
    let aeo = [Predicate::GradeAtLeast { of: AttestationType::AeoGrade, grade: 1 }];
    for (asker, issuer) in [("gz", "mo"), ("hk", "mo"), ("mo", "hk")] {
        let across = Question { asker: region(asker), issuer: region(issuer), ..question(&aeo) };
        assert_refusal(&across, Refusal::GradeAcrossLaws);
    }
}

#[test]
fn a_longer_window_is_refused() {
    let listed = |of, window_months| Predicate::NotListed { of, window_months };
    for (predicate, admitted) in [
        (listed(AttestationType::SerAny, 36), true),
        (listed(AttestationType::SerAny, 37), false),
        (listed(AttestationType::CourtDishonest, 60), true),
        (listed(AttestationType::CourtDishonest, 61), false),
        (listed(AttestationType::AbnList, 0), true),
        (listed(AttestationType::AbnList, 1), false),
    ] {
        let decision = require(&pack(), &question(std::slice::from_ref(&predicate)));
        assert_eq!(decision.is_ok(), admitted, "{predicate}");
        assert!(admitted || decision == Err(Refusal::WindowTooLong), "{predicate}");
    }
}

#[test]
fn the_strictest_lane_of_all_is_the_questions() {
    assert_permit(&question(&[TAX, PENALTIES, TAX]), Lane::Authorised, LegalBasis::CnEntAuth);
    let research = [parse("hash_matches(RES_INTEGRITY)").unwrap(), parse("hash_matches(NO_VIOL_REPORT)").unwrap()];
    let rnd = Question { purpose: Purpose::Rnd, with_digest: true, ..question(&research) };
    assert_permit(&rnd, Lane::Carried, LegalBasis::OwnRequest);
    let mixed = [research[0], PERMITTED];
    assert_refusal(&Question { predicates: &mixed, ..rnd }, Refusal::ShapeNotAdmitted);
    let supervision = Question { purpose: Purpose::Reg, ..domestic(&[TAX, PENALTIES]) };
    assert_refusal(&supervision, Refusal::NotRegulators);
    assert_permit(&Question { standing: REGULATOR, ..supervision }, Lane::Regulators, LegalBasis::CnPiStat);
}

#[test]
fn a_lane_without_basis_for_the_pair_is_refused() {
    let text = within("[[basis.pairs]]", 0, "\nregulators = \"CN-PI-STAT\"", "");
    let without = read(&text).unwrap();
    let supervision = Question { purpose: Purpose::Reg, standing: REGULATOR, ..domestic(&[PENALTIES]) };
    assert_eq!(require(&without, &supervision), Err(Refusal::PairWithoutBasis));
    let text = within("[[basis.pairs]]", 1, "\nauthorised = \"CN-ENT-AUTH\"", "");
    let without = read(&text).unwrap();
    assert_eq!(require(&without, &question(&[BAND])), Err(Refusal::PairWithoutBasis));
    assert!(require(&without, &question(&[TAX])).is_ok());
}

#[test]
fn a_digest_comes_if_and_only_if_one_is_to_be_matched() {
    assert_refusal(&question(&[REPORT]), Refusal::DigestMissing);
    assert_refusal(&Question { with_digest: true, ..question(&[TAX]) }, Refusal::DigestMissing);
    assert_refusal(&Question { with_digest: false, ..carried(&[REPORT]) }, Refusal::DigestMissing);
}

#[test]
fn an_authorisation_comes_if_and_only_if_the_lane_is_a() {
    assert!(decide(&pack(), NONE, &authorised()).is_ok());
    let without = Terms { authorisation: None, ..authorised() };
    assert_eq!(decide(&pack(), NONE, &without), Err(Refusal::AuthorisationMissing));
    let public = Terms { authorisation: used(1, 3), ..terms() };
    assert_eq!(decide(&pack(), NONE, &public), Err(Refusal::AuthorisationMissing));
}

#[test]
fn a_use_beyond_the_last_is_refused() {
    let with = |number, of| decide(&pack(), NONE, &Terms { authorisation: used(number, of), ..authorised() });
    assert!(with(3, 3).is_ok());
    assert_eq!(with(4, 3), Err(Refusal::AuthorisationSpent));
}

#[test]
fn a_portfolio_larger_than_the_largest_is_refused() {
    let with = |size| {
        let portfolio = Some(UnderPortfolio { portfolio: Digest([3; 32]), size });
        decide(&pack(), NONE, &Terms { portfolio, ..terms() })
    };
    assert!(with(1).is_ok() && with(10_000).is_ok());
    assert_eq!([with(0), with(10_001)], [Err(Refusal::PortfolioUnknown); 2]);
}

#[test]
fn another_lane_than_the_rules_ask_for_is_refused() {
    for lane in [Lane::Authorised, Lane::Carried, Lane::Regulators] {
        assert_eq!(decide(&pack(), NONE, &Terms { lane, ..terms() }), Err(Refusal::LaneWrong));
    }
    for lane in [Lane::Public, Lane::Carried, Lane::Regulators] {
        assert_eq!(decide(&pack(), NONE, &Terms { lane, ..authorised() }), Err(Refusal::LaneWrong));
    }
}

#[test]
fn another_basis_is_refused() {
    for legal_basis in LegalBasis::ALL.iter().copied().filter(|basis| *basis != LegalBasis::CnPub) {
        assert_eq!(decide(&pack(), NONE, &Terms { legal_basis, ..terms() }), Err(Refusal::BasisWrong), "{legal_basis}");
    }
}

/// Each question has every fault from its own on; the first is the refusal.
#[test]
fn refusals_come_in_the_order_of_the_checks() {
    let tax = AttestationType::TaxGrade;
    let asked = |predicates, kind, purpose| Question { subject_kind: kind, purpose, ..question(predicates) };
    let refusal = |question: Question<'_>| require(&pack(), &question).unwrap_err();
    use SubjectKind::{Entity, Household};
    let digestless = [REPORT, BAND];
    assert_eq!(refusal(asked(&digestless, Entity, Purpose::Fin)), Refusal::DigestMissing);
    let window =
        [Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::General, window_months: 37, n: 0 }, REPORT];
    assert_eq!(refusal(asked(&window, Entity, Purpose::Fin)), Refusal::WindowTooLong);
    let across = [Predicate::GradeAtLeast { of: tax, grade: 4 }, window[0]];
    assert_eq!(refusal(asked(&across, Entity, Purpose::Fin)), Refusal::GradeAcrossLaws);
    let unknown = [Predicate::GradeAtLeast { of: tax, grade: 5 }, window[0]];
    assert_eq!(refusal(asked(&unknown, Entity, Purpose::Fin)), Refusal::GradeUnknown);
    let shape = [Predicate::NotListed { of: tax, window_months: 99 }, unknown[0]];
    assert_eq!(refusal(asked(&shape, Entity, Purpose::Fin)), Refusal::ShapeNotAdmitted);
    assert_eq!(refusal(asked(&shape, Household, Purpose::Fin)), Refusal::SubjectKindNotAdmitted);
    assert_eq!(refusal(asked(&shape, Household, Purpose::Prof)), Refusal::PurposeNotAdmitted);
    assert_eq!(refusal(asked(&shape, SubjectKind::NaturalPerson, Purpose::Prof)), Refusal::NaturalPerson);
    assert_eq!(refusal(asked(&shape, Household, Purpose::Reg)), Refusal::PurposeBetweenOthers);
    let elsewhere = Question { issuer: region("fs"), ..asked(&shape, Household, Purpose::Reg) };
    assert_eq!(refusal(elsewhere), Refusal::PairWithoutBasis);

    let late = Terms {
        authorisation: used(4, 3),
        portfolio: Some(UnderPortfolio { portfolio: Digest([3; 32]), size: 0 }),
        lane: Lane::Carried,
        legal_basis: LegalBasis::OwnRequest,
        ..authorised()
    };
    let decided = |terms: &Terms| decide(&pack(), NONE, terms).unwrap_err();
    assert_eq!(decided(&Terms { authorisation: None, ..late.clone() }), Refusal::AuthorisationMissing);
    assert_eq!(decided(&late), Refusal::AuthorisationSpent);
    assert_eq!(decided(&Terms { authorisation: used(3, 3), ..late.clone() }), Refusal::PortfolioUnknown);
    let named = Terms { authorisation: used(3, 3), portfolio: None, ..late.clone() };
    assert_eq!(decided(&named), Refusal::LaneWrong);
    assert_eq!(decided(&Terms { lane: Lane::Authorised, ..named }), Refusal::BasisWrong);
    assert!(matches!(decided(&Terms { pack: Digest([1; 32]), ..late }), Refusal::RulePack { .. }));
}

#[test]
fn the_first_wrong_predicate_is_the_refusal() {
    let longer = Predicate::NotListed { of: AttestationType::SerTax, window_months: 37 };
    assert_refusal(&question(&[longer, GRADE]), Refusal::WindowTooLong);
    assert_refusal(&question(&[GRADE, longer]), Refusal::GradeAcrossLaws);
}

#[test]
fn a_cell_opened_in_the_pack_opens_the_question() {
    let opened = altered_pack("PENALTY         = { FIN = \"A\"", "PENALTY         = { FIN = \"P\"");
    assert_eq!(require(&opened, &question(&[PENALTIES])).unwrap().lane(), Lane::Public);
    assert_permit(&question(&[PENALTIES]), Lane::Authorised, LegalBasis::CnEntAuth);
    let terms = decide(&opened, NONE, &terms());
    assert!(matches!(terms, Err(Refusal::RulePack { .. })), "but queries name the pack that they mean");
}

#[test]
fn an_explanation_names_the_keys_and_ends_with_the_decision() {
    let admitted = explain(&pack(), &question(&[TAX]));
    let mark = "[ILL; held by software, checkable from leaves]";
    let steps = [
        "basis.pairs[1]: gz may answer hk",
        "catalogue.types.SER_TAX: may be asked only if it is there",
        "matrix.cells.SER_TAX.FIN: lane P",
        "catalogue.types.SER_TAX.subjects: must have entity",
        "catalogue.types.SER_TAX.shapes: must admit not_listed(SER_TAX, 36 months)",
        "catalogue.types.SER_TAX.look_back_months: at most 36 months",
        "matrix: the strictest lane of all is P",
        "basis.pairs[1].public: gz answers hk on CN-PUB",
    ];
    let mut expected: Vec<String> = steps.iter().map(|step| format!("{step} {mark}")).collect();
    expected.push("admitted in lane P on CN-PUB".to_owned());
    assert_eq!(admitted, expected);
}

#[test]
fn every_refusal_is_explained_by_the_rule_before_it() {
    let of_abnormal = Predicate::NotListed { of: AttestationType::AbnList, window_months: 1 };
    let research = [parse("hash_matches(RES_INTEGRITY)").unwrap(), PERMITTED];
    let unknown = [Predicate::GradeAtLeast { of: AttestationType::TaxGrade, grade: 9 }];
    for (question, rule, refusal) in [
        (Question { purpose: Purpose::Prof, ..question(&[TAX]) }, "matrix.cells.SER_TAX.PROF: refused", "purpose_not_admitted"),
        (question(&[of_abnormal]), "catalogue.types.ABN_LIST.look_back_months: none", "window_too_long"),
        (Question { issuer: region("fs"), ..question(&[TAX]) }, "basis.pairs: none in which fs answers hk", "pair_without_basis"),
        (carried(&[TAX]), "catalogue.persons: no row for SER_TAX", "natural_person"),
        (
            Question { purpose: Purpose::Rnd, ..carried(&[REPORT]) },
            "matrix.persons.REPORT_VERIFY.RND: refused",
            "purpose_not_admitted",
        ),
        (Question { purpose: Purpose::Reg, ..question(&[TAX]) }, "purposes.only_between.REG: ", "purpose_between_others"),
        (Question { purpose: Purpose::Reg, ..domestic(&[PENALTIES]) }, "basis: lane R is between regulators; ", "not_regulators"),
        (question(&[GRADE]), "scales: native grades under one law only; the asker's is HK", "grade_across_laws"),
        (domestic(&unknown), "scales.native: TAX_GRADE under CN must have rank 9", "grade_unknown"),
        (
            Question { purpose: Purpose::Rnd, ..question(&research) },
            "catalogue: lane C admits hash_matches only",
            "shape_not_admitted",
        ),
        (
            Question { asker: region("mo"), issuer: region("hk"), ..carried(&[REPORT]) },
            "basis.pairs[3].carried: none",
            "pair_without_basis",
        ),
        (question(&[REPORT]), "catalogue: a digest belongs to hash_matches; needed is one, none came", "digest_missing"),
    ] {
        let lines = explain(&pack(), &question);
        assert!(lines[lines.len() - 2].starts_with(rule), "{lines:?}");
        assert!(lines[lines.len() - 1].starts_with("refused: ") && lines[lines.len() - 1].contains(refusal), "{lines:?}");
    }
}

#[test]
fn only_rows_that_are_proposals_are_marked_so() {
    let marked = |question: &Question<'_>, rule: &str| {
        let lines = explain(&pack(), question);
        let line = lines.iter().find(|line| line.starts_with(rule)).unwrap_or_else(|| panic!("{lines:?}"));
        (line.contains("[ILL; held by "), line.clone())
    };
    let (proposal, line) = marked(&domestic(&[GRADE]), "scales.native");
    assert!(!proposal && line.contains("B of D < C < M < B < A (STA Announcement 2025 No. 12"), "{line}");
    let quality = [Predicate::GradeAtLeast { of: AttestationType::QualGrade, grade: 2 }];
    assert!(marked(&Question { purpose: Purpose::Proc, ..domestic(&quality) }, "scales.native").0);
    let best = [Predicate::BandAtLeast { of: AttestationType::AeoGrade, band: 4, map: 2 }];
    let good = [Predicate::BandAtLeast { of: AttestationType::AeoGrade, band: 3, map: 2 }];
    for (asker, issuer, predicates, proposal) in
        [("mo", "gz", &best, false), ("gz", "mo", &best, false), ("hk", "mo", &best, true), ("gz", "mo", &good, true)]
    {
        let question = Question { asker: region(asker), issuer: region(issuer), ..question(predicates) };
        assert_eq!(marked(&question, "bands.maps").0, proposal, "{asker} asks {issuer}");
    }
}
