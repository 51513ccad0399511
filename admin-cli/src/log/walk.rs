//! The way through a whole log: bundle by bundle, each held against its tiles, its leaves handed on.
//!
//! Not here: the checks themselves (`verify`, `leaves`), and whose log it is (`log`).

use std::path::Path;
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::tile::{TILE_WIDTH, TilePath};

use super::fault::Faults;
use super::prepare::{Entries, Files, Given, Prepared, Threads, Wanted, usable};
use super::source::Source;
use super::verify::Audit;

/// Leaves that stand next to one another.
pub struct Batch {
    /// The index of the first.
    pub first: u64,
    /// How many.
    pub width: u16,
    /// The leaves; `None` if they are missing.
    pub entries: Option<Entries>,
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
    /// The leaves that are there and can be read, where [`Wanted::Leaves`] were.
    pub fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        let all = (self.first..).zip(self.entries.iter().flat_map(|entries| &entries.leaves));
        all.filter_map(|(index, read)| read.as_ref().map(|(hash, leaf)| Read { index, hash: *hash, leaf }))
    }
}

/// The way through a log.
pub struct Walk<'a> {
    source: &'a mut Source,
    /// Where it is a folder, the threads read its files.
    folder: Option<Arc<Path>>,
    audit: Audit,
    threads: Threads,
    /// The entry at which the next chunk to be fetched begins.
    ahead: u64,
    faults: Faults,
}

impl<'a> Walk<'a> {
    /// Begins.
    pub fn begin(source: &'a mut Source, audit: Audit, wanted: Wanted) -> Self {
        let folder = source.folder().map(Arc::from);
        Self { source, folder, audit, threads: Threads::start(wanted), ahead: 0, faults: Faults::new() }
    }

    /// The next leaves, after they and their tiles were taken into the audit; `None` at the end.
    pub async fn next(&mut self) -> anyhow::Result<Option<Batch>> {
        while !self.threads.is_full() && self.ahead < self.audit.size() {
            let width = (self.audit.size() - self.ahead).min(TILE_WIDTH);
            let path = TilePath { level: None, index: self.ahead / TILE_WIDTH, width: width as u16 };
            let files = match &self.folder {
                Some(folder) => Files::InFolder(folder.clone()),
                None => {
                    let bundle = self.fetch(path).await?;
                    Files::Fetched { bundle, tile: self.fetch(TilePath { level: Some(0), ..path }).await? }
                }
            };
            self.ahead += width;
            self.threads.give(Given { path, files });
        }
        if self.audit.given_up() {
            return Ok(None);
        }
        let Some(Prepared { chunk, entries, faults }) = self.threads.take().transpose()? else { return Ok(None) };
        faults.into_iter().for_each(|fault| self.faults.add(fault));
        let first = self.audit.done();
        self.audit.take(&chunk);
        while let Some(path) = self.audit.next_upper() {
            let tile = self.fetch(path).await?;
            self.audit.upper(tile.as_deref());
        }
        Ok(Some(Batch { first, width: chunk.path().width, entries }))
    }

    /// Entries that were taken.
    pub fn done(&self) -> u64 {
        self.audit.done()
    }

    /// Compares with the signed root. Gives the faults of the tree.
    pub fn finish(mut self, root: &Digest) -> Faults {
        self.faults.extend(self.audit.finish(root));
        self.faults
    }

    async fn fetch(&mut self, path: TilePath) -> anyhow::Result<Option<Vec<u8>>> {
        let mut faults = Vec::new();
        let bytes = usable(self.source.tile(path).await?, path, &mut faults);
        faults.into_iter().for_each(|fault| self.faults.add(fault));
        Ok(bytes)
    }
}
