//! Tile paths and entry bundles as C2SP tlog-tiles v0.1.0 (PROTOCOL 12).
//!
//! Not here: where tiles are kept, and serving them.

use std::fmt;

use crate::decimal::decimal;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Tree levels that one tile spans.
pub const TILE_HEIGHT: u32 = 8;

/// A hash tile (`tile/<L>/<N>[.p/<W>]`) or an entry bundle (`tile/entries/<N>[.p/<W>]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePath {
    /// The tile level, 0 to 63; `None` for an entry bundle.
    pub level: Option<u8>,
    /// The tile's number in its level.
    pub index: u64,
    /// Hashes or entries in it, 1 to 256; less than 256 for a partial tile.
    pub width: u16,
}

/// Why a path names no tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not one of the two shapes.
    #[error("not a tile path: tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>]")]
    Path,
    /// An entry bundle that ends in the middle of an entry.
    #[error("entry bundle ends inside entry {0}")]
    Truncated(usize),
    /// An entry bundle with another count of entries than its path says.
    #[error("entry bundle holds {found} entries where its path says {expected}")]
    Count {
        /// Entries that the path says.
        expected: usize,
        /// Entries that are there.
        found: usize,
    },
    /// A hash tile whose length is not 32 bytes for each hash.
    #[error("hash tile has {found} bytes where its path says {expected}")]
    Width {
        /// Bytes that the path says.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
}

impl TilePath {
    /// Reads a path without a leading slash.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let rest = path.strip_prefix("tile/").ok_or(TileError::Path)?;
        let (level, rest) = rest.split_once('/').ok_or(TileError::Path)?;
        let level = match level {
            "entries" => None,
            level => Some(
                decimal(level).filter(|level| *level <= 63).and_then(|level| u8::try_from(level).ok()).ok_or(TileError::Path)?,
            ),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, 256),
            Some((index, width)) => (index, decimal(width).filter(|width| (1..=255).contains(width)).ok_or(TileError::Path)?),
        };
        let tile = Self { level, index: parse_index(index)?, width: u16::try_from(width).map_err(|_| TileError::Path)? };
        if tile.to_string() == path { Ok(tile) } else { Err(TileError::Path) }
    }

    /// Every tile and bundle that a tree of this size has, partial ones as they stand.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        let levels =
            (0u8..8).map(move |level| (level, size >> (u32::from(level) * TILE_HEIGHT))).take_while(|(_, nodes)| *nodes > 0);
        let of = |level: Option<u8>, nodes: u64| {
            let tail = (!nodes.is_multiple_of(TILE_WIDTH)).then_some(Self {
                level,
                index: nodes / TILE_WIDTH,
                width: (nodes % TILE_WIDTH) as u16,
            });
            (0..nodes / TILE_WIDTH).map(move |index| Self { level, index, width: TILE_WIDTH as u16 }).chain(tail)
        };
        levels.flat_map(move |(level, nodes)| of(Some(level), nodes)).chain(of(None, size))
    }

    /// The index of the first hash or entry in it, and the one after its last.
    pub fn span(&self) -> std::ops::Range<u64> {
        let first = self.index * TILE_WIDTH;
        first..first + u64::from(self.width)
    }
}

fn parse_index(text: &str) -> Result<u64, TileError> {
    let mut index = 0u64;
    for group in text.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TileError::Path);
        }
        let value: u64 = digits.parse().map_err(|_| TileError::Path)?;
        index = index.checked_mul(1000).and_then(|index| index.checked_add(value)).ok_or(TileError::Path)?;
    }
    if index < 1 << 48 { Ok(index) } else { Err(TileError::Path) }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        f.write_str(&groups.join("/"))?;
        if u64::from(self.width) < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Puts entries together as a bundle: each with its length in two big-endian bytes before it.
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        let len = u16::try_from(entry.len()).expect("invariant: a leaf is at most 448 bytes");
        bundle.extend_from_slice(&len.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    bundle
}

/// Takes a bundle apart; it must hold exactly `expected` entries.
pub fn decode_bundle(mut bytes: &[u8], expected: usize) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::with_capacity(expected.min(256));
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<2>().ok_or(TileError::Truncated(entries.len()))?;
        let entry = rest.get(..usize::from(u16::from_be_bytes(*len))).ok_or(TileError::Truncated(entries.len()))?;
        bytes = &rest[entry.len()..];
        entries.push(entry);
        if entries.len() > expected {
            break;
        }
    }
    if entries.len() == expected { Ok(entries) } else { Err(TileError::Count { expected, found: entries.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_the_specification_writes_them() {
        let cases = [
            (TilePath { level: Some(0), index: 1_234_067, width: 256 }, "tile/0/x001/x234/067"),
            (TilePath { level: Some(1), index: 0, width: 17 }, "tile/1/000.p/17"),
            (TilePath { level: None, index: 273, width: 112 }, "tile/entries/273.p/112"),
        ];
        for (tile, path) in cases {
            assert_eq!(tile.to_string(), path);
            assert_eq!(TilePath::parse(path), Ok(tile));
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in [
            "tile/0/67",
            "tile/0/0067",
            "tile/0/x067",
            "tile/0/000/067",
            "tile/0/067.p/0",
            "tile/0/067.p/256",
            "tile/64/067",
            "tile/00/067",
            "tile/-1/067",
            "tile/0/067.p/01",
            "tile/entries",
            "tile/0/x1/067",
            "checkpoint",
            "tile/0/067/",
            "/tile/0/067",
            "tile/data/067",
        ] {
            assert_eq!(TilePath::parse(bad), Err(TileError::Path), "{bad}");
        }
    }

    #[test]
    fn the_tiles_of_70_000_leaves_are_those_of_the_specification() {
        let all: Vec<_> = TilePath::all(70_000).collect();
        let hashes = |level| all.iter().filter(move |tile| tile.level == Some(level));
        assert_eq!(hashes(0).count(), 274);
        assert_eq!(hashes(0).next_back().map(ToString::to_string).as_deref(), Some("tile/0/273.p/112"));
        assert_eq!(hashes(1).map(ToString::to_string).collect::<Vec<_>>(), ["tile/1/000", "tile/1/001.p/17"]);
        assert_eq!(hashes(2).map(ToString::to_string).collect::<Vec<_>>(), ["tile/2/000.p/1"]);
        assert_eq!(
            TilePath::all(256).map(|tile| tile.to_string()).collect::<Vec<_>>(),
            ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]
        );
        assert_eq!(TilePath::all(0).count(), 0);
    }

    #[test]
    fn a_bundle_comes_back_and_its_forgeries_do_not() {
        let bundle = encode_bundle([b"one".as_slice(), b"", b"three"]);
        assert_eq!(decode_bundle(&bundle, 3).unwrap(), [b"one".as_slice(), b"", b"three"]);
        assert_eq!(decode_bundle(&bundle, 2), Err(TileError::Count { expected: 2, found: 3 }));
        assert_eq!(decode_bundle(&bundle, 4), Err(TileError::Count { expected: 4, found: 3 }));
        for cut in 1..bundle.len() {
            assert!(decode_bundle(&bundle[..cut], 3).is_err(), "cut at {cut}");
        }
    }
}
