//! `creditbay-node restore`: a log put back into its store from the archive, whole or where the store was rolled back (PROTOCOL 35.4); and
//! `creditbay-node compact`, the store rewritten.
//!
//! The archive is read twice: first every entry must lead to the note that the log signed, and the store's own tree must be the beginning
//! of it; only then is anything written. What opens the leaves is not in an archive and does not come back. The log before it is put back
//! the same way, held against the size and root that are known of its end (`put_back_before`). Not here: making archives
//! (`creditbay log archive`), a log that begins behind a lost end (`succeed`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use creditbay_configs::node::NodeConfig;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::Frontier;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner};
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use creditbay_protocol::name::Origin;
use creditbay_protocol::succession::Beginning;
use creditbay_protocol::tile::{TILE_WIDTH, TileError, TilePath, decode_bundle};

use crate::files::{Files, StartError, because, own_entry, read_files};
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::host::telemetry::Metrics;
use crate::log::append::{BATCH, Writer};
use crate::log::fault::LogError;
use crate::log::recover::{Parts, recover_to_put_back};
use crate::log::seals::Seals;
use crate::log::seen::Seen;
use crate::log::succession::carry_over;
use crate::store::Store;
use crate::store::log as layout;
use crate::store::on_disk::{self, OnDisk};

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A file of the archive cannot be read.
    #[error("{path}: {error}; name a folder that `creditbay log archive` or `log export` made")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The archive's checkpoint is not this log's.
    #[error("{path}: {error}; restore from an archive of this log")]
    Note {
        /// The file.
        path: String,
        /// What is wrong.
        error: CheckpointError,
    },
    /// A bundle of the archive is damaged.
    #[error("{path}: {error}; verify the archive with `creditbay log verify`")]
    Bundle {
        /// Which.
        path: TilePath,
        /// What is wrong.
        error: TileError,
    },
    /// The entries do not lead to the signed root.
    #[error(
        "the archive's {size} entries do not lead to the root that the log signed; verify the archive with `creditbay log verify`"
    )]
    Root {
        /// Entries.
        size: u64,
    },
    /// The store has a log, and nobody said that only its tail is missing.
    #[error("the store holds {stored} leaves already; say --tail if it was rolled back and the archive is to add what it lacks")]
    NotEmpty {
        /// Leaves in the store.
        stored: u64,
    },
    /// The archive has nothing that the store lacks.
    #[error("the archive ends at {archived} leaves and the store at {stored}; there is nothing to add")]
    NothingNew {
        /// Leaves in the archive.
        archived: u64,
        /// Leaves in the store.
        stored: u64,
    },
    /// The store's tree is not the beginning of the archive's.
    #[error(
        "the store's {stored} leaves are not the beginning of the archived log: two histories; keep both, and retire the log"
    )]
    OtherHistory {
        /// Leaves in the store.
        stored: u64,
    },
    /// The archive's checkpoint cannot be read, or is another log's.
    #[error("{path}: not a checkpoint of {origin}; name a folder that holds that log")]
    OtherLog {
        /// The file.
        path: String,
        /// The log.
        origin: Origin,
    },
    /// The archive is too small.
    #[error("{path}: {held} leaves of {origin}, and {size} are wanted; name a folder that holds them")]
    TooShort {
        /// The folder.
        path: String,
        /// The log.
        origin: Origin,
        /// The leaves that are wanted.
        size: u64,
        /// The leaves that are there.
        held: u64,
    },
    /// The log in the store does not say what it goes on from.
    #[error("{0} has no first leaf here that names the log before it; put this log back first")]
    NotBegun(Origin),
    /// The log does not take the leaves.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The log.
    pub origin: Origin,
    /// Leaves that the store had.
    pub stored: u64,
    /// Leaves that it has now.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// Rewrites the store of the node with this configuration; the bytes on disk before and after.
pub fn compact(config: &Path) -> Result<(u64, u64), StartError> {
    let Files { config, .. } = read_files(config)?;
    on_disk::compact(&config.data_dir.join("store"), u64::from(config.limits.cache_mib)).map_err(because)
}

