//! The values in which a subject's records lie, all under one key of its bucket.
//!
//! Not here: what becomes of rows (`merging`), and when they move to another key (`erase`).

use std::sync::PoisonError;

use bincode::{Decode, Encode};
use creditbay_configs::rules::record::SubjectTag;
use creditbay_protocol::wire;

use super::merging::{At, Held, ITEMS_PER_PART, Item, MAX_PARTS};
use super::{Records, RecordsError};
use crate::store::buckets::{BucketKey, Buckets};
use crate::store::{Batch, MAX_VALUE_BYTES, Tree};

/// The family of subjects' values.
pub(super) const SUBJECTS: u8 = b'R';

#[derive(Encode, Decode)]
pub(super) struct Part {
    /// Whose; by it the values find their place under another key.
    subject: SubjectTag,
    /// How many parts the subject has, the same in each.
    parts: u16,
    items: Vec<Item>,
}

impl Records {
    /// What is kept of a subject.
    pub(super) fn load(&self, subject: &SubjectTag) -> Result<Held, RecordsError> {
        let _not_moved_meanwhile = self.moving.read().unwrap_or_else(PoisonError::into_inner);
        for key in self.buckets.keys(Buckets::of(&subject.0)) {
            if let Some((_, held)) = self.load_at(&key, &key.place(SUBJECTS, &subject.0))? {
                return Ok(held);
            }
        }
        Ok(Held::default())
    }

    /// What is kept at a place, and of whom. The parts of a subject stand in one row; the first says how many there are.
    pub(super) fn load_at(&self, key: &BucketKey, place: &[u8]) -> Result<Option<(SubjectTag, Held)>, RecordsError> {
        let Some(Part { subject, parts, mut items }) = self.load_part(key, place, 0)? else { return Ok(None) };
        for number in 1..parts {
            let part = self.load_part(key, place, number)?.filter(|part| part.parts == parts);
            let missing = RecordsError::Missing { found: usize::from(number), expected: usize::from(parts) };
            items.extend(part.ok_or(missing)?.items);
        }
        let at = Some(At { place: place.to_vec(), parts });
        Ok(Some((subject, Held { items, changed: false, at })))
    }

    fn load_part(&self, key: &BucketKey, place: &[u8], number: u16) -> Result<Option<Part>, RecordsError> {
        let place = part_key(place, number);
        let Some(sealed) = self.store.get(Tree::Records, &place)? else { return Ok(None) };
        Ok(Some(wire::decode(&key.open(&place, &sealed)?, MAX_VALUE_BYTES)?))
    }

    /// Puts what is kept of a subject under the newest key of its bucket; where it lay before, nothing stays.
    pub(super) fn put(&self, batch: &mut Batch, subject: &SubjectTag, held: &Held) -> Result<(), RecordsError> {
        let parts =
            u16::try_from(held.items.len().div_ceil(ITEMS_PER_PART)).ok().filter(|parts| usize::from(*parts) <= MAX_PARTS);
        let parts = parts.ok_or(RecordsError::Full)?;
        let key = self.buckets.newest(Buckets::of(&subject.0))?;
        let place = key.place(SUBJECTS, &subject.0);
        for (number, items) in (0u16..).zip(held.items.chunks(ITEMS_PER_PART)) {
            let place = part_key(&place, number);
            let plain = wire::encode(&Part { subject: *subject, parts, items: items.to_vec() });
            let sealed = key.seal(&place, &plain, &self.entropy);
            batch.set(place, sealed);
        }
        if let Some(At { place: before, parts: had }) = &held.at {
            let stays = if *before == place { parts } else { 0 };
            (stays..*had).for_each(|number| batch.remove(part_key(before, number)));
        }
        Ok(())
    }
}

pub(super) fn part_key(place: &[u8], number: u16) -> Vec<u8> {
    [place, &number.to_be_bytes()].concat()
}
