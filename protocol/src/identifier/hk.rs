//! Hong Kong: business registration numbers of entities, and identity cards, which are recognised to be refused.
//!
//! A business registration number has no public check digit. The identity card's algorithm is documented by its users only, not
//! by its issuer. Not here: numbers of the companies' register, which are aliases.

use super::canonical::{Fault, Spelling, base36, check_shape};

/// What stands for a business registration number that does not exist: `C` for a local company, `F` for a registered
/// non-Hong Kong company, then the register's number, zero-padded to 7 digits.
///
/// One in eleven also holds as an identity card and is therefore refused: a person's number must not pass as an entity's.
const DUMMY_PREFIXES: [char; 2] = ['C', 'F'];

/// 8 digits, or a documented prefix and 7 digits.
pub(super) fn check_business_number(value: &str) -> Result<(), Fault> {
    check_shape(value, 8, |position, character| {
        character.is_ascii_digit() || (position == 1 && DUMMY_PREFIXES.contains(&character))
    })
}

/// The check character for one or two letters and six digits; `None` where they are something else.
///
/// Weights 9 to 2, `A` = 10 to `Z` = 35, a missing first letter counts 36; modulo 11, where 10 is written `A`.
/// Letters that lie 11 or 22 apart (`A`, `L`, `W`) give the same character.
pub fn hkid_check_character(body: &str) -> Option<char> {
    let (letters, digits) = body.split_at_checked(body.len().checked_sub(6)?)?;
    let mut sum = match letters.len() {
        1 => 36 * 9,
        2 => 0,
        _ => return None,
    };
    let shaped = letters.bytes().all(|byte| byte.is_ascii_uppercase()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !shaped {
        return None;
    }
    for (byte, weight) in body.bytes().rev().zip(2..) {
        sum += base36(byte)? * weight;
    }
    match (11 - sum % 11) % 11 {
        10 => Some('A'),
        digit => char::from_digit(digit, 10),
    }
}

/// Whether this reads as an identity card: by its check character, or by its shape where that character is printed apart.
///
/// Printed apart it is a person's even when mistyped: no entity's number is written so.
pub(super) fn is_hkid(spelling: &Spelling) -> bool {
    let apart = spelling
        .apart()
        .is_some_and(|(body, check)| hkid_check_character(&body).is_some() && (check.is_ascii_digit() || check == b'A'));
    let canonical = &spelling.canonical;
    let mut body = canonical.chars();
    let check = body.next_back();
    apart || (check.is_some() && hkid_check_character(body.as_str()) == check)
}
