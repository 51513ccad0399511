//! Secret bytes: the 32-byte seed of a leaf or of a key (PROTOCOL 26.5).
//!
//! Deliberately not here: where random bytes come from (they are an argument), and what is derived from a seed (`commit`, `sign`).

use bincode::de::{BorrowDecode, BorrowDecoder, Decode, Decoder};
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};
use zeroize::ZeroizeOnDrop;

/// 32 secret bytes, overwritten when dropped.
///
/// It cannot be printed, copied or compared by accident:
///
/// ```compile_fail,E0277
/// let seed = creditbay_crypto::secret::Seed::from_bytes([7; 32]);
/// println!("{seed:?}");
/// ```
///
/// ```compile_fail,E0599
/// let seed = creditbay_crypto::secret::Seed::from_bytes([7; 32]);
/// let second = seed.clone();
/// ```
///
/// ```compile_fail,E0369
/// use creditbay_crypto::secret::Seed;
/// let same = Seed::from_bytes([7; 32]) == Seed::from_bytes([7; 32]);
/// ```
///
/// On the wire it is 32 raw bytes, since the other party to an exchange gets the seed of the leaves that it is a party to.
#[derive(ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Takes 32 bytes that nobody can guess. The caller's copy is the caller's to erase.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret bytes. Each call is a place to look at in review.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Encode for Seed {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.encode(encoder)
    }
}

impl<Context> Decode<Context> for Seed {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(Self(<[u8; 32]>::decode(decoder)?))
    }
}

impl<'de, Context> BorrowDecode<'de, Context> for Seed {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

#[cfg(test)]
mod tests {
    use bincode::config;

    use super::Seed;

    #[test]
    fn on_the_wire_it_is_its_32_bytes() {
        let bytes: [u8; 32] = std::array::from_fn(|i| i as u8);
        let wire = bincode::encode_to_vec(Seed::from_bytes(bytes), config::legacy()).unwrap();
        assert_eq!(wire, bytes);
        let (seed, used) = bincode::decode_from_slice::<Seed, _>(&wire, config::legacy()).unwrap();
        assert_eq!((seed.expose(), used), (&bytes, 32));
        let (seed, _) = bincode::borrow_decode_from_slice::<Seed, _>(&wire, config::legacy()).unwrap();
        assert_eq!(seed.expose(), &bytes);
    }

    #[test]
    fn cut_short_it_is_refused() {
        for length in 0..32 {
            assert!(bincode::decode_from_slice::<Seed, _>(&[9; 32][..length], config::legacy()).is_err());
        }
    }

    #[test]
    fn a_size_limit_counts_it() {
        assert!(bincode::decode_from_slice::<Seed, _>(&[9; 32], config::legacy().with_limit::<31>()).is_err());
        assert!(bincode::decode_from_slice::<Seed, _>(&[9; 32], config::legacy().with_limit::<32>()).is_ok());
    }

    #[test]
    fn it_is_overwritten_when_dropped() {
        fn overwritten<T: zeroize::ZeroizeOnDrop>() -> bool {
            std::mem::needs_drop::<T>()
        }
        assert!(overwritten::<Seed>());
    }
}
