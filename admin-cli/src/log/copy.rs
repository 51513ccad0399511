//! A copy of a log as static files, brought up to a signed checkpoint: from the root downward, so that no byte is kept that does not lead
//! to it (C2SP tlog-tiles; PROTOCOL 35.3).
//!
//! The tiles of the right edge lead to the signed root, each full tile to its hash in the tile above, each entry to its hash. What was
//! kept under an earlier checkpoint is held against the new tree before anything of the new tree is kept, and is not fetched again; what
//! an interrupted run left is checked like what comes. Not here: what an entry says (`leaves`), and whose checkpoint it is.

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::bulk::leaf_hashes;
use creditbay_crypto::merkle::node_hash;
use creditbay_crypto::merkle::tree::{self, Frontier, Nodes};
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::tile::{TILE_HEIGHT, TILE_WIDTH, TileError, TilePath, decode_bundle};
use indicatif::ProgressBar;

use super::fault::{Fault, Faults};
use super::folder::Archive;
use super::source::Source;

/// Why a copy was not brought up to the checkpoint.
#[derive(Debug)]
pub enum Refused {
    /// What the log gives, or what is kept, does not hold.
    Fault(Fault),
    /// It could not be read, or not be kept.
    Failed(anyhow::Error),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Hash tiles that lead to the signed root.
#[derive(Default)]
struct Tiles(BTreeMap<(u8, u64), Vec<Digest>>);

impl Nodes for Tiles {
    /// The tile that is not here.
    type Error = TilePath;

    fn node(&self, level: u32, index: u64) -> Result<Digest, TilePath> {
        if !level.is_multiple_of(TILE_HEIGHT) {
            return Ok(node_hash(&self.node(level - 1, 2 * index)?, &self.node(level - 1, 2 * index + 1)?));
        }
        let level = (level / TILE_HEIGHT) as u8;
        let hashes = self.0.get(&(level, index / TILE_WIDTH));
        let hash = hashes.and_then(|hashes| hashes.get((index % TILE_WIDTH) as usize)).copied();
        hash.ok_or_else(|| full(Some(level), index / TILE_WIDTH))
    }
}

/// A copy on its way from one checkpoint to a later one.
pub struct Copy<'a> {
    source: &'a mut Source,
    archive: &'a Archive,
    from: Option<Checkpoint>,
    to: Checkpoint,
    tiles: Tiles,
    /// Whether what is kept is checked again, too.
    whole: bool,
    /// Fetched, found good, and not kept yet.
    pending: Vec<(TilePath, Vec<u8>)>,
    /// The last full tile that was read where it is kept.
    read: Option<(TilePath, Vec<Digest>)>,
}

impl<'a> Copy<'a> {
    /// From what is kept in `archive` under `from` to the tree of `to`, which the log signed.
    pub fn new(source: &'a mut Source, archive: &'a Archive, from: Option<Checkpoint>, to: Checkpoint) -> Self {
        Self { source, archive, from, to, tiles: Tiles::default(), whole: false, pending: Vec::new(), read: None }
    }

    /// Every file that is kept is held against the new tree once more.
    pub fn whole(mut self, whole: bool) -> Self {
        self.whole = whole;
        self
    }

    /// Fetches, checks and keeps all that is new. The checkpoint itself is the caller's to keep, afterwards.
    pub async fn bring(mut self, bar: &ProgressBar) -> Result<(), Refused> {
        self.refuse_other_history()?;
        if !self.whole && self.from.is_some_and(|from| from.size == self.to.size) || self.to.size == 0 {
            return Ok(());
        }
        self.edge().await?;
        self.seam().await?;
        self.keep_pending()?;
        for level in (0..levels(self.to.size)).rev() {
            let first = if self.whole { 0 } else { self.kept_full(level) };
            for index in first..self.nodes(level) / TILE_WIDTH {
                if !self.tiles.0.contains_key(&(level, index)) {
                    self.full_tile(level, index).await?;
                    self.keep_pending()?;
                }
            }
        }
        self.bundles(bar).await
    }

    fn refuse_other_history(&self) -> Result<(), Fault> {
        let (Some(from), to) = (self.from, self.to) else { return Ok(()) };
        if from.size > to.size {
            return Err(Fault::Shrunk { size: to.size, earlier: from.size });
        }
        if from.size == to.size && from.root != to.root {
            return Err(Fault::Rewritten { size: to.size, computed: to.root, earlier: from.root });
        }
        Ok(())
    }

    /// Nodes of a tile level.
    fn nodes(&self, level: u8) -> u64 {
        self.to.size >> (u32::from(level) * TILE_HEIGHT)
    }

    /// Full tiles of a level that are kept under the earlier checkpoint.
    fn kept_full(&self, level: u8) -> u64 {
        self.from.map_or(0, |from| (from.size >> (u32::from(level) * TILE_HEIGHT)) / TILE_WIDTH)
    }

    /// The partial tiles of the new tree: together they lead to its root.
    async fn edge(&mut self) -> Result<(), Refused> {
        for level in 0..levels(self.to.size) {
            let nodes = self.nodes(level);
            let Ok(width @ 1..) = u16::try_from(nodes % TILE_WIDTH) else { continue };
            let path = TilePath { level: Some(level), index: nodes / TILE_WIDTH, width };
            let bytes = self.source.bytes(path).await?.ok_or(Fault::Missing(path))?;
            self.tiles.0.insert((level, path.index), hashes(path, &bytes)?);
            self.pending.push((path, bytes));
        }
        let computed = tree::root(self.to.size, &self.tiles).map_err(Fault::Missing)?;
        if computed == self.to.root {
            return Ok(());
        }
        Err(Fault::Root { size: self.to.size, computed, signed: self.to.root }.into())
    }

