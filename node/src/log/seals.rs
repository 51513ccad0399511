//! Rows, packed and sealed under a key of their day (PROTOCOL 22.2 and 32.4).
//!
//! Destroying a key makes what it sealed unreadable while the log still verifies. A key's number is its day, and in the upper half which of
//! the day's keys it is: an erasure makes a new one, seals anew under it what stays, and destroys the one before. Opening never makes a
//! key. Not here: what is erased (`erase`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::wire;

use super::fault::LogError;
use super::rows::Row;
use crate::host::entropy::Entropy;
use crate::host::keys::{EpochKeys, KeyError};
use crate::store::MAX_VALUE_BYTES;
use crate::store::log::SealedRows;

/// Bytes before the sealed part: time (8) and the key's number (4).
const CLEAR_BYTES: usize = 12;
/// Bytes of rows that fit a value: less the clear part, the nonce (12) and the tag (16).
const PACKED_BYTES: usize = MAX_VALUE_BYTES - CLEAR_BYTES - 28;

/// A key's number: the day (up to 2149) below, which of the day's keys above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyNumber(u32);

impl KeyNumber {
    fn first_of(day: u16) -> Self {
        Self(u32::from(day))
    }

    /// The day, by its number.
    pub fn day(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    fn next(self) -> Option<Self> {
        self.0.checked_add(1 << 16).map(Self)
    }
}

/// Seals and opens rows.
pub struct Seals {
    keys: EpochKeys,
    held: Mutex<Held>,
    /// Held from sealing until what was sealed is durable: a key is not retired meanwhile.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Held {
    keys: BTreeMap<KeyNumber, SealingKey>,
    numbers: BTreeSet<KeyNumber>,
}

impl Held {
    /// The newest key of a day.
    fn newest(&self, day: u16) -> Option<KeyNumber> {
        self.numbers.iter().copied().filter(|number| number.day() == day).max()
    }
}

impl Seals {
    /// Seals with these keys.
    pub fn new(keys: EpochKeys) -> Result<Self, KeyError> {
        let numbers = keys.numbers()?.into_iter().map(KeyNumber).collect();
        Ok(Self { keys, held: Mutex::new(Held { keys: BTreeMap::new(), numbers }), writing: Mutex::default() })
    }

    /// To be held by whoever seals rows, until they are durable.
    pub fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Packs encoded rows into sealed values, in order.
    pub fn seal(&self, rows: &[Vec<u8>], time: Millis, batch: u64, entropy: &Entropy) -> Result<Vec<Vec<u8>>, LogError> {
        let day = u16::try_from(time.day().number().max(0)).unwrap_or(u16::MAX);
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for row in rows {
            let len = row.len() + 4;
            if len > PACKED_BYTES {
                return Err(LogError::Sealing(format!("a row of {len} bytes does not fit a value")));
            }
            if parts.last().is_none_or(|part| part.len() + len > PACKED_BYTES) {
                parts.push(Vec::with_capacity(PACKED_BYTES));
            }
            if let Some(part) = parts.last_mut() {
                pack(part, row);
            }
        }
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let mut held = self.held();
        let number = held.newest(day).unwrap_or(KeyNumber::first_of(day));
        let key = self.key(&mut held, number, Some(entropy))?;
        let seal = |(part, packed): (usize, &Vec<u8>)| sealed(key, number, time, &aad(batch, part), packed, entropy);
        Ok(parts.iter().enumerate().map(seal).collect())
    }

    /// Opens a sealed value.
    pub fn open(&self, sealed: &SealedRows) -> Result<Vec<Row>, LogError> {
        self.open_packed(sealed)?.iter().map(|row| read(row)).collect()
    }

    /// Opens a sealed value whose key may be gone: then its rows were erased, and there are none.
    pub fn open_kept(&self, sealed: &SealedRows) -> Result<Vec<Row>, LogError> {
        match self.open(sealed) {
            Err(LogError::KeyGone { .. }) => Ok(Vec::new()),
            opened => opened,
        }
    }

    /// Opens a sealed value; the rows as they were written.
    pub(super) fn open_packed(&self, sealed: &SealedRows) -> Result<Vec<Vec<u8>>, LogError> {
        let number = sealed_under(sealed).ok_or_else(|| broken("cut short"))?;
        let aad = aad(sealed.batch(), sealed.part());
        let mut held = self.held();
        let key = self.key(&mut held, number, None)?;
        let packed = key.open(Label::SEAL_OPENING, &aad, &sealed.value[CLEAR_BYTES..]);
        drop(held);
        let packed = packed.map_err(|error| broken(&error.to_string()))?;
        let mut rest = packed.as_slice();
        let mut rows = Vec::new();
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let (row, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(|| broken("cut short"))?;
            rows.push(row.to_vec());
            rest = after;
        }
        Ok(rows)
    }

