//! Proofs put together from a log's hash tiles (C2SP tlog-tiles), which are open to all: no entry is read.
//!
//! What a source gives is not believed: a proof from wrong tiles leads nowhere. Not here: verifying it.

use std::collections::BTreeMap;

use anyhow::bail;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::bulk::node_hashes;
use creditbay_crypto::merkle::tree::{Nodes, TreeError, consistency, inclusion};
use creditbay_protocol::tile::{TILE_HEIGHT, TILE_WIDTH, TilePath};

use super::source::Source;

/// The tiles of a tree of one size, as far as they were needed.
pub struct Tiles {
    size: u64,
    held: BTreeMap<TilePath, Vec<Digest>>,
}

/// A tile that is needed and not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not held")]
pub struct Missing(TilePath);

impl Tiles {
    /// Of a tree of this size.
    pub fn of(size: u64) -> Self {
        Self { size, held: BTreeMap::new() }
    }

    /// The path of a leaf.
    pub async fn inclusion(&mut self, index: u64, source: &mut Source) -> anyhow::Result<Vec<Digest>> {
        self.prove(source, |tiles| inclusion(index, tiles.size, tiles)).await
    }

    /// The proof that the tree of the first `old` leaves is the beginning of this one.
    pub async fn consistency(&mut self, old: u64, source: &mut Source) -> anyhow::Result<Vec<Digest>> {
        self.prove(source, |tiles| consistency(old, tiles.size, tiles)).await
    }

    /// Tries, and fetches the tile that was missing, until none is. Each turn brings one more of the few that a proof needs.
    async fn prove(
        &mut self,
        source: &mut Source,
        proof: impl Fn(&Self) -> Result<Vec<Digest>, TreeError<Missing>>,
    ) -> anyhow::Result<Vec<Digest>> {
        loop {
            match proof(self) {
                Err(TreeError::Nodes(Missing(path))) => {
                    let tile = fetch(path, source).await?;
                    self.held.insert(path, tile);
                }
                Err(TreeError::OutOfRange { index, size }) => {
                    bail!("position {index} is beyond the published tree of {size} leaves")
                }
                Ok(proof) => return Ok(proof),
            }
        }
    }

    /// The tile with the hash of a tile level, as this tree has it.
    fn path(&self, level: u32, index: u64) -> TilePath {
        let tile = index / TILE_WIDTH;
        let hashes = self.size.checked_shr(level * TILE_HEIGHT).unwrap_or(0);
        let width = (hashes - (tile * TILE_WIDTH).min(hashes)).min(TILE_WIDTH);
        TilePath { level: Some(level as u8), index: tile, width: width as u16 }
    }
}

/// A partial tile may be gone where the full one is there (tlog-tiles, "Partial tiles"), and holds the same hashes.
async fn fetch(path: TilePath, source: &mut Source) -> anyhow::Result<Vec<Digest>> {
    let full = TilePath { width: TILE_WIDTH as u16, ..path };
    let mut bytes = source.bytes(path).await?;
    if bytes.is_none() && full != path {
        bytes = source.bytes(full).await?;
    }
    let Some(bytes) = bytes else { bail!("{path} is missing; ask for the log again later, or in another place") };
    let (hashes, rest) = bytes.as_chunks::<32>();
    let width = usize::from(path.width);
    if !rest.is_empty() || (hashes.len() != width && hashes.len() != TILE_WIDTH as usize) {
        bail!("{path} has {} bytes where {} belong; ask for the log in another place", bytes.len(), 32 * width);
    }
    Ok(hashes[..width].iter().map(|hash| Digest(*hash)).collect())
}

impl Nodes for Tiles {
    type Error = Missing;

    fn node(&self, level: u32, index: u64) -> Result<Digest, Missing> {
        let (tile_level, within) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index << within;
        let path = self.path(tile_level, first);
        let tile = self.held.get(&path).ok_or(Missing(path))?;
        let at = (first % TILE_WIDTH) as usize;
        let mut hashes = tile.get(at..at + (1 << within)).ok_or(Missing(path))?.to_vec();
        while hashes.len() > 1 {
            hashes = node_hashes(&hashes);
        }
        hashes.first().copied().ok_or(Missing(path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use creditbay_crypto::merkle::leaf_hash;
    use creditbay_crypto::merkle::verify::{verify_consistency, verify_inclusion};
    use creditbay_protocol::tile::TilePath;

    use super::Tiles;
    use crate::log::sample::{Sample, of_entries, plain_entries};
    use crate::log::source::Source;

    fn open(folder: &Path) -> Source {
        Source::open_as_anybody(&folder.display().to_string(), None, None).unwrap()
    }

    /// The hash tiles of a log, without its entries.
    fn hash_tiles(log: &Sample, folder: &Path) {
        for (path, bytes) in log.files.iter().filter(|(path, _)| path.level.is_some()) {
            let file = folder.join(path.to_string());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
    }

    #[tokio::test]
    async fn proofs_from_hash_tiles_alone_lead_to_the_root() {
        for size in [1, 2, 255, 256, 257, 700, 66_000] {
            let folder = tempfile::tempdir().unwrap();
            let entries = plain_entries(size);
            let log = of_entries(&entries);
            hash_tiles(&log, folder.path());
            let (mut source, mut tiles) = (open(folder.path()), Tiles::of(size));
            for index in [0, size / 3, size / 2, size - 1] {
                let path = tiles.inclusion(index, &mut source).await.unwrap();
                let leaf = leaf_hash(&entries[index as usize]);
                assert_eq!(verify_inclusion(&leaf, index, size, &path, &log.root), Ok(()), "{index} of {size}");
            }
            for old in [1, size / 3, size / 2, size - 1].into_iter().filter(|old| *old > 0) {
                let proof = tiles.consistency(old, &mut source).await.unwrap();
                let root = of_entries(&entries[..old as usize]).root;
                assert_eq!(verify_consistency(old, &root, size, &log.root, &proof), Ok(()), "{old} to {size}");
            }
            assert!(tiles.inclusion(size, &mut source).await.unwrap_err().to_string().contains("beyond the published tree"));
        }
    }

    #[tokio::test]
    async fn a_full_tile_stands_for_a_partial_one_and_a_missing_or_wrong_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let later = of_entries(&plain_entries(600));
        hash_tiles(&later, folder.path());
        let early = of_entries(&plain_entries(300));
        let above = TilePath { level: Some(1), index: 0, width: 1 };
        fs::create_dir_all(folder.path().join("tile/1/000.p")).unwrap();
        fs::write(folder.path().join(above.to_string()), &early.files[&above]).unwrap();
        let mut source = open(folder.path());
        // 300 leaves: tile/0/001.p/44 was swept away when tile/0/001 was whole.
        let path = Tiles::of(300).inclusion(299, &mut source).await.unwrap();
        assert_eq!(verify_inclusion(&leaf_hash(&299u64.to_be_bytes()), 299, 300, &path, &early.root), Ok(()));
        let tile = folder.path().join(TilePath { level: Some(0), index: 1, width: 256 }.to_string());
        fs::write(&tile, [0; 100]).unwrap();
        let error = Tiles::of(300).inclusion(299, &mut source).await.unwrap_err().to_string();
        assert!(error.contains("tile/0/001.p/44 has 100 bytes where 1408 belong"), "{error}");
        fs::remove_file(&tile).unwrap();
        let error = Tiles::of(300).inclusion(299, &mut source).await.unwrap_err().to_string();
        assert!(error.contains("tile/0/001.p/44 is missing"), "{error}");
    }
}
