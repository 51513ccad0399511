//! The way through a whole log: bundle by bundle, each held against its tiles, its leaves handed on.
//!
//! Not here: the checks themselves (`verify`, `leaves`), and whose log it is (`log`).

use creditbay_crypto::hash::Digest;
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::tile::{TILE_WIDTH, TilePath};

use super::fault::{Fault, Faults};
use super::prepare::{Entries, Fetched, Prepared, Threads, Wanted};
use super::source::{Source, Tile};
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
    audit: Audit,
    threads: Threads,
    /// The entry at which the next chunk to be fetched begins.
    ahead: u64,
    faults: Faults,
}

impl<'a> Walk<'a> {
    /// Begins.
    pub fn begin(source: &'a mut Source, audit: Audit, wanted: Wanted) -> Self {
        Self { source, audit, threads: Threads::start(wanted), ahead: 0, faults: Faults::new() }
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
        let Some(Prepared { chunk, entries }) = self.threads.take() else { return Ok(None) };
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
        Ok(match self.source.tile(path).await? {
            Tile::Whole(bytes) => Some(bytes),
            Tile::Missing => None,
            Tile::Unreadable(error) => {
                self.faults.add(Fault::Unreadable { path, error });
                None
            }
        })
    }
}
