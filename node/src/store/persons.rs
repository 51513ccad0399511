//! Rows about natural persons, kept apart under pseudonyms (PROTOCOL 22). Nothing reads them for an answer.
//!
//! | key | value |
//! |---|---|
//! | `R` · pseudonym (32) · entry (16) | sealed: register, days, severity |
//! | `C` | how many rows there are |
//!
//! The pseudonym is a keyed hash of the number, made where the row is read; the entry one of its document. Neither the number, nor the
//! name, nor the document, nor what was done is kept anywhere. Not here: a way to ask about a person; this version has none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, Severity};
use creditbay_protocol::wire::{self, WireError};

use super::{Batch, Store, StoreError, Tree};
use crate::host::entropy::Entropy;

/// Makes pseudonyms. Where the number is read, it ends.
#[derive(Clone)]
pub struct Pseudonyms(Digest);

/// What a number becomes. Without the node's key it says nothing, not even by trying all numbers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pseudonym(Digest);

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// The count cannot be read.
    #[error("the number of rows about persons cannot be read: {0}; restore the store from the archive")]
    Unreadable(#[from] WireError),
}

/// The rows about persons.
pub struct Persons {
    store: Arc<dyn Store>,
    pseudonyms: Pseudonyms,
    seal: SealingKey,
    entropy: Arc<Entropy>,
    /// Held by whoever writes; how many rows there are.
    rows: Mutex<u64>,
}

impl Persons {
    /// The rows in this store, under the record key.
    pub fn open(store: Arc<dyn Store>, key: &[u8; 32], entropy: Arc<Entropy>) -> Result<Self, PersonsError> {
        let index = Digest::hmac(key, &[Label::INDEX_PERSON.as_bytes()]);
        let seal = SealingKey::from_bytes(Digest::hmac(&index.0, &[Label::SEAL_RECORD.as_bytes()]).0);
        let rows = store.get(Tree::Persons, b"C")?.map_or(Ok(0), |count| wire::decode(&count, 8))?;
        Ok(Self { store, pseudonyms: Pseudonyms(index), seal, entropy, rows: Mutex::new(rows) })
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
        let by_key: BTreeMap<Vec<u8>, PersonFact> = rows.iter().map(|row| (key_of(row), row.fact)).collect();
        let (mut batch, mut added) = (Batch::default(), 0);
        for (key, fact) in by_key {
            added += u64::from(self.store.get(Tree::Persons, &key)?.is_none());
            let sealed = self.seal.seal(self.entropy.nonce(), Label::SEAL_RECORD, &key, &wire::encode(&fact));
            batch.set(key, sealed);
        }
        if batch.writes().is_empty() {
            return Ok(());
        }
        batch.set(b"C".to_vec(), wire::encode(&(*count + added)));
        self.store.commit(Tree::Persons, batch)?;
        *count += added;
        Ok(())
    }
}

fn key_of(row: &PersonRow) -> Vec<u8> {
    [b"R".as_slice(), &row.person.0.0, &row.entry].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_memory::{Failure, InMemory};

    const NUMBER: &str = "440106199003071231";

    fn opened(store: &InMemory, key: u8) -> Persons {
        Persons::open(Arc::new(store.clone()), &[key; 32], Arc::new(Entropy::seeded(1))).unwrap()
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
        for (key, value) in held.iter().filter(|(key, _)| key[0] == b'R') {
            let bytes = [key.as_slice(), value].concat();
            for clear in [NUMBER.as_bytes(), "穗样罚".as_bytes(), &Digest::of(NUMBER.as_bytes()).0, &fact] {
                assert!(!bytes.windows(clear.len()).any(|window| window == clear));
            }
            let opened = persons.seal.open(Label::SEAL_RECORD, key, value).unwrap();
            assert_eq!(wire::decode::<PersonFact>(&opened, 64).unwrap(), row.fact);
            assert!(persons.seal.open(Label::SEAL_RECORD, b"elsewhere", value).is_err());
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
        let opened = Persons::open(Arc::new(damaged), &[5; 32], Arc::new(Entropy::seeded(1)));
        assert!(matches!(opened.err(), Some(PersonsError::Unreadable(_))));
    }
}