    /// Makes the day's next key, under which everything is sealed from now on. What the one before sealed is durable when this returns.
    pub(super) fn retire(&self, number: KeyNumber, entropy: &Entropy) -> Result<(), LogError> {
        let _nothing_on_its_way = self.writing();
        let mut held = self.held();
        if held.newest(number.day()) != Some(number) {
            return Ok(());
        }
        let next =
            number.next().ok_or_else(|| LogError::Sealing("a day has 65 536 keys at most; erase more at once".to_owned()))?;
        self.key(&mut held, next, Some(entropy)).map(drop)
    }

    /// The keys that are not the newest of their day: what they sealed is to be sealed anew.
    pub(super) fn retired(&self) -> BTreeSet<KeyNumber> {
        let held = self.held();
        held.numbers.iter().copied().filter(|number| held.newest(number.day()) != Some(*number)).collect()
    }

    /// Seals rows of a value that stay under the day's newest key, for the same place.
    pub(super) fn seal_anew(&self, old: &SealedRows, rows: &[Vec<u8>], entropy: &Entropy) -> Result<Vec<u8>, LogError> {
        let number = sealed_under(old).ok_or_else(|| broken("cut short"))?;
        let mut packed = Vec::with_capacity(PACKED_BYTES);
        rows.iter().for_each(|row| pack(&mut packed, row));
        let mut held = self.held();
        let newest = held.newest(number.day()).unwrap_or(number);
        let key = self.key(&mut held, newest, None)?;
        Ok(sealed(key, newest, written_at(old), &aad(old.batch(), old.part()), &packed, entropy))
    }

    /// Destroys a key; whatever it sealed is gone.
    pub(super) fn destroy(&self, number: KeyNumber) -> Result<(), LogError> {
        let mut held = self.held();
        held.keys.remove(&number);
        self.keys.destroy(number.0).map_err(|error| LogError::Sealing(error.to_string()))?;
        held.numbers.remove(&number);
        Ok(())
    }

    /// The newest key of a day, if it has one.
    pub(super) fn newest(&self, day: u16) -> Option<KeyNumber> {
        self.held().newest(day)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key from memory or its file; made, where there is chance to make it from.
    fn key<'a>(&self, held: &'a mut Held, number: KeyNumber, entropy: Option<&Entropy>) -> Result<&'a SealingKey, LogError> {
        let Held { keys, numbers } = held;
        match keys.entry(number) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let found = match entropy {
                    Some(entropy) => self.keys.make(number.0, entropy).map(Some),
                    None => self.keys.existing(number.0),
                };
                let key = found.map_err(|error| LogError::Sealing(error.to_string()))?;
                let key = key.ok_or(LogError::KeyGone { number: number.0 })?;
                numbers.insert(number);
                Ok(place.insert(key))
            }
        }
    }
}

/// The time at which sealed rows were written; it stands in clear.
pub fn written_at(sealed: &SealedRows) -> Millis {
    Millis(sealed.value.first_chunk::<8>().map_or(0, |time| u64::from_be_bytes(*time)))
}

/// The key that sealed these rows; it stands in clear.
pub(super) fn sealed_under(sealed: &SealedRows) -> Option<KeyNumber> {
    let number = sealed.value.get(8..CLEAR_BYTES)?.try_into().ok()?;
    Some(KeyNumber(u32::from_be_bytes(number)))
}

/// One row from its bytes.
pub(super) fn read(row: &[u8]) -> Result<Row, LogError> {
    wire::decode(row, MAX_VALUE_BYTES).map_err(|error| broken(&error.to_string()))
}

fn pack(part: &mut Vec<u8>, row: &[u8]) {
    part.extend_from_slice(&(row.len() as u32).to_le_bytes());
    part.extend_from_slice(row);
}

fn sealed(key: &SealingKey, number: KeyNumber, time: Millis, aad: &[u8], packed: &[u8], entropy: &Entropy) -> Vec<u8> {
    let mut value = [time.0.to_be_bytes().as_slice(), &number.0.to_be_bytes()].concat();
    value.extend(key.seal(entropy.nonce(), Label::SEAL_OPENING, aad, packed));
    value
}

fn aad(batch: u64, part: usize) -> Vec<u8> {
    [batch.to_be_bytes().as_slice(), &(part as u64).to_be_bytes()].concat()
}

fn broken(reason: &str) -> LogError {
    LogError::Sealing(format!("rows that open leaves cannot be read: {reason}"))
}
