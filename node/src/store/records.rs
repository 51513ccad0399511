//! Sealed records, found by keyed hash (PROTOCOL 22).
//!
//! | key | value |
//! |---|---|
//! | `R` · HMAC of the subject (32) · part u16 | sealed: up to 112 records and amendments of one subject |
//! | `P` · HMAC of the digest of a report's file (32) | sealed: the report (`reports`) |
//! | `G` · register code u8 | when the register was last taken over whole, in milliseconds |
//! | `N` · register code u8 | how many records or reports it has |
//! | `C` | how many subjects have records |
//! | `K` | an HMAC by which another record key is noticed |
//!
//! Nothing names a subject in clear, not even a key. Whoever reads the store without the record key learns how many subjects there are and
//! roughly how many records each has. Rows about natural persons are apart (`persons`). Not here: whether a record is visible
//! (`configs::rules::visible`).

mod reports;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bincode::{Decode, Encode};
use creditbay_configs::rules::record::{Fact, Record, SubjectTag};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::{SealError, SealingKey};
use creditbay_protocol::answer::Coverage;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::wire::{self, WireError};

use super::documents::{self, Amendment};
use super::persons::{Persons, PersonsError};
use super::{Batch, MAX_VALUE_BYTES, Store, StoreError, Tree};
use crate::host::entropy::Entropy;

/// Records and amendments in one value: 112 × 62 bytes (the longest, a penalty that was repaired and withdrawn) + 10 (part and length)
/// + 28 (seal) = 6 982, below `MAX_VALUE_BYTES`. What is kept is only added to or replaced, so a subject never needs fewer values than before.
const ITEMS_PER_PART: usize = 112;
/// Records and amendments that are held at once before those that changed are made durable: 16 384 of about 100 bytes, with their
/// copies on the way to the disk some 10 MiB, however many a subject has. Files name their subjects in any order, so a batch of rows holds
/// all records of almost as many subjects.
const MAX_HELD_ITEMS: usize = 16_384;
/// Values that one subject may fill: 1 024 × 112 records.
const MAX_PARTS: usize = 1024;

