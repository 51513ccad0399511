//! The way through a whole log: bundle by bundle, each held against its tiles, its leaves read, and kept where that is asked.
//!
//! Not here: the checks themselves (`verify`, `leaves`), and whose log it is (`log`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use creditbay_protocol::tile::TilePath;
use indicatif::ProgressBar;

use crate::file;

use super::fault::{Fault, Faults};
use super::leaves::Leaves;
use super::source::Source;
use super::verify::Audit;

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

    /// Keeps a tile or bundle. One that was kept before is never overwritten; it must be the same.
    fn keep(&self, path: TilePath, bytes: &[u8], faults: &mut Faults) -> anyhow::Result<()> {
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

/// Reads every bundle and tile into the audit, and every entry into `leaves` where they are to be read. Gives the faults of leaves and
/// of what was kept.
pub async fn walk(
    source: &mut Source,
    audit: &mut Audit,
    mut leaves: Option<&mut Leaves>,
    archive: Option<&Archive>,
    bar: &ProgressBar,
) -> anyhow::Result<Faults> {
    let mut faults = Faults::new();
    while let Some(path) = audit.next_bundle() {
        let bundle = fetch(source, path, archive, &mut faults).await?;
        let tile = fetch(source, TilePath { level: Some(0), ..path }, archive, &mut faults).await?;
        let entries = audit.chunk(bundle.as_deref(), tile.as_deref());
        match (&mut leaves, entries) {
            (Some(leaves), Some(entries)) => entries.into_iter().for_each(|entry| leaves.read(entry, &mut faults)),
            (Some(leaves), None) => leaves.skip(u64::from(path.width)),
            (None, _) => {}
        }
        while let Some(path) = audit.next_upper() {
            let tile = fetch(source, path, archive, &mut faults).await?;
            audit.upper(tile.as_deref());
        }
        bar.set_position(audit.done());
    }
    Ok(faults)
}

async fn fetch(
    source: &mut Source,
    path: TilePath,
    archive: Option<&Archive>,
    faults: &mut Faults,
) -> anyhow::Result<Option<Vec<u8>>> {
    let bytes = source.tile(path).await?;
    if let (Some(archive), Some(bytes)) = (archive, &bytes) {
        archive.keep(path, bytes, faults)?;
    }
    Ok(bytes)
}
