//! Queries: what is shown of one, and what never is.

use super::leaf::declined;
use super::sample::{every_shape, query, subject};
use crate::identifier::{Identifier, Scheme, SubjectKind};
use crate::query::DeclinedSubject;

#[test]
fn the_terms_are_the_querys_own() {
    let query = query(&every_shape());
    let terms = query.terms();
    assert_eq!((terms.asker, terms.issuer, terms.organisation), (query.asker, query.issuer, query.organisation));
    assert_eq!((terms.purpose, terms.lane, terms.legal_basis), (query.purpose, query.lane, query.legal_basis));
    assert_eq!((terms.pack, terms.predicates, terms.subject_kind), (query.pack, query.predicates, SubjectKind::Entity));
}

#[test]
fn debug_shows_neither_subject_nor_operator() {
    let query = query(&every_shape());
    let shown = format!("{query:?}");
    assert!(shown.contains("bank-01"), "{shown}");
    assert!(!shown.contains(subject().expose()) && !shown.contains(query.operator.as_str()), "{shown}");
}

#[test]
fn a_declined_subject_is_an_entitys_identifier_or_nothing() {
    let household = Identifier::parse(Scheme::Uscc, "92440300MA5XDEMQ8T").unwrap();
    let known = declined(DeclinedSubject::Known(household)).subject;
    assert_eq!((known.kind(), known.canonical_bytes()), (SubjectKind::Household, household.canonical_bytes().to_vec()));
    let person = declined(DeclinedSubject::NaturalPerson).subject;
    assert_eq!((person.kind(), person.canonical_bytes()), (SubjectKind::NaturalPerson, Vec::new()));
}
