//! Signed notes and timestamped cosignatures (C2SP signed-note v1.0.0, tlog-cosignature v1.0.1; PROTOCOL 26.2).
//!
//! A note is a text and signature lines under it. Read strictly: what was parsed prints as the same bytes. Deliberately not here:
//! what the text says (a checkpoint is `protocol`'s), quorums, ML-DSA lines (they are kept, but nobody here verifies them).

use std::fmt;
use std::str::FromStr;

use crate::hash::{Digest, base64_decode, base64_encode};
use crate::sign::{KeyError, PublicKey, Signature, SigningKey};

/// Bytes of the longest note that is read. A checkpoint with 64 lines of usual names takes some 10 KiB; other notes may carry a document.
pub const MAX_NOTE_BYTES: usize = 1 << 20;
/// Signature lines read of one note. The specification asks for at least 16; a log, its witnesses and their successors fit in 64.
pub const MAX_LINES: usize = 64;

const LINE_START: &str = "— ";

/// Why a text is not a note, a line or a verifier key, or why a note is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`].
    #[error("a note of {0} bytes; at most {MAX_NOTE_BYTES} are read")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the note is not UTF-8 from byte {0} on; fetch it again")]
    NotUtf8(usize),
    /// A control character other than a newline.
    #[error("control character U+{0:04X} in the note; only newlines are allowed")]
    ControlCharacter(u32),
    /// A text to be signed, or above the signatures, that does not end in a newline.
    #[error("the text of a note ends in a newline; this one does not")]
    NoFinalNewline,
    /// No blank line with signature lines after it.
    #[error("no signature lines after a blank line; fetch the signed note, not its text")]
    NoSignatures,
    /// More than [`MAX_LINES`].
    #[error("a note with more than {MAX_LINES} signature lines is not read")]
    TooManyLines,
    /// A signature line in another form.
    #[error("signature line {0} is not `— <name> <base64 of id and signature>`; fetch it again")]
    Line(usize),
    /// An empty name, or one with white space, a control character or a plus sign.
    #[error("a key name is not empty and has no white space, control characters or `+`")]
    Name,
    /// A verifier key that is not `<name>+<id>+<base64>`.
    #[error("not a verifier key <name>+<id>+<base64 of a type and 32 bytes>; copy it again")]
    VerifierKey,
    /// A verifier key of a type that is not verified here.
    #[error("verifier keys are of type 0x01 (Ed25519) or 0x04 (cosignature), not {0:#04x}")]
    UnknownKind(u8),
    /// The id in a verifier key is not that of its name and key.
    #[error("the verifier key of {0} has an id that is not its own; copy it again")]
    KeyId(KeyName),
    /// The bytes in a verifier key are not a public key.
    #[error("verifier key: {0}")]
    Key(#[from] KeyError),
    /// A log key was to cosign, or a cosigner's key to sign.
    #[error("the key of {0} is of the other kind: 0x01 signs, 0x04 cosigns; take that one")]
    OtherKind(KeyName),
    /// A time of cosignature beyond 2^63 - 1 seconds.
    #[error("a cosignature's time is at most 2^63 - 1 seconds, not {0}; check the clock")]
    Time(u64),
    /// Two different known keys share name and id, so a line cannot be assigned.
    #[error("two known keys are both named {0} and share an id; rename one of them")]
    Ambiguous(KeyName),
    /// A line that names a known key does not verify under it.
    #[error("the signature of {0} does not verify; the note was changed, trust nothing in it")]
    Refused(KeyName),
    /// No line names a known key.
    #[error("no known key has signed the note; check its log and that the keys are current")]
    NoKnownKey,
}

/// The name of a key, by custom a URL without its scheme. Never empty; no white space, control characters or `+`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let odd = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        let good = !text.is_empty() && !text.contains(odd);
        good.then(|| Self(text.to_owned())).ok_or(NoteError::Name)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key signs: the type byte of signed-note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// The text itself.
    Ed25519 = 0x01,
    /// The text under a heading with a time.
    CosignatureV1 = 0x04,
}

impl KeyKind {
    fn from_byte(byte: u8) -> Result<Self, NoteError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::CosignatureV1),
            other => Err(NoteError::UnknownKind(other)),
        }
    }
}

