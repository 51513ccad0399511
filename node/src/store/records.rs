//! Sealed records, found by keyed hash (PROTOCOL 22).
//!
//! | key | value |
//! |---|---|
//! | `R` · HMAC of the subject (32) · part u16 | sealed: up to 112 records and amendments of one subject |
//! | `G` · register code u8 | when the register was last taken over whole, in milliseconds |
//! | `C` | how many subjects have records |
//! | `K` | an HMAC by which another record key is noticed |
//!
//! Nothing names a subject in clear, not even a key. Whoever reads the store without the record key learns how many subjects there are and
//! roughly how many records each has. A repair or withdrawal is kept beside the record that it amends, so that a second import of the
//! record does not undo it, and one that comes first is not lost. Not here: whether a record is visible (`configs::rules::regimes`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bincode::{Decode, Encode};
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::{SealError, SealingKey};
use creditbay_protocol::answer::Coverage;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::wire::{self, WireError};

use super::{Batch, MAX_VALUE_BYTES, Store, StoreError, Tree};
use crate::host::entropy::Entropy;

/// Records and amendments in one value: 112 × 62 bytes (the longest, a penalty that was repaired and withdrawn) + 10 (part and length)
/// + 28 (seal) = 6 982, below `MAX_VALUE_BYTES`. What is kept is only added to or replaced, so a subject never needs fewer values than before.
const ITEMS_PER_PART: usize = 112;
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
    /// A subject has more records than anybody could have.
    #[error("a subject would have more than {max} records; look at the file, its rows seem to be about one subject", max = MAX_PARTS * ITEMS_PER_PART)]
    Full,
}

/// Which document of which authority about which subject, as a hash. A record's key begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct DocumentId([u8; 16]);

impl DocumentId {
    /// The hash of a document's number, its authority's code and its subject; number and code already evened out by the importer.
    pub fn of(number: &str, authority: &str, subject: &Identifier) -> Self {
        let lengths = [number.len() as u64, authority.len() as u64].map(u64::to_le_bytes).concat();
        let parts = [
            b"creditbay record document".as_slice(),
            &lengths,
            number.as_bytes(),
            authority.as_bytes(),
            &subject.canonical_bytes(),
        ];
        Self(half(Digest::concat(&parts)))
    }

    /// The key of the record that this document put into a register on a day.
    pub fn record_key(&self, register: AttestationType, on: Day) -> Digest {
        let rest = half(Digest::concat(&[b"creditbay record key", &self.0, &[register.code()], &on.number().to_le_bytes()]));
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.0);
        key[16..].copy_from_slice(&rest);
        Digest(key)
    }

    /// The hash.
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }

    fn made(&self, record: &Record) -> bool {
        record.key.0[..16] == self.0
    }
}

fn half(digest: Digest) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.0[..16]);
    half
}

/// What happened to a document after it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Action {
    /// Credit was repaired.
    Repaired,
    /// The decision was revoked or found void.
    Withdrawn,
}

/// A change to whatever a document put into a register.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Amendment {
    /// The document.
    pub document: DocumentId,
    /// What happened.
    pub action: Action,
    /// Since when it is no longer visible.
    pub on: Day,
}

impl Amendment {
    /// The earliest day counts; what a register says itself stays. A permit can be withdrawn, not repaired.
    fn apply(&self, record: &mut Record) {
        let day = match (&mut record.fact, self.action) {
            (Fact::Listing { repaired_on, .. } | Fact::Penalty { repaired_on, .. }, Action::Repaired) => repaired_on,
            (
                Fact::Listing { withdrawn_on, .. } | Fact::Penalty { withdrawn_on, .. } | Fact::Permit { withdrawn_on, .. },
                Action::Withdrawn,
            ) => withdrawn_on,
            _ => return,
        };
        *day = Some(day.map_or(self.on, |known| known.min(self.on)));
    }
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

/// What became of repairs and withdrawals.
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
    seal: SealingKey,
    entropy: Arc<Entropy>,
    registers: RwLock<BTreeMap<AttestationType, Millis>>,
    /// Held by whoever writes; how many subjects there are.
    subjects: Mutex<u64>,
}

impl Records {
    /// The records in this store, under this record key.
    ///
    /// # Errors
    /// [`RecordsError::OtherKey`] where the store was written under another one; everything would look as if nothing were recorded.
    pub fn open(store: Arc<dyn Store>, key: [u8; 32], entropy: Arc<Entropy>) -> Result<Self, RecordsError> {
        let index = Digest::hmac(&key, &[Label::INDEX_SUBJECT.as_bytes()]);
        let seal = SealingKey::from_bytes(Digest::hmac(&key, &[Label::SEAL_RECORD.as_bytes()]).0);
        if store.get(Tree::Records, b"K")?.is_some_and(|mark| mark != key_mark(&index)) {
            return Err(RecordsError::OtherKey);
        }
        let subjects = store.get(Tree::Records, b"C")?.map_or(Ok(0), |count| wire::decode(&count, 8))?;
        let mut registers = BTreeMap::new();
        for register in AttestationType::ALL {
            if let Some(time) = store.get(Tree::Records, &[b'G', register.code()])? {
                registers.insert(*register, wire::decode(&time, 8)?);
            }
        }
        Ok(Self { store, index, seal, entropy, registers: RwLock::new(registers), subjects: Mutex::new(subjects) })
    }

