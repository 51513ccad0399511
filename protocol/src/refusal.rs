//! What a peer may hear instead of an answer: a closed set of refusals, and a closed set of faults (PROTOCOL 9).
//!
//! A *refusal* answers a verified, logged query and is a leaf of its own. A *fault* closes the stream with a code before anything is
//! logged, so that a stranger cannot make a log grow. Not here: why a service is refused at the door; that is HTTP's.

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use serde::{Deserialize, Serialize};

use crate::coded;

coded! {
    /// What a leaf says of a refusal; the exact reason is inside the message.
    RefusalClass {
        /// The rules do not admit it.
        Policy = 1 "policy",
        /// The subject is not one that may be asked about here.
        Subject = 2 "subject",
        /// Admitted, but not now.
        Capacity = 3 "capacity",
    }
}

/// How a query ended, as far as an auditor may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum OutcomeClass {
    /// With verdicts.
    Answered,
    /// Without.
    Refused(RefusalClass),
}

/// Why a query is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Refusal {
    /// The query names another rule pack than those active here.
    RulePack {
        /// The pack that the query names.
        named: Digest,
        /// The pack that is active here.
        active: Digest,
    },
    /// The pack does not know this type.
    TypeUnknown,
    /// The purpose may not ask this type.
    PurposeNotAdmitted,
    /// The shape does not fit the type.
    ShapeNotAdmitted,
    /// The look-back is longer than the type admits.
    WindowTooLong,
    /// The kind of subject is not one of the type's.
    SubjectKindNotAdmitted,
    /// The lane that the query names is not the one that the rules ask for.
    LaneWrong,
    /// The legal basis is not the one that the rules name for this pair of regions.
    BasisWrong,
    /// No legal basis exists between these regions.
    PairWithoutBasis,
    /// The subject is a natural person.
    NaturalPerson,
    /// The subject's identifier belongs to another region's register.
    SubjectElsewhere,
    /// The peer is suspended here.
    PeerSuspended,
    /// The type is suspended here.
    TypeSuspended,
    /// A budget is spent.
    BudgetSpent {
        /// Which.
        budget: Budget,
    },
    /// The node takes no more queries now.
    Closing,
    /// The purpose is not one that these regions may use between them.
    PurposeBetweenOthers,
    /// Only regulators, by the network directory, may ask this.
    NotRegulators,
    /// Native grades are compared under one law only; across laws there is the common band.
    GradeAcrossLaws,
    /// The band map or grade is not one that the pack has for this type.
    GradeUnknown,
    /// A digest is missing that is to be matched, or none is to be matched.
    DigestMissing,
    /// The lane needs an authorisation, or does not have one.
    AuthorisationMissing,
    /// The channel is not one that the directory lists for the issuer's region.
    ChannelUnknown,
    /// The channel did not sign these bytes.
    AuthorisationForged,
    /// The authorisation is another entity's.
    OtherSubject,
    /// The authorisation is for another purpose.
    OtherPurpose,
    /// The authorisation is for another recipient, or for other regions.
    OtherReceiver,
    /// The authorisation does not name the type.
    OtherType,
    /// The entity did not agree to what this question needs.
    NotAgreed,
    /// The authorisation has not begun, or is over.
    AuthorisationExpired,
    /// The entity withdrew the authorisation.
    AuthorisationWithdrawn,
    /// The use was spent already, or is one too many.
    AuthorisationSpent,
    /// The portfolio is not declared for this organisation and purpose, or larger than the rules admit, or over.
    PortfolioUnknown,
    /// The rules let this answer out only when enough other regions have cosigned it, and they had not in time.
    NotWitnessed,
}

coded! {
    /// A budget of the rule pack.
    Budget {
        /// Answers that an organisation gets in a day.
        Requester = 1 "requester",
        /// Answers that a peer gets in a day.
        Peer = 2 "peer",
        /// Answers about one subject that an organisation gets in a day.
        Subject = 3 "subject",
        /// Types that an organisation may learn of one subject in a day.
        Combination = 4 "combination",
        /// Subjects, or identifiers that nobody has, that an organisation may ask about in a day without a portfolio.
        Enumeration = 5 "enumeration",
        /// Subjects of a declared portfolio.
        Portfolio = 6 "portfolio",
        /// Answers about natural persons that a peer gets in a calendar year.
        Volume = 7 "volume",
    }
}

