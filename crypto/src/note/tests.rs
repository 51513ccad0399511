//! Notes against the specification's example, a foreign log, and the forged twin of every rule.
#![allow(clippy::disallowed_methods, reason = "published vectors are files")]

use super::{KeyKind, KeyName, MAX_LINES, MAX_NOTE_BYTES, Note, NoteError, NoteLine, NoteSigner, NoteVerifier, Verified};
use crate::hash::base64_encode;
use crate::secret::Seed;
use crate::sign::{KeyError, SigningKey};
use crate::vectors::folder;

/// C2SP signed-note, "Example".
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const TEXT: &str = "This is an example message.\n";
const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn signer(of: &str, kind: KeyKind, seed: u8) -> NoteSigner {
    NoteSigner::new(name(of), kind, SigningKey::from_seed(Seed::from_bytes([seed; 32])))
}

fn log() -> NoteSigner {
    signer("gz.creditbay/log/1", KeyKind::Ed25519, 1)
}

fn witness() -> NoteSigner {
    signer("hk.creditbay/witness", KeyKind::CosignatureV1, 2)
}

fn note(lines: Vec<NoteLine>) -> Note {
    Note { text: TEXT.to_owned(), lines }
}

fn known(signers: &[&NoteSigner]) -> Vec<NoteVerifier> {
    signers.iter().map(|signer| signer.verifier().clone()).collect()
}

