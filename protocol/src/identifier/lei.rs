//! Legal entity identifiers (ISO 17442), check digits by ISO/IEC 7064 MOD 97-10.
//!
//! Not here: the register of issuers, and where an entity is registered; the code itself says neither.

use super::canonical::{Fault, base36, check_shape};

/// The two check digits for the first 18 characters; `None` where these are not 18 of `0-9 A-Z`.
///
/// They lie in 02 to 98. MOD 97-10 alone would also pass 00, 01 and 99 as second spellings of 97, 98 and 02.
pub fn lei_check_digits(first18: &str) -> Option<String> {
    if first18.len() != 18 {
        return None;
    }
    let mut rest = 0;
    for byte in first18.bytes() {
        let value = base36(byte)?;
        let shift = if value < 10 { 10 } else { 100 };
        rest = (rest * shift + value) % 97;
    }
    Some(format!("{:02}", 98 - rest * 100 % 97))
}

/// Shape and check digits.
pub(super) fn check(value: &str) -> Result<(), Fault> {
    check_shape(value, 20, |position, character| {
        character.is_ascii_digit() || (position <= 18 && character.is_ascii_uppercase())
    })?;
    if lei_check_digits(&value[..18]).as_deref() == Some(&value[18..]) { Ok(()) } else { Err(Fault::CheckCharacter) }
}
