//! The folder in which a copy of a log is kept as static files.
//!
//! A file is never overwritten, and durable before it has its name. Not here: what may be kept (`copy`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use creditbay_protocol::tile::TilePath;

use crate::file;

use super::fault::{Fault, Faults};
use super::source::MAX_TILE_BYTES;

/// Where a log's files are kept.
pub struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// In this folder, which is made if it does not exist.
    pub fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let archive = Self { folder: std::path::absolute(folder).with_context(|| format!("{} is no path", folder.display()))? };
        archive.make_folder(&archive.folder)?;
        Ok(archive)
    }

    /// The bytes of a tile or bundle that was kept.
    pub fn kept(&self, path: TilePath) -> anyhow::Result<Option<Vec<u8>>> {
        file::read_if_there(&self.folder.join(path.to_string()), MAX_TILE_BYTES as u64)
    }

    /// Removes the partial ones of a full tile or bundle that is kept.
    pub fn remove_partials(&self, full: TilePath) -> anyhow::Result<()> {
        let kept = self.folder.join(full.to_string());
        let Some(name) = kept.file_name().filter(|_| kept.is_file()) else { return Ok(()) };
        let partials = kept.with_file_name(format!("{}.p", name.to_string_lossy()));
        match fs::remove_dir_all(&partials) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", partials.display()))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a tile or bundle. One that was kept before is never overwritten; it must be the same.
    pub fn keep(&self, path: TilePath, bytes: &[u8], faults: &mut Faults) -> anyhow::Result<()> {
        let target = self.folder.join(path.to_string());
        match file::read_if_there(&target, u64::MAX - 1)? {
            Some(kept) if kept == bytes => Ok(()),
            Some(_) => {
                faults.add(Fault::ExportDiffers(path));
                Ok(())
            }
            None => {
                self.make_folder(target.parent().unwrap_or(&self.folder))?;
                file::write(&target, file::PUBLIC, bytes)
            }
        }
    }

    /// A new folder is durable only when the one above it is.
    fn make_folder(&self, folder: &Path) -> anyhow::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.make_folder(above)?;
            let made = fs::create_dir(folder).and_then(|()| File::open(above)?.sync_all());
            made.with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        Ok(())
    }
}
