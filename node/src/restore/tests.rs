//! Logs put back from archives: whole, the tail alone, cut off in the middle, and archives that are not theirs.

use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::event::{Event, Suspended};
use creditbay_protocol::name::Region;
use tokio::sync::oneshot;

use super::*;
use crate::log::append::Item;
use crate::log::entry::Entry;
use crate::log::recover::{Recovered, recover};
use crate::store::in_memory::{Failure, InMemory};
use crate::store::ledger;
use crate::store::log as layout;

fn origin() -> Origin {
    "gz.creditbay/log/1".parse().unwrap()
}

fn open(store: &InMemory, keys: &Path) -> Recovered {
    let (clock, metrics) = (Arc::new(Clock::host()), Arc::new(Metrics::default()));
    let store: Arc<dyn Store> = Arc::new(store.clone());
    let parts = Parts {
        seen: Arc::new(Seen::of_nobody(store.clone(), clock.clone(), metrics.clone()).unwrap()),
        store,
        origin: origin(),
        signer: NoteSigner::new(
            origin().to_string().parse().unwrap(),
            KeyKind::Ed25519,
            SigningKey::from_seed(Seed::from_bytes([7; 32])),
        ),
        seals: Arc::new(Seals::new(EpochKeys::in_folder(keys).unwrap()).unwrap()),
        clock,
        entropy: Arc::new(Entropy::system()),
        metrics,
        reserve: None,
    };
    recover(parts).unwrap()
}

/// Appends suspensions of hk and their end in turns, a batch of up to 100 at a time.
fn grow(store: &InMemory, keys: &Path, to: u64) {
    grow_about("hk", store, keys, to);
}

fn grow_about(peer: &str, store: &InMemory, keys: &Path, to: u64) {
    let mut writer = open(store, keys).writer;
    let of = Suspended::Peer(Region::new(peer).unwrap());
    while writer.size() < to {
        let batch = 100.min(to - writer.size());
        let item = |number: u64| {
            let event = Event::Suspension { of, in_force: (writer.size() + number).is_multiple_of(2) };
            Item::Leaf { entry: Entry::Event(event), spendings: Vec::new(), done: oneshot::channel().0 }
        };
        let items = (0..batch).map(item).collect();
        writer.write(items);
    }
}

fn archive_of(store: &InMemory, keys: &Path, folder: &Path) -> Archive {
    let log = open(store, keys).log;
    let checkpoint = *log.head().signed().checkpoint();
    for path in TilePath::all(checkpoint.size) {
        let file = folder.join(path.to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, log.tile(&path).unwrap().unwrap()).unwrap();
    }
    Archive { folder: folder.to_owned(), held: checkpoint.size, checkpoint }
}

/// Everything of a log that its visitors see.
fn shown(store: &InMemory, keys: &Path) -> Vec<Vec<u8>> {
    let log = open(store, keys).log;
    let head = log.head();
    let tiles = TilePath::all(head.signed().checkpoint().size).map(|path| log.tile(&path).unwrap().unwrap());
    std::iter::once(head.signed().note_bytes()).chain(tiles).collect()
}

#[test]
fn a_log_comes_back_whole_or_from_any_size_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, at) = (folder.path().join("keys"), folder.path().join("archive"));
    for stored in [0, 1, 14, 15, 255, 256, 300, 699] {
        let store = InMemory::new();
        grow(&store, &keys, stored);
        let rolled_back = store.reopen();
        grow(&store, &keys, 700);
        let archive = archive_of(&store, &keys, &at);
        let mut writer = open(&rolled_back, &keys).writer;
        if stored > 0 {
            let refused = archive.put_back_into(&mut writer, false);
            assert!(matches!(refused, Err(RestoreError::NotEmpty { stored: found }) if found == stored));
        }
        let restored = archive.put_back_into(&mut writer, stored > 0).unwrap();
        assert_eq!((restored.stored, restored.size), (stored, 700));
        drop(writer);
        assert_eq!(shown(&rolled_back, &keys), shown(&store, &keys), "from {stored}");
        assert!(!layout::restoring(&rolled_back).unwrap());
        let head = layout::head(&rolled_back).unwrap().unwrap();
        assert!(head.watermark >= head.time.minus(30_001) && head.open_from == 700);
        assert_eq!(ledger::suspensions(&rolled_back).unwrap(), vec![], "the last order ends the suspension");
        grow(&rolled_back, &keys, 701);
        assert_eq!(ledger::suspensions(&rolled_back).unwrap().len(), 1);
        assert!(matches!(
            archive.put_back_into(&mut open(&rolled_back, &keys).writer, true),
            Err(RestoreError::NothingNew { .. })
        ));
    }
}

#[test]
fn a_restore_that_was_cut_off_anywhere_is_no_log_and_ends_when_it_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, at) = (folder.path().join("keys"), folder.path().join("archive"));
    let store = InMemory::new();
    grow(&store, &keys, 130);
    let before = store.reopen();
    grow(&store, &keys, 900);
    let archive = archive_of(&store, &keys, &at);
    for failing in 0..4 {
        for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
            let rolled_back = before.reopen();
            rolled_back.fail(failing, failure);
            let cut = archive.put_back_into(&mut open(&rolled_back, &keys).writer, true);
            let written = rolled_back.commits();
            let again = rolled_back.reopen();
            if cut.is_ok() {
                assert!(failing >= written, "every commit counts");
                continue;
            }
            let whole = failure == Failure::ReportedAsFailed && layout::head(&again).unwrap().unwrap().size == 900;
            assert!(whole || failing == 0 || layout::restoring(&again).unwrap(), "{failing}");
            if !whole {
                archive.put_back_into(&mut open(&again, &keys).writer, true).unwrap();
            }
            assert_eq!(shown(&again, &keys), shown(&store, &keys), "{failing} {failure:?}");
        }
    }
}

#[test]
fn an_archive_that_is_damaged_or_of_another_history_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, at) = (folder.path().join("keys"), folder.path().join("archive"));
    let store = InMemory::new();
    grow(&store, &keys, 130);
    let rolled_back = store.reopen();
    grow(&store, &keys, 600);
    let archive = archive_of(&store, &keys, &at);
    let refused = |archive: &Archive, store: &InMemory| {
        let before = store.commits();
        let refused = archive.put_back_into(&mut open(store, &keys).writer, true).unwrap_err();
        assert_eq!(store.commits(), before, "nothing was written");
        refused
    };
    let bundle = at.join("tile/entries/001");
    let bytes = fs::read(&bundle).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&bundle, &flipped).unwrap();
    assert!(matches!(refused(&archive, &rolled_back), RestoreError::Root { size: 600 }));
    fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(refused(&archive, &rolled_back), RestoreError::Bundle { .. }));
    fs::remove_file(&bundle).unwrap();
    assert!(matches!(refused(&archive, &rolled_back), RestoreError::File { .. }));
    fs::write(&bundle, &bytes).unwrap();
    let other = InMemory::new();
    grow_about("mo", &other, &keys, 130);
    assert!(matches!(refused(&archive, &other), RestoreError::OtherHistory { stored: 130 }));
    assert!(archive.put_back_into(&mut open(&rolled_back, &keys).writer, true).is_ok());
}
