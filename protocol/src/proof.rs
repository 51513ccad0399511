//! A proof that can be kept and shown: C2SP tlog-proof v1, `.tlog-proof` (PROTOCOL 17).
//!
//! Index, inclusion path and the checkpoint's note, as text. Verifying one needs the leaf's bytes and the log's key, nothing else.
//! Not here: what the leaf means (`attestation`).

use std::fmt;

use creditbay_crypto::hash::{Digest, base64_decode};
use creditbay_crypto::merkle::verify::{ProofError, verify_inclusion};
use creditbay_crypto::note::NoteVerifier;

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::decimal::decimal;
use crate::limits::{MAX_LEVELS, MAX_NOTE_BYTES};
use crate::name::Origin;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The parts of a `.tlog-proof` file; we write no `extra` line and skip one that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The leaf's index.
    pub index: u64,
    /// The inclusion path, the leaf's sibling first.
    pub path: Vec<Digest>,
    /// The checkpoint's note, byte for byte.
    pub note: Vec<u8>,
}

/// Why a text is no proof, or proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The first line is another.
    #[error("tlog-proof: the first line is not {HEADER}")]
    Header,
    /// The `extra` line is not base64.
    #[error("tlog-proof: the extra line is not canonical base64")]
    Extra,
    /// No index line, or not a decimal number.
    #[error("tlog-proof: no line `index <decimal>`")]
    Index,
    /// A line of the path is not a hash in base64.
    #[error("tlog-proof: hash {0} of the path is not 32 bytes in base64")]
    Hash(usize),
    /// More hashes than any tree has levels.
    #[error("tlog-proof: more than {MAX_LEVELS} hashes")]
    TooManyHashes,
    /// No empty line before the checkpoint, or the note is too long.
    #[error("tlog-proof: no checkpoint of at most {MAX_NOTE_BYTES} bytes after an empty line")]
    Note,
    /// The checkpoint does not verify.
    #[error("tlog-proof: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The path does not lead from the leaf to the root.
    #[error("tlog-proof: {0}")]
    Inclusion(#[from] ProofError),
}

impl TlogProofError {
    /// The fault's name, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Header => "proof_header",
            Self::Extra => "proof_extra",
            Self::Index => "proof_index",
            Self::Hash(_) => "proof_hash",
            Self::TooManyHashes => "proof_too_long",
            Self::Note => "proof_note",
            Self::Checkpoint(error) => error.kind(),
            Self::Inclusion(_) => "inclusion",
        }
    }
}

impl TlogProof {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        let mut rest = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(TlogProofError::Header)?;
        if let Some(extra) = rest.strip_prefix("extra ") {
            let (extra, after) = extra.split_once('\n').ok_or(TlogProofError::Index)?;
            base64_decode(extra).map_err(|_| TlogProofError::Extra)?;
            rest = after;
        }
        let (index, mut rest) = rest.split_once('\n').ok_or(TlogProofError::Index)?;
        let index = index.strip_prefix("index ").and_then(decimal).ok_or(TlogProofError::Index)?;
        let mut path = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(TlogProofError::Note)?;
            rest = after;
            if line.is_empty() {
                break;
            }
            if path.len() == MAX_LEVELS {
                return Err(TlogProofError::TooManyHashes);
            }
            path.push(Digest::from_base64(line).map_err(|_| TlogProofError::Hash(path.len()))?);
        }
        if rest.is_empty() || rest.len() > MAX_NOTE_BYTES {
            return Err(TlogProofError::Note);
        }
        Ok(Self { index, path, note: rest.as_bytes().to_vec() })
    }

    /// Verifies that a leaf with this hash stands in this log, and returns the signed checkpoint that says so.
    pub fn verify(&self, leaf: &Digest, origin: &Origin, log: &NoteVerifier) -> Result<SignedCheckpoint, TlogProofError> {
        let signed = SignedCheckpoint::verify(&self.note, origin, log)?;
        let checkpoint = signed.checkpoint();
        verify_inclusion(leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)?;
        Ok(signed)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER}\nindex {}\n", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.note))
    }
}
