//! One forged twin for each check of an authorisation, and the edges of its time and uses.

use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, Language, NamedSubject, Notice, SignedAuthorisation, Types, Uses,
};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{AttestationType, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::Subject;
use creditbay_protocol::wire;

use super::*;
use crate::peers::entry::RegionEntry;
use crate::sample;

const GRANTED: Millis = Millis(1_790_000_000_000);
const EXPIRES: Millis = Millis(1_790_086_400_000);
/// Bytes of the largest authorisation that is read back here.
const MAX_BYTES: usize = 512;

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn uscc(code: &str) -> Identifier {
    Identifier::parse(Scheme::Uscc, code).unwrap()
}

fn directory() -> Directory {
    Directory::parse("network.toml", &sample::network()).unwrap()
}

fn directory_with(index: usize, change: impl FnOnce(&mut RegionEntry)) -> Directory {
    let mut entries = sample::entries();
    change(&mut entries[index]);
    Directory::parse("network.toml", &Directory::to_toml(1, &entries)).unwrap()
}

/// A company of Guangzhou lets a bank of Hong Kong learn two grades, twice.
fn authorisation() -> Authorisation {
    Authorisation {
        nonce: [7; 16],
        channel: Name::new("portal.gz").unwrap(),
        subject: NamedSubject(uscc("91440101MA9XTEAT0A")),
        issuer: region("gz"),
        asker: region("hk"),
        organisation: Name::new("bank.hk").unwrap(),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade, AttestationType::PubGrade]).unwrap(),
        notice: Notice { version: 1, language: Language::ZhHans, digest: Digest([3; 32]) },
        agreed: Agreed { provide: true, sensitive: false, export: true },
        granted: GRANTED,
        expires: EXPIRES,
        uses: Uses::new(2).unwrap(),
    }
}

fn band(of: AttestationType) -> Predicate {
    Predicate::BandAtLeast { of, band: 3, map: 1 }
}

/// The query that uses it, for the `number`th time.
fn query_with(signed: SignedAuthorisation, number: u16) -> Query {
    Query {
        asker: region("hk"),
        issuer: region("gz"),
        organisation: Name::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: Purpose::Fin,
        subject: Subject::Entity(uscc("91440101MA9XTEAT0A")),
        predicates: Predicates::new(vec![band(AttestationType::TaxGrade), band(AttestationType::PubGrade)]).unwrap(),
        lane: Lane::Authorised,
        legal_basis: LegalBasis::CnEntAuth,
        pack: Digest([9; 32]),
        expires: Millis(GRANTED.0 + 30_000),
        digest: None,
        authorisation: Some(Presented { signed, number: Uses::new(number).unwrap() }),
        portfolio: None,
    }
}

fn signed(change: impl FnOnce(&mut Authorisation)) -> SignedAuthorisation {
    let mut authorisation = authorisation();
    change(&mut authorisation);
    authorisation.sign(&sample::key("gz", "channel"))
}

fn query() -> Query {
    query_with(signed(|_| {}), 1)
}

/// The refusal of an authorisation that the channel signed with a change.
fn refused(change: impl FnOnce(&mut Authorisation)) -> Refusal {
    authorise(&directory(), &query_with(signed(change), 1), GRANTED).unwrap_err()
}

#[test]
fn what_the_entity_permitted_is_permitted() {
    assert_eq!(authorise(&directory(), &query(), GRANTED), Ok(()));
    assert_eq!(authorise(&directory(), &query_with(signed(|_| {}), 2), GRANTED), Ok(()));
    let one = Predicates::new(vec![band(AttestationType::PubGrade)]).unwrap();
    assert_eq!(authorise(&directory(), &Query { predicates: one, ..query() }, GRANTED), Ok(()));
}

#[test]
fn lane_a_has_an_authorisation_and_the_others_have_none() {
    let without = |lane| authorise(&directory(), &Query { lane, authorisation: None, ..query() }, GRANTED);
    assert_eq!(without(Lane::Authorised), Err(Refusal::AuthorisationMissing));
    for lane in [Lane::Public, Lane::Carried, Lane::Regulators] {
        assert_eq!(without(lane), Ok(()), "{lane}");
        assert_eq!(authorise(&directory(), &Query { lane, ..query() }, GRANTED), Err(Refusal::AuthorisationMissing), "{lane}");
    }
}

