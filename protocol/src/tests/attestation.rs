//! The file that is kept and shown: verified offline, every fault by its name, all faults at once, no flipped byte that passes.

use std::slice::from_ref;

use creditbay_crypto::hash::{Digest, base64_encode};
use creditbay_crypto::merkle::verify::ProofError;
use creditbay_crypto::note::{KeyKind, NoteSigner};

use super::sample::{Exchange, GZ, HK, Log, NOW, every_shape, name, origin, query, refusals, seed, signer, verdicts};
use crate::answer::Reply;
use crate::attestation::fault::AttestationFault;
use crate::attestation::{Attestation, KnownLog, Proven, Sealed};
use crate::calendar::Day;
use crate::evidence::Committed;
use crate::predicate::{LawOfOrigin, Purpose};
use crate::proof::{TlogProof, TlogProofError};
use crate::refusal::Refusal;

pub(super) fn witness(region: &str, key: u8) -> NoteSigner {
    signer(&format!("{region}.creditbay/witness"), KeyKind::CosignatureV1, 100 + key)
}

/// Both regions' logs, as the network directory gives them.
fn known() -> Vec<KnownLog> {
    [("gz", GZ), ("hk", HK)]
        .map(|(region, key)| KnownLog {
            origin: origin(region),
            region: name(region),
            log: Log::new(region, key).verifier(),
            witness: witness(region, key).verifier().clone(),
        })
        .to_vec()
}

/// The proof of a leaf under a note that these witnesses have cosigned.
pub(super) fn proof(log: &Log, committed: &Committed, witnesses: &[NoteSigner]) -> TlogProof {
    let place = committed.place();
    let mut signed = log.head_at(place.size).signed().clone();
    for witness in witnesses {
        signed = signed.with_line(witness.cosign(&signed.note().text, NOW.0 / 1000).unwrap());
    }
    TlogProof { index: place.index, path: place.path.clone(), note: signed.note_bytes() }
}

pub(super) fn file(exchange: &Exchange, witnesses: &[NoteSigner]) -> Attestation {
    let query = Proven {
        message: exchange.asked.query(),
        seed: exchange.asked.seed(),
        time: exchange.query.time(),
        log: exchange.asker.origin,
        proof: &proof(&exchange.asker, &exchange.query, &[]),
    };
    let answer = Proven {
        message: exchange.judged.answer(),
        seed: exchange.judged.seed(),
        time: exchange.answer.time(),
        log: exchange.issuer.origin,
        proof: &proof(&exchange.issuer, &exchange.answer, witnesses),
    };
    Attestation::new(&query, &answer)
}

fn kept(reply: Reply) -> Attestation {
    file(&Exchange::new(reply), &[witness("gz", GZ)])
}

/// What is found wrong once the file was changed.
fn faults(change: impl FnOnce(&mut Attestation)) -> Vec<AttestationFault> {
    let mut forged = kept(verdicts(2, 3));
    change(&mut forged);
    forged.verify(&known()).err().unwrap_or_default()
}

/// The way to one part of a file.
type Part = fn(&mut Attestation) -> &mut Sealed;

/// Both parts of a file, each with its name.
const PARTS: [(&str, Part); 2] = [("query", |file| &mut file.query), ("answer", |file| &mut file.answer)];

#[test]
fn a_true_file_verifies_to_its_identity() {
    for reply in [verdicts(2, 3), verdicts(2, 0), Reply::Refused(refusals()[0]), Reply::Refused(Refusal::Closing)] {
        let exchange = Exchange::new(reply);
        let file = file(&exchange, &[witness("hk", HK), witness("gz", GZ)]);
        assert_eq!(file.verify(&known()), Ok(*exchange.answer.leaf()));
        assert_eq!(file.id, exchange.answer.leaf().to_string());
    }
}

#[test]
fn the_readable_content_is_that_of_the_messages() {
    let content = kept(verdicts(2, 3)).content;
    let asked: Vec<_> = content.answers.iter().map(|answer| answer.predicate).collect();
    assert_eq!(asked, every_shape()[2..4]);
    assert_eq!((content.issuer, content.asker, content.organisation.as_str()), (name("hk"), name("gz"), "bank-01"));
    assert_eq!((content.scheme.as_str(), content.subject.as_str()), ("hk-brn", "12345678"));
    assert_eq!((content.answered_at.as_str(), content.refusal), ("2026-11-23T08:50:00.025Z", None));
    assert_eq!((content.as_of, content.valid_until), (Day::new(2026, 11, 23).ok(), Day::new(2026, 12, 23).ok()));
    let refused = kept(Reply::Refused(Refusal::Closing)).content;
    assert_eq!((refused.refusal, refused.answers.len(), refused.as_of), (Some(Refusal::Closing), 0, None));
    assert!(!format!("{content:?}").contains("12345678"), "Debug keeps the subject to itself");
}

