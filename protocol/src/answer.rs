//! The answer that crosses the border: verdicts with their coverage, or a refusal (PROTOCOL 8).
//!
//! Nothing here can hold a record, a document number, an amount, a date of a record or free text.

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Millis};
use crate::coded;
use crate::limits::{MAX_COVERAGE, MAX_PREDICATES};
use crate::predicate::{AttestationType, LawOfOrigin};
use crate::refusal::OutcomeClass;
use crate::refusal::Refusal;

coded! {
    /// Why a predicate has no TRUE or FALSE.
    Indeterminate {
        /// The issuer holds no registration of this subject, or no register for this type.
        NoSource = 1 "no_source",
        /// The subject has no grade.
        NotRated = 2 "not_rated",
        /// The record is under objection.
        Objection = 3 "objection",
        /// A register was not synchronised within its bound.
        Stale = 4 "stale",
        /// The question lies outside what the register covers.
        OutOfScope = 5 "out_of_scope",
        /// The issuer gave the report out and took it back.
        Withdrawn = 6 "withdrawn",
    }
}

/// The three values of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(tag = "value", content = "reason", rename_all = "UPPERCASE")]
pub enum Truth {
    /// It holds, as far as the coverage reaches.
    True,
    /// It does not hold.
    False,
    /// It cannot be said.
    Indeterminate(Indeterminate),
}

impl std::fmt::Display for Truth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::True => f.write_str("TRUE"),
            Self::False => f.write_str("FALSE"),
            Self::Indeterminate(reason) => write!(f, "INDETERMINATE({reason})"),
        }
    }
}

/// The answer to one predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Verdict {
    /// The value.
    pub truth: Truth,
    /// The common band, where the pack admits telling it.
    pub band: Option<u8>,
    /// Whether a record behind it is under objection.
    pub contested: bool,
    /// The last day on which this verdict may be used.
    pub valid_until: Day,
    /// Which entries of the coverage it rests on, bit 0 the first.
    pub coverage: u32,
}

/// A register that an answer rests on, and when it was last synchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Coverage {
    /// The register, by the type it feeds.
    pub register: AttestationType,
    /// When the issuer last took it over whole.
    pub synchronised: Millis,
}

/// Verdicts in the order of the query's predicates.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Serialize, Deserialize)]
pub struct Verdicts {
    /// One for each predicate of the query.
    pub verdicts: Vec<Verdict>,
    /// The registers behind them.
    pub coverage: Vec<Coverage>,
    /// Whose law the facts were recorded under.
    pub law_of_origin: LawOfOrigin,
    /// The day, in UTC+8, as of which it is said.
    pub as_of: Day,
}

impl<C> Decode<C> for Verdicts {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        Ok(Self {
            verdicts: bounded(decoder, 1, MAX_PREDICATES)?,
            coverage: bounded(decoder, 0, MAX_COVERAGE)?,
            law_of_origin: LawOfOrigin::decode(decoder)?,
            as_of: Day::decode(decoder)?,
        })
    }
}
bincode::impl_borrow_decode!(Verdicts);

fn bounded<C, D: bincode::de::Decoder<Context = C>, T: Decode<C>>(
    decoder: &mut D,
    least: usize,
    most: usize,
) -> Result<Vec<T>, bincode::error::DecodeError> {
    let count = usize::try_from(u64::decode(decoder)?).unwrap_or(usize::MAX);
    if !(least..=most).contains(&count) {
        return Err(bincode::error::DecodeError::Other("Verdicts: count out of bounds"));
    }
    (0..count).map(|_| T::decode(decoder)).collect()
}

/// What the issuer says to a query.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    /// Verdicts.
    Answered(Verdicts),
    /// No verdicts, and why.
    Refused(Refusal),
}

impl Reply {
    /// What the leaf says of it.
    pub fn outcome(&self) -> OutcomeClass {
        match self {
            Self::Answered(_) => OutcomeClass::Answered,
            Self::Refused(refusal) => OutcomeClass::Refused(refusal.class()),
        }
    }
}

/// The message that answers a query.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Answer {
    /// The hash of the query's leaf.
    pub query: Digest,
    /// What is said to it.
    pub reply: Reply,
}
