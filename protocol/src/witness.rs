//! A witness's side of C2SP tlog-witness `add-checkpoint`, without its door and its disk (PROTOCOL 31.1).
//!
//! A body becomes a [`Submission`], with its log's key an [`Offered`] tree, and that is held against what was cosigned last; each step has
//! its status. The log may be anybody's, so an origin is any key name here. Not here: keeping what was cosigned (`node::witness`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::{ProofError, verify_consistency};
use creditbay_crypto::merkle::{MAX_LEAVES, empty_root};
use creditbay_crypto::note::{Note, NoteError, NoteLine, NoteVerifier};

use crate::decimal::decimal;

/// Bytes of a body that are read: 63 hashes of 45 bytes are under 3 KiB, the rest is a note with many lines, long ones of ML-DSA too.
pub const MAX_SUBMISSION_BYTES: usize = 64 * 1024;
/// Hashes of a proof that are read.
pub const MAX_PROOF_LINES: usize = 63;
/// The media type of a conflict's body, which is the size cosigned last, in decimal, and a newline.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessFault {
    /// Not an old size, at most 63 hashes, an empty line, and a note.
    #[error("{0}; send `old <size>`, at most {MAX_PROOF_LINES} hashes in base64, an empty line, and the signed checkpoint")]
    Malformed(&'static str),
    /// The note is none.
    #[error("checkpoint note: {0}")]
    Note(NoteError),
    /// The note's text is not a checkpoint of exactly three lines.
    #[error("the checkpoint is not an origin, a size and a root on three lines; extension lines are refused")]
    Checkpoint,
    /// An old size above the checkpoint's.
    #[error("the old size {old} is above the checkpoint's {size}; offer a newer checkpoint")]
    OldAboveNew {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// The witness does not serve this log.
    #[error("this witness does not know the log; its operator adds it")]
    UnknownLog,
    /// No signature of the log's key, or one that does not verify.
    #[error("the checkpoint has no valid signature of the log's key: {0}")]
    NotSigned(NoteError),
    /// Another size was cosigned last.
    #[error("size {latest} was cosigned last; send the proof from there")]
    Conflict {
        /// That size.
        latest: u64,
    },
    /// An empty tree with another root than SHA-256 of nothing.
    #[error("the checkpoint gives an empty tree a root that is not SHA-256 of nothing")]
    EmptyRoot,
    /// A proof where none belongs.
    #[error("an empty tree is continued by every tree; send no proof from size 0")]
    ProofFromNothing,
    /// The size that was cosigned last, with another root: the log signed two histories.
    #[error("size {size} was cosigned with another root: the log signed two trees of one size")]
    OtherRoot {
        /// The size.
        size: u64,
    },
    /// The proof does not lead from the tree cosigned last to this one.
    #[error("the consistency proof does not hold: {0}")]
    Proof(ProofError),
}

impl WitnessFault {
    /// The HTTP status that tells it.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Note(_) | Self::Checkpoint | Self::OldAboveNew { .. } => 400,
            Self::NotSigned(_) => 403,
            Self::UnknownLog => 404,
            Self::Conflict { .. } => 409,
            Self::EmptyRoot | Self::ProofFromNothing | Self::OtherRoot { .. } | Self::Proof(_) => 422,
        }
    }
}

/// Size and root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

impl Tree {
    /// What a witness has cosigned of a log that it never saw.
    pub fn empty() -> Self {
        Self { size: 0, root: empty_root() }
    }
}

/// A body of `add-checkpoint` whose shape was read; the note in it is not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    old: u64,
    proof: Vec<Digest>,
    note: Vec<u8>,
}

impl Submission {
    /// What a log sends: the proof leads from `old` to the note's tree.
    pub fn new(old: u64, proof: Vec<Digest>, note: Vec<u8>) -> Self {
        Self { old, proof, note }
    }

