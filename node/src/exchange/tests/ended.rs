//! What opens the leaves of a log that has ended is erased under the one after it, by order, by retention and by a peer's notice; what that
//! log left undone is taken up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use creditbay_configs::endorsement;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_protocol::erasure::ErasureGround;
use creditbay_protocol::event::{Event, RetirementGround};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Origin;
use creditbay_protocol::opening::{Held, Revealed};
use creditbay_protocol::predicate::{AttestationType, Predicate, Purpose};
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::requester::Asked;
use creditbay_protocol::shown::Field;

use super::super::answer::Peer;
use super::super::erase::{EraseError, Target};
use super::bay::{
    Bay, COMPANY, City, InProcess, answered, bay, carry_checkpoint, clean, directory, kinds, open_in, question, region,
    rogue_query, sample_key, sample_pack,
};
use super::erasure::{pass, rows, stored};
use crate::log::entry::Entry;
use crate::log::rows::Row;
use crate::store::before::Before;
use crate::store::in_memory::{Failure, InMemory};
use crate::store::log as layout;
use crate::store::{Store, Tree, erasure as erasure_rows};

/// The directory in which gz has this log, signed by all.
fn directory_with(number: u32) -> Arc<EndorsedDirectory> {
    let of = directory();
    let mut regions = of.regions().to_vec();
    let gz = regions.iter_mut().find(|entry| entry.name == region("gz")).unwrap();
    gz.log_origin = Origin::new(gz.log_origin.owner(), number).unwrap();
    gz.log = NoteVerifier::new(gz.log_origin.to_string().parse().unwrap(), KeyKind::Ed25519, sample_key("gz", "log").public());
    let altered = Directory::parse("network.toml", &Directory::to_toml(of.serial() + 1, &regions)).unwrap();
    let text = endorsement::text(Label::NETWORK, altered.digest());
    let sign = |entry: &RegionEntry| {
        let name = entry.governance.signers()[0].name().clone();
        NoteSigner::new(name, KeyKind::Ed25519, sample_key(entry.name.as_str(), "governance")).sign(&text).unwrap()
    };
    let lines = regions.iter().map(sign).collect();
    let pinned = regions[0].governance.signers().to_vec();
    Arc::new(altered.endorsed(Note { text, lines }.to_string().as_bytes(), &pinned).unwrap())
}

/// gz on this store in its log of this number, and hk, which knows of it.
fn started(bay: &Bay, number: u32, gz: InMemory, hk: InMemory) -> (City, City) {
    let network = || Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let (ours, theirs, directory) = (network(), network(), directory_with(number));
    let open = |city: &str, store, keys: &Arc<tempfile::TempDir>, network: &Arc<InProcess>| {
        open_in(directory.clone(), city, store, keys.clone(), &bay.time, network.clone(), &[sample_pack()]).unwrap()
    };
    let (gz, hk) = (open("gz", gz, &bay.gz.keys, &ours), open("hk", hk, &bay.hk.keys, &theirs));
    for network in [ours, theirs] {
        network.nodes.lock().unwrap().extend([&gz, &hk].map(|city| (city.exchange.me, Arc::downgrade(&city.exchange))));
    }
    (gz, hk)
}

/// gz's next log begins, behind the one that this one has.
async fn next(bay: &Bay, number: u32, gz: &City, hk: &City) -> (City, City) {
    gz.exchange.retire(RetirementGround::KeyChange).await.unwrap();
    started(bay, number, gz.store.for_next_log(), hk.store.reopen())
}

/// Two questions were answered half a year ago, and then gz's next log began.
async fn half_a_year_later() -> (Bay, City, City) {
    let bay = bay();
    answered(&bay, clean()).await;
    answered(&bay, question(Purpose::Fin, Predicate::NotListed { of: AttestationType::SerWage, window_months: 0 })).await;
    pass(&bay, 200);
    let (gz, hk) = next(&bay, 2, &bay.gz, &bay.hk).await;
    (bay, gz, hk)
}

fn first_log() -> Origin {
    "gz.creditbay/log/1".parse().unwrap()
}