/// Why records are not read or kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was written under another record key.
    #[error(
        "the records were sealed under another record key; restore data/keys/records.key from where it was kept, or start with an empty store"
    )]
    OtherKey,
    /// A sealed value does not open.
    #[error("sealed records of a subject cannot be opened: {0}; restore the store from the archive")]
    Sealed(#[from] SealError),
    /// A value cannot be read.
    #[error("a value among the records cannot be read: {0}; restore the store from the archive")]
    Unreadable(#[from] WireError),
    /// A subject's values are not all there.
    #[error("a subject has {found} of {expected} values of sealed records; the store was damaged: restore it from the archive")]
    Missing {
        /// How many are there.
        found: usize,
        /// How many were written.
        expected: usize,
    },
    /// The rows about persons.
    #[error(transparent)]
    Persons(#[from] PersonsError),
    /// A subject has more records than anybody could have.
    #[error("a subject would have more than {max} records; look at the file, its rows seem to be about one subject", max = MAX_PARTS * ITEMS_PER_PART)]
    Full,
}

/// What became of the rows of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows that were new.
    pub added: u64,
    /// Rows that say something else than what they replace.
    pub replaced: u64,
    /// Rows that say nothing new.
    pub unchanged: u64,
}

/// What became of repairs, withdrawals and objections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amended {
    /// What became of the rows.
    pub merged: Merged,
    /// The positions of those that are about no record that is here; they are kept, for one that comes later.
    pub unmatched: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
enum Item {
    Record(Record),
    Amendment(Amendment),
}

#[derive(Encode, Decode)]
struct Part {
    /// How many parts the subject has, the same in each.
    parts: u16,
    items: Vec<Item>,
}

/// The records of a node.
pub struct Records {
    store: Arc<dyn Store>,
    index: Digest,
    report_index: Digest,
    seal: SealingKey,
    entropy: Arc<Entropy>,
    persons: Persons,
    registers: RwLock<BTreeMap<AttestationType, Millis>>,
    /// Held by whoever writes.
    counts: Mutex<Counts>,
}

/// How much there is.
#[derive(Debug, Clone, Default)]
struct Counts {
    subjects: u64,
    rows: BTreeMap<AttestationType, u64>,
}

impl Records {
    /// The records in this store, under this record key.
    ///
    /// # Errors
    /// [`RecordsError::OtherKey`] where the store was written under another one; everything would look as if nothing were recorded.
    pub fn open(store: Arc<dyn Store>, key: [u8; 32], entropy: Arc<Entropy>) -> Result<Self, RecordsError> {
        let index = Digest::hmac(&key, &[Label::INDEX_SUBJECT.as_bytes()]);
        let report_index = Digest::hmac(&key, &[Label::INDEX_REPORT.as_bytes()]);
        let seal = SealingKey::from_bytes(Digest::hmac(&key, &[Label::SEAL_RECORD.as_bytes()]).0);
        if store.get(Tree::Records, b"K")?.is_some_and(|mark| mark != key_mark(&index)) {
            return Err(RecordsError::OtherKey);
        }
        let subjects = store.get(Tree::Records, b"C")?.map_or(Ok(0), |count| wire::decode(&count, 8))?;
        let (mut registers, mut rows) = (BTreeMap::new(), BTreeMap::new());
        for register in AttestationType::ALL {
            if let Some(time) = store.get(Tree::Records, &[b'G', register.code()])? {
                registers.insert(*register, wire::decode(&time, 8)?);
            }
            if let Some(count) = store.get(Tree::Records, &[b'N', register.code()])? {
                rows.insert(*register, wire::decode(&count, 8)?);
            }
        }
        let persons = Persons::open(store.clone(), &key, entropy.clone())?;
        let (registers, counts) = (RwLock::new(registers), Mutex::new(Counts { subjects, rows }));
        Ok(Self { store, index, report_index, seal, entropy, persons, registers, counts })
    }

    /// All records of a subject, amended; visible or not.
    pub fn of(&self, subject: &Identifier) -> Result<Vec<Record>, RecordsError> {
        let items = self.load(&self.place(subject))?;
        let (mut records, mut amendments) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Record(record) => records.push(record),
                Item::Amendment(amendment) => amendments.push(amendment),
            }
        }
        for record in &mut records {
            let key = record.key;
            documents::amend(record, amendments.iter().filter(|amendment| amendment.document.made(&key)));
        }
        Ok(records)
    }

    /// The keyed hash under which the subject's records are found.
    pub fn tag(&self, subject: &Identifier) -> SubjectTag {
        SubjectTag(Digest::hmac(&self.index.0, &[&subject.canonical_bytes()]))
    }

    /// The rows about natural persons.
    pub fn persons(&self) -> &Persons {
        &self.persons
    }

    /// The registers that were taken over whole, and when, in the order of their codes.
    pub fn registers(&self) -> Vec<Coverage> {
        let registers = self.registers.read().unwrap_or_else(PoisonError::into_inner);
        registers.iter().map(|(register, synchronised)| Coverage { register: *register, synchronised: *synchronised }).collect()
    }

    /// How many subjects have records.
    pub fn subjects(&self) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).subjects
    }

    /// How many records or reports each register has.
    pub fn rows(&self) -> BTreeMap<AttestationType, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).rows.clone()
    }

    /// Keeps records; returns when they are durable. A record replaces the one with its key, except that a penalty whose severity was
    /// derived does not replace one whose severity was stated, and an older rating not a newer one.
    pub fn merge(&self, rows: Vec<(Identifier, Record)>) -> Result<Merged, RecordsError> {
        self.write(rows.into_iter().map(|(subject, record)| (subject, Item::Record(record)))).map(|amended| amended.merged)
    }

    /// Keeps repairs, withdrawals and objections; returns when they are durable. The records they are about may come later.
    pub fn amend(&self, rows: Vec<(Identifier, Amendment)>) -> Result<Amended, RecordsError> {
        self.write(rows.into_iter().map(|(subject, amendment)| (subject, Item::Amendment(amendment))))
    }

    /// Says that a register was taken over whole as of this time. An earlier time than the known one changes nothing.
    pub fn synchronise(&self, register: AttestationType, at: Millis) -> Result<(), RecordsError> {
        let _writing = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if self.registers().iter().any(|known| known.register == register && known.synchronised >= at) {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.set(b"K".to_vec(), key_mark(&self.index));
        batch.set(vec![b'G', register.code()], wire::encode(&at));
        self.store.commit(Tree::Records, batch)?;
        self.registers.write().unwrap_or_else(PoisonError::into_inner).insert(register, at);
        Ok(())
    }

    fn write(&self, rows: impl Iterator<Item = (Identifier, Item)>) -> Result<Amended, RecordsError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut touched, mut held_items) = (BTreeMap::<Vec<u8>, Held>::new(), 0);
        let (mut amended, mut grown) = (Amended::default(), counts.clone());
        for (position, (subject, item)) in rows.enumerate() {
            let place = self.place(&subject);
            if !touched.contains_key(&place) {
                if held_items >= MAX_HELD_ITEMS {
                    self.put_all(std::mem::take(&mut touched), &grown, &mut counts)?;
                    held_items = 0;
                }
                let items = self.load(&place)?;
                held_items += items.len();
                touched.insert(place.clone(), Held { items, changed: false });
            }
            let held = touched.get_mut(&place).expect("invariant: inserted above");
            grown.subjects += u64::from(held.items.is_empty());
            if held.lacks_record_of(&item) {
                amended.unmatched.push(position);
            }
            let register = if let Item::Record(record) = &item { Some(record.register) } else { None };
            let before = amended.merged.added;
            held.take(item, &mut amended.merged);
            held_items += usize::from(amended.merged.added > before);
            if let Some(register) = register.filter(|_| amended.merged.added > before) {
                *grown.rows.entry(register).or_default() += 1;
            }
        }
        self.put_all(touched, &grown, &mut counts)?;
        Ok(amended)
    }

    /// Makes durable what changed.
    fn put_all(&self, touched: BTreeMap<Vec<u8>, Held>, grown: &Counts, counts: &mut Counts) -> Result<(), RecordsError> {
        let mut batch = Batch::default();
        for (place, held) in touched.iter().filter(|(_, held)| held.changed) {
            self.put(&mut batch, place, &held.items)?;
        }
        drop(touched);
        self.commit(batch, grown.clone(), counts)
    }

    /// Commits what was put into the batch, with the counts after it; nothing where it is empty.
    fn commit(&self, mut batch: Batch, grown: Counts, counts: &mut Counts) -> Result<(), RecordsError> {
        if batch.writes().is_empty() {
            return Ok(());
        }
        batch.set(b"K".to_vec(), key_mark(&self.index));
        batch.set(b"C".to_vec(), wire::encode(&grown.subjects));
        for (register, rows) in grown.rows.iter().filter(|(register, rows)| counts.rows.get(register) != Some(rows)) {
            batch.set(vec![b'N', register.code()], wire::encode(rows));
        }
        self.store.commit(Tree::Records, batch)?;
        *counts = grown;
        Ok(())
    }

    fn place(&self, subject: &Identifier) -> Vec<u8> {
        [b"R".as_slice(), &self.tag(subject).0.0].concat()
    }

    /// The parts of a subject stand in one row; the first says how many there are.
    fn load(&self, place: &[u8]) -> Result<Vec<Item>, RecordsError> {
        let Some(Part { parts, mut items }) = self.load_part(place, 0)? else { return Ok(Vec::new()) };
        for number in 1..parts {
            let part = self.load_part(place, number)?.filter(|part| part.parts == parts);
            let missing = RecordsError::Missing { found: usize::from(number), expected: usize::from(parts) };
            items.extend(part.ok_or(missing)?.items);
        }
        Ok(items)
    }

    fn load_part(&self, place: &[u8], number: u16) -> Result<Option<Part>, RecordsError> {
        let key = part_key(place, number);
        let Some(sealed) = self.store.get(Tree::Records, &key)? else { return Ok(None) };
        Ok(Some(wire::decode(&self.seal.open(Label::SEAL_RECORD, &key, &sealed)?, MAX_VALUE_BYTES)?))
    }

    fn put(&self, batch: &mut Batch, place: &[u8], items: &[Item]) -> Result<(), RecordsError> {
        let parts = u16::try_from(items.len().div_ceil(ITEMS_PER_PART)).ok().filter(|parts| usize::from(*parts) <= MAX_PARTS);
        let parts = parts.ok_or(RecordsError::Full)?;
        for (number, items) in (0u16..).zip(items.chunks(ITEMS_PER_PART)) {
            let key = part_key(place, number);
            let plain = wire::encode(&Part { parts, items: items.to_vec() });
            let sealed = self.seal.seal(self.entropy.nonce(), Label::SEAL_RECORD, &key, &plain);
            batch.set(key, sealed);
        }
        Ok(())
    }
}

