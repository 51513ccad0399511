//! What opens the leaves of one city, and what was erased of it: after an erasure nothing that lies there, and nothing that ever lay there,
//! opens what it took, everything else opens as before, and who was to be told was told first where it had to be.
//!
//! Erasures of a log take what opens the leaves of those before it, too. Not here: the other side of a notice (`notices`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::log::rows::Row;
use creditbay_node::log::seals::Seals;
use creditbay_node::store::before::Before;
use creditbay_node::store::erasure as layout;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::log::{self as log_layout, SealedRows};
use creditbay_protocol::erasure::{ErasedEntry, ErasedPart};
use creditbay_protocol::notice::Notice;

/// Bytes of a sealed value before what is sealed.
const CLEAR_BYTES: usize = 12;

/// A sealed value that lay in the store, with what it held.
struct Value {
    batch: u64,
    part: usize,
    sealed: Vec<u8>,
    holds: Vec<ErasedEntry>,
}

/// What is kept of one city's exchanges.
pub(crate) struct Kept {
    /// The leaves that something opens, each with the bytes of its subject where it has one.
    pub(crate) opens: BTreeMap<u64, Vec<u8>>,
    /// Erasures of which something is still to be done; whether they wait for the other side.
    pub(crate) pending: BTreeMap<u64, bool>,
    lists: BTreeMap<u64, Vec<ErasedEntry>>,
    outgoing: BTreeMap<u64, (u64, Notice)>,
    values: Vec<Value>,
    keys: PathBuf,
    /// The number of the log.
    log: u32,
}

/// What a look at the store brought.
#[derive(Default)]
pub(crate) struct Told {
    /// Notices that were acknowledged since the last look, by the index of their leaf.
    pub(crate) acknowledged: Vec<(u64, Notice)>,
    /// Whether an erasure came to its end.
    pub(crate) finished: bool,
    /// What is wrong.
    pub(crate) faults: Vec<String>,
}

impl Kept {
    /// Nothing of the log with this number; the keys lie in this folder.
    pub(crate) fn nothing(keys: &Path, log: u32) -> Self {
        Self {
            opens: BTreeMap::new(),
            pending: BTreeMap::new(),
            lists: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            values: Vec::new(),
            keys: keys.to_owned(),
            log,
        }
    }

    /// The folder of the keys.
    pub(crate) fn keys(&self) -> &Path {
        &self.keys
    }

    /// Takes rows that were written.
    pub(crate) fn take(&mut self, sealed: &SealedRows, rows: &[Row]) {
        rows.iter().for_each(|row| open(row, &mut self.opens));
        self.values.push(value(self.log, sealed, rows));
    }

    /// The erasure whose list has this leaf.
    pub(crate) fn erased(&self, index: u64) -> Option<u64> {
        let takes = |entries: &[ErasedEntry]| entries.contains(&self.whole(index));
        self.lists.iter().find(|(_, entries)| takes(entries)).map(|(erasure, _)| *erasure)
    }

    fn whole(&self, index: u64) -> ErasedEntry {
        ErasedEntry { log: self.log, index, part: ErasedPart::Exchange }
    }

    /// The leaves of exchanges that something opens.
    pub(crate) fn exchanges(&self) -> Vec<u64> {
        self.opens.iter().filter(|(_, subject)| !subject.is_empty()).map(|(index, _)| *index).collect()
    }

    /// Whether a leaf is erased by its list, and what opens it waits for the other side.
    pub(crate) fn waits(&self, index: u64) -> bool {
        let entry = self.whole(index);
        self.pending.keys().any(|erasure| self.lists.get(erasure).is_some_and(|entries| entries.contains(&entry)))
    }

    /// Notices that wait, by the index of their leaf.
    pub(crate) fn outgoing(&self) -> impl Iterator<Item = &u64> {
        self.outgoing.keys()
    }

    /// Holds what the store says of erasures against what it said before. `whole` opens everything again.
    pub(crate) fn look(&mut self, store: &InMemory, whole: bool) -> Told {
        let mut told = Told::default();
        if let Err(fault) = self.grow(store, whole, &mut told) {
            told.faults.push(fault);
        }
        told
    }

