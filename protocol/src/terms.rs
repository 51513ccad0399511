//! What a query says in clear, in its own leaf and in its answer's: the terms that the rules decide over (PROTOCOL 10).
//!
//! Not here: the subject and the operator, which leaves only commit to.

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use serde::{Deserialize, Serialize};

use crate::authorisation::Uses;
use crate::identifier::SubjectKind;
use crate::name::{OrganisationId, Region};
use crate::portfolio::UnderPortfolio;
use crate::predicate::{Lane, LegalBasis, Predicates, Purpose};

/// What query and answer say in clear, the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Terms {
    /// The region whose node asks.
    pub asker: Region,
    /// The region whose node answers.
    pub issuer: Region,
    /// For whom it asks.
    pub organisation: OrganisationId,
    /// What for.
    pub purpose: Purpose,
    /// What kind of subject.
    pub subject_kind: SubjectKind,
    /// How the answer may be had.
    pub lane: Lane,
    /// On which basis in law.
    pub legal_basis: LegalBasis,
    /// SHA-256 of the rule pack's file.
    pub pack: Digest,
    /// What is asked.
    pub predicates: Predicates,
    /// Whether a digest to be matched came with the query; the digest itself is only committed to.
    pub with_digest: bool,
    /// Which use of which authorisation, in lane A.
    pub authorisation: Option<AuthorisedUse>,
    /// The declared portfolio under which it asks.
    pub portfolio: Option<UnderPortfolio>,
}

/// One use of an authorisation, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorisedUse {
    /// The authorisation's digest, which its nonce keeps from saying anything.
    pub authorisation: Digest,
    /// The how-manieth use, from 1. Each number is used once.
    pub number: Uses,
    /// How often it may be used.
    pub of: Uses,
}
