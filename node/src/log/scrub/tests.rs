//! Whatever is altered on disk is found by a pass, and is never served.

use std::sync::Arc;

use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::{Frontier, Window};
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, Suspended};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::tile::{TilePath, encode_bundle};

use super::*;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::log::recover::{Parts, Recovered, recover};
use crate::log::seals::Seals;
use crate::log::seen::Seen;
use crate::store::in_memory::InMemory;
use crate::store::log::{HASHES_PER_CHUNK, Head, LEAVES_PER_CHUNK};
use crate::store::{Batch, Pair, Tree};

/// Three levels of tiles; at the right edge of the lower two stand chunks of hashes that are full.
const SIZE: u64 = 65_536 + 100 * 256 + 200;

fn origin() -> Origin {
    "gz.creditbay/log/1".parse().unwrap()
}

/// A store as the writer leaves it, of leaves that differ in their time alone.
fn store() -> InMemory {
    let store = InMemory::new();
    let of = Suspended::Peer(Region::new("hk").unwrap());
    let leaf = |index| Leaf::new(Millis(index), LeafBody::Event(Event::Suspension { of, in_force: true })).bytes();
    let leaves: Vec<_> = (0..SIZE).map(leaf).collect();
    let mut tree = Window::from_frontier(&Frontier::empty());
    leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
    let mut batch = Batch::default();
    for (chunk, leaves) in (0..).zip(leaves.chunks(LEAVES_PER_CHUNK as usize)) {
        layout::set_leaves(&mut batch, chunk, encode_bundle(leaves.iter().map(Vec::as_slice)));
    }
    for level in 0..3u8 {
        let hashes: Vec<_> = (0..SIZE >> (8 * level)).map(|index| tree.node(8 * u32::from(level), index).unwrap()).collect();
        for (chunk, hashes) in (0..).zip(hashes.chunks(HASHES_PER_CHUNK as usize)) {
            layout::set_hashes(&mut batch, level, chunk, hashes.iter().flat_map(|hash| hash.0).collect());
        }
    }
    let (time, watermark) = (Millis(SIZE), Millis(0));
    layout::set_head(
        &mut batch,
        &Head { origin: origin(), size: SIZE, root: tree.root(), time, batches: 1, watermark, open_from: SIZE },
    );
    store.commit(Tree::Log, batch).unwrap();
    store
}

fn log(store: &InMemory) -> Result<Log, LogError> {
    let (clock, entropy, metrics) = (Arc::new(Clock::host()), Arc::new(Entropy::seeded(1)), Arc::new(Metrics::default()));
    let key = SigningKey::from_seed(Seed::from_bytes([7; 32]));
    let folder = tempfile::tempdir().unwrap();
    recover(Parts {
        store: Arc::new(store.clone()),
        origin: origin(),
        signer: NoteSigner::new("gz.creditbay/log/1".parse().unwrap(), KeyKind::Ed25519, key),
        seals: Arc::new(Seals::new(EpochKeys::in_folder(folder.path()).unwrap()).unwrap()),
        seen: Arc::new(Seen::of_nobody(Arc::new(store.clone()), clock.clone(), metrics.clone()).unwrap()),
        clock,
        entropy,
        metrics,
        reserve: None,
    })
    .map(|Recovered { log, .. }| log)
}

fn pass(log: &Log) -> Result<(), RowError> {
    let mut pass = Scrub::over(log);
    while pass.step(&**log.store())? {}
    assert_eq!(pass.done(), SIZE);
    Ok(())
}

fn held(store: &InMemory, prefix: &[u8]) -> Vec<Pair> {
    store.range(Tree::Log, prefix, &[prefix, &[0xff; 10]].concat(), usize::MAX).unwrap()
}

#[test]
fn a_pass_over_what_was_written_finds_nothing() {
    let log = log(&store()).unwrap();
    pass(&log).unwrap();
    for path in TilePath::all(SIZE) {
        assert!(log.tile(&path).unwrap().is_some(), "{path}");
    }
    log.running().unwrap();
}

#[test]
fn a_bit_that_flipped_anywhere_is_found_and_never_served() {
    let store = store();
    for prefix in [&b"E"[..], b"T\0", b"T\x01", b"T\x02"] {
        let pairs = held(&store, prefix);
        let positions = [0, pairs.len() / 2, pairs.len().saturating_sub(2), pairs.len() - 1];
        for (position, at_end) in positions.into_iter().flat_map(|position| [(position, false), (position, true)]) {
            let (key, value) = &pairs[position];
            let copy = store.reopen();
            let mut altered = value.clone();
            let byte = if at_end { altered.len() - 1 } else { altered.len() / 2 };
            altered[byte] ^= 1;
            let mut batch = Batch::default();
            batch.set(key.clone(), altered);
            copy.commit(Tree::Log, batch).unwrap();
            // What lies at the right edge is found by the start itself.
            let Ok(log) = log(&copy) else { continue };
            pass(&log).expect_err("a bit flipped and nothing was said");
            let served = |path: &TilePath| log.tile(path).ok().flatten();
            let whole = self::log(&store).unwrap();
            let other: Vec<_> = TilePath::all(SIZE)
                .filter(|path| served(path).is_some_and(|bytes| Some(bytes) != whole.tile(path).unwrap()))
                .map(|path| path.to_string())
                .collect();
            assert!(other.is_empty(), "{prefix:?} {position}: served as if nothing were wrong: {other:?}");
            log.running().expect_err("the log runs on");
        }
    }
}

#[test]
fn what_is_missing_is_found_too() {
    let store = store();
    for prefix in [&b"E"[..], b"T\0", b"T\x01"] {
        let copy = store.reopen();
        let mut batch = Batch::default();
        batch.remove(held(&store, prefix)[1].0.clone());
        copy.commit(Tree::Log, batch).unwrap();
        let Ok(log) = log(&copy) else { continue };
        assert!(matches!(pass(&log), Err(RowError::Missing { .. })), "{prefix:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_found_stops_the_log_and_raises_an_alarm() {
    let (store, metrics) = (store(), Metrics::default());
    let log = log(&store).unwrap();
    let (key, mut value) = held(&store, b"E").swap_remove(7);
    value[40] ^= 1;
    let mut batch = Batch::default();
    batch.set(key, value);
    store.commit(Tree::Log, batch).unwrap();
    scrub(log.clone(), &metrics).await;
    assert!(matches!(log.running(), Err(LogError::Rows(RowError::Altered { what: "leaf", number: 105..120 }))));
    assert!(metrics.text().contains("creditbay_alarms_total{log=\"own\"} 1"), "{}", metrics.text());
}
