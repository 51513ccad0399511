//! The end of a log while questions are on their way, and of a question whose message is erased before it has an end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::erasure::ErasureGround;
use creditbay_protocol::event::RetirementGround;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::requester::Asked;

use super::super::erase::Target;
use super::bay::{answered, bay, clean, kinds, rogue_query, sample_key};
use crate::host::keys::EpochKeys;
use crate::log::entry::Entry;
use crate::log::recover::{Parts, Recovered, recover};
use crate::log::seals::Seals;
use crate::log::seen::Seen;
use crate::store::Store;
use crate::store::log as layout;

#[tokio::test(start_paused = true)]
async fn a_log_that_ends_closes_what_is_open_and_nothing_else() {
    let bay = bay();
    answered(&bay, clean()).await;
    let hk = &bay.hk.exchange;
    let asked = || Arc::new(Asked::new(rogue_query(&bay, Purpose::Fin), hk.entropy.seed()));
    hk.log.append(Entry::Query(asked())).await.unwrap();
    let at_once = hk.log.submit(Entry::Query(asked()), Vec::new()).await.unwrap();
    hk.retire(RetirementGround::KeyChange).await.unwrap();
    at_once.durable().await.unwrap();
    assert_eq!(kinds(&bay.hk), ["query", "query", "query", "abandoned", "abandoned", "log-retired"]);
    assert!(hk.log.append(Entry::Query(asked())).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_query_that_nothing_opens_any_more_is_closed_at_the_next_start() {
    let bay = bay();
    let hk = &bay.hk.exchange;
    hk.log.append(Entry::Query(Arc::new(Asked::new(rogue_query(&bay, Purpose::Fin), hk.entropy.seed())))).await.unwrap();
    bay.time.fetch_add(300_000, Ordering::AcqRel);
    let report = hk.erase(Target::Leaf(0), ErasureGround::RetentionOver, false, |_| {}).await.unwrap();
    assert_eq!(report.exchanges, 1);

    let store: Arc<dyn Store> = Arc::new(bay.hk.store.reopen());
    let seals = Arc::new(Seals::new(EpochKeys::in_folder(bay.hk.keys.path()).unwrap()).unwrap());
    let name = hk.log.origin().to_string().parse().unwrap();
    let Recovered { mut writer, .. } = recover(Parts {
        seen: Arc::new(Seen::of_nobody(store.clone(), hk.clock.clone(), hk.metrics.clone()).unwrap()),
        store: store.clone(),
        origin: *hk.log.origin(),
        signer: NoteSigner::new(name, KeyKind::Ed25519, sample_key("hk", "log")),
        seals,
        clock: hk.clock.clone(),
        entropy: hk.entropy.clone(),
        metrics: hk.metrics.clone(),
        reserve: None,
    })
    .unwrap();
    assert!(writer.unanswered().unwrap().is_empty(), "it cannot be sent again");
    writer.begin().unwrap();
    writer.begin().unwrap();
    let last = layout::read_leaves(&*store, writer.size() - 1, writer.size()).unwrap().remove(0);
    let closed = LeafBody::Abandoned { query: 0, issuer: bay.gz.exchange.me };
    assert_eq!((writer.size(), Leaf::parse(&last).unwrap().body), (3, closed), "query, erased, abandoned");
}
