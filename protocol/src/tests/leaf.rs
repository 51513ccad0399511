//! What a leaf shows and what it hides: kinds, commitments that open one at a time, bounds.

use creditbay_crypto::commit::{Opening, commit};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::merkle::leaf_hash;

use super::sample::{NOW, every_event, every_shape, largest_query, name, query, seed, subject, verdicts};
use crate::answer::{Answer, Reply};
use crate::brief::Brief;
use crate::identifier::SubjectKind;
use crate::leaf::{Commitments, Leaf, LeafBody, LeafError};
use crate::leaf_reader::LeafReader;
use crate::limits::{MAX_LEAF_BYTES, PROTOCOL_VERSION};
use crate::predicate::Predicates;
use crate::query::{Declined, DeclinedSubject, Query};
use crate::refusal::OutcomeClass;
use crate::refusal::{Refusal, RefusalClass};
use crate::wire::{self, WireError};

fn answer(reply: Reply) -> Answer {
    Answer { query: Digest([0x22; 32]), reply }
}

pub(super) fn declined(subject: DeclinedSubject) -> Declined {
    let Query { asker, issuer, organisation, operator, purpose, pack, .. } = query(&every_shape());
    Declined {
        asker,
        issuer: Some(issuer),
        organisation,
        operator,
        purpose,
        subject,
        predicates: Predicates::new(vec![every_shape()[5]; 8]).unwrap(),
        pack,
        refusal: Refusal::NaturalPerson,
    }
}

/// A leaf of each kind, each as large as its kind gets.
fn every_kind() -> Vec<Leaf> {
    let query = largest_query();
    let known = DeclinedSubject::Known(subject());
    let bodies = [
        LeafBody::of_query(&query, &seed(1)),
        LeafBody::of_answer(&query, &answer(verdicts(8, 24)), &seed(2)),
        LeafBody::of_answer(&query, &answer(Reply::Refused(Refusal::Closing)), &seed(3)),
        LeafBody::of_declined(&declined(known), &seed(4)),
        LeafBody::of_declined(&declined(DeclinedSubject::NaturalPerson), &seed(4)),
        LeafBody::Abandoned { query: u64::MAX, issuer: name("hk") },
    ];
    bodies.into_iter().chain(every_event().into_iter().map(LeafBody::Event)).map(|body| Leaf::new(NOW, body)).collect()
}

#[test]
fn every_kind_comes_back_and_the_largest_fits() {
    let leaves = every_kind();
    let kinds: Vec<_> = leaves.iter().map(|leaf| leaf.body.kind()).collect();
    let (messages, events) = kinds.split_at(6);
    assert_eq!(messages, ["query", "answer", "refusal", "declined", "declined", "abandoned"]);
    let said = ["pack-activated", "pack-activated", "suspended", "resumed", "authorisation-withdrawn"];
    assert_eq!(events[..5], said);
    assert_eq!(events[5..9], ["portfolio-declared", "turned-away", "withheld", "trust-decided"]);
    assert_eq!(
        events[9..],
        [
            "log-retired",
            "log-begun",
            "erased",
            "erased",
            "erased",
            "openings-shown",
            "erasure-notified",
            "log-begun-after-loss",
            "earlier-openings-shown"
        ]
    );
    for leaf in &leaves {
        let bytes = leaf.bytes();
        assert_eq!(Leaf::parse(&bytes).as_ref(), Ok(leaf));
        assert_eq!((leaf.hash(), leaf.time), (leaf_hash(&bytes), NOW));
        for cut in 0..bytes.len() {
            assert!(matches!(Leaf::parse(&bytes[..cut]), Err(LeafError::Wire(WireError::Malformed { .. }))), "cut at {cut}");
        }
        let long = [bytes, vec![0]].concat();
        assert!(matches!(Leaf::parse(&long), Err(LeafError::Wire(WireError::LeftOver { left: 1, .. }))));
    }
    let largest = leaves.iter().map(|leaf| leaf.bytes().len()).max();
    assert_eq!(largest, Some(426), "the figure in limits.rs");
    assert_eq!(
        Leaf::parse(&vec![0; MAX_LEAF_BYTES + 1]),
        Err(LeafError::Wire(WireError::TooLong { len: MAX_LEAF_BYTES + 1, max: MAX_LEAF_BYTES }))
    );
}