    /// The bytes of the body.
    pub fn body(&self) -> Vec<u8> {
        let mut head = format!("old {}\n", self.old);
        for hash in &self.proof {
            head.push_str(&hash.to_base64());
            head.push('\n');
        }
        head.push('\n');
        [head.as_bytes(), &self.note].concat()
    }

    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, WitnessFault> {
        if body.len() > MAX_SUBMISSION_BYTES {
            return Err(WitnessFault::Malformed("the body is too long"));
        }
        let blank = body.windows(2).position(|pair| pair == b"\n\n").ok_or(WitnessFault::Malformed("no empty line"))?;
        let head = std::str::from_utf8(&body[..blank]).map_err(|_| WitnessFault::Malformed("not UTF-8"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.filter(|old| *old <= MAX_LEAVES).ok_or(WitnessFault::Malformed("line 1 is not `old <size>`"))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF_LINES {
                return Err(WitnessFault::Malformed("more hashes than any proof has"));
            }
            proof.push(Digest::from_base64(line).map_err(|_| WitnessFault::Malformed("a line of the proof is no hash"))?);
        }
        Ok(Self { old, proof, note: body[blank + 2..].to_vec() })
    }

    /// The first line of the checkpoint, by which the log is found.
    pub fn origin(&self) -> Option<&str> {
        let end = self.note.iter().position(|byte| *byte == b'\n')?;
        std::str::from_utf8(&self.note[..end]).ok()
    }

    /// The tree that the note signs, if this log's key signed it. The key's name is the log's origin.
    pub fn signed_by(&self, log: &NoteVerifier) -> Result<Offered, WitnessFault> {
        let note = Note::parse(&self.note).map_err(|error| match error {
            NoteError::Line(at) if self.line_names(at, log) => WitnessFault::NotSigned(NoteError::Line(at)),
            other => WitnessFault::Note(other),
        })?;
        note.verify(std::slice::from_ref(log)).map_err(WitnessFault::NotSigned)?;
        let tree = tree_of(&note.text, log.name().as_str()).ok_or(WitnessFault::Checkpoint)?;
        // Lines of others were not verified, and might be made to look like a cosignature.
        let lines = note.lines.into_iter().filter(|line| line.name == *log.name() && line.key_id == log.key_id()).collect();
        if self.old > tree.size {
            return Err(WitnessFault::OldAboveNew { old: self.old, size: tree.size });
        }
        Ok(Offered { old: self.old, proof: self.proof.clone(), tree, note: Note { text: note.text, lines } })
    }

    /// Whether the signature line at this position, which cannot be read, begins with the log's name: its signature does not verify then.
    fn line_names(&self, at: usize, log: &NoteVerifier) -> bool {
        let Ok(note) = std::str::from_utf8(&self.note) else { return false };
        let Some((_, lines)) = note.rsplit_once("\n\n") else { return false };
        lines.split('\n').nth(at - 1).is_some_and(|line| line.starts_with(&format!("— {} ", log.name())))
    }
}

/// Reads a checkpoint of any log: exactly three lines.
fn tree_of(text: &str, origin: &str) -> Option<Tree> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (Some(first), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next()) else {
        return None;
    };
    let size = decimal(size).filter(|size| *size <= MAX_LEAVES && first == origin)?;
    Some(Tree { size, root: Digest::from_base64(root).ok()? })
}

/// A tree that its log signed, with the proof that came along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    old: u64,
    proof: Vec<Digest>,
    tree: Tree,
    note: Note,
}

impl Offered {
    /// The tree that a note signs which was kept, read again at a start: lines of others stay.
    pub fn kept(note: &[u8], log: &NoteVerifier) -> Result<(Tree, Note), WitnessFault> {
        let note = Note::parse(note).map_err(WitnessFault::Note)?;
        note.verify(std::slice::from_ref(log)).map_err(WitnessFault::NotSigned)?;
        let tree = tree_of(&note.text, log.name().as_str()).ok_or(WitnessFault::Checkpoint)?;
        Ok((tree, note))
    }

    /// Whether it continues the tree that was cosigned last.
    pub fn follows(&self, latest: &Tree) -> Result<(), WitnessFault> {
        if self.tree.size == 0 && self.tree.root != empty_root() {
            return Err(WitnessFault::EmptyRoot);
        }
        if self.old != latest.size {
            return Err(WitnessFault::Conflict { latest: latest.size });
        }
        if self.old == 0 {
            return if self.proof.is_empty() { Ok(()) } else { Err(WitnessFault::ProofFromNothing) };
        }
        if self.tree.size == latest.size && self.tree.root != latest.root {
            return Err(WitnessFault::OtherRoot { size: latest.size });
        }
        verify_consistency(latest.size, &latest.root, self.tree.size, &self.tree.root, &self.proof).map_err(WitnessFault::Proof)
    }

    /// The tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The proof.
    pub fn proof(&self) -> &[Digest] {
        &self.proof
    }

    /// The note, with no lines but the log's own.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// Reads the lines of a witness's answer, and keeps those of this witness that verify over the text.
pub fn cosignatures(answer: &[u8], text: &str, witness: &NoteVerifier) -> Vec<NoteLine> {
    let Ok(answer) = std::str::from_utf8(answer) else { return Vec::new() };
    let lines = answer.lines().take(creditbay_crypto::note::MAX_LINES).filter_map(|line| NoteLine::parse(line).ok());
    lines
        .filter(|line| {
            let note = Note { text: text.to_owned(), lines: vec![line.clone()] };
            note.verify(std::slice::from_ref(witness)).is_ok_and(|verified| verified.iter().all(|line| line.time != Some(0)))
        })
        .collect()
}
