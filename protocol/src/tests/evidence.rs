//! A place under a head is proved before it exists, and only a log's key signs a head.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::inclusion;
use creditbay_crypto::merkle::verify::ProofError;
use creditbay_crypto::note::{KeyKind, NoteError};

use super::sample::{Log, NOW, signer};
use crate::checkpoint::Checkpoint;
use crate::evidence::DurableHead;

#[test]
fn a_leaf_gets_its_place_and_another_does_not() {
    let log = Log::new("gz", 1).fill(9);
    let (head, leaf, path) = (log.head_at(9), leaf_hash(&4u64.to_le_bytes()), inclusion(4, 9, &log.window).unwrap());
    let committed = head.place(leaf, NOW, 4, path.clone()).unwrap();
    assert_eq!((committed.leaf(), committed.time()), (&leaf, NOW));
    let place = committed.place();
    assert_eq!((place.origin, place.index, place.size, &place.path), (log.origin, 4, 9, &path));

    let mut forged = path.clone();
    forged[2].0[31] ^= 1;
    assert_eq!(head.place(Digest([7; 32]), NOW, 4, path.clone()).err(), Some(ProofError::RootMismatch));
    assert_eq!(head.place(leaf, NOW, 4, forged).err(), Some(ProofError::RootMismatch));
    assert_eq!(head.place(leaf, NOW, 5, path.clone()).err(), Some(ProofError::RootMismatch));
    assert_eq!(head.place(leaf, NOW, 9, path.clone()).err(), Some(ProofError::IndexBeyondSize { index: 9, size: 9 }));
    assert_eq!(head.place(leaf, NOW, 4, path[1..].to_vec()).err(), Some(ProofError::WrongLength { expected: 4, found: 3 }));
    assert_eq!(log.head_at(8).place(leaf, NOW, 4, path).err(), Some(ProofError::WrongLength { expected: 3, found: 4 }));
}

#[test]
fn a_witness_key_signs_no_head() {
    let log = Log::new("gz", 1).fill(1);
    let witness = signer("gz.creditbay/witness", KeyKind::CosignatureV1, 9);
    let head = DurableHead::after_flush(Checkpoint { origin: log.origin, size: 1, root: log.window.root() });
    assert_eq!(head.sign(&witness).err(), Some(NoteError::OtherKind(witness.verifier().name().clone())));
    assert_eq!(head.sign(&log.signer).unwrap().signed(), log.head_at(1).signed());
}
