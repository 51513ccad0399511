//! The keys of the 256 buckets in which records lie, so that erasing one subject destroys a key and seals no more than its bucket anew
//! (PROTOCOL 22.3 and 32.7).
//!
//! The first byte of an owner's keyed hash is its bucket. A bucket has one key, and a second one while it is sealed anew; what lies in it is
//! sealed under that key, and found by a hash under it, so that with the key the places are gone too: nobody can try
//! identifiers on what sled keeps of them. Not here: what lies in a bucket (`records`, `persons`), and when a key is replaced
//! (`records::erase`).

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::{SealError, SealingKey};

use crate::host::entropy::Entropy;
use crate::host::keys::{EpochKeys, KeyError};

/// Bytes of a place: family (1), the key's number (4), and the owner's hash under the key (32). What tells an owner's rows apart follows.
pub const PLACE_BYTES: usize = 37;

/// A key's number: which of the bucket's keys it is below, the bucket above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Number(u32);

impl Number {
    fn first_of(bucket: u8) -> Self {
        Self(u32::from(bucket) << 16)
    }

    /// The bucket.
    pub fn bucket(self) -> u8 {
        (self.0 >> 16) as u8
    }

    fn next(self) -> Option<Self> {
        (self.0 & 0xffff != 0xffff).then_some(Self(self.0 + 1))
    }
}

/// Why a bucket has no key to seal with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BucketError {
    /// A key's file.
    #[error("a key of the records: {0}")]
    File(Arc<KeyError>),
    /// Two bytes count a bucket's keys.
    #[error("bucket {0} has had 65 536 keys; import the records again into an empty store")]
    Spent(u8),
}

impl From<KeyError> for BucketError {
    fn from(error: KeyError) -> Self {
        Self::File(Arc::new(error))
    }
}

/// One key of a bucket.
pub struct BucketKey {
    number: Number,
    places: Digest,
    seal: SealingKey,
}

impl BucketKey {
    fn new(number: Number, secret: &[u8; 32]) -> Self {
        let places = Digest::hmac(secret, &[Label::INDEX_PLACE.as_bytes()]);
        let seal = SealingKey::from_bytes(Digest::hmac(secret, &[Label::SEAL_RECORD.as_bytes()]).0);
        Self { number, places, seal }
    }

    /// Its number.
    pub fn number(&self) -> Number {
        self.number
    }

    /// Where the rows of an owner lie, in a family of rows.
    pub fn place(&self, family: u8, owner: &Digest) -> Vec<u8> {
        [&[family], self.number.0.to_be_bytes().as_slice(), &Digest::hmac(&self.places.0, &[&[family], &owner.0]).0].concat()
    }

    /// A name that tells an owner's rows apart, made of what would name something by itself.
    pub fn name_of(&self, entry: &[u8]) -> Digest {
        Digest::hmac(&self.places.0, &[b"entry", entry])
    }

    /// The places of a family that are under this key: from the first to, not including, the second.
    pub fn span(&self, family: u8) -> (Vec<u8>, Vec<u8>) {
        span(family, self.number)
    }

    /// Seals for a place.
    pub fn seal(&self, place: &[u8], plain: &[u8], entropy: &Entropy) -> Vec<u8> {
        self.seal.seal(entropy.nonce(), Label::SEAL_RECORD, place, plain)
    }

    /// Opens what was sealed for a place.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal.open(Label::SEAL_RECORD, place, sealed)
    }
}

/// The places of a family that are under the key of this number: from the first to, not including, the second.
pub fn span(family: u8, number: Number) -> (Vec<u8>, Vec<u8>) {
    let at = |number: u32| [&[family], number.to_be_bytes().as_slice()].concat();
    (at(number.0), at(number.0 + 1))
}

/// The number of the key under which a row of a family lies; it stands in clear.
pub fn number_of(place: &[u8]) -> Option<Number> {
    Some(Number(u32::from_be_bytes(place.get(1..5)?.try_into().ok()?)))
}

/// The keys of all buckets.
pub struct Buckets {
    keys: EpochKeys,
    entropy: Arc<Entropy>,
    held: RwLock<BTreeMap<Number, Arc<BucketKey>>>,
}

impl Buckets {
    /// The buckets with these keys.
    pub fn open(keys: EpochKeys, entropy: Arc<Entropy>) -> Result<Self, BucketError> {
        let mut held = BTreeMap::new();
        for number in keys.numbers()? {
            if let Some(secret) = keys.existing_secret(number)? {
                held.insert(Number(number), Arc::new(BucketKey::new(Number(number), &secret)));
            }
        }
        Ok(Self { keys, entropy, held: RwLock::new(held) })
    }

    /// The bucket of an owner.
    pub fn of(owner: &Digest) -> u8 {
        owner.0[0]
    }

    /// A bucket's keys, the newest first.
    pub fn keys(&self, bucket: u8) -> Vec<Arc<BucketKey>> {
        let first = Number::first_of(bucket);
        self.held().range(first..=Number(first.0 | 0xffff)).rev().map(|(_, key)| key.clone()).collect()
    }

