//! One exchange and what can go wrong on its way: loss, repetition, forgery, clocks, writes that fail.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::Truth;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, Suspended};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::predicate::{AttestationType, Predicate, Purpose};
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::{Fault, Refusal};

use super::super::ask::Outcome;
use super::super::compose::{About, Question};
use super::super::fault::AskError;
use super::super::network::LinkError;
use super::altered::altered;
use super::bay::{
    InProcess, NOON, Weather, answered, ask_rogue, bay, bay_with, clean, directory, kinds, leaves, open, question, region,
    rogue_query, sample_pack,
};
use crate::log::entry::Entry;
use crate::log::fault::LogError;
use crate::store::Store;
use crate::store::in_memory::Failure;
use crate::store::ledger::{Account, Balance, Spending};
use crate::store::log as layout;

#[tokio::test(start_paused = true)]
async fn one_question_one_answer_that_verifies_offline() {
    let bay = bay();
    let attestation = answered(&bay, clean()).await;
    assert_eq!(attestation.content.answers[0].verdict.truth, Truth::True);
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"], vec!["answer"]));
    attestation.verify(&directory().known_logs()).unwrap();
    let LeafBody::Answer { query, .. } = &leaves(&bay.gz)[1] else { panic!("no answer") };
    let asked = layout::read_leaves(&bay.hk.store, 1, 2).unwrap();
    assert_eq!(*query, Leaf::parse(&asked[0]).unwrap().hash(), "the answer's leaf names the query's");
}

