//! Orphaned ranges as TOML: `[[region.orphaned]]` of the network directory, read and checked by itself (PROTOCOL 35.8).
//!
//! What stands here was decided by the regions that signed the directory; a range that was listed once is listed for ever. Not here: who
//! signed (`mod`), whether an earlier edition listed more (`node`).

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_protocol::limits::MAX_LEVELS;
use creditbay_protocol::name::Origin;
use creditbay_protocol::orphaned::OrphanedRange;
use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use crate::error::ConfigError;

use super::fault::{DirectoryFault, MAX_ORPHANED};
use super::place::{Place, plain};

/// One range as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenOrphaned {
    log: Spanned<Origin>,
    size: Spanned<u64>,
    root: Spanned<String>,
    seen: Spanned<u64>,
    note: Spanned<String>,
}

/// The ranges of the region whose current log is this.
pub(super) fn read(
    place: Place<'_>,
    current: Origin,
    written: &[Spanned<WrittenOrphaned>],
) -> Result<Vec<OrphanedRange>, ConfigError<DirectoryFault>> {
    if let Some(beyond) = written.get(MAX_ORPHANED) {
        return Err(place.fault(beyond, "orphaned", DirectoryFault::TooManyOrphaned(written.len())));
    }
    let mut ranges: Vec<OrphanedRange> = Vec::with_capacity(written.len());
    for (position, range) in written.iter().enumerate() {
        let range = one(place, position, current, range.get_ref())?;
        if ranges.iter().any(|earlier| earlier.log == range.log) {
            let at = &written[position].get_ref().log;
            return Err(place.fault(at, &key(position, "log"), DirectoryFault::OrphanedTwice(range.log)));
        }
        ranges.push(range);
    }
    Ok(ranges)
}

fn key(position: usize, name: &str) -> String {
    format!("orphaned[{position}].{name}")
}

fn one(
    place: Place<'_>,
    position: usize,
    current: Origin,
    written: &WrittenOrphaned,
) -> Result<OrphanedRange, ConfigError<DirectoryFault>> {
    let (log, size, seen) = (*written.log.get_ref(), *written.size.get_ref(), *written.seen.get_ref());
    if log.owner() != current.owner() || log.number() >= current.number() {
        return Err(place.fault(&written.log, &key(position, "log"), DirectoryFault::OrphanedLog { log, current }));
    }
    if seen == 0 || size > seen || seen > 1 << MAX_LEVELS {
        return Err(place.fault(&written.seen, &key(position, "seen"), DirectoryFault::OrphanedSizes { size, seen }));
    }
    let digest = |text: &Spanned<String>, name: &str, read: Result<Digest, _>| {
        read.map_err(|error| place.fault(text, &key(position, name), DirectoryFault::OrphanedHash(error)))
    };
    let root = digest(&written.root, "root", Digest::from_base64(written.root.get_ref()))?;
    let note = digest(&written.note, "note", Digest::from_hex(written.note.get_ref()))?;
    if (size == 0) != (root == empty_root()) {
        return Err(place.fault(&written.root, &key(position, "root"), DirectoryFault::OrphanedRoot { size }));
    }
    Ok(OrphanedRange { log, size, root, seen, note })
}

/// A range as it is written.
pub(super) fn write(range: &OrphanedRange) -> Spanned<WrittenOrphaned> {
    plain(WrittenOrphaned {
        log: plain(range.log),
        size: plain(range.size),
        root: plain(range.root.to_base64()),
        seen: plain(range.seen),
        note: plain(range.note.to_string()),
    })
}
