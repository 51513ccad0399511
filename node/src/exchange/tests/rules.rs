//! What the rules and the ledger hold, whatever the network and the disk do: authorisations, withdrawals, suspensions, budgets, packs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, Language, NamedSubject, Notice, SignedAuthorisation, Types, Uses, Withdrawal,
};
use creditbay_protocol::event::Suspended;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Presented, Query};
use creditbay_protocol::refusal::{Budget, Refusal};

use super::super::ask::Outcome;
use super::super::compose::{About, Question};
use super::super::fault::AskError;
use super::super::order::OrderError;
use super::altered::altered;
use super::bay::{
    Bay, COMPANY, InProcess, NOON, Weather, answered, ask_rogue, bay, bay_with, clean, directory, kinds, leaves, open, region,
    rogue_query, sample_key, sample_pack,
};
use creditbay_protocol::calendar::Millis;

const DAY_MS: u64 = 86_400_000;
/// Lane A for this purpose.
const GRADE: Predicate = Predicate::BandAtLeast { of: AttestationType::TaxGrade, band: 2, map: 1 };

/// What the company permitted a bank in Hong Kong, signed by Guangzhou's channel.
fn permitted(uses: u16) -> SignedAuthorisation {
    let authorisation = Authorisation {
        nonce: [0x42; 16],
        channel: Name::new("portal.gz").unwrap(),
        subject: NamedSubject(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        issuer: region("gz"),
        asker: region("hk"),
        organisation: Name::new("bank.hk").unwrap(),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade]).unwrap(),
        notice: Notice { version: 1, language: Language::ZhHans, digest: Digest::of(b"the notice") },
        agreed: Agreed { provide: true, sensitive: false, export: true },
        granted: Millis(NOON - 1_000),
        expires: Millis(NOON + 10 * DAY_MS),
        uses: Uses::new(uses).unwrap(),
    };
    authorisation.sign(&sample_key("gz", "channel"))
}

fn authorised(signed: &SignedAuthorisation) -> Question {
    Question { predicates: Predicates::new(vec![GRADE]).unwrap(), authorisation: Some(signed.clone()), ..clean() }
}

/// A query that skips its own node's rules and ledger.
fn rogue_use(bay: &Bay, signed: &SignedAuthorisation, number: u16) -> Query {
    Query {
        predicates: Predicates::new(vec![GRADE]).unwrap(),
        lane: Lane::Authorised,
        legal_basis: LegalBasis::CnEntAuth,
        authorisation: Some(Presented { signed: signed.clone(), number: Uses::new(number).unwrap() }),
        ..rogue_query(bay, Purpose::Fin)
    }
}

async fn declined(bay: &Bay, question: Question) -> Refusal {
    match bay.hk.exchange.ask(question).await.unwrap() {
        Outcome::Declined { refusal, .. } => refusal,
        Outcome::Answered(_) => panic!("answered"),
    }
}

async fn refused(bay: &Bay, query: Query) -> Option<Refusal> {
    let attestation = ask_rogue(bay, query).await.unwrap();
    attestation.verify(&directory().known_logs()).unwrap();
    attestation.content.refusal
}

