//! SHA-256, HMAC-SHA-256 and the text forms of bytes (FIPS 180-4, RFC 2104, RFC 4648 section 4).
//!
//! ring computes; this is the one room of base64. One value has one text: lower-case hex, padded base64 with zero trailing bits.
//! Deliberately not here: Merkle hashing (`merkle`), commitments (`commit`).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

/// 32 bytes of SHA-256 or HMAC-SHA-256. Public: it may be printed, compared in variable time, and sent (32 raw bytes).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub struct Digest(pub [u8; 32]);

/// SHA-256 of bytes that come in pieces: a file that is larger than memory should hold.
pub struct Hashing(digest::Context);

impl Hashing {
    /// Of no bytes yet.
    pub fn start() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Of these bytes too.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all that came.
    pub fn finish(self) -> Digest {
        Digest::from_ring(self.0.finish().as_ref())
    }
}

/// Why a text is not a digest or not base64. The text itself is not repeated: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Not 64 characters of hex.
    #[error("a digest in hex has 64 characters, not {0}; copy the whole of it")]
    HexLength(usize),
    /// A character that is not lower-case hex.
    #[error("character {0} (counted from 0) is not one of 0-9 a-f; write the digest in lower case")]
    HexCharacter(usize),
    /// Not the standard alphabet, wrong padding, or trailing bits that are not zero.
    #[error("not canonical base64 (standard alphabet, padded, trailing bits zero); encode the bytes again")]
    Base64,
    /// Well-formed base64 of something that is not 32 bytes.
    #[error("base64 of {0} bytes, but a digest has 32; copy the whole of it")]
    Base64Length(usize),
}

/// As hex in text formats.
impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        Self::from_hex(&text).map_err(serde::de::Error::custom)
    }
}

impl Digest {
    /// SHA-256 of the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_ring(digest::digest(&digest::SHA256, bytes).as_ref())
    }

    /// SHA-256 of the parts, one after the other. No separators: the caller makes the parts unambiguous.
    pub fn concat(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        Self::from_ring(context.finish().as_ref())
    }

    /// HMAC-SHA-256 under `key` of the parts, one after the other, without separators.
    pub fn hmac(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in parts {
            context.update(part);
        }
        Self::from_ring(context.sign().as_ref())
    }

    /// Reads 64 characters of lower-case hex, as `Display` writes them.
    pub fn from_hex(text: &str) -> Result<Self, HashError> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return Err(HashError::HexLength(text.len()));
        }
        let mut bytes = [0; 32];
        for (position, character) in text.iter().enumerate() {
            let nibble = match character {
                b'0'..=b'9' => character - b'0',
                b'a'..=b'f' => character - b'a' + 10,
                _ => return Err(HashError::HexCharacter(position)),
            };
            bytes[position / 2] = bytes[position / 2] << 4 | nibble;
        }
        Ok(Self(bytes))
    }

    /// Padded base64, 44 characters: the form in checkpoints and proofs.
    pub fn to_base64(&self) -> String {
        base64_encode(&self.0)
    }

    /// Reads what [`Digest::to_base64`] writes, and nothing else.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        let bytes = base64_decode(text)?;
        <[u8; 32]>::try_from(bytes).map(Self).map_err(|bytes| HashError::Base64Length(bytes.len()))
    }

    fn from_ring(output: &[u8]) -> Self {
        Self(output.try_into().expect("invariant: SHA-256 gives 32 bytes"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

/// Base64 with the standard alphabet and padding.
pub fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64 with the standard alphabet. Refuses missing padding, white space and trailing bits that are not zero, so that
/// encoding the result gives the same text.
pub fn base64_decode(text: &str) -> Result<Vec<u8>, HashError> {
    STANDARD.decode(text).map_err(|_| HashError::Base64)
}

#[cfg(test)]
mod tests {
    use super::{Digest, HashError, Hashing, base64_decode, base64_encode};

    /// FIPS 180-4, example of NIST: SHA-256("abc").
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    /// The same in base64.
    const ABC_BASE64: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

    #[test]
    fn pieces_hash_like_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for size in [1, 63, 64, 65, 1000] {
            let mut hashing = Hashing::start();
            bytes.chunks(size).for_each(|piece| hashing.update(piece));
            assert_eq!(hashing.finish(), Digest::of(&bytes), "{size}");
        }
        assert_eq!(Hashing::start().finish(), Digest::of(b""));
    }

    #[test]
    fn sha256_of_the_nist_example() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(Digest::concat(&[b"a", b"", b"bc"]), Digest::of(b"abc"));
        assert_ne!(Digest::concat(&[b"b", b"ac"]), Digest::of(b"abc"));
    }

    #[test]
    fn hmac_of_rfc_4231_case_2() {
        let tag = Digest::hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(tag.to_string(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_ne!(Digest::hmac(b"jefe", &[b"what do ya want for nothing?"]), tag);
    }

    #[test]
    fn texts_are_read_back() {
        let digest = Digest::of(b"abc");
        assert_eq!(Digest::from_hex(ABC), Ok(digest));
        assert_eq!(digest.to_base64(), ABC_BASE64);
        assert_eq!(Digest::from_base64(ABC_BASE64), Ok(digest));
        assert_eq!(format!("{digest:?}"), "ba7816bf…");
    }

    #[test]
    fn hex_of_another_length_is_refused() {
        assert_eq!(Digest::from_hex(&ABC[1..]), Err(HashError::HexLength(63)));
        assert_eq!(Digest::from_hex(&format!("{ABC}0")), Err(HashError::HexLength(65)));
    }

    #[test]
    fn hex_with_another_character_is_refused() {
        assert_eq!(Digest::from_hex(&ABC.to_uppercase()), Err(HashError::HexCharacter(0)));
        assert_eq!(Digest::from_hex(&format!("{}g", &ABC[..63])), Err(HashError::HexCharacter(63)));
        assert_eq!(Digest::from_hex(&format!("é{}", &ABC[2..])), Err(HashError::HexCharacter(0)));
    }

    #[test]
    fn base64_that_is_not_canonical_is_refused() {
        let last_bits_set = ABC_BASE64.replace("Fa0=", "Fa1=");
        for text in [last_bits_set.as_str(), &ABC_BASE64[..43], " ungW", "ung_", "ungW\n", "=", "u"] {
            assert_eq!(base64_decode(text), Err(HashError::Base64), "{text:?}");
            assert_eq!(Digest::from_base64(text), Err(HashError::Base64), "{text:?}");
        }
    }

    #[test]
    fn base64_of_another_length_is_refused() {
        assert_eq!(Digest::from_base64(&base64_encode(&[1; 31])), Err(HashError::Base64Length(31)));
        assert_eq!(Digest::from_base64(""), Err(HashError::Base64Length(0)));
    }

    #[test]
    fn on_the_wire_it_is_its_32_bytes() {
        let wire = bincode::encode_to_vec(Digest([3; 32]), bincode::config::legacy()).unwrap();
        assert_eq!(wire, [3; 32]);
    }
}
