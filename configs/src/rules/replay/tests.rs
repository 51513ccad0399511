//! Each rule broken once by a leaf of a log that otherwise keeps them all.

use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::Uses;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::event::{Event, Overlap, Suspended};
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::leaf::{Commitments, Leaf, LeafBody};
use creditbay_protocol::name::{Name, OrganisationId, Region};
use creditbay_protocol::portfolio::UnderPortfolio;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::refusal::{OutcomeClass, Refusal, RefusalClass};
use creditbay_protocol::terms::{AuthorisedUse, Terms};

use super::breach::Breach;
use super::{DAY_MS, LATEST_ANSWER_MS, QUEUE_MS, Replay};
use crate::peers::Directory;
use crate::rules::RulePack;
use crate::rules::decide::{Question, require};
use crate::rules::sample::{TEXT, altered_pack, pack, read};
use crate::rules::standing::Standing;
use crate::sample;

/// 2026-11-23T04:00:00Z, noon in UTC+8.
const NOON: Millis = Millis(1_795_406_400_000);
const LISTED: Predicate = Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 };
const RATED: Predicate = Predicate::BandAtLeast { of: AttestationType::TaxGrade, band: 4, map: 1 };
const CARRIED: Predicate = Predicate::HashMatches { of: AttestationType::ReportVerify, domains: Domains::NONE, window_months: 0 };

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

/// What the pack demands of a question of hk's bank to gz.
fn terms(pack: &RulePack, predicate: Predicate) -> Terms {
    let predicates = [predicate];
    let person = predicate == CARRIED;
    let question = Question {
        asker: region("hk"),
        organisation: OrganisationId::new("bank.hk").unwrap(),
        standing: Standing::default(),
        issuer: region("gz"),
        purpose: Purpose::Fin,
        subject_kind: if person { SubjectKind::NaturalPerson } else { SubjectKind::Entity },
        with_digest: person,
        predicates: &predicates,
    };
    let permit = require(pack, &question).unwrap();
    Terms {
        asker: question.asker,
        issuer: question.issuer,
        organisation: question.organisation,
        purpose: question.purpose,
        subject_kind: question.subject_kind,
        lane: permit.lane(),
        legal_basis: permit.legal_basis(),
        pack: pack.digest(),
        predicates: Predicates::new(predicates.to_vec()).unwrap(),
        with_digest: person,
        authorisation: (permit.lane() == Lane::Authorised).then(|| used(1, 2)),
        portfolio: None,
    }
}

fn used(number: u16, of: u16) -> AuthorisedUse {
    AuthorisedUse { authorisation: Digest([7; 32]), number: Uses::new(number).unwrap(), of: Uses::new(of).unwrap() }
}

fn commitments() -> Commitments {
    Commitments { message: Digest([1; 32]), subject: Digest([2; 32]), operator: Digest([3; 32]) }
}

fn query(terms: Terms) -> LeafBody {
    LeafBody::Query { terms, commitments: commitments() }
}

fn answer(terms: Terms) -> LeafBody {
    LeafBody::Answer { terms, outcome: OutcomeClass::Answered, query: Digest([4; 32]), commitments: commitments() }
}

fn refused(terms: Terms, class: RefusalClass) -> LeafBody {
    LeafBody::Answer { terms, outcome: OutcomeClass::Refused(class), query: Digest([4; 32]), commitments: commitments() }
}

fn activated(pack: &RulePack, overlap: Option<Overlap>) -> LeafBody {
    LeafBody::Event(Event::PackActivated { pack: pack.digest(), serial: pack.serial(), overlap })
}

fn suspension(of: Suspended, in_force: bool) -> LeafBody {
    LeafBody::Event(Event::Suspension { of, in_force })
}

fn with(terms: Terms, change: impl FnOnce(&mut Terms)) -> Terms {
    let mut terms = terms;
    change(&mut terms);
    terms
}

