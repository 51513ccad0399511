//! What can be wrong with an attestation (PROTOCOL 20, 34.2). One variant per cause.
//!
//! Not here: the checks (`attestation` with a network directory, `third_party` with a trust policy).

use crate::name::{Origin, Region};
use crate::policy::fault::Rejection;
use crate::proof::TlogProofError;
use crate::wire::WireError;

/// The format line of a file.
pub const FORMAT: &str = "creditbay/attestation/v1";

/// A fault of an attestation. All that are found are reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationFault {
    /// Another format line.
    #[error("format: the file says another format than {FORMAT}")]
    Format,
    /// A field is not base64.
    #[error("{part}.{field}: not base64")]
    Base64 {
        /// `query` or `answer`.
        part: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A seed is not 32 bytes.
    #[error("{part}.seed: not 32 bytes")]
    Seed {
        /// `query` or `answer`.
        part: &'static str,
    },
    /// The exact bytes are no message.
    #[error("{part}.message: {error}")]
    Message {
        /// `query` or `answer`.
        part: &'static str,
        /// What is wrong.
        error: WireError,
    },
    /// The file names a log that the verifier does not know.
    #[error("{part}.log: {origin} is not a log of the network directory")]
    UnknownLog {
        /// `query` or `answer`.
        part: &'static str,
        /// The log named.
        origin: Origin,
    },
    /// The log is not that of the region that the message names.
    #[error("{part}.log: {origin} is not the log of region {region}")]
    LogOfOther {
        /// `query` or `answer`.
        part: &'static str,
        /// The log named.
        origin: Origin,
        /// The region that the query names.
        region: Region,
    },
    /// The proof does not hold.
    #[error("{part}.tlog_proof: {error}")]
    Proof {
        /// `query` or `answer`.
        part: &'static str,
        /// What is wrong.
        error: TlogProofError,
    },
    /// The answer's leaf names another query, or it has another count of verdicts than the query has predicates.
    #[error("answer: it answers another query than the one in the file")]
    OtherQuery,
    /// The readable content says something else than the exact bytes.
    #[error("content: it says something else than the exact bytes")]
    Content,
    /// The identity is not the answer's leaf.
    #[error("id: not the hash of the answer's leaf")]
    Id,
    /// No known witness of another region has cosigned the answer's checkpoint, or one's line does not verify.
    #[error("no cosignature of another region on the checkpoint")]
    NoCosignature,
    /// The trust policy does not accept the checkpoint.
    #[error("{part}.tlog_proof: {rejection}")]
    Rejected {
        /// `query` or `answer`.
        part: &'static str,
        /// Why.
        rejection: Rejection,
    },
    /// The trust policy lists logs of more than one owner that could be the region's, so nobody can tell whose word it is.
    #[error("{part}.log: the policy lists logs of several owners that could be region {region}'s; keep one of them")]
    SeveralOwners {
        /// `query` or `answer`.
        part: &'static str,
        /// The region that the query names.
        region: Region,
    },
}

impl AttestationFault {
    /// The part of the file that it stands in: `query`, `answer`, or nothing where it is the whole.
    pub fn part(&self) -> Option<&'static str> {
        match self {
            Self::Base64 { part, .. }
            | Self::Seed { part }
            | Self::Message { part, .. }
            | Self::UnknownLog { part, .. }
            | Self::LogOfOther { part, .. }
            | Self::Proof { part, .. }
            | Self::Rejected { part, .. }
            | Self::SeveralOwners { part, .. } => Some(part),
            Self::OtherQuery | Self::NoCosignature => Some("answer"),
            Self::Format | Self::Content | Self::Id => None,
        }
    }

    /// The fault's name, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Base64 { .. } => "base64",
            Self::Seed { .. } => "seed",
            Self::Message { .. } => "message",
            Self::UnknownLog { .. } => "unknown_log",
            Self::LogOfOther { .. } => "log_of_other",
            Self::Proof { error, .. } => error.kind(),
            Self::OtherQuery => "other_query",
            Self::Content => "content",
            Self::Id => "id",
            Self::NoCosignature => "no_cosignature",
            Self::Rejected { rejection, .. } => rejection.kind(),
            Self::SeveralOwners { .. } => "several_owners",
        }
    }
}
