//! Salted commitments and their openings (PROTOCOL 26.5).
//!
//! `salt = HMAC-SHA-256(seed, label)`, `commitment = SHA-256(label ‖ 0x00 ‖ salt ‖ bytes)`. One seed serves one leaf; each field has a
//! label and so a salt of its own. An opening shows the salt and bytes of one field: it says nothing of the other fields, since
//! their salts cannot be computed from it without the seed. Whoever holds the seed can test guesses for every field of the leaf.
//! Deliberately not here: the canonical bytes of what is committed to.

use std::fmt;

use crate::hash::Digest;
use crate::label::Label;
use crate::secret::Seed;

/// The salt of the field `label` in the leaf of `seed`.
pub fn salt(seed: &Seed, label: Label) -> Digest {
    Digest::hmac(seed.expose(), &[label.as_bytes()])
}

/// The commitment to the canonical bytes of a field.
pub fn commit(seed: &Seed, label: Label, bytes: &[u8]) -> Digest {
    digest(label, &salt(seed, label), bytes)
}

fn digest(label: Label, salt: &Digest, bytes: &[u8]) -> Digest {
    Digest::concat(&[label.as_bytes(), &[0], &salt.0, bytes])
}

/// What opens one commitment, for an auditor or the subject.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// The label's text, as a stranger wrote it.
    pub label: String,
    /// The field's salt.
    pub salt: Digest,
    /// The field's canonical bytes. They may name a subject: `Debug` does not show them.
    pub bytes: Vec<u8>,
}

impl Opening {
    /// The opening of the commitment that [`commit`] makes of the same arguments.
    pub fn of(seed: &Seed, label: Label, bytes: &[u8]) -> Self {
        Self { label: label.as_str().to_owned(), salt: salt(seed, label), bytes: bytes.to_vec() }
    }

    /// Whether this opens the commitment. A label that is not ours opens nothing: with a NUL in it, the same hashed bytes could be
    /// cut into label, salt and content at another place.
    pub fn opens(&self, commitment: &Digest) -> bool {
        let label = Label::ALL.iter().find(|label| label.as_str() == self.label);
        label.is_some_and(|label| digest(*label, &self.salt, &self.bytes) == *commitment)
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("label", &self.label).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Opening, commit, salt};
    use crate::hash::Digest;
    use crate::label::Label;
    use crate::secret::Seed;

    fn seed() -> Seed {
        Seed::from_bytes([7; 32])
    }

    #[test]
    fn an_opening_opens_its_commitment() {
        for label in Label::ALL {
            assert!(Opening::of(&seed(), *label, b"canonical").opens(&commit(&seed(), *label, b"canonical")));
        }
    }

    /// Figures computed with Python's `hmac` and `hashlib` from the formulas above.
    #[test]
    fn the_formulas_give_these_figures() {
        assert_eq!(
            salt(&seed(), Label::COMMIT_SUBJECT).to_string(),
            "3a55262f4cd19f7a01f552b1ec0c892741c059ce3c90276b098d82cb33a2cc03"
        );
        assert_eq!(
            commit(&seed(), Label::COMMIT_SUBJECT, b"canonical").to_string(),
            "e4dd609b477edf591b6fd79a67a4bb5e7b4f0aea6fb4912dbd2481d60452b5be"
        );
    }

    #[test]
    fn other_bytes_another_label_another_salt_open_nothing() {
        let commitment = commit(&seed(), Label::COMMIT_SUBJECT, b"canonical");
        let good = Opening::of(&seed(), Label::COMMIT_SUBJECT, b"canonical");
        let other_bytes = Opening { bytes: b"canonicaL".to_vec(), ..good.clone() };
        let other_label = Opening { label: Label::COMMIT_OPERATOR.as_str().to_owned(), ..good.clone() };
        let other_salt = Opening { salt: salt(&Seed::from_bytes([8; 32]), Label::COMMIT_SUBJECT), ..good };
        for forged in [other_bytes, other_label, other_salt] {
            assert!(!forged.opens(&commitment), "{forged:?}");
        }
    }

    #[test]
    fn a_label_of_a_strangers_making_opens_nothing() {
        // The hashed bytes of this commitment, cut one byte further right: label and NUL and first byte of the salt as "label".
        let mut seeds = (0..=u16::MAX).map(|i| Seed::from_bytes([i.to_le_bytes(); 16].concat().try_into().unwrap()));
        let seed = seeds.find(|seed| salt(seed, Label::NETWORK).0[0] == 0).unwrap();
        let commitment = commit(&seed, Label::NETWORK, b"content");
        let good = Opening::of(&seed, Label::NETWORK, b"content");
        let mut shifted = [0; 32];
        shifted[..31].copy_from_slice(&good.salt.0[1..]);
        shifted[31] = b'c';
        let forged = Opening { label: format!("{}\0", good.label), salt: Digest(shifted), bytes: b"ontent".to_vec() };
        let same_bytes = Digest::concat(&[forged.label.as_bytes(), &[0], &forged.salt.0, &forged.bytes]);
        assert_eq!(same_bytes, commitment, "the forgery hashes to the same commitment");
        assert!(!forged.opens(&commitment));
        for label in ["", "creditbay/v2/network", &format!("{}\0", good.label), &good.label[1..]] {
            let renamed = Opening { label: label.to_owned(), ..good.clone() };
            assert!(!renamed.opens(&commitment), "{label:?}");
        }
    }

    /// One field's opening holds the other fields' salts neither plainly nor as anything they are computed from: its salt is an
    /// HMAC output, and used as a seed or as the other salt it opens nothing.
    #[test]
    fn an_opening_of_one_field_says_nothing_of_another() {
        let subject = commit(&seed(), Label::COMMIT_SUBJECT, b"guessed");
        let operator = Opening::of(&seed(), Label::COMMIT_OPERATOR, b"operator");
        let reused =
            Opening { label: Label::COMMIT_SUBJECT.as_str().to_owned(), salt: operator.salt, bytes: b"guessed".to_vec() };
        assert!(!reused.opens(&subject));
        assert_ne!(commit(&Seed::from_bytes(operator.salt.0), Label::COMMIT_SUBJECT, b"guessed"), subject);
        assert!(Opening::of(&seed(), Label::COMMIT_SUBJECT, b"guessed").opens(&subject), "with the seed the guess is confirmed");
    }

    #[test]
    fn debug_output_keeps_the_content_to_itself() {
        let printed = format!("{:?}", Opening::of(&seed(), Label::COMMIT_SUBJECT, b"canonical"));
        assert_eq!(printed, "Opening { label: \"creditbay/v1/commit/subject\", .. }");
    }
}