/// A key whose lines are verified. `Display` and [`NoteVerifier::parse`] are the text form, `<name>+<id>+<base64>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    name: KeyName,
    key_id: u32,
    kind: KeyKind,
    key: PublicKey,
}

impl NoteVerifier {
    /// A verifier for a name, a kind and a key; the id follows from them.
    pub fn new(name: KeyName, kind: KeyKind, key: PublicKey) -> Self {
        let name_and_type = format!("{name}\n{}", char::from(kind as u8));
        let [a, b, c, d, ..] = Digest::concat(&[name_and_type.as_bytes(), key.as_bytes()]).0;
        let key_id = u32::from_be_bytes([a, b, c, d]);
        Self { name, key_id, kind, key }
    }

    /// Reads the text form. The id is compared with the computed one.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::VerifierKey);
        };
        let name: KeyName = name.parse()?;
        let key = base64_decode(key).map_err(|_| NoteError::VerifierKey)?;
        let (kind, key) = key.split_first().ok_or(NoteError::VerifierKey)?;
        let kind = KeyKind::from_byte(*kind)?;
        let key = <&[u8; 32]>::try_from(key).map_err(|_| NoteError::VerifierKey)?;
        let verifier = Self::new(name, kind, PublicKey::from_bytes(key)?);
        if format!("{:08x}", verifier.key_id) != id {
            return Err(NoteError::KeyId(verifier.name));
        }
        Ok(verifier)
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The first four bytes, big-endian, of SHA-256 over name, newline, kind and key.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// What the key signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    fn is_of(&self, line: &NoteLine) -> bool {
        self.key_id == line.key_id && self.name == line.name
    }

    /// Verifies one line that names this key; gives the time if the line is a cosignature.
    fn verify(&self, text: &str, line: &NoteLine) -> Result<Option<u64>, NoteError> {
        let refused = || NoteError::Refused(self.name.clone());
        let (time, signature) = match self.kind {
            KeyKind::Ed25519 => (None, line.bytes.as_slice()),
            KeyKind::CosignatureV1 => {
                let (time, signature) = line.bytes.split_first_chunk().ok_or_else(refused)?;
                (Some(u64::from_be_bytes(*time)), signature)
            }
        };
        let signature = Signature(signature.try_into().map_err(|_| refused())?);
        let verified = match time {
            None => self.key.verify(text.as_bytes(), &signature),
            Some(time) if time > i64::MAX as u64 => return Err(refused()),
            Some(time) => self.key.verify(cosigned(text, time).as_bytes(), &signature),
        };
        verified.map(|()| time).map_err(|_| refused())
    }
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8], self.key.as_bytes().as_slice()].concat();
        let key = base64_encode(&key);
        write!(f, "{}+{:08x}+{key}", self.name, self.key_id)
    }
}

/// A key that signs notes in one role.
pub struct NoteSigner {
    verifier: NoteVerifier,
    key: SigningKey,
}

impl NoteSigner {
    /// A signer for a name, a kind and a key. One key serves one kind and one role: a cosignature does not commit to the name.
    pub fn new(name: KeyName, kind: KeyKind, key: SigningKey) -> Self {
        let verifier = NoteVerifier::new(name, kind, key.public());
        Self { verifier, key }
    }

    /// The verifier of what this signs.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// Signs a text (a key of kind [`KeyKind::Ed25519`]).
    pub fn sign(&self, text: &str) -> Result<NoteLine, NoteError> {
        self.check(KeyKind::Ed25519, text)?;
        Ok(self.line(self.key.sign(text.as_bytes()).0.to_vec()))
    }

    /// Cosigns a text as seen at a time, in seconds since 1970 (a key of kind [`KeyKind::CosignatureV1`]).
    pub fn cosign(&self, text: &str, time_seconds: u64) -> Result<NoteLine, NoteError> {
        self.check(KeyKind::CosignatureV1, text)?;
        if time_seconds > i64::MAX as u64 {
            return Err(NoteError::Time(time_seconds));
        }
        let signature = self.key.sign(cosigned(text, time_seconds).as_bytes());
        Ok(self.line([time_seconds.to_be_bytes().as_slice(), &signature.0].concat()))
    }

