//! What befalls the machine of a mutant between two runs of its node: its disk loses or brings back what an honest one keeps.
//!
//! Not here: what is wrong while it runs (`twice`, `disk`, `city`).

use std::sync::Arc;

use anyhow::{Context, Result};
use creditbay_configs::peers::EndorsedDirectory;
use creditbay_node::store::{Batch, Store, Tree, erasure};

use super::bay::{Bay, lock};
use super::city::City;
use super::ground::Ground;
use super::mutant::Mutant;
use super::regions::signed;

/// Before a start.
pub(crate) fn befall(city: &City, bay: &Arc<Bay>) -> Result<()> {
    match bay.mutant {
        Some(Mutant::LosesTheTail) => lose_the_tail(city, bay),
        Some(Mutant::KeepsKeys) => put_keys_back(city)?,
        Some(Mutant::ForgetsNotices) => forget_notices(city)?,
        Some(Mutant::ForgetsAlarms) => forget_alarms(city)?,
        _ => {}
    }
    Ok(())
}

/// Puts back what was durable at the start before this one, if the log was the same then.
fn lose_the_tail(city: &City, bay: &Bay) {
    if let Some(before) = lock(&bay.copies).insert(city.region, city.durable().reopen()) {
        city.put_in_place(before);
    }
}

/// Puts back every key that was there at a start before this one, and keeps a copy of those that are there now.
fn put_keys_back(city: &City) -> Result<()> {
    let (keys, copies) = (city.keys().join("openings"), city.keys().join("copies"));
    std::fs::create_dir_all(&keys)?;
    std::fs::create_dir_all(&copies)?;
    for (from, to) in [(&copies, &keys), (&keys, &copies)] {
        for file in std::fs::read_dir(from)? {
            let file = file?;
            if !to.join(file.file_name()).exists() {
                std::fs::copy(file.path(), to.join(file.file_name()))?;
            }
        }
    }
    Ok(())
}

/// Removes every notice that waits.
fn forget_notices(city: &City) -> Result<()> {
    let (durable, mut batch) = (city.durable(), Batch::default());
    erasure::outgoing(&durable, 0)?.into_iter().for_each(|(leaf, _)| erasure::remove_outgoing(&mut batch, leaf));
    Ok(durable.commit(Tree::Log, batch).map(drop)?)
}

/// Removes every case against others.
fn forget_alarms(city: &City) -> Result<()> {
    let (apart, mut batch) = (city.witnessed(), Batch::default());
    let cases = apart.range(Tree::Witness, b"C", b"D", usize::MAX)?;
    cases.into_iter().for_each(|(key, _)| batch.remove(key));
    Ok(apart.commit(Tree::Witness, batch).map(drop)?)
}

/// A directory in which every channel has the key that it had first.
pub(crate) fn with_first_channels(of: &EndorsedDirectory, ground: &Ground) -> Result<EndorsedDirectory> {
    signed(of, |regions| {
        for entry in regions {
            entry.channels = ground.directory.entry(entry.name).context("no entry")?.channels.clone();
        }
        Ok(())
    })
}
