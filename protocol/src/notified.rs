//! What the leaf of a notice says: whom it went to, and how many leaves it names (PROTOCOL 32.3).
//!
//! Not here: the notice (`notice`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;

use crate::erasure::ErasureGround;
use crate::name::Region;

/// A notice of an erasure, as its leaf says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Notified {
    /// To whom.
    pub receiver: Region,
    /// On which ground it was erased.
    pub ground: ErasureGround,
    /// How many leaves the notice names.
    pub count: u8,
    /// Commitment to the notice.
    pub message: Digest,
}