#[test]
fn another_format_is_refused() {
    assert_eq!(faults(|file| file.format = "creditbay/attestation/v2".to_owned()), [AttestationFault::Format]);
}

#[test]
fn what_is_not_base64_is_refused_by_part_and_field() {
    for (part, of) in PARTS {
        assert_eq!(faults(|file| of(file).message.insert(0, ' ')), [AttestationFault::Base64 { part, field: "message" }]);
        assert_eq!(faults(|file| of(file).seed.truncate(43)), [AttestationFault::Base64 { part, field: "seed" }]);
    }
}

#[test]
fn a_seed_of_another_length_is_refused() {
    for (part, of) in PARTS {
        for len in [0, 31, 33] {
            assert_eq!(faults(|file| of(file).seed = base64_encode(&vec![0; len])), [AttestationFault::Seed { part }]);
        }
    }
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    for (part, of) in PARTS {
        for bytes in [vec![], vec![0; 40], vec![0; 2000]] {
            let found = faults(|file| of(file).message = base64_encode(&bytes));
            assert!(matches!(&found[..], [AttestationFault::Message { part: named, .. }] if *named == part), "{found:?}");
        }
    }
}

#[test]
fn a_log_that_nobody_knows_is_refused() {
    for (part, of) in PARTS {
        let unknown = origin("mo");
        assert_eq!(faults(|file| of(file).log = unknown), [AttestationFault::UnknownLog { part, origin: unknown }]);
    }
    let none = kept(verdicts(2, 3)).verify(&[]).unwrap_err();
    assert_eq!(none.len(), 2, "{none:?}");
}

#[test]
fn the_log_of_another_region_is_refused() {
    let mut directory = known();
    directory[0].region = name("sz");
    let found = kept(verdicts(2, 3)).verify(&directory).unwrap_err();
    assert_eq!(found, [AttestationFault::LogOfOther { part: "query", origin: origin("gz"), region: name("gz") }]);
    let mut directory = known();
    directory[1].region = name("sz");
    let found = kept(verdicts(2, 3)).verify(&directory).unwrap_err();
    assert_eq!(found, [AttestationFault::LogOfOther { part: "answer", origin: origin("hk"), region: name("hk") }]);
}

#[test]
fn a_proof_that_does_not_hold_is_refused() {
    for (part, of) in PARTS {
        let found = faults(|file| of(file).time = of(file).time.plus(1));
        let mismatch = AttestationFault::Proof { part, error: TlogProofError::Inclusion(ProofError::RootMismatch) };
        assert!(found.contains(&mismatch), "{found:?}");
        let found = faults(|file| of(file).tlog_proof.clear());
        assert_eq!(found, [AttestationFault::Proof { part, error: TlogProofError::Header }]);
    }
    let swapped = faults(|file| std::mem::swap(&mut file.query.tlog_proof, &mut file.answer.tlog_proof));
    assert!(swapped.iter().filter(|fault| matches!(fault, AttestationFault::Proof { .. })).count() == 2, "{swapped:?}");
}

#[test]
fn an_answer_to_another_query_is_refused() {
    let other = Exchange::of(query(&every_shape()[..2]), verdicts(2, 3));
    let found = faults(|mine| mine.query = file(&other, &[]).query);
    assert!(found.contains(&AttestationFault::OtherQuery), "{found:?}");
}

#[test]
fn an_answer_that_passes_over_a_predicate_is_refused_although_its_issuer_logged_it() {
    for count in [1, 3] {
        assert_eq!(kept(verdicts(count, 3)).verify(&known()), Err(vec![AttestationFault::OtherQuery]), "{count} to 2");
    }
}