    fn grow(&mut self, store: &InMemory, whole: bool, told: &mut Told) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let pending = layout::pending(store).map_err(|error| said(&error))?;
        let pending: BTreeMap<u64, bool> = pending.into_iter().map(|(erasure, pending)| (erasure, pending.early)).collect();
        for erasure in pending.keys().filter(|erasure| !self.pending.contains_key(erasure)) {
            let list = layout::list(store, *erasure).map_err(|error| said(&error))?;
            self.lists.insert(*erasure, list.map(|list| list.entries).unwrap_or_default());
        }
        let before = std::mem::replace(&mut self.pending, pending);
        let outgoing = outgoing(store)?;
        let waits_no_more = std::mem::replace(&mut self.outgoing, outgoing);
        let acknowledged = waits_no_more.into_iter().filter(|(leaf, _)| !self.outgoing.contains_key(leaf));
        told.acknowledged.extend(acknowledged.map(|(leaf, (_, notice))| (leaf, notice)));
        for (erasure, early) in before.into_iter().filter(|(erasure, _)| !self.pending.contains_key(erasure)) {
            told.finished = true;
            if early && self.outgoing.values().any(|(of, _)| *of == erasure) {
                told.faults.push(format!("erasure {erasure} destroyed what may be used before the other side knew"));
            }
        }
        if told.finished || whole && !self.lists.is_empty() {
            self.hold(store, &mut told.faults)?;
        }
        Ok(())
    }

    /// Opens everything that lies there and everything that ever lay there.
    fn hold(&mut self, store: &InMemory, faults: &mut Vec<String>) -> Result<(), String> {
        let keys = EpochKeys::in_folder(&self.keys).and_then(Seals::new).map_err(|error| error.to_string())?;
        let done = self.lists.iter().filter(|(erasure, _)| !self.pending.contains_key(erasure));
        let gone: BTreeSet<ErasedEntry> = done.flat_map(|(_, entries)| entries).copied().collect();
        let (mut opens, mut values) = (BTreeMap::new(), Vec::new());
        let mut page = log_layout::sealed_from(store, 0).map_err(|error| error.to_string())?;
        while let Some(last) = page.last() {
            for sealed in &page {
                let rows = keys.open(sealed).map_err(|error| format!("batch {}: {error}", sealed.batch()))?;
                rows.iter().for_each(|row| open(row, &mut opens));
                values.push(value(self.log, sealed, &rows));
            }
            page = log_layout::sealed_after(store, last).map_err(|error| error.to_string())?;
        }
        let taken =
            |entry: &ErasedEntry| gone.contains(entry) || gone.contains(&ErasedEntry { part: ErasedPart::Exchange, ..*entry });
        hold_ended(store, &keys, &taken, faults)?;
        let stays = values.iter().flat_map(|value| &value.holds).filter(|entry| taken(entry));
        faults.extend(stays.map(|entry| format!("what opens leaf {} was erased and is there", entry.index)));
        let lost = self.opens.keys().filter(|index| !opens.contains_key(*index) && self.erased(**index).is_none());
        faults.extend(lost.map(|index| format!("leaf {index} opens no more, and nobody erased it")));
        let files = files(&self.keys).map_err(|error| error.to_string())?;
        let opened = self.values.iter().filter(|value| value.holds.iter().any(taken)).filter(|value| value.opens_with(&files));
        faults.extend(opened.map(|value| format!("a key that is left opens batch {} as it was before an erasure", value.batch)));
        // What lay there once is tried again whenever a key comes that could open it.
        let lies: BTreeSet<Vec<u8>> = values.iter().map(|value| value.sealed.clone()).collect();
        values.extend(std::mem::take(&mut self.values).into_iter().filter(|value| !lies.contains(&value.sealed)));
        (self.opens, self.values) = (opens, values);
        Ok(())
    }
}

impl Value {
    fn opens_with(&self, keys: &[SealingKey]) -> bool {
        let aad = [self.batch.to_be_bytes(), (self.part as u64).to_be_bytes()].concat();
        keys.iter().any(|key| key.open(Label::SEAL_OPENING, &aad, &self.sealed[CLEAR_BYTES..]).is_ok())
    }
}

/// Of what erasures took of logs that have ended nothing is there, and everything that is there opens.
fn hold_ended(
    store: &InMemory,
    keys: &Seals,
    taken: &dyn Fn(&ErasedEntry) -> bool,
    faults: &mut Vec<String>,
) -> Result<(), String> {
    for back in 1.. {
        let before = Before { store, back };
        let Some(head) = log_layout::head(&before).map_err(|error| error.to_string())? else { return Ok(()) };
        let mut page = log_layout::sealed_from(&before, 0).map_err(|error| error.to_string())?;
        while let Some(last) = page.last() {
            for sealed in &page {
                let rows = keys.open(sealed).map_err(|error| format!("batch {} of {}: {error}", sealed.batch(), head.origin))?;
                let holds = value(head.origin.number(), sealed, &rows).holds;
                let stays = holds.iter().filter(|entry| taken(entry));
                faults.extend(
                    stays.map(|entry| format!("what opens leaf {} of {} was erased and is there", entry.index, head.origin)),
                );
            }
            page = log_layout::sealed_after(&before, last).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn value(log: u32, sealed: &SealedRows, rows: &[Row]) -> Value {
    let holds = rows.iter().filter_map(|row| match row {
        Row::Receipt { query, .. } => Some(ErasedEntry { log, index: *query, part: ErasedPart::Receipt }),
        _ => row.opens().map(|index| ErasedEntry { log, index, part: ErasedPart::Exchange }),
    });
    Value { batch: sealed.batch(), part: sealed.part(), sealed: sealed.value.clone(), holds: holds.collect() }
}

/// The leaf that a row opens, with its subject.
fn open(row: &Row, opens: &mut BTreeMap<u64, Vec<u8>>) {
    let subject = match row {
        Row::Query { query, .. } | Row::Answer { query, .. } => query.subject_bytes(),
        Row::Declined { subject, .. } => subject.clone(),
        Row::Receipt { .. } | Row::Note { .. } | Row::Shown { .. } | Row::Notice { .. } => Vec::new(),
    };
    if let Some(index) = row.opens() {
        opens.insert(index, subject);
    }
}

/// Notices that wait, with the erasure that each tells.
fn outgoing(store: &InMemory) -> Result<BTreeMap<u64, (u64, Notice)>, String> {
    let (mut found, mut from) = (BTreeMap::new(), 0);
    loop {
        let page = layout::outgoing(store, from).map_err(|error| error.to_string())?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        from = last + 1;
        found.extend(page.into_iter().map(|(leaf, outgoing)| (leaf, (outgoing.erasure, outgoing.notice))));
    }
}

/// Every key that lies in the folder, whatever it is called.
fn files(folder: &Path) -> std::io::Result<Vec<SealingKey>> {
    let files = fs::read_dir(folder.join("openings"))?.map(|file| fs::read(file?.path()));
    let keys = files.map(|bytes| Ok(<[u8; 32]>::try_from(bytes?).ok().map(SealingKey::from_bytes)));
    keys.filter_map(Result::transpose).collect()
}
