//! Names that cross the border: regions, organisations, operators, log origins (PROTOCOL 4).
//!
//! All have one fixed width on the wire, so that a name's length tells nothing. Not here: names of subjects, which never cross.

use std::fmt;
use std::str::FromStr;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or longer than its place on the wire.
    #[error("a name has 1 to {max} characters, this has {len}")]
    Length {
        /// Characters that were given.
        len: usize,
        /// Characters that fit.
        max: usize,
    },
    /// A character outside `a-z 0-9 . _ -`.
    #[error("character {position} of a name is not one of a-z 0-9 . _ -")]
    Alphabet {
        /// Where, counted from 1.
        position: usize,
    },
    /// A log origin that is not `<name>/log/<number>` with a number from 1 and no leading zero.
    #[error("a log origin reads <name>/log/<number>, the number from 1")]
    Origin,
}

/// `a-z 0-9 . _ -`, at most `MAX` characters, zero-padded on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name<const MAX: usize>([u8; MAX]);

/// A city or territory that runs a node: `gz`, `sz`, `hk`, `mo`.
pub type Region = Name<8>;
/// The organisation for which a service asks.
pub type OrganisationId = Name<24>;
/// The person at the organisation who asks, as its own staff number.
pub type OperatorId = Name<24>;

impl<const MAX: usize> Name<MAX> {
    /// Reads a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let len = text.chars().count();
        if !(1..=MAX).contains(&len) {
            return Err(NameError::Length { len, max: MAX });
        }
        let fits = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if let Some(position) = text.bytes().position(|byte| !fits(&byte)) {
            return Err(NameError::Alphabet { position: position + 1 });
        }
        let mut bytes = [0; MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(bytes))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(MAX);
        std::str::from_utf8(&self.0[..len]).expect("invariant: a name is ASCII")
    }
}

impl<const MAX: usize> fmt::Display for Name<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const MAX: usize> fmt::Debug for Name<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const MAX: usize> FromStr for Name<MAX> {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl<const MAX: usize> Encode for Name<MAX> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.encode(encoder)
    }
}

impl<C, const MAX: usize> Decode<C> for Name<MAX> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let bytes = <[u8; MAX]>::decode(decoder)?;
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(MAX);
        let name = std::str::from_utf8(&bytes[..len])
            .ok()
            .and_then(|text| Self::new(text).ok())
            .ok_or(DecodeError::Other("Name: not a name"))?;
        if name.0 == bytes { Ok(name) } else { Err(DecodeError::Other("Name: padding is not zero")) }
    }
}

impl<'de, C, const MAX: usize> bincode::BorrowDecode<'de, C> for Name<MAX> {
    fn borrow_decode<D: bincode::de::BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

impl<const MAX: usize> Serialize for Name<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Name<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// The origin of a log: whose it is, and the how-manieth (`gz.creditbay/log/1`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode)]
pub struct Origin {
    owner: Name<32>,
    number: u32,
}

impl Origin {
    /// The `number`th log of `owner`; numbers begin at 1.
    pub fn new(owner: Name<32>, number: u32) -> Result<Self, NameError> {
        if number == 0 { Err(NameError::Origin) } else { Ok(Self { owner, number }) }
    }

    /// Whose log it is.
    pub fn owner(&self) -> Name<32> {
        self.owner
    }

    /// The how-manieth log of its owner.
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl<C> Decode<C> for Origin {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let owner = Name::decode(decoder)?;
        Self::new(owner, u32::decode(decoder)?).map_err(|_| DecodeError::Other("Origin: number 0"))
    }
}
bincode::impl_borrow_decode!(Origin);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/log/{}", self.owner, self.number)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Origin {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (owner, number) = text.split_once("/log/").ok_or(NameError::Origin)?;
        if number.starts_with('0') || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NameError::Origin);
        }
        Self::new(Name::new(owner)?, number.parse().map_err(|_| NameError::Origin)?)
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn a_name_has_one_width_and_comes_back() {
        for text in ["gz", "hk", "abcdefgh"] {
            let bytes = wire::encode(&Region::new(text).unwrap());
            assert_eq!(bytes.len(), 8);
            assert_eq!(wire::decode::<Region>(&bytes, 8).unwrap().as_str(), text);
        }
    }

    #[test]
    fn wrong_names_are_refused_by_cause() {
        assert_eq!(Region::new(""), Err(NameError::Length { len: 0, max: 8 }));
        assert_eq!(Region::new("abcdefghi"), Err(NameError::Length { len: 9, max: 8 }));
        assert_eq!(Region::new("gZ"), Err(NameError::Alphabet { position: 2 }));
        assert_eq!(Region::new("港澳深"), Err(NameError::Alphabet { position: 1 }), "3 characters, though 9 bytes");
        assert!(wire::decode::<Region>(b"gz\0\0\0\0\0x", 8).is_err());
        assert!(wire::decode::<Region>(&[0; 8], 8).is_err());
        assert!(wire::decode::<Region>(b"GZ\0\0\0\0\0\0", 8).is_err());
    }

    #[test]
    fn an_origin_carries_a_number() {
        let origin: Origin = "gz.creditbay/log/12".parse().unwrap();
        assert_eq!((origin.owner().as_str(), origin.number()), ("gz.creditbay", 12));
        assert_eq!(origin.to_string(), "gz.creditbay/log/12");
        for bad in
            ["gz.creditbay", "gz.creditbay/log/0", "gz.creditbay/log/01", "gz.creditbay/log/+1", "gz.creditbay/log/", "/log/1"]
        {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
        assert_eq!("gz.creditbay/log/0".parse::<Origin>(), Err(NameError::Origin));
        assert_eq!(Origin::new(origin.owner(), 0), Err(NameError::Origin));
        let mut bytes = wire::encode(&origin);
        assert_eq!(wire::decode::<Origin>(&bytes, 36), Ok(origin));
        bytes[32..].fill(0);
        assert!(wire::decode::<Origin>(&bytes, 36).is_err(), "no log has the number 0, on the wire either");
    }
}
