//! What nodes send one another and write into their logs: leaf, query, answer, frame, control message, authorisation (PROTOCOL 3, 7, 8,
//! 10, 15 and 16).

use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::verify::path_len;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::attestation::Content;
use creditbay_protocol::authorisation::{SignedAuthorisation, SignedWithdrawal};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::control::Control;
use creditbay_protocol::evidence::Place;
use creditbay_protocol::frame::{self, frame_bytes};
use creditbay_protocol::identifier::{Identifier, Scheme, SubjectKind};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::{
    BODY_BYTES, MAX_CONSISTENCY_HASHES, MAX_LEAF_BYTES, MAX_NOTE_BYTES, MAX_WIRE_BYTES, PROTOCOL_VERSION,
};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::wire;

use super::fixture::{EXCHANGE, NOW, name, seed};

/// A leaf that is read is written as the same bytes.
pub(super) fn leaf(bytes: &[u8]) -> bool {
    let Ok(leaf) = Leaf::parse(bytes) else { return false };
    assert!(bytes.len() <= MAX_LEAF_BYTES);
    assert_eq!(leaf.bytes(), bytes);
    assert_eq!(leaf.hash(), leaf_hash(bytes));
    assert!(!leaf.body.kind().is_empty());
    true
}

/// A query is written as the same bytes, its leaf is one, and what is printed of it is the same whoever it is about.
pub(super) fn query(bytes: &[u8]) -> bool {
    let Ok(query) = wire::decode::<Query>(bytes, BODY_BYTES) else { return false };
    assert_eq!(wire::encode(&query), bytes);
    readable(LeafBody::of_query(&query, &seed(1)));
    let mut other = query.clone();
    other.operator = name("somebody.else");
    if query.subject.kind() == SubjectKind::Entity {
        other.subject = Subject::Entity(Identifier::parse(Scheme::HkBrn, "12345678").expect("an identifier"));
    }
    assert_eq!(format!("{query:?}"), format!("{other:?}"));
    true
}

/// An answer is written as the same bytes, its leaf is one, and what a person reads of it comes back from JSON.
pub(super) fn answer(bytes: &[u8]) -> bool {
    let Ok(answer) = wire::decode::<Answer>(bytes, BODY_BYTES) else { return false };
    assert_eq!(wire::encode(&answer), bytes);
    readable(LeafBody::of_answer(&EXCHANGE.query, &answer, &seed(1)));
    let content = Content::of(&EXCHANGE.query, &answer, NOW);
    let text = serde_json::to_string(&content).expect("content has a form in JSON");
    assert_eq!(serde_json::from_str::<Content>(&text).expect("it is read back"), content);
    true
}

fn readable(body: LeafBody) {
    let leaf = Leaf::new(NOW, body);
    assert_eq!(Leaf::parse(&leaf.bytes()).expect("a leaf that is written is read"), leaf);
}

/// A frame is exactly what its parts are written as, here by code that shares nothing with the product's.
pub(super) fn frame(bytes: &[u8]) -> bool {
    let query = frame::decode::<Query>(bytes);
    let answer = frame::decode::<Answer>(bytes);
    assert!(query.is_err() || answer.is_err(), "bytes that are a query and an answer");
    if let Ok(query) = &query {
        assert_eq!(framed(query.time, &query.seed, &query.place, &wire::encode(&query.message)), bytes);
    }
    if let Ok(answer) = &answer {
        assert_eq!(framed(answer.time, &answer.seed, &answer.place, &wire::encode(&answer.message)), bytes);
    }
    query.is_ok() || answer.is_ok()
}

fn framed(time: Millis, seed: &Seed, place: &Place, message: &[u8]) -> Vec<u8> {
    let numbers = [place.index.to_le_bytes(), place.size.to_le_bytes()].concat();
    let head = [&time.0.to_le_bytes()[..], seed.expose(), &wire::encode(&place.origin)];
    let body = [&head.concat()[..], &numbers, message].concat();
    let slots = (frame_bytes(place.size) - frame_bytes(1)) / 32;
    assert_eq!(path_len(place.index, place.size), Some(place.path.len()));
    assert!(place.path.len() <= slots);
    let mut frame =
        [&PROTOCOL_VERSION.to_le_bytes()[..], &(slots as u16).to_le_bytes(), &(body.len() as u32).to_le_bytes()].concat();
    frame.extend(&body);
    frame.resize(frame_bytes(1), 0);
    place.path.iter().for_each(|hash| frame.extend(hash.0));
    frame.resize(frame_bytes(place.size), 0);
    frame
}

/// A control message is written as the same bytes, and its notes and proofs are within their bounds.
pub(super) fn control(bytes: &[u8]) -> bool {
    let Ok(control) = Control::parse(bytes) else { return false };
    let framed = control.framed();
    assert_eq!(framed[..4], (bytes.len() as u32).to_le_bytes());
    assert_eq!(framed[4..], *bytes);
    let (notes, hashes) = match &control {
        Control::Hello(hello) => ([Some(&hello.note), hello.seen.as_ref()], 0),
        Control::Link { consistency } => ([None, None], consistency.as_slice().len()),
        Control::Checkpoint { note, consistency } => ([Some(note), None], consistency.as_slice().len()),
        Control::Succession { leaf, inclusion, consistency } => {
            ([Some(leaf), None], inclusion.as_slice().len().max(consistency.as_slice().len()))
        }
    };
    assert!(notes.iter().flatten().all(|note| note.as_slice().len() <= MAX_NOTE_BYTES) && hashes <= MAX_CONSISTENCY_HASHES);
    true
}

/// An authorisation or withdrawal is written as the same bytes, comes back from JSON, and no other than the channel's verifies.
pub(super) fn authorisation(bytes: &[u8]) -> bool {
    let signed = wire::decode::<SignedAuthorisation>(bytes, MAX_WIRE_BYTES);
    let withdrawn = wire::decode::<SignedWithdrawal>(bytes, MAX_WIRE_BYTES);
    if let Ok(signed) = &signed {
        assert_eq!(wire::encode(signed), bytes);
        let text = serde_json::to_string(signed).expect("an authorisation has a form in JSON");
        assert_eq!(serde_json::from_str::<SignedAuthorisation>(&text).expect("it is read back"), *signed);
        genuine(signed);
    }
    if let Ok(withdrawn) = &withdrawn {
        assert_eq!(wire::encode(withdrawn), bytes);
        let text = serde_json::to_string(withdrawn).expect("a withdrawal has a form in JSON");
        assert_eq!(serde_json::from_str::<SignedWithdrawal>(&text).expect("it is read back"), *withdrawn);
        let verified = withdrawn.verify(&EXCHANGE.channel.public()).is_ok();
        assert!(!verified || *withdrawn == EXCHANGE.withdrawal, "a forged withdrawal");
    }
    signed.is_ok() || withdrawn.is_ok()
}

/// The same from the text that a channel gives out.
pub(super) fn authorisation_json(bytes: &[u8]) -> bool {
    let Ok(signed) = serde_json::from_slice::<SignedAuthorisation>(bytes) else { return false };
    let wired = wire::encode(&signed);
    assert_eq!(wire::decode::<SignedAuthorisation>(&wired, MAX_WIRE_BYTES).expect("it fits the wire"), signed);
    genuine(&signed);
    true
}

fn genuine(signed: &SignedAuthorisation) {
    let verified = signed.verify(&EXCHANGE.channel.public()).is_ok();
    assert!(!verified || *signed == EXCHANGE.authorisation, "a forged authorisation");
}
