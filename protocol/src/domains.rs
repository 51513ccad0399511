//! The domains of law that a no-violation report speaks for (无违法违规证明版信用报告; PROTOCOL 6.2).
//!
//! Numbers from 1; which authority stands behind a number is the rule pack's to say. Not here: the report's window.

use std::fmt;

use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The highest number of a domain: one bit each of 64, bit 0 unused.
pub const MAX_DOMAIN: u8 = 63;

/// A set of domains, possibly empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode)]
pub struct Domains(u64);

impl Domains {
    /// No domain: what every report but a no-violation report speaks for.
    pub const NONE: Self = Self(0);

    /// The set of these numbers; `None` if one is not from 1 to 63.
    pub fn of(numbers: &[u8]) -> Option<Self> {
        let bit = |number: &u8| (1..=MAX_DOMAIN).contains(number).then(|| 1u64 << number);
        numbers.iter().try_fold(0, |bits, number| Some(bits | bit(number)?)).map(Self)
    }

    /// The numbers, in their order.
    pub fn members(self) -> Vec<u8> {
        (1..=MAX_DOMAIN).filter(|number| self.0 & (1 << number) != 0).collect()
    }

    /// Whether every one of these is in the set.
    pub fn covers(self, asked: Self) -> bool {
        asked.0 & !self.0 == 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl<C> Decode<C> for Domains {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let bits = u64::decode(decoder)?;
        if bits & 1 == 0 { Ok(Self(bits)) } else { Err(bincode::error::DecodeError::Other("Domains: bit 0 names none")) }
    }
}
bincode::impl_borrow_decode!(Domains);

/// `1|2|38`.
impl fmt::Display for Domains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<_> = self.members().iter().map(u8::to_string).collect();
        f.write_str(&numbers.join("|"))
    }
}

impl Serialize for Domains {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Domains {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&Vec::<u8>::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom(format!("domains are numbers from 1 to {MAX_DOMAIN}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn a_set_covers_its_members_and_nothing_else() {
        let set = Domains::of(&[1, 38, 63]).unwrap();
        assert_eq!((set.members(), set.to_string()), (vec![1, 38, 63], "1|38|63".to_owned()));
        assert!(set.covers(Domains::of(&[38]).unwrap()) && set.covers(Domains::NONE));
        assert!(!set.covers(Domains::of(&[1, 2]).unwrap()) && !Domains::NONE.covers(set));
        assert_eq!([Domains::of(&[0]), Domains::of(&[64])], [None, None]);
    }

    #[test]
    fn bit_0_is_refused_on_the_wire() {
        assert!(wire::decode::<Domains>(&1u64.to_le_bytes(), 8).is_err());
        let set = Domains::of(&[2, 7]).unwrap();
        assert_eq!(wire::decode::<Domains>(&wire::encode(&set), 8).unwrap(), set);
    }
}
