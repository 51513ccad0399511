//! The Merkle tree of a log: hashes that producer and verifier share (RFC 9162, 2.1.1; RFC 6962, 2.1; PROTOCOL 26.3).
//!
//! `tree` makes roots and proofs; `verify` checks proofs and shares nothing with it but this file. Deliberately not here: tiles and
//! their files (`protocol`), storage (`node`).

mod blocks;

pub mod bulk;

pub mod tree;

pub mod verify;

#[cfg(test)]
mod naive;

use crate::hash::Digest;

/// Leaves in the largest tree that is counted here, 2^63 - 1: sums of sizes stay within 64 bits.
pub const MAX_LEAVES: u64 = i64::MAX as u64;

/// The hash of a leaf's bytes: SHA-256(0x00 ‖ bytes).
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    blocks::of_short(0, &[bytes]).unwrap_or_else(|| Digest::concat(&[&[0], bytes]))
}

/// The hash of a node over its two children: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let children = [left.0.as_slice(), right.0.as_slice()];
    blocks::of_short(1, &children).unwrap_or_else(|| Digest::concat(&[&[1], children[0], children[1]]))
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// Levels of nodes above the leaves in a tree of this size, ceil(log2(size)); 0 for sizes 0 and 1. No inclusion path is longer.
pub const fn levels(size: u64) -> u32 {
    if size <= 1 { 0 } else { u64::BITS - (size - 1).leading_zeros() }
}

#[cfg(test)]
mod tests {
    use super::{empty_root, leaf_hash, levels, node_hash};
    use crate::vectors::hex_array;

    /// RFC 6962 figures as Certificate Transparency's own tests give them: the empty tree and the empty leaf.
    #[test]
    fn known_hashes() {
        assert_eq!(empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(leaf_hash(b"").to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(leaf_hash(b"L123456").to_string(), "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
        let node = node_hash(&leaf_hash(b""), &leaf_hash(&[0]));
        assert_eq!(node.0, hex_array("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"));
    }

    #[test]
    fn levels_round_up() {
        let expected =
            [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (1 << 40, 40), ((1 << 40) + 1, 41), (u64::MAX, 64)];
        for (size, count) in expected {
            assert_eq!(levels(size), count, "size {size}");
        }
    }
}
