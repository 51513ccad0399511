//! The keys of a file's latest rows, so that a row that comes again is told as a duplicate whatever else it says.
//!
//! Bounded, so that a file of any length takes the same memory: a row that comes again after more rows than this goes to the store, which
//! finds the record that is there. Not here: what a key is (`reading`).

use std::collections::{HashSet, VecDeque};

/// Rows that are remembered: 65 536 keys of 16 bytes, once in a queue and once in a set of at most twice their size, below 4 MiB.
pub(super) const REMEMBERED: usize = 65_536;

/// The latest keys.
#[derive(Default)]
pub(super) struct Recent {
    order: VecDeque<[u8; 16]>,
    keys: HashSet<[u8; 16]>,
}

impl Recent {
    /// Whether none of the latest rows had this key; it is remembered.
    pub(super) fn is_new(&mut self, key: [u8; 16]) -> bool {
        if !self.keys.insert(key) {
            return false;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        self.order.push_back(key);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, Recent};

    fn key(number: usize) -> [u8; 16] {
        (number as u128).to_le_bytes()
    }

    #[test]
    fn a_key_is_new_once_among_the_latest_and_the_memory_is_bounded() {
        let mut recent = Recent::default();
        assert!(recent.is_new(key(0)) && !recent.is_new(key(0)));
        assert!((1..REMEMBERED).all(|number| recent.is_new(key(number))));
        assert!(!recent.is_new(key(0)), "the oldest of them");
        assert!(recent.is_new(key(REMEMBERED)), "one more lets the oldest go");
        assert!(recent.is_new(key(0)) && !recent.is_new(key(2)));
        assert_eq!((recent.order.len(), recent.keys.len()), (REMEMBERED, REMEMBERED));
    }
}
