//! A third party with a file and a policy: who counts, what is told, and that a proof is not the identity.

use creditbay_crypto::merkle::verify::ProofError;
use creditbay_crypto::note::{KeyKind, NoteSigner};

use super::attestation::{file, proof, witness};
use super::sample::{Exchange, GZ, HK, INDEX, Log, SIZE, name, origin, signer, verdicts};
use crate::attestation::Attestation;
use crate::attestation::fault::AttestationFault;
use crate::policy::Policy;
use crate::policy::fault::Rejection;
use crate::proof::{TlogProof, TlogProofError};
use crate::third_party::{self, Findings};

/// gz asks hk; sz and mo are witnesses outside the exchange.
fn policy(quorum: usize) -> Policy {
    let mut text = String::new();
    for (region, key) in [("gz", GZ), ("hk", HK)] {
        text += &format!("log {}\n", Log::new(region, key).verifier());
    }
    for (region, key) in [("gz", GZ), ("hk", HK), ("sz", 3), ("mo", 4)] {
        text += &format!("witness {region} {}\n", witness(region, key).verifier());
    }
    text += &format!("group g {quorum} gz hk sz mo\nquorum g\n");
    Policy::parse(text.as_bytes()).unwrap()
}

fn verify(file: &Attestation, policy: &Policy) -> Findings {
    third_party::verify(file, policy, false)
}

fn outsiders() -> [NoteSigner; 2] {
    [witness("sz", 3), witness("mo", 4)]
}

fn kept(witnesses: &[NoteSigner]) -> (Exchange, Attestation) {
    let exchange = Exchange::new(verdicts(2, 3));
    let file = file(&exchange, witnesses);
    (exchange, file)
}

fn found(change: impl FnOnce(&mut Attestation)) -> Findings {
    let (_, mut forged) = kept(&outsiders());
    change(&mut forged);
    verify(&forged, &policy(2))
}

#[test]
fn the_file_and_a_policy_are_enough() {
    let (exchange, file) = kept(&outsiders());
    let findings = verify(&file, &policy(2));
    assert_eq!((findings.faults.as_slice(), findings.id), ([].as_slice(), Some(*exchange.answer.leaf())));
    assert!(findings.without_parties);
    assert!(!findings.query_witnessed, "nobody cosigned the query's checkpoint, and the answer stands all the same");
    let few = AttestationFault::Rejected { part: "query", rejection: Rejection::NoQuorum { found: 0, listed: 4 } };
    assert_eq!(third_party::verify(&file, &policy(2), true).faults, [few]);
    let names: Vec<_> = findings.cosigners.iter().map(|one| (one.name.as_str(), one.party)).collect();
    assert_eq!(names, [("sz.creditbay/witness", None), ("mo.creditbay/witness", None)]);
}

#[test]
fn a_quorum_that_needs_a_party_is_told() {
    let of = |witnesses: &[NoteSigner], quorum| verify(&kept(witnesses).1, &policy(quorum));
    let requester = of(&[witness("gz", GZ)], 1);
    assert_eq!((requester.faults.len(), requester.without_parties), (0, false));
    assert_eq!(requester.cosigners[0].party, Some(name("gz")));
    let [sz, mo] = outsiders();
    let three = [witness("gz", GZ), sz, mo];
    assert!(of(&three, 2).without_parties, "gz is not needed for two");
    let needed = of(&three, 3);
    assert_eq!((needed.faults.len(), needed.without_parties), (0, false), "gz is needed for three");
    let issuer = of(&[witness("hk", HK)], 1);
    assert_eq!((issuer.cosigners[0].party, issuer.without_parties), (Some(name("hk")), false));
}

#[test]
fn too_few_cosigners_are_refused() {
    let [sz, _] = outsiders();
    let few = |found| AttestationFault::Rejected { part: "answer", rejection: Rejection::NoQuorum { found, listed: 4 } };
    assert_eq!(verify(&kept(&[sz]).1, &policy(2)).faults, [few(1)]);
    let stranger = signer("xx.creditbay/witness", KeyKind::CosignatureV1, 99);
    assert_eq!(verify(&kept(&[stranger]).1, &policy(1)).faults, [few(0)]);
}

/// Promise: the identity is the leaf. Another proof, under a later checkpoint and with other cosigners, is another proof of the same.
#[test]
fn two_proofs_of_one_leaf_have_one_identity() {
    let (mut exchange, early) = kept(&outsiders());
    let mut late = early.clone();
    for _ in 0..20 {
        exchange.issuer = exchange.issuer.fill(1);
    }
    let size = exchange.issuer.window.size();
    let path = creditbay_crypto::merkle::tree::inclusion(INDEX, size, &exchange.issuer.window).unwrap();
    let mut signed = exchange.issuer.head_at(size).signed().clone();
    for witness in outsiders().iter().chain(&[witness("gz", GZ)]) {
        signed = signed.with_line(witness.cosign(&signed.note().text, 1_800_000_000).unwrap());
    }
    late.answer.tlog_proof = TlogProof { index: INDEX, path, note: signed.note_bytes() }.to_string();
    assert!(size > SIZE && early.answer.tlog_proof != late.answer.tlog_proof);
    let [early, late] = [early, late].map(|file| (file.id.clone(), verify(&file, &policy(2))));
    assert!(early.1.faults.is_empty() && late.1.faults.is_empty(), "{:?} {:?}", early.1.faults, late.1.faults);
    assert_eq!((&early.0, early.1.id), (&late.0, late.1.id));
}

