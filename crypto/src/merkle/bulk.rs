//! Hashes of many leaves, or of many nodes, at once (RFC 9162, 2.1.1): for whoever has a whole tile before him.
//!
//! One SHA-256 waits for itself, round by round; several that do not depend on each other fill the waiting. Deliberately not here: the
//! hash of one leaf or node (`merkle`), which is what a log is written with.

use crate::hash::Digest;

/// The hash of each entry's bytes, in their order, each as [`leaf_hash`](super::leaf_hash) gives it.
pub fn leaf_hashes(entries: &[&[u8]]) -> Vec<Digest> {
    // Side by side go only messages of as many blocks.
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_unstable_by_key(|at| blocks(entries[*at].len()));
    let sorted: Vec<&[u8]> = order.iter().map(|at| entries[*at]).collect();
    let mut digests = vec![Digest([0; 32]); entries.len()];
    for (at, digest) in order.into_iter().zip(hash(0, &sorted)) {
        digests[at] = Digest(digest);
    }
    digests
}

/// The hash of the node over each two neighbours, in their order, each as [`node_hash`](super::node_hash) gives it. One that has no
/// neighbour is left out.
pub fn node_hashes(level: &[Digest]) -> Vec<Digest> {
    let (pairs, _) = level.as_chunks::<2>();
    let mut children = vec![[0; 64]; pairs.len()];
    for (both, [left, right]) in children.iter_mut().zip(pairs) {
        both[..32].copy_from_slice(&left.0);
        both[32..].copy_from_slice(&right.0);
    }
    let children: Vec<&[u8]> = children.iter().map(<[u8; 64]>::as_slice).collect();
    hash(1, &children).into_iter().map(Digest).collect()
}

/// SHA-256(prefix ‖ message) of each.
fn hash(prefix: u8, messages: &[&[u8]]) -> Vec<[u8; 32]> {
    let mut digests = vec![[0; 32]; messages.len()];
    tape_sha256::hash_many_prefixed(&[prefix], messages, &mut digests);
    digests
}

/// Blocks of a message of this length with its prefix and its padding (FIPS 180-4, 5.1.1).
fn blocks(length: usize) -> usize {
    (1 + length + 1 + 8).div_ceil(64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::{leaf_hash, node_hash};

    /// The same as one by one, in the order in which they came.
    fn same(entries: &[&[u8]]) {
        let one_by_one: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        assert!(leaf_hashes(entries) == one_by_one, "lengths {:?}", entries.iter().map(|entry| entry.len()).collect::<Vec<_>>());
    }

    #[test]
    fn every_length_alone_and_beside_others_hashes_as_it_does_elsewhere() {
        let bytes: Vec<u8> = (0..=255).cycle().take(65_600).collect();
        for length in (0..=600).chain([4_095, 65_534, 65_535]) {
            let entry = &bytes[..length];
            let beside = [entry, &bytes[1..=length], &bytes[2..length + 2], &bytes[3..length + 3], &bytes[4..length + 4]];
            (1..=beside.len()).for_each(|count| same(&beside[..count]));
            same(&[entry, &[], &bytes[..length / 2], entry, &bytes[..length + 64]]);
        }
        same(&[]);
    }

    #[test]
    fn nodes_of_every_width_hash_as_they_do_one_by_one() {
        let level: Vec<Digest> = (0..=256u32).map(|number| Digest::of(&number.to_be_bytes())).collect();
        for width in 0..=level.len() {
            let (pairs, _) = level[..width].as_chunks::<2>();
            let one_by_one: Vec<Digest> = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
            assert_eq!(node_hashes(&level[..width]), one_by_one, "{width}");
        }
    }

    proptest! {
        #[test]
        fn any_entries_hash_as_they_do_one_by_one(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..300)) {
            same(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
}