/// A reader that knows the terms says of any bytes what one does that knows none.
#[test]
fn known_terms_change_nothing_of_what_is_read() {
    let plain = query(&every_shape());
    let bodies = [
        LeafBody::of_query(&plain, &seed(1)),
        LeafBody::of_answer(&plain, &answer(verdicts(2, 3)), &seed(2)),
        LeafBody::of_answer(&plain, &answer(Reply::Refused(Refusal::Closing)), &seed(3)),
    ];
    let leaves = bodies.map(|body| Leaf::new(NOW, body)).into_iter().chain(every_kind());
    let both = |reader: &mut LeafReader, bytes: &[u8]| (reader.brief(bytes), reader.read(bytes));
    let alone = |bytes: &[u8]| (Leaf::parse(bytes).map(|leaf| Brief::of(&leaf)), Leaf::parse(bytes));
    let mut reader = LeafReader::default();
    for leaf in leaves {
        let bytes = leaf.bytes();
        for _ in 0..2 {
            assert_eq!((reader.read(&bytes), reader.brief(&bytes)), (Ok(leaf.clone()), Ok(Brief::of(&leaf))));
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut forged = bytes.clone();
                forged[at] ^= 1 << bit;
                assert_eq!(both(&mut reader, &forged), alone(&forged), "byte {at}, bit {bit} of a {}", leaf.body.kind());
            }
            assert_eq!(both(&mut reader, &bytes[..at]), alone(&bytes[..at]), "cut at {at}");
        }
        for more in 1..300 {
            let longer = [bytes.clone(), vec![0; more]].concat();
            assert_eq!(both(&mut reader, &longer), alone(&longer), "{more} more");
        }
    }
}

#[test]
fn another_version_is_refused_by_its_number() {
    let mut bytes = every_kind()[0].bytes();
    assert_eq!(u16::from_le_bytes([bytes[0], bytes[1]]), PROTOCOL_VERSION);
    bytes[0] = 2;
    assert_eq!(Leaf::parse(&bytes), Err(LeafError::Version(2)));
    assert!(LeafError::Version(2).to_string().contains("use a newer one"));
}

#[test]
fn each_commitment_opens_alone_and_to_its_own_bytes() {
    let (query, answer) = (query(&every_shape()), answer(verdicts(7, 2)));
    let opens = |found: Commitments, seed_byte: u8, message: &[u8]| {
        let seed = seed(seed_byte);
        let fields = [
            (found.message, Label::COMMIT_MESSAGE, message.to_vec()),
            (found.subject, Label::COMMIT_SUBJECT, subject().canonical_bytes().to_vec()),
            (found.operator, Label::COMMIT_OPERATOR, wire::encode(&query.operator)),
        ];
        for (commitment, label, bytes) in &fields {
            assert!(Opening::of(&seed, *label, bytes).opens(commitment), "{label:?}");
            for (other, ..) in fields.iter().filter(|(other, ..)| other != commitment) {
                assert!(!Opening::of(&seed, *label, bytes).opens(other), "{label:?}");
            }
        }
    };
    let LeafBody::Query { terms, commitments } = LeafBody::of_query(&query, &seed(1)) else { panic!("a query's leaf") };
    opens(commitments, 1, &wire::encode(&query));
    assert_eq!(terms, query.terms());
    let body = LeafBody::of_answer(&query, &answer, &seed(2));
    let LeafBody::Answer { terms: again, outcome, query: asked, commitments } = body else { panic!("an answer's leaf") };
    opens(commitments, 2, &wire::encode(&answer));
    assert_eq!((again, outcome, asked), (terms, OutcomeClass::Answered, answer.query));
}

#[test]
fn the_same_message_under_another_seed_shows_other_commitments() {
    let query = query(&every_shape());
    let of = |byte| match LeafBody::of_query(&query, &seed(byte)) {
        LeafBody::Query { commitments, .. } => [commitments.message, commitments.subject, commitments.operator],
        other => panic!("{other:?}"),
    };
    let all: std::collections::BTreeSet<_> = of(1).into_iter().chain(of(2)).collect();
    assert_eq!(all.len(), 6);
}

#[test]
fn no_leaf_shows_the_subject_or_the_operator() {
    let query = largest_query();
    for leaf in every_kind() {
        let bytes = leaf.bytes();
        for secret in [subject().expose(), query.operator.as_str()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", leaf.body.kind());
        }
    }
}

#[test]
fn a_declined_question_about_a_person_commits_to_nothing_about_them() {
    let known = subject();
    let body = LeafBody::of_declined(&declined(DeclinedSubject::NaturalPerson), &seed(4));
    let LeafBody::Declined { subject_kind, class, subject, .. } = body else { panic!("a declined leaf") };
    assert_eq!((subject_kind, class), (SubjectKind::NaturalPerson, RefusalClass::Subject));
    assert_eq!(subject, commit(&seed(4), Label::COMMIT_SUBJECT, &[]));
    let body = LeafBody::of_declined(&declined(DeclinedSubject::Known(known)), &seed(4));
    let LeafBody::Declined { subject_kind, subject, .. } = body else { panic!("a declined leaf") };
    assert_eq!(subject_kind, SubjectKind::Entity);
    assert_eq!(subject, commit(&seed(4), Label::COMMIT_SUBJECT, &known.canonical_bytes()));
}
