//! Openings: what opens its leaf and what does not, each refusal by its cause.

use creditbay_crypto::hash::{Digest, base64_encode};

use super::sample::{Exchange as Whole, NOW, every_shape, name, origin, query, seed, verdicts};
use crate::erasure::{ErasedEntry, ErasedPart, ErasureGround, ErasureList, ErasureScope};
use crate::event::Event;
use crate::leaf::{Leaf, LeafBody};
use crate::opening::{FieldOpening, Held, LeafOpening, OpeningFault, Revealed};
use crate::shown::{Field, Shown};
use crate::wire;

const INDEX: u64 = 5;

fn leaf() -> Leaf {
    Leaf::new(NOW, LeafBody::of_query(&query(&every_shape()), &seed(4)))
}

fn field(field: Field) -> FieldOpening {
    let query = query(&every_shape());
    let bytes = match field {
        Field::Message => wire::encode(&query),
        Field::Subject => query.subject_bytes(),
        Field::Operator => wire::encode(&query.operator),
    };
    FieldOpening::of(field, &seed(4), &bytes)
}

fn line(fields: Vec<FieldOpening>) -> LeafOpening {
    LeafOpening::new(origin("gz"), INDEX, 9, Held::Fields(fields))
}

#[test]
fn each_field_opens_alone_and_all_together() {
    let asked = query(&every_shape());
    let all = line(Field::ALL.iter().map(|of| field(*of)).collect());
    let revealed = all.check(&leaf()).unwrap();
    let expected = [
        Revealed::Query(Box::new(asked.clone())),
        Revealed::Subject(*asked.subject.entity().unwrap()),
        Revealed::Operator(asked.operator),
    ];
    assert!(revealed == expected);
    for of in Field::ALL {
        assert!(line(vec![field(*of)]).check(&leaf()).is_ok());
    }
    assert!(!format!("{all:?}").contains(&field(Field::Subject).bytes), "debug output keeps the content to itself");
}

#[test]
fn an_answers_message_opens_and_says_what_its_leaf_says() {
    let whole = Whole::new(verdicts(2, 1));
    let leaf = whole.judged.leaf(NOW);
    let opened = FieldOpening::of(Field::Message, &seed(0x44), &wire::encode(whole.judged.answer()));
    assert!(line(vec![opened]).check(&leaf).unwrap() == [Revealed::Answer(Box::new(whole.judged.answer().clone()))]);
}

#[test]
fn every_forgery_is_refused_by_its_cause() {
    let good = || field(Field::Subject);
    let refused = |fields: Vec<FieldOpening>| line(fields).check(&leaf()).err().unwrap();
    let forged = OpeningFault::Forged(Field::Subject, INDEX);
    assert_eq!(refused(vec![FieldOpening { salt: Digest([0; 32]), ..good() }]), forged);
    assert_eq!(refused(vec![FieldOpening { bytes: base64_encode(b"somebody else"), ..good() }]), forged);
    assert_eq!(refused(vec![FieldOpening { field: Field::Operator, ..good() }]), OpeningFault::Forged(Field::Operator, INDEX));
    assert_eq!(refused(vec![FieldOpening { bytes: "*".to_owned(), ..good() }]), OpeningFault::Base64(Field::Subject, INDEX));
    assert_eq!(refused(vec![good(), good()]), OpeningFault::Twice(Field::Subject, INDEX));
    let other = Leaf::new(NOW, LeafBody::of_query(&query(&every_shape()), &seed(5)));
    assert_eq!(line(vec![good()]).check(&other).err(), Some(forged), "the opening of another leaf");
    let event = Leaf::new(NOW, LeafBody::Abandoned { query: 1, issuer: name("hk") });
    assert_eq!(line(vec![good()]).check(&event).err(), Some(OpeningFault::NoCommitment(Field::Subject, INDEX)));
    let mut old = line(vec![good()]);
    old.format = "creditbay-opening/0".to_owned();
    assert_eq!(old.check(&leaf()).err(), Some(OpeningFault::Format));
}

#[test]
fn a_log_that_commits_to_another_message_than_it_shows_is_caught() {
    let (asked, mut other) = (query(&every_shape()), query(&every_shape()));
    other.organisation = name("another");
    let LeafBody::Query { terms, commitments } = LeafBody::of_query(&asked, &seed(4)) else { unreachable!() };
    let LeafBody::Query { commitments: of_other, .. } = LeafBody::of_query(&other, &seed(4)) else { unreachable!() };
    assert_ne!(commitments, of_other);
    let lying = Leaf::new(NOW, LeafBody::Query { terms, commitments: of_other });
    let opened = FieldOpening::of(Field::Message, &seed(4), &wire::encode(&other));
    assert_eq!(line(vec![opened]).check(&lying).err(), Some(OpeningFault::OtherTerms(INDEX)));
    let LeafBody::Query { terms, mut commitments } = LeafBody::of_query(&asked, &seed(4)) else { unreachable!() };
    commitments.message = creditbay_crypto::commit::commit(&seed(4), Field::Message.label(), b"nonsense");
    let unreadable = Leaf::new(NOW, LeafBody::Query { terms, commitments });
    let opened = FieldOpening::of(Field::Message, &seed(4), b"nonsense");
    assert_eq!(line(vec![opened]).check(&unreadable).err(), Some(OpeningFault::Unreadable(Field::Message, INDEX)));
}