/// (use, of) as the leaves of a log show them.
fn uses(leaves: &[LeafBody]) -> Vec<(u16, u16)> {
    let used = |leaf: &LeafBody| match leaf {
        LeafBody::Query { terms, .. } | LeafBody::Answer { terms, .. } => terms.authorisation,
        _ => None,
    };
    leaves.iter().filter_map(used).map(|used| (used.number.get(), used.of.get())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_use_of_an_authorisation_stands_in_both_logs_and_the_one_too_many_stays_at_home() {
    let bay = bay();
    let signed = permitted(2);
    for _ in 0..2 {
        let attestation = answered(&bay, authorised(&signed)).await;
        assert_eq!(attestation.content.refusal, None);
        attestation.verify(&directory().known_logs()).unwrap();
    }
    assert_eq!((uses(&leaves(&bay.hk)), uses(&leaves(&bay.gz))), (vec![(1, 2), (2, 2)], vec![(1, 2), (2, 2)]));
    assert_eq!(declined(&bay, authorised(&signed)).await, Refusal::AuthorisationSpent);
    assert_eq!(
        refused(&bay, rogue_use(&bay, &signed, 2)).await,
        Some(Refusal::AuthorisationSpent),
        "nor does a peer get past it"
    );
    assert_eq!(kinds(&bay.gz), ["answer", "answer", "refusal"]);
}

#[tokio::test(start_paused = true)]
async fn an_authorisation_that_does_not_fit_is_declined_at_home_and_refused_abroad() {
    let bay = bay();
    let signed = permitted(5);
    let mut forged = signed.clone();
    forged.authorisation.organisation = Name::new("bank.two").unwrap();
    let other = Identifier::parse(Scheme::Uscc, "91440104YL1000014F").unwrap();
    let about_other = Question { subject: About::Entity(other), ..authorised(&signed) };
    let without = Question { authorisation: None, ..authorised(&signed) };
    assert_eq!(declined(&bay, without).await, Refusal::AuthorisationMissing);
    assert_eq!(declined(&bay, about_other).await, Refusal::OtherSubject);
    assert_eq!(declined(&bay, authorised(&forged)).await, Refusal::AuthorisationForged);
    let with_public = Question { authorisation: Some(signed.clone()), ..clean() };
    assert_eq!(declined(&bay, with_public).await, Refusal::AuthorisationMissing, "lane P has none");
    assert_eq!(refused(&bay, rogue_use(&bay, &forged, 1)).await, Some(Refusal::AuthorisationForged));
    bay.time.fetch_add(10 * DAY_MS, Ordering::AcqRel);
    assert_eq!(declined(&bay, authorised(&signed)).await, Refusal::AuthorisationExpired);
    let answered = answered(&bay, clean()).await;
    assert_eq!(answered.content.refusal, None, "what needs none goes on");
    assert!(uses(&leaves(&bay.gz)).is_empty() || kinds(&bay.gz)[0] == "refusal");
}

#[tokio::test(start_paused = true)]
async fn a_withdrawal_is_in_force_at_once_on_the_side_that_has_it() {
    let bay = bay();
    let signed = permitted(5);
    answered(&bay, authorised(&signed)).await;
    let (authorisation, channel) = (signed.authorisation.digest(), signed.authorisation.channel);
    let withdrawal = Withdrawal { authorisation, channel, at: Millis(NOON) };
    let forged = withdrawal.clone().sign(&sample_key("hk", "channel"));
    assert!(matches!(bay.gz.exchange.withdraw(&forged).await, Err(OrderError::Forged(_))));
    let elsewhere = Withdrawal { channel: Name::new("portal.nowhere").unwrap(), ..withdrawal.clone() };
    let elsewhere = elsewhere.sign(&sample_key("gz", "channel"));
    assert!(matches!(bay.gz.exchange.withdraw(&elsewhere).await, Err(OrderError::ChannelUnknown)));
    answered(&bay, authorised(&signed)).await;

    let signed_withdrawal = withdrawal.sign(&sample_key("gz", "channel"));
    bay.gz.exchange.withdraw(&signed_withdrawal).await.unwrap();
    let refused = answered(&bay, authorised(&signed)).await;
    assert_eq!(refused.content.refusal, Some(Refusal::AuthorisationWithdrawn));
    bay.hk.exchange.withdraw(&signed_withdrawal).await.unwrap();
    assert_eq!(declined(&bay, authorised(&signed)).await, Refusal::AuthorisationWithdrawn);
    assert_eq!(kinds(&bay.gz), ["answer", "answer", "authorisation-withdrawn", "refusal"]);
}

#[tokio::test(start_paused = true)]
async fn a_suspension_holds_for_answering_and_asking_until_it_is_lifted() {
    let bay = bay();
    let (gz, hk) = (&bay.gz.exchange, &bay.hk.exchange);
    answered(&bay, clean()).await;
    gz.suspend(Suspended::Peer(region("hk")), true).await.unwrap();
    assert_eq!(answered(&bay, clean()).await.content.refusal, Some(Refusal::PeerSuspended));
    gz.suspend(Suspended::Peer(region("hk")), false).await.unwrap();
    gz.suspend(Suspended::Type(AttestationType::SerAny), true).await.unwrap();
    assert_eq!(answered(&bay, clean()).await.content.refusal, Some(Refusal::TypeSuspended));
    hk.suspend(Suspended::Type(AttestationType::SerAny), true).await.unwrap();
    assert_eq!(declined(&bay, clean()).await, Refusal::TypeSuspended);
    hk.suspend(Suspended::Type(AttestationType::SerAny), false).await.unwrap();
    gz.suspend(Suspended::Type(AttestationType::SerAny), false).await.unwrap();
    assert_eq!(answered(&bay, clean()).await.content.refusal, None);
    assert!(matches!(gz.suspend(Suspended::Peer(region("gz")), true).await, Err(OrderError::NoPeer)));
    let said = ["answer", "suspended", "refusal", "resumed", "suspended", "refusal", "resumed", "answer"];
    assert_eq!(kinds(&bay.gz), said);
}

#[tokio::test(start_paused = true)]
async fn neither_repetition_nor_a_lost_reply_spends_a_budget_twice() {
    let bay = bay_with(&[altered(&[("subject_per_day", "2")])]);
    *bay.weather.lock().unwrap() = Weather::SendsEverythingTwice;
    assert_eq!(answered(&bay, clean()).await.content.refusal, None);
    *bay.weather.lock().unwrap() = Weather::LosesTheReply;
    assert_eq!(answered(&bay, clean()).await.content.refusal, None);
    let spent = Refusal::BudgetSpent { budget: Budget::Subject };
    assert_eq!(answered(&bay, clean()).await.content.refusal, Some(spent), "refused, with a leaf on both sides");
    assert_eq!(kinds(&bay.gz), ["answer", "answer", "refusal"]);
    bay.time.fetch_add(DAY_MS, Ordering::AcqRel);
    assert_eq!(answered(&bay, clean()).await.content.refusal, None, "a new day");
}

/// A write that was not persisted spent nothing; one that was persisted and reported as failed has spent what its leaf says.
#[tokio::test(start_paused = true)]
async fn what_was_spent_is_durable_with_its_leaf_or_not_at_all() {
    use crate::store::in_memory::Failure;
    for (failure, answers) in [(Failure::NotPersisted, 1), (Failure::ReportedAsFailed, 0)] {
        let packs = [altered(&[("subject_per_day", "2")])];
        let bay = bay_with(&packs);
        answered(&bay, clean()).await;
        bay.gz.store.fail(0, failure);
        assert!(matches!(bay.hk.exchange.ask(clean()).await, Err(AskError::NoAnswer(_))));
        let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
        let again = open("gz", bay.gz.store.reopen(), bay.gz.keys.clone(), &bay.time, network, &packs).unwrap();
        bay.replace_gz(&again);
        let refusals = [answered(&bay, clean()).await, answered(&bay, clean()).await].map(|reply| reply.content.refusal);
        assert_eq!(refusals.iter().filter(|refusal| refusal.is_none()).count(), answers, "{failure:?}: {refusals:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_portfolio_is_declared_in_the_askers_log_and_has_a_budget_of_its_own() {
    let bay = bay();
    let hk = &bay.hk.exchange;
    let bank = Name::new("bank.hk").unwrap();
    let portfolio = hk.declare(bank, Purpose::Fin, 1, 5).await.unwrap().digest();
    let under = |company: &str, purpose| {
        let subject = About::Entity(Identifier::parse(Scheme::Uscc, company).unwrap());
        Question { subject, purpose, portfolio: Some(portfolio), ..clean() }
    };
    assert_eq!(answered(&bay, under(COMPANY, Purpose::Fin)).await.content.refusal, None);
    let spent = Refusal::BudgetSpent { budget: Budget::Portfolio };
    assert_eq!(answered(&bay, under("91440104YL1000014F", Purpose::Fin)).await.content.refusal, Some(spent));
    assert_eq!(declined(&bay, under(COMPANY, Purpose::Proc)).await, Refusal::PortfolioUnknown, "declared for another purpose");
    let unknown = Question { portfolio: Some(Digest([9; 32])), ..clean() };
    assert_eq!(declined(&bay, unknown).await, Refusal::PortfolioUnknown);
    assert!(matches!(hk.declare(bank, Purpose::Fin, 0, 5).await, Err(OrderError::PortfolioTooLarge { .. })));
    bay.time.fetch_add(5 * DAY_MS, Ordering::AcqRel);
    assert_eq!(declined(&bay, under(COMPANY, Purpose::Fin)).await, Refusal::PortfolioUnknown, "it is over");
    assert_eq!(kinds(&bay.hk)[..2], ["portfolio-declared", "query"]);
}

#[tokio::test(start_paused = true)]
async fn at_a_switch_queries_on_their_way_are_judged_by_the_pack_that_they_name() {
    let one = sample_pack();
    let serial = format!("2\nsupersedes = \"{}\"", one.digest());
    let two = altered(&[("serial", &serial), ("effective_from", "\"2026-11-24\""), ("overlap_days", "3")]);
    let bay = bay_with(&[one.clone(), two.clone()]);
    assert_eq!(answered(&bay, clean()).await.content.rule_pack, one.digest().to_string());
    bay.time.fetch_add(12 * 3_600_000, Ordering::AcqRel);
    assert_eq!(answered(&bay, clean()).await.content.rule_pack, two.digest().to_string(), "asked under the new one");
    assert_eq!(kinds(&bay.gz), ["answer", "pack-activated", "answer"]);
    let named_old = Query { pack: one.digest(), ..rogue_query(&bay, Purpose::Fin) };
    assert_eq!(refused(&bay, named_old.clone()).await, None, "the old one answers in its overlap");
    bay.time.fetch_add(4 * DAY_MS, Ordering::AcqRel);
    let late = Query { expires: bay.hk.exchange.clock.now().plus(30_000), ..named_old };
    let both = Refusal::RulePack { named: one.digest(), active: two.digest() };
    assert_eq!(refused(&bay, late).await, Some(both), "and is refused after it, with both named");
}
