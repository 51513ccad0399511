//! Unified social credit codes of the mainland (GB 32100-2015) and the organisation code inside them (GB 11714).
//!
//! Not here: which node answers for a region, and what a category means for a rule.

use super::canonical::{Fault, base36, check_shape};

/// GB 32100-2015, table 2: no I, O, S, V, Z. A character's place is its value.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/// GB 32100-2015, 5.2: powers of 3 modulo 31.
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
/// GB 11714, 4.2.
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Department and category of the codes that are all digits in their first two places.
const KNOWN_PAIRS: [&str; 11] = ["11", "12", "13", "19", "51", "52", "53", "59", "91", "92", "93"];
/// The first two digits of GB/T 2260 region codes; `10` stands for the whole country.
const PROVINCES: [&str; 35] = [
    "10", "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45",
    "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82",
];

/// The 18th character for the first 17; `None` where these are not 17 characters of the code's alphabet.
pub fn uscc_check_character(first17: &str) -> Option<char> {
    if first17.len() != 17 {
        return None;
    }
    let mut sum = 0;
    for (character, weight) in first17.chars().zip(WEIGHTS) {
        sum += ALPHABET.find(character)? * weight;
    }
    ALPHABET.chars().nth((31 - sum % 31) % 31)
}

/// The 9th character of an organisation code for the first 8; `None` where these are not 8 of `0-9 A-Z`.
pub fn organisation_check_character(first8: &str) -> Option<char> {
    if first8.len() != 8 {
        return None;
    }
    let mut sum = 0;
    for (byte, weight) in first8.bytes().zip(ORGANISATION_WEIGHTS) {
        sum += base36(byte)? * weight;
    }
    match 11 - sum % 11 {
        10 => Some('X'),
        11 => Some('0'),
        digit => char::from_digit(digit, 10),
    }
}

/// Both checks; either alone lets one forged character in eleven, or in thirty-one, through.
pub(super) fn check(value: &str) -> Result<(), Fault> {
    check_shape(value, 18, |position, character| match position {
        3..=8 => character.is_ascii_digit(),
        _ => ALPHABET.contains(character),
    })?;
    if uscc_check_character(&value[..17]) != value[17..].chars().next() {
        return Err(Fault::CheckCharacter);
    }
    if organisation_check_character(&value[8..16]) != value[16..17].chars().next() {
        return Err(Fault::OrganisationCode);
    }
    Ok(())
}

/// Whether a checked code names an issuer, a category and a province that exist, and so is no resident's number by more than chance.
pub(super) fn names_an_entity(value: &str) -> bool {
    KNOWN_PAIRS.contains(&&value[..2]) && PROVINCES.contains(&&value[2..4])
}

/// The region code of a checked code (GB/T 2260).
pub(super) fn region(value: &str) -> u32 {
    value[2..8].bytes().fold(0, |code, digit| code * 10 + u32::from(digit - b'0'))
}
