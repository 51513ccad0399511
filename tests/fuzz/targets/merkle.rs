//! Proofs of inclusion and consistency, ours against `ct-merkle` and against the RFC's own algorithm (RFC 9162, 2.1.3.2 and 2.1.4.2).
//!
//! Inputs are numbers and hashes; what is missing is filled up so that many proofs hold. Sizes that the foreign crate does not take
//! (above 2^62 here) go to ours alone, which must not panic.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::bulk::{leaf_hashes, node_hashes};
use creditbay_crypto::merkle::tree::{Frontier, Window, consistency as consistency_path, inclusion as inclusion_path, root};
use creditbay_crypto::merkle::verify::{Inclusions, path_len, root_from_inclusion, verify_consistency, verify_inclusion};
use creditbay_crypto::merkle::{leaf_hash, node_hash};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;

/// Leaves of the largest tree that the foreign crate is asked about.
const MOST: u64 = 1 << 62;

fn foreign_root(root: &Digest, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

fn foreign_includes(leaf: &[u8], index: u64, size: u64, path: &[Digest], root: &Digest) -> bool {
    let proof = InclusionProof::<Sha256>::from_bytes(path.iter().flat_map(|hash| hash.0).collect());
    foreign_root(root, size).verify_inclusion(&leaf, index, &proof).is_ok()
}

fn foreign_continues(old: (u64, &Digest), new: (u64, &Digest), path: &[Digest]) -> bool {
    let proof = ConsistencyProof::<Sha256>::try_from_bytes(path.iter().flat_map(|hash| hash.0).collect());
    proof.is_ok_and(|proof| foreign_root(new.1, new.0).verify_consistency(&foreign_root(old.1, old.0), &proof).is_ok())
}

/// Takes numbers and hashes from an input; after its end come zeros and hashes that follow from their place.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number with as many bits as a byte before it says, so that all magnitudes come.
    fn number(&mut self) -> u64 {
        let shift = u32::from(self.byte() % 64);
        (0..8).fold(0u64, |number, _| number << 8 | u64::from(self.byte())) >> shift
    }

    fn hash(&mut self, place: usize) -> Digest {
        match self.0.split_first_chunk::<32>() {
            Some((hash, rest)) => {
                self.0 = rest;
                Digest(*hash)
            }
            None => Digest::of(&place.to_le_bytes()),
        }
    }

    fn path(&mut self, len: usize) -> Vec<Digest> {
        (0..len).map(|place| self.hash(place)).collect()
    }

    /// Leaves it whole, flips a bit, drops the last hash or adds one.
    fn disturb(&mut self, path: &mut Vec<Digest>) {
        match (self.byte() % 8, path.len()) {
            (1, 1..) => drop(path.pop()),
            (2, _) => path.push(self.hash(99)),
            (3, len @ 1..) => path[usize::from(self.byte()) % len].0[usize::from(self.byte() % 32)] ^= 1 << (self.byte() % 8),
            _ => {}
        }
    }
}

/// Flags, index, size, then the hashes of a path; one verdict of three verifiers.
pub(super) fn inclusion(bytes: &[u8]) -> bool {
    let mut source = Source(bytes);
    let (flags, mut index, size) = (source.byte(), source.number(), source.number());
    if flags & 1 == 0 && size > 0 {
        index %= size;
    }
    let leaf = [source.byte(), source.byte()];
    let len = path_len(index, size).unwrap_or(usize::from(source.byte() % 70));
    let mut path = source.path(len);
    let hash = leaf_hash(&leaf);
    let computed = root_from_inclusion(&hash, index, size, &path);
    assert_eq!(computed.is_ok(), index < size);
    let root = if flags & 2 == 0 { computed.unwrap_or(hash) } else { source.hash(1000) };
    source.disturb(&mut path);
    let verdict = verify_inclusion(&hash, index, size, &path, &root);
    let mut cached = Inclusions::under(size, root);
    for again in 0..3 {
        assert_eq!(cached.verify(&hash, index, &path), verdict, "the verdict of time {again} is another");
    }
    if size <= MOST {
        assert_eq!(foreign_includes(&leaf, index, size, &path, &root), verdict.is_ok(), "ct-merkle says otherwise: {verdict:?}");
    }
    verdict.is_ok()
}

/// Flags, both sizes, then the hashes of a path; one verdict of three verifiers.
pub(super) fn consistency(bytes: &[u8]) -> bool {
    let mut source = Source(bytes);
    let (flags, mut old, new) = (source.byte(), source.number(), source.number());
    if flags & 1 == 0 && new > 0 {
        old = old % new + 1;
    }
    let len = expected_len(old, new).unwrap_or(usize::from(source.byte() % 130));
    let mut path = source.path(len);
    let (mut old_root, mut new_root) = (source.hash(1000), source.hash(1001));
    if flags & 2 == 0
        && let Some((first, second)) = implied_roots(old, new, &old_root, &path)
    {
        (old_root, new_root) = (first, second);
    }
    source.disturb(&mut path);
    let verdict = verify_consistency(old, &old_root, new, &new_root, &path);
    let by_the_rfc = implied_roots(old, new, &old_root, &path) == Some((old_root, new_root));
    assert_eq!(by_the_rfc, verdict.is_ok(), "the RFC says otherwise: {verdict:?}");
    if new <= MOST {
        let foreign = foreign_continues((old, &old_root), (new, &new_root), &path);
        assert_eq!(foreign, verdict.is_ok(), "ct-merkle says otherwise: {verdict:?}");
    }
    verdict.is_ok()
}

