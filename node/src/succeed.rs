//! `creditbay-node succeed`: the next log of a region begins behind one whose end was lost, where the directory lists that (PROTOCOL 35.8).
//!
//! What the directory says is left must be what the store has, or what an archive gives it; nothing that is known may be given up. The
//! command marks the store; the first leaf is written by the daemon, once it has heard its peers. Not here: what they make of it.

use std::path::Path;

use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::name::Origin;
use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::succession::predecessor;

use crate::editions;
use crate::files::{Files, StartError, because, own_entry, read_files};
use crate::host::clock::Clock;
use crate::log::fault::LogError;
use crate::log::succession::left_of;
use crate::restore::{archived_size, open_store, put_back_before};
use crate::store::log::{self as layout, Head, Loss};
use crate::store::witness;
use crate::store::{Batch, Durable, Store, StoreError, Tree};

/// Why the next log does not begin.
#[derive(Debug, thiserror::Error)]
pub enum SucceedError {
    /// The directory lists no orphaned range of the log before.
    #[error(
        "the network directory lists no orphaned range of the log before {0}; have it listed ([[region.orphaned]]) and signed by every \
         region, or retire that log with `creditbay log retire`"
    )]
    NotListed(Origin),
    /// The log has leaves.
    #[error("{origin} has begun, with {size} leaves; start the node")]
    Begun {
        /// Which log.
        origin: Origin,
        /// Its leaves.
        size: u64,
    },
    /// More of the log before is known than the directory lets go on.
    #[error(
        "the directory says that {listed} leaves of {log} are left, and {known} are here; none that is known may be given up: have the \
         directory corrected"
    )]
    MoreIsLeft {
        /// The log.
        log: Origin,
        /// What the directory says.
        listed: u64,
        /// What is known.
        known: u64,
    },
    /// Less of it is there.
    #[error(
        "the directory says that {listed} leaves of {log} are left, and the store has {stored}; name a folder with them: --archive DIR"
    )]
    LessIsLeft {
        /// The log.
        log: Origin,
        /// What the directory says.
        listed: u64,
        /// What the store has.
        stored: u64,
    },
    /// The store has other leaves.
    #[error(
        "the {size} leaves of {log} in the store do not lead to the root that the directory names; have the directory corrected"
    )]
    OtherRoot {
        /// The log.
        log: Origin,
        /// Its leaves.
        size: u64,
    },
}

/// Behind what the next log begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succeeding {
    /// The next log.
    pub origin: Origin,
    /// What the regions decided.
    pub range: OrphanedRange,
}

/// Has the next log of the node with this configuration begin behind a lost end.
pub fn succeed(config: &Path, archive: Option<&Path>) -> Result<Succeeding, StartError> {
    let Files { config, directory, .. } = read_files(config)?;
    let origin = own_entry(&directory, config.region)?.log_origin;
    let listed = predecessor(&origin).and_then(|before| directory.orphaned_of(&before).copied());
    let range = listed.ok_or_else(|| because(SucceedError::NotListed(origin)))?;
    editions::accept(&witness::open(&config.data_dir).map_err(because)?, &directory).map_err(because)?;

    let store = open_store(&config, origin)?;
    if layout::restoring(&*store).map_err(because)? {
        return Err(because(LogError::HalfRestored));
    }
    if let Some(Head { size: size @ 1.., .. }) = layout::head(&*store).map_err(because)? {
        return Err(because(SucceedError::Begun { origin, size }));
    }
    let left = left_of(&*store).map_err(because)?;
    drop(store);
    let stored = left.as_ref().map_or(0, |head| head.size);
    let archived = archive.map(|folder| archived_size(folder, &range.log)).transpose().map_err(because)?;
    let known = archived.unwrap_or(0).max(stored);
    if known > range.size {
        return Err(because(SucceedError::MoreIsLeft { log: range.log, listed: range.size, known }));
    }
    match archive.filter(|_| stored < range.size) {
        Some(archive) => {
            let left = Checkpoint { origin: range.log, size: range.size, root: range.root };
            let restored = put_back_before(&config, left, archive)?;
            tracing::info!(log = %range.log, leaves = restored.size, "what is left of the lost log was put back");
        }
        None if stored < range.size => {
            return Err(because(SucceedError::LessIsLeft { log: range.log, listed: range.size, stored }));
        }
        None if left.is_some_and(|head| head.root != range.root) => {
            return Err(because(SucceedError::OtherRoot { log: range.log, size: range.size }));
        }
        None => {}
    }

    let loss = Loss { range, serial: directory.serial(), directory: *directory.digest(), at: Clock::host().now() };
    mark(&*open_store(&config, origin)?, &loss).map_err(because)?;
    Ok(Succeeding { origin, range })
}

fn mark(store: &dyn Store, loss: &Loss) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    layout::set_loss(&mut batch, loss);
    let Durable { .. } = store.commit(Tree::Log, batch)?;
    Ok(())
}
