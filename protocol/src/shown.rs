//! That openings were shown, as the leaf says it (PROTOCOL 32.2).
//!
//! Not here: the openings (`opening`).

use bincode::{Decode, Encode};
use creditbay_crypto::commit::commit;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::secret::Seed;

use crate::coded;

coded! {
    /// A field of a leaf that a commitment hides.
    Field {
        /// The message.
        Message = 1 "message",
        /// About whom it is.
        Subject = 2 "subject",
        /// Who asked.
        Operator = 3 "operator",
    }
}

impl Field {
    /// The label of the field's commitment.
    pub fn label(self) -> Label {
        match self {
            Self::Message => Label::COMMIT_MESSAGE,
            Self::Subject => Label::COMMIT_SUBJECT,
            Self::Operator => Label::COMMIT_OPERATOR,
        }
    }
}

/// Openings that were shown. From its leaf on they may be anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Shown {
    /// The first leaf.
    pub first: u64,
    /// The last leaf.
    pub last: u64,
    /// How many leaves.
    pub count: u32,
    /// SHA-256 of the indices in their order, each as a u64.
    pub indices: Digest,
    /// Which fields of each.
    pub fields: Fields,
    /// Commitment to the ground that was given, in words.
    pub ground: Digest,
}

/// Which fields were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Fields {
    /// The message.
    pub message: bool,
    /// The subject.
    pub subject: bool,
    /// The operator.
    pub operator: bool,
}

impl Fields {
    /// These fields.
    pub fn of(fields: &[Field]) -> Self {
        let has = |field| fields.contains(&field);
        Self { message: has(Field::Message), subject: has(Field::Subject), operator: has(Field::Operator) }
    }

    /// The fields, in their order.
    pub fn members(self) -> Vec<Field> {
        let all = [(self.message, Field::Message), (self.subject, Field::Subject), (self.operator, Field::Operator)];
        all.into_iter().filter_map(|(shown, field)| shown.then_some(field)).collect()
    }
}

impl Shown {
    /// The words of the leaf for indices in ascending order, not none, and the ground under the seed of the leaf's salts.
    pub fn of(indices: &[u64], fields: &[Field], ground: &str, seed: &Seed) -> Option<Self> {
        let (first, last) = (*indices.first()?, *indices.last()?);
        Some(Self {
            first,
            last,
            count: u32::try_from(indices.len()).ok()?,
            indices: digest(indices),
            fields: Fields::of(fields),
            ground: commit(seed, Label::COMMIT_MESSAGE, ground.as_bytes()),
        })
    }

    /// Whether these are the leaves, in ascending order.
    pub fn names(&self, indices: &[u64]) -> bool {
        usize::try_from(self.count).is_ok_and(|count| count == indices.len()) && digest(indices) == self.indices
    }
}

fn digest(indices: &[u64]) -> Digest {
    let bytes: Vec<u8> = indices.iter().flat_map(|index| index.to_le_bytes()).collect();
    Digest::of(&bytes)
}
