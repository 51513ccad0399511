//! Sealed records, found by keyed hash (PROTOCOL 22).
//!
//! | key | value |
//! |---|---|
//! | `R` · key u32 · HMAC of the subject's tag under that key (32) · part u16 | sealed: the tag, and up to 112 records and amendments |
//! | `P` · key u32 · HMAC of the report's tag under that key (32) | sealed: the tag, and the report (`reports`) |
//! | `G` · register code u8 | when the register was last taken over whole, in milliseconds |
//! | `N` · register code u8 | how many records or reports it has |
//! | `C` | how many subjects have records |
//! | `K` | an HMAC by which another record key is noticed |
//!
//! A tag is a keyed hash of the subject, or of a report's file, and stands nowhere in clear: it leads to a bucket and its key (`buckets`).
//! Whoever reads the store without the keys learns how many subjects there are and roughly how many records each has. Rows about natural
//! persons are apart (`persons`). Not here: how erasure takes what it takes (`erase`), whether a record is visible
//! (`configs::rules::visible`).

pub mod erase;
pub mod going;
mod merging;
mod parts;
mod reports;
mod restored;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use creditbay_configs::rules::record::{Record, SubjectTag};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealError;
use creditbay_protocol::answer::Coverage;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::wire::{self, WireError};

use self::merging::{Held, ITEMS_PER_PART, Item, MAX_PARTS, Taken};
use super::buckets::{BucketError, Buckets};
use super::documents::{self, Amendment};
use super::persons::{Persons, PersonsError};
use super::{Batch, Store, StoreError, Tree};
use crate::host::entropy::Entropy;
use crate::host::keys::RecordKeys;

/// Records and amendments that are held at once before those that changed are made durable: 16 384 of about 100 bytes, with their
/// copies on the way to the disk some 10 MiB, however many a subject has. Files name their subjects in any order, so a batch of rows holds
/// all records of almost as many subjects.
const MAX_HELD_ITEMS: usize = 16_384;

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
    /// A bucket's key.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// Records lie under a key that is not there.
    #[error(
        "records in bucket {bucket} were sealed under a key that is not in data/keys/records; put the folder back as it was with this \
         store, or put the log back from its archive into an empty one and import the records again"
    )]
    KeyGone {
        /// The bucket.
        bucket: u8,
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

/// The records of a node.
pub struct Records {
    store: Arc<dyn Store>,
    index: Digest,
    report_index: Digest,
    buckets: Arc<Buckets>,
    entropy: Arc<Entropy>,
    persons: Persons,
    registers: RwLock<BTreeMap<AttestationType, Millis>>,
    /// Held by whoever reads what belongs together, and alone by whoever moves it from one key to another.
    moving: RwLock<()>,
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
    /// The records in this store, under these keys.
    ///
    /// # Errors
    /// [`RecordsError::OtherKey`] where the store was written under others; everything would look as if nothing were recorded.
    pub fn open(store: Arc<dyn Store>, keys: RecordKeys, entropy: Arc<Entropy>) -> Result<Self, RecordsError> {
        let index = Digest::hmac(&keys.index, &[Label::INDEX_SUBJECT.as_bytes()]);
        let report_index = Digest::hmac(&keys.index, &[Label::INDEX_REPORT.as_bytes()]);
        if store.get(Tree::Records, b"K")?.is_some_and(|mark| mark != key_mark(&index)) {
            return Err(RecordsError::OtherKey);
        }
        let buckets = Arc::new(Buckets::open(keys.buckets, entropy.clone())?);
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
        let persons = Persons::open(store.clone(), &keys.index, buckets.clone(), entropy.clone())?;
        let (registers, counts) = (RwLock::new(registers), Mutex::new(Counts { subjects, rows }));
        let moving = RwLock::default();
        let records = Self { store, index, report_index, buckets, entropy, persons, registers, moving, counts };
        records.settle_lost_keys()?;
        Ok(records)
    }

    /// All records of a subject, amended; visible or not.
    pub fn of(&self, subject: &Identifier) -> Result<Vec<Record>, RecordsError> {
        let items = self.load(&self.tag(subject))?.items;
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
        let (mut touched, mut held_items) = (BTreeMap::<SubjectTag, Held>::new(), 0);
        let (mut amended, mut grown) = (Amended::default(), counts.clone());
        for (position, (subject, item)) in rows.enumerate() {
            let tag = self.tag(&subject);
            if !touched.contains_key(&tag) {
                if held_items >= MAX_HELD_ITEMS {
                    self.put_all(std::mem::take(&mut touched), &grown, &mut counts)?;
                    held_items = 0;
                }
                let held = self.load(&tag)?;
                held_items += held.items.len();
                touched.insert(tag, held);
            }
            let held = touched.get_mut(&tag).expect("invariant: inserted above");
            grown.subjects += u64::from(held.items.is_empty());
            if held.lacks_record_of(&item) {
                amended.unmatched.push(position);
            }
            let register = if let Item::Record(record) = &item { Some(record.register) } else { None };
            match held.take(item) {
                Taken::Unchanged => amended.merged.unchanged += 1,
                Taken::Replaced => amended.merged.replaced += 1,
                Taken::Added => {
                    amended.merged.added += 1;
                    held_items += 1;
                    register.into_iter().for_each(|register| *grown.rows.entry(register).or_default() += 1);
                }
            }
        }
        self.put_all(touched, &grown, &mut counts)?;
        Ok(amended)
    }

    /// Makes durable what changed.
    fn put_all(&self, touched: BTreeMap<SubjectTag, Held>, grown: &Counts, counts: &mut Counts) -> Result<(), RecordsError> {
        let mut batch = Batch::default();
        for (tag, held) in touched.iter().filter(|(_, held)| held.changed) {
            self.put(&mut batch, tag, held)?;
        }
        drop(touched);
        self.commit(batch, grown.clone(), counts)
    }

    /// Commits what was put into the batch, with the counts after it; nothing where it is empty.
    fn commit(&self, mut batch: Batch, grown: Counts, counts: &mut Counts) -> Result<(), RecordsError> {
        if batch.writes().is_empty() && batch.removals().is_empty() {
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
}

fn key_mark(index: &Digest) -> Vec<u8> {
    Digest::hmac(&index.0, &[b"the key of these records"]).0.to_vec()
}

#[cfg(test)]
mod tests;
