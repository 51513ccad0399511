//! Signed notes and what stands in them: checkpoint, cosignature, verifier key, endorsement (PROTOCOL 11, 26.2 and 27).
//!
//! What is read is printed as it was; a verdict depends on no line of an unknown key; nothing verifies that was not signed.

use creditbay_configs::endorsement::{self, Governance};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, MAX_LINES, MAX_NOTE_BYTES, Note, NoteLine, NoteVerifier};
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::limits;

use super::fixture::{EXCHANGE, name, signer, strange_line};

/// Any note.
pub(super) fn note(bytes: &[u8]) -> bool {
    let Ok(note) = Note::parse(bytes) else { return false };
    assert!(bytes.len() <= MAX_NOTE_BYTES && note.lines.len() <= MAX_LINES && !note.lines.is_empty());
    assert_eq!(note.to_string().as_bytes(), bytes);
    assert!(note.lines.iter().all(|line| NoteLine::parse(&line.to_string()).as_ref() == Ok(line)));
    let known: Vec<NoteVerifier> = EXCHANGE.known.iter().flat_map(|log| [log.log.clone(), log.witness.clone()]).collect();
    let verdict = note.verify(&known);
    let mut without = note.clone();
    without.lines.retain(|line| known.iter().any(|key| *key.name() == line.name && key.key_id() == line.key_id));
    assert_eq!(without.verify(&known), verdict, "the verdict depends on lines of unknown keys");
    let mut with = note.clone();
    with.lines.insert(note.lines.len() / 2, strange_line(&note.text));
    assert_eq!(with.verify(&known), verdict, "the verdict depends on a line of an unknown key");
    let signed = [&EXCHANGE.asker, &EXCHANGE.issuer].map(|log| [&log.signed.note().text, &log.earlier.note().text]);
    assert!(verdict.is_err() || signed.as_flattened().contains(&&note.text), "a forged note");
    true
}

/// A checkpoint, as text and signed.
pub(super) fn checkpoint(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let read = Checkpoint::parse(text);
    if let Ok(checkpoint) = &read {
        assert_eq!(checkpoint.text(), text);
        assert!(checkpoint.size <= 1 << limits::MAX_LEVELS);
    }
    let log = &EXCHANGE.asker;
    let signed = SignedCheckpoint::verify(bytes, &log.origin, &log.verifier);
    if let Ok(signed) = &signed {
        assert!(bytes.len() <= limits::MAX_NOTE_BYTES);
        assert_eq!(signed.note_bytes(), bytes);
        assert!(
            [&log.signed, &log.earlier].map(SignedCheckpoint::checkpoint).contains(&signed.checkpoint()),
            "a forged checkpoint"
        );
    }
    read.is_ok() || signed.is_ok()
}

/// A line under the fixture's checkpoint.
pub(super) fn cosignature(bytes: &[u8]) -> bool {
    let Some(line) = std::str::from_utf8(bytes).ok().and_then(|text| NoteLine::parse(text).ok()) else { return false };
    assert_eq!(line.to_string().as_bytes(), bytes);
    let (text, witness) = (EXCHANGE.asker.signed.note().text.clone(), &EXCHANGE.issuer.witness);
    let note = Note { text, lines: vec![line] };
    if let Ok(verified) = note.verify(std::slice::from_ref(witness.verifier())) {
        let time = verified[0].time.expect("a cosignature has a time");
        assert_eq!(witness.cosign(&note.text, time).as_ref(), Ok(&note.lines[0]), "a forged cosignature");
    }
    true
}

/// A key in text.
pub(super) fn verifier_key(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let Ok(verifier) = NoteVerifier::parse(text) else { return false };
    assert_eq!(verifier.to_string(), text);
    assert_eq!(NoteVerifier::new(verifier.name().clone(), verifier.kind(), *verifier.key()), verifier);
    true
}

/// The file that the endorsement target's note is over.
pub(super) const ENDORSED: &[u8] = b"file";
/// Its signers: 2 of the first three for `gz`, 1 of the other two for `hk`.
pub(super) const SIGNERS: [u8; 5] = [1, 2, 3, 4, 5];

/// An endorsement by two regions.
pub(super) fn endorsement(bytes: &[u8]) -> bool {
    let keys = SIGNERS.map(|byte| signer(&format!("signer/{byte}"), KeyKind::Ed25519, byte).verifier().clone());
    let gz = Governance::new(2, keys[..3].to_vec()).expect("two of three");
    let hk = Governance::new(1, keys[3..].to_vec()).expect("one of two");
    let (regions, digest) = ([(name("gz"), &gz), (name("hk"), &hk)], Digest::of(ENDORSED));
    let verify = |note: &[u8]| endorsement::verify(Label::NETWORK, &digest, note, &regions);
    let verdict = verify(bytes);
    if let Ok(mut note) = Note::parse(bytes)
        && note.lines.len() < MAX_LINES
    {
        note.lines.insert(0, strange_line(&note.text));
        assert_eq!(verify(note.to_string().as_bytes()), verdict, "the verdict depends on a line of an unknown key");
    }
    let Ok(endorsed) = verdict else { return false };
    for (region, governance) in &regions {
        let signed = endorsed.signers().iter().filter(|(of, _)| of == region);
        assert!(signed.clone().all(|(_, signer)| governance.signers().contains(signer)));
        assert!(signed.count() >= governance.threshold());
    }
    true
}
