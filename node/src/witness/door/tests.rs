//! The witness's door over a store that fails, and over one that was restored.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use creditbay_crypto::merkle::tree::{Frontier, Window, consistency, root};
use creditbay_crypto::note::KeyKind;
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;

use super::*;
use crate::log::seen::Followed;
use crate::log::trust::Trust;
use crate::store::in_memory::{Failure, InMemory};

const HK: &str = "hk.creditbay/log/1";
const FOREIGN: &str = "log.example/disclosures";

fn signer(name: &str, kind: KeyKind, seed: u8) -> NoteSigner {
    NoteSigner::new(name.parse().unwrap(), kind, SigningKey::from_seed(Seed::from_bytes([seed; 32])))
}

fn witness() -> NoteSigner {
    signer("gz.creditbay/witness", KeyKind::CosignatureV1, 3)
}

/// A log of 64 leaves; logs of other `leaves` have other trees under the same key.
struct Log {
    signer: NoteSigner,
    nodes: Window,
}

impl Log {
    fn new(origin: &str, leaves: u8) -> Self {
        let mut nodes = Window::from_frontier(&Frontier::empty());
        (0..64).for_each(|leaf| nodes.push(Digest::of(&[leaves, leaf])));
        Self { signer: signer(origin, KeyKind::Ed25519, 2), nodes }
    }

    fn note(&self, size: u64) -> Note {
        let text = format!("{}\n{size}\n{}\n", self.signer.verifier().name(), root(size, &self.nodes).unwrap().to_base64());
        Note { lines: vec![self.signer.sign(&text).unwrap()], text }
    }

    fn submission(&self, old: u64, size: u64) -> Vec<u8> {
        let proof = if old == 0 { Vec::new() } else { consistency(old, size, &self.nodes).unwrap() };
        Submission::new(old, proof, self.note(size).to_string().into_bytes()).body()
    }

    /// The note as its log publishes it, with the cosignature of a witness.
    fn published(&self, size: u64, cosigner: &NoteSigner) -> Vec<u8> {
        let mut note = self.note(size);
        note.lines.push(cosigner.cosign(&note.text, 1_795_406_400).unwrap());
        note.to_string().into_bytes()
    }
}

/// gz's door over a store: it serves hk's log and a foreign one.
fn door(store: &InMemory) -> (Door, Arc<Seen>) {
    let (clock, metrics) = (Arc::new(Clock::manual(Arc::new(AtomicU64::new(1_795_406_400_000)))), Arc::new(Metrics::default()));
    let store: Arc<dyn Store> = Arc::new(store.clone());
    let (hk, origin): (NoteVerifier, Origin) = (Log::new(HK, 1).signer.verifier().clone(), HK.parse().unwrap());
    let trust = Arc::new(Trust::recover(store.clone(), None, [origin], clock.clone(), metrics.clone()).unwrap());
    let peers = [Followed { origin, log: hk.clone() }];
    let seen = Arc::new(Seen::recover(&*store, &peers, vec![witness().verifier().clone()], trust, clock.clone()).unwrap());
    let foreign = Log::new(FOREIGN, 1).signer.verifier().clone();
    let door = Door::recover([(origin, hk)], [foreign], Arc::new(witness()), seen.clone(), clock, metrics).unwrap();
    (door, seen)
}

async fn shown(door: &Door, origin: &str) -> Option<Vec<u8>> {
    door.newest(&Digest::of(origin.as_bytes()).to_string()).await
}

fn refused(added: Result<String, DoorFault>) -> WitnessFault {
    match added.unwrap_err() {
        DoorFault::Refused(fault) => fault,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn no_cosignature_leaves_before_it_is_durable_and_what_is_durable_is_remembered() {
    let (log, twin) = (Log::new(FOREIGN, 1), Log::new(FOREIGN, 2));
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let store = InMemory::new();
        let (failing, _) = door(&store);
        let before = failing.add_checkpoint(&log.submission(0, 3)).await.unwrap();
        assert!(before.contains("gz.creditbay/witness"));
        store.fail(0, failure);
        let added = failing.add_checkpoint(&log.submission(3, 5)).await;
        assert!(matches!(added, Err(DoorFault::Store(_))), "{failure:?}: nothing was signed for whoever asked");
        let visible = Note::parse(&shown(&failing, FOREIGN).await.unwrap()).unwrap();
        assert!(visible.text.contains("\n3\n"), "nor is it shown: {visible}");
        let again = failing.add_checkpoint(&log.submission(3, 5)).await;
        assert!(matches!(again, Err(DoorFault::Store(StoreError::Stopped))), "nobody knows what is on disk: no more is signed");

        let (recovered, _) = door(&store.reopen());
        let kept = if failure == Failure::NotPersisted { 3 } else { 5 };
        let conflict = refused(recovered.add_checkpoint(&log.submission(1, 8)).await);
        assert!(matches!(conflict, WitnessFault::Conflict { latest } if latest == kept), "{failure:?}: {conflict}");
        let other = refused(recovered.add_checkpoint(&twin.submission(kept, kept)).await);
        assert!(matches!(other, WitnessFault::OtherRoot { .. }), "{other}");
        recovered.add_checkpoint(&log.submission(kept, 8)).await.unwrap();
    }
}

#[tokio::test]
async fn a_witness_whose_store_was_restored_goes_on_from_the_newest_note_that_it_cosigned() {
    let (log, twin) = (Log::new(HK, 1), Log::new(HK, 2));
    let origin: Origin = HK.parse().unwrap();
    let store = InMemory::new();
    let (door_of, seen) = door(&store);
    // What does not bear this witness's own cosignature says nothing of what it cosigned.
    let other = signer("gz.creditbay/witness", KeyKind::CosignatureV1, 4);
    let stranger = signer("sz.creditbay/witness", KeyKind::CosignatureV1, 5);
    let unsigned = log.note(9).to_string().into_bytes();
    let forged = String::from_utf8(log.published(9, &witness())).unwrap().replacen("\n9\n", "\n8\n", 1).into_bytes();
    for note in [unsigned, log.published(9, &other), log.published(9, &stranger), forged, b"no note".to_vec()] {
        assert!(!door_of.adopt(&origin, &note).await.unwrap());
    }
    assert_eq!((shown(&door_of, HK).await, seen.size(&origin)), (None, 0));

    assert!(door_of.adopt(&origin, &log.published(9, &witness())).await.unwrap());
    assert_eq!(seen.size(&origin), 9, "what was seen goes on from there, too");
    for size in [4, 9] {
        assert!(!door_of.adopt(&origin, &log.published(size, &witness())).await.unwrap(), "nothing newer");
    }
    // What it cosigned before the restore holds: no other tree of that size, and the next only by a proof from there.
    assert!(matches!(refused(door_of.add_checkpoint(&log.submission(4, 12)).await), WitnessFault::Conflict { latest: 9 }));
    assert!(matches!(refused(door_of.add_checkpoint(&twin.submission(9, 9)).await), WitnessFault::OtherRoot { size: 9 }));
    let (door_of, seen) = door(&store.reopen());
    assert_eq!((seen.size(&origin), seen.suspended(&origin).is_some()), (9, true), "over a restart, the fork's alarm too");
    drop(door_of);

    // Adopted only once it is durable.
    let store = InMemory::new();
    let (failing, seen) = door(&store);
    store.fail(0, Failure::NotPersisted);
    assert!(matches!(failing.adopt(&origin, &log.published(9, &witness())).await, Err(DoorFault::Store(_))));
    assert_eq!((shown(&failing, HK).await, seen.size(&origin)), (None, 0));
}