#[test]
fn the_ground_on_which_openings_were_shown_opens_too() {
    let shown = Shown::of(&[3, 5], &[Field::Subject], "complaint 2026/7", &seed(6)).unwrap();
    assert!(shown.names(&[3, 5]) && !shown.names(&[3, 6]) && !shown.names(&[3]));
    assert_eq!(shown.fields.members(), [Field::Subject]);
    let leaf = Leaf::new(NOW, LeafBody::Event(Event::OpeningsShown(shown)));
    let opened = FieldOpening::of(Field::Message, &seed(6), b"complaint 2026/7");
    assert!(line(vec![opened]).check(&leaf).unwrap() == [Revealed::Ground("complaint 2026/7".to_owned())]);
    let forged = FieldOpening::of(Field::Message, &seed(6), b"complaint 2026/8");
    assert_eq!(line(vec![forged]).check(&leaf).err(), Some(OpeningFault::Forged(Field::Message, INDEX)));
    assert_eq!(Shown::of(&[], &[Field::Subject], "x", &seed(6)), None);
}

#[test]
fn an_erased_leaf_is_proved_by_the_leaf_of_its_erasure_alone() {
    let entry = |index, part| ErasedEntry { log: 1, index, part };
    let entries = vec![entry(2, ErasedPart::Exchange), entry(INDEX, ErasedPart::Exchange), entry(8, ErasedPart::Receipt)];
    let list = ErasureList { seed: seed(7), entries };
    let event = |list: &ErasureList| Event::Erased(list.erased(ErasureGround::Order, ErasureScope::Subject, false));
    let erasure = Leaf::new(NOW, LeafBody::Event(event(&list)));
    let said = |index, proved| {
        let proof = list.prove(1, proved).unwrap();
        LeafOpening::new(origin("gz"), index, 9, Held::Erased { log: None, leaf: 7, proof })
    };
    assert_eq!(said(INDEX, INDEX).check_erased(&erasure), Ok(()));
    assert!(said(INDEX, INDEX).check(&leaf()).unwrap().is_empty());
    assert_eq!(said(INDEX, 2).check_erased(&erasure), Err(OpeningFault::OtherEntry(INDEX)));
    assert_eq!(said(8, 8).check_erased(&erasure), Err(OpeningFault::OtherEntry(8)), "a receipt alone does not close a leaf");
    assert_eq!(said(INDEX, INDEX).check_erased(&leaf()), Err(OpeningFault::NoErasure(7)));
    let other = ErasureList { seed: seed(8), entries: list.entries.clone() };
    let refused = said(INDEX, INDEX).check_erased(&Leaf::new(NOW, LeafBody::Event(event(&other)))).unwrap_err();
    assert!(matches!(refused, OpeningFault::NotErased { erasure: 7, index: INDEX, .. }), "{refused}");
}

#[test]
fn a_leaf_of_a_log_that_ended_is_proved_by_an_erasure_in_a_later_log_of_the_same_region_alone() {
    let entries = [1, 2].map(|log| ErasedEntry { log, index: INDEX, part: ErasedPart::Exchange });
    let list = ErasureList { seed: seed(7), entries: entries.to_vec() };
    let erased = list.erased(ErasureGround::Order, ErasureScope::Subject, false);
    let erasure = Leaf::new(NOW, LeafBody::Event(Event::Erased(erased)));
    let said = |of: &str, stands: Option<&str>, proved| {
        let (of, log) = (of.parse().unwrap(), stands.map(|log| log.parse().unwrap()));
        LeafOpening::new(of, INDEX, 9, Held::Erased { log, leaf: 7, proof: list.prove(proved, INDEX).unwrap() })
    };
    let [first, second, third] = ["gz.creditbay/log/1", "gz.creditbay/log/2", "gz.creditbay/log/3"];
    assert_eq!(said(first, Some(third), 1).check_erased(&erasure), Ok(()));
    assert_eq!(said(second, Some(third), 2).check_erased(&erasure), Ok(()));
    assert_eq!(said(first, Some(third), 1).erasure(), Some((third.parse().unwrap(), 7)));
    assert_eq!(said(first, None, 1).erasure(), Some((first.parse().unwrap(), 7)));
    assert_eq!(said(second, Some(third), 1).check_erased(&erasure), Err(OpeningFault::OtherEntry(INDEX)), "of the log before it");
    for (of, log) in [(second, first), (second, second), (second, "hk.creditbay/log/3")] {
        let refused = said(of, Some(log), 2).check_erased(&erasure).unwrap_err();
        assert!(matches!(refused, OpeningFault::OtherLog { index: INDEX, .. }), "{refused}");
    }
}
