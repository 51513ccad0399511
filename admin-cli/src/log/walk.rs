//! The way through a whole log: bundle by bundle, each held against its tiles, its leaves handed on, and kept where that is asked.
//!
//! Not here: the checks themselves (`verify`, `leaves`), and whose log it is (`log`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::leaf::{Leaf, LeafError};
use creditbay_protocol::tile::{TILE_WIDTH, TilePath};

use crate::file;

use super::fault::{Fault, Faults};
use super::prepare::{Fetched, Prepared, Threads};
use super::source::{Source, Tile};
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

/// Leaves that stand next to one another.
pub struct Batch {
    /// The index of the first.
    pub first: u64,
    /// How many.
    pub width: u16,
    /// The leaves with their hashes; `None` if they are missing.
    pub leaves: Option<Vec<(Digest, Result<Leaf, LeafError>)>>,
}

/// A leaf with its place and hash.
pub struct Read<'a> {
    /// Its index.
    pub index: u64,
    /// Its hash.
    pub hash: Digest,
    /// The leaf.
    pub leaf: &'a Leaf,
}

impl Batch {
    /// The leaves that are there and can be read.
    pub fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        let all = (self.first..).zip(self.leaves.iter().flatten());
        all.filter_map(|(index, (hash, leaf))| Some(Read { index, hash: *hash, leaf: leaf.as_ref().ok()? }))
    }
}

/// The way through a log.
pub struct Walk<'a> {
    source: &'a mut Source,
    audit: Audit,
    archive: Option<&'a Archive>,
    threads: Threads,
    /// The entry at which the next chunk to be fetched begins.
    ahead: u64,
    faults: Faults,
}

impl<'a> Walk<'a> {
    /// Begins; what is fetched is kept, where there is an archive.
    pub fn begin(source: &'a mut Source, audit: Audit, archive: Option<&'a Archive>) -> Self {
        Self { source, audit, archive, threads: Threads::start(), ahead: 0, faults: Faults::new() }
    }

    /// The next leaves, after they and their tiles were taken into the audit; `None` at the end.
    pub async fn next(&mut self) -> anyhow::Result<Option<Batch>> {
        while !self.threads.is_full() && self.ahead < self.audit.size() {
            let width = (self.audit.size() - self.ahead).min(TILE_WIDTH);
            let path = TilePath { level: None, index: self.ahead / TILE_WIDTH, width: width as u16 };
            let bundle = self.fetch(path).await?;
            let tile = self.fetch(TilePath { level: Some(0), ..path }).await?;
            self.ahead += width;
            self.threads.give(Fetched { path, bundle, tile });
        }
        if self.audit.given_up() {
            return Ok(None);
        }
        let Some(Prepared { chunk, leaves }) = self.threads.take() else { return Ok(None) };
        let first = self.audit.done();
        self.audit.take(&chunk);
        while let Some(path) = self.audit.next_upper() {
            let tile = self.fetch(path).await?;
            self.audit.upper(tile.as_deref());
        }
        let leaves = chunk.hashes().zip(leaves).map(|(hashes, leaves)| hashes.iter().copied().zip(leaves).collect());
        Ok(Some(Batch { first, width: chunk.path().width, leaves }))
    }

    /// Entries that were taken.
    pub fn done(&self) -> u64 {
        self.audit.done()
    }

    /// Compares with the signed root. Gives the faults of the tree and of what was kept.
    pub fn finish(mut self, root: &Digest) -> Faults {
        self.faults.extend(self.audit.finish(root));
        self.faults
    }

    async fn fetch(&mut self, path: TilePath) -> anyhow::Result<Option<Vec<u8>>> {
        let bytes = match self.source.tile(path).await? {
            Tile::Whole(bytes) => Some(bytes),
            Tile::Missing => None,
            Tile::Unreadable(error) => {
                self.faults.add(Fault::Unreadable { path, error });
                None
            }
        };
        if let (Some(archive), Some(bytes)) = (self.archive, &bytes) {
            archive.keep(path, bytes, &mut self.faults)?;
        }
        Ok(bytes)
    }
}