#[test]
fn a_channel_that_the_issuers_region_does_not_list_is_unknown() {
    assert_eq!(refused(|authorisation| authorisation.channel = Name::new("portal.fs").unwrap()), Refusal::ChannelUnknown);
    let of_another = authorisation();
    let of_another = Authorisation { channel: Name::new("portal.sz").unwrap(), ..of_another }.sign(&sample::key("sz", "channel"));
    assert_eq!(authorise(&directory(), &query_with(of_another, 1), GRANTED), Err(Refusal::ChannelUnknown));
    let without = directory_with(0, |gz| gz.channels.clear());
    assert_eq!(authorise(&without, &query(), GRANTED), Err(Refusal::ChannelUnknown));
    assert_eq!(authorise(&directory(), &Query { issuer: region("sz"), ..query() }, GRANTED), Err(Refusal::ChannelUnknown));
}

#[test]
fn what_another_key_signed_is_forged() {
    for (owner, role) in [("sz", "channel"), ("gz", "log"), ("gz", "governance")] {
        let forged = authorisation().sign(&sample::key(owner, role));
        let refusal = authorise(&directory(), &query_with(forged, 1), GRANTED);
        assert_eq!(refusal, Err(Refusal::AuthorisationForged), "{owner} {role}");
    }
}

#[test]
fn no_byte_can_be_changed_after_it_was_signed() {
    let genuine = wire::encode(&signed(|_| {}));
    let mut forged_bytes = 0;
    for position in 0..genuine.len() {
        for bit in 0..8 {
            let mut bytes = genuine.clone();
            bytes[position] ^= 1 << bit;
            let Ok(forged) = wire::decode::<SignedAuthorisation>(&bytes, MAX_BYTES) else { continue };
            let renamed = forged.authorisation.channel != authorisation().channel;
            let expected = if renamed { Refusal::ChannelUnknown } else { Refusal::AuthorisationForged };
            assert_eq!(authorise(&directory(), &query_with(forged, 1), GRANTED), Err(expected), "byte {position}, bit {bit}");
            forged_bytes += 1;
        }
    }
    assert!(forged_bytes > 1000, "{forged_bytes}");
    for length in 0..genuine.len() {
        assert!(wire::decode::<SignedAuthorisation>(&genuine[..length], MAX_BYTES).is_err(), "{length}");
    }
}

#[test]
fn another_subject_is_refused() {
    assert_eq!(refused(|authorisation| authorisation.subject = NamedSubject(uscc("91440300MA5GBAC20D"))), Refusal::OtherSubject);
    let about_another = Query { subject: Subject::Entity(uscc("91440300MA5GBAC20D")), ..query() };
    assert_eq!(authorise(&directory(), &about_another, GRANTED), Err(Refusal::OtherSubject));
    assert_eq!(authorise(&directory(), &Query { subject: Subject::Bearer, ..query() }, GRANTED), Err(Refusal::OtherSubject));
}

#[test]
fn another_receiver_is_refused() {
    assert_eq!(refused(|authorisation| authorisation.organisation = Name::new("bank.mo").unwrap()), Refusal::OtherReceiver);
    assert_eq!(refused(|authorisation| authorisation.asker = region("mo")), Refusal::OtherReceiver);
    assert_eq!(refused(|authorisation| authorisation.issuer = region("sz")), Refusal::OtherReceiver);
    let other = Query { organisation: Name::new("bank.h").unwrap(), ..query() };
    assert_eq!(authorise(&directory(), &other, GRANTED), Err(Refusal::OtherReceiver));
    assert_eq!(authorise(&directory(), &Query { asker: region("mo"), ..query() }, GRANTED), Err(Refusal::OtherReceiver));
}

#[test]
fn another_purpose_is_refused() {
    assert_eq!(refused(|authorisation| authorisation.purpose = Purpose::List), Refusal::OtherPurpose);
    assert_eq!(authorise(&directory(), &Query { purpose: Purpose::Proc, ..query() }, GRANTED), Err(Refusal::OtherPurpose));
}