    fn check(&self, kind: KeyKind, text: &str) -> Result<(), NoteError> {
        if self.verifier.kind != kind {
            return Err(NoteError::OtherKind(self.verifier.name.clone()));
        }
        check_text(text)
    }

    fn line(&self, bytes: Vec<u8>) -> NoteLine {
        NoteLine { name: self.verifier.name.clone(), key_id: self.verifier.key_id, bytes }
    }
}

/// What a cosigner signs: tlog-cosignature v1, "Format".
fn cosigned(text: &str, time_seconds: u64) -> String {
    format!("cosignature/v1\ntime {time_seconds}\n{text}")
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if let Some(control) = text.chars().find(|c| *c < ' ' && *c != '\n') {
        return Err(NoteError::ControlCharacter(control.into()));
    }
    let ended = text.ends_with('\n').then_some(());
    ended.ok_or(NoteError::NoFinalNewline)
}

/// One signature line, unverified. `Display` writes it without the newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteLine {
    /// The name of the key that signed.
    pub name: KeyName,
    /// The id of the key that signed.
    pub key_id: u32,
    /// What follows the id: a signature, before it the time in a cosignature. Never empty in a line that was read.
    pub bytes: Vec<u8>,
}

impl NoteLine {
    /// Reads one line, without its newline.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        Self::read(text).ok_or(NoteError::Line(1))
    }

    fn read(text: &str) -> Option<Self> {
        let (name, bytes) = text.strip_prefix(LINE_START)?.split_once(' ')?;
        let name = name.parse().ok()?;
        let bytes = base64_decode(bytes).ok()?;
        let (key_id, bytes) = bytes.split_first_chunk()?;
        if bytes.is_empty() {
            return None;
        }
        Some(Self { name, key_id: u32::from_be_bytes(*key_id), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for NoteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.to_be_bytes().as_slice(), &self.bytes].concat();
        write!(f, "{LINE_START}{} {}", self.name, base64_encode(&bytes))
    }
}

/// A text and the signature lines under it, unverified. `Display` writes the bytes that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The signed text, with its final newline.
    pub text: String,
    /// The signature lines, in their order.
    pub lines: Vec<NoteLine>,
}

/// A line that verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose line: index into the known keys.
    pub verifier: usize,
    /// The time in a cosignature, in seconds since 1970.
    pub time: Option<u64>,
}

impl Note {
    /// Reads a note, strictly. Text and signatures part at the last blank line.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|error| NoteError::NotUtf8(error.valid_up_to()))?;
        check_text(note)?;
        let blank = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (&note[..=blank], &note[blank + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        if lines.split('\n').nth(MAX_LINES).is_some() {
            return Err(NoteError::TooManyLines);
        }
        let lines = lines.split('\n').enumerate();
        let lines = lines.map(|(at, line)| NoteLine::read(line).ok_or(NoteError::Line(at + 1)));
        Ok(Self { text: text.to_owned(), lines: lines.collect::<Result<_, _>>()? })
    }

    /// Verifies every line that names a known key, and passes over the others. Gives each known key that signed once, in the order of
    /// the lines, with its newest time. One known key's line that fails is enough to refuse the note; so is none that verifies.
    pub fn verify(&self, known: &[NoteVerifier]) -> Result<Vec<Verified>, NoteError> {
        let mut verified: Vec<Verified> = Vec::new();
        for line in &self.lines {
            let mut named = known.iter().enumerate().filter(|(_, one)| one.is_of(line));
            let Some((verifier, key)) = named.next() else {
                continue;
            };
            if named.any(|(_, other)| other != key) {
                return Err(NoteError::Ambiguous(key.name.clone()));
            }
            let time = key.verify(&self.text, line)?;
            match verified.iter_mut().find(|one| one.verifier == verifier) {
                Some(earlier) => earlier.time = earlier.time.max(time),
                None => verified.push(Verified { verifier, time }),
            }
        }
        if verified.is_empty() { Err(NoteError::NoKnownKey) } else { Ok(verified) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests;
