//! Rows that are found however many others stand before them, and whose keys are gone.

use std::sync::Arc;

use creditbay_crypto::secret::Seed;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::wire;

use super::*;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::log::rows::RowRef;
use crate::store::in_memory::InMemory;
use crate::store::{Batch, Tree};

/// 2026-11-23T04:00:00Z.
const NOON: Millis = Millis(1_795_406_400_000);
const DAY_MS: u64 = 86_400_000;

struct Written {
    store: InMemory,
    seals: Seals,
    keys: tempfile::TempDir,
    entropy: Arc<Entropy>,
    batches: u64,
}

impl Written {
    fn new() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let seals = Seals::new(EpochKeys::in_folder(keys.path()).unwrap()).unwrap();
        Self { store: InMemory::new(), seals, keys, entropy: Arc::new(Entropy::system()), batches: 0 }
    }

    /// A batch of these rows, written when the log had this size.
    fn write(&mut self, size: u64, time: Millis, rows: &[RowRef<'_>]) {
        self.batches += 1;
        let rows: Vec<_> = rows.iter().map(wire::encode).collect();
        let mut batch = Batch::default();
        for (part, sealed) in self.seals.seal(&rows, time, self.batches, &self.entropy).unwrap().into_iter().enumerate() {
            layout::set_sealed(&mut batch, size, self.batches, part as u16, sealed);
        }
        self.store.commit(Tree::Log, batch).unwrap();
    }

    fn note(&mut self, size: u64, of: u64) {
        self.write(size, NOON, &[RowRef::Note { log: origin(), size: of, note: &of.to_be_bytes() }]);
    }

    fn shown(&mut self, index: u64, time: Millis) {
        self.write(index, time, &[RowRef::Shown { index, seed: &Seed::from_bytes([7; 32]), ground: "a complaint" }]);
    }

    fn is_found(&self, index: u64) -> bool {
        let found = row(&self.store, &self.seals, index).unwrap();
        found.is_some_and(|row| matches!(row, Row::Shown { index: found, .. } if found == index))
    }
}

fn origin() -> Origin {
    "hk.creditbay/log/1".parse().unwrap()
}

#[test]
fn a_row_is_found_behind_more_receipts_than_a_page_has() {
    let mut written = Written::new();
    written.shown(0, NOON);
    (0..200).for_each(|number| written.note(1, number));
    written.shown(1, NOON);
    (200..300).for_each(|number| written.note(2, number));
    written.shown(2, NOON);
    for (index, found) in [(0, true), (1, true), (2, true), (3, false)] {
        assert_eq!(written.is_found(index), found, "{index}");
    }
    let note = |index, size| note(&written.store, &written.seals, index, (&origin(), size)).unwrap();
    assert_eq!(note(1, 150), Some(150u64.to_be_bytes().to_vec()));
    assert_eq!((note(1, 250), note(2, 250)), (None, Some(250u64.to_be_bytes().to_vec())), "each with the batches of its size");
}

/// A day's key that is gone takes the rows of that day alone: what is looked for behind them is found.
#[test]
fn rows_whose_key_is_gone_are_none_and_hide_no_others() {
    let mut written = Written::new();
    (0..100).for_each(|number| written.note(0, number));
    written.shown(0, Millis(NOON.0 + DAY_MS));
    let first = std::fs::read_dir(written.keys.path().join("openings")).unwrap().map(|file| file.unwrap().path()).min().unwrap();
    assert!(written.is_found(0));
    std::fs::remove_file(first).unwrap();
    written.seals = Seals::new(EpochKeys::in_folder(written.keys.path()).unwrap()).unwrap();
    assert!(written.is_found(0), "behind a hundred values that nobody opens any more");
    assert_eq!(note(&written.store, &written.seals, 0, (&origin(), 5)).unwrap(), None);
}
