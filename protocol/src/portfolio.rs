//! A declared portfolio: so many subjects about whom an organisation means to ask, so that it is not taken for one that tries out
//! identifiers (PROTOCOL 7.3; design 6).
//!
//! It is a leaf in the asker's log before the first query under it. Not here: the subjects, and how many of them were asked about.

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use serde::{Deserialize, Serialize};

use crate::calendar::Millis;
use crate::name::OrganisationId;
use crate::predicate::Purpose;
use crate::wire;

/// What is declared.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portfolio {
    /// 128 random bits.
    pub nonce: u128,
    /// Who asks.
    pub organisation: OrganisationId,
    /// What for.
    pub purpose: Purpose,
    /// About how many subjects at most.
    pub size: u32,
    /// Until when.
    pub until: Millis,
}

impl Portfolio {
    /// Its identity, which queries name.
    pub fn digest(&self) -> Digest {
        Digest::of(&wire::encode(self))
    }
}

/// How a query names the portfolio under which it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct UnderPortfolio {
    /// The portfolio.
    pub portfolio: Digest,
    /// Its declared size.
    pub size: u32,
}
