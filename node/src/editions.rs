//! Which edition of the network directory a node acts on: never one that is older than the newest it acted on, and never one that leaves
//! out an orphaned range (PROTOCOL 28, 35.8).
//!
//! Not here: who signed it (`configs`), fetching it, and acting on a change of it without a restart.

use creditbay_configs::peers::EndorsedDirectory;
use creditbay_protocol::orphaned::OrphanedRange;

use crate::store::editions::{self as layout, Edition};
use crate::store::log::RowError;
use crate::store::{Batch, Durable, Store, StoreError, Tree};

/// Why a directory is not acted on.
#[derive(Debug, thiserror::Error)]
pub enum EditionFault {
    /// An older edition than the newest.
    #[error(
        "network directory: this is edition {offered}, and this node acted on edition {newest} (SHA-256 {digest}); an older one is never \
         gone back to: fetch the newest, or have a new edition signed"
    )]
    Older {
        /// The edition that was offered.
        offered: u32,
        /// The newest.
        newest: u32,
        /// Its digest.
        digest: String,
    },
    /// Another directory under the same number.
    #[error(
        "network directory: this is not the edition {serial} on which this node acted (SHA-256 {digest}); two directories of one number are \
         signed: ask the other regions, and have the right one signed under the next number"
    )]
    SameSerial {
        /// The number.
        serial: u32,
        /// The digest of the one that was acted on.
        digest: String,
    },
    /// A range that was listed is not listed any more, or otherwise.
    #[error(
        "network directory: edition {offered} does not list the orphaned range of {range} as an earlier edition did; it stays listed for \
         ever: have a directory signed that lists it"
    )]
    RangeGone {
        /// The edition that was offered.
        offered: u32,
        /// The range.
        range: Box<OrphanedRange>,
    },
    /// The store failed.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The edition could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes a directory as the newest, durable before anything is done by it.
pub fn accept(store: &dyn Store, directory: &EndorsedDirectory) -> Result<(), EditionFault> {
    let edition = Edition { serial: directory.serial(), digest: *directory.digest() };
    let newest = layout::newest(store)?;
    match newest {
        Some(newest) if newest.serial > edition.serial => {
            let digest = newest.digest.to_string();
            return Err(EditionFault::Older { offered: edition.serial, newest: newest.serial, digest });
        }
        Some(newest) if newest.serial == edition.serial && newest.digest != edition.digest => {
            return Err(EditionFault::SameSerial { serial: edition.serial, digest: newest.digest.to_string() });
        }
        Some(newest) if newest == edition => return Ok(()),
        _ => {}
    }
    let gone = layout::orphaned(store)?.into_iter().find(|range| directory.orphaned_of(&range.log) != Some(range));
    if let Some(range) = gone {
        return Err(EditionFault::RangeGone { offered: edition.serial, range: Box::new(range) });
    }
    let mut batch = Batch::default();
    layout::set(&mut batch, &edition, directory.orphaned().map(|(_, range)| range));
    let Durable { .. } = store.commit(Tree::Witness, batch)?;
    Ok(())
}

#[cfg(test)]
mod tests;