    /// All records of a subject, amended; visible or not.
    pub fn of(&self, subject: &Identifier) -> Result<Vec<Record>, RecordsError> {
        let items = self.load(&self.place(subject))?;
        let mut records: Vec<_> =
            items.iter().filter_map(|item| if let Item::Record(record) = item { Some(record.clone()) } else { None }).collect();
        for amendment in
            items.iter().filter_map(|item| if let Item::Amendment(amendment) = item { Some(amendment) } else { None })
        {
            records.iter_mut().filter(|record| amendment.document.made(record)).for_each(|record| amendment.apply(record));
        }
        Ok(records)
    }

    /// The registers that were taken over whole, and when, in the order of their codes.
    pub fn registers(&self) -> Vec<Coverage> {
        let registers = self.registers.read().unwrap_or_else(PoisonError::into_inner);
        registers.iter().map(|(register, synchronised)| Coverage { register: *register, synchronised: *synchronised }).collect()
    }

    /// How many subjects have records.
    pub fn subjects(&self) -> u64 {
        *self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps records; returns when they are durable. A record replaces the one with its key, except that a penalty whose severity was
    /// derived does not replace one whose severity was stated.
    pub fn merge(&self, rows: Vec<(Identifier, Record)>) -> Result<Merged, RecordsError> {
        self.write(rows.into_iter().map(|(subject, record)| (subject, Item::Record(record)))).map(|amended| amended.merged)
    }

    /// Keeps repairs and withdrawals; returns when they are durable. The records they are about may come later.
    pub fn amend(&self, rows: Vec<(Identifier, Amendment)>) -> Result<Amended, RecordsError> {
        self.write(rows.into_iter().map(|(subject, amendment)| (subject, Item::Amendment(amendment))))
    }

    /// Says that a register was taken over whole as of this time. An earlier time than the known one changes nothing.
    pub fn synchronise(&self, register: AttestationType, at: Millis) -> Result<(), RecordsError> {
        let _writing = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut touched: BTreeMap<Vec<u8>, Held> = BTreeMap::new();
        let (mut amended, mut count) = (Amended::default(), *subjects);
        for (position, (subject, item)) in rows.enumerate() {
            let place = self.place(&subject);
            if !touched.contains_key(&place) {
                touched.insert(place.clone(), Held { items: self.load(&place)?, changed: false });
            }
            let held = touched.get_mut(&place).expect("invariant: inserted above");
            count += u64::from(held.items.is_empty());
            if held.lacks_record_of(&item) {
                amended.unmatched.push(position);
            }
            held.take(item, &mut amended.merged);
        }
        let mut batch = Batch::default();
        for (place, held) in touched.iter().filter(|(_, held)| held.changed) {
            self.put(&mut batch, place, &held.items)?;
        }
        if batch.writes().is_empty() {
            return Ok(amended);
        }
        batch.set(b"K".to_vec(), key_mark(&self.index));
        batch.set(b"C".to_vec(), wire::encode(&count));
        self.store.commit(Tree::Records, batch)?;
        *subjects = count;
        Ok(amended)
    }

    fn place(&self, subject: &Identifier) -> Vec<u8> {
        [b"R".as_slice(), &Digest::hmac(&self.index.0, &[&subject.canonical_bytes()]).0].concat()
    }

    fn load(&self, place: &[u8]) -> Result<Vec<Item>, RecordsError> {
        let end = [place, &[0xff; 3]].concat();
        let pairs = self.store.range(Tree::Records, place, &end, MAX_PARTS + 1)?;
        let mut items = Vec::new();
        for (key, sealed) in &pairs {
            let part: Part = wire::decode(&self.seal.open(Label::SEAL_RECORD, key, sealed)?, MAX_VALUE_BYTES)?;
            if usize::from(part.parts) != pairs.len() {
                return Err(RecordsError::Missing { found: pairs.len(), expected: usize::from(part.parts) });
            }
            items.extend(part.items);
        }
        Ok(items)
    }

    fn put(&self, batch: &mut Batch, place: &[u8], items: &[Item]) -> Result<(), RecordsError> {
        let parts = u16::try_from(items.len().div_ceil(ITEMS_PER_PART)).ok().filter(|parts| usize::from(*parts) <= MAX_PARTS);
        let parts = parts.ok_or(RecordsError::Full)?;
        for (number, items) in (0u16..).zip(items.chunks(ITEMS_PER_PART)) {
            let key = [place, &number.to_be_bytes()].concat();
            let plain = wire::encode(&Part { parts, items: items.to_vec() });
            let sealed = self.seal.seal(self.entropy.nonce(), Label::SEAL_RECORD, &key, &plain);
            batch.set(key, sealed);
        }
        Ok(())
    }
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
        let made = |known: &Item| matches!(known, Item::Record(record) if amendment.document.made(record));
        !self.items.iter().any(made)
    }

    fn take(&mut self, item: Item, merged: &mut Merged) {
        match self.items.iter_mut().find(|known| same_key(known, &item)) {
            None => {
                merged.added += 1;
                self.items.push(item);
            }
            Some(known) if *known == item || keeps_stated(known, &item) => {
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

fn same_key(known: &Item, item: &Item) -> bool {
    match (known, item) {
        (Item::Record(known), Item::Record(record)) => known.key == record.key,
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

#[cfg(test)]
mod tests;
