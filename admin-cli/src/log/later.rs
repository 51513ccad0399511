//! The logs that go on from one that has ended, back from the one that the directory names (PROTOCOL 35.5).
//!
//! The newest is signed, and the first leaf of each names the end of the one before it: so the last of them vouches for the one that is
//! audited, whose key need not be known any more. They are verified whole, and what they say of its leaves is kept.
//! Not here: the logs before it (`predecessor`).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use clap::Args;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::name::Origin;
use creditbay_protocol::succession::Beginning;

use crate::exit::UsageError;
use crate::print::Screen;

use super::fault::{Fault, Faults};
use super::orphan::not_decided;
use super::predecessor::{add_as, beginning, held_to, walk};
use super::prepare::Wanted;
use super::source::{AuditorArgs, Source};
use super::verify::Audit;
use super::walk::Read;

/// Later logs.
#[derive(Debug, Clone, Default, Args)]
pub struct LaterArgs {
    /// The log has ended: the region's log after it, a folder or a URL, and every further one up to that in the network directory, which
    /// vouches for those before it
    #[arg(long, value_name = "DIR|URL")]
    pub later: Vec<String>,
}

/// Leaves by their log and index.
pub type NamedLeaves = BTreeMap<(Origin, u64), Leaf>;

/// What the later logs say.
#[derive(Debug, Default)]
pub struct Later {
    /// The end of the log that is audited; `None` where a fault hides it.
    pub ended: Option<Beginning>,
    /// Leaves of each that were read.
    pub sizes: BTreeMap<Origin, u64>,
    /// The leaves that were asked for.
    pub leaves: NamedLeaves,
    /// What is wrong with them.
    pub faults: Faults,
}

/// A later log that waits.
struct Waiting {
    source: Source,
    note: Vec<u8>,
}

impl LaterArgs {
    /// Reads and verifies them; `None` where there are none. Of their leaves those that were `asked` are kept.
    pub async fn read(
        &self,
        auditor: &AuditorArgs,
        entry: &RegionEntry,
        asked: &BTreeSet<(Origin, u64)>,
        screen: &Screen,
    ) -> anyhow::Result<Option<Later>> {
        if self.later.is_empty() {
            return Ok(None);
        }
        let mut waiting = self.open(auditor, entry).await?;
        let origin = entry.log_origin;
        let none = || UsageError(format!("--later: none is {origin}, the log that the network directory names"));
        let mut next = waiting.remove(&origin).ok_or_else(none)?;
        let mut later = Later::default();
        let mut named = match SignedCheckpoint::verify(&next.note, &origin, &entry.log) {
            Ok(signed) => Beginning { log: origin, size: signed.checkpoint().size, root: signed.checkpoint().root, lost: None },
            Err(error) => {
                later.faults.add(Fault::InLater { origin, fault: Box::new(Fault::Checkpoint(error)) });
                return Ok(Some(later));
            }
        };
        while let Some(before) = later.take(next, &named, (entry, asked), screen).await? {
            named = before;
            match waiting.remove(&named.log) {
                Some(found) => next = found,
                None => {
                    later.ended = Some(named);
                    break;
                }
            }
        }
        match waiting.keys().next().filter(|_| later.faults.is_empty()) {
            Some(stranger) => Err(UsageError(format!("--later: {stranger} is not between the two")).into()),
            None => Ok(Some(later)),
        }
    }

    async fn open(&self, auditor: &AuditorArgs, entry: &RegionEntry) -> anyhow::Result<BTreeMap<Origin, Waiting>> {
        let mut waiting = BTreeMap::new();
        for place in &self.later {
            let mut source = Source::open_expecting(place, auditor, Some(entry.tls))?;
            let note = source.checkpoint().await?;
            let read = Note::parse(&note).with_context(|| format!("{place}: its checkpoint is no note"))?;
            let read = Checkpoint::parse(&read.text).with_context(|| format!("{place}: its checkpoint cannot be read"))?;
            if waiting.insert(read.origin, Waiting { source, note }).is_some() {
                bail!("--later: {} is given twice; name each log once", read.origin);
            }
        }
        Ok(waiting)
    }
}

impl Later {
    /// Leaves of each, the leaves that were asked for, and the faults.
    pub fn into_parts(self) -> (BTreeMap<Origin, u64>, NamedLeaves, Faults) {
        (self.sizes, self.leaves, self.faults)
    }

    /// Verifies one of them against what is known of it. Gives what it goes on from.
    async fn take(
        &mut self,
        mut log: Waiting,
        named: &Beginning,
        (entry, asked): (&RegionEntry, &BTreeSet<(Origin, u64)>),
        screen: &Screen,
    ) -> anyhow::Result<Option<Beginning>> {
        let origin = named.log;
        let found = match held_to(named, &log.note) {
            Ok(found) => found,
            Err(fault) => {
                self.faults.add(fault);
                return Ok(None);
            }
        };
        let mut audit = Audit::new(found.size);
        audit.expect_earlier(named.size, named.root);
        let wanted = if asked.iter().any(|(log, _)| *log == origin) { Wanted::Leaves } else { Wanted::Order };
        let leaves = &mut self.leaves;
        let mut look = |read: &Read<'_>| {
            if asked.contains(&(origin, read.index)) {
                leaves.insert((origin, read.index), read.leaf.clone());
            }
        };
        let (read, mut own) = walk(&mut log.source, (audit, &found), (entry, wanted), &mut look, screen).await?;
        let is_newest = origin == entry.log_origin;
        if !is_newest && named.lost.is_none() && read.retired() != found.size.checked_sub(1) {
            own.add(Fault::NotRetired { origin });
        }
        let before = beginning(origin, &read, &mut own);
        if let Some(began) = &before {
            own.extend(not_decided(began, &entry.orphaned));
        }
        if before.is_none() && own.is_empty() {
            return Err(UsageError(format!("--later: {origin} is the first log of its region; nothing ended before it")).into());
        }
        self.sizes.insert(origin, found.size);
        add_as(&own, &mut self.faults, |fault| Fault::InLater { origin, fault });
        Ok(before)
    }
}
