//! A tiled log held against its signed root, tile by tile in constant memory (C2SP tlog-tiles; PROTOCOL.md, "Auditing a log").
//!
//! Two lines run side by side: one over the hashes of the entries, one over the hashes that the tiles give. Where they differ, the line
//! that leads to the signed root tells which of the two was changed; where only one of them is there, it stands in for the other.
//! Pure: what is fetched is an argument. Not here: what an entry says (`leaves`), the checkpoint's signature (`log`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::Frontier;
use creditbay_protocol::tile::{TILE_HEIGHT, TILE_WIDTH, TileError, TilePath, decode_bundle};

use super::fault::{Fault, Faults, MAX_LISTED};

/// Entries that may be missing, hash and all, before the rest is given up: a checkpoint may claim 2^40 of them.
const MAX_UNKNOWN: u64 = TILE_WIDTH * 1024;

/// A hash as either line has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    entries: Digest,
    tiles: Digest,
}

/// An audit of a log of one size.
///
/// The caller takes [`Audit::next_bundle`], fetches the bundle and its hash tile, gives both to [`Audit::chunk`], then all that
/// [`Audit::next_upper`] names to [`Audit::upper`], until there is no next bundle; then [`Audit::finish`].
pub struct Audit {
    size: u64,
    done: u64,
    entries: Frontier,
    tiles: Frontier,
    /// Entries of which neither the entry nor the hash is there.
    unknown: u64,
    /// Per level above the leaves' tiles: the hashes of the tile that is being filled, and its index.
    levels: Vec<(u64, Vec<Option<Pair>>)>,
    /// Upper tiles that are complete and wait to be compared.
    waiting: Vec<(TilePath, Vec<Option<Pair>>)>,
    earlier: Option<(u64, Digest)>,
    differ: Vec<u64>,
    differ_count: u64,
    faults: Faults,
}

