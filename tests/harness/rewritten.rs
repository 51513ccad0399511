//! A log rewritten by whoever has its key: static files of other leaves, signed like the true ones.
//!
//! What a node can do that hides something is done with that node's own key, so nothing but another log tells. At most 256 leaves.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::key_file;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::Frontier;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::tile::{TilePath, encode_bundle};

use super::network::Network;

/// Writes a city's log of these leaves below a folder, signed by the city's key.
pub fn write_log(network: &Network, city: &str, leaves: &[Vec<u8>], folder: &Path) -> Result<()> {
    ensure!((1..=256).contains(&leaves.len()), "a log of one tile has 1 to 256 leaves");
    let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let mut tree = Frontier::empty();
    hashes.iter().for_each(|hash| tree.push(*hash));
    let origin = format!("{city}.creditbay/log/1");
    let key = key_file::from_pem(&fs::read_to_string(network.folder().join(city).join("keys/log.pem"))?)?;
    let checkpoint = Checkpoint { origin: origin.parse()?, size: tree.size(), root: tree.root() };
    let signed = checkpoint.sign(&NoteSigner::new(origin.parse()?, KeyKind::Ed25519, key))?;
    let width = u16::try_from(leaves.len())?;
    let tile: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    let bundle = encode_bundle(leaves.iter().map(Vec::as_slice));
    for (level, bytes) in [(Some(0), tile), (None, bundle)] {
        let path = folder.join(TilePath { level, index: 0, width }.to_string());
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, bytes)?;
    }
    Ok(fs::write(folder.join("checkpoint"), signed.note_bytes())?)
}
