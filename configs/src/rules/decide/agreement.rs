//! Asker and issuer never differ on the static part: over random questions, what [`require`] demands, and nothing else, is what
//! [`decide`] admits over the terms of the query that was built from it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::authorisation::{Agreed, Authorisation, Language, NamedSubject, Notice, Types, Uses};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::{Name, OperatorId};
use creditbay_protocol::portfolio::UnderPortfolio;
use creditbay_protocol::predicate::{AttestationType, Predicates, RegistrationStatus, Severity, Statuses};
use creditbay_protocol::query::{Presented, Query, Subject};
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::super::sample::pack;
use super::{
    Lane, LegalBasis, OrganisationId, Permit, Predicate, Purpose, Question, Refusal, Region, Shape, Standing, decide, require,
};

/// One of each kind that an identifier can have.
const NAMED: [&str; 3] = ["91440101MA9XTEAT0A", "92440300MA5XDEMQ8T", "11440000006940001M"];

fn predicate() -> impl Strategy<Value = Predicate> {
    let window = prop_oneof![4 => Just(0u16), 2 => 1u16..37, 1 => 36u16..62, 1 => any::<u16>()];
    let domains =
        prop_oneof![2 => Just(Domains::NONE), 1 => vec(1u8..64, 1..3).prop_map(|numbers| Domains::of(&numbers).unwrap())];
    let states = vec(select(RegistrationStatus::ALL), 1..4).prop_map(|states| Statuses::of(&states).unwrap());
    let parts = (window, domains, states, select(Severity::ALL), 0u8..5, 0u8..7, 0u16..8);
    let shape = prop_oneof![8 => Just(None), 1 => (0usize..7).prop_map(Some)];
    (select(AttestationType::ALL), shape, any::<bool>(), parts).prop_map(|(of, shape, second, parts)| {
        let (window_months, domains, statuses, severity, n, grade, map) = parts;
        let all = [
            Predicate::ExistsValid { of },
            Predicate::GradeAtLeast { of, grade },
            Predicate::BandAtLeast { of, band: grade, map },
            Predicate::NotListed { of, window_months },
            Predicate::CountLe { of, severity, window_months, n },
            Predicate::HashMatches { of, domains, window_months },
            Predicate::StatusIn { of, statuses },
        ];
        // Mostly a shape that fits the type; otherwise nearly every question is refused for its shape.
        let fitting: Vec<_> = all.iter().filter(|one| Shape::answerable(of).contains(&Shape::of(one))).collect();
        shape.map_or_else(|| **fitting.get(usize::from(second)).unwrap_or(&fitting[0]), |shape| all[shape])
    })
}

/// What a service might want to know, and how the query that it makes might be labelled.
#[derive(Debug, Clone)]
struct Wanted {
    asker: Region,
    issuer: Region,
    purpose: Purpose,
    /// The entity's identifier; none for a person who carries a report.
    named: Option<&'static str>,
    with_digest: bool,
    standing: Standing,
    predicates: Vec<Predicate>,
    lane: Lane,
    legal_basis: LegalBasis,
    authorised: Option<(u16, u16)>,
    portfolio: Option<u32>,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let region = |names: &'static [&'static str]| select(names).prop_map(|name| Region::new(name).unwrap());
    let pair = prop_oneof![
        (region(&["gz", "sz", "hk", "mo", "fs"]), region(&["gz", "sz", "hk", "mo"])),
        (region(&["gz", "hk"]), region(&["sz", "mo"])),
        (region(&["sz"]), region(&["gz"])),
    ];
    let purpose = prop_oneof![3 => select(Purpose::ALL), 1 => Just(Purpose::Reg)];
    let named = prop_oneof![3 => Just(Some(NAMED[0])), 2 => select(&NAMED[..]).prop_map(Some), 2 => Just(None)];
    let predicates = prop_oneof![3 => vec(predicate(), 1..2), 1 => vec(predicate(), 2..5)];
    let asked = (pair, purpose, named, weighted(0.1), any::<bool>(), predicates);
    let uses = prop_oneof![Just(None), (1u16..5, 1u16..5).prop_map(Some)];
    let size = prop_oneof![Just(None), prop_oneof![Just(0u32), 1u32..20_000].prop_map(Some)];
    let labels = (select(Lane::ALL), select(LegalBasis::ALL), uses, size);
    (asked, labels).prop_map(|(asked, (lane, legal_basis, authorised, portfolio))| {
        let ((asker, issuer), purpose, named, wrong_digest, regulators, predicates) = asked;
        let with_digest = wrong_digest != predicates.iter().any(|one| Shape::of(one) == Shape::HashMatches);
        let standing = Standing { regulators };
        Wanted { asker, issuer, purpose, named, with_digest, standing, predicates, lane, legal_basis, authorised, portfolio }
    })
}

