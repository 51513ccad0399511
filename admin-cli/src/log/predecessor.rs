//! The logs that a log goes on from: each ends with a leaf that retires it, and the next one begins with its final note (PROTOCOL 35.5).
//!
//! The first leaf of the next log, which is signed over, is what vouches for the retired one: its own key need not be known any more.
//! Not here: the checks within one log (`verify`, `leaves`).

use std::path::{Path, PathBuf};

use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::name::{Origin, Region};

use crate::print::{self, Screen};

use super::fault::{Fault, Faults};
use super::leaves::{Beginning, Leaves};
use super::source::Source;
use super::verify::Audit;
use super::walk::Walk;

/// A log that was held against what the next one says of it.
pub struct Checked {
    /// The log.
    pub origin: Origin,
    /// Its final size.
    pub size: u64,
    /// Whether its files were there to be checked.
    pub seen: bool,
}

/// Goes back from a log whose first leaves were read, as far as folders are given, the newest first.
pub async fn back(
    origin: Origin,
    leaves: &Leaves,
    folders: &[PathBuf],
    owner: Region,
    faults: &mut Faults,
    screen: &Screen,
) -> anyhow::Result<Vec<Checked>> {
    let mut checked = Vec::new();
    let mut next = beginning(origin, leaves, faults);
    let mut folders = folders.iter();
    while let Some(named) = next {
        let folder = folders.next();
        checked.push(Checked { origin: named.predecessor, size: named.size, seen: folder.is_some() });
        let Some(folder) = folder else { break };
        next = one(named, folder, owner, faults, screen).await?;
    }
    Ok(checked)
}

/// What a log says that it goes on from; the first of a region goes on from nothing.
fn beginning(origin: Origin, leaves: &Leaves, faults: &mut Faults) -> Option<Beginning> {
    let right = |began: &Beginning| {
        (began.predecessor.owner(), began.predecessor.number().checked_add(1)) == (origin.owner(), Some(origin.number()))
    };
    match leaves.began() {
        None if origin.number() == 1 => None,
        Some(began) if right(&began) => Some(began),
        Some(_) if origin.number() == 1 => {
            faults.add(Fault::BeginsAgain { index: 0 });
            None
        }
        _ => {
            faults.add(Fault::NoBeginning { origin });
            None
        }
    }
}

async fn one(
    named: Beginning,
    folder: &Path,
    owner: Region,
    faults: &mut Faults,
    screen: &Screen,
) -> anyhow::Result<Option<Beginning>> {
    let Beginning { predecessor: origin, size, root } = named;
    let mut source = Source::Folder(folder.to_owned());
    let note = source.checkpoint().await?;
    let found = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(&note.text).ok());
    if found != Some(Checkpoint { origin, size, root }) {
        let found = found.map_or_else(
            || "no checkpoint".to_owned(),
            |found| format!("{}, size {}, root {}", found.origin, found.size, found.root.to_base64()),
        );
        faults.add(Fault::OtherPredecessor { named: origin, size, root, found });
        return Ok(None);
    }
    let (mut walk, mut leaves, mut own) = (Walk::begin(&mut source, Audit::new(size)), Leaves::of(owner), Faults::new());
    let bar = print::progress(screen, size, "{msg} [{bar:40}] {pos}/{len} entries {eta}");
    bar.set_message(origin.to_string());
    while let Some(batch) = walk.next().await? {
        leaves.read_batch(&batch, &mut own);
        bar.set_position(walk.done());
    }
    bar.finish_and_clear();
    own.extend(walk.finish(&root));
    if leaves.retired() != size.checked_sub(1) {
        own.add(Fault::NotRetired { origin });
    }
    let next = beginning(origin, &leaves, &mut own);
    for fault in own.listed() {
        faults.add(Fault::InPredecessor { origin, fault: Box::new(fault.clone()) });
    }
    faults.count_more(own.count() - own.listed().len() as u64);
    Ok(next)
}
