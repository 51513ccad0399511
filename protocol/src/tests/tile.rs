//! Bundles of a foreign log: taken apart, hashed, and put together again.
#![allow(clippy::disallowed_methods, reason = "published vectors are files")]

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::Frontier;

use super::sample::published;
use crate::tile::{TileError, TilePath, decode_bundle, encode_bundle};

#[test]
fn the_bundles_of_a_foreign_log_lead_to_its_signed_roots() {
    let Some(folder) = published("tiled-log") else { return };
    for size in 1..=15u64 {
        let bundle = TilePath::all(size).find(|tile| tile.level.is_none()).unwrap();
        let bytes = std::fs::read(folder.join(bundle.to_string())).unwrap();
        let entries = decode_bundle(&bytes, bundle.width.into()).unwrap();
        let mut tree = Frontier::empty();
        entries.iter().for_each(|entry| tree.push(leaf_hash(entry)));
        let checkpoint = std::fs::read_to_string(folder.join(format!("checkpoint.{size}"))).unwrap();
        let root = Digest::from_base64(checkpoint.lines().nth(2).unwrap()).unwrap();
        assert_eq!(tree.root(), root, "size {size}");
        assert_eq!(encode_bundle(entries), bytes);
    }
}

#[test]
fn a_bundle_that_ends_inside_an_entry_names_it() {
    let bundle = encode_bundle([b"one".as_slice(), b"two"]);
    assert_eq!(decode_bundle(&bundle[..1], 2), Err(TileError::Truncated(0)));
    assert_eq!(decode_bundle(&bundle[..4], 2), Err(TileError::Truncated(0)));
    assert_eq!(decode_bundle(&bundle[..6], 2), Err(TileError::Truncated(1)));
    assert_eq!(decode_bundle(&bundle[..9], 2), Err(TileError::Truncated(1)));
}

#[test]
fn every_tile_of_a_tree_comes_back_from_its_path_and_spans_the_tree() {
    let all: Vec<_> = TilePath::all(300_000).collect();
    for tile in &all {
        assert_eq!(TilePath::parse(&tile.to_string()), Ok(*tile));
    }
    for level in [None, Some(0)] {
        let spans: Vec<_> = all.iter().filter(|tile| tile.level == level).map(TilePath::span).collect();
        assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!((spans[0].start, spans[spans.len() - 1].end), (0, 300_000));
    }
}

/// golang/mod `sumdb/tlog/tlog_test.go`, tilePaths. There a path names the tile's height, which is always 8 here, and entries are `data`.
#[test]
fn the_published_paths_are_read_and_written_alike() {
    let tile = |level, index, width| Some(TilePath { level, index, width });
    let cases = [
        ("tile/0/001", tile(Some(0), 1, 256)),
        ("tile/0/001.p/5", tile(Some(0), 1, 5)),
        ("tile/5/x123/x456/078", tile(Some(5), 123_456_078, 256)),
        ("tile/5/x123/x456/078.p/2", tile(Some(5), 123_456_078, 2)),
        ("tile/0/x003/x057/500", tile(Some(0), 3_057_500, 256)),
        ("tile/5/123/456/078", None),
        ("tile/-1/123/456/078", None),
        ("tile/data/x003/x057/500", None),
        ("tile/entries/x003/x057/500", tile(None, 3_057_500, 256)),
    ];
    for (path, tile) in cases {
        assert_eq!(TilePath::parse(path).ok(), tile, "{path}");
        assert!(tile.is_none_or(|tile| tile.to_string() == path));
    }
}

/// The sizes of golang/mod `sumdb/tlog/tile_test.go`, TestNewTilesForSize, and some at the edges of a tile; what its `NewTiles` (commit
/// fe2ec04f) gives for them at height 8. There they are what is to be published as a tree grows: what the new size has and the old had not.
#[test]
fn a_growing_tree_gets_the_tiles_that_others_give_it() {
    let new = |old: u64, new: u64| {
        let had: Vec<_> = TilePath::all(old).collect();
        let hashes = TilePath::all(new).filter(|tile| tile.level.is_some() && !had.contains(tile));
        hashes.map(|tile| tile.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(new(1, 1), [""; 0]);
    assert_eq!(new(100, 101), ["tile/0/000.p/101"]);
    assert_eq!(new(1023, 1025), ["tile/0/003", "tile/0/004.p/1", "tile/1/000.p/4"]);
    assert_eq!(new(1024, 1030), ["tile/0/004.p/6"]);
    assert_eq!(new(1030, 2000), ["tile/0/004", "tile/0/005", "tile/0/006", "tile/0/007.p/208", "tile/1/000.p/7"]);
    assert_eq!(new(0, 256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(new(255, 257), ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
    assert_eq!(new(65_535, 65_537), ["tile/0/255", "tile/0/256.p/1", "tile/1/000", "tile/2/000.p/1"]);
    assert_eq!([new(1030, 10_000).len(), new(0, 70_000).len()], [37, 277]);
}
