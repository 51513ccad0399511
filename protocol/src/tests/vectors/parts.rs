//! The parts that messages are made of: names, times, identifiers, predicates; and the notice of an erasure.

use creditbay_crypto::hash::Digest;

use super::{Field, check, fields, value, within};
use crate::calendar::{Day, Millis};
use crate::erasure::ErasureGround;
use crate::identifier::{Identifier, Scheme};
use crate::name::{OperatorId, OrganisationId, Origin, Region};
use crate::notice::{NamedLeaf, Notice};
use crate::predicate::{Predicate, Predicates};
use crate::tests::sample::{NOW, every_shape, name, origin};

#[test]
fn names() {
    check(
        "name.hex",
        "Names: a-z 0-9 . _ -, zero-padded to one width (PROTOCOL 4)",
        &[
            value::<Region>("region hk", &name("hk"), fields([("region", 8)])),
            value::<Region>("region of full width", &name("abcd.e-8"), fields([("region", 8)])),
            value::<OrganisationId>("organisation bank-01", &name("bank-01"), fields([("organisation", 24)])),
            value::<OperatorId>("operator staff.0007", &name("staff.0007"), fields([("operator", 24)])),
        ],
    );
}

#[test]
fn origins() {
    let last: Origin = "gz.creditbay/log/4294967295".parse().unwrap();
    check(
        "origin.hex",
        "The origin of a log: its owner and the how-manieth it is (PROTOCOL 4)",
        &[
            value("gz.creditbay/log/1", &origin("gz"), fields([("owner", 32), ("number", 4)])),
            value("gz.creditbay/log/4294967295", &last, fields([("owner", 32), ("number", 4)])),
        ],
    );
}

#[test]
fn times() {
    let day = |text: &str| value(text, &text.parse::<Day>().unwrap(), fields([("days since 1970-01-01", 4)]));
    check(
        "time.hex",
        "Milliseconds since 1970 in UTC, and days in UTC+8 (PROTOCOL 5)",
        &[
            value(&NOW.to_string(), &NOW, fields([("milliseconds", 8)])),
            value("the last millisecond", &Millis(u64::MAX), fields([("milliseconds", 8)])),
            day("1900-01-01"),
            day("1969-12-31"),
            day("2026-11-23"),
            day("9999-12-31"),
        ],
    );
}

#[test]
fn identifiers() {
    let of = |scheme: Scheme, text: &str| {
        let identifier = Identifier::parse(scheme, text).unwrap();
        value(&format!("{scheme} {text}"), &identifier, fields([("scheme", 1), ("value", 20)]))
    };
    check(
        "identifier.hex",
        "Identifiers of entities: scheme and value, zero-padded (PROTOCOL 4)",
        &[
            of(Scheme::Uscc, "91440101MA9XTEAT0A"),
            of(Scheme::HkBrn, "12345678"),
            of(Scheme::HkBrn, "F0001234"),
            of(Scheme::MoEntity, "89900001"),
            of(Scheme::Lei, "984500HKSYNTH0000055"),
        ],
    );
}

/// The fields of one predicate.
pub(super) fn predicate_fields(predicate: &Predicate) -> Vec<Field> {
    let of = [("shape", 4), ("type", 1)];
    match predicate {
        Predicate::ExistsValid { .. } => fields(of),
        Predicate::HashMatches { .. } => fields([of[0], of[1], ("domains", 8), ("window in months", 2)]),
        Predicate::GradeAtLeast { .. } => fields([of[0], of[1], ("grade", 1)]),
        Predicate::BandAtLeast { .. } => fields([of[0], of[1], ("band", 1), ("band map", 2)]),
        Predicate::NotListed { .. } => fields([of[0], of[1], ("window in months", 2)]),
        Predicate::CountLe { .. } => fields([of[0], of[1], ("severity", 1), ("window in months", 2), ("n", 1)]),
        Predicate::StatusIn { .. } => fields([of[0], of[1], ("statuses", 1)]),
    }
}

/// The fields of a list of predicates.
pub(super) fn predicates_fields(predicates: &[Predicate]) -> Vec<Field> {
    let mut all = fields([("predicates", 8)]);
    for (number, predicate) in predicates.iter().enumerate() {
        all.extend(within(&format!("predicate {}", number + 1), predicate_fields(predicate)));
    }
    all
}

#[test]
fn predicates() {
    let mut cases: Vec<_> = every_shape().iter().map(|shape| value(&shape.to_string(), shape, predicate_fields(shape))).collect();
    let all = Predicates::new(every_shape().to_vec()).unwrap();
    cases.push(value("a list of all shapes", &all, predicates_fields(all.as_slice())));
    check("predicate.hex", "Predicates, one of each shape, and a list of them (PROTOCOL 6)", &cases);
}

#[test]
fn notices() {
    let leaves = vec![NamedLeaf { index: 7, leaf: Digest([0x22; 32]) }, NamedLeaf { index: 9, leaf: Digest([0x23; 32]) }];
    let notice = Notice { sender: name("gz"), receiver: name("hk"), ground: ErasureGround::Order, log: origin("hk"), leaves };
    let mut all = fields([("sender", 8), ("receiver", 8), ("ground", 1), ("log", 36), ("leaves", 8)]);
    all.extend(fields([("index", 8), ("leaf", 32), ("index", 8), ("leaf", 32)]));
    check("notice.hex", "A notice of an erasure (PROTOCOL 32.3)", &[value("of two leaves", &notice, all)]);
}
