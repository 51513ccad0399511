//! What is read as an identifier, what is refused and under which name; synthetic numbers, except where marked.
//!
//! Not here: forged twins (`forgery_tests`) and foreign implementations (`oracle_tests`).

use super::hk::hkid_check_character;
use super::lei::lei_check_digits;
use super::person::ric_check_character;
use super::uscc::{organisation_check_character, uscc_check_character};
use super::*;
use crate::wire;

/// The second and third are those of real companies, as published.
pub(super) const USCC: [&str; 12] = [
    "91110000600037341L",
    "9144030071526726XG",
    "914403001922038216",
    "91350100M000100Y43",
    "91440101MA9XTEAT0A",
    "92440300MA5XDEMQ8T",
    "93440118MA59T0002R",
    "11440000006940001M",
    "124403004557500003",
    "524401005U00000143",
    "514400007A0000120Y",
    "N2440111MF00000139",
];
pub(super) const RIC: [&str; 2] = ["440106199003071231", "440305198802290043"];
pub(super) const RESIDENCE_PERMIT: [&str; 3] = ["810000199001011230", "820000198506302049", "830000197712120016"];
pub(super) const HKID: [&str; 6] = ["A123456(3)", "G123456(A)", "AB987654(3)", "WX123456(9)", "XA000001(6)", "E364912(5)"];
pub(super) const LEI: [&str; 3] = ["213800KUD8LAJWSQ9D15", "300300GBACREDIT00063", "984500HKSYNTH0000055"];

pub(super) fn refused(scheme: Scheme, raw: &str) -> IdentifierError {
    Identifier::parse(scheme, raw).unwrap_err()
}

fn person(scheme: Scheme) -> IdentifierError {
    IdentifierError::NaturalPerson { scheme }
}

pub(super) fn one_of_each() -> [Identifier; 5] {
    [
        (Scheme::Uscc, USCC[0]),
        (Scheme::HkBrn, "12345678"),
        (Scheme::HkBrn, "F0001234"),
        (Scheme::MoEntity, "81234567"),
        (Scheme::Lei, LEI[0]),
    ]
    .map(|(scheme, raw)| Identifier::parse(scheme, raw).unwrap())
}

#[test]
fn valid_identifiers_are_read_as_they_stand() {
    let brn = ["12345678", "C0012345", "F0001234"];
    let groups: [(Scheme, &[&str]); 4] =
        [(Scheme::Uscc, &USCC), (Scheme::Lei, &LEI), (Scheme::HkBrn, &brn), (Scheme::MoEntity, &["81234567"])];
    for (scheme, values) in groups {
        for value in values {
            let identifier = Identifier::parse(scheme, value).unwrap();
            assert_eq!((identifier.scheme(), identifier.expose()), (scheme, *value));
            assert_eq!(recognise_person(value), None, "{value}");
        }
    }
}

#[test]
fn one_identifier_has_one_form_however_it_is_printed() {
    for (scheme, raw, canonical) in [
        (Scheme::Uscc, " 91110000-600037341l\t", USCC[0]),
        (Scheme::Uscc, "９１１１００００６０００３７３４１Ｌ", USCC[0]),
        (Scheme::Uscc, "（91110000）60003734-1 L", USCC[0]),
        (Scheme::Lei, "2138 00ku d8la jwsq 9d15", LEI[0]),
        (Scheme::HkBrn, "\u{3000}1234 5678\u{a0}", "12345678"),
        (Scheme::HkBrn, "c0012345", "C0012345"),
        (Scheme::MoEntity, "81234567(SO)", "81234567"),
        (Scheme::MoEntity, "８１２３４５６７（ｓｏ）", "81234567"),
    ] {
        assert_eq!(Identifier::parse(scheme, raw).unwrap().expose(), canonical);
    }
}

#[test]
fn natural_persons_are_recognised_in_every_print() {
    let permits = ["H12345678", "M1234567801", "HA1234567", "ma 1234567", "h12345678"];
    let bir = ["5/215432/8", "5215432(8)", "5 215432 (8)", "１２１５４３２（８）", "7/215432/8"];
    let groups: [(Scheme, &[&str]); 5] = [
        (Scheme::Ric, &RIC),
        (Scheme::ResidencePermit, &RESIDENCE_PERMIT),
        (Scheme::Hkid, &HKID),
        (Scheme::TravelPermit, &permits),
        (Scheme::Bir, &bir),
    ];
    for (expected, values) in groups {
        for value in values {
            assert_eq!(recognise_person(value), Some(expected), "{value}");
            for given in [Scheme::Uscc, Scheme::HkBrn, Scheme::MoEntity, Scheme::Lei] {
                assert_eq!(refused(given, value), person(expected), "{given} {value}");
            }
            assert_eq!(refused(expected, value), person(expected), "{value}");
        }
    }
    for bare in ["A1234563", "ab9876543", "G123456A"] {
        assert_eq!(recognise_person(bare), Some(Scheme::Hkid), "{bare}");
    }
    assert_eq!(recognise_person("440106 19900307 109x"), None);
    assert_eq!(recognise_person("440106 19900307 108x"), Some(Scheme::Ric));
    assert_eq!(refused(Scheme::HkBrn, "A123456(4)"), person(Scheme::Hkid));
}

