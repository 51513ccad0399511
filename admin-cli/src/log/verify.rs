//! A tiled log held against its signed root, tile by tile in constant memory (C2SP tlog-tiles; PROTOCOL.md, "Auditing a log").
//!
//! Two lines run side by side: one over the hashes of the entries, one over the hashes that the tiles give. Where they differ, the line
//! that leads to the signed root tells which of the two was changed; where only one of them is there, it stands in for the other.
//! Pure: what is fetched is an argument. Not here: what an entry says (`leaves`), the checkpoint's signature (`log`).

use std::collections::VecDeque;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::bulk::{leaf_hashes, node_hashes};
use creditbay_crypto::merkle::empty_root;
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

/// A bundle and its hash tile, read and hashed: all that can be done of them without what stands before.
pub struct Chunk {
    path: TilePath,
    hashes: Option<Vec<Digest>>,
    from_tile: Option<Vec<Digest>>,
    /// The root over a whole chunk of which bundle and tile say the same.
    agreed: Option<Digest>,
    faults: Vec<Fault>,
}

impl Chunk {
    /// Reads the bundle at `path` and its hash tile, each `None` if it is missing. Gives the bundle's entries, too, if it has as many as
    /// it should.
    pub fn read<'a>(path: TilePath, bundle: Option<&'a [u8]>, tile: Option<&[u8]>) -> (Self, Option<Vec<&'a [u8]>>) {
        let mut faults = Vec::new();
        let (hash_path, width) = (TilePath { level: Some(0), ..path }, usize::from(path.width));
        let entries = present(path, bundle, &mut faults)
            .and_then(|bytes| decode_bundle(bytes, width).map_err(|error| faults.push(Fault::Tile { path, error })).ok());
        let hashes: Option<Vec<Digest>> = entries.as_ref().map(|entries| leaf_hashes(entries));
        let from_tile = present(hash_path, tile, &mut faults).and_then(|bytes| read_hashes(hash_path, bytes, &mut faults));
        let whole = u64::from(path.width) == TILE_WIDTH && hashes == from_tile;
        let agreed = hashes.as_ref().filter(|_| whole).map(|hashes| root_over(hashes));
        (Self { path, hashes, from_tile, agreed, faults }, entries)
    }

    /// Where it stands.
    pub fn path(&self) -> TilePath {
        self.path
    }

    /// The hashes of the entries, where they are there.
    pub fn hashes(&self) -> Option<&[Digest]> {
        self.hashes.as_deref()
    }
}

/// The tree as it grows, by the entries and by the tiles. While they say the same, there is one tree.
struct Lines {
    entries: Frontier,
    tiles: Option<Frontier>,
}

impl Lines {
    fn push(&mut self, pair: Pair) {
        if pair.entries != pair.tiles && self.tiles.is_none() {
            self.tiles = Some(self.entries.clone());
        }
        self.entries.push(pair.entries);
        if let Some(tiles) = &mut self.tiles {
            tiles.push(pair.tiles);
        }
    }

    /// Adds a whole chunk by its root, if that can be done.
    fn push_chunk(&mut self, root: Digest) -> bool {
        self.entries.push_subtree(TILE_HEIGHT, root)
            && self.tiles.as_mut().is_none_or(|tiles| tiles.push_subtree(TILE_HEIGHT, root))
    }

    fn roots(&self) -> Pair {
        let entries = self.entries.root();
        Pair { entries, tiles: self.tiles.as_ref().map_or(entries, Frontier::root) }
    }
}

