//! What a log records beside messages: acts of the node and of its operator that an auditor needs to judge them (PROTOCOL 10.3).
//!
//! Not here: the acts themselves.

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;

use crate::authorisation::ChannelName;
use crate::calendar::Millis;
use crate::erasure::Erased;
use crate::name::{OrganisationId, Region};
use crate::notified::Notified;
use crate::predicate::{AttestationType, Purpose};
use crate::shown::Shown;

/// An act of the node or of its operator.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// From this leaf's time on the node asks under this rule pack.
    PackActivated {
        /// SHA-256 of the pack's file.
        pack: Digest,
        /// Its edition.
        serial: u32,
        /// The pack that it takes over from, which still answers for queries that name it, until this time.
        overlap: Option<Overlap>,
    },
    /// The operator suspended a peer or a type, or lifted the suspension.
    Suspension {
        /// What.
        of: Suspended,
        /// Whether it holds from this leaf on, or ends.
        in_force: bool,
    },
    /// An authorisation was withdrawn; from this leaf on it is good for nothing.
    AuthorisationWithdrawn {
        /// Its digest.
        authorisation: Digest,
        /// The channel that said so.
        channel: ChannelName,
    },
    /// An organisation declared that it means to ask about so many subjects.
    PortfolioDeclared {
        /// The portfolio's digest, which queries name.
        portfolio: Digest,
        /// Whose.
        organisation: OrganisationId,
        /// What for.
        purpose: Purpose,
        /// About how many subjects at most.
        size: u32,
        /// Until when.
        until: Millis,
    },
    /// A peer had used up what its refusals may cost this log; so many more were turned away without a leaf of their own.
    TurnedAway {
        /// The peer.
        peer: Region,
        /// Since when they are counted.
        since: Millis,
        /// How many.
        count: u32,
    },
    /// What opens leaves of this log was erased.
    Erased(Erased),
    /// Openings of leaves of this log were shown to somebody.
    OpeningsShown(Shown),
    /// A peer was told what was erased, so that it erases its own; the message crossed a border.
    ErasureNotified(Notified),
}

/// A pack that is still good for queries that name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Overlap {
    /// SHA-256 of the pack's file.
    pub pack: Digest,
    /// Up to which time of a query's leaf.
    pub until: Millis,
}

/// What can be suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Suspended {
    /// All queries of a peer.
    Peer(Region),
    /// All questions that ask this type.
    Type(AttestationType),
}

impl std::fmt::Display for Suspended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Peer(region) => write!(f, "peer {region}"),
            Self::Type(of) => write!(f, "type {of}"),
        }
    }
}

impl Event {
    /// The kind's name, as in reports and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PackActivated { .. } => "pack-activated",
            Self::Suspension { in_force: true, .. } => "suspended",
            Self::Suspension { .. } => "resumed",
            Self::AuthorisationWithdrawn { .. } => "authorisation-withdrawn",
            Self::PortfolioDeclared { .. } => "portfolio-declared",
            Self::TurnedAway { .. } => "turned-away",
            Self::Erased(_) => "erased",
            Self::OpeningsShown(_) => "openings-shown",
            Self::ErasureNotified(_) => "erasure-notified",
        }
    }
}
