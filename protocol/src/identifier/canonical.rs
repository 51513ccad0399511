//! One spelling of an identifier, made before anything else looks at it (PROTOCOL 4; UAX #15 NFKC).
//!
//! Not here: what any scheme allows, and whose identifier it is.

use unicode_normalization::UnicodeNormalization;

/// Characters of the longest input that is read at all; an identifier has 20 at most, the rest is room for separators.
pub(super) const MAX_RAW_CHARACTERS: usize = 64;

const SEPARATORS: [char; 5] = ['(', ')', '-', '/', ' '];

/// What a scheme's check found wrong, without the scheme and without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// More than [`MAX_RAW_CHARACTERS`] characters.
    Input,
    /// Another count of characters than the scheme has.
    Length { expected: usize, found: usize },
    /// The character at this position, counted from 1, is not one that the scheme has there.
    Alphabet { position: usize },
    /// The check character does not follow from the others.
    CheckCharacter,
    /// The organisation code inside a USCC does not hold, although the code around it does.
    OrganisationCode,
}

/// An input as it was printed and as it is compared.
pub(super) struct Spelling {
    /// NFKC, trimmed, upper case; the separators still stand.
    printed: String,
    /// The same without separators.
    pub(super) canonical: String,
}

impl Spelling {
    /// Reads an input. Only ASCII letters are raised: Unicode's upper case would turn a dotless `ı` into an `I`.
    pub(super) fn read(raw: &str) -> Result<Self, Fault> {
        let raw = raw.trim();
        if raw.chars().nth(MAX_RAW_CHARACTERS).is_some() {
            return Err(Fault::Input);
        }
        let normal: String = raw.nfkc().collect();
        let printed = normal.trim().to_ascii_uppercase();
        let canonical = printed.replace(SEPARATORS, "");
        Ok(Self { printed, canonical })
    }

    /// The part before a check character that is printed apart, as in `A123456(3)` or `5/215432/8`, and that character.
    pub(super) fn apart(&self) -> Option<(String, u8)> {
        let mut groups: Vec<&str> = self.printed.split(SEPARATORS).filter(|group| !group.is_empty()).collect();
        match groups.pop()?.as_bytes() {
            [check] if !groups.is_empty() => Some((groups.concat(), *check)),
            _ => None,
        }
    }
}

/// Refuses a value that has not exactly `expected` characters, or one that `fits` (position from 1, character) does not admit.
pub(super) fn check_shape(value: &str, expected: usize, fits: impl Fn(usize, char) -> bool) -> Result<(), Fault> {
    let found = value.chars().count();
    if found != expected {
        return Err(Fault::Length { expected, found });
    }
    let mut characters = (1..).zip(value.chars());
    match characters.find(|(position, character)| !fits(*position, *character)) {
        Some((position, _)) => Err(Fault::Alphabet { position }),
        None => Ok(()),
    }
}

/// The value of a character in the check algorithms that count on from the digits: `0`-`9`, then `A` = 10 to `Z` = 35.
pub(super) fn base36(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A') + 10),
        _ => None,
    }
}
