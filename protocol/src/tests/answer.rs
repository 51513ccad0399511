//! Answers: bounds of the lists, the three values in text and JSON-shaped tokens, the outcome that a leaf shows.

use creditbay_crypto::hash::Digest;

use super::sample::{refusals, verdicts};
use crate::answer::{Answer, Indeterminate, Reply, Truth, Verdicts};
use crate::limits::{BODY_BYTES, MAX_COVERAGE, MAX_PREDICATES};
use crate::predicate::AttestationType;
use crate::refusal::OutcomeClass;
use crate::wire;

fn read(reply: Reply) -> Result<Reply, wire::WireError> {
    wire::decode(&wire::encode(&reply), BODY_BYTES)
}

#[test]
fn one_to_eight_verdicts_and_up_to_24_registers_are_read() {
    for (count, registers) in [(1, 0), (1, MAX_COVERAGE), (MAX_PREDICATES, 0), (MAX_PREDICATES, MAX_COVERAGE)] {
        assert_eq!(read(verdicts(count, registers)), Ok(verdicts(count, registers)));
    }
    for (count, registers) in [(0, 0), (MAX_PREDICATES + 1, 0), (1, MAX_COVERAGE + 1)] {
        let refused = read(verdicts(count, registers)).unwrap_err().to_string();
        assert!(refused.contains("count out of bounds"), "{refused}");
    }
    let Reply::Answered(verdicts) = verdicts(1, 0) else { panic!("an answer") };
    let mut bytes = wire::encode(&verdicts);
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(wire::decode::<Verdicts>(&bytes, BODY_BYTES).is_err());
}

#[test]
fn every_register_but_two_may_be_named_at_once() {
    assert_eq!(AttestationType::ALL.len() - 2, MAX_COVERAGE);
}

#[test]
fn the_three_values_have_their_words() {
    let words: Vec<_> = Indeterminate::ALL.iter().map(|reason| Truth::Indeterminate(*reason).to_string()).collect();
    let expected = ["no_source", "not_rated", "objection", "stale", "out_of_scope", "withdrawn"]
        .map(|reason| format!("INDETERMINATE({reason})"));
    assert_eq!(words, expected);
    assert_eq!((Truth::True.to_string(), Truth::False.to_string()), ("TRUE".to_owned(), "FALSE".to_owned()));
}

#[test]
fn a_flag_or_an_option_that_is_neither_0_nor_1_is_refused() {
    let bytes = wire::encode(&verdicts(1, 0));
    // Reply 4, count 8, then truth 4 + 1, band 1 + 1, contested 1.
    for at in [4 + 8 + 5, 4 + 8 + 5 + 2] {
        let mut forged = bytes.clone();
        assert_eq!(forged[at], 1);
        forged[at] = 2;
        assert!(wire::decode::<Reply>(&forged, BODY_BYTES).is_err(), "byte {at}");
    }
}

#[test]
fn the_outcome_tells_the_class_and_no_more() {
    assert_eq!(verdicts(1, 0).outcome(), OutcomeClass::Answered);
    for refusal in refusals() {
        let answer = Answer { query: Digest([0; 32]), reply: Reply::Refused(refusal) };
        assert_eq!(answer.reply.outcome(), OutcomeClass::Refused(refusal.class()));
    }
}
