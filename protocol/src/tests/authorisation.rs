//! Authorisations and withdrawals: what a channel signed verifies, and nothing else does.

use creditbay_crypto::sign::SigningKey;

use super::sample::{NOW, authorisation, channel_key, largest_query, name, query, seed, subject};
use crate::authorisation::{SignedAuthorisation, SignedWithdrawal, Types, Uses, Withdrawal};
use crate::calendar::Millis;
use crate::limits::MAX_USES;
use crate::predicate::AttestationType;
use crate::query::{Presented, Query, Subject};
use crate::wire;

#[test]
fn what_the_channel_signed_verifies_under_its_key_alone() {
    let signed = authorisation();
    assert!(signed.verify(&channel_key().public()).is_ok());
    assert!(signed.verify(&SigningKey::from_seed(seed(1)).public()).is_err());
}

#[test]
fn no_byte_of_an_authorisation_can_be_changed() {
    let bytes = wire::encode(&authorisation());
    for position in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[position] ^= 1;
        let read = wire::decode::<SignedAuthorisation>(&forged, 512);
        assert!(read.is_err() || read.unwrap().verify(&channel_key().public()).is_err(), "byte {position}");
    }
}

#[test]
fn a_withdrawal_is_no_authorisation_and_the_other_way_round() {
    let signed = authorisation();
    let withdrawal = Withdrawal { authorisation: signed.authorisation.digest(), channel: name("portal.hk"), at: NOW };
    let withdrawn = withdrawal.clone().sign(&channel_key());
    assert!(withdrawn.verify(&channel_key().public()).is_ok());
    let borrowed = SignedWithdrawal { withdrawal, signature: signed.signature };
    assert!(borrowed.verify(&channel_key().public()).is_err());
    let later =
        SignedWithdrawal { withdrawal: Withdrawal { at: Millis(NOW.0 + 1), ..withdrawn.withdrawal.clone() }, ..withdrawn };
    assert!(later.verify(&channel_key().public()).is_err());
}

#[test]
fn the_digest_is_that_of_the_bytes_and_another_nonce_gives_another() {
    let one = authorisation().authorisation;
    let mut other = one.clone();
    other.nonce[15] ^= 1;
    assert_ne!(one.digest(), other.digest());
    assert_eq!(one.digest(), authorisation().authorisation.digest());
}

#[test]
fn sets_of_types_and_numbers_of_uses_are_bounded() {
    assert!(Types::of(&[]).is_none());
    assert!(wire::decode::<Types>(&0u32.to_le_bytes(), 4).is_err());
    assert!(wire::decode::<Types>(&(1u32 << 27).to_le_bytes(), 4).is_err(), "there is no 27th type");
    let set = Types::of(&[AttestationType::ReportVerify]).unwrap();
    assert_eq!((set.members(), set.contains(AttestationType::RegStatus)), (vec![AttestationType::ReportVerify], false));
    assert_eq!([Uses::new(0), Uses::new(MAX_USES + 1)], [None, None]);
    assert!(wire::decode::<Uses>(&0u16.to_le_bytes(), 2).is_err());
}

#[test]
fn neither_the_artefact_nor_the_query_shows_the_subject() {
    let shown = format!("{:?} {:?}", authorisation(), largest_query());
    assert!(!shown.contains(subject().expose()), "{shown}");
}

#[test]
fn the_terms_name_the_use_and_a_bearer_is_a_person_without_a_number() {
    let signed = authorisation();
    let digest = signed.authorisation.digest();
    let number = Uses::new(2).unwrap();
    let terms = Query { authorisation: Some(Presented { signed, number }), ..query(&[super::sample::every_shape()[0]]) }.terms();
    let used = terms.authorisation.unwrap();
    assert_eq!((used.authorisation, used.number, used.of.get()), (digest, number, 3));
    let carried = Query { subject: Subject::Bearer, digest: Some(digest), ..largest_query() };
    assert_eq!((carried.subject_bytes(), carried.subject.entity().is_none()), (digest.0.to_vec(), true));
}
