//! Proofs against a foreign project's vectors, the producer's own, and the forged twin of every rule.
#![allow(clippy::disallowed_methods, reason = "published vectors are files")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Inclusions, ProofError, path_len, root_from_inclusion, verify_consistency, verify_inclusion};
use crate::hash::{Digest, base64_decode};
use crate::merkle::naive::{NaiveTree, figures, leaves};
use crate::merkle::tree::{Frontier, consistency, inclusion};
use crate::merkle::{empty_root, leaf_hash};
use crate::vectors::folder;

/// Some vectors carry "hashes" of other lengths. They become digests of their own, so that the verifier has to judge them and
/// not the test's parser.
fn digest(text: &str) -> Digest {
    let bytes = base64_decode(text).unwrap();
    let stand_in = |bytes: Vec<u8>| Digest::of(&[b"not a digest: ", bytes.as_slice()].concat());
    <[u8; 32]>::try_from(bytes).map_or_else(stand_in, Digest)
}

fn digests(texts: Option<Vec<String>>) -> Vec<Digest> {
    texts.unwrap_or_default().iter().map(|text| digest(text)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InclusionCase {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    desc: String,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConsistencyCase {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    desc: String,
    want_err: bool,
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn inclusion_vectors_of_transparency_dev() {
    let Some(folder) = folder("merkle/inclusion") else {
        return;
    };
    let (mut accepted, mut refused, mut refused_by_type) = (0, 0, 0);
    for file in files(&folder) {
        let case: InclusionCase = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        if case.leaf_hash.is_empty() || case.root.is_empty() {
            // No hash at all: a `Digest` cannot be made of it, and there is nothing to call the verifier with.
            assert!(case.want_err && Digest::from_base64("").is_err(), "{}", case.desc);
            refused_by_type += 1;
            continue;
        }
        let (leaf, root) = (digest(&case.leaf_hash), digest(&case.root));
        let verified = verify_inclusion(&leaf, case.leaf_idx, case.tree_size, &digests(case.proof), &root);
        assert_eq!(verified.is_err(), case.want_err, "{}: {}: {verified:?}", file.display(), case.desc);
        if verified.is_ok() { accepted += 1 } else { refused += 1 }
    }
    assert_eq!((accepted, refused, refused_by_type), (6, 81, 11));
}

#[test]
fn consistency_vectors_of_transparency_dev() {
    let Some(folder) = folder("merkle/consistency") else {
        return;
    };
    let (mut accepted, mut refused) = (0, 0);
    for file in files(&folder) {
        let case: ConsistencyCase = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let (old, new) = (digest(&case.root1), digest(&case.root2));
        let verified = verify_consistency(case.size1, &old, case.size2, &new, &digests(case.proof));
        assert_eq!(verified.is_err(), case.want_err, "{}: {}: {verified:?}", file.display(), case.desc);
        if verified.is_ok() { accepted += 1 } else { refused += 1 }
    }
    assert_eq!((accepted, refused), (6, 92));
}

/// A foreign log's entries, hash tile and checkpoints: our tree over its entries has its roots, and every proof verifies.
#[test]
fn a_foreign_logs_entries_and_roots() {
    let Some(folder) = folder("tiled-log") else {
        return;
    };
    let bundle = fs::read(folder.join("tile/entries/000.p/15")).unwrap();
    let mut rest = bundle.as_slice();
    let mut hashes = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (entry, after) = after.split_at(u16::from_be_bytes(*length).into());
        hashes.push(leaf_hash(entry));
        rest = after;
    }
    let tile: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    assert_eq!(fs::read(folder.join("tile/0/000.p/15")).unwrap(), tile);
    let (tree, mut frontier, mut roots) = (NaiveTree(hashes), Frontier::empty(), Vec::new());
    for size in 0..=15 {
        let checkpoint = fs::read_to_string(folder.join(format!("checkpoint.{size}"))).unwrap();
        let root = Digest::from_base64(checkpoint.lines().nth(2).unwrap()).unwrap();
        assert_eq!(frontier.root(), root, "size {size}");
        for index in 0..size {
            let path = inclusion(index, size, &tree).unwrap();
            assert_eq!(verify_inclusion(&tree.0[index as usize], index, size, &path, &root), Ok(()));
        }
        for (old_size, old_root) in (0..).zip(&roots).skip(1) {
            let path = consistency(old_size, size, &tree).unwrap();
            assert_eq!(verify_consistency(old_size, old_root, size, &root, &path), Ok(()));
        }
        roots.push(root);
        tree.0.get(size as usize).into_iter().for_each(|leaf| frontier.push(*leaf));
    }
}

/// The worked example of RFC 9162, 2.1.5, over seven leaves: paths of the leaves 0, 3, 4 and 6; proofs from 3, 4 and 6 to 7.
#[test]
fn the_shapes_of_the_rfcs_example() {
    let lengths = [0, 3, 4, 6].map(|index| path_len(index, 7));
    assert_eq!(lengths, [Some(3), Some(3), Some(3), Some(2)]);
    let tree = NaiveTree::of(&figures::LEAVES[..7]);
    let lengths = [3, 4, 6].map(|old| consistency(old, 7, &tree).unwrap().len());
    assert_eq!(lengths, [4, 1, 3]);
}

#[test]
fn every_path_up_to_130_verifies_at_its_own_place_only() {
    let tree = NaiveTree(leaves(130));
    for size in 1..=130 {
        let root = tree.root(size);
        for index in 0..size {
            let (leaf, path) = (&tree.0[index as usize], tree.inclusion(index, size));
            assert_eq!(path_len(index, size), Some(path.len()));
            assert_eq!(verify_inclusion(leaf, index, size, &path, &root), Ok(()), "{index} in {size}");
            assert!(verify_inclusion(leaf, index ^ 1, size, &path, &root).is_err() || size == 1);
            assert_eq!(root_from_inclusion(leaf, index, size, &path), Ok(root));
        }
    }
}

/// In every order, whatever was verified before, and whatever was refused in between: the verdict is `verify_inclusion`'s.
#[test]
fn many_paths_under_one_root_are_judged_as_each_alone() {
    for size in [1, 2, 3, 7, 8, 13] {
        let tree = NaiveTree(leaves(size));
        let (root, paths): (_, Vec<_>) = (tree.root(size), (0..size).map(|index| tree.inclusion(index, size)).collect());
        let mut all = Inclusions::under(size, root);
        for step in [1, 7, size.max(2) - 1] {
            for index in (0..size).map(|index| index * step % size) {
                let (leaf, path) = (tree.0[index as usize], &paths[index as usize]);
                assert_eq!(all.verify(&leaf, index, path), Ok(()), "leaf {index} of {size}");
                let other = (index + 1) % size;
                assert_eq!(all.verify(&leaf, other, path), verify_inclusion(&leaf, other, size, path, &root));
                assert_eq!(all.verify(&Digest([7; 32]), index, path), Err(ProofError::RootMismatch));
                for_each_forgery(path, |forged| {
                    let alone = verify_inclusion(&leaf, index, size, forged, &root);
                    assert!(alone.is_err());
                    let mut after = Inclusions::under(size, root);
                    after.verify(&leaf, index, path).unwrap();
                    assert_eq!(after.verify(&leaf, index, forged), alone);
                    alone
                });
            }
        }
    }
}

#[test]
fn every_proof_of_consistency_up_to_130_verifies() {
    let tree = NaiveTree(leaves(130));
    let roots: Vec<Digest> = (0..=130).map(|size| tree.root(size)).collect();
    for new in 1..=130 {
        for old in 1..=new {
            let (old_root, new_root, path) = (&roots[old as usize], &roots[new as usize], tree.consistency(old, new));
            assert_eq!(verify_consistency(old, old_root, new, new_root, &path), Ok(()), "{old} to {new}");
        }
    }
}

/// Each hash of a proof, and one more or one less of them: nothing in it is idle.
#[test]
fn every_change_to_a_proof_is_refused() {
    let tree = NaiveTree(leaves(21));
    for size in 1..=21 {
        for index in 0..size {
            let (leaf, root) = (tree.0[index as usize], tree.root(size));
            for_each_forgery(&tree.inclusion(index, size), |path| verify_inclusion(&leaf, index, size, path, &root));
        }
        for old in 1..=size {
            let (old_root, root) = (tree.root(old), tree.root(size));
            for_each_forgery(&tree.consistency(old, size), |path| verify_consistency(old, &old_root, size, &root, path));
        }
    }
}

fn for_each_forgery(path: &[Digest], verify: impl Fn(&[Digest]) -> Result<(), ProofError>) {
    for at in 0..path.len() {
        for bit in 0..256 {
            let mut forged = path.to_vec();
            forged[at].0[bit / 8] ^= 1 << (bit % 8);
            let refused = verify(&forged);
            assert!(matches!(refused, Err(ProofError::RootMismatch | ProofError::OldRootMismatch)), "{refused:?}");
        }
    }
    let longer = [path, &[empty_root()]].concat();
    let lengths = (0..path.len()).map(|length| &path[..length]).chain([longer.as_slice()]);
    for forged in lengths {
        assert_eq!(verify(forged), Err(ProofError::WrongLength { expected: path.len(), found: forged.len() }));
    }
}

#[test]
fn a_leaf_beyond_the_tree_is_refused() {
    let leaf = leaf_hash(b"");
    for (index, size) in [(0, 0), (1, 1), (7, 3), (u64::MAX, 1), (u64::MAX, u64::MAX)] {
        assert_eq!(verify_inclusion(&leaf, index, size, &[], &leaf), Err(ProofError::IndexBeyondSize { index, size }));
        assert_eq!(path_len(index, size), None);
    }
}

#[test]
fn a_path_of_another_length_is_refused_however_large_the_tree() {
    let leaf = leaf_hash(b"");
    for (index, size, expected) in
        [(0, u64::MAX, 64), (u64::MAX - 1, u64::MAX, 63), (1 << 63, u64::MAX, 64), (1 << 63, (1 << 63) + 1, 1)]
    {
        let refused = verify_inclusion(&leaf, index, size, &[leaf; 2], &leaf);
        assert_eq!(refused, Err(ProofError::WrongLength { expected, found: 2 }), "{index} in {size}");
        assert_eq!(verify_inclusion(&leaf, index, size, &vec![leaf; expected], &leaf), Err(ProofError::RootMismatch));
    }
}

#[test]
fn another_root_is_refused() {
    let tree = NaiveTree(leaves(7));
    let path = tree.inclusion(3, 7);
    assert_eq!(verify_inclusion(&tree.0[3], 3, 7, &path, &tree.root(6)), Err(ProofError::RootMismatch));
    assert_eq!(verify_inclusion(&tree.0[2], 3, 7, &path, &tree.root(7)), Err(ProofError::RootMismatch));
    let path = tree.consistency(3, 7);
    assert_eq!(verify_consistency(3, &tree.root(3), 7, &tree.root(6), &path), Err(ProofError::RootMismatch));
}

#[test]
fn another_old_root_is_refused() {
    let tree = NaiveTree(leaves(7));
    let path = tree.consistency(3, 7);
    assert_eq!(verify_consistency(3, &tree.root(2), 7, &tree.root(7), &path), Err(ProofError::OldRootMismatch));
}

#[test]
fn reversed_sizes_are_refused() {
    let root = empty_root();
    assert_eq!(verify_consistency(4, &root, 3, &root, &[]), Err(ProofError::SizesReversed { old: 4, new: 3 }));
    assert_eq!(verify_consistency(1, &root, 0, &root, &[]), Err(ProofError::SizesReversed { old: 1, new: 0 }));
}

#[test]
fn two_roots_of_one_size_are_refused() {
    let tree = NaiveTree(leaves(7));
    assert_eq!(verify_consistency(7, &tree.root(7), 7, &tree.root(6), &[]), Err(ProofError::RootsDiffer { size: 7 }));
}

#[test]
fn an_empty_old_tree_proves_nothing() {
    let tree = NaiveTree(leaves(7));
    assert_eq!(verify_consistency(0, &empty_root(), 7, &tree.root(7), &[]), Err(ProofError::EmptyOldTree));
    assert_eq!(verify_consistency(0, &empty_root(), 0, &empty_root(), &[]), Err(ProofError::EmptyOldTree));
}
