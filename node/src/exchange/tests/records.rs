//! Records erased on an order: a leaf first, then the key; what a crash at any write leaves, and what the log says.

use std::sync::{Arc, Mutex, OnceLock};

use creditbay_protocol::erasure::{Erased, ErasureGround};
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;

use super::super::erase::EraseError;
use super::bay::{Bay, COMPANY, City, InProcess, bay, kinds, leaves, open, sample_pack};
use super::erasure::restarted;
use crate::host::keys::EpochKeys;
use crate::store::in_memory::Failure;
use crate::store::records::RecordsError;
use crate::store::records::erase::Gone;
use crate::store::records::going::Owner;
use crate::store::{Batch, Store, Tree};

fn owner(city: &City) -> Owner {
    Owner::Subject(city.exchange.records.tag(&Identifier::parse(Scheme::Uscc, COMPANY).unwrap()))
}

fn recorded(city: &City) -> usize {
    city.exchange.records.of(&Identifier::parse(Scheme::Uscc, COMPANY).unwrap()).unwrap().len()
}

async fn erase(city: &City) -> Result<(Option<u64>, Gone), EraseError> {
    city.exchange.erase_records(owner(city), ErasureGround::SubjectRequest).await
}

async fn began() -> Bay {
    let bay = bay();
    let gz = &bay.gz.exchange;
    drop(gz.orders.in_force(&gz.log, gz.clock.now()).await.unwrap());
    bay
}

#[tokio::test(start_paused = true)]
async fn an_erasure_of_records_is_a_leaf_that_names_nobody_and_nothing_to_erase_is_none() {
    let bay = began().await;
    let refused = bay.gz.exchange.erase_records(owner(&bay.gz), ErasureGround::PeerNotice).await;
    assert!(matches!(refused, Err(EraseError::NotAnOperatorsGround)));
    let (leaf, gone) = erase(&bay.gz).await.unwrap();
    assert_eq!((leaf, gone), (Some(1), Gone { records: 1, keys: 1, ..Gone::default() }));
    assert_eq!(recorded(&bay.gz), 0);
    let erased = Erased::of_records(ErasureGround::SubjectRequest);
    assert_eq!(leaves(&bay.gz)[1], LeafBody::Event(Event::Erased(erased)));
    assert_eq!(erase(&bay.gz).await.unwrap(), (None, Gone::default()));
    assert_eq!(kinds(&bay.gz), ["erased"]);
    assert!(bay.gz.exchange.outstanding().unwrap().is_empty(), "no peer has to know");
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_leaves_records_erased_if_and_only_if_the_log_says_so() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let mut nth = 0;
        loop {
            let bay = began().await;
            bay.gz.store.fail(nth, failure);
            let ended = erase(&bay.gz).await;
            let gz = restarted(&bay, &bay.gz, "gz").await;
            gz.exchange.finish_records_erasures().await.unwrap();
            let logged = kinds(&gz).contains(&"erased");
            assert!(logged || ended.is_err(), "write {nth}: done without a leaf");
            assert_eq!(recorded(&gz), usize::from(!logged), "write {nth}");
            assert_eq!(gz.exchange.records_orders().unwrap(), 0, "write {nth}: something is left to do");
            let keys = EpochKeys::of(bay.gz.keys.path(), "records").unwrap().numbers().unwrap();
            assert_eq!(keys.len(), 1, "write {nth}: one bucket, one key");
            assert_eq!(keys.first().unwrap() & 0xffff, u32::from(logged), "write {nth}: the first or the second");
            if ended.is_ok() {
                assert!(nth > 2, "the failure never came");
                break;
            }
            nth += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_cannot_be_read_are_not_said_to_be_erased() {
    let bay = began().await;
    let (place, mut sealed) = bay.gz.store.range(Tree::Records, b"R", b"S", 1).unwrap().remove(0);
    *sealed.last_mut().unwrap() ^= 1;
    let mut batch = Batch::default();
    batch.set(place, sealed);
    bay.gz.store.commit(Tree::Records, batch).unwrap();
    assert!(matches!(erase(&bay.gz).await, Err(EraseError::Records(RecordsError::Sealed(_)))));
    assert_eq!(kinds(&bay.gz), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_retired_log_left_is_carried_out_under_the_next_one() {
    let bay = began().await;
    bay.gz.store.fail(1, Failure::NotPersisted);
    assert!(matches!(erase(&bay.gz).await, Err(EraseError::Records(RecordsError::Store(_)))), "after the leaf");
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let next = open("gz", bay.gz.store.for_next_log(), bay.gz.keys.clone(), &bay.time, network, &[sample_pack()]).unwrap();
    assert_eq!(recorded(&next), 1);
    next.exchange.finish_records_erasures().await.unwrap();
    assert_eq!((recorded(&next), next.exchange.records_orders().unwrap()), (0, 0));
    next.exchange.finish_records_erasures().await.unwrap();
}