impl Refusal {
    /// What the leaf says of it.
    pub fn class(&self) -> RefusalClass {
        match self {
            Self::RulePack { .. }
            | Self::TypeUnknown
            | Self::PurposeNotAdmitted
            | Self::ShapeNotAdmitted
            | Self::WindowTooLong
            | Self::LaneWrong
            | Self::BasisWrong
            | Self::PairWithoutBasis
            | Self::PeerSuspended
            | Self::TypeSuspended
            | Self::PurposeBetweenOthers
            | Self::NotRegulators
            | Self::GradeAcrossLaws
            | Self::GradeUnknown
            | Self::DigestMissing
            | Self::AuthorisationMissing
            | Self::ChannelUnknown
            | Self::AuthorisationForged
            | Self::OtherPurpose
            | Self::OtherReceiver
            | Self::OtherType
            | Self::NotAgreed
            | Self::AuthorisationExpired
            | Self::AuthorisationWithdrawn => RefusalClass::Policy,
            Self::SubjectKindNotAdmitted | Self::NaturalPerson | Self::SubjectElsewhere | Self::OtherSubject => {
                RefusalClass::Subject
            }
            Self::BudgetSpent { .. } | Self::Closing | Self::AuthorisationSpent | Self::PortfolioUnknown | Self::NotWitnessed => {
                RefusalClass::Capacity
            }
        }
    }

    /// The reason's name, as in JSON and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RulePack { .. } => "rule_pack",
            Self::TypeUnknown => "type_unknown",
            Self::PurposeNotAdmitted => "purpose_not_admitted",
            Self::ShapeNotAdmitted => "shape_not_admitted",
            Self::WindowTooLong => "window_too_long",
            Self::SubjectKindNotAdmitted => "subject_kind_not_admitted",
            Self::LaneWrong => "lane_wrong",
            Self::BasisWrong => "basis_wrong",
            Self::PairWithoutBasis => "pair_without_basis",
            Self::NaturalPerson => "natural_person",
            Self::SubjectElsewhere => "subject_elsewhere",
            Self::PeerSuspended => "peer_suspended",
            Self::TypeSuspended => "type_suspended",
            Self::BudgetSpent { .. } => "budget_spent",
            Self::Closing => "closing",
            Self::PurposeBetweenOthers => "purpose_between_others",
            Self::NotRegulators => "not_regulators",
            Self::GradeAcrossLaws => "grade_across_laws",
            Self::GradeUnknown => "grade_unknown",
            Self::DigestMissing => "digest_missing",
            Self::AuthorisationMissing => "authorisation_missing",
            Self::ChannelUnknown => "channel_unknown",
            Self::AuthorisationForged => "authorisation_forged",
            Self::OtherSubject => "other_subject",
            Self::OtherPurpose => "other_purpose",
            Self::OtherReceiver => "other_receiver",
            Self::OtherType => "other_type",
            Self::NotAgreed => "not_agreed",
            Self::AuthorisationExpired => "authorisation_expired",
            Self::AuthorisationWithdrawn => "authorisation_withdrawn",
            Self::AuthorisationSpent => "authorisation_spent",
            Self::PortfolioUnknown => "portfolio_unknown",
            Self::NotWitnessed => "not_witnessed",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RulePack { named, active } => {
                write!(f, "the query names rule pack {named}, active here is {active}")
            }
            Self::BudgetSpent { budget } => write!(f, "the {budget} budget is spent"),
            other => f.write_str(match other {
                Self::RulePack { .. } | Self::BudgetSpent { .. } | Self::TypeUnknown => "the rule pack does not know this type",
                Self::PurposeNotAdmitted => "the purpose may not ask this type",
                Self::ShapeNotAdmitted => "this shape of predicate does not fit the type",
                Self::WindowTooLong => "the look-back is longer than the rules admit",
                Self::SubjectKindNotAdmitted => "this kind of subject may not be asked about for this type",
                Self::LaneWrong => "the lane is not the one that the rules ask for",
                Self::BasisWrong => "the legal basis is not the one for this pair of regions",
                Self::PairWithoutBasis => "no legal basis exists between these regions",
                Self::NaturalPerson => "the subject is a natural person",
                Self::SubjectElsewhere => "the identifier belongs to another region's register",
                Self::PeerSuspended => "the asking region is suspended",
                Self::TypeSuspended => "the type is suspended",
                Self::Closing => "the node takes no more queries now",
                Self::PurposeBetweenOthers => "the purpose is not one that these regions may use between them",
                Self::NotRegulators => "only regulators, by the network directory, may ask this",
                Self::GradeAcrossLaws => "native grades are compared under one law only; ask for the common band",
                Self::GradeUnknown => "the rule pack has no such grade or band map for this type",
                Self::DigestMissing => "a digest is missing that is to be matched, or one came that is not",
                Self::AuthorisationMissing => {
                    "the lane and the authorisation do not go together: lane A needs one, the others have none"
                }
                Self::ChannelUnknown => "the channel is not one that the directory lists for the issuer's region",
                Self::AuthorisationForged => "the channel did not sign this authorisation",
                Self::OtherSubject => "the authorisation is another entity's",
                Self::OtherPurpose => "the authorisation is for another purpose",
                Self::OtherReceiver => "the authorisation is for another recipient or other regions",
                Self::OtherType => "the authorisation does not name the type",
                Self::NotAgreed => "the entity did not agree to what this question needs",
                Self::AuthorisationExpired => "the authorisation has not begun or is over",
                Self::AuthorisationWithdrawn => "the authorisation was withdrawn",
                Self::AuthorisationSpent => "the use of the authorisation was spent already, or is one too many",
                Self::PortfolioUnknown => "the portfolio is not declared for this organisation and purpose, too large, or over",
                Self::NotWitnessed => {
                    "not enough other regions had cosigned the answer in time; ask again when they can be reached"
                }
            }),
        }
    }
}

