//! What stands in a log: rows that open its leaves, and what becomes of a log that shows two trees.

use std::sync::{Arc, Mutex, OnceLock};

use creditbay_crypto::commit::commit;
use creditbay_crypto::label::Label;
use creditbay_crypto::merkle::verify::verify_inclusion;
use creditbay_protocol::chain::ChainFault;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::fork::{Evidence, Finding};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{AttestationType, Predicate, Purpose};
use creditbay_protocol::refusal::{Fault, Refusal};
use creditbay_protocol::requester::Asked;

use super::super::answer::Peer;
use super::super::ask::Outcome;
use super::super::compose::{About, Question};
use super::super::fault::AskError;
use super::super::network::LinkError;
use super::bay::{Bay, COMPANY, City, InProcess, answered, bay, clean, kinds, open, question, region, rogue_query, sample_pack};
use crate::log::entry::{Appended, Entry};
use crate::log::rows::Row;
use crate::store::Store;
use crate::store::in_memory::InMemory;
use crate::store::log as layout;

/// Every row of a node's log, opened, in the order in which they were written.
fn rows(city: &City) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut page = layout::sealed_from(&city.store, 0).unwrap();
    while let Some(last) = page.last() {
        for sealed in &page {
            rows.extend(city.exchange.seals.open(sealed).unwrap());
        }
        page = layout::sealed_after(&city.store, last).unwrap();
    }
    rows
}

/// What the writer writes is what `rows::Row` reads: one row of each kind, each of which opens its leaf or proves its answer.
#[tokio::test(start_paused = true)]
async fn every_kind_of_row_is_read_back_and_opens_its_leaf() {
    let bay = bay();
    let attestation = answered(&bay, clean()).await;
    let forbidden = question(Purpose::Prof, Predicate::ExistsValid { of: AttestationType::Permit });
    assert!(matches!(bay.hk.exchange.ask(forbidden).await, Ok(Outcome::Declined { index: 2, .. })));
    assert!(matches!(
        bay.hk.exchange.ask(Question { subject: About::NaturalPerson, ..clean() }).await,
        Ok(Outcome::Declined { index: 3, .. })
    ));
    let stored = |city: &City, index: u64| Leaf::parse(&layout::read_leaves(&city.store, index, index + 1).unwrap()[0]).unwrap();

    let hk = rows(&bay.hk);
    let [
        Row::Query { index: 1, seed, query },
        Row::Note { log: note_log, size: note_size, note },
        Row::Receipt { query: 1, answer, seed: answer_seed, time, log, index: 1, size, path },
        Row::Declined { index: 2, seed: declined_seed, subject, operator, refusal: Refusal::PurposeNotAdmitted },
        Row::Declined { index: 3, subject: nobody, refusal: Refusal::NaturalPerson, .. },
    ] = hk.as_slice()
    else {
        panic!("{} rows of other kinds", hk.len())
    };
    assert_eq!(LeafBody::of_query(query, seed), stored(&bay.hk, 1).body);
    let company = Identifier::parse(Scheme::Uscc, COMPANY).unwrap();
    assert_eq!((subject.as_slice(), nobody.as_slice()), (company.canonical_bytes().as_slice(), [0; 0].as_slice()));
    assert_eq!(*operator, Name::new("a.chan").unwrap());
    let LeafBody::Declined { subject: commitment, .. } = stored(&bay.hk, 2).body else { panic!("no declined leaf") };
    assert_eq!(commit(declined_seed, Label::COMMIT_SUBJECT, subject), commitment, "the seed opens the leaf");
    let answer_leaf = Leaf::new(*time, LeafBody::of_answer(query, answer, answer_seed));
    assert_eq!(answer_leaf, stored(&bay.gz, 1));
    assert_eq!((log, note_log, size), (bay.gz.exchange.log.origin(), bay.gz.exchange.log.origin(), note_size));
    let root = bay.hk.exchange.log.seen().root(log, *size).await.unwrap();
    verify_inclusion(&answer_leaf.hash(), 1, *size, path, root.root()).unwrap();
    assert!(attestation.answer.tlog_proof.contains(String::from_utf8_lossy(note).trim()), "the note that the service got");

    let gz = rows(&bay.gz);
    let [
        Row::Note { log: asker_log, size: asked_under, note: asker_note },
        Row::Answer { index: 1, seed, answer, query, query_seed, query_time, query_log, query_index: 1, query_size, query_path },
    ] = gz.as_slice()
    else {
        panic!("{} rows of other kinds", gz.len())
    };
    assert_eq!(LeafBody::of_answer(query, answer, seed), stored(&bay.gz, 1).body);
    assert_eq!(Leaf::new(*query_time, LeafBody::of_query(query, query_seed)), stored(&bay.hk, 1));
    assert_eq!((query_log, asker_log, query_size), (bay.hk.exchange.log.origin(), query_log, asked_under));
    let key = &bay.gz.exchange.directory.entry(region("hk")).unwrap().log;
    let note = SignedCheckpoint::verify(asker_note, query_log, key).unwrap();
    verify_inclusion(&answer.query, 1, *query_size, query_path, &note.checkpoint().root).unwrap();
}