impl Wanted {
    fn subject(&self) -> Subject {
        self.named.map_or(Subject::Bearer, |code| Subject::Entity(Identifier::parse(Scheme::Uscc, code).unwrap()))
    }

    fn question(&self) -> Question<'_> {
        Question {
            asker: self.asker,
            organisation: OrganisationId::new("bank-a").unwrap(),
            standing: self.standing,
            issuer: self.issuer,
            purpose: self.purpose,
            subject_kind: self.subject().kind(),
            with_digest: self.with_digest,
            predicates: &self.predicates,
        }
    }

    fn query(&self, pack: Digest) -> Query {
        Query {
            asker: self.asker,
            issuer: self.issuer,
            organisation: OrganisationId::new("bank-a").unwrap(),
            operator: OperatorId::new("clerk-7").unwrap(),
            purpose: self.purpose,
            subject: self.subject(),
            predicates: Predicates::new(self.predicates.clone()).unwrap(),
            lane: self.lane,
            legal_basis: self.legal_basis,
            pack,
            expires: Millis(0),
            digest: self.with_digest.then_some(Digest([8; 32])),
            authorisation: self.authorised.map(|(number, of)| presented(number, of)),
            portfolio: self.portfolio.map(|size| UnderPortfolio { portfolio: Digest([3; 32]), size }),
        }
    }
}

fn presented(number: u16, of: u16) -> Presented {
    let signed = Authorisation {
        nonce: [1; 16],
        channel: Name::new("gz-portal").unwrap(),
        subject: NamedSubject(Identifier::parse(Scheme::Uscc, NAMED[0]).unwrap()),
        issuer: Region::new("gz").unwrap(),
        asker: Region::new("hk").unwrap(),
        organisation: OrganisationId::new("bank-a").unwrap(),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade]).unwrap(),
        notice: Notice { version: 1, language: Language::En, digest: Digest([2; 32]) },
        agreed: Agreed { provide: true, sensitive: false, export: true },
        granted: Millis(0),
        expires: Millis(1),
        uses: Uses::new(of).unwrap(),
    };
    let key = SigningKey::from_seed(Seed::from_bytes([4; 32]));
    Presented { signed: signed.sign(&key), number: Uses::new(number).unwrap() }
}

#[test]
fn asker_and_issuer_never_differ_on_the_static_part() {
    let pack = pack();
    let (admitted, refusals) = (Cell::new(0), RefCell::new(BTreeMap::new()));
    // The same questions in every run: which refusals they meet is no matter of luck.
    let config = Config { cases: 4096, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&wanted(), |wanted| {
        let demanded = require(&pack, &wanted.question());
        let as_labelled = decide(&pack, wanted.standing, &wanted.query(pack.digest()).terms());
        match demanded {
            Err(refusal) => {
                *refusals.borrow_mut().entry(refusal.name()).or_insert(0) += 1;
                same(as_labelled, Err(refusal), "no label opens what is refused")
            }
            Ok(permit) => {
                admitted.set(admitted.get() + 1);
                let authorised = (permit.lane() == Lane::Authorised).then_some((1, 1));
                let (lane, legal_basis) = (permit.lane(), permit.legal_basis());
                let right = Wanted { lane, legal_basis, authorised, portfolio: None, ..wanted.clone() };
                let answered = decide(&pack, right.standing, &right.query(pack.digest()).terms());
                same(answered, Ok(permit), "what is demanded is admitted")?;
                let labelled_so = (wanted.lane, wanted.legal_basis) == (lane, legal_basis);
                if as_labelled.is_ok() && !labelled_so {
                    return Err(TestCaseError::fail(format!("{as_labelled:?} under other labels: {wanted:?}")));
                }
                Ok(())
            }
        }
    });
    outcome.unwrap();
    assert!(admitted.get() > 100, "admitted were {}", admitted.get());
    let met: BTreeMap<&str, u32> = refusals.into_inner();
    for name in [
        "pair_without_basis",
        "purpose_between_others",
        "natural_person",
        "purpose_not_admitted",
        "subject_kind_not_admitted",
        "shape_not_admitted",
        "grade_unknown",
        "grade_across_laws",
        "window_too_long",
        "not_regulators",
        "digest_missing",
    ] {
        assert!(met.contains_key(name), "{name} was never met: {met:?}");
    }
}

fn same(found: Result<Permit, Refusal>, expected: Result<Permit, Refusal>, why: &str) -> Result<(), TestCaseError> {
    if found == expected { Ok(()) } else { Err(TestCaseError::fail(format!("{why}: {found:?}, expected {expected:?}"))) }
}
