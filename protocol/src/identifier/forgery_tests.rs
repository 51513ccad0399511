//! Forged twins: identifiers with one character changed, second spellings, foreign bytes; and whatever is made well is read.
//!
//! Not here: single examples, which are in `tests`.

use proptest::prelude::{Strategy, prop_assert_eq, proptest};

use super::hk::hkid_check_character;
use super::lei::lei_check_digits;
use super::tests::{HKID, LEI, RESIDENCE_PERMIT, RIC, USCC, one_of_each, refused};
use super::uscc::{organisation_check_character, uscc_check_character};
use super::*;
use crate::wire;

const USCC_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const BASE36: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Every text that differs from `valid` in one character, that one taken from `alphabet`; with the two characters.
fn forgeries(valid: &str, alphabet: &str) -> Vec<(String, char, char)> {
    let mut forged = Vec::new();
    for (position, old) in valid.char_indices() {
        for new in alphabet.chars().filter(|new| *new != old) {
            let mut text = valid.to_owned();
            text.replace_range(position..=position, &new.to_string());
            forged.push((text, old, new));
        }
    }
    forged
}

#[test]
fn a_broken_organisation_code_is_refused_although_the_whole_code_holds() {
    for valid in USCC {
        for new in USCC_ALPHABET.chars().filter(|new| !valid[16..17].contains(*new)) {
            let first17 = format!("{}{new}", &valid[..16]);
            let forged = format!("{first17}{}", uscc_check_character(&first17).unwrap());
            assert_eq!(refused(Scheme::Uscc, &forged), IdentifierError::OrganisationCode { scheme: Scheme::Uscc });
        }
    }
}

#[test]
fn no_single_forged_character_of_a_uscc_passes() {
    let forged: Vec<_> = USCC.iter().flat_map(|valid| forgeries(valid, USCC_ALPHABET)).collect();
    assert_eq!(forged.len(), 12 * 18 * 30);
    assert_eq!(forged.iter().filter(|(text, ..)| Identifier::parse(Scheme::Uscc, text).is_ok()).count(), 0);
}

#[test]
fn no_single_forged_digit_of_a_residents_number_passes() {
    let forged: Vec<_> = RIC.iter().chain(&RESIDENCE_PERMIT).flat_map(|valid| forgeries(valid, "0123456789X")).collect();
    assert_eq!(forged.len(), 5 * 18 * 10);
    assert_eq!(forged.iter().filter(|(text, ..)| person::is_ric(text)).count(), 0);
}

#[test]
fn a_forged_character_of_an_hkid_passes_only_between_letters_that_weigh_the_same() {
    let mut passed = 0;
    for valid in HKID {
        let valid = valid.replace(['(', ')'], "");
        for (text, old, new) in forgeries(&valid, BASE36) {
            let (body, check) = text.split_at(text.len() - 1);
            if hkid_check_character(body) == check.chars().next() {
                let letters = old.is_ascii_uppercase() && new.is_ascii_uppercase();
                assert!(letters && u32::from(old).abs_diff(u32::from(new)) % 11 == 0, "{old} {new}");
                passed += 1;
            }
        }
    }
    // A, G, AB, WX, XA and E have 2, 1, 2 + 2, 2 + 2, 2 + 2 and 1 other letters at a distance of 11 or 22.
    assert_eq!(passed, 16);
}

#[test]
fn no_single_forged_character_of_an_lei_passes_within_digits_or_within_letters() {
    let (mut within, mut across) = (0, 0);
    for valid in LEI {
        for (text, old, new) in forgeries(valid, BASE36) {
            let same = old.is_ascii_digit() == new.is_ascii_digit();
            match (Identifier::parse(Scheme::Lei, &text), same) {
                (Ok(_), true) => within += 1,
                (Ok(_), false) => across += 1,
                (Err(_), _) => {}
            }
        }
    }
    assert_eq!(within, 0);
    // MOD 97-10 is made for digits: a letter is two of them, so one in about a hundred passes where a digit becomes a letter.
    assert_eq!(across, 10);
}

