//! What the network directory says of an organisation that asks (PROTOCOL 28.2). Plain data.
//!
//! Not here: how it is found (`peers`), and what it decides (`decide`).

/// What an organisation may claim to be towards one issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// It is a regulator, and so are some on the issuer's side: the regulators' lane is open to it.
    pub regulators: bool,
}
