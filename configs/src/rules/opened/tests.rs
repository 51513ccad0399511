//! Opened leaves that keep the rules, and each rule broken once behind a commitment.

use std::sync::{Arc, LazyLock};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::answer::{Answer, Coverage, Indeterminate, Reply, Truth, Verdicts};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, OrganisationId, Region};
use creditbay_protocol::opening::Revealed;
use creditbay_protocol::portfolio::UnderPortfolio;
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin, Predicate, Predicates, Purpose, RegistrationStatus, Statuses};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::refusal::{Budget, Refusal};

use super::Opened;
use super::breach::OpenedBreach;
use super::subjects::Portfolios;
use crate::peers::Directory;
use crate::rules::RulePack;
use crate::rules::decide::{Question, require};
use crate::rules::evaluate::{Facts, evaluate};
use crate::rules::record::{Fact, Record};
use crate::rules::sample::{TEXT, read};
use crate::rules::standing::Standing;
use crate::sample;

/// 2026-11-23T04:00:00Z, noon in UTC+8.
const NOON: Millis = Millis(1_795_406_400_000);
const COMPANY: &str = "91440101MA9XTEAT0A";
const OTHER: &str = "91440104YL1000014F";
const LISTED: Predicate = Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 };
const RATED: Predicate = Predicate::BandAtLeast { of: AttestationType::TaxGrade, band: 4, map: 1 };
const CARRIED: Predicate = Predicate::HashMatches { of: AttestationType::ReportVerify, domains: Domains::NONE, window_months: 0 };

static PACK: LazyLock<Arc<RulePack>> = LazyLock::new(|| Arc::new(crate::rules::sample::pack()));
static DIRECTORY: LazyLock<Directory> = LazyLock::new(|| Directory::parse("network.toml", &sample::network()).unwrap());

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn company(code: &str) -> Identifier {
    Identifier::parse(Scheme::Uscc, code).unwrap()
}

/// What hk's bank asks gz about a company, as the pack demands it; with a digest about a natural person.
fn asked(pack: &RulePack, predicate: Predicate) -> Query {
    let person = predicate == CARRIED;
    let subject = if person { Subject::Bearer } else { Subject::Entity(company(COMPANY)) };
    let question = Question {
        asker: region("hk"),
        organisation: OrganisationId::new("bank.hk").unwrap(),
        standing: Standing::default(),
        issuer: region("gz"),
        purpose: Purpose::Fin,
        subject_kind: subject.kind(),
        with_digest: person,
        predicates: &[predicate],
    };
    let permit = require(pack, &question).unwrap();
    Query {
        asker: question.asker,
        issuer: question.issuer,
        organisation: question.organisation,
        operator: Name::new("a.chan").unwrap(),
        purpose: question.purpose,
        subject,
        predicates: Predicates::new(vec![predicate]).unwrap(),
        lane: permit.lane(),
        legal_basis: permit.legal_basis(),
        pack: pack.digest(),
        expires: NOON.plus(30_000),
        digest: person.then_some(Digest([5; 32])),
        authorisation: None,
        portfolio: None,
    }
}

/// What gz says of a registered company.
fn said(query: &Query, pack: &RulePack) -> Verdicts {
    let registered = Fact::Registration { status: RegistrationStatus::Active, since: "2020-01-01".parse().unwrap() };
    let records = [Record { register: AttestationType::RegStatus, key: Digest([1; 32]), fact: registered }];
    let covered = |register: &AttestationType| Coverage { register: *register, synchronised: Millis(NOON.0 - 1000) };
    let registers: Vec<_> = AttestationType::ALL.iter().map(covered).collect();
    let facts = Facts { records: &records, report: None };
    evaluate(pack, query.predicates.as_slice(), LawOfOrigin::Cn, &facts, &registers, NOON)
}

fn subject_of(query: &Query) -> Revealed {
    match (&query.subject, query.digest) {
        (Subject::Entity(subject), _) => Revealed::Subject(*subject),
        (Subject::Bearer, Some(digest)) => Revealed::Report(digest),
        (Subject::Bearer, None) => Revealed::Nobody,
    }
}

fn seed() -> Seed {
    Seed::from_bytes([7; 32])
}

/// A query's leaf with all that opens it.
fn opened_query(query: &Query) -> (Leaf, Vec<Revealed>) {
    let leaf = Leaf::new(NOON, LeafBody::of_query(query, &seed()));
    (leaf, vec![Revealed::Query(Box::new(query.clone())), subject_of(query), Revealed::Operator(query.operator)])
}