/// Files of a log, and how much of it is to be put back.
struct Archive {
    folder: PathBuf,
    /// Leaves of which the folder has the files.
    held: u64,
    /// What is put back, its root known from elsewhere than the entries.
    checkpoint: Checkpoint,
}

/// Restores the log of the node with this configuration; `tail` where the store may hold the beginning of it.
pub fn restore(config: &Path, archive: &Path, tail: bool) -> Result<Restored, StartError> {
    let Files { config, directory, log: signer, .. } = read_files(config)?;
    let own = own_entry(&directory, config.region)?;
    let path = archive.join("checkpoint");
    let note = fs::read(&path).map_err(|error| because(RestoreError::File { path: path.display().to_string(), error }))?;
    let signed = SignedCheckpoint::verify(&note, &own.log_origin, &own.log)
        .map_err(|error| because(RestoreError::Note { path: path.display().to_string(), error }))?;
    let checkpoint = *signed.checkpoint();
    let archive = Archive { folder: archive.to_owned(), held: checkpoint.size, checkpoint };
    let store = open_store(&config, own.log_origin)?;
    match carry_over(&*store, own.log_origin) {
        // A store that was lost has nothing before this log either.
        Ok(()) | Err(LogError::NoPredecessor { .. }) => {}
        Err(error) => return Err(because(error)),
    }
    let mut writer = writer_on(&config, store, own.log_origin, signer)?;
    archive.put_back_into(&mut writer, tail).map_err(because)
}

/// Puts back the log before the one that the store holds, as its first leaf names it: for peers that know only that one.
pub fn restore_predecessor(config: &Path, archive: &Path) -> Result<Restored, StartError> {
    let Files { config, directory, .. } = read_files(config)?;
    let origin = own_entry(&directory, config.region)?.log_origin;
    let store = open_store(&config, origin)?;
    let begun = layout::read_leaves(&*store, 0, 1).ok().and_then(|mut first| Beginning::of_leaf(&first.pop()?));
    let Beginning { log, size, root, .. } = begun.ok_or_else(|| because(RestoreError::NotBegun(origin)))?;
    drop(store);
    put_back_before(&config, Checkpoint { origin: log, size, root }, archive)
}

/// Puts the leaves of an earlier log back into its own tree, up to a size whose root is known. Nobody has its key any more, and nothing
/// that is signed here leaves.
pub fn put_back_before(config: &NodeConfig, checkpoint: Checkpoint, archive: &Path) -> Result<Restored, StartError> {
    let archive = Archive::up_to(archive, checkpoint).map_err(because)?;
    let nobody = SigningKey::from_seed(Entropy::system().seed());
    let name = checkpoint.origin.to_string().parse().map_err(because)?;
    let store = open_store(config, checkpoint.origin)?;
    let mut writer = writer_on(config, store, checkpoint.origin, NoteSigner::new(name, KeyKind::Ed25519, nobody))?;
    archive.put_back_into(&mut writer, true).map_err(because)
}

/// How many leaves of a log the files in a folder are of, by their checkpoint, whoever signed it.
pub fn archived_size(folder: &Path, origin: &Origin) -> Result<u64, RestoreError> {
    let path = folder.join("checkpoint");
    let file = path.display().to_string();
    let note = fs::read(&path).map_err(|error| RestoreError::File { path: file.clone(), error })?;
    let read = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(&note.text).ok());
    let size = read.filter(|read| read.origin == *origin).map(|read| read.size);
    size.ok_or(RestoreError::OtherLog { path: file, origin: *origin })
}

/// The store, opened for the log with this origin.
pub fn open_store(config: &NodeConfig, origin: Origin) -> Result<Arc<dyn Store>, StartError> {
    let (path, cache) = (config.data_dir.join("store"), u64::from(config.limits.cache_mib));
    Ok(Arc::new(OnDisk::open_log(&path, cache, origin.number()).map_err(because)?))
}

