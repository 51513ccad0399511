//! Notes that come by another way than their log's connection.

use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::checkpoint::Checkpoint;

use super::*;
use crate::store::in_memory::InMemory;

/// A log, followed by somebody who saw nothing of it, and a note of it.
fn followed(number: u32) -> (Origin, Seen, SignedCheckpoint) {
    let origin: Origin = format!("gz.creditbay/log/{number}").parse().unwrap();
    let key = SigningKey::from_seed(Seed::from_bytes([7; 32]));
    let signer = NoteSigner::new(origin.to_string().parse().unwrap(), KeyKind::Ed25519, key);
    let (store, clock): (Arc<dyn Store>, _) = (Arc::new(InMemory::new()), Arc::new(Clock::host()));
    let trust = Trust::recover(store.clone(), None, [], clock.clone(), Arc::new(Metrics::default())).unwrap();
    let peers = [Followed { origin, log: signer.verifier().clone() }];
    let seen = Seen::recover(&*store, &peers, Vec::new(), Arc::new(trust), clock).unwrap();
    let note = Checkpoint { origin, size: 5, root: empty_root() }.sign(&signer).unwrap();
    (origin, seen, note)
}

#[test]
fn a_log_that_follows_another_begins_on_its_own_connection_alone() {
    let (first, seen, note) = followed(1);
    assert!(matches!(seen.stand(&first, 0, &note, &[]), Standing::Linked(_)), "the first of a region goes on from nothing");
    let (second, seen, note) = followed(2);
    assert!(matches!(seen.stand(&second, 0, &note, &[]), Standing::Unlinked));
    assert_eq!(seen.size(&second), 0, "and nothing of it is taken for seen");
    assert!(seen.hear(&second, 0, &note.note_bytes(), &[]).unwrap().is_ok(), "where it showed what it goes on from");
    assert!(matches!(seen.stand(&second, 5, &note, &[]), Standing::Linked(_)));
}