/// A log of `owner`, which activates the first pack at noon; its leaves follow at these times after it.
fn replayed(owner: &str, packs: &[&RulePack], leaves: Vec<(u64, LeafBody)>) -> Vec<(u64, Breach)> {
    let directory = Directory::parse("network.toml", &sample::network()).unwrap();
    let given = packs.iter().map(|pack| Arc::new((*pack).clone())).collect();
    let mut replay = Replay::new(region(owner), &directory, given);
    let first = packs.first().map(|pack| (0, activated(pack, None)));
    let log = first.into_iter().chain(leaves).enumerate();
    log.flat_map(|(index, (after, body))| {
        let breaches = replay.leaf(index as u64, &Leaf::new(NOON.plus(after), body));
        breaches.into_iter().map(move |breach| (index as u64, breach)).collect::<Vec<_>>()
    })
    .collect()
}

/// The same a millisecond apart.
fn log(owner: &str, bodies: Vec<LeafBody>) -> Vec<(u64, Breach)> {
    replayed(owner, &[&pack()], (1..).zip(bodies).collect())
}

fn kinds(found: &[(u64, Breach)]) -> Vec<(u64, &'static str)> {
    found.iter().map(|(index, breach)| (*index, breach.kind())).collect()
}

/// The next edition of the bundled pack, which begins on the day of the log.
fn next_edition(before: &RulePack) -> RulePack {
    let line = |key: &str| TEXT.lines().find(|line| line.starts_with(key)).unwrap();
    let text = TEXT
        .replace(line("serial ="), &format!("serial = 2\nsupersedes = \"{}\"", before.digest()))
        .replace(line("effective_from ="), "effective_from = \"2026-11-23\"");
    read(&text).unwrap()
}

/// The bundled pack with other budgets of a day.
fn with_budgets(requester: u32, peer: u32) -> RulePack {
    let one = ["subject_per_day", "subjects_per_day", "unknown_subjects_per_day"].map(|key| (key, 1));
    let values = [("requester_per_day", requester), ("peer_per_day", peer)];
    let text = one.iter().chain(&values).fold(TEXT.to_owned(), |text, (key, value)| {
        let line = TEXT.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
        text.replace(line, &format!("{key} = {value}"))
    });
    read(&text).unwrap()
}

#[test]
fn a_log_that_keeps_the_rules_has_no_breach_in_either_role() {
    let pack = pack();
    for predicate in [LISTED, RATED, CARRIED] {
        let asked = terms(&pack, predicate);
        assert_eq!(log("hk", vec![query(asked.clone())]), [], "{predicate}");
        assert_eq!(log("gz", vec![answer(asked)]), [], "{predicate}");
    }
    let twice =
        vec![query(terms(&pack, RATED)), query(with(terms(&pack, RATED), |terms| terms.authorisation = Some(used(2, 2))))];
    assert_eq!(log("hk", twice), []);
}

#[test]
fn what_the_static_decision_refuses_is_named_with_its_refusal() {
    type Case = (Refusal, fn(&mut Terms));
    let cases: [Case; 8] = [
        (Refusal::PurposeNotAdmitted, |terms| terms.purpose = Purpose::Prof),
        (Refusal::LaneWrong, |terms| terms.lane = Lane::Carried),
        (Refusal::BasisWrong, |terms| terms.legal_basis = LegalBasis::HkPubreg),
        (Refusal::PairWithoutBasis, |terms| terms.issuer = region("fs")),
        (Refusal::DigestMissing, |terms| terms.with_digest = true),
        (Refusal::AuthorisationMissing, |terms| terms.authorisation = Some(used(1, 2))),
        (Refusal::NaturalPerson, |terms| terms.subject_kind = SubjectKind::NaturalPerson),
        (Refusal::PortfolioUnknown, |terms| {
            terms.portfolio = Some(UnderPortfolio { portfolio: Digest([5; 32]), size: u32::MAX });
        }),
    ];
    for (refusal, change) in cases {
        let forged = with(terms(&pack(), LISTED), change);
        assert_eq!(log("gz", vec![answer(forged.clone())]), [(1, Breach::NotAdmitted { refusal })]);
        assert!(log("hk", vec![query(forged)]).contains(&(1, Breach::NotAdmitted { refusal })), "{refusal}");
    }
    let without = with(terms(&pack(), RATED), |terms| terms.authorisation = None);
    assert_eq!(log("gz", vec![answer(without)]), [(1, Breach::NotAdmitted { refusal: Refusal::AuthorisationMissing })]);
}