fn part_key(place: &[u8], number: u16) -> Vec<u8> {
    [place, &number.to_be_bytes()].concat()
}

fn key_mark(index: &Digest) -> Vec<u8> {
    Digest::hmac(&index.0, &[b"the key of these records"]).0.to_vec()
}

/// The items of one subject while rows are taken.
struct Held {
    items: Vec<Item>,
    changed: bool,
}

impl Held {
    /// Whether the item amends a document that made no record here.
    fn lacks_record_of(&self, item: &Item) -> bool {
        let Item::Amendment(amendment) = item else { return false };
        let made = |known: &Item| matches!(known, Item::Record(record) if amendment.document.made(&record.key));
        !self.items.iter().any(made)
    }

    fn take(&mut self, item: Item, merged: &mut Merged) {
        match self.items.iter_mut().find(|known| same_key(known, &item)) {
            None => {
                merged.added += 1;
                self.items.push(item);
            }
            Some(known)
                if *known == item || keeps_stated(known, &item) || keeps_newer(known, &item) || keeps_latest(known, &item) =>
            {
                merged.unchanged += 1;
                return;
            }
            Some(known) => {
                merged.replaced += 1;
                *known = item;
            }
        }
        self.changed = true;
    }
}

/// The second half of a record's key is what makes it one: of document, register and day, or, of a rating, of register and sector.
fn same_key(known: &Item, item: &Item) -> bool {
    match (known, item) {
        (Item::Record(known), Item::Record(record)) => known.key.0[16..] == record.key.0[16..],
        (Item::Amendment(known), Item::Amendment(item)) => (known.document, known.action) == (item.document, item.action),
        _ => false,
    }
}

/// The same decision arrives from city, province and state, and not every copy says how severe it was.
fn keeps_stated(known: &Item, item: &Item) -> bool {
    let derived = |item: &Item| match item {
        Item::Record(Record { fact: Fact::Penalty { severity_derived, .. }, .. }) => Some(*severity_derived),
        _ => None,
    };
    derived(known) == Some(false) && derived(item) == Some(true)
}

/// Ratings come as files of many years, in any order.
fn keeps_newer(known: &Item, item: &Item) -> bool {
    let rated_on = |item: &Item| match item {
        Item::Record(Record { fact: Fact::Grade { rated_on, .. } | Fact::Unrated { on: rated_on }, .. }) => Some(*rated_on),
        _ => None,
    };
    rated_on(item).is_some_and(|on| rated_on(known) > Some(on))
}

/// An objection that was raised again is the newest; files of objections come in any order too.
fn keeps_latest(known: &Item, item: &Item) -> bool {
    match (known, item) {
        (Item::Amendment(known), Item::Amendment(item)) => item.action.of_objection() && known.on > item.on,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