coded! {
    /// Why a stream is closed without a leaf. The code is the QUIC application error code of the stream.
    Fault {
        /// The frame or its body cannot be read.
        Malformed = 1 "malformed",
        /// The frame is larger than any frame can be.
        Oversized = 2 "oversized",
        /// The message names another sender than the connection's key, or another log than the sender's.
        WrongSender = 3 "wrong_sender",
        /// The message is meant for another node.
        WrongReceiver = 4 "wrong_receiver",
        /// No checkpoint of this tree size came in time.
        CheckpointMissing = 5 "checkpoint_missing",
        /// The inclusion proof does not lead to the checkpoint's root.
        ProofInvalid = 6 "proof_invalid",
        /// The query is past its expiry, or older than what this node still remembers.
        Expired = 7 "expired",
        /// The leaf's time lies ahead of this node's clock.
        FromTheFuture = 8 "from_the_future",
        /// The query asks to live longer than queries may.
        LifetimeTooLong = 9 "lifetime_too_long",
        /// Other bytes came before under the same index of the same log.
        OtherBytesUnderIndex = 10 "other_bytes_under_index",
        /// Trust in the sender's log is suspended.
        TrustSuspended = 11 "trust_suspended",
        /// The reply answers another question.
        OtherQuestion = 12 "other_question",
        /// The peer used up what it may cost this log.
        LeafBudgetSpent = 13 "leaf_budget_spent",
        /// The log takes no leaves now (disk, clock, recovery).
        LogStopped = 14 "log_stopped",
        /// The node is shutting down.
        Closing = 15 "closing",
        /// The rules ask for witnesses of this answer, and its checkpoint bears too few cosignatures.
        NotWitnessed = 16 "not_witnessed",
        /// A notice of an erasure names a leaf that is no exchange between the two.
        NoSuchExchange = 17 "no_such_exchange",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_codes_are_dense_and_come_back() {
        for (position, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(usize::from(fault.code()), position + 1);
            assert_eq!(Fault::from_code(fault.code()), Some(*fault));
        }
        assert_eq!(Fault::from_code(0), None);
    }

    #[test]
    fn a_disagreement_about_rules_names_both_packs() {
        let words = Refusal::RulePack { named: Digest([1; 32]), active: Digest([2; 32]) }.to_string();
        assert!(words.contains(&"01".repeat(32)) && words.contains(&"02".repeat(32)));
    }
}