#[tokio::test(start_paused = true)]
async fn what_the_rules_do_not_admit_is_declined_at_home_and_goes_nowhere() {
    let bay = bay();
    let refused = bay.hk.exchange.ask(question(Purpose::Prof, Predicate::ExistsValid { of: AttestationType::Permit })).await;
    assert!(matches!(refused, Ok(Outcome::Declined { refusal: Refusal::PurposeNotAdmitted, index: 1 })));
    let person = Question { subject: About::NaturalPerson, ..clean() };
    let refused = bay.hk.exchange.ask(person).await;
    assert!(matches!(refused, Ok(Outcome::Declined { refusal: Refusal::NaturalPerson, index: 2 })));
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["declined", "declined"], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_skips_its_own_rules_is_refused_with_a_leaf_on_both_sides() {
    let bay = bay();
    let refused = ask_rogue(&bay, rogue_query(&bay, Purpose::Prof)).await.unwrap();
    assert_eq!(refused.content.refusal, Some(Refusal::PurposeNotAdmitted));
    refused.verify(&directory().known_logs()).unwrap();
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"], vec!["refusal"]));
}

#[tokio::test(start_paused = true)]
async fn another_rule_pack_is_refused_and_both_are_named() {
    let bay = bay();
    let query = Query { pack: Digest([9; 32]), ..rogue_query(&bay, Purpose::Fin) };
    let refused = ask_rogue(&bay, query).await.unwrap();
    let active = sample_pack().digest();
    assert_eq!(refused.content.refusal, Some(Refusal::RulePack { named: Digest([9; 32]), active }));
}

#[tokio::test(start_paused = true)]
async fn refusals_beyond_the_budget_are_faults_and_cost_no_leaf() {
    let bay = bay();
    for _ in 0..3 {
        ask_rogue(&bay, rogue_query(&bay, Purpose::Prof)).await.unwrap();
    }
    let refused = ask_rogue(&bay, rogue_query(&bay, Purpose::Prof)).await;
    assert!(matches!(refused, Err(AskError::NoAnswer(LinkError::Fault(Fault::LeafBudgetSpent)))));
    assert_eq!(kinds(&bay.gz), ["refusal"; 3]);
    assert_eq!(kinds(&bay.hk).last(), Some(&"abandoned"));
}

#[tokio::test(start_paused = true)]
async fn asked_twice_or_a_lost_reply_is_one_answer_and_one_leaf() {
    let bay = bay();
    *bay.weather.lock().unwrap() = Weather::SendsEverythingTwice;
    answered(&bay, clean()).await.verify(&directory().known_logs()).unwrap();
    *bay.weather.lock().unwrap() = Weather::LosesTheReply;
    answered(&bay, clean()).await.verify(&directory().known_logs()).unwrap();
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"; 2], vec!["answer"; 2]));
    assert!(bay.gz.exchange.metrics.counted("creditbay_answers_again_total", &[]) >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_checkpoint_was_lost_is_asked_for_again_and_not_refused() {
    let bay = bay();
    *bay.weather.lock().unwrap() = Weather::LosesTheCheckpoint;
    answered(&bay, clean()).await.verify(&directory().known_logs()).unwrap();
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"], vec!["answer"]));
    assert_eq!(bay.gz.exchange.metrics.counted("creditbay_answers_again_total", &[]), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_reply_reaches_no_service_and_is_closed_as_abandoned() {
    let bay = bay();
    *bay.weather.lock().unwrap() = Weather::FlipsABitOfTheReply;
    let refused = bay.hk.exchange.ask(clean()).await;
    assert!(matches!(refused, Err(AskError::ReplyRefused(Fault::Malformed | Fault::ProofInvalid | Fault::OtherQuestion))));
    assert_eq!(kinds(&bay.hk), ["query", "abandoned"]);
}

#[tokio::test(start_paused = true)]
async fn stale_and_early_queries_are_faults() {
    let bay = bay();
    let expired = Query { expires: Millis(NOON - 40_000), ..rogue_query(&bay, Purpose::Fin) };
    assert!(matches!(ask_rogue(&bay, expired).await, Err(AskError::NoAnswer(_))));
    let long = Query { expires: Millis(NOON + 121_000), ..rogue_query(&bay, Purpose::Fin) };
    let refused = ask_rogue(&bay, long).await;
    assert!(matches!(refused, Err(AskError::NoAnswer(LinkError::Fault(Fault::LifetimeTooLong)))));
    let elsewhere = Query { asker: region("mo"), ..rogue_query(&bay, Purpose::Fin) };
    let refused = ask_rogue(&bay, elsewhere).await;
    assert!(matches!(refused, Err(AskError::NoAnswer(LinkError::Fault(Fault::WrongSender)))));
    assert_eq!(kinds(&bay.gz), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_stops_intake_before_any_leaf_carries_it() {
    let bay = bay();
    answered(&bay, clean()).await;
    bay.time.store(NOON - 3_600_000, Ordering::Release);
    assert!(matches!(bay.hk.exchange.ask(clean()).await, Err(AskError::Log(LogError::Clock(_)))));
    bay.time.store(NOON + 1, Ordering::Release);
    answered(&bay, clean()).await;
    assert_eq!(kinds(&bay.hk), ["query", "query"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_releases_nothing_and_the_same_code_recovers() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let bay = bay();
        answered(&bay, clean()).await;
        bay.gz.store.fail(0, failure);
        let refused = bay.hk.exchange.ask(clean()).await;
        assert!(matches!(refused, Err(AskError::NoAnswer(_))), "nothing leaves a log that failed");
        let durable = bay.gz.store.reopen();
        let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
        let again = open("gz", durable, bay.gz.keys.clone(), &bay.time, network, &[sample_pack()]).unwrap();
        let expected = if failure == Failure::NotPersisted { 2 } else { 3 };
        assert_eq!(again.exchange.log.head().signed().checkpoint().size, expected, "{failure:?}");
    }
}

/// The first rows of a day make its key. Where no file can be made nothing is logged and nothing leaves.
#[tokio::test(start_paused = true)]
async fn a_days_key_that_cannot_be_made_stops_the_log_and_a_start_goes_on() {
    let bay = bay();
    answered(&bay, clean()).await;
    let [openings, aside] = ["openings", "aside"].map(|name| bay.hk.keys.path().join(name));
    std::fs::rename(&openings, &aside).unwrap();
    std::fs::write(&openings, "no folder").unwrap();
    bay.time.fetch_add(86_400_000, Ordering::AcqRel);
    assert!(matches!(bay.hk.exchange.ask(clean()).await, Err(AskError::Log(LogError::Sealing(_)))));
    std::fs::remove_file(&openings).unwrap();
    std::fs::rename(&aside, &openings).unwrap();
    assert!(matches!(bay.hk.exchange.ask(clean()).await, Err(AskError::Log(_))), "the log stays stopped");
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"], vec!["answer"]));
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let again = open("hk", bay.hk.store.reopen(), bay.hk.keys.clone(), &bay.time, network.clone(), &[sample_pack()]).unwrap();
    network.nodes.lock().unwrap().extend([&again, &bay.gz].map(|city| (city.exchange.me, Arc::downgrade(&city.exchange))));
    assert!(matches!(again.exchange.ask(clean()).await, Ok(Outcome::Answered(_))));
    assert_eq!(kinds(&again), ["query", "query"]);
}

/// Whoever recounts a day's leaves counts what was spent on that day.
#[tokio::test(start_paused = true)]
async fn what_was_reserved_before_midnight_gets_no_leaf_after_it() {
    let bay = bay();
    let log = &bay.gz.exchange.log;
    answered(&bay, clean()).await;
    let spending = |time: u64| Spending {
        account: Account::Peer { day: Millis(time).day().number(), peer: region("hk") },
        amount: Balance { answers: 1, ..Balance::default() },
    };
    let lifted = || Entry::Event(Event::Suspension { of: Suspended::Peer(region("hk")), in_force: false });
    let late = log.submit(lifted(), vec![spending(NOON - 86_400_000)]).await.unwrap();
    let timely = log.submit(lifted(), vec![spending(NOON)]).await.unwrap();
    assert!(matches!(late.durable().await, Err(LogError::DayTurned)));
    assert_eq!(timely.durable().await.unwrap().committed.place().index, 2, "the rest of the batch is written");
    answered(&bay, clean()).await;
    assert_eq!(kinds(&bay.gz), ["answer", "resumed", "answer"], "and the log goes on");
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_root_does_not_match_does_not_open() {
    let bay = bay();
    answered(&bay, clean()).await;
    let mut head = layout::head(&bay.gz.store).unwrap().unwrap();
    head.root = Digest([0; 32]);
    let mut batch = crate::store::Batch::default();
    layout::set_head(&mut batch, &head);
    bay.gz.store.commit(crate::store::Tree::Log, batch).unwrap();
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let refused = open("gz", bay.gz.store.reopen(), bay.gz.keys.clone(), &bay.time, network, &[sample_pack()]).err().unwrap();
    assert!(matches!(refused, LogError::SelfCheck { size: 2 }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn many_at_once_share_flushes_and_every_answer_verifies() {
    let bay = Arc::new(bay_with(&[altered(&[("subject_per_day", "1000")])]));
    let before = bay.hk.store.commits();
    let asking: Vec<_> = (0..200)
        .map(|_| {
            let bay = bay.clone();
            tokio::spawn(async move { answered(&bay, clean()).await })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap().verify(&directory().known_logs()).unwrap();
    }
    assert_eq!(kinds(&bay.gz).len(), 200);
    assert!(bay.hk.store.commits() - before < 100, "group commit: {} flushes", bay.hk.store.commits() - before);
    let refused = bay.hk.exchange.log.prove(201, &bay.hk.exchange.log.head());
    assert!(refused.is_err());
}
