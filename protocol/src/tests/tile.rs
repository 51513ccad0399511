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