/// The leaves of a log that is so many back which something opens.
fn opens(city: &City, back: u32) -> BTreeSet<u64> {
    let before = Before { store: &city.store, back };
    let (mut opened, mut page) = (BTreeSet::new(), layout::sealed_from(&before, 0).unwrap());
    while let Some(last) = page.last() {
        for sealed in &page {
            opened.extend(city.exchange.seals.open(sealed).unwrap().iter().filter_map(Row::opens));
        }
        page = layout::sealed_after(&before, last).unwrap();
    }
    opened
}

fn leaf_of(city: &City, back: u32, index: u64) -> Leaf {
    Leaf::parse(&layout::read_leaves(&Before { store: &city.store, back }, index, index + 1).unwrap()[0]).unwrap()
}

async fn erase(city: &City, target: Target) -> Result<u64, EraseError> {
    city.exchange.erase(target, ErasureGround::SubjectRequest, false, |_| {}).await.map(|report| report.exchanges)
}

#[tokio::test(start_paused = true)]
async fn what_a_log_that_has_ended_disclosed_is_erased_on_both_sides_and_the_later_log_proves_it() {
    let (_bay, gz, hk) = half_a_year_later().await;
    assert_eq!(opens(&gz, 1), [1, 2].into());
    assert_eq!(erase(&gz, Target::LeafOf(first_log(), 1)).await.unwrap(), 1);
    assert_eq!(opens(&gz, 1), [2].into());
    assert_eq!(gz.exchange.send_notices().await.unwrap(), 1);
    assert_eq!(kinds(&hk), ["query", "query", "erased"], "the other side erased its own");
    assert!(rows(&hk).iter().all(|row| row.opens() != Some(1)));

    let lines = gz.exchange.open_in(first_log(), vec![1, 2], &[Field::Subject], "a test".to_owned()).await.unwrap();
    let (later, at) = lines[0].erasure().unwrap();
    assert_eq!(later, *gz.exchange.log.origin());
    assert!(lines[0].check(&leaf_of(&gz, 1, 1)).unwrap().is_empty());
    lines[0].check_erased(&stored(&gz, at)).unwrap();
    assert!(matches!(&lines[1].check(&leaf_of(&gz, 1, 2)).unwrap()[..], [Revealed::Subject(_)]), "the other one opens as before");

    assert_eq!(erase(&gz, Target::Leaf(1)).await.unwrap(), 0, "leaf 1 of the log that runs is another leaf");
    let nowhere = erase(&gz, Target::LeafOf("gz.creditbay/log/3".parse().unwrap(), 1)).await;
    assert!(matches!(nowhere, Err(EraseError::OtherLog(log)) if log.number() == 3));
    let beyond = erase(&gz, Target::LeafOf(first_log(), 99)).await;
    assert!(matches!(beyond, Err(EraseError::NoLeaf { index: 99, .. })));
}

#[tokio::test(start_paused = true)]
async fn a_subject_is_erased_in_every_log_of_its_region_under_one_leaf() {
    let (bay, gz, hk) = half_a_year_later().await;
    let (gz, _hk) = next(&bay, 3, &gz, &hk).await;
    assert_eq!(opens(&gz, 2), [1, 2].into(), "two logs back");
    let subject =
        creditbay_protocol::identifier::Identifier::parse(creditbay_protocol::identifier::Scheme::Uscc, COMPANY).unwrap();
    let report = gz.exchange.erase(Target::Subject(subject), ErasureGround::Order, false, |_| {}).await.unwrap();
    assert_eq!((report.exchanges, report.leaves.len()), (2, 1));
    assert_eq!(opens(&gz, 2), BTreeSet::new());
    let lines = gz.exchange.open_in(first_log(), vec![1], &[Field::Subject], "a test".to_owned()).await.unwrap();
    assert_eq!(lines[0].erasure(), Some((*gz.exchange.log.origin(), report.leaves[0])));
}

