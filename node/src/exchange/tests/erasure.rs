//! Openings shown and erased: what opens before, what never opens again, what both logs say, and what a crash anywhere leaves.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_protocol::erasure::{ErasureGround, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::MAX_ERASED;
use creditbay_protocol::notice::{NamedLeaf, Notice, Noticed};
use creditbay_protocol::opening::{Held, LeafOpening, Revealed};
use creditbay_protocol::predicate::{AttestationType, Predicate, Purpose};
use creditbay_protocol::query::{Declined, DeclinedSubject};
use creditbay_protocol::refusal::{Fault, Refusal};
use creditbay_protocol::shown::Field;

use super::super::answer::Peer;
use super::super::ask::Outcome;
use super::super::erase::{EraseError, ErasureReport, Target};
use super::super::open::OpenError;
use super::bay::{
    Bay, COMPANY, City, InProcess, Weather, answered, bay, carry_checkpoint, clean, kinds, open, question, region, rogue_query,
    sample_pack,
};
use crate::log::entry::Entry;
use crate::log::rows::Row;
use crate::store::in_memory::Failure;
use crate::store::log as layout;
use crate::store::{Store, Tree, erasure as erasure_rows};

const DAY_MS: u64 = 86_400_000;

fn company() -> Identifier {
    Identifier::parse(Scheme::Uscc, COMPANY).unwrap()
}

pub(super) fn pass(bay: &Bay, days: u64) {
    bay.time.fetch_add(days * DAY_MS, Ordering::AcqRel);
}

async fn erase(city: &City, target: Target, force_early: bool) -> Result<ErasureReport, EraseError> {
    city.exchange.erase(target, ErasureGround::SubjectRequest, force_early, |_| {}).await
}

pub(super) fn stored(city: &City, index: u64) -> Leaf {
    Leaf::parse(&layout::read_leaves(&city.store, index, index + 1).unwrap()[0]).unwrap()
}

pub(super) async fn shown(city: &City, index: u64, field: Field) -> LeafOpening {
    city.exchange.open(vec![index], &[field], "a test".to_owned()).await.unwrap().remove(0)
}

/// Every sealed value of a store, as it lies there.
fn sealed(city: &City) -> Vec<(Vec<u8>, Vec<u8>)> {
    city.store.range(Tree::Log, b"S", b"T", usize::MAX).unwrap()
}

pub(super) fn rows(city: &City) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut page = layout::sealed_from(&city.store, 0).unwrap();
    while let Some(last) = page.last() {
        page.iter().for_each(|sealed| rows.extend(city.exchange.seals.open(sealed).unwrap()));
        page = layout::sealed_after(&city.store, last).unwrap();
    }
    rows
}

/// Whether any key file that is left opens any of these values, whatever number they say.
fn opens_with_any_key(city: &City, values: &[(Vec<u8>, Vec<u8>)]) -> bool {
    let keys = fs::read_dir(city.keys.path().join("openings")).unwrap();
    let keys: Vec<_> =
        keys.map(|file| SealingKey::from_bytes(fs::read(file.unwrap().path()).unwrap().try_into().unwrap())).collect();
    values.iter().any(|(key, value)| {
        let aad = [&key[9..17], &[0; 6], &key[17..19]].concat();
        keys.iter().any(|sealing| sealing.open(Label::SEAL_OPENING, &aad, &value[12..]).is_ok())
    })
}

/// The node after the process was killed and started again.
pub(super) async fn restarted(bay: &Bay, city: &City, name: &str) -> City {
    let network = Arc::new(InProcess {
        nodes: Mutex::new(bay.networks[0].nodes.lock().unwrap().clone()),
        me: OnceLock::new(),
        weather: bay.weather.clone(),
    });
    let again = open(name, city.store.reopen(), city.keys.clone(), &bay.time, network.clone(), &[sample_pack()]).unwrap();
    for network in bay.networks.iter().chain([&network]) {
        let mut nodes = network.nodes.lock().unwrap();
        nodes.retain(|(region, _)| *region != again.exchange.me);
        nodes.push((again.exchange.me, Arc::downgrade(&again.exchange)));
    }
    again
}

