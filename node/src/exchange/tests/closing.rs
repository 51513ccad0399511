//! Queries that end while their log takes no leaf, and rows whose key is gone.

use std::sync::{Arc, Mutex, OnceLock};

use creditbay_protocol::refusal::Fault;
use creditbay_protocol::requester::Asked;

use super::super::answer::Peer;
use super::super::fault::AskError;
use super::bay::{Bay, InProcess, answered, bay, carry_checkpoint, clean, kinds, open, region, rogue_query, sample_pack};
use crate::host::keys::EpochKeys;
use crate::log::entry::Entry;
use crate::log::seals::Seals;

/// Two peers say that hk's clock is an hour wrong, or that it is right.
fn doubt(bay: &Bay, doubted: bool) {
    let clock = &bay.hk.exchange.clock;
    for peer in ["gz", "mo"] {
        clock.heard(region(peer), clock.now().plus(if doubted { 3_600_000 } else { 0 }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_ends_while_the_log_takes_no_leaf_is_closed_once_it_does() {
    let bay = bay();
    answered(&bay, clean()).await;
    for network in &bay.networks {
        network.nodes.lock().unwrap().retain(|(name, _)| *name != region("gz"));
    }
    let hk = bay.hk.exchange.clone();
    let asking = tokio::spawn(async move { hk.ask(clean()).await });
    while kinds(&bay.hk).len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    doubt(&bay, true);
    assert!(
        matches!(asking.await.unwrap(), Err(AskError::NoAnswer(_))),
        "the service hears why there is no answer, not of the clock"
    );
    assert_eq!(kinds(&bay.hk), ["query", "query"], "the log takes no leaf");
    let open = |count: usize| bay.hk.exchange.metrics.text().contains(&format!("\ncreditbay_queries_to_close {count}\n"));
    assert!(open(1), "{}", bay.hk.exchange.metrics.text());
    bay.hk.exchange.close_waiting().await;
    assert!(kinds(&bay.hk).len() == 2 && open(1), "it waits for as long as it takes");
    doubt(&bay, false);
    bay.hk.exchange.close_waiting().await;
    assert_eq!((kinds(&bay.hk), open(0)), (vec!["query", "query", "abandoned"], true));
    bay.hk.exchange.close_waiting().await;
    assert_eq!(kinds(&bay.hk).len(), 3, "once");
}

/// The key of the day's openings was destroyed: the node starts, and answers nothing a second time that it answered before.
#[tokio::test(start_paused = true)]
async fn a_node_starts_over_rows_whose_key_is_gone_and_answers_nothing_twice() {
    let bay = bay();
    let (hk, gz) = (&bay.hk.exchange, &bay.gz.exchange);
    answered(&bay, clean()).await;
    let asked = Arc::new(Asked::new(rogue_query(&bay, creditbay_protocol::predicate::Purpose::Fin), hk.entropy.seed()));
    let appended = hk.log.append(Entry::Query(asked.clone())).await.unwrap();
    carry_checkpoint(hk, gz, &appended);
    let frame = asked.release(&appended.committed).unwrap();
    let peer = Peer { region: hk.me, log: *hk.log.origin() };
    assert!(gz.answer(&peer, &frame).await.is_ok());
    for key in std::fs::read_dir(bay.gz.keys.path().join("openings")).unwrap() {
        std::fs::remove_file(key.unwrap().path()).unwrap();
    }
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let gz = open("gz", bay.gz.store.reopen(), bay.gz.keys.clone(), &bay.time, network, &[sample_pack()]).unwrap();
    assert!(matches!(gz.exchange.answer(&peer, &frame).await, Err(Fault::Expired)));
    assert_eq!(kinds(&gz), ["answer", "answer"], "and no leaf");
}

/// The same at the asker's: a query that nobody can open is neither sent again nor in the way of the start.
#[tokio::test(start_paused = true)]
async fn open_queries_whose_key_is_gone_are_not_taken_up() {
    let bay = bay();
    let hk = &bay.hk.exchange;
    answered(&bay, clean()).await;
    let asked = Arc::new(Asked::new(rogue_query(&bay, creditbay_protocol::predicate::Purpose::Fin), hk.entropy.seed()));
    hk.log.append(Entry::Query(asked)).await.unwrap();
    let unanswered = |keys: &std::path::Path| {
        let seals = Arc::new(Seals::new(EpochKeys::in_folder(keys).unwrap()).unwrap());
        super::bay::recovered("hk", &bay.hk.store.reopen(), seals, &bay.time).unwrap().writer.unanswered().unwrap()
    };
    let open = unanswered(bay.hk.keys.path());
    assert_eq!(open.iter().map(|query| query.index).collect::<Vec<_>>(), [2]);
    assert_eq!(unanswered(tempfile::tempdir().unwrap().path()).len(), 0);
}