/// Hashes of a proof between two sizes, by going down the tree as RFC 9162, 2.1.4.1 does.
fn expected_len(old: u64, new: u64) -> Option<usize> {
    if old == 0 || old > new {
        return None;
    }
    let (mut m, mut n, mut whole, mut len) = (old, new, true, 0);
    while m != n {
        let k = 1u64 << (u64::BITS - 1 - (n - 1).leading_zeros());
        if m <= k {
            n = k;
        } else {
            (m, n, whole) = (m - k, n - k, false);
        }
        len += 1;
    }
    Some(len + usize::from(!whole))
}

/// The roots that a proof leads to, word for word as RFC 9162, 2.1.4.2 has it.
fn implied_roots(old: u64, new: u64, old_root: &Digest, path: &[Digest]) -> Option<(Digest, Digest)> {
    if old == 0 || old > new {
        return None;
    }
    if old == new {
        return path.is_empty().then_some((*old_root, *old_root));
    }
    let mut path = path.to_vec();
    if path.is_empty() {
        return None;
    }
    if old.is_power_of_two() {
        path.insert(0, *old_root);
    }
    let (mut fnode, mut snode) = (old - 1, new - 1);
    while fnode & 1 == 1 {
        (fnode, snode) = (fnode >> 1, snode >> 1);
    }
    let (mut first, mut second) = (path[0], path[0]);
    for hash in &path[1..] {
        if snode == 0 {
            return None;
        }
        if fnode & 1 == 1 || fnode == snode {
            (first, second) = (node_hash(hash, &first), node_hash(hash, &second));
            while fnode & 1 == 0 && fnode != 0 {
                (fnode, snode) = (fnode >> 1, snode >> 1);
            }
        } else {
            second = node_hash(&second, hash);
        }
        (fnode, snode) = (fnode >> 1, snode >> 1);
    }
    (snode == 0).then_some((first, second))
}

/// A small tree made by both: the same roots and proofs, and the same verdict on each of them disturbed.
pub(super) fn tree(bytes: &[u8]) -> bool {
    let mut source = Source(bytes);
    let size = u64::from(source.byte() % 80) + 1;
    let leaves: Vec<[u8; 2]> = (0..size).map(|_| [source.byte(), 7]).collect();
    let mut ours = Window::from_frontier(&Frontier::empty());
    let mut foreign = MemoryBackedTree::<Sha256, [u8; 2]>::new();
    leaves.iter().for_each(|leaf| {
        ours.push(leaf_hash(leaf));
        foreign.push(*leaf);
    });
    assert_eq!(ours.root().0[..], foreign.root().as_bytes()[..]);
    let mut cached = Inclusions::under(size, ours.root());
    let mut taken = false;
    while !source.0.is_empty() {
        let index = u64::from(source.byte()) % size;
        let mut path = inclusion_path(index, size, &ours).expect("the leaf is in the tree");
        assert_eq!(bytes_of(&path), foreign.prove_inclusion(index as usize).as_bytes());
        source.disturb(&mut path);
        let leaf = leaves[index as usize];
        let verdict = verify_inclusion(&leaf_hash(&leaf), index, size, &path, &ours.root());
        assert_eq!(cached.verify(&leaf_hash(&leaf), index, &path), verdict, "the verdict depends on paths before it");
        assert_eq!(foreign_includes(&leaf, index, size, &path, &ours.root()), verdict.is_ok());
        taken |= verdict.is_ok();

        let old = u64::from(source.byte()) % size + 1;
        let mut path = consistency_path(old, size, &ours).expect("the tree was that before");
        assert_eq!(bytes_of(&path), foreign.prove_consistency((size - old) as usize).as_bytes());
        source.disturb(&mut path);
        let old_root = root(old, &ours).expect("the tree was that before");
        let verdict = verify_consistency(old, &old_root, size, &ours.root(), &path);
        assert_eq!(foreign_continues((old, &old_root), (size, &ours.root()), &path), verdict.is_ok());
    }
    taken
}

fn bytes_of(path: &[Digest]) -> Vec<u8> {
    path.iter().flat_map(|hash| hash.0).collect()
}

/// Entries, each behind a byte that says how long it is in elevenths: hashed at once they are what they are one by one.
pub(super) fn bulk(bytes: &[u8]) -> bool {
    let (mut rest, mut entries) = (bytes, Vec::new());
    while let Some((long, behind)) = rest.split_first() {
        let (entry, behind) = behind.split_at((usize::from(*long) * 11).min(behind.len()));
        entries.push(entry);
        rest = behind;
    }
    let hashes = leaf_hashes(&entries);
    assert_eq!(hashes, entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>());
    let (pairs, _) = hashes.as_chunks::<2>();
    assert_eq!(node_hashes(&hashes), pairs.iter().map(|[left, right]| node_hash(left, right)).collect::<Vec<_>>());
    entries.len() > 3
}
