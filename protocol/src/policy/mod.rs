//! Whom a verifier trusts, as a file that other people's tools read too: C2SP tlog-policy (PROTOCOL 34.1).
//!
//! Logs, witnesses, groups of witnesses, and the quorum that makes a checkpoint valid. A file is a row of octets, read line by line and
//! strictly: what it does not define before its use, defines twice or spells otherwise is refused with its line.
//! Deliberately not here: what stands in a log (`attestation`), and whether its owner may say it.

pub mod fault;
pub mod read;

use creditbay_crypto::note::{Note, NoteError, NoteVerifier};

use crate::limits::MAX_POLICY_BYTES;

use self::fault::{PolicyError, PolicyFault, Rejection};
use self::read::{Group, Member, PolicyLog, PolicyWitness, Reading};

/// A policy that was read. Groups stand after what they are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A witness of a policy that cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// Which: index into [`Policy::witnesses`].
    pub witness: usize,
    /// When it says it saw the tree, in seconds since 1970.
    pub time_seconds: u64,
}

/// What a policy says of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The log whose checkpoint it is and whose key signed: index into [`Policy::logs`].
    pub log: Option<usize>,
    /// The witnesses that cosigned, in the order of the policy.
    pub cosigned: Vec<Cosigned>,
    /// Every reason not to accept it; none if it is accepted.
    pub rejections: Vec<Rejection>,
}

impl Policy {
    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(PolicyError { line: 0, fault: PolicyFault::TooLong(bytes.len()) });
        }
        let mut reading = Reading::default();
        let mut lines = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            lines += 1;
            reading.line(line).map_err(|fault| PolicyError { line: lines, fault })?;
        }
        let Some(quorum) = reading.quorum else { return Err(PolicyError { line: lines, fault: PolicyFault::NoQuorum }) };
        Ok(Self { logs: reading.logs, witnesses: reading.witnesses, groups: reading.groups, quorum })
    }

    /// The logs, in the order of the file.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Judges a checkpoint's note: one of the logs signed it, the quorum cosigned it, and no line of a known key is false.
    pub fn judge(&self, note: &Note) -> Judgement {
        let mut rejections = Vec::new();
        let log = self.signed_by(note, &mut rejections);
        let cosigned = self.cosigned(note, &mut rejections);
        if !self.is_quorum(|witness| cosigned.iter().any(|one| one.witness == witness)) {
            rejections.push(Rejection::NoQuorum { found: cosigned.len(), listed: self.witnesses.len() });
        }
        Judgement { log, cosigned, rejections }
    }

    /// Whether these witnesses, each an index into [`Policy::witnesses`], are a quorum.
    pub fn is_quorum(&self, has: impl Fn(usize) -> bool) -> bool {
        let mut met = Vec::with_capacity(self.groups.len());
        let holds = |member: &Member, met: &[bool]| match member {
            Member::Witness(at) => has(*at),
            Member::Group(at) => met[*at],
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|member| holds(member, &met)).count();
            met.push(count >= group.threshold);
        }
        self.quorum.is_none_or(|quorum| holds(&quorum, &met))
    }

    /// The log whose origin the note names, if its key signed.
    fn signed_by(&self, note: &Note, rejections: &mut Vec<Rejection>) -> Option<usize> {
        let origin = note.text.split('\n').next().unwrap_or_default();
        let mut signed = None;
        for (at, log) in self.logs.iter().enumerate() {
            if verify(note, &log.key, rejections).is_some() && log.key.name().as_str() == origin {
                signed = signed.or(Some(at));
            }
        }
        if signed.is_none() {
            let listed = self.logs.iter().any(|log| log.key.name().as_str() == origin);
            let origin = origin.to_owned();
            rejections.push(if listed { Rejection::NotSigned(origin) } else { Rejection::UnknownLog(origin) });
        }
        signed
    }

    fn cosigned(&self, note: &Note, rejections: &mut Vec<Rejection>) -> Vec<Cosigned> {
        let verified = |(witness, one): (usize, &PolicyWitness)| {
            let time_seconds = verify(note, &one.key, rejections)??;
            Some(Cosigned { witness, time_seconds })
        };
        self.witnesses.iter().enumerate().filter_map(verified).collect()
    }
}

/// The time of a key's line, if there is one and it verifies.
fn verify(note: &Note, key: &NoteVerifier, rejections: &mut Vec<Rejection>) -> Option<Option<u64>> {
    match note.verify(std::slice::from_ref(key)) {
        Ok(lines) => lines.first().map(|line| line.time),
        Err(NoteError::NoKnownKey) => None,
        Err(_) => {
            rejections.push(Rejection::Refused(key.name().clone()));
            None
        }
    }
}