    /// A key by its number; nothing if it was destroyed.
    pub fn key(&self, number: Number) -> Option<Arc<BucketKey>> {
        self.held().get(&number).cloned()
    }

    /// A bucket's newest key, under which everything is sealed; made if there is none.
    pub fn newest(&self, bucket: u8) -> Result<Arc<BucketKey>, BucketError> {
        match self.keys(bucket).into_iter().next() {
            Some(newest) => Ok(newest),
            None => self.make(Number::first_of(bucket)),
        }
    }

    /// Makes the bucket's next key, if this one is its newest; durable when this returns.
    pub fn retire(&self, number: Number) -> Result<(), BucketError> {
        if self.newest(number.bucket())?.number != number {
            return Ok(());
        }
        self.make(number.next().ok_or(BucketError::Spent(number.bucket()))?).map(drop)
    }

    /// The keys that are not the newest of their bucket: what they sealed is to be sealed anew.
    pub fn retired(&self) -> Vec<Arc<BucketKey>> {
        let held = self.held();
        let newest: BTreeMap<u8, Number> = held.keys().map(|number| (number.bucket(), *number)).collect();
        held.values().filter(|key| newest.get(&key.number.bucket()) != Some(&key.number)).cloned().collect()
    }

    /// Destroys a key; whatever it sealed is gone.
    pub fn destroy(&self, number: Number) -> Result<(), BucketError> {
        let mut held = self.held_to_change();
        held.remove(&number);
        Ok(self.keys.destroy(number.0)?)
    }

    fn make(&self, number: Number) -> Result<Arc<BucketKey>, BucketError> {
        let mut held = self.held_to_change();
        if let Some(known) = held.get(&number) {
            return Ok(known.clone());
        }
        let key = Arc::new(BucketKey::new(number, &self.keys.make_secret(number.0, &self.entropy)?));
        held.insert(number, key.clone());
        Ok(key)
    }

    fn held(&self) -> RwLockReadGuard<'_, BTreeMap<Number, Arc<BucketKey>>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_to_change(&self) -> RwLockWriteGuard<'_, BTreeMap<Number, Arc<BucketKey>>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(keys: &EpochKeys) -> Buckets {
        Buckets::open(keys.clone(), Arc::new(Entropy::seeded(1))).unwrap()
    }

    #[test]
    fn a_bucket_has_its_key_again_after_a_restart_and_a_retired_one_until_it_is_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = EpochKeys::of(folder.path(), "records").unwrap();
        let buckets = opened(&keys);
        let owner = Digest([7; 32]);
        let first = buckets.newest(Buckets::of(&owner)).unwrap();
        let (place, sealed) = (first.place(b'R', &owner), first.seal(b"there", b"plain", &Entropy::system()));
        assert_eq!((place.len(), number_of(&place), first.number().bucket()), (PLACE_BYTES, Some(first.number()), 7));
        buckets.retire(first.number()).unwrap();
        buckets.retire(first.number()).unwrap();
        assert_eq!(buckets.keys(7).len(), 2, "retiring it twice makes one key");
        let again = opened(&keys);
        assert_eq!(again.retired().iter().map(|key| key.number()).collect::<Vec<_>>(), [first.number()]);
        assert_eq!(again.key(first.number()).unwrap().open(b"there", &sealed).unwrap(), b"plain");
        let newest = again.newest(7).unwrap();
        assert!(newest.open(b"there", &sealed).is_err() && newest.place(b'R', &owner)[5..] != place[5..]);
        again.destroy(first.number()).unwrap();
        assert!(again.key(first.number()).is_none() && again.retired().is_empty());
        assert!(opened(&keys).key(first.number()).is_none());
        assert!(matches!(again.destroy(first.number()), Err(BucketError::File(_))));
    }

    #[test]
    fn a_span_holds_the_places_of_one_key_and_no_others() {
        let buckets = opened(&EpochKeys::in_memory());
        let owners = [Digest([7; 32]), Digest([8; 32])];
        let keys = owners.map(|owner| buckets.newest(Buckets::of(&owner)).unwrap());
        for (key, owner) in keys.iter().zip(&owners) {
            let (from, to) = key.span(b'R');
            let inside = |place: Vec<u8>| from <= place && place < to;
            assert!(inside(key.place(b'R', owner)) && !inside(key.place(b'P', owner)));
            assert_eq!(keys.iter().filter(|key| inside(key.place(b'R', owner))).count(), 1);
        }
    }

    #[test]
    fn a_bucket_that_had_all_its_keys_says_so() {
        let keys = EpochKeys::in_memory();
        keys.make_secret(0x0003_ffff, &Entropy::seeded(1)).unwrap();
        let buckets = opened(&keys);
        let last = buckets.newest(3).unwrap().number();
        assert!(matches!(buckets.retire(last), Err(BucketError::Spent(3))));
    }
}
