//! Answering: every step lets the true query through and stops its forged twin with the fault that it is named for.

use super::sample::{Exchange, INDEX, Log, NOW, SIZE, every_shape, fresh, me, name, peer, query, seed, verdicts};
use crate::answer::Reply;
use crate::calendar::Millis;
use crate::evidence::Committed;
use crate::leaf::LeafBody;
use crate::limits::{BODY_BYTES, FRAME_HEAD_BYTES, FRESHNESS_MS, MAX_QUERY_LIFETIME_MS};
use crate::query::Query;
use crate::refusal::{Budget, Fault, Refusal};
use crate::requester::Asked;
use crate::responder::{AnsweredBefore, AskedHere, Included, NotThisLeaf, Received};

/// Where the fields of a body stand in a frame: time, seed, origin, index, size, message.
const TIME: usize = FRAME_HEAD_BYTES;
const SEED: usize = TIME + 8;
const MESSAGE: usize = SEED + 32 + 36 + 8 + 8;
const PATH: usize = FRAME_HEAD_BYTES + BODY_BYTES;

/// All steps up to the inclusion.
fn included(frame: &[u8], log: &Log) -> Result<Included, Fault> {
    Received::parse(frame)?.identify(me(), peer(), &log.origin)?.include(&log.trusted(SIZE))
}

fn flipped(frame: &[u8], at: usize, bit: usize) -> Vec<u8> {
    let mut forged = frame.to_vec();
    forged[at] ^= 1 << bit;
    forged
}

#[test]
fn a_true_query_comes_through_and_says_where_it_stands() {
    let exchange = Exchange::new(verdicts(2, 3));
    let fresh = fresh(&exchange.query_frame, &exchange.asker);
    let AskedHere { query, time, seed, leaf, place, note } = fresh.asked();
    assert_eq!((query, *time, leaf), (exchange.asked.query(), NOW, exchange.query.leaf()));
    assert_eq!(seed.expose(), exchange.asked.seed().expose());
    assert_eq!(place, exchange.query.place());
    assert_eq!(note.checkpoint().size, SIZE, "and under which note");
    assert_eq!((place.index, place.size), (INDEX, SIZE));
}

#[test]
fn what_cannot_be_read_is_malformed() {
    let exchange = Exchange::new(verdicts(2, 3));
    assert_eq!(Received::parse(&exchange.query_frame[1..]).err(), Some(Fault::Malformed));
    assert_eq!(Received::parse(&exchange.answer_frame).err(), Some(Fault::Malformed), "an answer is no query");
}

#[test]
fn a_query_in_anothers_name_or_from_anothers_log_is_the_wrong_senders() {
    let exchange = Exchange::new(verdicts(2, 3));
    let received = || Received::parse(&exchange.query_frame).ok().unwrap();
    assert_eq!(received().identify(me(), name("sz"), &exchange.asker.origin).err(), Some(Fault::WrongSender));
    assert_eq!(received().identify(me(), peer(), &exchange.issuer.origin).err(), Some(Fault::WrongSender));
}

#[test]
fn a_query_to_another_node_has_the_wrong_receiver() {
    let exchange = Exchange::new(verdicts(2, 3));
    let received = Received::parse(&exchange.query_frame).ok().unwrap();
    assert_eq!(received.identify(name("mo"), peer(), &exchange.asker.origin).err(), Some(Fault::WrongReceiver));
}

#[test]
fn a_root_of_another_size_or_log_is_not_the_checkpoint() {
    let exchange = Exchange::new(verdicts(2, 3));
    let identified =
        || Received::parse(&exchange.query_frame).ok().unwrap().identify(me(), peer(), &exchange.asker.origin).ok().unwrap();
    assert_eq!(identified().size(), SIZE);
    for root in [exchange.asker.trusted(SIZE - 1), exchange.issuer.trusted(SIZE)] {
        assert_eq!(identified().include(&root).err(), Some(Fault::CheckpointMissing));
    }
}

#[test]
fn a_flipped_bit_of_time_seed_message_or_path_invalidates_the_proof() {
    let Exchange { query_frame, asker, .. } = Exchange::new(verdicts(2, 3));
    let organisation = MESSAGE + 8 + 8;
    let path_bytes = 32 * 4;
    assert_eq!(query_frame.len(), PATH + path_bytes);
    for at in (TIME..SEED + 32).chain(PATH..PATH + path_bytes) {
        for bit in 0..8 {
            let fault = included(&flipped(&query_frame, at, bit), &asker).err();
            assert_eq!(fault, Some(Fault::ProofInvalid), "byte {at}, bit {bit}");
        }
    }
    // `bank-01` becomes `cank-01`.
    assert_eq!(included(&flipped(&query_frame, organisation, 0), &asker).err(), Some(Fault::ProofInvalid));
}

#[test]
fn no_flipped_bit_of_a_query_comes_through() {
    let Exchange { query_frame, asker, .. } = Exchange::new(verdicts(2, 3));
    assert!(included(&query_frame, &asker).is_ok());
    for at in 0..query_frame.len() {
        for bit in 0..8 {
            assert!(included(&flipped(&query_frame, at, bit), &asker).is_err(), "byte {at}, bit {bit}");
        }
    }
}

