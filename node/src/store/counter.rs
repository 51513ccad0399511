//! How many commits a store made durable, kept in a small file beside sled's own (PROTOCOL 21.2).
//!
//! sled opens a damaged file by dropping everything from the damage on, without a word: an older state that is whole in itself. This file
//! says that there was more. It is written after each commit and not synced, so after a power cut it may say less than the store holds,
//! never more. A copy of the whole folder is as old as its counter: that it is old only peers can say.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use creditbay_crypto::hash::Digest;

/// The file's name.
const FILE: &str = "commits";
/// A count, and the beginning of its digest; two of them in turn, within one sector.
const SLOT_BYTES: usize = 16;

/// The counter of an open store.
pub(super) struct Counter {
    file: File,
    count: u64,
}

impl Counter {
    /// Opens or makes the file in the folder of a store.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut slots = [0; 2 * SLOT_BYTES];
        if file.metadata()?.len() < slots.len() as u64 {
            file.write_all_at(&slots, 0)?;
            file.sync_all()?;
        }
        file.read_exact_at(&mut slots, 0)?;
        let (slots, _) = slots.as_chunks::<SLOT_BYTES>();
        let counts = slots.iter().filter_map(count_in);
        Ok(Self { file, count: counts.max().unwrap_or(0) })
    }

    /// Commits that were made durable, as far as the file says.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// One more commit is durable, or the store holds more than the file says.
    pub(super) fn raise(&mut self, to: u64) -> io::Result<()> {
        self.file.write_all_at(&slot(to), to % 2 * SLOT_BYTES as u64)?;
        self.count = to;
        Ok(())
    }
}

fn slot(count: u64) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    let count = count.to_be_bytes();
    slot[..8].copy_from_slice(&count);
    slot[8..].copy_from_slice(&Digest::of(&count).0[..8]);
    slot
}

fn count_in(written: &[u8; SLOT_BYTES]) -> Option<u64> {
    let count = u64::from_be_bytes(*written.first_chunk()?);
    (slot(count) == *written).then_some(count)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_count_is_read_back_and_a_torn_one_is_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut counter = Counter::open(folder.path()).unwrap();
        assert_eq!(counter.count(), 0);
        for count in 1..=5 {
            counter.raise(count).unwrap();
            assert_eq!(Counter::open(folder.path()).unwrap().count(), count);
        }
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut torn = whole.clone();
            torn[at] ^= 0x10;
            fs::write(&path, torn).unwrap();
            let expected = if at < SLOT_BYTES { 5 } else { 4 };
            assert_eq!(Counter::open(folder.path()).unwrap().count(), expected, "byte {at}");
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(Counter::open(folder.path()).unwrap().count(), 0, "a file of {length} bytes says nothing");
        }
    }
}