/// A second history of hk's log, under hk's own keys: another question stands under index 1.
async fn twin_of_hk(bay: &Bay) -> (City, Arc<Asked>, Appended) {
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let twin = open("hk", InMemory::new(), Arc::new(tempfile::tempdir().unwrap()), &bay.time, network, &[sample_pack()]).unwrap();
    drop(twin.exchange.orders.in_force(&twin.exchange.log, twin.exchange.clock.now()).await.unwrap());
    let asked = Arc::new(Asked::new(rogue_query(bay, Purpose::Proc), twin.exchange.entropy.seed()));
    let appended = twin.exchange.log.append(Entry::Query(asked.clone())).await.unwrap();
    (twin, asked, appended)
}

#[tokio::test(start_paused = true)]
async fn a_log_that_shows_two_trees_is_a_fork_and_is_answered_no_more() {
    let bay = bay();
    answered(&bay, clean()).await;
    let (twin, asked, appended) = twin_of_hk(&bay).await;
    let frame = asked.release(&appended.committed).unwrap();
    let (peer, note) = (Peer { region: region("hk"), log: *twin.exchange.log.origin() }, appended.head.signed().note_bytes());
    let seen = bay.gz.exchange.log.seen();
    // Before the alarm: the frame is proved under a root that gz never accepted.
    assert!(matches!(bay.gz.exchange.answer(&peer, &frame).await, Err(Fault::ProofInvalid)));
    assert!(matches!(seen.hear(&peer.log, 2, &note, &[]), Some(Err(ChainFault::Fork { .. }))));
    assert!(matches!(bay.gz.exchange.answer(&peer, &frame).await, Err(Fault::TrustSuspended)));
    let refused = bay.hk.exchange.ask(clean()).await;
    assert!(matches!(refused, Err(AskError::NoAnswer(LinkError::Fault(Fault::TrustSuspended)))), "nor is the first history");
    assert_eq!(kinds(&bay.gz), ["answer"]);
    assert_eq!(bay.gz.exchange.metrics.counted("creditbay_alarms_total", &[("log", &peer.log.to_string())]), 1);
}

/// Where a node no longer has the note that it saw, the table of answered queries still knows that another one stood there.
#[tokio::test(start_paused = true)]
async fn other_bytes_under_an_index_that_was_answered_are_a_fault() {
    let bay = bay();
    answered(&bay, clean()).await;
    let (twin, asked, _) = twin_of_hk(&bay).await;
    // Proved under a tree of another size, so that no two notes of one size tell.
    let more = Entry::Query(Arc::new(Asked::new(rogue_query(&bay, Purpose::Inv), twin.exchange.entropy.seed())));
    twin.exchange.log.append(more).await.unwrap();
    let appended = twin.exchange.log.prove(1, &twin.exchange.log.head()).unwrap();
    let frame = asked.release(&appended.committed).unwrap();
    let peer = Peer { region: region("hk"), log: *twin.exchange.log.origin() };
    let store = bay.gz.store.reopen();
    let mut batch = crate::store::Batch::default();
    layout::set_seen(&mut batch, &peer.log, appended.head.signed().note_bytes());
    store.commit(crate::store::Tree::Log, batch).unwrap();
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let gz = open("gz", store, bay.gz.keys.clone(), &bay.time, network, &[sample_pack()]).unwrap();
    assert!(matches!(gz.exchange.answer(&peer, &frame).await, Err(Fault::OtherBytesUnderIndex)));
    assert_eq!(gz.exchange.log.head().signed().checkpoint().size, 2, "and no leaf");

    // What proves it is durable and verifies with hk's key alone; trust in hk has ended, over a restart, too.
    let trust = gz.exchange.log.seen().trust();
    let case = &trust.cases(&peer.log).unwrap()[0];
    assert!(case.decided.is_none() && case.what.contains("two leaves at index 1"), "{case:?}");
    let evidence: Evidence = serde_json::from_slice(&trust.evidence(&peer.log, 0).unwrap()).unwrap();
    let key = gz.exchange.directory.entry(region("hk")).unwrap().log.clone();
    assert!(matches!(evidence.verify(&key), Ok(Finding::TwoLeaves { index: 1, sizes: [2, 3] })));
    let [first, second] = &evidence.positions.as_ref().unwrap().leaves;
    let of_hk = Leaf::parse(&layout::read_leaves(&bay.hk.store, 1, 2).unwrap()[0]).unwrap();
    assert_eq!((first.leaf, second.leaf), (of_hk.hash(), *appended.committed.leaf()));
    assert!(matches!(gz.exchange.answer(&peer, &frame).await, Err(Fault::TrustSuspended)));
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let gz = open("gz", gz.store.reopen(), gz.keys.clone(), &bay.time, network, &[sample_pack()]).unwrap();
    assert!(matches!(gz.exchange.answer(&peer, &frame).await, Err(Fault::TrustSuspended)));
}