    /// The tiles of the new tree over the earlier one's right edge: they must lead to the earlier root too.
    async fn seam(&mut self) -> Result<(), Refused> {
        let Some(from) = self.from else { return Ok(()) };
        for level in (0..levels(self.to.size)).rev() {
            let index = self.kept_full(level);
            if index < self.nodes(level) / TILE_WIDTH && !self.tiles.0.contains_key(&(level, index)) {
                let hashes = self.full_tile(level, index).await?;
                self.tiles.0.insert((level, index), hashes);
            }
        }
        let computed = tree::root(from.size, &self.tiles).map_err(Fault::Missing)?;
        if computed == from.root {
            return Ok(());
        }
        Err(Fault::Rewritten { size: from.size, computed, earlier: from.root }.into())
    }

    /// A full tile that leads to its hash in the tile above it; pending if it was not kept before.
    async fn full_tile(&mut self, level: u8, index: u64) -> Result<Vec<Digest>, Refused> {
        let path = full(Some(level), index);
        let above = self.tile_of(level + 1, index / TILE_WIDTH)?;
        let expected = above.get((index % TILE_WIDTH) as usize).copied().ok_or(Fault::Missing(path))?;
        let (bytes, kept) = self.fetch(path).await?;
        let hashes = hashes(path, &bytes)?;
        let mut over = Frontier::empty();
        hashes.iter().for_each(|hash| over.push(*hash));
        if over.root() != expected {
            return Err(if kept { Fault::ExportDiffers(path) } else { Fault::Strange(path) }.into());
        }
        if !kept {
            self.pending.push((path, bytes));
        }
        Ok(hashes)
    }

    /// The hashes of a tile that is good already: in hand, or kept.
    fn tile_of(&mut self, level: u8, index: u64) -> Result<Vec<Digest>, Refused> {
        let path = full(Some(level), index);
        if let Some(hashes) = self.tiles.0.get(&(level, index)) {
            return Ok(hashes.clone());
        }
        if let Some((_, hashes)) = self.read.as_ref().filter(|(read, _)| *read == path) {
            return Ok(hashes.clone());
        }
        let bytes = self.archive.kept(path)?.ok_or(Fault::Missing(path))?;
        let hashes = hashes(path, &bytes)?;
        self.read = Some((path, hashes.clone()));
        Ok(hashes)
    }

    /// Each entry must have the hash that the tiles say.
    async fn bundles(&mut self, bar: &ProgressBar) -> Result<(), Refused> {
        let first = if self.whole { 0 } else { self.kept_full(0) };
        for index in first..self.to.size.div_ceil(TILE_WIDTH) {
            let width = (self.to.size - index * TILE_WIDTH).min(TILE_WIDTH);
            let path = TilePath { level: None, index, width: width as u16 };
            let expected = self.tile_of(0, index)?;
            let (bytes, kept) = self.fetch(path).await?;
            let entries = decode_bundle(&bytes, usize::from(path.width)).map_err(|error| Fault::Tile { path, error })?;
            for (at, (hash, expected)) in (index * TILE_WIDTH..).zip(leaf_hashes(&entries).into_iter().zip(expected)) {
                if hash != expected {
                    return Err(if kept { Fault::ExportDiffers(path) } else { Fault::EntryChanged { index: at } }.into());
                }
            }
            if !kept {
                self.pending.push((path, bytes));
                self.keep_pending()?;
            }
            bar.set_position(path.span().end);
        }
        Ok(())
    }

    /// The bytes, and whether they were kept before.
    async fn fetch(&mut self, path: TilePath) -> Result<(Vec<u8>, bool), Refused> {
        if let Some(bytes) = self.archive.kept(path)? {
            return Ok((bytes, true));
        }
        let bytes = self.source.bytes(path).await?.ok_or(Fault::Missing(path))?;
        Ok((bytes, false))
    }

    fn keep_pending(&mut self) -> Result<(), Refused> {
        let mut faults = Faults::new();
        for (path, bytes) in self.pending.drain(..) {
            self.archive.keep(path, &bytes, &mut faults)?;
        }
        faults.listed().first().map_or(Ok(()), |fault| Err(fault.clone().into()))
    }
}

/// Tile levels that a tree of this size has.
fn levels(size: u64) -> u8 {
    (0u8..8).take_while(|level| size >> (u32::from(*level) * TILE_HEIGHT) > 0).count() as u8
}

fn full(level: Option<u8>, index: u64) -> TilePath {
    TilePath { level, index, width: TILE_WIDTH as u16 }
}

fn hashes(path: TilePath, bytes: &[u8]) -> Result<Vec<Digest>, Fault> {
    let expected = usize::from(path.width) * 32;
    if bytes.len() != expected {
        return Err(Fault::Tile { path, error: TileError::Width { expected, found: bytes.len() } });
    }
    let (hashes, _) = bytes.as_chunks::<32>();
    Ok(hashes.iter().map(|hash| Digest(*hash)).collect())
}

/// Removes partial tiles and bundles of a tree of this size whose full ones are kept, where the copy was of `from` leaves before.
pub fn prune(archive: &Archive, from: u64, size: u64) -> anyhow::Result<()> {
    for level in 0..levels(size) {
        let full_tiles = |size: u64| (size >> (u32::from(level) * TILE_HEIGHT)) / TILE_WIDTH;
        for index in full_tiles(from)..full_tiles(size) {
            archive.remove_partials(full(Some(level), index))?;
            if level == 0 {
                archive.remove_partials(full(None, index))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