#[test]
fn what_only_resembles_a_person_is_not_named_one() {
    for text in [
        "",
        "x",
        "12345678",
        "A1234564",
        "H1234567",
        "HA12345678",
        "440106199002301237",
        "440106199013011232",
        "52154328",
        "Ａ12345",
        "440106189912311233",
        "身份证",
        "A123456(B)",
        "O123456",
    ] {
        assert_eq!(recognise_person(text), None, "{text}");
    }
    assert_eq!(recognise_person(&" 4".repeat(40)), None);
}

#[test]
fn every_scheme_of_persons_is_refused_by_name_before_its_value_is_read() {
    for scheme in Scheme::ALL.iter().copied().filter(|scheme| scheme.is_person()) {
        assert_eq!(refused(scheme, &"9".repeat(500)), person(scheme));
    }
    assert_eq!(Scheme::ALL.iter().filter(|scheme| scheme.is_person()).count(), 5);
}

#[test]
fn a_macao_number_that_could_be_a_bare_identity_card_is_refused() {
    for first in 0..=9 {
        for text in [format!("{first}2154328"), format!("{first}2154328(SO)"), format!("{first} 2154 328")] {
            match first {
                1 | 5 | 7 => assert_eq!(refused(Scheme::MoEntity, &text), person(Scheme::Bir), "{text}"),
                _ => assert_eq!(
                    Identifier::parse(Scheme::MoEntity, &text).unwrap().expose(),
                    &text.replace([' ', '(', ')', 'S', 'O'], "")
                ),
            }
        }
        let mut bytes = Identifier::parse(Scheme::MoEntity, "89900001").unwrap().canonical_bytes();
        bytes[1] = b'0' + first;
        assert_eq!(
            wire::decode::<Identifier>(&bytes, IDENTIFIER_BYTES).is_err(),
            [1, 5, 7].contains(&first),
            "{first} on the wire"
        );
    }
    assert_eq!(refused(Scheme::MoEntity, "5215432"), IdentifierError::Length { scheme: Scheme::MoEntity, expected: 8, found: 7 });
    assert!(Identifier::parse(Scheme::HkBrn, "52154328").is_ok(), "the doubt is Macao's alone");
}

/// A number that holds as a resident's and as a USCC, with these first six digits.
fn both(region: &str) -> String {
    let days = (1..=12).flat_map(|month| (1..=28).map(move |day| (month, day)));
    days.flat_map(|(month, day)| (0..1000).map(move |number| (month, day, number)))
        .map(|(month, day, number)| format!("{region}1990{month:02}{day:02}{number:03}"))
        .filter_map(|first17| Some(format!("{first17}{}", ric_check_character(&first17)?)))
        .find(|text| uscc::check(text).is_ok())
        .unwrap()
}

#[test]
fn a_number_that_is_both_is_a_persons_unless_issuer_category_and_province_exist() {
    for region in ["440106", "441101", "110101"] {
        let text = both(region);
        assert_eq!(refused(Scheme::Uscc, &text), person(Scheme::Ric), "{region}");
    }
    let text = both("914401");
    assert_eq!(Identifier::parse(Scheme::Uscc, &text).unwrap().expose(), text);
    assert_eq!(recognise_person(&text), Some(Scheme::Ric));
}

#[test]
fn a_stand_in_number_that_holds_as_an_identity_card_is_refused() {
    let check = hkid_check_character("C001234").unwrap();
    assert_eq!(refused(Scheme::HkBrn, &format!("C001234{check}")), person(Scheme::Hkid));
}

#[test]
fn each_fault_has_its_own_refusal() {
    let uscc = Scheme::Uscc;
    assert_eq!("passport".parse::<Scheme>(), Err(IdentifierError::UnknownScheme));
    assert_eq!(refused(Scheme::Ric, ""), person(Scheme::Ric));
    assert_eq!(refused(uscc, &"9".repeat(65)), IdentifierError::Input { scheme: uscc, max: 64 });
    assert_eq!(refused(uscc, &"9".repeat(64)), IdentifierError::Length { scheme: uscc, expected: 18, found: 64 });
    assert_eq!(refused(uscc, ""), IdentifierError::Length { scheme: uscc, expected: 18, found: 0 });
    assert_eq!(refused(uscc, "9111000060003734IL"), IdentifierError::Alphabet { scheme: uscc, position: 17 });
    assert_eq!(refused(uscc, "9111A000600037341L"), IdentifierError::Alphabet { scheme: uscc, position: 5 });
    assert_eq!(refused(uscc, "91110000600037342L"), IdentifierError::CheckCharacter { scheme: uscc });
    assert_eq!(refused(Scheme::Lei, "213800KUD8LAJWSQ9D16"), IdentifierError::CheckCharacter { scheme: Scheme::Lei });
    assert_eq!(refused(Scheme::Lei, "213800KUD8LAJWSQ9DA5"), IdentifierError::Alphabet { scheme: Scheme::Lei, position: 19 });
    assert_eq!(
        refused(Scheme::Lei, LEI[0].get(1..).unwrap()),
        IdentifierError::Length { scheme: Scheme::Lei, expected: 20, found: 19 }
    );
    assert_eq!(refused(Scheme::HkBrn, "B0012345"), IdentifierError::Alphabet { scheme: Scheme::HkBrn, position: 1 });
    assert_eq!(refused(Scheme::HkBrn, "1234567八"), IdentifierError::Alphabet { scheme: Scheme::HkBrn, position: 8 });
    assert_eq!(refused(Scheme::MoEntity, "SO812345"), IdentifierError::Alphabet { scheme: Scheme::MoEntity, position: 1 });
    assert_eq!(refused(Scheme::MoEntity, "1234567"), IdentifierError::Length { scheme: Scheme::MoEntity, expected: 8, found: 7 });
}

