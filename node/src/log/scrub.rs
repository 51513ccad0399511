//! What is on disk, held against the signed root, slowly and again and again; and each piece of it before it is served (PROTOCOL 22.5).
//!
//! Reading back what was just written proves nothing, since it comes from a cache; this reads all of the log, most of which left the cache
//! long ago. What is altered stops the log: nobody gets it, and nothing is built on it. Not here: sealed rows and records, whose seals
//! say by themselves that they were changed, and healing, which needs the archive.

use std::time::Duration;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::root;
use creditbay_protocol::tile::{TILE_HEIGHT, TILE_WIDTH};

use super::Log;
use super::fault::LogError;
use super::prove::StoredNodes;
use crate::host::telemetry::Metrics;
use crate::store::log::{self as layout, HASHES_PER_CHUNK, RowError};
use crate::store::{Store, StoreError};

/// Between two tiles of 256 leaves: a log of a million leaves takes seven minutes.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two passes.
const REST: Duration = Duration::from_secs(3_600);

/// One pass over a log.
pub struct Scrub {
    size: u64,
    root: Digest,
    next: u64,
}

impl Scrub {
    /// A pass over the log as it is now.
    pub fn over(log: &Log) -> Self {
        let head = log.head();
        let checkpoint = head.signed().checkpoint();
        Self { size: checkpoint.size, root: checkpoint.root, next: 0 }
    }

    /// Leaves that were looked at.
    pub fn done(&self) -> u64 {
        self.next
    }

    /// Looks at the next tile of leaves and what its end completes above it; `false` once the root was reached.
    pub fn step(&mut self, store: &dyn Store) -> Result<bool, RowError> {
        let to = self.size.min(self.next + TILE_WIDTH);
        checked_leaves(store, self.next, to)?;
        for level in 0u8.. {
            let spanned = TILE_HEIGHT * (u32::from(level) + 1);
            if to.checked_shr(spanned).unwrap_or(0) << spanned != to || to == 0 {
                break;
            }
            checked_tile(store, level, (to >> spanned) - 1)?;
        }
        self.next = to;
        if self.next < self.size {
            return Ok(true);
        }
        self.right_edge(store)?;
        match root(self.size, &StoredNodes { window: None, store })? == self.root {
            true => Ok(false),
            false => Err(RowError::Altered { what: "tree of size", number: self.size }),
        }
    }

    /// The tiles that are not full: what they lead to is the root itself.
    fn right_edge(&self, store: &dyn Store) -> Result<(), RowError> {
        for level in 0u8.. {
            let nodes = self.size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
            if nodes == 0 {
                break;
            }
            checked_hashes(store, level, nodes - nodes % TILE_WIDTH, nodes % TILE_WIDTH)?;
        }
        Ok(())
    }
}

/// Leaves `from..to`, each of which hashes to what the tree holds.
pub(super) fn checked_leaves(store: &dyn Store, from: u64, to: u64) -> Result<Vec<Vec<u8>>, RowError> {
    let leaves = layout::read_leaves(store, from, to)?;
    let hashes = layout::read_hashes(store, 0, from, to - from)?;
    for ((index, leaf), hash) in (from..).zip(&leaves).zip(hashes) {
        if leaf_hash(leaf) != hash {
            return Err(RowError::Altered { what: "leaf", number: index });
        }
    }
    Ok(leaves)
}

/// The hashes of full tile `number` of a level, which lead to the hash above them.
pub(super) fn checked_tile(store: &dyn Store, level: u8, number: u64) -> Result<Vec<Digest>, RowError> {
    let first = number * TILE_WIDTH;
    let hashes = checked_hashes(store, level, first, TILE_WIDTH)?;
    match layout::perfect_root(hashes.clone()) == layout::read_hash(store, level + 1, number)? {
        true => Ok(hashes),
        false => Err(altered(level, number)),
    }
}

/// Hashes of one tile of a level from its chunk's first on; what stands behind each full chunk is their root.
pub(super) fn checked_hashes(store: &dyn Store, level: u8, from: u64, count: u64) -> Result<Vec<Digest>, RowError> {
    let hashes = layout::read_hashes(store, level, from, count)?;
    for (chunk, hashes) in (from / HASHES_PER_CHUNK..).zip(hashes.chunks_exact(HASHES_PER_CHUNK as usize)) {
        if layout::perfect_root(hashes.to_vec()) != layout::read_chunk_root(store, level, chunk)? {
            return Err(altered(level, from / TILE_WIDTH));
        }
    }
    Ok(hashes)
}

fn altered(level: u8, number: u64) -> RowError {
    let number = (number + 1) << (TILE_HEIGHT * (u32::from(level) + 1));
    RowError::Altered { what: "tile of hashes that ends before leaf", number }
}

/// Scrubs until the log stops, or the task is dropped; what it finds stops the log.
pub async fn scrub(log: Log, metrics: &Metrics) {
    while log.running().is_ok() {
        let mut pass = Scrub::over(&log);
        loop {
            let store = log.store().clone();
            let step = tokio::task::spawn_blocking(move || pass.step(&*store).map(|more| (pass, more))).await;
            let lost = |error: tokio::task::JoinError| Err(RowError::Store(StoreError::Read(error.to_string())));
            match step.unwrap_or_else(lost) {
                Ok((looked, more)) => {
                    metrics.set("creditbay_scrubbed_leaves", &[], looked.done());
                    pass = looked;
                    if !more {
                        break;
                    }
                }
                Err(found) => {
                    metrics.count("creditbay_alarms_total", &[("log", "own")]);
                    log.stop(LogError::Rows(found));
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        metrics.count("creditbay_scrubs_total", &[]);
        tokio::time::sleep(REST).await;
    }
}

#[cfg(test)]
mod tests;
