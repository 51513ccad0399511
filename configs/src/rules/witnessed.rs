//! Which answers are released only once others have cosigned them (PROTOCOL 31.5).
//!
//! Not here: waiting for it; that is a node's.

use creditbay_protocol::predicate::Purpose;

/// How long an answer may be held back at most, in seconds: a query lives no longer than two minutes.
pub const LONGEST_WAIT_SECONDS: u32 = 60;

/// The answers that wait, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The purposes whose answers wait.
    pub purposes: Vec<Purpose>,
    /// How many regions other than the issuer's and the asker's must have cosigned.
    pub quorum: u32,
    /// How long an answer waits before it is withheld.
    pub wait_seconds: u32,
}