#[test]
fn no_refusal_repeats_what_was_written() {
    for raw in ["91110000600037342L", "9111000060003734IL", "440106199003071231", "A123456(3)", "zzqq-7731", "81234567890"] {
        for scheme in Scheme::ALL {
            let error = refused(*scheme, raw);
            for said in [error.to_string(), format!("{error:?}")] {
                assert!(raw.split(['(', ')', '-']).all(|part| part.len() < 4 || !said.contains(part)), "{scheme}");
            }
        }
    }
    assert!(!"zzqq".parse::<Scheme>().unwrap_err().to_string().contains("zzqq"));
}

#[test]
fn check_characters_are_given_for_well_formed_bodies_only() {
    assert_eq!(uscc_check_character("91110000600037341"), Some('L'));
    assert_eq!(organisation_check_character("60003734"), Some('1'));
    assert_eq!(lei_check_digits("213800KUD8LAJWSQ9D").as_deref(), Some("15"));
    assert_eq!(ric_check_character("44010619900307123"), Some('1'));
    assert_eq!(hkid_check_character("G123456"), Some('A'));
    for bad in ["", "9111000060003734", "9111000060003734I", "911100006000373é", "911100006000373411"] {
        assert_eq!(uscc_check_character(bad), None);
        assert_eq!(ric_check_character(bad), None);
    }
    for bad in ["", "6000373", "6000373é", "600é373", "6000373-", "600037341"] {
        assert_eq!(organisation_check_character(bad), None);
    }
    for bad in ["", "123456", "ABC123456", "A12345", "A12345B", "1A23456", "é123456", "12345é"] {
        assert_eq!(hkid_check_character(bad), None, "{bad}");
    }
    for bad in ["", "213800KUD8LAJWSQ9d", "213800KUD8LAJWSQé", "213800KUD8LAJWSQ9"] {
        assert_eq!(lei_check_digits(bad), None);
    }
}

#[test]
fn codes_and_names_come_back() {
    for scheme in Scheme::ALL.iter().copied() {
        assert_eq!(scheme.as_str().parse(), Ok(scheme));
        assert_eq!(wire::decode::<Scheme>(&[scheme.code()], 1), Ok(scheme));
    }
    let names: Vec<_> = Scheme::ALL.iter().map(|scheme| scheme.as_str()).collect();
    let expected = ["uscc", "hk-brn", "mo-entity", "lei", "ric", "cn-residence-permit", "cn-travel-permit", "hkid", "mo-bir"];
    assert_eq!(names, expected);
    for kind in SubjectKind::ALL.iter().copied() {
        assert_eq!(wire::decode::<SubjectKind>(&[kind.code()], 1), Ok(kind));
    }
    for code in [0, 5, 127, 133, 255] {
        assert!(wire::decode::<Scheme>(&[code], 1).is_err(), "{code}");
        assert!(wire::decode::<SubjectKind>(&[code], 1).is_err(), "{code}");
    }
}

#[test]
fn kind_and_area_come_from_the_identifier() {
    let of = |value| {
        Identifier::parse(Scheme::Uscc, value)
            .map(|identifier| (identifier.subject_kind(), identifier.registering_area()))
            .unwrap()
    };
    assert_eq!(of("11440000006940001M"), (SubjectKind::PublicBody, Area::Mainland(440_000)));
    assert_eq!(of("92440300MA5XDEMQ8T"), (SubjectKind::Household, Area::Mainland(440_300)));
    for value in ["91440101MA9XTEAT0A", "124403004557500003", "524401005U00000143", "N2440111MF00000139"] {
        assert_eq!(of(value).0, SubjectKind::Entity, "{value}");
    }
    let areas = one_of_each().map(|identifier| identifier.registering_area());
    assert_eq!(areas, [Area::Mainland(110_000), Area::HongKong, Area::HongKong, Area::Macao, Area::Unknown]);
    let hong_kong = Identifier::parse(Scheme::HkBrn, "92345678").unwrap();
    assert_eq!(hong_kong.subject_kind(), SubjectKind::Entity);
}

#[test]
fn debug_shows_the_scheme_alone() {
    let shown = one_of_each().map(|identifier| format!("{identifier:?}"));
    assert_eq!(shown[0], "Identifier(uscc …)");
    assert_eq!(shown[1], shown[2], "equal for all values of a scheme");
}
