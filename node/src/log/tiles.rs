//! The log as C2SP tiles: hash tiles and entry bundles put together from the store's smaller values (PROTOCOL 12).
//!
//! Each is held against the tree before anybody gets it. Not here: HTTP, and who may have an entry bundle.

use creditbay_protocol::tile::{TILE_WIDTH, TilePath, encode_bundle};

use super::Log;
use super::fault::LogError;
use super::scrub::{checked_hashes, checked_leaves, checked_tile};
use crate::store::log::RowError;

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
            let leaves = self.checked(checked_leaves(store, span.start, span.end))?;
            return Ok(Some(encode_bundle(leaves.iter().map(Vec::as_slice))));
        }
        // What a partial tile leads to is the root itself, which the scrub computes.
        let hashes = match span.end - span.start == TILE_WIDTH {
            true => checked_tile(store, level, span.start / TILE_WIDTH),
            false => checked_hashes(store, level, span.start, u64::from(tile.width)),
        };
        Ok(Some(self.checked(hashes)?.iter().flat_map(|hash| hash.0).collect()))
    }

    /// What was altered stops the log: whoever asked gets the reason, and nobody anything that is built on it.
    fn checked<T>(&self, read: Result<T, RowError>) -> Result<T, LogError> {
        read.map_err(|fault| {
            let fault = LogError::Rows(fault);
            self.stop(fault.clone());
            fault
        })
    }
}