/// A true query of this leaf time and expiry, judged at `now`.
fn at_door(time: Millis, expires: Millis, now: Millis, watermark: Millis) -> Option<Fault> {
    let mut log = Log::new("gz", 1).fill(2);
    let asked = Asked::new(Query { expires, ..query(&every_shape()) }, seed(1));
    let committed = log.commit(&asked.leaf(time), 0);
    let frame = asked.release(&committed).unwrap();
    let identified = Received::parse(&frame).ok().unwrap().identify(me(), peer(), &log.origin).ok().unwrap();
    let included = identified.include(&log.trusted(3)).ok().unwrap();
    included.fresh(now, watermark).err()
}

#[test]
fn a_query_lives_as_long_as_it_may_and_no_longer() {
    let never = Millis(0);
    assert_eq!(at_door(NOW, NOW.plus(MAX_QUERY_LIFETIME_MS), NOW, never), None);
    assert_eq!(at_door(NOW, NOW.plus(MAX_QUERY_LIFETIME_MS + 1), NOW, never), Some(Fault::LifetimeTooLong));
    assert_eq!(at_door(NOW, Millis(u64::MAX), NOW, never), Some(Fault::LifetimeTooLong));
}

#[test]
fn a_query_from_ahead_of_the_clock_is_from_the_future() {
    let never = Millis(0);
    let time = NOW.plus(FRESHNESS_MS);
    assert_eq!(at_door(time, time.plus(1), NOW, never), None);
    assert_eq!(at_door(time.plus(1), time.plus(2), NOW, never), Some(Fault::FromTheFuture));
    assert_eq!(at_door(Millis(u64::MAX), Millis(u64::MAX), NOW, never), Some(Fault::FromTheFuture));
}

#[test]
fn a_query_past_its_expiry_is_expired() {
    let never = Millis(0);
    let expires = NOW.plus(1_000);
    assert_eq!(at_door(NOW, expires, expires.plus(FRESHNESS_MS), never), None);
    assert_eq!(at_door(NOW, expires, expires.plus(FRESHNESS_MS + 1), never), Some(Fault::Expired));
}

#[test]
fn a_query_at_or_below_the_watermark_is_expired_whatever_the_clock_says() {
    let expires = NOW.plus(1_000);
    assert_eq!(at_door(NOW, expires, NOW, expires.minus(1)), None);
    assert_eq!(at_door(NOW, expires, NOW, expires), Some(Fault::Expired));
    assert_eq!(at_door(NOW, expires, Millis(0).plus(NOW.0 - 1), expires.plus(1)), Some(Fault::Expired));
}

#[test]
fn a_reply_is_released_for_its_own_leaf_alone() {
    for reply in [verdicts(2, 3), Reply::Refused(Refusal::BudgetSpent { budget: Budget::Peer })] {
        let exchange = Exchange::new(reply.clone());
        assert_eq!(exchange.judged.answer().reply, reply);
        assert_eq!(exchange.judged.answer().query, *exchange.query.leaf());
        assert_eq!(exchange.judged.asked().leaf, *exchange.query.leaf());
        assert_eq!(exchange.judged.seed().expose(), seed(0x44).expose());
        assert_eq!(exchange.judged.release(&exchange.query), Err(NotThisLeaf), "the query's leaf is not the answer's");
        assert_eq!(exchange.asked.release(&exchange.answer), Err(NotThisLeaf), "nor the other way round");
    }
}

#[test]
fn a_leaf_of_another_time_verdict_or_seed_releases_nothing() {
    let exchange = Exchange::new(verdicts(2, 3));
    let mut log = Log::new("hk", 2);
    let mut other_time: Committed = log.commit(&exchange.judged.leaf(NOW), 1);
    assert!(exchange.judged.release(&other_time).is_ok(), "its time comes with its proof");
    let refused = fresh(&exchange.query_frame, &exchange.asker).judge(Reply::Refused(Refusal::Closing), seed(0x44));
    other_time = log.commit(&refused.leaf(NOW.plus(25)), 0);
    assert_eq!(exchange.judged.release(&other_time), Err(NotThisLeaf));
    let other_seed = fresh(&exchange.query_frame, &exchange.asker).judge(verdicts(2, 3), seed(0x45));
    assert_eq!(exchange.judged.release(&log.commit(&other_seed.leaf(NOW.plus(25)), 0)), Err(NotThisLeaf));
}

#[test]
fn asking_twice_gives_the_same_answer_under_a_fresh_proof() {
    let mut exchange = Exchange::new(verdicts(2, 3));
    let before = AnsweredBefore {
        answer: exchange.judged.answer().clone(),
        seed: seed(0x44),
        body: LeafBody::of_answer(exchange.asked.query(), exchange.judged.answer(), &seed(0x44)),
    };
    assert_eq!(before.release(&exchange.answer).unwrap(), exchange.answer_frame);
    assert_eq!(before.release(&exchange.query), Err(NotThisLeaf));
    let later = exchange.issuer.commit(&exchange.judged.leaf(NOW.plus(25)), 100);
    assert_ne!(before.release(&later).unwrap(), exchange.answer_frame);
}
