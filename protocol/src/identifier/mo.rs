//! Macao: 8-digit numbers of entities, and the resident identity card (BIR), which is recognised by its print to be refused.
//!
//! Neither has a published check algorithm, so only the shape is checked. Not here: which register issued an entity's number.

use super::canonical::{Fault, Spelling, check_shape};

/// The number without the mark of a company in the commercial register, printed `12345678(SO)`.
pub(super) fn without_register_mark(canonical: &str) -> &str {
    canonical.strip_suffix("SO").unwrap_or(canonical)
}

/// 8 digits.
pub(super) fn check_entity_number(value: &str) -> Result<(), Fault> {
    check_shape(value, 8, |_, character| character.is_ascii_digit())
}

/// Whether a checked number could be a BIR written without its marks: 8 digits of which the first is 1, 5 or 7 (Decree-Law 19/99/M,
/// article 12).
///
/// No check digit tells the two apart, so doubt is a person's: an entity with such a number cannot be asked about. The mark `(SO)` does
/// not lift the doubt, since the wire carries the digits alone.
pub(super) fn may_be_bir(number: &str) -> bool {
    number.starts_with(['1', '5', '7'])
}

/// Whether this is printed as a BIR: `XNNNNNN(Y)`, `X NNNNNN (Y)`, or the older `X/NNNNNN/Y`.
///
/// The first digit is 1, 5 or 7 (Decree-Law 19/99/M, article 12), but any is taken for a person's: no entity's number is printed so.
pub(super) fn is_printed_bir(spelling: &Spelling) -> bool {
    spelling
        .apart()
        .is_some_and(|(body, check)| body.len() == 7 && body.bytes().all(|byte| byte.is_ascii_digit()) && check.is_ascii_digit())
}
