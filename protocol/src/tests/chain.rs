//! What may follow a note, what is a fork, and what is only withheld.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::ProofError;
use creditbay_crypto::note::NoteError;

use super::sample::{Log, NOW, origin};
use crate::chain::{Chain, ChainFault};
use crate::checkpoint::CheckpointError;
use crate::limits::RECENT_ROOTS;

/// A chain that has seen these sizes of the log, in order.
fn seen(log: &Log, sizes: &[u64]) -> Chain {
    let mut chain = Chain::unseen(log.origin, log.verifier());
    let mut last = 0;
    for size in sizes {
        chain.advance(&log.note_at(*size), &log.consistency(last, *size), NOW.plus(*size)).unwrap();
        last = *size;
    }
    chain
}

/// A log with the same origin and key and another leaf at `from`.
fn twin(from: u64, size: u64) -> Log {
    let mut log = Log::new("gz", 1).fill(from);
    log.window.push(Digest([0xee; 32]));
    log.fill(size - from - 1)
}

#[test]
fn a_log_that_grows_is_followed() {
    let log = Log::new("gz", 1).fill(100);
    let chain = seen(&log, &[0, 3, 8, 100]);
    assert_eq!(chain.size(), 100);
    assert_eq!(chain.newest().unwrap().note_bytes(), log.note_at(100));
    for size in [0, 3, 8, 100] {
        let root = chain.root_at(size).unwrap();
        assert_eq!((root.origin(), root.size(), root.accepted()), (&log.origin, size, NOW.plus(size)));
        assert_eq!(root.root(), &log.head_at(size).signed().checkpoint().root);
        assert_eq!(root.signed(), log.head_at(size).signed());
    }
    assert_eq!(chain.root_at(4), None);
    let unseen = Chain::unseen(log.origin, log.verifier());
    assert_eq!((unseen.size(), unseen.newest(), unseen.root_at(0)), (0, None, None));
}

#[test]
fn a_note_that_was_seen_before_is_the_same_root_and_its_proof_is_not_looked_at() {
    let log = Log::new("gz", 1).fill(20);
    let mut chain = seen(&log, &[3, 8, 20]);
    for size in [3, 8, 20] {
        let root = chain.advance(&log.note_at(size), &[Digest([9; 32])], NOW.plus(1_000)).unwrap();
        assert_eq!((root.size(), root.accepted()), (size, NOW.plus(size)), "accepted when it was first seen");
    }
    assert_eq!(chain.size(), 20);
}

#[test]
fn two_roots_at_one_size_are_a_fork_and_both_notes_are_the_evidence() {
    let log = Log::new("gz", 1).fill(20);
    for (size, newest) in [(20, true), (8, false)] {
        let mut chain = seen(&log, &[3, 8, 20]);
        let lie = twin(2, size).note_at(size);
        let Err(ChainFault::Fork { seen, offered }) = chain.advance(&lie, &[], NOW) else { panic!("no fork at {size}") };
        assert_eq!((seen.note_bytes(), offered.note_bytes()), (log.note_at(size), lie), "newest: {newest}");
        assert_eq!(chain.newest().unwrap().note_bytes(), log.note_at(20), "what was trusted stays");
        let words = ChainFault::Fork { seen, offered }.to_string();
        assert_eq!(words, format!("FORK: log gz.creditbay/log/1 signed two roots at size {size}"));
    }
}

#[test]
fn a_larger_note_without_its_proof_is_withheld_and_no_fork_is_claimed() {
    let log = Log::new("gz", 1).fill(20);
    let proof = log.consistency(7, 20);
    let withheld = |note: &[u8], proof: &[Digest]| {
        let mut chain = seen(&log, &[7]);
        let fault = chain.advance(note, proof, NOW).unwrap_err();
        assert_eq!(chain.size(), 7);
        let ChainFault::Withheld { seen: 7, offered: 20, proof } = fault else { panic!("{fault}") };
        proof
    };
    let expected = proof.len();
    assert_eq!(withheld(&log.note_at(20), &[]), ProofError::WrongLength { expected, found: 0 });
    for cut in 0..expected {
        assert_eq!(withheld(&log.note_at(20), &proof[..cut]), ProofError::WrongLength { expected, found: cut });
    }
    for at in 0..expected {
        let mut forged = proof.clone();
        forged[at].0[0] ^= 1;
        withheld(&log.note_at(20), &forged);
    }
    let lie = twin(2, 20);
    assert_eq!(withheld(&lie.note_at(20), &lie.consistency(7, 20)), ProofError::OldRootMismatch);
    assert_eq!(withheld(&twin(8, 20).note_at(20), &proof), ProofError::RootMismatch);
    assert!(seen(&log, &[7]).advance(&log.note_at(20), &proof, NOW).is_ok());
}

