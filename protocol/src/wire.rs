//! The one encoding of everything that is hashed or sent: bincode 2 `legacy()` under a limit, strict (PROTOCOL 3).
//!
//! Fixed width and little-endian, so that a value has one encoding and messages of one shape have one length. A decoder that
//! succeeds has used every byte, and encoding again gives the same bytes.
//!
//! Not here: maps, floats, `usize`, zero-size elements and recursive types; no wire type may hold one.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{Decode, Encode};

use crate::limits::MAX_WIRE_BYTES;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<MAX_WIRE_BYTES>> =
    bincode::config::legacy().with_limit::<MAX_WIRE_BYTES>();

/// Why bytes are not a value of the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// More bytes than the reader allows for this type.
    #[error("{len} bytes where at most {max} are allowed")]
    TooLong {
        /// Bytes that were offered.
        len: usize,
        /// Bytes that are allowed.
        max: usize,
    },
    /// bincode could not read the type from these bytes.
    #[error("not a {type_name}: {reason}")]
    Malformed {
        /// The Rust name of the type that was expected.
        type_name: &'static str,
        /// bincode's words; they hold positions and codes, never content.
        reason: String,
    },
    /// Bytes were left over after the value.
    #[error("{left} bytes left over after a {type_name}")]
    LeftOver {
        /// The Rust name of the type that was read.
        type_name: &'static str,
        /// Bytes that were not used.
        left: usize,
    },
    /// The bytes decode, but are not what the encoder writes for that value.
    #[error("not the canonical encoding of a {type_name}")]
    NotCanonical {
        /// The Rust name of the type that was read.
        type_name: &'static str,
    },
}

/// The canonical bytes of a value.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, CONFIG).expect("invariant: wire types are bounded and a Vec takes every byte")
}

/// Reads one value from exactly these bytes.
pub fn decode<T: Decode<()> + Encode>(bytes: &[u8], max: usize) -> Result<T, WireError> {
    let type_name = std::any::type_name::<T>();
    if bytes.len() > max.min(MAX_WIRE_BYTES) {
        return Err(WireError::TooLong { len: bytes.len(), max: max.min(MAX_WIRE_BYTES) });
    }
    let (value, used) = bincode::decode_from_slice::<T, _>(bytes, CONFIG)
        .map_err(|error| WireError::Malformed { type_name, reason: error.to_string() })?;
    if used != bytes.len() {
        return Err(WireError::LeftOver { type_name, left: bytes.len() - used });
    }
    if encode(&value) != bytes {
        return Err(WireError::NotCanonical { type_name });
    }
    Ok(value)
}

/// Declares a closed set whose members have a one-byte code on the wire and a name in text.
///
/// The code is for ever; the name is the catalogue's.
#[macro_export]
macro_rules! coded {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every member, in the order of its code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code on the wire.
            pub const fn code(self) -> u8 { match self { $(Self::$variant => $code,)+ } }

            /// The name in text.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $text,)+ } }

            /// The member with this code.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// The member with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl bincode::Encode for $name {
            fn encode<E: bincode::enc::Encoder>(&self, encoder: &mut E) -> Result<(), bincode::error::EncodeError> {
                self.code().encode(encoder)
            }
        }

        impl<C> bincode::Decode<C> for $name {
            fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
                let code = u8::decode(decoder)?;
                Self::from_code(code).ok_or(bincode::error::DecodeError::Other(concat!(stringify!($name), ": unknown code")))
            }
        }

        bincode::impl_borrow_decode!($name);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::from_name(&name).ok_or_else(|| {
                    serde::de::Error::custom(format!(
                        "unknown {}; one of: {}",
                        stringify!($name),
                        Self::ALL.iter().map(|member| member.as_str()).collect::<Vec<_>>().join(", ")
                    ))
                })
            }
        }
    };
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "coded! writes public items")]
mod tests {
    use super::*;

    coded! {
        /// A set for these tests.
        Fruit { /// One.
            Apple = 1 "apple", /// Two.
            Pear = 2 "pear", }
    }

    #[test]
    fn a_length_of_two_to_the_forty_is_refused_without_taking_memory() {
        let bytes = (1u64 << 40).to_le_bytes();
        let refused = decode::<Vec<u8>>(&bytes, 64).unwrap_err();
        assert!(matches!(refused, WireError::Malformed { .. }), "{refused}");
        let refused = decode::<Vec<u64>>(&bytes, 64).unwrap_err();
        assert!(matches!(refused, WireError::Malformed { .. }), "{refused}");
    }

    #[test]
    fn left_over_bytes_are_named() {
        let mut bytes = encode(&7u32);
        bytes.push(0);
        assert_eq!(decode::<u32>(&bytes, 64), Err(WireError::LeftOver { type_name: "u32", left: 1 }));
    }

    #[test]
    fn truncation_at_every_byte_is_refused() {
        let bytes = encode(&(Fruit::Pear, 7u64, vec![1u8, 2, 3]));
        for cut in 0..bytes.len() {
            let refused = decode::<(Fruit, u64, Vec<u8>)>(&bytes[..cut], 64);
            assert!(matches!(refused, Err(WireError::Malformed { .. })), "cut at {cut}");
        }
        assert_eq!(decode::<(Fruit, u64, Vec<u8>)>(&bytes, 64).unwrap(), (Fruit::Pear, 7, vec![1, 2, 3]));
    }

    #[test]
    fn a_second_encoding_of_a_value_is_refused() {
        use std::collections::BTreeMap;
        let twice = encode(&vec![(1u8, 2u8), (1u8, 3u8)]);
        assert!(matches!(decode::<BTreeMap<u8, u8>>(&twice, 64), Err(WireError::NotCanonical { .. })));
    }

    #[test]
    fn an_input_over_its_bound_is_not_looked_at() {
        assert_eq!(decode::<u32>(&[0; 65], 64), Err(WireError::TooLong { len: 65, max: 64 }));
    }

    #[test]
    fn an_unknown_code_is_refused() {
        assert!(matches!(decode::<Fruit>(&[3], 64), Err(WireError::Malformed { .. })));
        assert_eq!(decode::<Fruit>(&[2], 64).unwrap(), Fruit::Pear);
        assert_eq!(Fruit::from_name("apple"), Some(Fruit::Apple));
    }

    #[test]
    fn fixed_width_means_one_length() {
        assert_eq!(encode(&1u64).len(), encode(&u64::MAX).len());
    }
}
