//! What nodes send one another and write into their logs: leaf, query, answer, frame, control message, authorisation (PROTOCOL 3, 7, 8,
//! 10, 15 and 16).

use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::verify::path_len;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::attestation::Content;
use creditbay_protocol::authorisation::{SignedAuthorisation, SignedWithdrawal};
use creditbay_protocol::brief::Brief;
use creditbay_protocol::control::Control;
use creditbay_protocol::erasure::Erased;
use creditbay_protocol::event::Event;
use creditbay_protocol::frame::{self, Kind, Logged, frame_bytes};
use creditbay_protocol::identifier::{Identifier, Scheme, SubjectKind};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::leaf_reader::LeafReader;
use creditbay_protocol::limits::{
    BODY_BYTES, MAX_CONSISTENCY_HASHES, MAX_LEAF_BYTES, MAX_NOTE_BYTES, MAX_NOTICE_LEAVES, MAX_WIRE_BYTES, PROTOCOL_VERSION,
};
use creditbay_protocol::notice::{Notice, Noticed};
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

/// A frame is exactly what its parts are written as, here by code that shares nothing with the product's, and is one message alone.
pub(super) fn frame(bytes: &[u8]) -> bool {
    let (exchange, erasure) = (0, 1);
    let query = frame::decode::<Query>(bytes).map(|query| framed(exchange, &wire::encode(&query.message), &query));
    let answer = frame::decode::<Answer>(bytes).map(|answer| framed(exchange, &wire::encode(&answer.message), &answer));
    let notice = frame::decode::<Notice>(bytes).map(|notice| framed(erasure, &wire::encode(&notice.message), &notice));
    let erased = frame::decode::<Erased>(bytes).map(|erased| framed(erasure, &wire::encode(&erased.message), &erased));
    let taken: Vec<Vec<u8>> = [query, answer, notice, erased].into_iter().flatten().collect();
    assert!(taken.len() <= 1, "bytes that are two messages");
    assert!(taken.iter().all(|frame| frame == bytes));
    assert!(taken.is_empty() || Kind::of(bytes).is_ok());
    !taken.is_empty()
}

fn framed<M>(kind: u8, message: &[u8], logged: &Logged<M>) -> Vec<u8> {
    let Logged { time, seed, place, .. } = logged;
    let numbers = [place.index.to_le_bytes(), place.size.to_le_bytes()].concat();
    let head = [&time.0.to_le_bytes()[..], seed.expose(), &wire::encode(&place.origin)];
    let body = [&head.concat()[..], &numbers, message].concat();
    let slots = (frame_bytes(place.size) - frame_bytes(1)) / 32;
    assert_eq!(path_len(place.index, place.size), Some(place.path.len()));
    assert!(place.path.len() <= slots);
    let mut frame =
        [&PROTOCOL_VERSION.to_le_bytes()[..], &[slots as u8, kind], &(body.len() as u32).to_le_bytes(), &body].concat();
    frame.resize(frame_bytes(1), 0);
    place.path.iter().for_each(|hash| frame.extend(hash.0));
    frame.resize(frame_bytes(place.size), 0);
    frame
}

/// A notice of an erasure, or its answer, is written as the same bytes.
pub(super) fn notice(bytes: &[u8]) -> bool {
    let notice = wire::decode::<Notice>(bytes, BODY_BYTES);
    let erased = wire::decode::<Erased>(bytes, BODY_BYTES);
    if let Ok(notice) = &notice {
        assert!((1..=MAX_NOTICE_LEAVES).contains(&notice.leaves.len()));
        assert_eq!(wire::encode(notice), bytes);
        readable(Noticed::new(notice.clone(), seed(1)).leaf(NOW).body);
    }
    if let Ok(erased) = &erased {
        assert_eq!(wire::encode(erased), bytes);
        readable(LeafBody::Event(Event::Erased(*erased)));
    }
    notice.is_ok() || erased.is_ok()
}

/// Leaves one after the other, each with its length before it (two bytes, big-endian): one that knows the terms of those before it reads
/// what one reads that knows nothing.
pub(super) fn leaf_reader(bytes: &[u8]) -> bool {
    let (mut reader, mut rest, mut taken) = (LeafReader::default(), bytes, false);
    while let Some((len, after)) = rest.split_first_chunk::<2>() {
        let (leaf, after) = after.split_at(usize::from(u16::from_be_bytes(*len)).min(after.len()));
        let alone = Leaf::parse(leaf);
        assert_eq!(
            reader.brief(leaf),
            alone.as_ref().map(Brief::of).map_err(Clone::clone),
            "what is read in brief is another leaf"
        );
        assert_eq!(reader.read(leaf), alone, "what is read depends on the leaves before it");
        taken |= alone.is_ok();
        rest = after;
    }
    taken
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
