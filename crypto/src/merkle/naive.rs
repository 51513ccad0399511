//! The definitions of RFC 9162 written down recursively, to hold the real code against (tests only). Slow on purpose.

use std::convert::Infallible;

use crate::hash::Digest;
use crate::merkle::tree::Nodes;
use crate::merkle::{empty_root, leaf_hash, node_hash};

/// Eight leaves and the roots over the first 0 to 8 of them, as Certificate Transparency's own tests give them.
pub(crate) mod figures {
    /// The leaves.
    pub(crate) const LEAVES: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    /// The roots over the first 0 to 8 leaves.
    pub(crate) const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
}

/// The hashes of `count` different leaves.
pub(crate) fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|index| leaf_hash(&index.to_le_bytes())).collect()
}

/// A tree as the hashes of its leaves.
pub(crate) struct NaiveTree(pub(crate) Vec<Digest>);

impl NaiveTree {
    /// The tree over these leaves.
    pub(crate) fn of(leaves: &[&[u8]]) -> Self {
        Self(leaves.iter().map(|leaf| leaf_hash(leaf)).collect())
    }

    /// RFC 9162, 2.1.1: MTH.
    pub(crate) fn root(&self, size: u64) -> Digest {
        mth(&self.0[..size as usize])
    }

    /// RFC 9162, 2.1.3.1: PATH.
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Vec<Digest> {
        path(index as usize, &self.0[..size as usize])
    }

    /// RFC 9162, 2.1.4.1: PROOF.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Vec<Digest> {
        subproof(old as usize, &self.0[..new as usize], true)
    }
}

impl Nodes for NaiveTree {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Digest, Infallible> {
        Ok(mth(&self.0[(index << level) as usize..((index + 1) << level) as usize]))
    }
}

fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

fn mth(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

fn path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) =
        if index < left.len() { (path(index, left), right) } else { (path(index - left.len(), right), left) };
    path.push(mth(sibling));
    path
}

fn subproof(old: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, sibling) =
        if old <= left.len() { (subproof(old, left, whole), right) } else { (subproof(old - left.len(), right, false), left) };
    proof.push(mth(sibling));
    proof
}