#[test]
fn a_use_is_spent_once_and_by_answers_alone_at_the_issuer() {
    let rated = || terms(&pack(), RATED);
    let twice = Breach::UseSpentTwice { authorisation: Digest([7; 32]), number: 1 };
    assert_eq!(log("hk", vec![query(rated()), query(rated())]), [(2, twice.clone())]);
    assert_eq!(log("gz", vec![answer(rated()), answer(rated())]), [(2, twice)]);
    assert_eq!(log("gz", vec![refused(rated(), RefusalClass::Policy), answer(rated())]), [], "a refusal spends nothing");
    let more = with(rated(), |terms| terms.authorisation = Some(used(3, 9)));
    let other = Breach::OtherUses { authorisation: Digest([7; 32]), says: 9, had: 2 };
    assert_eq!(log("gz", vec![answer(rated()), answer(more)]), [(2, other)]);
    let beyond = with(rated(), |terms| terms.authorisation = Some(used(3, 2)));
    assert_eq!(log("gz", vec![answer(beyond)]), [(1, Breach::NotAdmitted { refusal: Refusal::AuthorisationSpent })]);
}

#[test]
fn what_was_withdrawn_by_its_channel_is_good_for_nothing() {
    let withdrawn = |channel: &str| {
        let channel = Name::new(channel).unwrap();
        LeafBody::Event(Event::AuthorisationWithdrawn { authorisation: Digest([7; 32]), channel })
    };
    let rated = || terms(&pack(), RATED);
    let breach =
        Breach::AuthorisationWithdrawn { authorisation: Digest([7; 32]), channel: Name::new("portal.gz").unwrap(), leaf: 1 };
    assert_eq!(log("hk", vec![withdrawn("portal.gz"), query(rated())]), [(2, breach.clone())]);
    assert_eq!(log("gz", vec![withdrawn("portal.gz"), answer(rated())]), [(2, breach)]);
    assert_eq!(log("gz", vec![answer(rated()), withdrawn("portal.gz")]), [], "before it was withdrawn");
    assert_eq!(log("gz", vec![withdrawn("portal.hk"), answer(rated())]), [], "another channel's word is none");
}

#[test]
fn what_is_suspended_is_neither_asked_nor_answered_until_it_is_resumed() {
    let listed = || terms(&pack(), LISTED);
    let of_type = Suspended::Type(AttestationType::SerAny);
    for (owner, peer, message) in [("hk", "gz", query as fn(Terms) -> LeafBody), ("gz", "hk", answer)] {
        for of in [Suspended::Peer(region(peer)), of_type] {
            let found = log(owner, vec![suspension(of, true), message(listed()), suspension(of, false), message(listed())]);
            assert_eq!(found, [(2, Breach::Suspended { of, leaf: 1 })]);
        }
        assert_eq!(log(owner, vec![suspension(Suspended::Peer(region("mo")), true), message(listed())]), []);
    }
    let refusal = vec![suspension(of_type, true), refused(listed(), RefusalClass::Policy)];
    assert_eq!(log("gz", refusal), [], "a refusal is what a suspension is for");
}