#[tokio::test(start_paused = true)]
async fn a_peers_notice_reaches_the_log_that_has_ended() {
    let (_bay, gz, hk) = half_a_year_later().await;
    assert_eq!(erase(&hk, Target::Leaf(1)).await.unwrap(), 1);
    assert_eq!(hk.exchange.send_notices().await.unwrap(), 1);
    assert_eq!(opens(&gz, 1), [2].into());
    let LeafBody::Event(Event::Erased(erased)) = stored(&gz, gz.exchange.log.head().signed().checkpoint().size - 1).body else {
        panic!("no erasure")
    };
    assert_eq!((erased.ground, erased.count), (ErasureGround::PeerNotice, 1));
}

#[tokio::test(start_paused = true)]
async fn a_notice_about_a_log_whose_store_is_gone_finds_nothing_to_erase_and_says_so() {
    let bay = bay();
    answered(&bay, clean()).await;
    pass(&bay, 200);
    bay.gz.exchange.retire(RetirementGround::KeyChange).await.unwrap();
    // Of the log before nothing but its head and last leaf is here, as after a restore.
    let store = bay.gz.store.for_next_log();
    let (gz, hk) = started(&bay, 2, store.clone(), bay.hk.store.reopen());
    let mut batch = crate::store::Batch::default();
    store.range(Tree::Ended(1), b"", b"\xff", usize::MAX).unwrap().into_iter().for_each(|(key, _)| batch.remove(key));
    gz.store.commit(Tree::Ended(1), batch).unwrap();
    assert_eq!(erase(&hk, Target::Leaf(1)).await.unwrap(), 1);
    assert_eq!(hk.exchange.send_notices().await.unwrap(), 1);
    let LeafBody::Event(Event::Erased(erased)) = stored(&gz, gz.exchange.log.head().signed().checkpoint().size - 1).body else {
        panic!("no erasure")
    };
    assert_eq!(erased.count, 0);
}

#[tokio::test(start_paused = true)]
async fn retention_goes_over_logs_that_have_ended() {
    let (bay, gz, _hk) = half_a_year_later().await;
    gz.exchange.retain().await;
    assert_eq!(opens(&gz, 1), [1, 2].into(), "kept for five years");
    pass(&bay, 5 * 366);
    gz.exchange.retain().await;
    assert!(gz.exchange.retained_today());
    assert_eq!(opens(&gz, 1), BTreeSet::new());
    let LeafBody::Event(Event::Erased(erased)) = stored(&gz, gz.exchange.log.head().signed().checkpoint().size - 1).body else {
        panic!("no erasure")
    };
    assert_eq!((erased.ground, erased.count), (ErasureGround::RetentionOver, 2));
    let size = gz.exchange.log.head().signed().checkpoint().size;
    gz.exchange.retain().await;
    assert_eq!(gz.exchange.log.head().signed().checkpoint().size, size, "nothing is erased twice");
}

/// gz erased one answer by force while hk was out of reach, and had erased another of which hk has not heard; then its next log began.
async fn left_over() -> (Bay, City, City) {
    let bay = bay();
    answered(&bay, clean()).await;
    pass(&bay, 200);
    answered(&bay, clean()).await;
    bay.time.fetch_add(300_000, std::sync::atomic::Ordering::AcqRel);
    assert_eq!(erase(&bay.gz, Target::Leaf(1)).await.unwrap(), 1);
    let waits = bay.gz.exchange.erase(Target::Leaf(2), ErasureGround::SubjectRequest, true, |_| {}).await.unwrap();
    assert!(waits.waits);
    let (gz, hk) = next(&bay, 2, &bay.gz, &bay.hk).await;
    assert!(opens(&gz, 1).contains(&2), "it waits for the peer");
    (bay, gz, hk)
}

