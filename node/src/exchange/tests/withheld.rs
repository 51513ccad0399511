//! Answers that wait for witnesses in vain: withheld once, whatever is asked again and wherever the node stops in between.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use creditbay_configs::rules::RulePack;
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::predicate::{AttestationType, Predicate, Purpose};
use creditbay_protocol::refusal::Refusal;

use super::super::ask::Outcome;
use super::bay::{Bay, InProcess, PACK, Weather, answered, bay_with, clean, directory, kinds, leaves, open, question};
use crate::store::in_memory::Failure;

/// The bundled pack, under which an answer for FIN waits four seconds for two witnesses.
fn witnessed() -> Arc<RulePack> {
    let section = "\n[witnessed]\nillustrative = true\nheld_by = \"leaves\"\npurposes = [\"FIN\"]\nquorum = 2\nwait_seconds = 4\n\n[contract]\n";
    let text = PACK.replace("\n[contract]\n", section);
    assert_ne!(text, PACK);
    Arc::new(RulePack::parse("witnessed.toml", &text).unwrap())
}

/// For a purpose whose answers wait for nobody.
fn unwitnessed() -> super::super::compose::Question {
    question(Purpose::Inv, Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 })
}

/// The withheld answer's leaf is named by the one that withholds it, and the refusal answers the same query.
fn assert_withheld_once(bay: &Bay, gz: &super::bay::City) {
    assert_eq!(kinds(gz), ["answer", "answer", "withheld", "refusal"]);
    let leaves = leaves(gz);
    let [.., answer, LeafBody::Event(creditbay_protocol::event::Event::Withheld { answer: named }), refusal] = leaves.as_slice()
    else {
        panic!("{leaves:?}")
    };
    assert_eq!(*named as usize, leaves.len() - 3);
    let (LeafBody::Answer { query: asked, .. }, LeafBody::Answer { query, .. }) = (answer, refusal) else { panic!("{leaves:?}") };
    assert_eq!(asked, query);
    assert_eq!(kinds(&bay.hk), ["query", "query"], "its asker has the refusal, with a receipt");
}

#[tokio::test(start_paused = true)]
async fn a_withheld_query_that_is_asked_again_has_the_same_refusal() {
    for weather in [Weather::LosesTheReply, Weather::SendsEverythingTwice, Weather::LosesTheCheckpoint] {
        let bay = bay_with(&[witnessed()]);
        answered(&bay, unwitnessed()).await;
        *bay.weather.lock().unwrap() = weather;
        let refused = answered(&bay, clean()).await;
        assert_eq!(refused.content.refusal, Some(Refusal::NotWitnessed));
        refused.verify(&directory().known_logs()).unwrap();
        assert_withheld_once(&bay, &bay.gz);
    }
}

/// The writes are the answer's, the withholding's and the refusal's; the node stops at each of them, in both ways that a disk fails.
#[tokio::test(start_paused = true)]
async fn wherever_the_node_stops_the_answer_is_withheld_once_and_never_leaves() {
    for (nth, failure) in (0..3).flat_map(|nth| [Failure::NotPersisted, Failure::ReportedAsFailed].map(|failure| (nth, failure)))
    {
        let bay = bay_with(&[witnessed()]);
        answered(&bay, unwitnessed()).await;
        bay.gz.store.fail(nth, failure);
        let hk = bay.hk.exchange.clone();
        let asking = tokio::spawn(async move { hk.ask(clean()).await });
        while bay.gz.exchange.log.running().is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
        let gz = open("gz", bay.gz.store.reopen(), bay.gz.keys.clone(), &bay.time, network, &[witnessed()]).unwrap();
        bay.replace_gz(&gz);
        let Ok(Outcome::Answered(answer)) = asking.await.unwrap() else { panic!("{nth} {failure:?}: no refusal") };
        let attestation = answer.attestation();
        assert_eq!(attestation.content.refusal, Some(Refusal::NotWitnessed), "{nth} {failure:?}");
        attestation.verify(&directory().known_logs()).unwrap();
        assert_withheld_once(&bay, &gz);
    }
}