/// A reply's leaf with all that opens it.
fn opened_reply(query: &Query, reply: Reply) -> (Leaf, Vec<Revealed>) {
    let answer = Answer { query: Digest([4; 32]), reply };
    let leaf = Leaf::new(NOON, LeafBody::of_answer(query, &answer, &seed()));
    (leaf, vec![Revealed::Answer(Box::new(answer)), subject_of(query), Revealed::Operator(query.operator)])
}

fn kinds(pack: &Arc<RulePack>, leaves: &[(Leaf, Vec<Revealed>)]) -> Vec<&'static str> {
    let mut opened = Opened::new(&DIRECTORY, std::slice::from_ref(pack), Portfolios::default());
    let breaches = leaves.iter().flat_map(|(leaf, revealed)| opened.leaf(leaf, revealed));
    breaches.map(|breach| breach.kind()).collect()
}

/// What one answer breaks whose verdicts were changed.
fn changed(predicate: Predicate, change: impl FnOnce(&mut Verdicts)) -> Vec<&'static str> {
    let query = asked(&PACK, predicate);
    let mut verdicts = said(&query, &PACK);
    change(&mut verdicts);
    kinds(&PACK, &[opened_reply(&query, Reply::Answered(verdicts))])
}

#[test]
fn what_keeps_the_rules_is_no_breach_whoever_opens_it() {
    for predicate in [LISTED, CARRIED] {
        let query = asked(&PACK, predicate);
        let answered = opened_reply(&query, Reply::Answered(said(&query, &PACK)));
        assert_eq!(kinds(&PACK, &[opened_query(&query), answered]), [""; 0], "{predicate}");
    }
    let query = asked(&PACK, LISTED);
    for refusal in [Refusal::BudgetSpent { budget: Budget::Peer }, Refusal::TypeSuspended, Refusal::NotWitnessed] {
        assert_eq!(kinds(&PACK, &[opened_reply(&query, Reply::Refused(refusal))]), [""; 0], "{refusal}");
    }
    let rated = changed(RATED, |_| {});
    assert_eq!(rated, [""; 0], "INDETERMINATE(not_rated)");
}

#[test]
fn each_field_that_was_not_opened_is_named() {
    let query = asked(&PACK, LISTED);
    let (leaf, revealed) = opened_query(&query);
    let mut opened = Opened::new(&DIRECTORY, std::slice::from_ref(&PACK), Portfolios::default());
    for left_out in 0..3 {
        let rest: Vec<_> = (0..3).filter(|at| *at != left_out).map(|at| revealed[at].clone()).collect();
        assert!(matches!(opened.leaf(&leaf, &rest)[..], [OpenedBreach::FieldMissing(_)]), "{left_out}");
    }
}

#[test]
fn a_querys_commitments_hide_what_its_message_names() {
    let query = asked(&PACK, LISTED);
    for (at, other, kind) in [
        (1, Revealed::Subject(company(OTHER)), "opened_other_subject"),
        (1, Revealed::Nobody, "opened_other_subject"),
        (2, Revealed::Operator(Name::new("b.lam").unwrap()), "opened_other_operator"),
    ] {
        let (leaf, mut revealed) = opened_query(&query);
        revealed[at] = other;
        assert_eq!(kinds(&PACK, &[(leaf, revealed)]), [kind]);
    }
    let carried = asked(&PACK, CARRIED);
    let (leaf, mut revealed) = opened_query(&carried);
    revealed[1] = Revealed::Report(Digest([6; 32]));
    assert_eq!(kinds(&PACK, &[(leaf, revealed)]), ["opened_other_subject"], "the digest that was to be matched is another");
    let eternal = Query { expires: NOON.plus(600_000), ..query.clone() };
    assert_eq!(kinds(&PACK, &[opened_query(&eternal)]), ["opened_lifetime"]);
    let unpermitted = asked(&PACK, RATED);
    assert_eq!(kinds(&PACK, &[opened_query(&unpermitted)]), ["opened_authorisation"]);
}