#[test]
fn the_second_spellings_of_lei_check_digits_are_refused() {
    let mut tried = 0;
    for number in 0..1000 {
        let first18 = format!("300300GBACREDIT{number:03}");
        let second = match lei_check_digits(&first18).unwrap().as_str() {
            "97" => "00",
            "98" => "01",
            "02" => "99",
            _ => continue,
        };
        tried += 1;
        assert_eq!(refused(Scheme::Lei, &format!("{first18}{second}")), IdentifierError::CheckCharacter { scheme: Scheme::Lei });
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn the_wire_form_has_one_width_and_is_what_is_hashed() {
    for identifier in one_of_each() {
        let bytes = wire::encode(&identifier);
        assert_eq!(bytes, identifier.canonical_bytes());
        assert_eq!(wire::decode::<Identifier>(&bytes, IDENTIFIER_BYTES), Ok(identifier));
        for cut in 0..bytes.len() {
            assert!(wire::decode::<Identifier>(&bytes[..cut], IDENTIFIER_BYTES).is_err(), "cut at {cut}");
        }
    }
    let bytes = wire::encode(&Identifier::parse(Scheme::HkBrn, "12345678").unwrap());
    assert_eq!(bytes, b"\x0212345678\0\0\0\0\0\0\0\0\0\0\0\0");
}

#[test]
fn bytes_that_no_encoder_writes_are_refused() {
    let from_text = |code: u8, text: &[u8]| {
        let mut bytes = [0; IDENTIFIER_BYTES];
        bytes[0] = code;
        bytes[1..=text.len()].copy_from_slice(text);
        wire::decode::<Identifier>(&bytes, IDENTIFIER_BYTES)
    };
    assert!(from_text(1, b"91110000600037341L").is_ok());
    let lower = from_text(1, b"91110000600037341l").unwrap_err().to_string();
    assert!(lower.contains("not in canonical form"), "{lower}");
    for spelling in [
        &b"91110000-600037341L"[..],
        b" 91110000600037341L",
        b"91110000600037341L ",
        b"91110000600037341L\0\x01",
        b"91110000600037341L\0L",
    ] {
        assert!(from_text(1, spelling).is_err());
    }
    for (code, text) in [
        (0, &b"12345678"[..]),
        (5, b"12345678"),
        (255, b"12345678"),
        (2, b""),
        (2, b"\0 12345678"),
        (2, b"\xff2345678"),
        (3, b"81234567SO"),
        (3, b"81234567(SO)"),
        (1, b"91110000600037342L"),
        (128, b"440106199003071231"),
        (131, b"A1234563"),
        (132, b"52154328"),
        (1, b"440106199003071231"),
        (2, b"A1234563"),
    ] {
        assert!(from_text(code, text).is_err(), "{code}");
    }
    for at in 9..IDENTIFIER_BYTES {
        let mut bytes = Identifier::parse(Scheme::HkBrn, "12345678").unwrap().canonical_bytes();
        bytes[at] = b' ';
        assert!(wire::decode::<Identifier>(&bytes, IDENTIFIER_BYTES).is_err(), "padding at {at}");
    }
}

/// Any USCC of a known issuer, category and province.
fn any_uscc() -> impl Strategy<Value = String> {
    ("(1[1239]|5[1239]|9[123])44[0-9]{4}", "[0-9A-HJ-NPQRTUWXY]{8}").prop_map(|(head, body)| {
        let first17 = format!("{head}{body}{}", organisation_check_character(&body).unwrap());
        format!("{first17}{}", uscc_check_character(&first17).unwrap())
    })
}

fn any_lei() -> impl Strategy<Value = String> {
    "[0-9A-Z]{18}".prop_map(|first18| format!("{first18}{}", lei_check_digits(&first18).unwrap()))
}

proptest! {
    #[test]
    fn a_made_uscc_is_read_and_comes_back(text in any_uscc()) {
        let identifier = Identifier::parse(Scheme::Uscc, &text.to_lowercase()).unwrap();
        prop_assert_eq!(identifier.expose(), &text);
        prop_assert_eq!(wire::decode::<Identifier>(&wire::encode(&identifier), IDENTIFIER_BYTES), Ok(identifier));
    }

    #[test]
    fn a_made_lei_is_read_and_comes_back(text in any_lei()) {
        let identifier = Identifier::parse(Scheme::Lei, &format!("{}-{}", &text[..4], &text[4..])).unwrap();
        prop_assert_eq!(identifier.expose(), &text);
        prop_assert_eq!(wire::decode::<Identifier>(&wire::encode(&identifier), IDENTIFIER_BYTES), Ok(identifier));
    }

    #[test]
    fn whatever_is_read_reads_the_same_from_its_own_form(raw in "[ ()/-]{0,2}[0-9CFＣ０-９]{7,8}[ ()/-]?[0-9SOso]{0,2}[)]?", code in 2u8..=3) {
        let scheme = Scheme::from_code(code).unwrap();
        if let Ok(identifier) = Identifier::parse(scheme, &raw) {
            prop_assert_eq!(Identifier::parse(scheme, identifier.expose()), Ok(identifier));
            prop_assert_eq!(recognise_person(identifier.expose()), None);
        }
    }

    #[test]
    fn foreign_bytes_never_panic(raw in ".{0,70}", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..30)) {
        recognise_person(&raw);
        for scheme in Scheme::ALL {
            if let Ok(identifier) = Identifier::parse(*scheme, &raw) {
                prop_assert_eq!(wire::decode::<Identifier>(&identifier.canonical_bytes(), IDENTIFIER_BYTES), Ok(identifier));
            }
        }
        if let Ok(identifier) = wire::decode::<Identifier>(&bytes, IDENTIFIER_BYTES) {
            prop_assert_eq!(&identifier.canonical_bytes()[..], &bytes[..]);
        }
    }
}
