//! Rows about natural persons, kept apart under pseudonyms (PROTOCOL 22). Nothing reads them for an answer.
//!
//! | key | value |
//! |---|---|
//! | `N` · key u32 · HMAC of the pseudonym under that key (32) · entry (16) | sealed: pseudonym, entry, register, days, severity |
//! | `C` | how many rows there are |
//!
//! The pseudonym is a keyed hash of the number, made where the row is read; the entry one of its document. Neither the number, nor the
//! name, nor the document, nor what was done is kept anywhere. Not here: a way to ask about a person; this version has none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealError;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, Severity};
use creditbay_protocol::wire::{self, WireError};

use super::buckets::{BucketError, BucketKey, Buckets};
use super::{Batch, MAX_VALUE_BYTES, Store, StoreError, Tree};
use crate::host::entropy::Entropy;

/// The family of these rows.
pub(super) const FAMILY: u8 = b'N';
/// Rows that are sealed anew and made durable at once.
const AT_ONCE: usize = 256;

/// Makes pseudonyms. Where the number is read, it ends.
#[derive(Clone)]
pub struct Pseudonyms(Digest);

/// What a number becomes. Without the node's key it says nothing, not even by trying all numbers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct Pseudonym(Digest);

impl Pseudonym {
    /// Its bytes, which lead to its bucket.
    pub(super) fn digest(&self) -> Digest {
        self.0
    }
}

impl Pseudonyms {
    /// The pseudonym of a number in its canonical spelling.
    pub fn of(&self, number: &str) -> Pseudonym {
        Pseudonym(Digest::hmac(&self.0.0, &[b"number\0", number.as_bytes()]))
    }

    /// Which document it is, of which authority about which person.
    pub fn entry(&self, person: Pseudonym, register: AttestationType, document: &str, authority: &str) -> [u8; 16] {
        let length = (document.len() as u64).to_le_bytes();
        let parts = [b"entry\0".as_slice(), &person.0.0, &[register.code()], &length, document.as_bytes(), authority.as_bytes()];
        let mut entry = [0; 16];
        entry.copy_from_slice(&Digest::hmac(&self.0.0, &parts).0[..16]);
        entry
    }
}

/// All that is kept of a row about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PersonFact {
    /// The register, by the type it feeds.
    pub register: AttestationType,
    /// The day of the decision, or the first on the list.
    pub on: Day,
    /// The last day on which it may be seen or is valid, where the row says one.
    pub until: Option<Day>,
    /// How severe, of a penalty.
    pub severity: Option<Severity>,
}

/// A row about a person, as it leaves the room that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PersonRow {
    /// Who.
    pub person: Pseudonym,
    /// Which document.
    pub entry: [u8; 16],
    /// What it says.
    pub fact: PersonFact,
}