#[test]
fn a_portfolio_is_declared_first_by_the_same_and_is_not_over() {
    let under = |size| {
        with(terms(&pack(), LISTED), |terms| {
            terms.portfolio = Some(UnderPortfolio { portfolio: Digest([5; 32]), size });
        })
    };
    let declared = |organisation: &str, size, days: u64| {
        LeafBody::Event(Event::PortfolioDeclared {
            portfolio: Digest([5; 32]),
            organisation: Name::new(organisation).unwrap(),
            purpose: Purpose::Fin,
            size,
            until: NOON.plus(days * DAY_MS),
        })
    };
    assert_eq!(log("hk", vec![declared("bank.hk", 9, 1), query(under(9))]), []);
    assert_eq!(log("gz", vec![answer(under(9))]), [], "the declaration stands in the asker's log");
    assert_eq!(kinds(&log("hk", vec![query(under(9)), declared("bank.hk", 9, 1)])), [(1, "portfolio_undeclared")]);
    assert_eq!(kinds(&log("hk", vec![declared("bank.mo", 9, 1), query(under(9))])), [(2, "other_portfolio")]);
    assert_eq!(kinds(&log("hk", vec![declared("bank.hk", 8, 1), query(under(9))])), [(2, "other_portfolio")]);
    let after = |ms| replayed("hk", &[&pack()], vec![(1, declared("bank.hk", 9, 1)), (DAY_MS + ms, query(under(9)))]);
    assert_eq!(after(QUEUE_MS - 1), [], "it may have waited for its leaf");
    assert_eq!(kinds(&after(QUEUE_MS)), [(2, "portfolio_over")]);
    let (subjects, days) = (pack().budgets().portfolio_subjects, pack().budgets().portfolio_days);
    assert_eq!(kinds(&log("hk", vec![declared("bank.hk", subjects + 1, 1)])), [(1, "portfolio_too_large")]);
    assert_eq!(kinds(&log("hk", vec![declared("bank.hk", 9, u64::from(days) + 1)])), [(1, "portfolio_too_large")]);
    assert_eq!(log("hk", vec![declared("bank.hk", subjects, u64::from(days))]), []);
}

#[test]
fn a_query_is_under_the_active_pack_and_an_answer_under_that_or_one_in_overlap() {
    let one = pack();
    let two = next_edition(&one);
    let days = u64::from(two.overlap_days());
    let taken_over = || activated(&two, Some(Overlap { pack: one.digest(), until: NOON.plus(10 + days * DAY_MS) }));
    let both = |owner: &str, leaves| replayed(owner, &[&one, &two], leaves);
    let (first, second) = (|| terms(&one, LISTED), || terms(&two, LISTED));
    let kept = vec![(1, query(first())), (10, taken_over()), (11, query(second()))];
    assert_eq!(both("hk", kept), []);
    let wrong = Breach::PackNotInForce { named: one.digest(), active: two.digest() };
    assert_eq!(both("hk", vec![(10, taken_over()), (11, query(first()))]), [(2, wrong.clone())]);
    assert_eq!(kinds(&both("hk", vec![(1, query(second()))])), [(1, "pack_not_in_force")]);
    let at = |ms| both("gz", vec![(10, taken_over()), (10 + days * DAY_MS + ms, answer(first()))]);
    assert_eq!(at(LATEST_ANSWER_MS), [], "its query may have come within the overlap");
    assert_eq!(at(LATEST_ANSWER_MS + 1), [(2, wrong)]);
    assert_eq!(kinds(&both("gz", vec![(1, answer(second()))])), [(1, "pack_not_in_force")]);
    assert_eq!(kinds(&replayed("gz", &[], vec![(1, answer(first()))])), [(0, "no_pack_activated")]);
    let unknown = with(first(), |terms| terms.pack = two.digest());
    assert_eq!(
        kinds(&replayed("gz", &[&one], vec![(10, taken_over()), (11, answer(unknown))])),
        [(1, "pack_not_given"), (2, "pack_not_given")]
    );
}

#[test]
fn an_activation_is_in_order_in_time_and_overlaps_as_the_pack_says() {
    let one = pack();
    let two = next_edition(&one);
    let until = |ms| Some(Overlap { pack: one.digest(), until: NOON.plus(1 + u64::from(two.overlap_days()) * DAY_MS + ms) });
    let both = |body| kinds(&replayed("gz", &[&one, &two], vec![(1, body)]));
    assert_eq!(both(activated(&two, until(0))), []);
    assert_eq!(both(activated(&two, until(1))), [(1, "other_overlap")]);
    assert_eq!(both(activated(&two, None)), [(1, "other_overlap")]);
    assert_eq!(both(activated(&one, until(0))), [(1, "activated_out_of_order")]);
    let renumbered = LeafBody::Event(Event::PackActivated { pack: two.digest(), serial: 3, overlap: until(0) });
    assert_eq!(both(renumbered), [(1, "activated_out_of_order")]);
    let line = TEXT.lines().find(|line| line.starts_with("effective_from =")).unwrap();
    let later = altered_pack(line, "effective_from = \"2026-11-24\"");
    assert_eq!(kinds(&replayed("gz", &[&later], vec![])), [(0, "activated_early")]);
    assert_eq!(kinds(&replayed("fs", &[&one], vec![])), [(0, "foreign_pack")]);
}

