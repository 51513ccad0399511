//! An answer that left with its witnesses' cosignatures is the answer for ever.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use creditbay_configs::rules::RulePack;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::requester::Asked;
use tokio::task::JoinHandle;

use super::super::answer::Peer;
use super::bay::{Bay, City, InProcess, PACK, bay_with, carry_checkpoint, kinds, open, rogue_query, sample_key};
use crate::log::entry::{Appended, Entry};

fn witnessed() -> Arc<RulePack> {
    let section = "[witnessed]\nillustrative = true\nheld_by = \"leaves\"\npurposes = [\"FIN\"]\nquorum = 2\nwait_seconds = 4\n";
    let text = PACK.replace("\n[contract]\n", &format!("\n{section}\n[contract]\n"));
    Arc::new(RulePack::parse("witnessed.toml", &text).unwrap())
}

/// Both others cosign the newest head.
fn cosign(city: &City) {
    let head = city.exchange.log.head();
    city.exchange.heads.offer(&head);
    for other in ["mo", "sz"] {
        let signer = NoteSigner::new(
            format!("{other}.creditbay/witness").parse().unwrap(),
            KeyKind::CosignatureV1,
            sample_key(other, "witness"),
        );
        let line = signer.cosign(&head.signed().note().text, 1).unwrap();
        city.exchange.heads.cosigned(signer.verifier().name(), head.signed().checkpoint().size, line);
    }
}

/// A query of hk about whose answer the pack wants witnesses: its frame, and its leaf that gz has heard of.
async fn asked(bay: &Bay, pack: &RulePack) -> (Peer, Vec<u8>, Appended) {
    let (hk, gz) = (&bay.hk.exchange, &bay.gz.exchange);
    for exchange in [hk, gz] {
        drop(exchange.orders.in_force(&exchange.log, exchange.clock.now()).await.unwrap());
    }
    let mut query = rogue_query(bay, Purpose::Fin);
    query.pack = pack.digest();
    query.expires = hk.clock.now().plus(100_000);
    let asked = Arc::new(Asked::new(query, hk.entropy.seed()));
    let appended = hk.log.append(Entry::Query(asked.clone())).await.unwrap();
    carry_checkpoint(hk, gz, &appended);
    (Peer { region: hk.me, log: *hk.log.origin() }, asked.release(&appended.committed).unwrap(), appended)
}

/// Answers; whether with cosignatures.
fn answering(of: &City, peer: Peer, frame: &[u8]) -> JoinHandle<Result<bool, Fault>> {
    let (answering, frame) = (of.exchange.clone(), frame.to_vec());
    tokio::spawn(async move { answering.answer(&peer, &frame).await.map(|released| released.cosigned().is_some()) })
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_left_is_not_withheld_where_its_witnesses_are_out_of_reach_later() {
    let pack = witnessed();
    let bay = bay_with(std::slice::from_ref(&pack));
    let (peer, frame, appended) = asked(&bay, &pack).await;
    let left = answering(&bay.gz, peer, &frame);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(kinds(&bay.gz), ["answer"], "it waits");
    cosign(&bay.gz);
    assert_eq!(left.await.unwrap(), Ok(true));

    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let again = open("gz", bay.gz.store.reopen(), bay.gz.keys.clone(), &bay.time, network, &[pack]).unwrap();
    carry_checkpoint(&bay.hk.exchange, &again.exchange, &appended);
    assert_eq!(again.exchange.answer(&peer, &frame).await.err(), Some(Fault::LogStopped), "it is asked again");
    assert_eq!(kinds(&again), ["answer"]);
    let left = answering(&again, peer, &frame);
    tokio::time::sleep(Duration::from_secs(1)).await;
    cosign(&again);
    assert_eq!(left.await.unwrap(), Ok(true), "and is the same");
    assert_eq!(kinds(&again), ["answer"]);
}

#[tokio::test(start_paused = true)]
async fn a_query_whose_answer_could_not_be_withheld_is_not_answered_again() {
    let pack = witnessed();
    let bay = bay_with(std::slice::from_ref(&pack));
    let (peer, frame, _) = asked(&bay, &pack).await;
    let waits = answering(&bay.gz, peer, &frame);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let right = bay.time.load(Ordering::Acquire);
    bay.time.store(right - 60_000, Ordering::Release);
    assert_eq!(waits.await.unwrap(), Err(Fault::LogStopped), "its clock is not sure, so no leaf can say that it is withheld");
    bay.time.store(right, Ordering::Release);
    let left = answering(&bay.gz, peer, &frame);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(kinds(&bay.gz), ["answer"], "one query, one answer");
    cosign(&bay.gz);
    assert_eq!((left.await.unwrap(), kinds(&bay.gz)), (Ok(true), vec!["answer"]));
}
