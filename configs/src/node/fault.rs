//! What can be wrong with a node's own file. One variant per cause.
//!
//! Not here: the checks (`mod`), and what is wrong with the files that it names.

use creditbay_crypto::hash::HashError;
use creditbay_crypto::note::{KeyName, NoteError};

use crate::error::ConfigFault;

/// Bytes of a unix socket's path: 108 in Linux's `sockaddr_un`, the closing NUL among them.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Bytes of the name of a log that is cosigned although it is no peer's.
pub const MAX_ORIGIN_BYTES: usize = 512;

/// Why a text is no `node.toml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeFault {
    /// The text is not of this shape.
    #[error(transparent)]
    Text(ConfigFault),
    /// A path without a name.
    #[error("the path is empty; write a path, relative to the folder of this file or absolute")]
    PathEmpty,
    /// A path that TOML cannot hold.
    #[error("the path is not UTF-8 and cannot be written; choose another")]
    PathNotUtf8,
    /// Two keys in one file.
    #[error("the same file as `{other}`; each role has its own key")]
    KeyFileTwice {
        /// The key in the file where it stood first.
        other: &'static str,
    },
    /// One rule pack named twice.
    #[error("this rule pack is already named in rules[{other}]; remove one")]
    RulesTwice {
        /// Where it stood first.
        other: usize,
    },
    /// No root of trust.
    #[error("no key is pinned, so any directory could endorse itself; pin at least one governance key that you know")]
    NothingPinned,
    /// Not a verifier key, or its public key is weak.
    #[error("{0}")]
    Verifier(NoteError),
    /// A key that cosigns where one is needed that signs.
    #[error("the key of {0} is of type 0x04, which cosigns checkpoints; a key of type 0x01 belongs here")]
    WrongKind(KeyName),
    /// A key that signs where one is needed that cosigns.
    #[error("the key of {0} is of type 0x01, which signs; a witness's key, of type 0x04, belongs here")]
    NoCosigner(KeyName),
    /// A log that stands twice.
    #[error("the log {0} stands twice; remove one")]
    LogTwice(KeyName),
    /// A log's name that is too long.
    #[error("the log's name has more than {MAX_ORIGIN_BYTES} bytes; a witness keeps no longer ones")]
    OriginLong,
    /// A witness's URL that is none.
    #[error("not a URL http://host[:port][/prefix] without a slash at its end; write the witness's submission prefix")]
    WitnessUrl,
    /// A key that stands twice in a list.
    #[error("the key of {0} stands twice; remove one")]
    KeyTwice(KeyName),
    /// The services' door can be reached from elsewhere.
    #[error(
        "the services' door carries bearer tokens and metrics in clear, so it listens on loopback only; write 127.0.0.1 or [::1] and put a TLS proxy before it"
    )]
    ServicesNotLoopback,
    /// The auditors' door can be reached from elsewhere and has no TLS.
    #[error(
        "this door can be reached from elsewhere and would speak HTTP in clear; write \"identity\" or \"certificate\", or \"plain-beyond-loopback\" if a proxy with TLS stands before it"
    )]
    AuditorsInClear,
    /// A certificate was announced and not named.
    #[error("name the certificate's chain and its key: auditors_certificate and auditors_key, both PEM")]
    CertificateMissing,
    /// A certificate that nothing shows.
    #[error("the door does not show this certificate; write auditors_tls = \"certificate\", or leave the file out")]
    CertificateUnused,
    /// Two doors at one address.
    #[error("the same address as `{other}`; give each door its own port")]
    DoorTwice {
        /// The other door's key.
        other: &'static str,
    },
    /// A path too long for a unix socket.
    #[error("the socket's path has {bytes} bytes, a unix socket's at most {max}; choose a shorter one", max = MAX_SOCKET_PATH_BYTES)]
    SocketPathLong {
        /// Bytes of the resolved path.
        bytes: usize,
    },
    /// A token's hash that is none.
    #[error("not the SHA-256 of a token: {0}")]
    TokenHash(HashError),
    /// A token that two services share.
    #[error("services[{other}] has the same token; give each service its own")]
    TokenTwice {
        /// Where it stood first.
        other: usize,
    },
    /// An auditor's name that stands twice.
    #[error("auditors[{other}] has the same name; rename one")]
    AuditorTwice {
        /// Where it stood first.
        other: usize,
    },
    /// A limit outside its range.
    #[error("the limit lies between {least} and {most}; choose a value in this range, or leave the key out for the default")]
    LimitRange {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
}
