//! What can be wrong with a trust policy, and with a checkpoint under it (PROTOCOL 34.1). One variant per cause.
//!
//! Not here: the checks (`read` for the file, `mod` for a checkpoint).

use std::fmt;

use creditbay_crypto::note::{KeyName, NoteError};

use crate::limits::{MAX_POLICY_BYTES, MAX_POLICY_ENTRIES};

/// A name or URL of a policy file: octets without white space or ASCII control characters, compared as they are. `Display` escapes what
/// is not printable text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Octets(Vec<u8>);

impl Octets {
    /// A word of a policy line.
    pub(super) fn new(word: &[u8]) -> Self {
        Self(word.to_vec())
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() { write!(f, "{}", character.escape_unicode())? } else { write!(f, "{character}")? }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a file is no policy, and in which line; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct PolicyError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: PolicyFault,
}

/// What can be wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// More bytes than a policy may have here.
    #[error("a policy of {0} bytes; at most {MAX_POLICY_BYTES} are read")]
    TooLong(usize),
    /// The last line does not end: the file may have been cut.
    #[error("the line does not end in a newline; fetch the file again, or end it")]
    Unended,
    /// A control character other than tab and newline.
    #[error("control character 0x{0:02x}; a policy has only tabs and newlines, so no carriage returns either")]
    Control(u8),
    /// The line begins with another word.
    #[error("`{0}` begins no line of a policy; lines begin with log, witness, group, quorum or #")]
    Keyword(Octets),
    /// A log line that is not `log <vkey> [<url>]`.
    #[error("a log is written `log <verifier key> [<URL>]`, a comment in a line of its own")]
    LogShape,
    /// A witness line that is not `witness <name> <vkey> [<url>]`.
    #[error("a witness is written `witness <name> <verifier key> [<URL>]`, a comment in a line of its own")]
    WitnessShape,
    /// A group line that is not `group <name> all|any|<k> <name>...`.
    #[error("a group is written `group <name> all|any|<k> <name>...`, with at least one member")]
    GroupShape,
    /// A quorum line that is not `quorum <name>`.
    #[error("a quorum is written `quorum <name of a witness or group>` or `quorum none`")]
    QuorumShape,
    /// A URL without a scheme.
    #[error("`{0}` is no URL <scheme>://<place>; a comment stands in a line of its own")]
    Url(Octets),
    /// The verifier key cannot be read.
    #[error("{0}")]
    Key(NoteError),
    /// The verifier key is not text.
    #[error("the verifier key is not UTF-8; copy it again")]
    KeyNotText,
    /// A witness's key for a log, or the reverse.
    #[error("the key of {name} is of type {found:#04x}; a {role} has a key of type {wanted:#04x}")]
    KeyKind {
        /// The key.
        name: KeyName,
        /// What it is for here.
        role: &'static str,
        /// Its type.
        found: u8,
        /// The type that the role needs.
        wanted: u8,
    },
    /// Two logs, or two witnesses, with one public key under whatever names.
    #[error("the public key of {name} is already that of a {role} above; remove one of the two")]
    KeyTwice {
        /// The key that came second.
        name: KeyName,
        /// `log` or `witness`.
        role: &'static str,
    },
    /// A name that is defined already, or `none`, which is predefined.
    #[error("the name `{0}` is taken already; choose another")]
    NameTaken(Octets),
    /// A name that no line above defines.
    #[error("no witness or group `{0}` is defined above this line")]
    Unknown(Octets),
    /// `none` as a member.
    #[error("`none` can be a quorum, not a member of a group; leave it out")]
    NoneMember,
    /// A name that a group has as its member already.
    #[error("`{0}` is a member already; each witness and group can count in one way only")]
    MemberTwice(Octets),
    /// A threshold that is no number from 1 to the number of members.
    #[error("the threshold `{found}` is not all, any or a number from 1 to {members}")]
    Threshold {
        /// What stands there.
        found: Octets,
        /// Members of the group.
        members: usize,
    },
    /// A second quorum.
    #[error("a second quorum; a policy has one")]
    QuorumTwice,
    /// No quorum.
    #[error("the policy has no quorum; add `quorum <name>`, or `quorum none` if no cosignature is needed")]
    NoQuorum,
    /// More than [`MAX_POLICY_ENTRIES`] of one sort.
    #[error("more than {MAX_POLICY_ENTRIES} of one sort of line; at most as many logs, witnesses and groups are read")]
    TooMany,
}

/// Why a note is no checkpoint that a policy accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The policy does not list the log.
    #[error("the policy lists no log {0:?}")]
    UnknownLog(String),
    /// The policy lists the log, and its key has not signed.
    #[error("the key that the policy lists for log {0:?} has not signed")]
    NotSigned(String),
    /// A line that names a key of the policy does not verify under it.
    #[error("the line of {0} does not verify; the note was changed, trust nothing in it")]
    Refused(KeyName),
    /// Too few witnesses.
    #[error("the witnesses that cosigned, {found} of {listed}, are no quorum of the policy")]
    NoQuorum {
        /// Witnesses of the policy that cosigned.
        found: usize,
        /// Witnesses of the policy.
        listed: usize,
    },
}

impl Rejection {
    /// The reason's name, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownLog(_) => "unknown_log",
            Self::NotSigned(_) => "not_signed",
            Self::Refused(_) => "signature",
            Self::NoQuorum { .. } => "no_quorum",
        }
    }
}
