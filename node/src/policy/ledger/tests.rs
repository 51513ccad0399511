//! The ledger alone: what is reserved, given back, kept, and refused by which budget.

use creditbay_configs::rules::budgets::Threshold;
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, Language, NamedSubject, Notice, SignatureText, SignedAuthorisation, Types,
};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::Name;
use creditbay_protocol::portfolio::UnderPortfolio as Under;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::Presented;

use super::*;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::store::in_memory::InMemory;
use crate::store::log::{Head, set_head};

/// 2026-11-23T04:00:00Z.
const NOON: Millis = Millis(1_795_406_400_000);
const COMPANIES: [&str; 4] = ["91440101MA9XTEAT0A", "91440104YL1000014F", "91440105YL1000022Q", "91440106YL10000302"];
const HELD: Cost = Cost { unknown: false };

const BUDGETS: Budgets = Budgets {
    requester_per_day: 6,
    peer_per_day: 8,
    subject_per_day: 3,
    types_per_subject_and_day: 2,
    subjects_per_day: 3,
    unknown_subjects_per_day: 1,
    portfolio_subjects: 10,
    portfolio_days: 31,
};

fn volumes() -> Volumes {
    let threshold = |persons, refuse| Threshold { persons, sensitive: true, refuse };
    Volumes { thresholds: vec![threshold(5, false), threshold(10, true)], warn_percent: 80 }
}

thread_local! {
    static KEYS: EpochKeys = EpochKeys::in_memory();
}

fn tags() -> Tags {
    Tags::new(KEYS.with(Clone::clone), Arc::new(Entropy::system()))
}

fn ledger() -> (Ledger, InMemory) {
    let store = InMemory::new();
    (Ledger::new(Arc::new(store.clone()), tags()), store)
}

fn head_at(time: Millis) -> Head {
    let origin = "gz.creditbay/log/1".parse().unwrap();
    Head { origin, size: 3, root: Digest([0; 32]), time, batches: 3, watermark: Millis(0), open_from: 3 }
}