impl Audit {
    /// An audit of a log of this size.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            done: 0,
            entries: Frontier::empty(),
            tiles: Frontier::empty(),
            unknown: 0,
            levels: Vec::new(),
            waiting: Vec::new(),
            earlier: None,
            differ: Vec::new(),
            differ_count: 0,
            faults: Faults::new(),
        }
    }

    /// Holds the log against an earlier checkpoint too: its first `size` entries must have this root.
    pub fn expect_earlier(&mut self, size: u64, root: Digest) {
        if size > self.size {
            self.faults.add(Fault::Shrunk { size: self.size, earlier: size });
        } else if size > 0 {
            self.earlier = Some((size, root));
        }
    }

    /// Entries that were read.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The bundle that comes next; none at the end, and none where so much is missing that a forged size is likely.
    pub fn next_bundle(&self) -> Option<TilePath> {
        if self.unknown >= MAX_UNKNOWN {
            return None;
        }
        let left = self.size - self.done;
        let width = u16::try_from(left.min(TILE_WIDTH)).ok().filter(|width| *width > 0)?;
        Some(TilePath { level: None, index: self.done / TILE_WIDTH, width })
    }

    /// Takes the next bundle and its hash tile, each `None` if it is missing. Gives the bundle's entries, if it has as many as it should.
    pub fn chunk<'a>(&mut self, bundle: Option<&'a [u8]>, tile: Option<&[u8]>) -> Option<Vec<&'a [u8]>> {
        let path = self.next_bundle()?;
        let hash_path = TilePath { level: Some(0), ..path };
        let width = usize::from(path.width);
        let entries = self
            .present(path, bundle)
            .and_then(|bytes| decode_bundle(bytes, width).map_err(|error| self.faults.add(Fault::Tile { path, error })).ok());
        let from_entries: Option<Vec<Digest>> =
            entries.as_ref().map(|entries| entries.iter().map(|entry| leaf_hash(entry)).collect());
        let from_tile = self.present(hash_path, tile).and_then(|bytes| self.hashes(hash_path, bytes));
        let first = self.done;
        self.done += u64::from(path.width);
        let pairs = match (from_entries, from_tile) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => {
                Some(one.into_iter().map(|hash| Pair { entries: hash, tiles: hash }).collect())
            }
            (Some(entries), Some(tiles)) => Some(self.compare(first, &entries, &tiles)),
        };
        self.grow(path, pairs);
        entries
    }

    /// The upper tile that is to be compared next.
    pub fn next_upper(&self) -> Option<TilePath> {
        self.waiting.first().map(|(path, _)| *path)
    }

    /// Takes the tile that [`Audit::next_upper`] named.
    pub fn upper(&mut self, tile: Option<&[u8]>) {
        if self.waiting.is_empty() {
            return;
        }
        let (path, expected) = self.waiting.remove(0);
        let Some(hashes) = self.present(path, tile).and_then(|bytes| self.hashes(path, bytes)) else { return };
        for (position, (expected, found)) in expected.iter().zip(&hashes).enumerate() {
            if expected.is_some_and(|pair| pair.entries != *found && pair.tiles != *found) {
                self.faults.add(Fault::UpperHash { path, position });
            }
        }
    }

    /// Compares with the signed root. Gives all faults.
    pub fn finish(mut self, signed: &Digest) -> Faults {
        if self.unknown > 0 {
            self.faults.add(Fault::RootUnknown { leaves: self.unknown });
        }
        let (by_entries, by_tiles) = (self.entries.root(), self.tiles.root());
        if self.done < self.size {
            self.faults.add(Fault::GivenUp { done: self.done, size: self.size });
        }
        let known = self.unknown == 0;
        if known && by_entries != *signed && by_tiles != *signed {
            self.faults.add(Fault::Root { size: self.size, computed: by_entries, signed: *signed });
        }
        self.faults.count_more(self.differ_count - self.differ.len() as u64);
        for index in std::mem::take(&mut self.differ) {
            let path = self.hash_tile_of(index);
            self.faults.add(match (known && by_entries == *signed, known && by_tiles == *signed) {
                (true, false) => Fault::HashChanged { path, index },
                (false, true) => Fault::EntryChanged { index },
                _ => Fault::EntryAndHashDiffer { path, index },
            });
        }
        self.faults
    }

    fn present<'a>(&mut self, path: TilePath, bytes: Option<&'a [u8]>) -> Option<&'a [u8]> {
        if bytes.is_none() {
            self.faults.add(Fault::Missing(path));
        }
        bytes
    }

    fn hashes(&mut self, path: TilePath, bytes: &[u8]) -> Option<Vec<Digest>> {
        let expected = usize::from(path.width) * 32;
        if bytes.len() != expected {
            self.faults.add(Fault::Tile { path, error: TileError::Width { expected, found: bytes.len() } });
            return None;
        }
        let (hashes, _) = bytes.as_chunks::<32>();
        Some(hashes.iter().map(|hash| Digest(*hash)).collect())
    }

    fn compare(&mut self, first: u64, entries: &[Digest], tiles: &[Digest]) -> Vec<Pair> {
        let pair = |(index, (entries, tiles)): (u64, (&Digest, &Digest))| {
            if entries != tiles {
                self.differ_count += 1;
                if self.differ.len() < MAX_LISTED {
                    self.differ.push(index);
                }
            }
            Pair { entries: *entries, tiles: *tiles }
        };
        (first..).zip(entries.iter().zip(tiles)).map(pair).collect()
    }

    /// Adds a tile's hashes to both lines, and to the tiles above.
    fn grow(&mut self, path: TilePath, pairs: Option<Vec<Pair>>) {
        match &pairs {
            None => self.unknown += u64::from(path.width),
            // After a gap no root can be computed any more.
            Some(pairs) if self.unknown == 0 => {
                for pair in pairs {
                    self.entries.push(pair.entries);
                    self.tiles.push(pair.tiles);
                    self.check_earlier();
                }
            }
            Some(_) => {}
        }
        if u64::from(path.width) == TILE_WIDTH {
            let over: Option<Vec<Option<Pair>>> = pairs.map(|pairs| pairs.into_iter().map(Some).collect());
            self.rise(0, over.as_deref().and_then(subtree));
        }
        if self.done == self.size {
            self.end();
        }
    }

    fn check_earlier(&mut self) {
        let Some((size, root)) = self.earlier.filter(|(size, _)| *size == self.entries.size()) else { return };
        let (entries, tiles) = (self.entries.root(), self.tiles.root());
        if entries != root && tiles != root {
            self.faults.add(Fault::Rewritten { size, computed: entries, earlier: root });
        }
    }

    /// Adds the hash of a full tile to the tile above it, and so on upward where that fills it.
    fn rise(&mut self, above: usize, hash: Option<Pair>) {
        if above == self.levels.len() {
            self.levels.push((0, Vec::new()));
        }
        let (index, hashes) = &mut self.levels[above];
        hashes.push(hash);
        if hashes.len() as u64 == TILE_WIDTH {
            let path = TilePath { level: Some(above as u8 + 1), index: *index, width: TILE_WIDTH as u16 };
            let full = std::mem::take(hashes);
            *index += 1;
            let over = subtree(&full);
            self.waiting.push((path, full));
            self.rise(above + 1, over);
        }
    }

    /// The partial tiles above; they are hashed no further.
    fn end(&mut self) {
        for (above, (index, hashes)) in self.levels.iter_mut().enumerate() {
            if !hashes.is_empty() {
                let path = TilePath { level: Some(above as u8 + 1), index: *index, width: hashes.len() as u16 };
                self.waiting.push((path, std::mem::take(hashes)));
            }
        }
    }

    fn hash_tile_of(&self, index: u64) -> TilePath {
        let tile = index / TILE_WIDTH;
        let width = (self.size - tile * TILE_WIDTH).min(TILE_WIDTH);
        TilePath { level: Some(0), index: tile, width: width as u16 }
    }
}

/// The root over a full tile, if all its hashes are known.
fn subtree(hashes: &[Option<Pair>]) -> Option<Pair> {
    debug_assert_eq!(hashes.len(), 1 << TILE_HEIGHT);
    let (mut entries, mut tiles) = (Frontier::empty(), Frontier::empty());
    for hash in hashes {
        let pair = (*hash)?;
        entries.push(pair.entries);
        tiles.push(pair.tiles);
    }
    Some(Pair { entries: entries.root(), tiles: tiles.root() })
}

#[cfg(test)]
pub(super) mod tests;
