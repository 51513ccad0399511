//! Numbers of natural persons that the mainland issues: recognised to be refused, never kept.
//!
//! Residents' numbers and residence permits: GB 11643-1999 with ISO/IEC 7064 MOD 11-2. Travel permits have no check digit.
//! Not here: the cards of Hong Kong and Macao, and the 15-digit numbers of before 1999, which fit no scheme.

use crate::calendar::Day;

/// GB 11643-1999, 4.2: powers of 2 modulo 11, from the left.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// The check character for each remainder.
const CHECK_CHARACTERS: &str = "10X98765432";
/// In the place of a region: residents of Hong Kong, Macao and Taiwan.
const PERMIT_REGIONS: [&str; 3] = ["810000", "820000", "830000"];

/// The 18th character for the first 17; `None` where these are not 17 digits.
pub fn ric_check_character(first17: &str) -> Option<char> {
    if first17.len() != 17 {
        return None;
    }
    let mut sum = 0;
    for (character, weight) in first17.chars().zip(WEIGHTS) {
        sum += character.to_digit(10)? * weight;
    }
    CHECK_CHARACTERS.chars().nth((sum % 11) as usize)
}

/// Whether this is a resident's number: check character and a date of birth that exists.
pub(super) fn is_ric(canonical: &str) -> bool {
    let mut first17 = canonical.chars();
    let check = first17.next_back();
    let holds = check.is_some() && ric_check_character(first17.as_str()) == check;
    holds && is_date(&canonical[6..14])
}

/// Whether a resident's number is that of a residence permit for residents of Hong Kong, Macao or Taiwan.
pub(super) fn is_residence_permit(canonical: &str) -> bool {
    is_ric(canonical) && PERMIT_REGIONS.contains(&&canonical[..6])
}

/// Whether this has the shape of a mainland travel permit: `H` or `M` and 8 or 10 digits, or `HA` or `MA` and 7 digits.
pub(super) fn is_travel_permit(canonical: &str) -> bool {
    let Some(rest) = canonical.strip_prefix(['H', 'M']) else {
        return false;
    };
    let (digits, lengths): (&str, &[usize]) = match rest.strip_prefix('A') {
        Some(digits) => (digits, &[7]),
        None => (rest, &[8, 10]),
    };
    lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date(yyyymmdd: &str) -> bool {
    let (year, month, day) = (&yyyymmdd[..4], &yyyymmdd[4..6], &yyyymmdd[6..]);
    match (year.parse(), month.parse(), day.parse()) {
        (Ok(year), Ok(month), Ok(day)) => Day::new(year, month, day).is_ok(),
        _ => false,
    }
}
