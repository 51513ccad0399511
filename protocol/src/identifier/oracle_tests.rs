//! The check algorithms against foreign implementations, on 10 000 valid and 10 000 broken random values each.
//!
//! Known gaps of `stdnum`: its HKID refuses the letter O; its USCC knows digits alone in the first two places, does not check the
//! organisation code, and refuses the check character `0`. Known gap of `lei`: it writes and admits 00 and 01 where ISO 17442, whose
//! check digits are 02 to 98, has 97 and 98. Not here: schemes without a check character.

use std::ops::Range;

use stdnum::Validator;
use stdnum::country::{cn, hk};

use super::hk::hkid_check_character;
use super::lei::lei_check_digits;
use super::person::ric_check_character;
use super::uscc::{organisation_check_character, uscc_check_character};
use super::*;

const ROUNDS: usize = 10_000;
const USCC_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const BASE36: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// SplitMix64 from a fixed seed, so that a failure can be seen again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn text(&mut self, alphabet: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    /// The same text with another character of the alphabet somewhere within the places.
    fn broken(&mut self, valid: &str, alphabet: &[u8], places: Range<usize>) -> String {
        let at = places.start + self.below(places.len());
        loop {
            let new = self.text(alphabet, 1);
            if new != valid[at..=at] {
                return format!("{}{new}{}", &valid[..at], &valid[at + 1..]);
            }
        }
    }
}

#[test]
fn uscc_agrees_with_stdnum_but_for_its_gaps() {
    let mut numbers = Numbers(1);
    let mut zero = 0;
    for _ in 0..ROUNDS {
        let body = numbers.text(USCC_ALPHABET, 8);
        let region = numbers.text(b"0123456789", 4);
        let first17 = format!("9144{region}{body}{}", organisation_check_character(&body).unwrap());
        let check = uscc_check_character(&first17).unwrap();
        let valid = format!("{first17}{check}");
        assert!(Identifier::parse(Scheme::Uscc, &valid).is_ok());
        assert_eq!(cn::USCC.validate(&valid).is_ok(), check != '0');
        zero += usize::from(check == '0');

        let broken = numbers.broken(&valid, USCC_ALPHABET, 0..18);
        assert!(Identifier::parse(Scheme::Uscc, &broken).is_err());
        assert!(cn::USCC.validate(&broken).is_err());
    }
    assert!((200..450).contains(&zero), "one in 31 ends in 0: {zero}");
}

#[test]
fn stdnum_lets_a_broken_organisation_code_through_and_this_does_not() {
    let mut numbers = Numbers(2);
    let mut through = 0;
    for _ in 0..ROUNDS {
        let first17 = format!("91440101{}", numbers.text(USCC_ALPHABET, 9));
        let holds = organisation_check_character(&first17[8..16]) == first17[16..].chars().next();
        let text = format!("{first17}{}", uscc_check_character(&first17).unwrap());
        assert_eq!(Identifier::parse(Scheme::Uscc, &text).is_ok(), holds);
        through += usize::from(!holds && cn::USCC.validate(&text).is_ok());
    }
    assert!(through > ROUNDS * 9 / 10, "{through}");
}

#[test]
fn letters_in_the_first_places_are_codes_here_and_none_to_stdnum() {
    let mut numbers = Numbers(6);
    for _ in 0..ROUNDS {
        let body = numbers.text(USCC_ALPHABET, 8);
        let head = ["N2", "A1", "Y1"][numbers.below(3)];
        let first17 = format!("{head}440101{body}{}", organisation_check_character(&body).unwrap());
        let valid = format!("{first17}{}", uscc_check_character(&first17).unwrap());
        assert!(Identifier::parse(Scheme::Uscc, &valid).is_ok() && cn::USCC.validate(&valid).is_err(), "{valid}");
        assert!(Identifier::parse(Scheme::Uscc, &numbers.broken(&valid, USCC_ALPHABET, 0..18)).is_err());
    }
}

