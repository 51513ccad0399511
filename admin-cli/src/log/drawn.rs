//! A sample as a file: which leaves the operator is to open, and the signed checkpoint that draws them (PROTOCOL 33.3).
//!
//! The log grows while it is opened, so the file says from which of its trees the sample was drawn; whoever has the log draws it again.
//! Not here: drawing (`draw`).

use std::path::Path;

use anyhow::{Context, bail};
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::name::Origin;
use serde::{Deserialize, Serialize};

use crate::file;

use super::draw::{Drawn, Lottery};

/// The format of the files that this program writes and reads.
pub const FORMAT: &str = "creditbay-sample/1";
/// Leaves of a sample at most.
pub const MAX_DRAWN: u32 = 100_000;
/// Bytes of a file at most: an index has up to 20 digits.
const MAX_BYTES: u64 = 4 << 20;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleFile {
    /// [`FORMAT`].
    pub format: String,
    /// The log.
    pub log: Origin,
    /// The checkpoint whose root draws the sample, byte for byte.
    pub checkpoint: String,
    /// How many leaves were to be drawn; a log with fewer messages is drawn whole.
    pub count: u32,
    /// The leaves, in the order of the log.
    pub leaves: Vec<u64>,
}

impl SampleFile {
    /// The sample that a checkpoint draws, which stands in this note.
    pub fn new(checkpoint: &Checkpoint, note: &[u8], count: u32, drawn: &[Drawn]) -> Self {
        Self {
            format: FORMAT.to_owned(),
            log: checkpoint.origin,
            checkpoint: String::from_utf8_lossy(note).into_owned(),
            count,
            leaves: drawn.iter().map(|one| one.index).collect(),
        }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = file::read_if_there(path, MAX_BYTES)?;
        let bytes = bytes.with_context(|| format!("{} does not exist; check the path", path.display()))?;
        let read: Self = serde_json::from_slice(&bytes).with_context(|| format!("{}: no file of a sample", path.display()))?;
        if read.format != FORMAT {
            bail!(
                "{}: the file says another format than {FORMAT}; use the version of this program that wrote it",
                path.display()
            );
        }
        if read.leaves.is_empty() || read.leaves.len() > MAX_DRAWN as usize || read.count > MAX_DRAWN {
            bail!("{}: a sample has 1 to {MAX_DRAWN} leaves", path.display());
        }
        if !read.leaves.is_sorted_by(|one, next| one < next) {
            bail!("{}: its leaves do not stand in the order of the log; draw the sample again", path.display());
        }
        Ok(read)
    }

    /// Writes a file that must not exist yet.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        file::write_new(path, file::PUBLIC, format!("{}\n", serde_json::to_string(self)?).as_bytes())
    }

    /// The checkpoint, if this log signed it.
    pub fn signed(&self, entry: &RegionEntry) -> anyhow::Result<SignedCheckpoint> {
        SignedCheckpoint::verify(self.checkpoint.as_bytes(), &entry.log_origin, &entry.log)
            .with_context(|| format!("the sample's checkpoint is none of {}; draw the sample again", entry.log_origin))
    }

    /// From which tree it says that it was drawn.
    pub fn lottery(&self, signed: &SignedCheckpoint) -> Lottery {
        Lottery { root: signed.checkpoint().root, size: signed.checkpoint().size, count: self.count as usize }
    }
}
