//! The logs that a log goes on from: each ends with a leaf that retires it, and the next one begins with its final note (PROTOCOL 35.5).
//!
//! The first leaf of the next log, which is signed over, is what vouches for the retired one: its own key need not be known any more. Of a
//! log whose end was lost it vouches for what is left; a folder may hold more of that one, up to what the directory says was seen.
//! Not here: the checks within one log (`verify`, `leaves`), whether the directory lists what was lost (`orphan`).

use std::path::{Path, PathBuf};

use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::name::Origin;
use creditbay_protocol::succession::Beginning;

use crate::print::{self, Screen};

use super::fault::{Fault, Faults};
use super::leaves::Leaves;
use super::orphan::not_decided;
use super::prepare::Wanted;
use super::source::Source;
use super::verify::Audit;
use super::walk::{Read, Walk};

/// A log that was held against what the next one says of it.
pub struct Checked {
    /// The log.
    pub origin: Origin,
    /// Its final size.
    pub size: u64,
    /// Whether its files were there to be checked.
    pub seen: bool,
    /// Where its end was lost: how many of the orphaned leaves the files hold all the same.
    pub found: Option<u64>,
}

/// Goes back from a log whose first leaves were read, as far as folders are given, the newest first.
pub async fn back(
    origin: Origin,
    leaves: &Leaves,
    folders: &[PathBuf],
    entry: &RegionEntry,
    faults: &mut Faults,
    screen: &Screen,
) -> anyhow::Result<Vec<Checked>> {
    let mut checked = Vec::new();
    let mut next = beginning(origin, leaves, faults);
    let mut folders = folders.iter();
    while let Some(named) = next {
        let folder = folders.next();
        let Beginning { log, size, lost, .. } = named;
        let none = lost.map(|_| 0);
        let Some(folder) = folder else {
            checked.push(Checked { origin: log, size, seen: false, found: none });
            break;
        };
        let (found, before) = one(named, folder, entry, faults, screen).await?;
        checked.push(Checked { origin: log, size, seen: true, found: none.map(|_| found) });
        next = before;
    }
    Ok(checked)
}

/// What a log says that it goes on from; the first of a region goes on from nothing.
pub fn beginning(origin: Origin, leaves: &Leaves, faults: &mut Faults) -> Option<Beginning> {
    let right =
        |began: &Beginning| (began.log.owner(), began.log.number().checked_add(1)) == (origin.owner(), Some(origin.number()));
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

/// What the folder must show of a log that ended so.
fn is_as_named(named: &Beginning, found: &Checkpoint) -> bool {
    let Beginning { log, size, root, lost } = named;
    match lost {
        _ if (found.origin, found.size, found.root) == (*log, *size, *root) => true,
        Some(range) => found.size > *size && range.covers(found).is_ok(),
        None => false,
    }
}

/// Holds the files of one log against what the next one says of it: how many leaves they hold behind that, and what it goes on from.
async fn one(
    named: Beginning,
    folder: &Path,
    entry: &RegionEntry,
    faults: &mut Faults,
    screen: &Screen,
) -> anyhow::Result<(u64, Option<Beginning>)> {
    let Beginning { log: origin, size, root, lost } = named;
    let mut source = Source::Folder(folder.to_owned());
    let note = source.checkpoint().await?;
    let found = match held_to(&named, &note) {
        Ok(found) => found,
        Err(fault) => {
            faults.add(fault);
            return Ok((0, None));
        }
    };
    let mut audit = Audit::new(found.size);
    audit.expect_earlier(size, root);
    let (leaves, mut own) = walk(&mut source, (audit, &found), (entry, Wanted::Order), &mut |_| {}, screen).await?;
    if lost.is_none() && leaves.retired() != size.checked_sub(1) {
        own.add(Fault::NotRetired { origin });
    }
    let next = if found.size > 0 { beginning(origin, &leaves, &mut own) } else { None };
    if let Some(began) = &next {
        own.extend(not_decided(began, &entry.orphaned));
    }
    add_as(&own, faults, |fault| Fault::InPredecessor { origin, fault });
    Ok((found.size - size, next))
}

/// The checkpoint in this note, if it is what the next log says that it goes on from.
pub fn held_to(named: &Beginning, note: &[u8]) -> Result<Checkpoint, Fault> {
    let found = Note::parse(note).ok().and_then(|note| Checkpoint::parse(&note.text).ok());
    found.filter(|found| is_as_named(named, found)).ok_or_else(|| {
        let found = found.map_or_else(
            || "no checkpoint".to_owned(),
            |found| format!("{}, size {}, root {}", found.origin, found.size, found.root.to_base64()),
        );
        Fault::OtherPredecessor { named: named.log, size: named.size, root: named.root, found }
    })
}

/// Verifies a whole log against its checkpoint, and looks at each leaf if leaves are wanted.
pub async fn walk(
    source: &mut Source,
    (audit, checkpoint): (Audit, &Checkpoint),
    (entry, wanted): (&RegionEntry, Wanted),
    look: &mut dyn FnMut(&Read<'_>),
    screen: &Screen,
) -> anyhow::Result<(Leaves, Faults)> {
    let (mut walk, mut leaves, mut faults) = (Walk::begin(source, audit, wanted), Leaves::of(entry.name), Faults::new());
    let bar = print::progress(screen, checkpoint.size, "{msg} [{bar:40}] {pos}/{len} entries {eta}");
    bar.set_message(checkpoint.origin.to_string());
    while let Some(batch) = walk.next().await? {
        leaves.read_batch(&batch, &mut faults);
        batch.reads().for_each(|read| look(&read));
        bar.set_position(walk.done());
    }
    bar.finish_and_clear();
    faults.extend(walk.finish(&checkpoint.root));
    Ok((leaves, faults))
}

/// Adds the faults of another log as what they are there.
pub fn add_as(own: &Faults, faults: &mut Faults, named: impl Fn(Box<Fault>) -> Fault) {
    own.listed().iter().for_each(|fault| faults.add(named(Box::new(fault.clone()))));
    faults.count_more(own.count() - own.listed().len() as u64);
}
