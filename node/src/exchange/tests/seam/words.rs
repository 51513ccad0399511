//! What nodes said, to one another and to whoever asked them: held against what is durable at every start.

use std::collections::BTreeSet;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::name::{Origin, Region};

/// What nodes said, to one another and to whoever asked them.
#[derive(Default)]
pub(super) struct Words {
    /// Signed heads: log, size, root.
    pub(super) heads: BTreeSet<(Origin, u64, Digest)>,
    /// Leaves whose messages left a node: log, index, hash.
    pub(super) released: BTreeSet<(Origin, u64, Digest)>,
    /// Answers that a service got: the answer's leaf.
    pub(super) told: BTreeSet<(Origin, u64)>,
    /// Cosignatures: the witness, of which log, at which size.
    pub(super) cosigned: BTreeSet<(Region, Origin, u64)>,
    /// Whether all records were said to be kept.
    pub(super) imported: bool,
    /// Whether retention began on a day on which the row about a person and the report are over.
    pub(super) retained: bool,
}