fn writer_on(config: &NodeConfig, store: Arc<dyn Store>, origin: Origin, signer: NoteSigner) -> Result<Writer, StartError> {
    let (clock, entropy, metrics) = (Arc::new(Clock::host()), Arc::new(Entropy::system()), Arc::new(Metrics::default()));
    let seals = Arc::new(Seals::new(EpochKeys::in_folder(&config.data_dir.join("keys")).map_err(because)?).map_err(because)?);
    let seen = Arc::new(Seen::of_nobody(store.clone(), clock.clone(), metrics.clone()).map_err(because)?);
    let parts = Parts { store, origin, signer, seals, clock, entropy, metrics, seen, reserve: None };
    Ok(recover_to_put_back(parts).map_err(because)?.writer)
}

impl Archive {
    /// The beginning of the log in a folder, which may go on.
    fn up_to(folder: &Path, checkpoint: Checkpoint) -> Result<Self, RestoreError> {
        let Checkpoint { origin, size, .. } = checkpoint;
        let held = archived_size(folder, &origin)?;
        if held < size {
            return Err(RestoreError::TooShort { path: folder.display().to_string(), origin, size, held });
        }
        Ok(Self { folder: folder.to_owned(), held, checkpoint })
    }

    fn put_back_into(&self, writer: &mut Writer, tail: bool) -> Result<Restored, RestoreError> {
        let Checkpoint { origin, size, root } = self.checkpoint;
        let stored = writer.size();
        if stored > 0 && !tail {
            return Err(RestoreError::NotEmpty { stored });
        }
        if size <= stored {
            return Err(RestoreError::NothingNew { archived: size, stored });
        }
        self.check(stored, writer.root())?;
        let mut waiting = Vec::new();
        for index in stored / TILE_WIDTH..size.div_ceil(TILE_WIDTH) {
            let first = index * TILE_WIDTH;
            let skipped = usize::try_from(stored.saturating_sub(first)).unwrap_or(0);
            waiting.extend(self.entries(index)?.into_iter().skip(skipped));
            while waiting.len() > BATCH {
                let rest = waiting.split_off(BATCH);
                writer.put_back(&waiting, false)?;
                waiting = rest;
            }
        }
        // The last leaves go with the head, once more under the signed root.
        writer.put_back(&waiting, true)?;
        if writer.root() != root {
            return Err(RestoreError::Root { size });
        }
        Ok(Restored { origin, stored, size, root })
    }

    /// Every entry leads to the signed root, and the first `stored` of them to the store's.
    fn check(&self, stored: u64, root: Digest) -> Result<(), RestoreError> {
        let mut frontier = Frontier::empty();
        let mut beginning = stored == 0;
        for index in 0..self.checkpoint.size.div_ceil(TILE_WIDTH) {
            for entry in self.entries(index)? {
                frontier.push(leaf_hash(&entry));
                beginning |= frontier.size() == stored && frontier.root() == root;
            }
        }
        if frontier.root() != self.checkpoint.root {
            return Err(RestoreError::Root { size: self.checkpoint.size });
        }
        if beginning { Ok(()) } else { Err(RestoreError::OtherHistory { stored }) }
    }

    fn entries(&self, index: u64) -> Result<Vec<Vec<u8>>, RestoreError> {
        let first = index * TILE_WIDTH;
        let width = (self.held - first).min(TILE_WIDTH) as u16;
        let wanted = (self.checkpoint.size - first).min(TILE_WIDTH) as usize;
        let path = TilePath { level: None, index, width };
        let file = self.folder.join(path.to_string());
        let bytes = fs::read(&file).map_err(|error| RestoreError::File { path: file.display().to_string(), error })?;
        let entries = decode_bundle(&bytes, usize::from(width)).map_err(|error| RestoreError::Bundle { path, error })?;
        Ok(entries.into_iter().take(wanted).map(<[u8]>::to_vec).collect())
    }
}

#[cfg(test)]
mod tests;