#[test]
fn every_type_must_be_named() {
    let only = |of| Types::of(&[of]).unwrap();
    assert_eq!(refused(|authorisation| authorisation.types = only(AttestationType::TaxGrade)), Refusal::OtherType);
    assert_eq!(refused(|authorisation| authorisation.types = only(AttestationType::PubGrade)), Refusal::OtherType);
    let public_too =
        vec![band(AttestationType::TaxGrade), Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }];
    let query = Query { predicates: Predicates::new(public_too).unwrap(), ..query() };
    assert_eq!(authorise(&directory(), &query, GRANTED), Err(Refusal::OtherType));
}

#[test]
fn what_was_not_agreed_is_refused() {
    assert_eq!(refused(|authorisation| authorisation.agreed.provide = false), Refusal::NotAgreed);
    assert_eq!(refused(|authorisation| authorisation.agreed.export = false), Refusal::NotAgreed);
    let within = signed(|authorisation| (authorisation.asker, authorisation.agreed.export) = (region("sz"), false));
    let asked_by = |asker| Query { asker, ..query_with(within.clone(), 1) };
    assert_eq!(authorise(&directory(), &asked_by(region("sz")), GRANTED), Ok(()), "both under the mainland's law");
    let stranger = signed(|authorisation| (authorisation.asker, authorisation.agreed.export) = (region("fs"), false));
    let refusal = authorise(&directory(), &Query { asker: region("fs"), ..query_with(stranger, 1) }, GRANTED);
    assert_eq!(refusal, Err(Refusal::NotAgreed), "the law of a region that is not in the directory is not known");
}

#[test]
fn it_begins_with_its_first_millisecond_and_ends_before_its_last() {
    let at = |at| authorise(&directory(), &query(), Millis(at));
    assert_eq!(at(GRANTED.0 - 1), Err(Refusal::AuthorisationExpired));
    assert_eq!((at(GRANTED.0), at(EXPIRES.0 - 1)), (Ok(()), Ok(())));
    assert_eq!((at(EXPIRES.0), at(u64::MAX), at(0)), {
        let expired = Err(Refusal::AuthorisationExpired);
        (expired, expired, expired)
    });
    assert_eq!(refused(|authorisation| authorisation.expires = GRANTED), Refusal::AuthorisationExpired);
}

#[test]
fn one_use_too_many_is_refused() {
    let at = |number| authorise(&directory(), &query_with(signed(|_| {}), number), GRANTED);
    assert_eq!((at(2), at(3), at(63)), (Ok(()), Err(Refusal::AuthorisationSpent), Err(Refusal::AuthorisationSpent)));
}

#[test]
fn the_first_check_that_fails_names_the_refusal() {
    let all_wrong = Authorisation {
        organisation: Name::new("bank.mo").unwrap(),
        purpose: Purpose::List,
        types: Types::of(&[AttestationType::Commit]).unwrap(),
        agreed: Agreed { provide: false, sensitive: false, export: false },
        expires: GRANTED,
        ..authorisation()
    };
    type Fix = fn(&mut Authorisation);
    let steps: [(&str, Fix, Refusal); 5] = [
        ("receiver", |fixed| fixed.organisation = authorisation().organisation, Refusal::OtherReceiver),
        ("purpose", |fixed| fixed.purpose = Purpose::Fin, Refusal::OtherPurpose),
        ("types", |fixed| fixed.types = authorisation().types, Refusal::OtherType),
        ("agreed", |fixed| fixed.agreed = authorisation().agreed, Refusal::NotAgreed),
        ("time", |fixed| fixed.expires = EXPIRES, Refusal::AuthorisationExpired),
    ];
    let mut fixed = all_wrong;
    for (step, fix, refusal) in steps {
        let signed = fixed.clone().sign(&sample::key("gz", "channel"));
        assert_eq!(authorise(&directory(), &query_with(signed, 3), GRANTED), Err(refusal), "{step}");
        fix(&mut fixed);
    }
    let signed = fixed.sign(&sample::key("gz", "channel"));
    assert_eq!(authorise(&directory(), &query_with(signed, 3), GRANTED), Err(Refusal::AuthorisationSpent));
}
