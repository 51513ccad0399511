//! What an organisation is by the network directory, as far as the rules ask for it (PROTOCOL.md, "Rule pack").
//!
//! Plain data. Not here: the directory that says it (`peers`).

/// The standing of the organisation that asks, towards the region that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether both sides are regulators to each other, so that lane R is open to them.
    pub regulators: bool,
}
