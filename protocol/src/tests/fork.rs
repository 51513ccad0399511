//! Evidence of two histories verifies with the log's key alone, and nothing else passes for it.

use super::sample::{Log, signer};
use crate::checkpoint::SignedCheckpoint;
use crate::fork::{Alarm, Evidence, EvidenceFault, Finding, Position, Positions};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::tree::inclusion;
use creditbay_crypto::merkle::verify::ProofError;
use creditbay_crypto::note::KeyKind;

/// A log with the same origin and key and another leaf at `from`.
fn twin(from: u64, size: u64) -> Log {
    let mut log = Log::new("gz", 1).fill(from);
    log.window.push(Digest([0xee; 32]));
    log.fill(size - from - 1)
}

fn signed(log: &Log, size: u64) -> SignedCheckpoint {
    log.head_at(size).signed().clone()
}

#[test]
fn two_roots_of_one_size_are_a_fork_and_every_forged_twin_is_refused() {
    let (log, twin) = (Log::new("gz", 1).fill(20), twin(7, 20));
    let evidence = Evidence::new(Alarm::Fork, &log.verifier(), [&signed(&log, 20), &signed(&twin, 20)], &[]);
    let found = evidence.verify(&log.verifier()).unwrap();
    assert!(matches!(found, Finding::TwoRoots { size: 20, .. }) && found.is_fork());

    let key = log.verifier();
    let other = signer("gz.creditbay/log/1", KeyKind::Ed25519, 2).verifier().clone();
    assert_eq!(evidence.verify(&other), Err(EvidenceFault::OtherKey));
    let with = |change: &dyn Fn(&mut Evidence)| {
        let mut bad = evidence.clone();
        change(&mut bad);
        bad.verify(&key)
    };
    assert_eq!(with(&|bad| bad.format.push('2')), Err(EvidenceFault::Format));
    assert!(matches!(with(&|bad| bad.log = "no key".to_owned()), Err(EvidenceFault::Key(_))));
    assert_eq!(with(&|bad| bad.notes[1] = bad.notes[0].clone()), Err(EvidenceFault::NothingWrong));
    for at in [0, 1] {
        let forged = with(&|bad| bad.notes[at] = bad.notes[at].replacen("20\n", "21\n", 1));
        assert!(matches!(forged, Err(EvidenceFault::Note { at: found, .. }) if found == at), "{forged:?}");
    }
}

#[test]
fn two_leaves_at_one_position_are_a_fork_of_trees_of_any_sizes() {
    let (log, twin) = (Log::new("gz", 1).fill(20), twin(7, 13));
    let mut evidence = Evidence::new(Alarm::Fork, &log.verifier(), [&signed(&log, 20), &signed(&twin, 13)], &[]);
    let position =
        |log: &Log, size| Position { leaf: log.window.node(0, 7).unwrap(), path: inclusion(7, size, &log.window).unwrap() };
    evidence.positions = Some(Positions { index: 7, leaves: [position(&log, 20), position(&twin, 13)] });
    assert_eq!(evidence.verify(&log.verifier()), Ok(Finding::TwoLeaves { index: 7, sizes: [20, 13] }));
    evidence.positions = Some(Positions { index: 6, leaves: [position(&log, 20), position(&twin, 13)] });
    assert!(matches!(evidence.verify(&log.verifier()), Err(EvidenceFault::Position { at: 0, .. })));
}

#[test]
fn a_proof_withheld_claims_no_fork_and_a_good_one_claims_nothing() {
    let log = Log::new("gz", 1).fill(20);
    let notes = [&signed(&log, 8), &signed(&log, 20)];
    let withheld = Evidence::new(Alarm::ConsistencyWithheld, &log.verifier(), notes, &[Digest([1; 32])]);
    let found = withheld.verify(&log.verifier()).unwrap();
    assert!(matches!(found, Finding::Unproved { sizes: [8, 20], proof: ProofError::WrongLength { .. } }) && !found.is_fork());
    let good = Evidence::new(Alarm::ConsistencyWithheld, &log.verifier(), notes, &log.consistency(8, 20));
    assert_eq!(good.verify(&log.verifier()), Err(EvidenceFault::NothingWrong));
}

#[test]
fn a_note_shown_again_gathers_lines_and_keeps_its_root() {
    let log = Log::new("gz", 1).fill(5);
    let mut chain = crate::chain::Chain::unseen(log.origin, log.verifier());
    let note = signed(&log, 5);
    chain.advance(&note.note_bytes(), &[], super::sample::NOW).unwrap();
    let witness = signer("hk.creditbay/witness", KeyKind::CosignatureV1, 9);
    let cosigned = note.with_line(witness.cosign(&note.note().text, 1_795_406_400).unwrap());
    for _ in 0..2 {
        let root = chain.advance(&cosigned.note_bytes(), &[], super::sample::NOW.plus(9)).unwrap();
        assert_eq!((root.signed().note_bytes(), root.accepted()), (cosigned.note_bytes(), super::sample::NOW));
    }
    assert_eq!(note.joined(&signed(&twin(2, 5), 5)), None, "lines of another text are no lines of this one");
}