/// Why rows are not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PersonsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value cannot be read.
    #[error("a value of the rows about persons cannot be read: {0}; restore the store from the archive")]
    Unreadable(#[from] WireError),
    /// A sealed value does not open.
    #[error("a sealed row about a person cannot be opened: {0}; restore the store from the archive")]
    Sealed(#[from] SealError),
    /// A bucket's key.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// The rows about persons.
pub struct Persons {
    store: Arc<dyn Store>,
    pseudonyms: Pseudonyms,
    buckets: Arc<Buckets>,
    entropy: Arc<Entropy>,
    /// Held by whoever writes; how many rows there are.
    rows: Mutex<u64>,
}

impl Persons {
    /// The rows in this store, under the key of keyed hashes and those of the buckets.
    pub fn open(
        store: Arc<dyn Store>,
        index: &[u8; 32],
        buckets: Arc<Buckets>,
        entropy: Arc<Entropy>,
    ) -> Result<Self, PersonsError> {
        let pseudonyms = Pseudonyms(Digest::hmac(index, &[Label::INDEX_PERSON.as_bytes()]));
        let rows = store.get(Tree::Persons, b"C")?.map_or(Ok(0), |count| wire::decode(&count, 8))?;
        Ok(Self { store, pseudonyms, buckets, entropy, rows: Mutex::new(rows) })
    }

    /// What makes pseudonyms.
    pub fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    /// How many rows are kept.
    pub fn rows(&self) -> u64 {
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps rows; returns when they are durable. The same entry again replaces what was said.
    pub fn keep(&self, rows: &[PersonRow]) -> Result<(), PersonsError> {
        let mut count = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let by_entry: BTreeMap<(Pseudonym, [u8; 16]), &PersonRow> =
            rows.iter().map(|row| ((row.person, row.entry), row)).collect();
        let (mut batch, mut added) = (Batch::default(), 0);
        for row in by_entry.into_values() {
            let newest = self.buckets.newest(Buckets::of(&row.person.0))?;
            let mut known = false;
            for key in self.buckets.keys(Buckets::of(&row.person.0)) {
                let place = place_of(&key, row);
                let here = self.store.get(Tree::Persons, &place)?.is_some();
                known |= here;
                if here && key.number() != newest.number() {
                    batch.remove(place);
                }
            }
            added += u64::from(!known);
            self.put(&mut batch, &newest, row);
        }
        if batch.writes().is_empty() {
            return Ok(());
        }
        batch.set(b"C".to_vec(), wire::encode(&(*count + added)));
        self.store.commit(Tree::Persons, batch)?;
        *count += added;
        Ok(())
    }

    /// How many rows a person has.
    pub fn rows_of(&self, person: &Pseudonym) -> Result<u64, PersonsError> {
        let mut rows = 0;
        for key in self.buckets.keys(Buckets::of(&person.0)) {
            let place = key.place(FAMILY, &person.0);
            rows += self.store.range(Tree::Persons, &place, &[place.as_slice(), &[0xff; 17]].concat(), usize::MAX)?.len() as u64;
        }
        Ok(rows)
    }

    /// Whether a key sealed a row that `goes`.
    pub(super) fn holds(&self, key: &BucketKey, goes: impl Fn(&PersonRow) -> bool) -> Result<bool, PersonsError> {
        let mut found = false;
        self.each(key, |_, row| {
            found |= goes(&row);
            Ok(!found)
        })?;
        Ok(found)
    }

    /// Seals anew what a retired key sealed, but for what `goes`; how many rows went, once all of it is durable.
    pub(super) fn seal_anew(&self, retired: &BucketKey, goes: impl Fn(&PersonRow) -> bool) -> Result<u64, PersonsError> {
        let mut count = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.buckets.newest(retired.number().bucket())?;
        let (mut batch, mut gone, mut left) = (Batch::default(), 0, *count);
        self.each(retired, |place, row| {
            batch.remove(place);
            if goes(&row) {
                (gone, left) = (gone + 1, left.saturating_sub(1));
            } else {
                self.put(&mut batch, &newest, &row);
            }
            if batch.removals().len() >= AT_ONCE {
                self.commit_moved(std::mem::take(&mut batch), left, &mut count)?;
            }
            Ok(true)
        })?;
        if !batch.removals().is_empty() {
            self.commit_moved(batch, left, &mut count)?;
        }
        Ok(gone)
    }

    /// Counts anew what can be read, where a store was found that is older than its keys.
    pub(super) fn count_again(&self) -> Result<(), PersonsError> {
        let mut count = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = 0;
        for key in (0..=u8::MAX).flat_map(|bucket| self.buckets.keys(bucket)) {
            self.each(&key, |_, _| {
                found += 1;
                Ok(true)
            })?;
        }
        if found == *count {
            return Ok(());
        }
        self.commit_moved(Batch::default(), found, &mut count)
    }

    fn commit_moved(&self, mut batch: Batch, left: u64, count: &mut u64) -> Result<(), PersonsError> {
        batch.set(b"C".to_vec(), wire::encode(&left));
        self.store.commit(Tree::Persons, batch)?;
        *count = left;
        Ok(())
    }

    fn each(
        &self,
        key: &BucketKey,
        mut see: impl FnMut(Vec<u8>, PersonRow) -> Result<bool, PersonsError>,
    ) -> Result<(), PersonsError> {
        let (mut from, to) = key.span(FAMILY);
        loop {
            let page = self.store.range(Tree::Persons, &from, &to, AT_ONCE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            from = [last.as_slice(), &[0]].concat();
            for (place, sealed) in page {
                let row = wire::decode(&key.open(&place, &sealed)?, MAX_VALUE_BYTES)?;
                if !see(place, row)? {
                    return Ok(());
                }
            }
        }
    }

    fn put(&self, batch: &mut Batch, key: &BucketKey, row: &PersonRow) {
        let place = place_of(key, row);
        let sealed = key.seal(&place, &wire::encode(row), &self.entropy);
        batch.set(place, sealed);
    }
}

fn place_of(key: &BucketKey, row: &PersonRow) -> Vec<u8> {
    [key.place(FAMILY, &row.person.0).as_slice(), &key.name_of(&row.entry).0[..16]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::keys::EpochKeys;
    use crate::store::in_memory::{Failure, InMemory};

    thread_local! {
        static KEYS: EpochKeys = EpochKeys::in_memory();
    }

    const NUMBER: &str = "440106199003071231";

    fn opened(store: &InMemory, key: u8) -> Persons {
        try_open(store, key).unwrap()
    }

    fn try_open(store: &InMemory, key: u8) -> Result<Persons, PersonsError> {
        let entropy = Arc::new(Entropy::system());
        let buckets = Arc::new(Buckets::open(KEYS.with(Clone::clone), entropy.clone()).unwrap());
        Persons::open(Arc::new(store.clone()), &[key; 32], buckets, entropy)
    }

    fn row(persons: &Persons, document: &str) -> PersonRow {
        let person = persons.pseudonyms().of(NUMBER);
        let fact = PersonFact {
            register: AttestationType::Penalty,
            on: "2026-06-01".parse().unwrap(),
            until: Some(Day::LAST),
            severity: Some(Severity::Minor),
        };
        PersonRow { person, entry: persons.pseudonyms().entry(person, fact.register, document, "11440100YL910001XF"), fact }
    }

    #[test]
    fn the_same_row_is_kept_once_and_counted_after_a_restart() {
        let store = InMemory::new();
        let persons = opened(&store, 5);
        persons.keep(&[row(&persons, "1"), row(&persons, "2"), row(&persons, "1")]).unwrap();
        persons.keep(&[row(&persons, "2")]).unwrap();
        persons.keep(&[]).unwrap();
        assert_eq!((persons.rows(), opened(&store.reopen(), 5).rows(), store.commits()), (2, 2, 2));
    }

    #[test]
    fn a_pseudonym_is_the_numbers_under_one_key_alone() {
        let (one, other) = (opened(&InMemory::new(), 5), opened(&InMemory::new(), 6));
        assert_eq!(one.pseudonyms().of(NUMBER), one.pseudonyms().of(NUMBER));
        assert_ne!(one.pseudonyms().of(NUMBER), one.pseudonyms().of("440106199003071232"));
        assert_ne!(one.pseudonyms().of(NUMBER), other.pseudonyms().of(NUMBER));
        assert_ne!(row(&one, "1").entry, row(&one, "2").entry);
    }

    #[test]
    fn what_is_kept_is_sealed_and_names_nobody() {
        let store = InMemory::new();
        let persons = opened(&store, 5);
        let row = row(&persons, "穗样罚〔2026〕1号");
        persons.keep(&[row]).unwrap();
        let held = store.range(Tree::Persons, &[], &[0xff], 9).unwrap();
        assert_eq!(held.len(), 2);
        let fact = wire::encode(&row.fact);
        for (place, value) in held.iter().filter(|(key, _)| key[0] == FAMILY) {
            let bytes = [place.as_slice(), value].concat();
            for clear in
                [NUMBER.as_bytes(), "穗样罚".as_bytes(), &Digest::of(NUMBER.as_bytes()).0, &fact, &row.person.0.0, &row.entry]
            {
                assert!(!bytes.windows(clear.len()).any(|window| window == clear));
            }
            let key = persons.buckets.newest(Buckets::of(&row.person.0)).unwrap();
            assert_eq!(wire::decode::<PersonRow>(&key.open(place, value).unwrap(), 128).unwrap(), row);
            assert!(key.open(b"elsewhere", value).is_err());
        }
    }

    #[test]
    fn what_was_not_written_is_not_counted_and_a_damaged_count_is_refused() {
        let store = InMemory::new();
        let persons = opened(&store, 5);
        store.fail(0, Failure::NotPersisted);
        assert!(matches!(persons.keep(&[row(&persons, "1")]), Err(PersonsError::Store(_))));
        assert_eq!(persons.rows(), 0);
        let damaged = InMemory::new();
        let mut batch = Batch::default();
        batch.set(b"C".to_vec(), vec![1]);
        damaged.commit(Tree::Persons, batch).unwrap();
        assert!(matches!(try_open(&damaged, 5).err(), Some(PersonsError::Unreadable(_))));
    }
}