#[test]
fn another_word_anywhere_in_the_content_is_refused() {
    let changes: [fn(&mut Attestation); 15] = [
        |file| file.content.issuer = name("mo"),
        |file| file.content.asker = name("mo"),
        |file| file.content.organisation.push('x'),
        |file| file.content.purpose = Purpose::Proc,
        |file| file.content.scheme = "uscc".to_owned(),
        |file| file.content.subject = "12345679".to_owned(),
        |file| file.content.rule_pack = Digest([9; 32]).to_string(),
        |file| file.content.answered_at = NOW.to_string(),
        |file| file.content.answers.truncate(1),
        |file| file.content.answers[0].verdict.band = None,
        |file| file.content.refusal = Some(Refusal::Closing),
        |file| file.content.coverage.clear(),
        |file| file.content.law_of_origin = Some(LawOfOrigin::Cn),
        |file| file.content.as_of = None,
        |file| file.content.valid_until = Some(Day::LAST),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_eq!(faults(change), [AttestationFault::Content], "change {at}");
    }
}

#[test]
fn another_identity_is_refused() {
    assert_eq!(faults(|file| file.id = Digest([1; 32]).to_string()), [AttestationFault::Id]);
    assert_eq!(faults(|file| file.id = file.id.to_uppercase()), [AttestationFault::Id]);
}

#[test]
fn an_answer_that_no_other_region_cosigned_is_refused() {
    let exchange = Exchange::new(verdicts(2, 3));
    let stranger = witness("mo", 3);
    let impostor = signer("gz.creditbay/witness", KeyKind::CosignatureV1, 55);
    for witnesses in [vec![], vec![witness("hk", HK)], vec![stranger], vec![impostor]] {
        let found = file(&exchange, &witnesses).verify(&known());
        assert_eq!(found, Err(vec![AttestationFault::NoCosignature]), "{} witnesses", witnesses.len());
    }
    let mut copied = proof(&exchange.issuer, &exchange.answer, &[]);
    let of_other_note = proof(&exchange.asker, &exchange.query, &[witness("gz", GZ)]).note;
    let line = of_other_note.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
    copied.note.extend_from_slice(&[line, b"\n"].concat());
    assert_eq!(faults(|file| file.answer.tlog_proof = copied.to_string()), [AttestationFault::NoCosignature]);
}

#[test]
fn all_faults_are_reported_not_the_first_alone() {
    let found = faults(|file| {
        file.format.clear();
        file.id.clear();
        file.content.organisation.clear();
        file.query.tlog_proof.clear();
        file.answer.tlog_proof.clear();
    });
    let header = |part| AttestationFault::Proof { part, error: TlogProofError::Header };
    assert_eq!(
        found,
        [AttestationFault::Format, AttestationFault::Id, AttestationFault::Content, header("query"), header("answer")]
    );
    let found = faults(|file| {
        for (_, of) in PARTS {
            of(file).message.insert(0, '!');
            of(file).seed.clear();
        }
    });
    let of = |part| [AttestationFault::Base64 { part, field: "message" }, AttestationFault::Seed { part }];
    assert_eq!(found, [of("query"), of("answer")].concat());
}

#[test]
fn no_fault_names_the_subject() {
    let found = faults(|file| {
        file.content.subject = "12345679".to_owned();
        file.query.time = NOW.minus(1);
    });
    for fault in &found {
        assert!(![fault.to_string(), format!("{fault:?}")].concat().contains("1234567"), "{fault}");
    }
    assert!(found.len() > 1);
}

#[test]
fn no_flipped_byte_of_message_seed_or_proof_passes() {
    let true_file = kept(verdicts(2, 3));
    let known = known();
    let fields: [fn(&mut Attestation) -> &mut String; 6] = [
        |file| &mut file.query.message,
        |file| &mut file.query.seed,
        |file| &mut file.query.tlog_proof,
        |file| &mut file.answer.message,
        |file| &mut file.answer.seed,
        |file| &mut file.answer.tlog_proof,
    ];
    let mut refused = 0;
    for (number, field) in fields.into_iter().enumerate() {
        let len = field(&mut true_file.clone()).len();
        for at in 0..len {
            for bit in [0, 3] {
                let mut forged = true_file.clone();
                let text = field(&mut forged);
                let mut bytes = std::mem::take(text).into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(flipped) = String::from_utf8(bytes) else { continue };
                *text = flipped;
                assert!(forged.verify(&known).is_err(), "field {number}, byte {at}, bit {bit}");
                refused += 1;
            }
        }
    }
    assert!(refused > 2_500, "{refused}");
    assert!(true_file.verify(&known).is_ok());
}

#[test]
fn the_seeds_are_those_of_the_leaves() {
    let mut file = kept(verdicts(2, 3));
    assert_eq!(file.query.seed, base64_encode(seed(0x33).expose()));
    file.query.seed = base64_encode(seed(0x34).expose());
    assert!(file.verify(from_ref(&known()[0])).is_err());
}
