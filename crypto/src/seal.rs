//! Sealing at rest: AES-256-GCM under a label (NIST SP 800-38D; PROTOCOL 26.6).
//!
//! Sealed bytes are `nonce (12) ‖ ciphertext ‖ tag (16)`; label, NUL and the caller's context are authenticated. Deliberately not
//! here: where nonces come from (an argument; random, and at most 2^32 of them under one key), where keys are kept, erasure.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::label::Label;

/// Bytes by which sealed bytes are longer than plain ones.
pub const OVERHEAD_BYTES: usize = NONCE_LEN + 16;

/// A key that seals.
///
/// It cannot be printed or copied by accident:
///
/// ```compile_fail,E0277
/// println!("{:?}", creditbay_crypto::seal::SealingKey::from_bytes([7; 32]));
/// ```
///
/// ```compile_fail,E0599
/// let second = creditbay_crypto::seal::SealingKey::from_bytes([7; 32]).clone();
/// ```
pub struct SealingKey(LessSafeKey);

/// Why sealed bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Shorter than nonce and tag.
    #[error("{0} sealed bytes, but nonce and tag alone take {OVERHEAD_BYTES}; restore them from a backup")]
    TooShort(usize),
    /// Another key, label or context than at sealing, or changed bytes. Which of them cannot be told.
    #[error(
        "sealed bytes do not open: changed, or sealed with another key or for another place; check the key, then restore them"
    )]
    Refused,
}

impl SealingKey {
    /// Takes 32 random bytes that serve nothing else. The caller's copy is the caller's to erase.
    pub fn from_bytes(key: [u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("invariant: AES-256 takes 32 bytes")))
    }

    /// Seals bytes for a purpose (`label`) and a place (`aad`, such as a database key). A nonce is used once under one key.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], label: Label, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), authenticated(label, aad), &mut sealed[NONCE_LEN..])
            .expect("invariant: what fits in memory is below the 64 GiB that GCM takes");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`SealingKey::seal`] made with the same key, label and place.
    pub fn open(&self, label: Label, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::TooShort(sealed.len()))?;
        if sealed.len() < OVERHEAD_BYTES {
            return Err(SealError::TooShort(sealed.len()));
        }
        let mut buffer = rest.to_vec();
        let length = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), authenticated(label, aad), &mut buffer)
            .map_err(|_| SealError::Refused)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

fn authenticated(label: Label, aad: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([label.as_bytes(), &[0], aad].concat())
}

#[cfg(test)]
mod tests {
    use super::{OVERHEAD_BYTES, SealError, SealingKey};
    use crate::label::Label;
    use crate::vectors::hex;

    fn key() -> SealingKey {
        SealingKey::from_bytes([7; 32])
    }

    fn sealed() -> Vec<u8> {
        key().seal([1; 12], Label::SEAL_RECORD, b"place", b"content")
    }

    #[test]
    fn what_was_sealed_opens() {
        assert_eq!(key().open(Label::SEAL_RECORD, b"place", &sealed()).as_deref(), Ok(b"content".as_slice()));
        assert_eq!(sealed().len(), b"content".len() + OVERHEAD_BYTES);
        let empty = key().seal([2; 12], Label::SEAL_OPENING, b"", b"");
        assert_eq!(key().open(Label::SEAL_OPENING, b"", &empty), Ok(Vec::new()));
    }

    /// Figure computed with Python's `cryptography` (AESGCM) from the same key, nonce, label, place and content.
    #[test]
    fn a_foreign_implementation_seals_the_same() {
        assert_eq!(sealed(), hex("010101010101010101010101158ee7c3f5d198c00015edd56f0be5e274604f84e8e4d6"));
    }

    #[test]
    fn another_key_label_or_place_is_refused() {
        let other = SealingKey::from_bytes([8; 32]);
        assert_eq!(other.open(Label::SEAL_RECORD, b"place", &sealed()), Err(SealError::Refused));
        assert_eq!(key().open(Label::SEAL_OPENING, b"place", &sealed()), Err(SealError::Refused));
        assert_eq!(key().open(Label::SEAL_RECORD, b"plact", &sealed()), Err(SealError::Refused));
        assert_eq!(key().open(Label::SEAL_RECORD, b"", &sealed()), Err(SealError::Refused));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        for bit in 0..sealed().len() * 8 {
            let mut forged = sealed();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key().open(Label::SEAL_RECORD, b"place", &forged), Err(SealError::Refused), "bit {bit}");
        }
    }

    #[test]
    fn cut_anywhere_it_is_refused() {
        let sealed = sealed();
        for length in 0..sealed.len() {
            let expected = if length < OVERHEAD_BYTES { SealError::TooShort(length) } else { SealError::Refused };
            assert_eq!(key().open(Label::SEAL_RECORD, b"place", &sealed[..length]), Err(expected));
        }
    }
}