fn refusal(text: &str) -> NoteError {
    Note::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn the_specifications_example_verifies() {
    let verifier = NoteVerifier::parse(VKEY).unwrap();
    assert_eq!((verifier.name(), verifier.key_id()), (&name("example.com/foo"), 0x530d903a));
    assert_eq!(verifier.to_string(), VKEY);
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert_eq!(note.text, TEXT);
    assert_eq!(note.to_string(), NOTE);
    assert_eq!(note.verify(&[verifier]), Ok(vec![Verified { verifier: 0, time: None }]));
}

#[test]
fn the_checkpoints_of_a_foreign_log_verify() {
    let Some(folder) = folder("tiled-log") else {
        return;
    };
    let verifier = NoteVerifier::parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx").unwrap();
    for size in 0..=15 {
        let bytes = std::fs::read(folder.join(format!("checkpoint.{size}"))).unwrap();
        let note = Note::parse(&bytes).unwrap();
        assert_eq!(note.verify(std::slice::from_ref(&verifier)), Ok(vec![Verified { verifier: 0, time: None }]));
        assert!(note.text.starts_with(&format!("example.com/log/testdata\n{size}\n")));
        assert_eq!(note.to_string().as_bytes(), bytes);
    }
}

#[test]
fn signatures_and_cosignatures_verify_and_survive_printing() {
    let lines = vec![log().sign(TEXT).unwrap(), witness().cosign(TEXT, 1_764_000_000).unwrap()];
    let read = Note::parse(note(lines.clone()).to_string().as_bytes()).unwrap();
    assert_eq!(read, note(lines));
    let expected = vec![Verified { verifier: 1, time: None }, Verified { verifier: 0, time: Some(1_764_000_000) }];
    assert_eq!(read.verify(&known(&[&witness(), &log()])), Ok(expected));
    assert_eq!(NoteLine::parse(&read.lines[1].to_string()), Ok(read.lines[1].clone()));
}

#[test]
fn a_text_with_blank_lines_parts_at_the_last() {
    for text in ["\n", "\n\n", "a\n\n— b AAAA\n", "a\n\n\n"] {
        let line = log().sign(text).unwrap();
        let signed = Note { text: text.to_owned(), lines: vec![line] };
        let read = Note::parse(signed.to_string().as_bytes()).unwrap();
        assert_eq!(read, signed);
        assert!(read.verify(&known(&[&log()])).is_ok());
    }
}

#[test]
fn lines_of_strangers_are_passed_over_and_kept() {
    let stranger = signer("gz.creditbay/log/1", KeyKind::Ed25519, 9);
    let mut damaged = stranger.sign(TEXT).unwrap();
    damaged.bytes.truncate(3);
    let note = note(vec![damaged, log().sign(TEXT).unwrap()]);
    assert_eq!(note.verify(&known(&[&log()])), Ok(vec![Verified { verifier: 0, time: None }]));
    assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
}

#[test]
fn a_key_that_signed_twice_counts_once_with_its_newest_time() {
    let lines = [20, 30, 10].map(|time| witness().cosign(TEXT, time).unwrap());
    let verified = note(lines.to_vec()).verify(&known(&[&witness()]));
    assert_eq!(verified, Ok(vec![Verified { verifier: 0, time: Some(30) }]));
}

#[test]
fn a_note_that_is_too_long_is_refused() {
    let head = MAX_NOTE_BYTES - (NOTE.len() - TEXT.len());
    let longest = format!("{}\n{}", "a".repeat(head - 1), &NOTE[TEXT.len()..]);
    assert!(Note::parse(longest.as_bytes()).is_ok());
    assert_eq!(refusal(&format!("a{longest}")), NoteError::TooLong(MAX_NOTE_BYTES + 1));
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let mut bytes = NOTE.as_bytes().to_vec();
    bytes[3] = 0xff;
    assert_eq!(Note::parse(&bytes), Err(NoteError::NotUtf8(3)));
}

#[test]
fn control_characters_are_refused() {
    for control in ['\0', '\t', '\r', '\u{1f}'] {
        let expected = NoteError::ControlCharacter(control.into());
        assert_eq!(refusal(&NOTE.replacen(' ', &control.to_string(), 1)), expected);
        assert_eq!(log().sign(&format!("a{control}\n")), Err(expected));
    }
    assert!(Note::parse(NOTE.replacen(' ', "\u{7f}", 1).as_bytes()).is_ok(), "U+007F is not below U+0020");
}

#[test]
fn a_text_without_final_newline_is_refused() {
    assert_eq!(log().sign("a"), Err(NoteError::NoFinalNewline));
    assert_eq!(log().sign(""), Err(NoteError::NoFinalNewline));
    assert_eq!(witness().cosign("a", 1), Err(NoteError::NoFinalNewline));
    assert_eq!(refusal(NOTE.trim_end()), NoteError::NoFinalNewline);
}

#[test]
fn a_note_without_signatures_is_refused() {
    for text in [TEXT, "\n", "\n\n", "a\n\n", &format!("{NOTE}\n")] {
        assert_eq!(refusal(text), NoteError::NoSignatures, "{text:?}");
    }
}

#[test]
fn a_note_with_too_many_lines_is_refused() {
    let line = log().sign(TEXT).unwrap();
    let full = note(vec![line.clone(); MAX_LINES]);
    assert_eq!(Note::parse(full.to_string().as_bytes()).unwrap(), full);
    assert_eq!(refusal(&note(vec![line; MAX_LINES + 1]).to_string()), NoteError::TooManyLines);
}

#[test]
fn signature_lines_in_another_form_are_refused() {
    let forms = [
        "- n AAAAAQA=",
        "—n AAAAAQA=",
        "—  AAAAAQA=",
        "— n",
        "— n ",
        "— n  AAAAAQA=",
        "— n AAAAAQA= ",
        "— n AAAAAQA",
        "— n AAAAAQB=",
        "— n AAAAAQ==",
        "— a+b AAAAAQA=",
        "— a\u{2003}b AAAAAQA=",
        "text",
    ];
    for form in forms {
        assert_eq!(refusal(&format!("a\n\n— n AAAAAQA=\n{form}\n")), NoteError::Line(2), "{form:?}");
        assert_eq!(NoteLine::parse(form), Err(NoteError::Line(1)), "{form:?}");
    }
    let line = NoteLine { name: name("n"), key_id: 1, bytes: vec![0] };
    assert_eq!(NoteLine::parse("— n AAAAAQA="), Ok(line));
}

#[test]
fn names_in_another_form_are_refused() {
    for text in ["", " ", "a b", "a+b", "a\nb", "a\u{85}b", "a\u{3000}b", "\u{1}"] {
        assert_eq!(text.parse::<KeyName>(), Err(NoteError::Name), "{text:?}");
    }
    assert_eq!(name("信用湾区/log").to_string(), "信用湾区/log");
}

fn vkey_refusal(vkey: &str) -> NoteError {
    NoteVerifier::parse(vkey).unwrap_err()
}

#[test]
fn verifier_keys_in_another_form_are_refused() {
    for vkey in ["", "n", "n+530d903a", "n+530d903a+", "n+530d903a+A", "n+530d903a+AQ==", &VKEY[..VKEY.len() - 4]] {
        assert_eq!(vkey_refusal(vkey), NoteError::VerifierKey, "{vkey}");
    }
    assert_eq!(vkey_refusal(&VKEY["example.com/foo".len()..]), NoteError::Name);
}

#[test]
fn verifier_keys_of_another_kind_are_refused() {
    let ecdsa = base64_encode(&[&[2], [0; 32].as_slice()].concat());
    assert_eq!(vkey_refusal(&format!("n+00000000+{ecdsa}")), NoteError::UnknownKind(2));
}

#[test]
fn a_verifier_key_with_anothers_id_is_refused() {
    assert_eq!(vkey_refusal(&VKEY.replace("530d903a", "530d903b")), NoteError::KeyId(name("example.com/foo")));
    for id in ["", "530d903", "0530d903a", "530D903A", "+30d903a"] {
        let refused = NoteVerifier::parse(&VKEY.replace("530d903a", id));
        assert!(refused.is_err(), "{id}");
    }
    assert_eq!(vkey_refusal(&VKEY.replace("foo", "fop")), NoteError::KeyId(name("example.com/fop")));
}

#[test]
fn a_verifier_key_that_is_no_key_is_refused() {
    let small = base64_encode(&[&[1], [0; 32].as_slice()].concat());
    assert_eq!(vkey_refusal(&format!("n+00000000+{small}")), NoteError::Key(KeyError::SmallOrder));
}

#[test]
fn each_kind_of_key_does_its_own_work_only() {
    assert_eq!(log().cosign(TEXT, 1), Err(NoteError::OtherKind(name("gz.creditbay/log/1"))));
    assert_eq!(witness().sign(TEXT), Err(NoteError::OtherKind(name("hk.creditbay/witness"))));
    let (one, other) = (signer("n", KeyKind::Ed25519, 1), signer("n", KeyKind::CosignatureV1, 1));
    assert_ne!(one.verifier().key_id(), other.verifier().key_id());
    for signer in [&one, &other] {
        assert_eq!(&NoteVerifier::parse(&signer.verifier().to_string()).unwrap(), signer.verifier());
    }
}

#[test]
fn a_time_beyond_the_limit_is_refused() {
    assert!(witness().cosign(TEXT, i64::MAX as u64).is_ok());
    assert_eq!(witness().cosign(TEXT, 1 << 63), Err(NoteError::Time(1 << 63)));
    let key = SigningKey::from_seed(Seed::from_bytes([2; 32]));
    let signature = key.sign(super::cosigned(TEXT, 1 << 63).as_bytes());
    let bytes = [(1u64 << 63).to_be_bytes().as_slice(), &signature.0].concat();
    let line = NoteLine { bytes, ..witness().cosign(TEXT, 1).unwrap() };
    assert_eq!(note(vec![line]).verify(&known(&[&witness()])), Err(NoteError::Refused(name("hk.creditbay/witness"))));
}

#[test]
fn two_known_keys_with_one_name_and_id_are_refused() {
    let mut other = signer("gz.creditbay/log/1", KeyKind::Ed25519, 9).verifier().clone();
    other.key_id = log().verifier().key_id();
    let note = note(vec![log().sign(TEXT).unwrap()]);
    assert_eq!(note.verify(&[log().verifier().clone(), other]), Err(NoteError::Ambiguous(name("gz.creditbay/log/1"))));
    assert!(note.verify(&known(&[&log(), &log()])).is_ok(), "the same key twice is no contradiction");
}

#[test]
fn a_known_keys_line_that_fails_refuses_the_whole_note() {
    for (good, of) in [(log().sign(TEXT).unwrap(), log()), (witness().cosign(TEXT, 7).unwrap(), witness())] {
        let refused = Err(NoteError::Refused(of.verifier().name().clone()));
        let helper = signer("sz.creditbay/log/1", KeyKind::Ed25519, 3);
        for bit in 0..good.bytes.len() * 8 {
            let mut forged = good.clone();
            forged.bytes[bit / 8] ^= 1 << (bit % 8);
            let note = note(vec![helper.sign(TEXT).unwrap(), good.clone(), forged]);
            assert_eq!(note.verify(&known(&[&helper, &of])), refused, "bit {bit}");
        }
        for length in 0..good.bytes.len() {
            let cut = NoteLine { bytes: good.bytes[..length].to_vec(), ..good.clone() };
            assert_eq!(note(vec![cut]).verify(&known(&[&of])), refused, "length {length}");
        }
        let other_text = Note { text: "Another.\n".to_owned(), lines: vec![good] };
        assert_eq!(other_text.verify(&known(&[&of])), refused);
    }
}

#[test]
fn a_note_that_no_known_key_signed_is_refused() {
    let note = note(vec![log().sign(TEXT).unwrap()]);
    assert_eq!(note.verify(&known(&[&witness()])), Err(NoteError::NoKnownKey));
    assert_eq!(note.verify(&[]), Err(NoteError::NoKnownKey));
}

#[test]
fn cut_anywhere_a_note_never_panics_and_never_verifies() {
    let verifier = [NoteVerifier::parse(VKEY).unwrap()];
    for length in 0..NOTE.len() {
        let verified = Note::parse(&NOTE.as_bytes()[..length]).and_then(|note| note.verify(&verifier));
        assert!(verified.is_err(), "{length}");
    }
    for length in 0..VKEY.len() {
        assert!(NoteVerifier::parse(&VKEY[..length]).is_err(), "{length}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_refused_or_printed_again(bytes in "(a|\n|— |n |AAAAAQA=|[\\x00-\\x7f]){0,24}") {
        if let Ok(note) = Note::parse(bytes.as_bytes()) {
            proptest::prop_assert_eq!(note.to_string(), bytes);
        }
    }
}
