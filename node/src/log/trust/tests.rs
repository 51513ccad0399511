//! Where the evidence of an alarm goes when a store fails.

use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::fork::{Alarm, Finding};

use super::*;
use crate::store::in_memory::{Failure, InMemory};

/// A log's name, its key, and two roots that it signed for one size.
fn forked() -> (Origin, creditbay_crypto::note::NoteVerifier, Evidence) {
    let origin: Origin = "gz.creditbay/log/1".parse().unwrap();
    let key = SigningKey::from_seed(Seed::from_bytes([7; 32]));
    let signer = NoteSigner::new(origin.to_string().parse().unwrap(), KeyKind::Ed25519, key);
    let [one, other] =
        [empty_root(), Digest::of(b"another")].map(|root| Checkpoint { origin, size: 5, root }.sign(&signer).unwrap());
    let evidence = Evidence::new(Alarm::Fork, signer.verifier(), [&one, &other], &[]);
    (origin, signer.verifier().clone(), evidence)
}

fn started(apart: &InMemory, own: &InMemory, origin: Origin) -> Trust {
    let (apart, own): (Arc<dyn Store>, Arc<dyn Store>) = (Arc::new(apart.clone()), Arc::new(own.clone()));
    Trust::recover(apart, Some(own), [origin], Arc::new(Clock::host()), Arc::new(Metrics::default())).unwrap()
}

fn proves_a_fork(trust: &Trust, origin: &Origin, log: &creditbay_crypto::note::NoteVerifier) -> bool {
    let [case] = trust.cases(origin).unwrap().try_into().unwrap();
    let evidence: Evidence = serde_json::from_slice(&trust.evidence(origin, case.number).unwrap()).unwrap();
    matches!(evidence.verify(log), Ok(Finding::TwoRoots { size: 5, .. }))
}

#[test]
fn evidence_that_the_witness_store_does_not_take_outlives_a_restart_and_is_decided_once() {
    let (origin, log, evidence) = forked();
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let (apart, own) = (InMemory::new(), InMemory::new());
        let trust = started(&apart, &own, origin);
        apart.fail(0, failure);
        trust.alarm(&origin, 5, "FORK", &evidence);
        assert!(proves_a_fork(&trust, &origin, &log), "one case, and all of its evidence, while the process runs");

        // The start after, and one whose every commit fails once before it comes to its end.
        for at in 0..2 {
            let (apart, own) = (apart.reopen(), own.reopen());
            [&apart, &own][at].fail(0, failure);
            let stores: [Arc<dyn Store>; 2] = [Arc::new(apart.clone()), Arc::new(own.clone())];
            drop(Trust::recover(
                stores[0].clone(),
                Some(stores[1].clone()),
                [origin],
                Arc::new(Clock::host()),
                Arc::new(Metrics::default()),
            ));
            let (apart, own) = (apart.reopen(), own.reopen());
            let trust = started(&apart, &own, origin);
            assert!(trust.suspended(&origin).is_some());
            assert!(proves_a_fork(&trust, &origin, &log));
            assert_eq!(own.range(Tree::Witness, b"", b"\xff", 9).unwrap().len(), 0, "the refuge is left");

            trust.restore(&origin, "the operator's word", 3, Millis(1)).unwrap();
            let trust = started(&apart.reopen(), &own.reopen(), origin);
            assert!(trust.suspended(&origin).is_none(), "what was decided does not come back");
        }
    }
}

#[test]
fn where_no_store_takes_the_evidence_trust_ends_all_the_same() {
    let (origin, _, evidence) = forked();
    let (apart, own) = (InMemory::new(), InMemory::new());
    let trust = started(&apart, &own, origin);
    [&apart, &own].into_iter().for_each(|store| store.fail(0, Failure::NotPersisted));
    trust.alarm(&origin, 5, "FORK", &evidence);
    assert!(trust.suspended(&origin).is_some());
    assert!(trust.cases(&origin).unwrap().is_empty(), "and a log that is not written answers nobody");
}
