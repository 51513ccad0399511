//! What can be wrong with a network directory (PROTOCOL.md, "Network directory"). One variant per cause.
//!
//! Not here: the checks (`written` for one region, `mod` across regions). Codes of organisations are never repeated.

use creditbay_crypto::hash::HashError;
use creditbay_crypto::note::{KeyName, NoteError};
use creditbay_crypto::sign::KeyError;
use creditbay_protocol::authorisation::ChannelName;
use creditbay_protocol::identifier::IdentifierError;
use creditbay_protocol::name::{OrganisationId, Origin, Region};
use creditbay_protocol::predicate::LawOfOrigin;

use crate::endorsement::{EndorsementError, GovernanceError};
use crate::error::ConfigFault;

use super::entry::AreaError;

/// Regions in one directory at most: every pair of nodes holds a connection, and all must sign every change.
pub const MAX_REGIONS: usize = 16;
/// Channels of one region at most: portals, not persons.
pub const MAX_CHANNELS: usize = 16;
/// Regulators of one region at most: a city has some dozens of supervising bodies.
pub const MAX_REGULATORS: usize = 64;
/// Orphaned ranges of one region at most: each is a disaster that all others had to sign.
pub const MAX_ORPHANED: usize = 16;

/// Why a text is no network directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFault {
    /// The text is not of this shape.
    #[error(transparent)]
    Text(ConfigFault),
    /// Another format, or another version of it.
    #[error("not the format `{expected}`; use a program of the directory's version")]
    Format {
        /// The format read here.
        expected: &'static str,
    },
    /// Serial numbers begin at 1.
    #[error("serial numbers begin at 1; count the directory's editions from 1")]
    SerialZero,
    /// Nobody is in it.
    #[error("no region is listed; add a [[region]] for each node")]
    NoRegions,
    /// More regions than a directory holds.
    #[error("{0} regions, at most {max} are read; remove the ones that left", max = MAX_REGIONS)]
    TooManyRegions(usize),
    /// Two entries of one name.
    #[error("region {0} is listed twice; remove or rename one")]
    RegionTwice(Region),
    /// Two entries of one log.
    #[error("the log {origin} is already that of region {other}; give each region its own log")]
    OriginTwice {
        /// The log.
        origin: Origin,
        /// Who has it too.
        other: Region,
    },
    /// Two entries of one address or URL.
    #[error("region {other} is already at this address; correct one of the two")]
    AddressTwice {
        /// Who has it too.
        other: Region,
    },
    /// One public key in two places.
    #[error("this public key already stands at `{other}`; make one key for each role and each region")]
    KeyTwice {
        /// The key in the file where it stood first.
        other: String,
    },
    /// A log origin under another owner's name.
    #[error(
        "the log's owner is {owner}, but a log of region {region} belongs to `{region}` or `{region}.<domain>`; correct the name or the log"
    )]
    OriginOwner {
        /// The region.
        region: Region,
        /// The owner in the origin.
        owner: String,
    },
    /// A log key of another name than the log.
    #[error("the log's key is named {name}, the log {origin}; a log signs under its own origin, so make the key with that name")]
    LogName {
        /// The name in the verifier key.
        name: KeyName,
        /// The log.
        origin: Origin,
    },
    /// Not a verifier key, or its public key is weak.
    #[error("{0}")]
    Verifier(NoteError),
    /// A verifier key of the other kind.
    #[error("a key of type {found:#04x}, but this role needs {needed:#04x}; use the key made for this role")]
    WrongKind {
        /// The type byte that the role needs.
        needed: u8,
        /// The type byte that is there.
        found: u8,
    },
    /// Not base64 of 32 bytes.
    #[error("not a public key in base64: {0}")]
    KeyText(HashError),
    /// 32 bytes that are no public key, or a weak one.
    #[error("{0}")]
    Key(KeyError),
    /// An address to which nobody can connect.
    #[error("nobody can connect to port 0 or to an unspecified address; write the address that peers dial")]
    Address,
    /// Not a URL to which a path can be appended.
    #[error(
        "not an http:// or https:// URL of printable ASCII without a slash at its end; write the auditors' door as auditors reach it"
    )]
    AuditorsUrl,
    /// A title without a text.
    #[error("a title is empty in one of the four languages; write all four")]
    TitleEmpty,
    /// Not an area.
    #[error(transparent)]
    Area(AreaError),
    /// An area under a law that is not in force there.
    #[error("the area is not under the law {0}; correct the area or the region's law")]
    AreaLaw(LawOfOrigin),
    /// Two prefixes, of which one begins with the other.
    #[error("region {other} already answers for {area}, or for a part of it; each area has one node")]
    AreaOverlaps {
        /// The area that stood first.
        area: String,
        /// Who has it.
        other: Region,
    },
    /// A code that its scheme refuses.
    #[error("the code is none of its scheme: {0}")]
    Code(IdentifierError),
    /// One code at two regions, or twice at one.
    #[error("region {other} already answers for this code; each code has one node")]
    CodeTwice {
        /// Who has it.
        other: Region,
    },
    /// Two channels of one name.
    #[error("region {other} already has the channel {channel}; a withdrawal names the channel alone, so rename one")]
    ChannelTwice {
        /// The name.
        channel: ChannelName,
        /// Who has it.
        other: Region,
    },
    /// More channels than a region may have.
    #[error("{0} channels, at most {max} are read for a region; remove the ones that sign no more", max = MAX_CHANNELS)]
    TooManyChannels(usize),
    /// One regulator at two regions, or twice at one.
    #[error("region {other} already has the regulator {organisation}; each supervises in one region, so remove or rename one")]
    RegulatorTwice {
        /// The organisation.
        organisation: OrganisationId,
        /// Who has it.
        other: Region,
    },
    /// More regulators than a region may have.
    #[error("{0} regulators, at most {max} are read for a region; list only bodies that supervise", max = MAX_REGULATORS)]
    TooManyRegulators(usize),
    /// A range of a log that is not an earlier one of the same region.
    #[error(
        "{log} is not a log before {current}, the region's current one; name the log whose end was lost, and have log_origin name the next"
    )]
    OrphanedLog {
        /// The log.
        log: Origin,
        /// The current one.
        current: Origin,
    },
    /// Two ranges of one log.
    #[error("the end of {0} is already listed as lost; a log is lost once, so remove one")]
    OrphanedTwice(Origin),
    /// Sizes that are no range.
    #[error("the next log goes on from {size} leaves and {seen} were seen; `seen` is 1 to 2^40 and not below `size`")]
    OrphanedSizes {
        /// Leaves that are known.
        size: u64,
        /// Leaves that others saw.
        seen: u64,
    },
    /// A root or a digest that is none.
    #[error("not the text of a hash: {0}")]
    OrphanedHash(HashError),
    /// A root that cannot be that of so many leaves.
    #[error(
        "the root does not go with {size} leaves: no leaves have the SHA-256 of nothing as their root, and no others have it"
    )]
    OrphanedRoot {
        /// Leaves that are known.
        size: u64,
    },
    /// Nobody else could agree.
    #[error("{0} is the only region here, so nobody else agrees that the end of its log is lost; the other regions sign that")]
    OrphanedAlone(Region),
    /// More ranges than a region may have.
    #[error("{0} orphaned ranges, at most {max} are read for a region; none may be left out, so use a program that reads more", max = MAX_ORPHANED)]
    TooManyOrphaned(usize),
    /// Keys and a threshold that are no governance.
    #[error(transparent)]
    Governance(GovernanceError),
}

/// Why a directory is not endorsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryRefused {
    /// A region has not endorsed it, or the note is not genuine.
    #[error("the network directory is not endorsed: {0}")]
    Endorsement(EndorsementError),
    /// No key is pinned, so any directory would endorse itself.
    #[error("no key is pinned, so any directory could endorse itself; pin a governance key that you know in `network.pinned`")]
    NothingPinned,
    /// A pinned key is no signer in the directory.
    #[error(
        "the pinned key {0} is no governance key of this directory; fetch your network's directory, or pin the key that took its place"
    )]
    PinnedUnknown(KeyName),
    /// A pinned key has not signed.
    #[error("the pinned key {0} has not signed this directory; do not run on it until its owner has signed")]
    PinnedSilent(KeyName),
}