#[test]
fn budgets_of_a_day_are_kept_and_what_waited_over_midnight_counts_to_the_day_before() {
    let listed = |pack: &RulePack, organisation: &str| {
        answer(with(terms(pack, LISTED), |terms| terms.organisation = Name::new(organisation).unwrap()))
    };
    let (tight, wide) = (with_budgets(2, 2), with_budgets(2, 9));
    let of_two = |third: &str| {
        let organisations = ["bank.hk", "bank.hk", third];
        (1..).zip(organisations).map(|(ms, organisation)| (ms, listed(&tight, organisation))).collect()
    };
    assert_eq!(kinds(&replayed("gz", &[&tight], of_two("other.hk"))), [(3, "peer_budget")]);
    assert_eq!(kinds(&replayed("gz", &[&tight], of_two("bank.hk"))), [(3, "peer_budget"), (3, "organisation_budget")]);
    let midnight = DAY_MS / 2;
    let days = |after: &[u64]| {
        let answers = after.iter().map(|ms| (*ms, listed(&wide, "bank.hk"))).collect();
        kinds(&replayed("gz", &[&wide], answers))
    };
    assert_eq!(days(&[1, 2]), []);
    assert_eq!(days(&[1, 2, midnight, midnight + 1]), []);
    assert_eq!(days(&[1, midnight, midnight + QUEUE_MS, midnight + QUEUE_MS + 1]), [], "one waited over midnight");
    assert_eq!(days(&[1, 2, midnight, midnight + QUEUE_MS, midnight + QUEUE_MS + 1]), [(5, "organisation_budget")]);
    assert_eq!(days(&[1, midnight + QUEUE_MS, midnight + QUEUE_MS + 1, midnight + QUEUE_MS + 2]), [(4, "organisation_budget")]);
    let few = with_budgets(1, 1);
    let refusals = (1..=9).map(|ms| (ms, refused(terms(&few, LISTED), RefusalClass::Capacity))).collect();
    assert_eq!(replayed("gz", &[&few], refusals), [], "a refusal spends nothing");
}

#[test]
fn types_beyond_what_a_day_admits_are_seen_in_one_leaf() {
    let line = TEXT.lines().find(|line| line.starts_with("types_per_subject_and_day =")).unwrap();
    let narrow = altered_pack(line, "types_per_subject_and_day = 1");
    let court = Predicate::NotListed { of: AttestationType::CourtDishonest, window_months: 0 };
    let two = with(terms(&narrow, LISTED), |terms| terms.predicates = Predicates::new(vec![LISTED, court]).unwrap());
    assert_eq!(replayed("gz", &[&narrow], vec![(1, answer(two))]), [(1, Breach::TooManyTypes { types: 2, limit: 1 })]);
}

#[test]
fn refusals_of_what_is_admitted_are_counted_and_no_breach() {
    let directory = Directory::parse("network.toml", &sample::network()).unwrap();
    let pack = pack();
    let mut replay = Replay::new(region("gz"), &directory, vec![Arc::new(pack.clone())]);
    let wrong = with(terms(&pack, LISTED), |terms| terms.purpose = Purpose::Prof);
    let bodies = [
        activated(&pack, None),
        refused(terms(&pack, LISTED), RefusalClass::Capacity),
        refused(terms(&pack, LISTED), RefusalClass::Policy),
        refused(wrong, RefusalClass::Policy),
        answer(terms(&pack, LISTED)),
    ];
    for (index, body) in (0..).zip(bodies) {
        assert_eq!(replay.leaf(index, &Leaf::new(NOON, body)), []);
    }
    let judged = replay.judged();
    assert_eq!((judged.refusals, judged.answers, judged.orders), (3, 1, 1));
    let counted: Vec<_> = judged.refused_though_admitted.iter().map(|(class, count)| (*class, *count)).collect();
    assert_eq!(counted, [(RefusalClass::Policy, 1), (RefusalClass::Capacity, 1)]);
}