/// An audit of a log of one size.
///
/// The caller gives each [`Chunk`] in its order to [`Audit::take`], then all that [`Audit::next_upper`] names to [`Audit::upper`], until
/// all are taken or it is [`Audit::given_up`]; then [`Audit::finish`].
pub struct Audit {
    size: u64,
    done: u64,
    lines: Lines,
    /// Entries of which neither the entry nor the hash is there.
    unknown: u64,
    /// Per level above the leaves' tiles: the hashes of the tile that is being filled, and its index.
    levels: Vec<(u64, Vec<Option<Pair>>)>,
    /// Upper tiles that are complete and wait to be compared.
    waiting: VecDeque<(TilePath, Vec<Option<Pair>>)>,
    /// Checkpoints that were seen, the smallest last.
    earlier: Vec<(u64, Digest)>,
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
            lines: Lines { entries: Frontier::empty(), tiles: None },
            unknown: 0,
            levels: Vec::new(),
            waiting: VecDeque::new(),
            earlier: Vec::new(),
            differ: Vec::new(),
            differ_count: 0,
            faults: Faults::new(),
        }
    }

    /// Holds the log against one more checkpoint: its first `size` entries must have this root.
    pub fn expect_earlier(&mut self, size: u64, root: Digest) {
        if size > self.size {
            self.faults.add(Fault::Shrunk { size: self.size, earlier: size });
        } else if size > 0 {
            self.earlier.push((size, root));
            self.earlier.sort_unstable_by(|one, other| other.cmp(one));
        }
    }

    /// Entries of the log.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Entries that were read.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Whether so much is missing that a forged size is likely; the rest is not looked at.
    pub fn given_up(&self) -> bool {
        self.unknown >= MAX_UNKNOWN
    }

    /// Takes the next chunk.
    pub fn take(&mut self, chunk: &Chunk) {
        debug_assert_eq!(chunk.path.index * TILE_WIDTH, self.done, "chunks come in their order");
        chunk.faults.iter().for_each(|fault| self.faults.add(fault.clone()));
        let first = self.done;
        self.done += u64::from(chunk.path.width);
        if let Some(root) = chunk.agreed.filter(|_| self.take_whole(chunk, first)) {
            self.rise(0, Some(Pair { entries: root, tiles: root }));
        } else {
            let pairs = match (&chunk.hashes, &chunk.from_tile) {
                (None, None) => None,
                (Some(one), None) | (None, Some(one)) => {
                    Some(one.iter().map(|hash| Pair { entries: *hash, tiles: *hash }).collect())
                }
                (Some(entries), Some(tiles)) => Some(self.compare(first, entries, tiles)),
            };
            self.grow(chunk.path, pairs);
        }
        if self.done == self.size {
            self.end();
        }
    }

    /// Adds a whole chunk by its root where nothing within it is asked for.
    fn take_whole(&mut self, chunk: &Chunk, first: u64) -> bool {
        let asked_within = self.earlier.last().is_some_and(|(size, _)| *size > first && *size < self.done);
        let taken = !asked_within && self.unknown == 0 && chunk.agreed.is_some_and(|root| self.lines.push_chunk(root));
        if taken {
            self.check_earlier();
        }
        taken
    }

    /// The upper tile that is to be compared next.
    pub fn next_upper(&self) -> Option<TilePath> {
        self.waiting.front().map(|(path, _)| *path)
    }

    /// Takes the tile that [`Audit::next_upper`] named.
    pub fn upper(&mut self, tile: Option<&[u8]>) {
        let Some((path, expected)) = self.waiting.pop_front() else { return };
        let mut faults = Vec::new();
        let hashes = present(path, tile, &mut faults).and_then(|bytes| read_hashes(path, bytes, &mut faults));
        faults.into_iter().for_each(|fault| self.faults.add(fault));
        for (position, (expected, found)) in expected.iter().zip(hashes.iter().flatten()).enumerate() {
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
        let Pair { entries: by_entries, tiles: by_tiles } = self.lines.roots();
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
                    self.lines.push(*pair);
                    self.check_earlier();
                }
            }
            Some(_) => {}
        }
        if u64::from(path.width) == TILE_WIDTH {
            let over: Option<Vec<Option<Pair>>> = pairs.map(|pairs| pairs.into_iter().map(Some).collect());
            self.rise(0, over.as_deref().and_then(subtree));
        }
    }

    fn check_earlier(&mut self) {
        let size = self.lines.entries.size();
        while let Some((_, root)) = self.earlier.pop_if(|(earlier, _)| *earlier <= size) {
            let Pair { entries, tiles } = self.lines.roots();
            if entries != root && tiles != root {
                self.faults.add(Fault::Rewritten { size, computed: entries, earlier: root });
            }
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
            self.waiting.push_back((path, full));
            self.rise(above + 1, over);
        }
    }

    /// The partial tiles above; they are hashed no further.
    fn end(&mut self) {
        for (above, (index, hashes)) in self.levels.iter_mut().enumerate() {
            if !hashes.is_empty() {
                let path = TilePath { level: Some(above as u8 + 1), index: *index, width: hashes.len() as u16 };
                self.waiting.push_back((path, std::mem::take(hashes)));
            }
        }
    }

    fn hash_tile_of(&self, index: u64) -> TilePath {
        let tile = index / TILE_WIDTH;
        let width = (self.size - tile * TILE_WIDTH).min(TILE_WIDTH);
        TilePath { level: Some(0), index: tile, width: width as u16 }
    }
}

fn present<'a>(path: TilePath, bytes: Option<&'a [u8]>, faults: &mut Vec<Fault>) -> Option<&'a [u8]> {
    if bytes.is_none() {
        faults.push(Fault::Missing(path));
    }
    bytes
}

fn read_hashes(path: TilePath, bytes: &[u8], faults: &mut Vec<Fault>) -> Option<Vec<Digest>> {
    let expected = usize::from(path.width) * 32;
    if bytes.len() != expected {
        faults.push(Fault::Tile { path, error: TileError::Width { expected, found: bytes.len() } });
        return None;
    }
    let (hashes, _) = bytes.as_chunks::<32>();
    Some(hashes.iter().copied().map(Digest).collect())
}

/// The root over as many hashes as a full tile has.
fn root_over(hashes: &[Digest]) -> Digest {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = node_hashes(&level);
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// The roots over a full tile, if all its hashes are known.
fn subtree(hashes: &[Option<Pair>]) -> Option<Pair> {
    debug_assert_eq!(hashes.len(), 1 << TILE_HEIGHT);
    let pairs: Vec<Pair> = hashes.iter().copied().collect::<Option<_>>()?;
    let over = |of: fn(&Pair) -> Digest| root_over(&pairs.iter().map(of).collect::<Vec<_>>());
    let entries = over(|pair| pair.entries);
    let same = pairs.iter().all(|pair| pair.entries == pair.tiles);
    Some(Pair { entries, tiles: if same { entries } else { over(|pair| pair.tiles) } })
}

#[cfg(test)]
pub(super) mod tests;