#[test]
fn an_answer_is_about_a_subject_of_its_kind_and_of_its_issuer() {
    let query = asked(&PACK, LISTED);
    let reply = || opened_reply(&query, Reply::Answered(said(&query, &PACK)));
    let shenzhen = "91440300708461136T";
    for (subject, kind) in [
        (Revealed::Subject(company(shenzhen)), "opened_subject_elsewhere"),
        (Revealed::Report(Digest([5; 32])), "opened_other_kind"),
        (Revealed::Nobody, "opened_no_subject"),
    ] {
        let (leaf, mut revealed) = reply();
        revealed[1] = subject;
        assert_eq!(kinds(&PACK, &[(leaf, revealed)]), [kind]);
    }
}

#[test]
fn verdicts_say_rest_on_and_are_good_for_what_the_pack_admits() {
    let untouched = said(&asked(&PACK, LISTED), &PACK);
    assert_eq!(untouched.verdicts[0].truth, Truth::True, "{untouched:?}");
    assert_eq!(changed(LISTED, |said| said.verdicts.push(said.verdicts[0])), ["opened_verdict_count"]);
    assert_eq!(changed(LISTED, |said| said.law_of_origin = LawOfOrigin::Hk), ["opened_other_law"]);
    assert_eq!(changed(LISTED, |said| said.as_of = said.as_of.plus_days(1)), ["opened_as_of"]);
    assert_eq!(changed(LISTED, |said| said.verdicts[0].band = Some(3)), ["opened_band_told"]);
    assert_eq!(changed(LISTED, |said| said.verdicts[0].coverage &= !1), ["opened_other_registers"]);
    assert_eq!(changed(LISTED, |said| said.verdicts[0].coverage |= 1 << 31), ["opened_other_registers"]);
    assert_eq!(changed(LISTED, |said| said.coverage[0].synchronised = Millis(0)), ["opened_stale"]);
    let later = |said: &mut Verdicts| said.verdicts[0].valid_until = said.as_of.plus_days(4000);
    assert_eq!(changed(LISTED, later), ["opened_valid_until"]);
    let reason = |reason| {
        move |said: &mut Verdicts| {
            said.verdicts[0].truth = Truth::Indeterminate(reason);
            said.verdicts[0].valid_until = said.as_of;
        }
    };
    for unfit in [Indeterminate::NotRated, Indeterminate::Withdrawn, Indeterminate::OutOfScope] {
        assert_eq!(changed(LISTED, reason(unfit)), ["opened_other_reason"], "{unfit}");
    }
    for fit in [Indeterminate::NoSource, Indeterminate::Stale] {
        assert_eq!(changed(LISTED, reason(fit)), [""; 0], "{fit}");
    }
}

/// Hong Kong's law has no such list: nothing can be said.
#[test]
fn a_verdict_outside_what_the_pack_covers_is_none() {
    let mut query = asked(&PACK, LISTED);
    let mut verdicts = said(&query, &PACK);
    query.issuer = region("hk");
    query.asker = region("gz");
    let hk = Identifier::parse(Scheme::HkBrn, "69876543").unwrap();
    query.subject = Subject::Entity(hk);
    verdicts.law_of_origin = LawOfOrigin::Hk;
    assert_eq!(kinds(&PACK, &[opened_reply(&query, Reply::Answered(verdicts))]), ["opened_out_of_scope"]);
}

#[test]
fn the_exact_reason_of_a_refusal_is_the_one_that_the_rules_give() {
    let query = asked(&PACK, LISTED);
    let reply = |query: &Query, refusal| kinds(&PACK, &[opened_reply(query, Reply::Refused(refusal))]);
    assert_eq!(reply(&query, Refusal::PurposeNotAdmitted), ["opened_not_refused"]);
    assert_eq!(reply(&query, Refusal::SubjectElsewhere), ["opened_not_refused"]);
    let other = Refusal::RulePack { named: Digest([1; 32]), active: PACK.digest() };
    assert_eq!(reply(&query, other), ["opened_other_pack"]);
    let own = Refusal::RulePack { named: PACK.digest(), active: Digest([1; 32]) };
    assert_eq!(reply(&query, own), [""; 0]);
    let forbidden = Query { purpose: Purpose::Prof, ..query };
    assert_eq!(reply(&forbidden, Refusal::PurposeNotAdmitted), [""; 0]);
    assert_eq!(reply(&forbidden, Refusal::WindowTooLong), ["opened_refused_otherwise"]);
}

