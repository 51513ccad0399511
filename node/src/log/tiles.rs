//! The log as C2SP tiles: hash tiles and entry bundles put together from the store's smaller values (PROTOCOL 12).
//!
//! Not here: HTTP, and who may have an entry bundle.

use creditbay_protocol::tile::{TilePath, encode_bundle};

use super::Log;
use super::fault::LogError;
use crate::store::log as layout;

impl Log {
    /// The bytes of a tile or bundle; `None` if the published tree has no such tile.
    pub fn tile(&self, tile: &TilePath) -> Result<Option<Vec<u8>>, LogError> {
        let size = self.head().signed().checkpoint().size;
        let level = tile.level.unwrap_or(0);
        let nodes = size.checked_shr(u32::from(level) * 8).unwrap_or(0);
        let span = tile.span();
        if span.end > nodes {
            return Ok(None);
        }
        let store = &**self.store();
        if tile.level.is_none() {
            let leaves = layout::read_leaves(store, span.start, span.end)?;
            return Ok(Some(encode_bundle(leaves.iter().map(Vec::as_slice))));
        }
        let hashes = layout::read_hashes(store, level, span.start, u64::from(tile.width))?;
        Ok(Some(hashes.into_iter().flat_map(|hash| hash.0).collect()))
    }
}