fn is_taken_up(gz: &City, hk: &City) {
    let gone = rows(hk).iter().filter_map(Row::opens).all(|index| stored(hk, index).body.kind() != "query");
    assert!(gone, "hk erased both of its own");
    assert!(!opens(gz, 1).contains(&2) && !opens(gz, 1).contains(&1));
    assert!(gz.exchange.outstanding().unwrap().is_empty());
    assert!(erasure_rows::pending(&gz.store).unwrap().is_empty());
    let before = Before::last(&gz.store);
    assert!(erasure_rows::pending(&before).unwrap().is_empty() && erasure_rows::outgoing(&before, 0).unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_log_left_undone_of_erasures_is_taken_up_by_the_next_one() {
    let (_bay, gz, hk) = left_over().await;
    gz.exchange.finish_all_erasures().await.unwrap();
    assert!(opens(&gz, 1).contains(&2), "the other side is still told first");
    assert_eq!(gz.exchange.send_notices().await.unwrap(), 2);
    is_taken_up(&gz, &hk);
    let size = gz.exchange.log.head().signed().checkpoint().size;
    gz.exchange.finish_all_erasures().await.unwrap();
    assert_eq!(gz.exchange.log.head().signed().checkpoint().size, size, "once");
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_taking_up_is_made_good_at_the_next_start() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let mut nth = 0;
        loop {
            let (bay, gz, hk) = left_over().await;
            gz.store.fail(nth, failure);
            let ended = match gz.exchange.finish_all_erasures().await {
                Ok(()) => gz.exchange.send_notices().await.map(|_| ()).is_ok(),
                Err(_) => false,
            };
            let (gz, hk) = started(&bay, 2, gz.store.reopen(), hk.store.reopen());
            gz.exchange.finish_all_erasures().await.unwrap();
            gz.exchange.send_notices().await.unwrap();
            gz.exchange.finish_all_erasures().await.unwrap();
            is_taken_up(&gz, &hk);
            if ended {
                assert!(nth > 8, "the failure never came");
                break;
            }
            nth += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_an_erasure_in_a_log_that_has_ended_is_made_good() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let mut nth = 0;
        loop {
            let (bay, gz, hk) = half_a_year_later().await;
            gz.store.fail(nth, failure);
            let ended = erase(&gz, Target::LeafOf(first_log(), 1)).await;
            let (gz, _hk) = started(&bay, 2, gz.store.reopen(), hk.store.reopen());
            gz.exchange.finish_all_erasures().await.unwrap();
            let logged = kinds(&gz).contains(&"erased");
            assert!(logged || ended.is_err(), "write {nth}: done without a leaf");
            assert_eq!(opens(&gz, 1).contains(&1), !logged, "write {nth}: erased if and only if the log says so");
            assert!(opens(&gz, 1).contains(&2), "write {nth}: the other one stays");
            if logged {
                let lines = gz.exchange.open_in(first_log(), vec![1], &[Field::Subject], "a test".to_owned()).await.unwrap();
                assert!(matches!(lines[0].holds, Held::Erased { .. }));
            }
            if ended.is_ok() {
                assert!(nth > 4, "the failure never came");
                break;
            }
            nth += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_was_answered_two_logs_ago_is_not_answered_again() {
    let bay = bay();
    let hk = &bay.hk.exchange;
    let asked = Arc::new(Asked::new(rogue_query(&bay, Purpose::Fin), hk.entropy.seed()));
    let appended = hk.log.append(Entry::Query(asked.clone())).await.unwrap();
    let frame = asked.release(&appended.committed).unwrap();
    let peer = Peer { region: hk.me, log: *hk.log.origin() };
    carry_checkpoint(hk, &bay.gz.exchange, &appended);
    assert!(bay.gz.exchange.answer(&peer, &frame).await.is_ok());
    // Whoever begins a log writes down what was seen of the others.
    answered(&bay, clean()).await;
    let (second, other) = next(&bay, 2, &bay.gz, &bay.hk).await;
    let (third, other) = next(&bay, 3, &second, &other).await;
    let again = other.exchange.log.prove(appended.committed.place().index, &other.exchange.log.head()).unwrap();
    carry_checkpoint(&other.exchange, &third.exchange, &again);
    let frame = asked.release(&again.committed).unwrap();
    let size = third.exchange.log.head().signed().checkpoint().size;
    let said = third.exchange.answer(&peer, &frame).await.map(|released| released.appended().committed.place().index);
    assert_eq!(said, Err(Fault::Expired));
    assert_eq!(third.exchange.log.head().signed().checkpoint().size, size, "and no leaf");
}