#[test]
fn budgets_that_count_subjects_are_kept_by_what_was_opened() {
    let line = |key: &str| TEXT.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
    let tight = ["subject_per_day", "types_per_subject_and_day", "unknown_subjects_per_day"]
        .iter()
        .fold(TEXT.to_owned(), |text, key| text.replace(line(key), &format!("{key} = 1")));
    let pack = Arc::new(read(&tight).unwrap());
    let status =
        Predicate::StatusIn { of: AttestationType::RegStatus, statuses: Statuses::of(&[RegistrationStatus::Active]).unwrap() };
    let reply = |code: &str, predicate, portfolio| {
        let query = Query { subject: Subject::Entity(company(code)), portfolio, ..asked(&pack, predicate) };
        opened_reply(&query, Reply::Answered(said(&query, &pack)))
    };
    assert_eq!(kinds(&pack, &[reply(COMPANY, LISTED, None), reply(OTHER, LISTED, None)]), [""; 0], "two subjects");
    let twice = [reply(COMPANY, LISTED, None), reply(COMPANY, LISTED, None)];
    assert_eq!(kinds(&pack, &twice), ["opened_subject_budget"]);
    let both = [reply(COMPANY, LISTED, None), reply(COMPANY, status, None)];
    assert_eq!(kinds(&pack, &both), ["opened_subject_budget", "opened_combination"]);
    let under = Some(UnderPortfolio { portfolio: Digest([3; 32]), size: 1 });
    assert_eq!(kinds(&pack, &[reply(COMPANY, LISTED, under), reply(OTHER, LISTED, under)]), ["opened_portfolio_full"]);
    let unknown = |code| {
        let query = Query { subject: Subject::Entity(company(code)), ..asked(&pack, LISTED) };
        let mut verdicts = said(&query, &pack);
        verdicts.verdicts[0].truth = Truth::Indeterminate(Indeterminate::NoSource);
        verdicts.verdicts[0].valid_until = verdicts.as_of;
        opened_reply(&query, Reply::Answered(verdicts))
    };
    assert_eq!(kinds(&pack, &[unknown(COMPANY), unknown(OTHER)]), ["opened_enumeration"]);
    // What may have been judged on the day before is not counted.
    let midnight =
        |(leaf, revealed): (Leaf, Vec<Revealed>)| (Leaf::new(Millis(NOON.0 - 12 * 3_600_000 + 1000), leaf.body), revealed);
    let mut early = Opened::new(&DIRECTORY, std::slice::from_ref(&pack), Portfolios::default());
    let counted = twice.into_iter().map(midnight).flat_map(|(leaf, revealed)| early.leaf(&leaf, &revealed));
    assert_eq!(counted.filter(|breach| breach.kind() == "opened_subject_budget").count(), 0);
}

#[test]
fn different_subjects_of_a_day_are_counted_where_no_answer_was_under_a_portfolio() {
    let line = |key: &str| TEXT.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
    let tight = ["subjects_per_day", "unknown_subjects_per_day"]
        .iter()
        .fold(TEXT.to_owned(), |text, key| text.replace(line(key), &format!("{key} = 1")));
    let pack = Arc::new(read(&tight).unwrap());
    let reply = |code: &str, portfolio| {
        let query = Query { subject: Subject::Entity(company(code)), portfolio, ..asked(&pack, LISTED) };
        opened_reply(&query, Reply::Answered(said(&query, &pack)))
    };
    let drawn = [reply(COMPANY, None), reply(COMPANY, None), reply(OTHER, None)];
    assert_eq!(kinds(&pack, &drawn[..2]), [""; 0], "one subject twice");
    assert_eq!(kinds(&pack, &drawn), ["opened_subjects"]);
    // Another answer of the day, which was not drawn, may have been the first about one of them.
    let under = reply(COMPANY, Some(UnderPortfolio { portfolio: Digest([3; 32]), size: 1 })).0;
    let noted = |time: Millis| {
        let mut portfolios = Portfolios::default();
        portfolios.note(&Leaf::new(time, under.body.clone()));
        let mut opened = Opened::new(&DIRECTORY, std::slice::from_ref(&pack), portfolios);
        drawn.iter().flat_map(|(leaf, revealed)| opened.leaf(leaf, revealed)).map(|breach| breach.kind()).collect::<Vec<_>>()
    };
    assert_eq!(noted(NOON), [""; 0]);
    assert_eq!(noted(NOON.plus(86_400_000)), ["opened_subjects"], "that of another day");
}