#[test]
fn a_proof_that_another_connection_overtook_is_out_of_turn_and_raises_no_alarm() {
    let log = Log::new("gz", 1).fill(20);
    let mut chain = seen(&log, &[7, 12]);
    let (proof, late) = (log.consistency(7, 20), ChainFault::OutOfTurn { from: 7, seen: 12, offered: 20 });
    assert_eq!(chain.advance_from(7, &log.note_at(20), &proof, NOW), Err(late));
    assert_eq!(chain.size(), 12);
    assert!(chain.advance_from(7, &log.note_at(12), &proof, NOW).is_ok(), "what is known already needs no proof");
    assert!(chain.advance_from(12, &log.note_at(20), &log.consistency(12, 20), NOW).is_ok());
    let mut chain = seen(&log, &[7, 12]);
    let withheld = chain.advance_from(12, &log.note_at(20), &proof, NOW);
    assert!(matches!(withheld, Err(ChainFault::Withheld { seen: 12, offered: 20, .. })), "a wrong proof in turn is withheld");
}

#[test]
fn a_smaller_size_that_was_not_seen_is_shrunk() {
    let log = Log::new("gz", 1).fill(20);
    let mut chain = seen(&log, &[8, 20]);
    for size in [0, 7, 9, 19] {
        assert_eq!(chain.advance(&log.note_at(size), &[], NOW), Err(ChainFault::Shrunk { seen: 20, offered: size }));
    }
}

#[test]
fn another_key_or_another_log_continues_nothing() {
    let log = Log::new("gz", 1).fill(20);
    let mut chain = seen(&log, &[8]);
    let foreign_key = Log::new("gz", 2).fill(20).note_at(20);
    let fault = chain.advance(&foreign_key, &log.consistency(8, 20), NOW);
    assert_eq!(fault, Err(ChainFault::Checkpoint(CheckpointError::Note(NoteError::NoKnownKey))));
    let mut elsewhere = Log::new("gz", 1).fill(20);
    elsewhere.origin = "gz.creditbay/log/2".parse().unwrap();
    let fault = chain.advance(&elsewhere.note_at(20), &log.consistency(8, 20), NOW);
    let other = CheckpointError::OtherLog { expected: log.origin, found: elsewhere.origin };
    assert_eq!(fault, Err(ChainFault::Checkpoint(other)));
    assert_eq!(chain.size(), 8);
}

#[test]
fn the_recent_roots_are_bounded_and_the_oldest_goes_first() {
    let last = RECENT_ROOTS as u64 + 3;
    let log = Log::new("gz", 1).fill(last);
    let mut chain = seen(&log, &(1..=last).collect::<Vec<_>>());
    let kept = (1..=last).filter(|size| chain.root_at(*size).is_some());
    assert_eq!(kept.collect::<Vec<_>>(), (4..=last).collect::<Vec<_>>());
    assert_eq!(chain.advance(&log.note_at(3), &[], NOW), Err(ChainFault::Shrunk { seen: last, offered: 3 }));
    assert!(chain.advance(&log.note_at(4), &[], NOW).is_ok());
}

#[test]
fn a_kept_note_is_gone_on_from_and_a_forged_one_is_not() {
    let log = Log::new("gz", 1).fill(20);
    let kept = log.note_at(8);
    let mut chain = Chain::resume(log.origin, log.verifier(), &kept, NOW).unwrap();
    assert_eq!(chain.root_at(8).unwrap().accepted(), NOW);
    assert!(matches!(chain.advance(&twin(2, 20).note_at(20), &[], NOW), Err(ChainFault::Withheld { .. })));
    assert_eq!(chain.advance(&log.note_at(20), &log.consistency(8, 20), NOW).unwrap().size(), 20);
    for at in 0..kept.len() {
        let mut forged = kept.clone();
        forged[at] ^= 1;
        assert!(Chain::resume(log.origin, log.verifier(), &forged, NOW).is_err(), "byte {at}");
    }
    assert!(Chain::resume(origin("hk"), log.verifier(), &kept, NOW).is_err());
    let mut empty = Chain::resume(log.origin, log.verifier(), &log.note_at(0), NOW).unwrap();
    assert_eq!(empty.advance(&log.note_at(20), &[], NOW).unwrap().size(), 20, "every tree continues the empty one");
}
