//! The control stream's messages: bounded, framed, and refused one byte short or long.

use creditbay_crypto::hash::Digest;

use super::sample::{Log, NOW, name};
use crate::control::{Control, Hashes, Hello, NoteBytes};
use crate::limits::{MAX_CONSISTENCY_HASHES, MAX_CONTROL_BYTES, MAX_NOTE_BYTES, PROTOCOL_VERSION};
use crate::wire::{self, WireError};

fn note(len: usize) -> NoteBytes {
    NoteBytes::new(vec![b'n'; len]).unwrap()
}

fn hello(own: NoteBytes, seen: Option<NoteBytes>) -> Control {
    Control::Hello(Hello { version: PROTOCOL_VERSION, region: name("gz"), now: NOW, note: own, seen })
}

fn largest() -> [Control; 4] {
    let hashes = || Hashes::new(vec![Digest([3; 32]); MAX_CONSISTENCY_HASHES]).unwrap();
    [
        hello(note(MAX_NOTE_BYTES), Some(note(MAX_NOTE_BYTES))),
        Control::Link { consistency: hashes() },
        Control::Checkpoint { note: note(MAX_NOTE_BYTES), consistency: hashes() },
        Control::Succession { leaf: note(MAX_NOTE_BYTES), inclusion: hashes(), consistency: hashes() },
    ]
}

#[test]
fn a_message_comes_back_after_its_length() {
    let log = Log::new("gz", 1).fill(9);
    let own = NoteBytes::new(log.note_at(9)).unwrap();
    let hashes = Hashes::new(log.consistency(5, 9)).unwrap();
    assert_eq!((own.as_slice(), hashes.as_slice()), (log.note_at(9).as_slice(), log.consistency(5, 9).as_slice()));
    let messages = [
        hello(own.clone(), None),
        hello(own.clone(), Some(own.clone())),
        Control::Link { consistency: hashes.clone() },
        Control::Checkpoint { note: own, consistency: hashes },
    ];
    for message in messages.into_iter().chain(largest()) {
        let framed = message.framed();
        let (len, bytes) = framed.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_le_bytes(*len) as usize, bytes.len());
        assert!(bytes.len() <= MAX_CONTROL_BYTES, "{} bytes", bytes.len());
        assert_eq!(Control::parse(bytes), Ok(message));
    }
}

#[test]
fn a_message_one_byte_short_or_long_is_refused() {
    let log = Log::new("gz", 1).fill(9);
    let own = NoteBytes::new(log.note_at(9)).unwrap();
    let bytes = wire::encode(&hello(own.clone(), Some(own)));
    for cut in 0..bytes.len() {
        assert!(matches!(Control::parse(&bytes[..cut]), Err(WireError::Malformed { .. })), "cut at {cut}");
    }
    assert!(matches!(Control::parse(&[bytes, vec![0]].concat()), Err(WireError::LeftOver { left: 1, .. })));
    assert_eq!(
        Control::parse(&vec![0; MAX_CONTROL_BYTES + 1]),
        Err(WireError::TooLong { len: MAX_CONTROL_BYTES + 1, max: MAX_CONTROL_BYTES })
    );
}

#[test]
fn notes_and_proofs_are_bounded_on_either_side_of_the_wire() {
    assert_eq!(NoteBytes::new(vec![0; MAX_NOTE_BYTES + 1]), None);
    assert_eq!(Hashes::new(vec![Digest([0; 32]); MAX_CONSISTENCY_HASHES + 1]), None);
    let long_note = wire::encode(&vec![0u8; MAX_NOTE_BYTES + 1]);
    let refused = wire::decode::<NoteBytes>(&long_note, MAX_CONTROL_BYTES).unwrap_err();
    assert!(refused.to_string().contains("NoteBytes: too long"), "{refused}");
    let many = wire::encode(&vec![Digest([0; 32]); MAX_CONSISTENCY_HASHES + 1]);
    let refused = wire::decode::<Hashes>(&many, MAX_CONTROL_BYTES).unwrap_err();
    assert!(refused.to_string().contains("Hashes: too many"), "{refused}");
}

#[test]
fn an_unknown_kind_is_refused() {
    for kind in [4u32, 5, u32::MAX] {
        assert!(Control::parse(&[kind.to_le_bytes().as_slice(), &[0; 40]].concat()).is_err());
    }
}
