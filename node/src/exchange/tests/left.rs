//! An answer that left with its witnesses' cosignatures is the answer for ever.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use creditbay_configs::rules::RulePack;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::requester::Asked;

use super::super::answer::Peer;
use super::bay::{City, InProcess, PACK, bay_with, carry_checkpoint, kinds, open, rogue_query, sample_key};
use crate::log::entry::Entry;

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

#[tokio::test(start_paused = true)]
async fn an_answer_that_left_is_not_withheld_where_its_witnesses_are_out_of_reach_later() {
    let pack = witnessed();
    let bay = bay_with(std::slice::from_ref(&pack));
    let (hk, gz) = (&bay.hk.exchange, &bay.gz.exchange);
    for exchange in [hk, gz] {
        drop(exchange.orders.in_force(&exchange.log, exchange.clock.now()).await.unwrap());
    }
    let mut query = rogue_query(&bay, Purpose::Fin);
    query.pack = pack.digest();
    query.expires = hk.clock.now().plus(100_000);
    let asked = Arc::new(Asked::new(query, hk.entropy.seed()));
    let appended = hk.log.append(Entry::Query(asked.clone())).await.unwrap();
    carry_checkpoint(hk, gz, &appended);
    let frame = asked.release(&appended.committed).unwrap();
    let peer = Peer { region: hk.me, log: *hk.log.origin() };
    let (answering, first) = (gz.clone(), frame.clone());
    let left = tokio::spawn(async move { answering.answer(&peer, &first).await.map(|released| released.cosigned().is_some()) });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(kinds(&bay.gz), ["answer"], "it waits");
    cosign(&bay.gz);
    assert_eq!(left.await.unwrap(), Ok(true));

    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let again = open("gz", bay.gz.store.reopen(), bay.gz.keys.clone(), &bay.time, network, &[pack]).unwrap();
    carry_checkpoint(hk, &again.exchange, &appended);
    assert_eq!(again.exchange.answer(&peer, &frame).await.err(), Some(Fault::LogStopped), "it is asked again");
    assert_eq!(kinds(&again), ["answer"]);
    let answering = again.exchange.clone();
    let left = tokio::spawn(async move { answering.answer(&peer, &frame).await.map(|released| released.cosigned().is_some()) });
    tokio::time::sleep(Duration::from_secs(1)).await;
    cosign(&again);
    assert_eq!(left.await.unwrap(), Ok(true), "and is the same");
    assert_eq!(kinds(&again), ["answer"]);
}
