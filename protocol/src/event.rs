//! What a log records beside messages: acts of the node and of its operator that an auditor needs to judge them (PROTOCOL 10.3).
//!
//! Not here: the acts themselves.

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;

use crate::authorisation::ChannelName;
use crate::calendar::Millis;
use crate::erasure::Erased;
use crate::name::{OrganisationId, Origin, Region};
use crate::notified::Notified;
use crate::orphaned::OrphanedRange;
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
    /// An answer of this log was not released: no quorum of witnesses had cosigned it in time. A refusal went out in its place.
    Withheld {
        /// The answer's index in this log.
        answer: u64,
    },
    /// The operator decided to trust a log again that had given cause for an alarm.
    TrustDecided {
        /// The log.
        log: Origin,
        /// The size that it had shown when the alarm was raised.
        size: u64,
        /// SHA-256 of the evidence.
        evidence: Digest,
        /// SHA-256 of the reason that the operator stated.
        reason: Digest,
    },
    /// This log ends with this leaf.
    LogRetired {
        /// Why.
        ground: RetirementGround,
    },
    /// The first leaf of a log that follows a retired one: the final note of that one.
    LogBegun {
        /// The retired log.
        predecessor: Origin,
        /// Its final size.
        size: u64,
        /// Its final root.
        root: Digest,
    },
    /// What opens leaves of this log was erased.
    Erased(Erased),
    /// Openings of leaves of this log were shown to somebody.
    OpeningsShown(Shown),
    /// A peer was told what was erased, so that it erases its own; the message crossed a border.
    ErasureNotified(Notified),
    /// The first leaf of a log that follows one whose end was lost: from where it goes on, by which directory.
    LogBegunAfterLoss {
        /// What is known of the end of the log before it, as the directory lists it.
        range: OrphanedRange,
        /// The directory's edition.
        serial: u32,
        /// SHA-256 of the directory.
        directory: Digest,
    },
    /// Openings of leaves of the log before this one were shown to somebody.
    EarlierOpeningsShown {
        /// That log.
        log: Origin,
        /// Which leaves of it.
        shown: Shown,
    },
}

/// Why a log is retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum RetirementGround {
    /// The log's key is changed.
    KeyChange,
    /// The log's key may be in other hands.
    KeyCompromise,
    /// The store was damaged, or moved.
    Store,
    /// The body that keeps the log hands over to another.
    Succession,
    /// The body that keeps the log stops.
    Closure,
}

impl RetirementGround {
    /// Every ground with its name.
    pub const ALL: [(Self, &str); 5] = [
        (Self::KeyChange, "key-change"),
        (Self::KeyCompromise, "key-compromise"),
        (Self::Store, "store"),
        (Self::Succession, "succession"),
        (Self::Closure, "closure"),
    ];
}

impl std::fmt::Display for RetirementGround {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Self::ALL.iter().find(|(ground, _)| ground == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl std::str::FromStr for RetirementGround {
    type Err = UnknownGround;

    fn from_str(text: &str) -> Result<Self, UnknownGround> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(ground, _)| *ground).ok_or(UnknownGround)
    }
}

/// A word that is no ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a ground for retiring a log; it is one of key-change, key-compromise, store, succession, closure")]
pub struct UnknownGround;

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
            Self::Withheld { .. } => "withheld",
            Self::TrustDecided { .. } => "trust-decided",
            Self::LogRetired { .. } => "log-retired",
            Self::LogBegun { .. } => "log-begun",
            Self::Erased(_) => "erased",
            Self::OpeningsShown(_) => "openings-shown",
            Self::ErasureNotified(_) => "erasure-notified",
            Self::LogBegunAfterLoss { .. } => "log-begun-after-loss",
            Self::EarlierOpeningsShown { .. } => "earlier-openings-shown",
        }
    }
}
