//! A signed tree head as C2SP tlog-checkpoint v1.0.0 (PROTOCOL 11).
//!
//! `<origin>\n<size>\n<base64 root>\n`, signed as a note. Extension lines are refused: a cosignature over them is being given up by the
//! specification. Not here: whether two checkpoints fit together (`chain`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::{Note, NoteError, NoteLine, NoteSigner, NoteVerifier};

use crate::decimal::decimal;
use crate::limits::{MAX_LEVELS, MAX_NOTE_BYTES, MAX_NOTE_LINES};
use crate::name::Origin;

/// Size and root of one log's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub origin: Origin,
    /// Leaves in the tree.
    pub size: u64,
    /// RFC 9162 root over them.
    pub root: Digest,
}

/// Why a text is no checkpoint, or a note no signed one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// More bytes than a note may have here.
    #[error("a checkpoint of {0} bytes; at most {MAX_NOTE_BYTES} are read")]
    TooLong(usize),
    /// Not three lines.
    #[error("a checkpoint has exactly three lines: origin, size, root; extension lines are refused")]
    Lines,
    /// The first line is no origin.
    #[error("line 1 of the checkpoint is not a log origin <name>/log/<number>")]
    Origin,
    /// The second line is no size.
    #[error("line 2 of the checkpoint is not a tree size in decimal without leading zeros")]
    Size,
    /// The third line is no root.
    #[error("line 3 of the checkpoint is not a SHA-256 root in base64")]
    Root,
    /// An empty tree with another root than SHA-256 of nothing.
    #[error("the checkpoint gives an empty tree a root that is not SHA-256 of nothing")]
    EmptyRoot,
    /// The note is malformed or not signed by the log.
    #[error("checkpoint note: {0}")]
    Note(#[from] NoteError),
    /// Signed, but for another log.
    #[error("the checkpoint is of log {found}, not {expected}")]
    OtherLog {
        /// The log that was wanted.
        expected: Origin,
        /// The log that the text names.
        found: Origin,
    },
}

impl CheckpointError {
    /// The fault's name, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "checkpoint_too_long",
            Self::Lines => "checkpoint_lines",
            Self::Origin => "checkpoint_origin",
            Self::Size => "checkpoint_size",
            Self::Root | Self::EmptyRoot => "checkpoint_root",
            Self::Note(NoteError::Refused(_)) => "signature",
            Self::Note(NoteError::NoKnownKey) => "not_signed",
            Self::Note(_) => "note",
            Self::OtherLog { .. } => "other_log",
        }
    }
}

impl Checkpoint {
    /// The note's text, ending in a newline.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64())
    }

    /// Reads the note's text.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        let origin = origin.parse().map_err(|_| CheckpointError::Origin)?;
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        if size > 1 << MAX_LEVELS {
            return Err(CheckpointError::Size);
        }
        let root = Digest::from_base64(root).map_err(|_| CheckpointError::Root)?;
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Self { origin, size, root })
    }

    /// Signs the checkpoint with the log's key.
    pub fn sign(self, signer: &NoteSigner) -> Result<SignedCheckpoint, NoteError> {
        let text = self.text();
        let line = signer.sign(&text)?;
        Ok(SignedCheckpoint { checkpoint: self, note: Note { text, lines: vec![line] } })
    }
}

/// A checkpoint whose note bears a verified signature of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads a note and verifies the log's signature on it.
    pub fn verify(bytes: &[u8], origin: &Origin, log: &NoteVerifier) -> Result<Self, CheckpointError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(CheckpointError::TooLong(bytes.len()));
        }
        let note = Note::parse(bytes)?;
        note.verify(std::slice::from_ref(log))?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        if checkpoint.origin != *origin {
            return Err(CheckpointError::OtherLog { expected: *origin, found: checkpoint.origin });
        }
        Ok(Self { checkpoint, note })
    }

    /// Size and root.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The note, byte for byte.
    pub fn note_bytes(&self) -> Vec<u8> {
        self.note.to_string().into_bytes()
    }

    /// The same note with one more line, a cosignature say.
    pub fn with_line(&self, line: NoteLine) -> Self {
        let mut note = self.note.clone();
        note.lines.push(line);
        Self { checkpoint: self.checkpoint, note }
    }

    /// The same note with the lines of another over the same text that it lacks, up to what a note may hold; `None` if it lacks none.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let mut note = self.note.clone();
        for line in other.note.lines.iter().filter(|_| other.note.text == self.note.text) {
            let known = note.lines.iter().any(|known| known.name == line.name && known.key_id == line.key_id);
            if !known && note.lines.len() < MAX_NOTE_LINES {
                note.lines.push(line.clone());
            }
        }
        (note.lines.len() > self.note.lines.len()).then_some(Self { checkpoint: self.checkpoint, note })
    }
}