#[test]
fn a_log_cannot_answer_for_another_region() {
    let (exchange, mut forged) = kept(&outsiders());
    // gz logs the very answer that hk would give, and has it cosigned by everybody else.
    let mut rogue = Log::new("gz", GZ).fill(INDEX);
    rogue.window.push(*exchange.answer.leaf());
    let mut signed = rogue.head_at(INDEX + 1).signed().clone();
    for witness in outsiders() {
        signed = signed.with_line(witness.cosign(&signed.note().text, 1_800_000_000).unwrap());
    }
    let path = creditbay_crypto::merkle::tree::inclusion(INDEX, INDEX + 1, &rogue.window).unwrap();
    forged.answer.tlog_proof = TlogProof { index: INDEX, path, note: signed.note_bytes() }.to_string();
    forged.answer.log = origin("gz");
    let expected = AttestationFault::LogOfOther { part: "answer", origin: origin("gz"), region: name("hk") };
    assert_eq!(verify(&forged, &policy(2)).faults, [expected]);
}

#[test]
fn a_policy_with_two_owners_that_could_be_the_region_is_no_help() {
    let (_, file) = kept(&outsiders());
    let twin = signer("hk.elsewhere/log/1", KeyKind::Ed25519, 42);
    let longer = signer("hkx.elsewhere/log/1", KeyKind::Ed25519, 43);
    let second = signer("hk.creditbay/log/2", KeyKind::Ed25519, 44);
    let with = |log: &NoteSigner| {
        let listed = [("gz", GZ), ("hk", HK)].map(|(region, key)| Log::new(region, key).verifier().to_string());
        let text = format!("log {}\nlog {}\nlog {}\nquorum none\n", listed[0], listed[1], log.verifier());
        verify(&file, &Policy::parse(text.as_bytes()).unwrap()).faults
    };
    assert_eq!(with(&twin), [AttestationFault::SeveralOwners { part: "answer", region: name("hk") }]);
    assert_eq!(with(&longer), []);
    assert_eq!(with(&second), [], "another number of the same log");
}

#[test]
fn every_fault_is_told_at_once() {
    let (exchange, _) = kept(&[]);
    let findings = found(|file| {
        file.id = "0".repeat(64);
        file.content.organisation.push('x');
        file.query.tlog_proof = file.query.tlog_proof.replace("index 5", "index 6");
        let mut cut = proof(&exchange.issuer, &exchange.answer, &outsiders());
        cut.path.truncate(2);
        let at = cut.note.iter().rposition(|byte| *byte == b'=').unwrap() - 5;
        cut.note[at] = if cut.note[at] == b'A' { b'B' } else { b'A' };
        file.answer.tlog_proof = cut.to_string();
    });
    let kinds: Vec<_> = findings.faults.iter().map(AttestationFault::kind).collect();
    assert_eq!(kinds, ["id", "content", "inclusion", "inclusion", "signature", "no_quorum"], "{:?}", findings.faults);
    assert_eq!(findings.id, Some(*exchange.answer.leaf()));
}

#[test]
fn each_reason_has_its_name() {
    let kinds = |findings: Findings| findings.faults.iter().map(AttestationFault::kind).collect::<Vec<_>>();
    assert_eq!(kinds(found(|file| file.query.message.insert(0, ' '))), ["base64"]);
    assert_eq!(kinds(found(|file| file.format.clear())), ["format"]);
    assert_eq!(kinds(found(|file| file.answer.log = origin("mo"))), ["log_of_other", "other_log"]);
    assert_eq!(kinds(found(|file| file.answer.tlog_proof.clear())), ["proof_header"]);
    assert_eq!(kinds(found(|file| file.answer.tlog_proof.truncate(120))), ["proof_note"]);
    let mismatch = |file: &mut Attestation| file.answer.tlog_proof = file.answer.tlog_proof.replace("index 5", "index 4");
    let expected = TlogProofError::Inclusion(ProofError::RootMismatch);
    assert_eq!(found(mismatch).faults, [AttestationFault::Proof { part: "answer", error: expected }]);
    let (_, file) = kept(&outsiders());
    let empty = Policy::parse(b"quorum none\n").unwrap();
    assert_eq!(kinds(verify(&file, &empty)), ["unknown_log", "unknown_log"]);
}