#[test]
fn residence_permits_agree_with_stdnum() {
    let mut numbers = Numbers(7);
    for _ in 0..ROUNDS {
        let (year, month, day) = (1900 + numbers.below(120), 1 + numbers.below(12), 1 + numbers.below(28));
        let region = ["810000", "820000", "830000"][numbers.below(3)];
        let first17 = format!("{region}{year}{month:02}{day:02}{}", numbers.text(b"0123456789", 3));
        let valid = format!("{first17}{}", ric_check_character(&first17).unwrap());
        assert!(cn::RIC.validate(&valid).is_ok() && recognise_person(&valid) == Some(Scheme::ResidencePermit), "{valid}");
        let broken = numbers.broken(&valid, b"0123456789", 0..18);
        assert!(cn::RIC.validate(&broken).is_err() && !person::is_ric(&broken), "{broken}");
    }
}

#[test]
fn ric_agrees_with_stdnum() {
    let mut numbers = Numbers(3);
    for _ in 0..ROUNDS {
        let (year, month, day) = (1900 + numbers.below(120), 1 + numbers.below(12), 1 + numbers.below(28));
        let first17 = format!("{}{year}{month:02}{day:02}{}", numbers.text(b"0123456789", 6), numbers.text(b"0123456789", 3));
        let valid = format!("{first17}{}", ric_check_character(&first17).unwrap());
        assert!(cn::RIC.validate(&valid).is_ok() && person::is_ric(&valid), "{valid}");
        let broken = numbers.broken(&valid, b"0123456789", 0..18);
        assert!(cn::RIC.validate(&broken).is_err() && !person::is_ric(&broken), "{broken}");
    }
}

#[test]
fn hkid_agrees_with_stdnum_but_for_the_letter_o() {
    let mut numbers = Numbers(4);
    let mut with_o = 0;
    for _ in 0..ROUNDS {
        let letters = 1 + numbers.below(2);
        let body = format!("{}{}", numbers.text(&BASE36[10..], letters), numbers.text(b"0123456789", 6));
        let valid = format!("{body}{}", hkid_check_character(&body).unwrap());
        assert_eq!(recognise_person(&valid), Some(Scheme::Hkid), "{valid}");
        assert_eq!(hk::HKID.validate(&valid).is_ok(), !body.contains('O'), "{valid}");
        with_o += usize::from(body.contains('O'));

        let broken = numbers.broken(&valid, b"0123456789", letters..letters + 6);
        let check = broken.chars().next_back();
        assert_ne!(hkid_check_character(&broken[..broken.len() - 1]), check, "{broken}");
        assert!(hk::HKID.validate(&broken).is_err(), "{broken}");
    }
    assert!(with_o > 100, "{with_o}");
}

#[test]
fn lei_agrees_with_the_lei_crate_but_for_its_gap() {
    let mut numbers = Numbers(5);
    let mut gap = 0;
    for _ in 0..ROUNDS {
        let first18 = numbers.text(BASE36, 18);
        let check = lei_check_digits(&first18).unwrap();
        let valid = format!("{first18}{check}");
        let foreign = ::lei::build_from_payload(&first18).unwrap().check_digits().to_owned();
        let reduced = check.parse::<u32>().unwrap() % 97;
        assert_eq!(format!("{reduced:02}"), foreign, "{valid}");
        assert!(Identifier::parse(Scheme::Lei, &valid).is_ok(), "{valid}");
        assert_eq!(::lei::parse(&valid).is_ok(), check == foreign, "{valid}");
        gap += usize::from(check != foreign);

        let broken = numbers.broken(&valid, BASE36, 0..20);
        if !["00", "01", "97", "98"].contains(&&broken[18..]) {
            assert_eq!(::lei::parse(&broken).is_ok(), Identifier::parse(Scheme::Lei, &broken).is_ok(), "{broken}");
        }
    }
    assert!((150..270).contains(&gap), "two remainders in 97: {gap}");
}