#[tokio::test(start_paused = true)]
async fn an_opening_is_a_leaf_first_and_proves_what_it_says() {
    let bay = bay();
    answered(&bay, clean()).await;
    let line = shown(&bay.hk, 1, Field::Subject).await;
    assert!(line.check(&stored(&bay.hk, 1)).unwrap() == [Revealed::Subject(company())]);
    let LeafBody::Event(Event::OpeningsShown(leaf)) = stored(&bay.hk, line.shown).body else { panic!("no leaf") };
    assert!(leaf.names(&[1]) && leaf.fields.members() == [Field::Subject]);
    let all = bay.gz.exchange.open(vec![1, 0, 1], Field::ALL, "audit".to_owned()).await.unwrap();
    assert_eq!(all.iter().map(|line| line.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(all[0].holds, Held::Nothing, "the activation of a pack hides nothing");
    let revealed = all[1].check(&stored(&bay.gz, 1)).unwrap();
    assert!(matches!(&revealed[..], [Revealed::Answer(_), Revealed::Subject(_), Revealed::Operator(_)]));
    let ground = shown(&bay.gz, all[0].shown, Field::Message).await;
    assert!(ground.check(&stored(&bay.gz, all[0].shown)).unwrap() == [Revealed::Ground("audit".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_shown_is_refused_by_its_cause_and_leaves_no_leaf() {
    let bay = bay();
    answered(&bay, clean()).await;
    let open = async |indices, fields: &[Field], ground: &str| {
        bay.hk.exchange.open(indices, fields, ground.to_owned()).await.err().unwrap()
    };
    assert!(matches!(open(vec![], &[Field::Subject], "x").await, OpenError::Count(0)));
    assert!(matches!(open((0..1001).collect(), &[Field::Subject], "x").await, OpenError::Count(1001)));
    assert!(matches!(open(vec![1], &[], "x").await, OpenError::NoField));
    assert!(matches!(open(vec![1], &[Field::Subject], " ").await, OpenError::Ground));
    assert!(matches!(open(vec![1], &[Field::Subject], &"x".repeat(241)).await, OpenError::Ground));
    assert!(matches!(open(vec![2], &[Field::Subject], "x").await, OpenError::NoLeaf { index: 2, size: 2 }));
    assert_eq!(kinds(&bay.hk), ["query"]);
    let mut batch = crate::store::Batch::default();
    sealed(&bay.hk).into_iter().for_each(|(key, _)| batch.remove(key));
    bay.hk.store.commit(Tree::Log, batch).unwrap();
    assert!(matches!(open(vec![1], &[Field::Subject], "x").await, OpenError::Lost(1)), "rows that nobody erased");
    assert_eq!(kinds(&bay.hk), ["query", "openings-shown"]);
}

#[tokio::test(start_paused = true)]
async fn an_erasure_reaches_both_sides_both_log_it_and_nothing_opens_again() {
    let bay = bay();
    answered(&bay, clean()).await;
    answered(&bay, question(Purpose::Fin, Predicate::NotListed { of: AttestationType::SerWage, window_months: 0 })).await;
    pass(&bay, 200);
    let before = [sealed(&bay.hk), sealed(&bay.gz)];
    assert!(opens_with_any_key(&bay.hk, &before[0]) && opens_with_any_key(&bay.gz, &before[1]), "the search finds what is there");
    let report = erase(&bay.hk, Target::Leaf(1), false).await.unwrap();
    assert_eq!((report.exchanges, report.told, report.keys, report.waits), (1, 1, 1, false));
    assert_eq!(bay.hk.exchange.send_notices().await.unwrap(), 1);
    assert_eq!(kinds(&bay.hk), ["query", "query", "erased", "erasure-notified"]);
    assert_eq!(kinds(&bay.gz), ["answer", "answer", "erased"]);
    for (city, old) in [&bay.hk, &bay.gz].into_iter().zip(&before) {
        assert!(!opens_with_any_key(city, old), "no key that is left opens what lay there before");
        let line = shown(city, 1, Field::Subject).await;
        let Held::Erased { leaf, .. } = &line.holds else { panic!("not erased: {line:?}") };
        assert_eq!(*leaf, 3);
        line.check_erased(&stored(city, 3)).unwrap();
        let other = shown(city, 2, Field::Subject).await;
        assert!(other.check(&stored(city, 2)).unwrap() == [Revealed::Subject(company())], "the other exchange opens as before");
    }
    let receipts =
        rows(&bay.hk).into_iter().filter_map(|row| if let Row::Receipt { query, .. } = row { Some(query) } else { None });
    assert_eq!(receipts.collect::<Vec<_>>(), [2]);
    let LeafBody::Event(Event::Erased(erased)) = stored(&bay.gz, 3).body else { panic!("no erasure") };
    assert_eq!(erased.ground, ErasureGround::PeerNotice);
    assert_eq!(erased.scope, ErasureScope::Notice { peer: region("hk"), notice: stored(&bay.hk, 4).hash() });
    assert!(bay.hk.exchange.outstanding().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_erases_tells_the_asker() {
    let bay = bay();
    answered(&bay, clean()).await;
    pass(&bay, 200);
    let report = erase(&bay.gz, Target::Subject(company()), false).await.unwrap();
    assert_eq!((report.exchanges, report.told), (1, 1));
    assert_eq!(bay.gz.exchange.send_notices().await.unwrap(), 1);
    assert_eq!(kinds(&bay.hk), ["query", "erased"]);
    assert!(rows(&bay.hk).iter().all(|row| matches!(row, Row::Note { .. })), "the receipt went with the query");
    let none = erase(&bay.gz, Target::Subject(company()), false).await.unwrap();
    assert_eq!(none, ErasureReport::default(), "nothing more to erase is no leaf");
    assert_eq!(kinds(&bay.gz), ["answer", "erased", "erasure-notified"]);
}

#[tokio::test(start_paused = true)]
async fn what_may_still_be_used_is_erased_only_by_force_and_after_the_other_side_knows() {
    let bay = bay();
    answered(&bay, clean()).await;
    assert!(matches!(erase(&bay.gz, Target::Leaf(1), true).await, Err(EraseError::UnderWay { count: 1 })));
    bay.time.fetch_add(300_000, Ordering::AcqRel);
    assert!(matches!(erase(&bay.gz, Target::Leaf(1), false).await, Err(EraseError::StillUsable { count: 1, .. })));
    let by_order = bay.gz.exchange.erase(Target::Leaf(1), ErasureGround::PeerNotice, true, |_| {}).await;
    assert!(matches!(by_order, Err(EraseError::NotAnOperatorsGround)));
    assert!(matches!(erase(&bay.gz, Target::Leaf(9), true).await, Err(EraseError::NoLeaf { index: 9, size: 2 })));
    assert_eq!(kinds(&bay.gz), ["answer"], "nothing refused is a leaf");

    let report = erase(&bay.gz, Target::Leaf(1), true).await.unwrap();
    assert!(report.waits && report.keys == 0);
    assert_eq!(rows(&bay.gz).iter().filter(|row| row.opens() == Some(1)).count(), 1, "the bytes wait for the peer");
    assert!(matches!(shown(&bay.gz, 1, Field::Subject).await.holds, Held::Erased { leaf: 2, .. }), "and are not shown");
    assert_eq!(bay.gz.exchange.outstanding().unwrap().into_values().collect::<Vec<_>>(), [(1, 3)]);
    assert_eq!(bay.gz.exchange.send_notices().await.unwrap(), 1);
    assert_eq!(rows(&bay.gz).iter().filter(|row| row.opens() == Some(1)).count(), 0);
    assert!(erasure_rows::pending(&bay.gz.store).unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_notice_whose_reply_is_lost_is_sent_again_and_gets_the_same_word() {
    let bay = bay();
    answered(&bay, clean()).await;
    pass(&bay, 200);
    erase(&bay.hk, Target::Leaf(1), false).await.unwrap();
    *bay.weather.lock().unwrap() = Weather::LosesTheReply;
    assert_eq!(bay.hk.exchange.send_notices().await.unwrap(), 0);
    assert_eq!(bay.hk.exchange.outstanding().unwrap().len(), 1);
    let hk = restarted(&bay, &bay.hk, "hk").await;
    assert_eq!(hk.exchange.send_notices().await.unwrap(), 1, "after a restart, too");
    assert_eq!(kinds(&bay.gz), ["answer", "erased"], "one leaf, whatever is repeated");
}

#[tokio::test(start_paused = true)]
async fn a_notice_about_an_exchange_of_others_or_of_none_erases_nothing() {
    let bay = bay();
    answered(&bay, clean()).await;
    pass(&bay, 200);
    let (hk, gz) = (&bay.hk.exchange, &bay.gz.exchange);
    let peer = Peer { region: hk.me, log: *hk.log.origin() };
    let answer = stored(&bay.gz, 1).hash();
    let told = async |log, leaf: NamedLeaf| {
        let notice = Notice { sender: hk.me, receiver: gz.me, ground: ErasureGround::Order, log, leaves: vec![leaf] };
        let noticed = Arc::new(Noticed::new(notice, hk.entropy.seed()));
        let appended = hk.log.append(Entry::Notice { noticed: noticed.clone(), erasure: 0 }).await.unwrap();
        carry_checkpoint(hk, gz, &appended);
        gz.take_notice(&peer, &noticed.release(&appended.committed).unwrap())
            .await
            .map(|word| word.appended().committed.place().index)
    };
    let here = *gz.log.origin();
    for leaf in [
        NamedLeaf { index: 1, leaf: Digest([0; 32]) },
        NamedLeaf { index: 0, leaf: stored(&bay.gz, 0).hash() },
        NamedLeaf { index: 77, leaf: answer },
    ] {
        assert_eq!(told(here, leaf).await, Err(Fault::NoSuchExchange));
    }
    let elsewhere = "sz.creditbay/log/1".parse().unwrap();
    assert_eq!(told(elsewhere, NamedLeaf { index: 1, leaf: answer }).await, Err(Fault::NoSuchExchange));
    assert_eq!(kinds(&bay.gz), ["answer"], "and leaves no leaf");
    // A query that this node never answered is nothing to erase, which it says, as often as it refuses.
    let unknown = |index| NamedLeaf { index, leaf: Digest([index as u8; 32]) };
    for index in 0..3 {
        assert!(told(peer.log, unknown(index)).await.is_ok());
    }
    assert_eq!(told(peer.log, unknown(9)).await, Err(Fault::LeafBudgetSpent));
    let named = NamedLeaf { index: 1, leaf: stored(&bay.hk, 1).hash() };
    assert_eq!(told(peer.log, named).await, Ok(5), "by the asker's own leaf");
    assert!(
        rows(&bay.gz).iter().all(|row| matches!(row, Row::Note { .. })),
        "what hk's log showed of the query went with the answer"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_an_erasure_is_made_good_at_the_next_start() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let mut nth = 0;
        loop {
            let bay = bay();
            answered(&bay, clean()).await;
            answered(&bay, clean()).await;
            pass(&bay, 200);
            let old = sealed(&bay.hk);
            bay.hk.store.fail(nth, failure);
            let ended = erase(&bay.hk, Target::Leaf(1), false).await;
            let hk = restarted(&bay, &bay.hk, "hk").await;
            hk.exchange.finish_erasures().await.unwrap();
            let logged = kinds(&hk).contains(&"erased");
            assert!(logged || ended.is_err(), "write {nth}: done without a leaf");
            assert!(erasure_rows::pending(&hk.store).unwrap().is_empty(), "write {nth}: something is left to do");
            let mine = rows(&hk).iter().filter(|row| row.opens() == Some(1)).count();
            assert_eq!(mine, usize::from(!logged), "write {nth}: erased if and only if the log says so");
            assert_eq!(rows(&hk).iter().filter(|row| row.opens() == Some(2)).count(), 1, "write {nth}: the other one stays");
            assert_eq!(opens_with_any_key(&hk, &old), !logged, "write {nth}");
            if logged {
                assert!(matches!(shown(&hk, 1, Field::Subject).await.holds, Held::Erased { .. }));
                assert!(
                    hk.exchange.outstanding().unwrap().contains_key(&region("gz")),
                    "write {nth}: the notice is not forgotten"
                );
            }
            if ended.is_ok() {
                assert!(nth > 3, "the failure never came");
                break;
            }
            nth += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_erases_more_than_one_leaf_can_say_is_several_leaves() {
    let bay = bay();
    let hk = &bay.hk.exchange;
    drop(hk.orders.in_force(&hk.log, hk.clock.now()).await.unwrap());
    let asked = rogue_query(&bay, Purpose::Fin);
    let total = 2 * MAX_ERASED as u64;
    for _ in 0..total {
        let declined = Declined {
            asker: asked.asker,
            issuer: None,
            organisation: asked.organisation,
            operator: asked.operator,
            purpose: asked.purpose,
            subject: DeclinedSubject::Known(company()),
            predicates: asked.predicates.clone(),
            pack: asked.pack,
            refusal: Refusal::PurposeNotAdmitted,
        };
        hk.log.submit(Entry::Declined(Arc::new((declined, hk.entropy.seed()))), Vec::new()).await.unwrap();
    }
    let report = erase(&bay.hk, Target::Subject(company()), false).await.unwrap();
    assert_eq!((report.exchanges, report.told, report.leaves.len()), (total, 0, 3));
    let erased = report.leaves.iter().map(|leaf| {
        let LeafBody::Event(Event::Erased(erased)) = stored(&bay.hk, *leaf).body else { panic!("no erasure") };
        assert!(erased.count as usize <= MAX_ERASED);
        u64::from(erased.count)
    });
    assert_eq!(erased.sum::<u64>(), total, "each once");
    assert!(rows(&bay.hk).is_empty());
    for index in [1, total / 2, total] {
        assert!(matches!(shown(&bay.hk, index, Field::Subject).await.holds, Held::Erased { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn all_leaves_of_before_a_day_go_with_the_days_keys() {
    let bay = bay();
    let forbidden = question(Purpose::Prof, Predicate::ExistsValid { of: AttestationType::Permit });
    assert!(matches!(bay.hk.exchange.ask(forbidden).await, Ok(Outcome::Declined { index: 1, .. })));
    pass(&bay, 1);
    answered(&bay, clean()).await;
    pass(&bay, 1);
    answered(&bay, clean()).await;
    pass(&bay, 200);
    let keys = || {
        fs::read_dir(bay.hk.keys.path().join("openings")).unwrap().map(|file| file.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    assert_eq!(keys().len(), 3);
    let days = [2, 3].map(|index| stored(&bay.hk, index).time.day());
    let report = erase(&bay.hk, Target::Before(days[0]), false).await.unwrap();
    assert_eq!((report.exchanges, report.sealed_anew, report.keys), (1, 0, 2), "of a day of which nothing is left both keys go");
    let report = erase(&bay.hk, Target::Before(days[1]), false).await.unwrap();
    assert_eq!((report.exchanges, report.sealed_anew), (1, 1), "a note of gz's stays of the day after");
    assert!(rows(&bay.hk).iter().any(|row| row.opens() == Some(3)));
    let report = bay.gz.exchange.erase(Target::Before(days[1]), ErasureGround::Order, false, |_| {}).await.unwrap();
    assert_eq!((report.exchanges, report.sealed_anew, report.keys), (1, 1, 1), "as one of hk's does here");
}
