//! The text of a tree head, read strictly, and the note that signs it; the notes of a foreign log for comparison.
#![allow(clippy::disallowed_methods, reason = "published vectors are files")]

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::{KeyKind, Note, NoteError, NoteVerifier};

use super::sample::{Log, origin, published, signer};
use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::limits::MAX_NOTE_BYTES;

const ROOT: &str = "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=";

fn refused(text: &str) -> CheckpointError {
    Checkpoint::parse(text).unwrap_err()
}

#[test]
fn a_text_is_read_and_written_back() {
    for size in [1, 15, 1 << 40] {
        let text = format!("gz.creditbay/log/1\n{size}\n{ROOT}\n");
        let checkpoint = Checkpoint::parse(&text).unwrap();
        assert_eq!(checkpoint, Checkpoint { origin: origin("gz"), size, root: Digest::from_base64(ROOT).unwrap() });
        assert_eq!(checkpoint.text(), text);
    }
    let empty = Checkpoint { origin: origin("gz"), size: 0, root: empty_root() };
    assert_eq!(Checkpoint::parse(&empty.text()), Ok(empty));
}

#[test]
fn each_wrong_line_is_refused_by_its_name() {
    let with = |origin: &str, size: &str, root: &str| refused(&format!("{origin}\n{size}\n{root}\n"));
    for bad in ["", "gz.creditbay", "gz.creditbay/log/0", "Gz.creditbay/log/1", "example.com/log/testdata"] {
        assert_eq!(with(bad, "15", ROOT), CheckpointError::Origin, "{bad}");
    }
    let beyond = ((1u64 << 40) + 1).to_string();
    for bad in ["", "015", "+15", "-1", "15 ", "0x0f", "1e3", "18446744073709551616", &beyond] {
        assert_eq!(with("gz.creditbay/log/1", bad, ROOT), CheckpointError::Size, "{bad}");
    }
    for bad in ["", &ROOT[..43], &ROOT.replace("cs=", "ct="), &ROOT.replace('/', "_"), "AAAA"] {
        assert_eq!(with("gz.creditbay/log/1", "15", bad), CheckpointError::Root, "{bad}");
    }
    assert_eq!(with("gz.creditbay/log/1", "0", ROOT), CheckpointError::EmptyRoot);
}

#[test]
fn more_or_fewer_lines_than_three_are_refused() {
    let text = format!("gz.creditbay/log/1\n15\n{ROOT}\n");
    for bad in ["", "\n", "gz.creditbay/log/1\n", "gz.creditbay/log/1\n15\n", &format!("{text}extension\n"), &format!("{text}\n")]
    {
        assert_eq!(refused(bad), CheckpointError::Lines, "{bad:?}");
    }
    for cut in 0..text.len() {
        assert_eq!(refused(&text[..cut]), CheckpointError::Lines, "cut at {cut}");
    }
}

#[test]
fn a_signed_note_is_verified_and_no_flipped_byte_of_it_is() {
    let log = Log::new("gz", 1).fill(15);
    let signed = log.head_at(15).signed().clone();
    let bytes = signed.note_bytes();
    let read = SignedCheckpoint::verify(&bytes, &log.origin, &log.verifier()).unwrap();
    assert_eq!((read.checkpoint().size, &read), (15, &signed));
    assert_eq!(read.note().to_string().into_bytes(), bytes);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut forged = bytes.clone();
            forged[at] ^= 1 << bit;
            assert!(SignedCheckpoint::verify(&forged, &log.origin, &log.verifier()).is_err(), "byte {at}, bit {bit}");
        }
        assert!(SignedCheckpoint::verify(&bytes[..at], &log.origin, &log.verifier()).is_err(), "cut at {at}");
    }
}

#[test]
fn each_reason_not_to_believe_a_note_has_its_name() {
    let log = Log::new("gz", 1).fill(15);
    let (bytes, verifier) = (log.note_at(15), log.verifier());
    let refused = |bytes: &[u8], log: &NoteVerifier| SignedCheckpoint::verify(bytes, &origin("gz"), log).unwrap_err();
    assert_eq!(refused(&vec![b'a'; MAX_NOTE_BYTES + 1], &verifier), CheckpointError::TooLong(MAX_NOTE_BYTES + 1));
    assert_eq!(refused(&vec![b'\n'; MAX_NOTE_BYTES], &verifier), CheckpointError::Note(NoteError::NoSignatures));
    assert_eq!(refused(&bytes, &Log::new("gz", 2).verifier()), CheckpointError::Note(NoteError::NoKnownKey));
    let mut larger = bytes.clone();
    larger[b"gz.creditbay/log/1\n".len() + 1] = b'6';
    assert_eq!(refused(&larger, &verifier), CheckpointError::Note(NoteError::Refused(verifier.name().clone())));
    let found = origin("hk");
    let elsewhere = Checkpoint { origin: found, size: 0, root: empty_root() }.sign(&log.signer).unwrap();
    assert_eq!(refused(&elsewhere.note_bytes(), &verifier), CheckpointError::OtherLog { expected: origin("gz"), found });
    let not_ours = log.signer.sign("no checkpoint\n").unwrap();
    let not_ours = Note { text: "no checkpoint\n".to_owned(), lines: vec![not_ours] };
    assert_eq!(refused(not_ours.to_string().as_bytes(), &verifier), CheckpointError::Lines);
}

#[test]
fn a_cosigned_note_is_the_same_checkpoint_with_one_more_line() {
    let log = Log::new("gz", 1).fill(15);
    let witness = signer("hk.creditbay/witness", KeyKind::CosignatureV1, 7);
    let signed = log.head_at(15).signed().clone();
    let cosigned = signed.with_line(witness.cosign(&signed.note().text, 1_795_423_800).unwrap());
    let read = SignedCheckpoint::verify(&cosigned.note_bytes(), &log.origin, &log.verifier()).unwrap();
    assert_eq!((read.checkpoint(), read.note().lines.len()), (signed.checkpoint(), 2));
    assert_eq!(read.note().verify(&[witness.verifier().clone()]).unwrap()[0].time, Some(1_795_423_800));
    let mut forged = cosigned.note_bytes();
    let last = forged.len() - 3;
    forged[last] ^= 1;
    let forged = SignedCheckpoint::verify(&forged, &log.origin, &log.verifier());
    assert!(forged.is_err() || forged.unwrap().note().verify(&[witness.verifier().clone()]).is_err());
}

#[test]
fn the_notes_of_a_foreign_log_verify_but_name_no_log_of_ours() {
    let Some(folder) = published("tiled-log") else { return };
    let key = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    let key = NoteVerifier::parse(key).unwrap();
    for size in 0..=15u64 {
        let bytes = std::fs::read(folder.join(format!("checkpoint.{size}"))).unwrap();
        let note = Note::parse(&bytes).unwrap();
        note.verify(std::slice::from_ref(&key)).unwrap();
        assert_eq!(refused(&note.text), CheckpointError::Origin);
        let ours = note.text.replace("example.com/log/testdata", "example.com/log/1");
        let checkpoint = Checkpoint::parse(&ours).unwrap();
        assert_eq!((checkpoint.size, checkpoint.text()), (size, ours), "all but the origin is as we write it");
        let mut forged = bytes;
        forged[30] ^= 1;
        let forged = Note::parse(&forged).and_then(|note| note.verify(std::slice::from_ref(&key)));
        assert!(forged.is_err(), "size {size}");
    }
}
