//! Refusals and faults: closed sets, each with a name, words and a class of its own.

use std::collections::BTreeSet;

use super::sample::refusals;
use crate::refusal::{Fault, Refusal, RefusalClass};
use crate::wire;

#[test]
fn every_refusal_has_its_name_its_words_and_its_place_on_the_wire() {
    let names: BTreeSet<_> = refusals().iter().map(Refusal::name).collect();
    let words: BTreeSet<_> = refusals().iter().map(ToString::to_string).collect();
    assert_eq!((names.len(), words.len()), (33, 33));
    for (code, refusal) in refusals().into_iter().enumerate() {
        let bytes = wire::encode(&refusal);
        assert_eq!(bytes[..4], u32::try_from(code).unwrap().to_le_bytes(), "{refusal}");
        assert_eq!(wire::decode::<Refusal>(&bytes, 68), Ok(refusal));
    }
    assert!(wire::decode::<Refusal>(&33u32.to_le_bytes(), 68).is_err());
}

#[test]
fn the_class_says_rules_subject_or_capacity() {
    let of = |class| refusals().iter().filter(|refusal| refusal.class() == class).map(Refusal::name).collect::<Vec<_>>();
    assert_eq!(of(RefusalClass::Subject), ["subject_kind_not_admitted", "natural_person", "subject_elsewhere", "other_subject"]);
    assert_eq!(
        of(RefusalClass::Capacity),
        ["budget_spent", "closing", "authorisation_spent", "portfolio_unknown", "not_witnessed"]
    );
    assert_eq!(of(RefusalClass::Policy).len(), 24);
}

#[test]
fn every_fault_has_its_code_and_its_name() {
    let names: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
    assert_eq!((Fault::ALL.len(), names.len()), (16, 16));
    for fault in Fault::ALL {
        assert_eq!(Fault::from_name(fault.as_str()), Some(*fault));
    }
}
