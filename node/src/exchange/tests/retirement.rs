//! The end of a log while questions are on their way.

use std::sync::Arc;

use creditbay_protocol::event::RetirementGround;
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::requester::Asked;

use super::bay::{answered, bay, clean, kinds, rogue_query};
use crate::log::entry::Entry;

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