fn query(company: usize, organisation: &str, of: AttestationType) -> Query {
    Query {
        asker: Name::new("hk").unwrap(),
        issuer: Name::new("gz").unwrap(),
        organisation: Name::new(organisation).unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: Purpose::Fin,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, COMPANIES[company]).unwrap()),
        predicates: Predicates::new(vec![Predicate::ExistsValid { of }]).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: Digest([1; 32]),
        expires: NOON.plus(30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

fn about(company: usize) -> Query {
    query(company, "bank.hk", AttestationType::Permit)
}

fn bearer() -> Query {
    Query { subject: Subject::Bearer, digest: Some(Digest([5; 32])), ..about(0) }
}

fn reserve_at(ledger: &Ledger, query: &Query, cost: Cost, now: Millis) -> Result<Reservation, Refusal> {
    match ledger.reserve_answer(&BUDGETS, &volumes(), query, cost, now) {
        Ok((reservation, _)) => Ok(reservation),
        Err(ReserveError::Spent(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    }
}

fn reserve(ledger: &Ledger, query: &Query) -> Result<Reservation, Refusal> {
    reserve_at(ledger, query, HELD, NOON)
}

fn spend(ledger: &Ledger, query: &Query) -> Result<(), Refusal> {
    reserve(ledger, query).map(Reservation::settle)
}

fn spent(budget: Budget) -> Result<(), Refusal> {
    Err(Refusal::BudgetSpent { budget })
}

/// Writes what was reserved as the log's writer does.
fn write(store: &InMemory, reservation: &Reservation) {
    let mut batch = Batch::default();
    for Spending { account, amount } in reservation.spendings() {
        layout::set_balance(&mut batch, account, &layout::balance(store, account).unwrap().plus(*amount));
    }
    store.commit(Tree::Log, batch).unwrap();
}

#[test]
fn a_subject_is_answered_about_so_often_a_day_to_each_organisation() {
    let (ledger, _) = ledger();
    for _ in 0..3 {
        assert_eq!(spend(&ledger, &about(0)), Ok(()));
    }
    assert_eq!(spend(&ledger, &about(0)), spent(Budget::Subject));
    assert_eq!(spend(&ledger, &about(1)), Ok(()));
    let other = query(0, "bank.two", AttestationType::Permit);
    assert_eq!(spend(&ledger, &other), Ok(()), "another organisation has a budget of its own");
    assert_eq!(reserve_at(&ledger, &about(0), HELD, NOON.plus(DAY_MS)).map(Reservation::settle), Ok(()), "so has the next day");
}

#[test]
fn an_organisation_and_a_peer_have_a_budget_each() {
    let (ledger, _) = ledger();
    for company in [0, 0, 1, 1, 2, 2] {
        assert_eq!(spend(&ledger, &about(company)), Ok(()));
    }
    assert_eq!(spend(&ledger, &about(0)), spent(Budget::Requester));
    for company in [0, 1] {
        assert_eq!(spend(&ledger, &query(company, "bank.two", AttestationType::Permit)), Ok(()));
    }
    assert_eq!(spend(&ledger, &query(2, "bank.two", AttestationType::Permit)), spent(Budget::Peer));
}

#[test]
fn of_one_subject_only_so_many_types_are_learnt_in_a_day() {
    let (ledger, _) = ledger();
    let ask = |of| spend(&ledger, &query(0, "bank.hk", of));
    assert_eq!([ask(AttestationType::Permit), ask(AttestationType::SerTax)], [Ok(()), Ok(())]);
    assert_eq!(ask(AttestationType::SerWage), spent(Budget::Combination));
    assert_eq!(ask(AttestationType::SerTax), Ok(()), "what was learnt already is no further type");
}

#[test]
fn trying_out_identifiers_is_noticed() {
    let (ledger, _) = ledger();
    let miss = |company| reserve_at(&ledger, &about(company), Cost { unknown: true }, NOON).map(Reservation::settle);
    assert_eq!(miss(0), Ok(()));
    assert_eq!(miss(1), spent(Budget::Enumeration), "a second identifier that nobody has");
    assert_eq!([spend(&ledger, &about(1)), spend(&ledger, &about(2))], [Ok(()), Ok(())]);
    assert_eq!(spend(&ledger, &about(3)), spent(Budget::Enumeration), "a fourth subject");
}

#[test]
fn a_declared_portfolio_has_a_budget_of_its_own() {
    let (ledger, _) = ledger();
    let under = |company, size| Query { portfolio: Some(Under { portfolio: Digest([3; 32]), size }), ..about(company) };
    assert_eq!([spend(&ledger, &under(0, 2)), spend(&ledger, &under(1, 2))], [Ok(()), Ok(())]);
    assert_eq!(spend(&ledger, &under(2, 2)), spent(Budget::Portfolio));
    assert_eq!(spend(&ledger, &under(1, 2)), Ok(()), "a subject of it is asked about again");
    assert_eq!(spend(&ledger, &about(2)), Ok(()), "subjects of a portfolio do not count as tried out");
}

#[test]
fn what_was_reserved_for_a_leaf_that_was_never_written_is_given_back() {
    let (ledger, _) = ledger();
    let held: Vec<_> = (0..3).map(|_| reserve(&ledger, &about(0)).ok().unwrap()).collect();
    assert!(reserve(&ledger, &about(0)).is_err(), "three at one time cannot overspend together");
    drop(held);
    assert_eq!(spend(&ledger, &about(0)), Ok(()));
}

#[test]
fn after_a_restart_the_store_says_what_was_spent() {
    let (ledger, store) = ledger();
    for _ in 0..3 {
        let reservation = reserve(&ledger, &about(0)).ok().unwrap();
        write(&store, &reservation);
        reservation.settle();
    }
    let again = Ledger::new(Arc::new(store.reopen()), tags());
    assert_eq!(spend(&again, &about(0)), spent(Budget::Subject));
    assert_eq!(spend(&again, &about(1)), Ok(()));
    let (_, number) = again.reserve_use(Digest([4; 32]), Uses::new(2).unwrap(), NOON).ok().unwrap();
    assert_eq!(number.get(), 1);
}

/// A clock may be set back by up to 5 s and still be believed; the log's last leaf is of the new day.
#[test]
fn a_clock_that_is_set_back_over_midnight_does_not_begin_the_old_day_again() {
    let midnight = NOON.plus(DAY_MS / 2);
    let (ledger, store) = ledger();
    for _ in 0..3 {
        let reservation = reserve_at(&ledger, &about(0), HELD, midnight.plus(1_000)).ok().unwrap();
        write(&store, &reservation);
        reservation.settle();
    }
    let back = midnight.minus(1_000);
    assert_eq!(reserve_at(&ledger, &about(0), HELD, back).map(Reservation::settle), spent(Budget::Subject));

    let again = Ledger::new(Arc::new(store.reopen()), tags());
    assert_eq!(
        reserve_at(&again, &about(0), HELD, back).map(Reservation::settle),
        Ok(()),
        "an empty log says nothing of the day"
    );
    let head = head_at(midnight.plus(1_000));
    let mut batch = Batch::default();
    set_head(&mut batch, &head);
    store.commit(Tree::Log, batch).unwrap();
    let again = Ledger::new(Arc::new(store.reopen()), tags());
    assert_eq!(reserve_at(&again, &about(0), HELD, back).map(Reservation::settle), spent(Budget::Subject));
}

#[test]
fn no_subject_stands_in_the_store() {
    let (ledger, store) = ledger();
    write(&store, &reserve(&ledger, &about(0)).ok().unwrap());
    for (key, value) in store.range(Tree::Log, &[0], &[0xff], usize::MAX).unwrap() {
        for bytes in [key, value] {
            assert!(!bytes.windows(18).any(|window| window == COMPANIES[0].as_bytes()));
        }
    }
}

fn presented(number: u16) -> Query {
    let authorisation = Authorisation {
        nonce: [6; 16],
        channel: Name::new("portal.gz").unwrap(),
        subject: NamedSubject(Identifier::parse(Scheme::Uscc, COMPANIES[0]).unwrap()),
        issuer: Name::new("gz").unwrap(),
        asker: Name::new("hk").unwrap(),
        organisation: Name::new("bank.hk").unwrap(),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade]).unwrap(),
        notice: Notice { version: 1, language: Language::ZhHans, digest: Digest([8; 32]) },
        agreed: Agreed { provide: true, sensitive: false, export: true },
        granted: NOON,
        expires: NOON.plus(DAY_MS),
        uses: Uses::new(2).unwrap(),
    };
    let signature = SignatureText(creditbay_crypto::sign::Signature([0; 64]));
    let signed = SignedAuthorisation { authorisation, signature };
    Query { authorisation: Some(Presented { signed, number: Uses::new(number).unwrap() }), ..about(0) }
}

#[test]
fn each_use_of_an_authorisation_is_spent_once() {
    let (ledger, store) = ledger();
    let held = reserve(&ledger, &presented(2)).ok().unwrap();
    assert_eq!(spend(&ledger, &presented(2)), Err(Refusal::AuthorisationSpent), "also while the first is under way");
    assert_eq!(spend(&ledger, &presented(1)), Ok(()), "uses may come out of order");
    write(&store, &held);
    held.settle();
    let again = Ledger::new(Arc::new(store.reopen()), tags());
    assert_eq!(spend(&again, &presented(2)), Err(Refusal::AuthorisationSpent));
}

#[test]
fn a_use_that_is_under_way_at_midnight_is_not_free_on_the_next_day() {
    let (ledger, _) = ledger();
    let held = reserve(&ledger, &presented(2)).ok().unwrap();
    let tomorrow = NOON.plus(DAY_MS);
    let again = reserve_at(&ledger, &presented(2), HELD, tomorrow).map(Reservation::settle);
    assert_eq!(again, Err(Refusal::AuthorisationSpent), "the store does not know of it yet");
    drop(held);
    assert_eq!(reserve_at(&ledger, &presented(2), HELD, tomorrow).map(Reservation::settle), Ok(()), "given back, it is free");
}

#[test]
fn the_asker_takes_the_lowest_use_left_and_then_none() {
    let (ledger, _) = ledger();
    let take = || ledger.reserve_use(Digest([4; 32]), Uses::new(2).unwrap(), NOON);
    let (first, number) = take().ok().unwrap();
    assert_eq!(number.get(), 1);
    let (second, number) = take().ok().unwrap();
    assert_eq!(number.get(), 2);
    assert!(matches!(take(), Err(ReserveError::Spent(Refusal::AuthorisationSpent))));
    drop(first);
    second.settle();
    assert_eq!(take().ok().unwrap().1.get(), 1, "the use of a query that was never logged");
}

#[test]
fn a_threshold_of_volume_is_told_once_and_the_last_one_refuses() {
    let (ledger, _) = ledger();
    let budgets = Budgets { requester_per_day: 100, peer_per_day: 100, subject_per_day: 100, ..BUDGETS };
    let answer = |now| match ledger.reserve_answer(&budgets, &volumes(), &bearer(), HELD, now) {
        Ok((reservation, warning)) => {
            reservation.settle();
            Ok(warning.map(|warning| (warning.persons, warning.threshold)))
        }
        Err(ReserveError::Spent(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    };
    let told: Vec<_> = (0..10).map(|_| answer(NOON)).collect();
    assert_eq!(told[3], Ok(Some((4, 5))), "80 % of 5");
    assert_eq!(told[7], Ok(Some((8, 10))), "80 % of 10");
    assert_eq!(told.iter().filter(|told| **told == Ok(None)).count(), 8);
    assert_eq!(answer(NOON), Err(Refusal::BudgetSpent { budget: Budget::Volume }));
    assert_eq!(answer(NOON.plus(39 * DAY_MS)), Ok(None), "in the next calendar year it begins anew");
}

#[test]
fn the_keys_of_days_and_portfolios_go_once_they_are_over_and_not_before() {
    let (ledger, store) = ledger();
    let portfolio = Digest([3; 32]);
    let under = Query { portfolio: Some(Under { portfolio, size: 2 }), ..query(0, "bank.hk", AttestationType::Penalty) };
    let spend = |ledger: &Ledger, now: Millis| {
        let (reservation, _) = ledger.reserve_answer(&BUDGETS, &volumes(), &under, HELD, now).unwrap();
        let mut batch = Batch::default();
        for Spending { account, amount } in reservation.spendings() {
            layout::set_balance(&mut batch, account, &layout::balance(&store, account).unwrap().plus(*amount));
        }
        layout::set_portfolio_begun(&store, &mut batch, &portfolio, now.day()).unwrap();
        set_head(&mut batch, &head_at(now));
        store.commit(Tree::Log, batch).unwrap();
        reservation.settle();
    };
    let tagged = || store.range(Tree::Log, b"O", b"P", 9).unwrap().into_iter().find(|(key, _)| key.len() == 49).unwrap().0;
    let keys = || KEYS.with(|keys| keys.numbers().unwrap().len());
    spend(&ledger, NOON);
    let first = tagged();
    assert_eq!(keys(), 2, "one for the day, one for the portfolio");
    ledger.forget(NOON.plus(DAY_MS), 31).unwrap();
    assert_eq!(keys(), 2, "the log has not left the day");
    spend(&ledger, NOON.plus(DAY_MS));
    assert_eq!((keys(), tagged()), (3, first.clone()), "in the portfolio it is the same subject");
    ledger.forget(NOON.plus(DAY_MS), 31).unwrap();
    assert_eq!(keys(), 2);
    ledger.forget(NOON.plus(32 * DAY_MS), 31).unwrap();
    assert_eq!(layout::portfolios(&store).unwrap().len(), 1, "a day later the clock may still be set back");
    ledger.forget(NOON.plus(33 * DAY_MS), 31).unwrap();
    assert_eq!((keys(), layout::portfolios(&store).unwrap()), (0, Vec::new()));
    assert!(store.range(Tree::Log, b"O", b"P", 9).unwrap().is_empty());
    let again = Ledger::new(Arc::new(store.reopen()), tags());
    spend(&again, NOON.plus(34 * DAY_MS));
    assert_ne!(tagged(), first, "nobody can make the old tag again");
}

#[test]
fn a_key_that_cannot_be_read_spends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let keys = EpochKeys::of(folder.path(), "budgets").unwrap();
    std::fs::remove_dir_all(folder.path().join("budgets")).unwrap();
    std::fs::write(folder.path().join("budgets"), "no folder").unwrap();
    let ledger = Ledger::new(Arc::new(InMemory::new()), Tags::new(keys, Arc::new(Entropy::system())));
    let refused = ledger.reserve_answer(&BUDGETS, &volumes(), &query(0, "bank.hk", AttestationType::Penalty), HELD, NOON);
    assert!(matches!(refused, Err(ReserveError::Key(_))));
}
