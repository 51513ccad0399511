//! A trust policy read line by line (C2SP tlog-policy, "Policy file syntax and structure"; PROTOCOL 34.1).
//!
//! Every name is defined before its use, so groups stand after their members and nothing is circular.
//! Not here: the file as a whole and what it says of a checkpoint (`mod`).

use creditbay_crypto::note::{KeyKind, NoteVerifier};

use crate::decimal::decimal;
use crate::limits::MAX_POLICY_ENTRIES;

use super::fault::{Octets, PolicyFault};

/// The predefined name that stands for no quorum.
const NONE: &[u8] = b"none";

/// A log whose checkpoints are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, of kind 0x01; the key's name is the log's origin.
    pub key: NoteVerifier,
    /// Where it is reached.
    pub url: Option<Octets>,
}

/// A witness whose cosignatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name within the file.
    pub name: Octets,
    /// Its key, of kind 0x04.
    pub key: NoteVerifier,
    /// Where it is reached.
    pub url: Option<Octets>,
}

/// What counts towards a group or the quorum: an index into the witnesses or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    Witness(usize),
    Group(usize),
}

/// Members, of which as many as the threshold says must have witnessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) threshold: usize,
    pub(super) members: Vec<Member>,
}

/// What the lines up to here define.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) logs: Vec<PolicyLog>,
    pub(super) witnesses: Vec<PolicyWitness>,
    pub(super) groups: Vec<Group>,
    /// Every name, and whether a group has it as its member.
    names: Vec<(Octets, Member, bool)>,
    /// The quorum, once its line was read; `None` within is `quorum none`.
    pub(super) quorum: Option<Option<Member>>,
}

impl Reading {
    /// Takes the next line, its newline included.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        let line = line.strip_suffix(b"\n").ok_or(PolicyFault::Unended)?;
        if let Some(control) = line.iter().find(|byte| byte.is_ascii_control() && **byte != b'\t') {
            return Err(PolicyFault::Control(*control));
        }
        let words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect::<Vec<_>>();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", rest @ ..] => self.log(rest),
            [b"witness", rest @ ..] => self.witness(rest),
            [b"group", rest @ ..] => self.group(rest),
            [b"quorum", rest @ ..] => self.quorum(rest),
            [other, ..] => Err(PolicyFault::Keyword(Octets::new(other))),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let (key, url) = match words {
            [key] => (*key, None),
            [key, url] => (*key, Some(*url)),
            _ => return Err(PolicyFault::LogShape),
        };
        let key = read_key(key, KeyKind::Ed25519, "log")?;
        check_key(&key, "log", self.logs.iter().map(|log| &log.key))?;
        self.logs.push(PolicyLog { key, url: url.map(read_url).transpose()? });
        check_count(self.logs.len())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let (name, key, url) = match words {
            [name, key] => (*name, *key, None),
            [name, key, url] => (*name, *key, Some(*url)),
            _ => return Err(PolicyFault::WitnessShape),
        };
        let key = read_key(key, KeyKind::CosignatureV1, "witness")?;
        check_key(&key, "witness", self.witnesses.iter().map(|witness| &witness.key))?;
        let name = self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(PolicyWitness { name, key, url: url.map(read_url).transpose()? });
        check_count(self.witnesses.len())
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name, threshold, names @ ..] = words else { return Err(PolicyFault::GroupShape) };
        if names.is_empty() {
            return Err(PolicyFault::GroupShape);
        }
        let threshold = read_threshold(threshold, names.len())?;
        let members = names.iter().map(|name| self.member(name)).collect::<Result<_, _>>()?;
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { threshold, members });
        check_count(self.groups.len())
    }

    fn quorum(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name] = words else { return Err(PolicyFault::QuorumShape) };
        if self.quorum.is_some() {
            return Err(PolicyFault::QuorumTwice);
        }
        let named = (*name != NONE).then(|| self.find(name).map(|(_, member, _)| *member)).transpose()?;
        self.quorum = Some(named);
        Ok(())
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<Octets, PolicyFault> {
        let name = Octets::new(name);
        if name.as_bytes() == NONE || self.names.iter().any(|(taken, ..)| *taken == name) {
            return Err(PolicyFault::NameTaken(name));
        }
        self.names.push((name.clone(), member, false));
        Ok(name)
    }

    fn member(&mut self, name: &[u8]) -> Result<Member, PolicyFault> {
        if name == NONE {
            return Err(PolicyFault::NoneMember);
        }
        let (_, member, taken) = self.find(name)?;
        if std::mem::replace(taken, true) { Err(PolicyFault::MemberTwice(Octets::new(name))) } else { Ok(*member) }
    }

    fn find(&mut self, name: &[u8]) -> Result<&mut (Octets, Member, bool), PolicyFault> {
        let found = self.names.iter_mut().find(|(defined, ..)| defined.as_bytes() == name);
        found.ok_or_else(|| PolicyFault::Unknown(Octets::new(name)))
    }
}

fn read_key(word: &[u8], wanted: KeyKind, role: &'static str) -> Result<NoteVerifier, PolicyFault> {
    let text = std::str::from_utf8(word).map_err(|_| PolicyFault::KeyNotText)?;
    let key = NoteVerifier::parse(text).map_err(PolicyFault::Key)?;
    if key.kind() != wanted {
        let (name, found) = (key.name().clone(), key.kind() as u8);
        return Err(PolicyFault::KeyKind { name, role, found, wanted: wanted as u8 });
    }
    Ok(key)
}

fn check_key<'a>(
    key: &NoteVerifier,
    role: &'static str,
    mut above: impl Iterator<Item = &'a NoteVerifier>,
) -> Result<(), PolicyFault> {
    let twice = above.any(|other| other.key() == key.key());
    if twice { Err(PolicyFault::KeyTwice { name: key.name().clone(), role }) } else { Ok(()) }
}

fn check_count(count: usize) -> Result<(), PolicyFault> {
    if count > MAX_POLICY_ENTRIES { Err(PolicyFault::TooMany) } else { Ok(()) }
}

fn read_url(word: &[u8]) -> Result<Octets, PolicyFault> {
    let scheme = word.windows(3).position(|part| part == b"://").map(|end| &word[..end]);
    let plain =
        |scheme: &[u8]| scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(u8::is_ascii_alphanumeric);
    if scheme.is_some_and(plain) { Ok(Octets::new(word)) } else { Err(PolicyFault::Url(Octets::new(word))) }
}

fn read_threshold(word: &[u8], members: usize) -> Result<usize, PolicyFault> {
    let number = |text: &str| decimal(text).and_then(|k| usize::try_from(k).ok());
    let threshold = match word {
        b"all" => Some(members),
        b"any" => Some(1),
        digits => std::str::from_utf8(digits).ok().and_then(number),
    };
    let within = threshold.filter(|k| (1..=members).contains(k));
    within.ok_or_else(|| PolicyFault::Threshold { found: Octets::new(word), members })
}
