//! Asking: a true reply is verified, its forged twin is refused with the fault that it is named for.

use super::sample::{Exchange, INDEX, NOW, SIZE, every_shape, query, verdicts};
use crate::answer::Reply;
use crate::evidence::Committed;
use crate::refusal::{Fault, Refusal};
use crate::requester::{Replied, Verified};

fn verified(exchange: &Exchange, frame: &[u8]) -> Result<Verified, Fault> {
    Replied::parse(frame)?
        .attribute(&exchange.asked, exchange.query.leaf(), &exchange.issuer.origin)?
        .include(&exchange.asked, &exchange.issuer.trusted(SIZE))
}

#[test]
fn a_true_reply_is_verified_and_says_where_it_stands() {
    for reply in [verdicts(2, 3), verdicts(2, 0), Reply::Refused(Refusal::TypeUnknown)] {
        let exchange = Exchange::new(reply.clone());
        let verified = verified(&exchange, &exchange.answer_frame).ok().unwrap();
        assert_eq!(verified.answer().reply, reply);
        assert_eq!((verified.time(), verified.leaf()), (NOW.plus(25), exchange.answer.leaf()));
        assert_eq!(verified.seed().expose(), exchange.judged.seed().expose());
        assert_eq!(verified.place(), exchange.answer.place());
        assert_eq!((verified.place().index, verified.place().size), (INDEX, SIZE));
    }
}

#[test]
fn what_cannot_be_read_is_malformed() {
    let exchange = Exchange::new(verdicts(2, 3));
    assert_eq!(Replied::parse(&exchange.answer_frame[..100]).err(), Some(Fault::Malformed));
    assert_eq!(Replied::parse(&exchange.query_frame).err(), Some(Fault::Malformed), "a query is no answer");
}

#[test]
fn a_reply_from_another_log_is_the_wrong_senders() {
    let exchange = Exchange::new(verdicts(2, 3));
    let replied = Replied::parse(&exchange.answer_frame).ok().unwrap();
    let fault = replied.attribute(&exchange.asked, exchange.query.leaf(), &exchange.asker.origin).err();
    assert_eq!(fault, Some(Fault::WrongSender));
}

#[test]
fn a_reply_to_another_query_is_to_another_question() {
    let exchange = Exchange::new(verdicts(2, 3));
    let replied = Replied::parse(&exchange.answer_frame).ok().unwrap();
    let fault = replied.attribute(&exchange.asked, exchange.answer.leaf(), &exchange.issuer.origin).err();
    assert_eq!(fault, Some(Fault::OtherQuestion));
}

#[test]
fn another_count_of_verdicts_answers_another_question() {
    for count in [1, 3, 8] {
        let exchange = Exchange::new(verdicts(count, 3));
        assert_eq!(
            verified(&exchange, &exchange.answer_frame).err(),
            Some(Fault::OtherQuestion),
            "{count} verdicts to 2 predicates"
        );
    }
}

#[test]
fn a_root_of_another_size_or_log_is_not_the_checkpoint() {
    let exchange = Exchange::new(verdicts(2, 3));
    for root in [exchange.issuer.trusted(SIZE - 1), exchange.asker.trusted(SIZE)] {
        let replied = Replied::parse(&exchange.answer_frame).ok().unwrap();
        let attributed = replied.attribute(&exchange.asked, exchange.query.leaf(), &exchange.issuer.origin).ok().unwrap();
        assert_eq!(attributed.size(), SIZE);
        assert_eq!(attributed.include(&exchange.asked, &root).err(), Some(Fault::CheckpointMissing));
    }
}

#[test]
fn an_answer_to_other_terms_has_no_valid_proof() {
    let exchange = Exchange::new(verdicts(2, 3));
    let other = Exchange::of(query(&every_shape()[..2]), verdicts(2, 3));
    let replied = Replied::parse(&exchange.answer_frame).ok().unwrap();
    let attributed = replied.attribute(&other.asked, exchange.query.leaf(), &exchange.issuer.origin).ok().unwrap();
    let fault = attributed.include(&other.asked, &exchange.issuer.trusted(SIZE)).err();
    assert_eq!(fault, Some(Fault::ProofInvalid));
}

#[test]
fn no_flipped_bit_of_a_reply_comes_through() {
    let exchange = Exchange::new(verdicts(2, 3));
    let mut proofs = 0;
    for at in 0..exchange.answer_frame.len() {
        for bit in 0..8 {
            let mut forged = exchange.answer_frame.clone();
            forged[at] ^= 1 << bit;
            let fault = verified(&exchange, &forged).err();
            assert!(fault.is_some(), "byte {at}, bit {bit}");
            proofs += usize::from(fault == Some(Fault::ProofInvalid));
        }
    }
    // Every bit of time, seed and path, and those of the message and the index that leave it readable.
    assert!(proofs > 8 * (8 + 32 + 4 * 32), "{proofs}");
}

#[test]
fn a_query_is_released_for_its_own_leaf_alone() {
    let mut exchange = Exchange::new(verdicts(2, 3));
    let again: Committed = exchange.asker.commit(&exchange.asked.leaf(NOW.plus(1)), 0);
    assert!(exchange.asked.release(&again).is_ok());
    let other = Exchange::of(query(&every_shape()[..1]), verdicts(1, 0));
    assert!(exchange.asked.release(&other.query).is_err());
}
