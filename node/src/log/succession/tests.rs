//! The end of one log and the beginning of the next.

use std::path::Path;
use std::sync::Arc;

use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::event::{RetirementGround, Suspended};
use creditbay_protocol::name::Region;
use tokio::sync::oneshot;

use super::*;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::host::telemetry::Metrics;
use crate::log::append::Item;
use crate::log::entry::{Appended, Entry};
use crate::log::recover::{Parts, Recovered, recover};
use crate::log::seals::Seals;
use crate::log::seen::Seen;
use crate::store::in_memory::InMemory;
use crate::store::ledger::{Account, Balance};

fn origin(number: u32) -> Origin {
    format!("gz.creditbay/log/{number}").parse().unwrap()
}

fn open(store: &InMemory, number: u32, keys: &Path) -> Result<Recovered, LogError> {
    let (clock, metrics) = (Arc::new(Clock::host()), Arc::new(Metrics::default()));
    let name = origin(number).to_string().parse().unwrap();
    let store: Arc<dyn Store> = Arc::new(store.clone());
    carry_over(&*store, origin(number))?;
    recover(Parts {
        seen: Arc::new(Seen::of_nobody(store.clone(), clock.clone(), metrics.clone()).unwrap()),
        store,
        origin: origin(number),
        signer: NoteSigner::new(name, KeyKind::Ed25519, SigningKey::from_seed(Seed::from_bytes([7; 32]))),
        seals: Arc::new(Seals::new(EpochKeys::in_folder(keys).unwrap()).unwrap()),
        clock,
        entropy: Arc::new(Entropy::system()),
        metrics,
        reserve: None,
    })
}

fn suspended() -> Event {
    Event::Suspension { of: Suspended::Peer(Region::new("hk").unwrap()), in_force: true }
}

fn write(opened: &mut Recovered, events: &[Event]) -> Vec<Result<Appended, LogError>> {
    let (items, waits): (Vec<_>, Vec<_>) = events
        .iter()
        .map(|event| {
            let (done, wait) = oneshot::channel();
            (Item::Leaf { entry: Entry::Event(event.clone()), spendings: Vec::new(), done }, wait)
        })
        .unzip();
    opened.writer.write(items);
    waits.into_iter().map(|mut wait| wait.try_recv().unwrap()).collect()
}

fn retired() -> Event {
    Event::LogRetired { ground: RetirementGround::KeyChange }
}

fn event(store: &InMemory, index: u64) -> Event {
    let leaf = layout::read_leaves(store, index, index + 1).unwrap().pop().unwrap();
    let LeafBody::Event(event) = Leaf::parse(&leaf).unwrap().body else { panic!("leaf {index} is no event") };
    event
}

#[test]
fn nothing_comes_behind_the_leaf_that_retires_a_log() {
    let (folder, store) = (tempfile::tempdir().unwrap(), InMemory::new());
    let mut opened = open(&store, 1, folder.path()).unwrap();
    let written = write(&mut opened, &[suspended(), retired(), suspended(), retired()]);
    assert!(written[..2].iter().all(Result::is_ok));
    assert!(written[2..].iter().all(|refused| matches!(refused, Err(LogError::Retired { .. }))));
    assert_eq!(opened.writer.size(), 2);
    assert!(matches!(write(&mut opened, &[suspended()])[0], Err(LogError::Retired { .. })));
    let again = open(&store.reopen(), 1, folder.path()).unwrap();
    assert!(matches!(again.log.running(), Err(LogError::Retired { .. })), "after a restart, too");
    assert_eq!(again.log.head().signed().checkpoint().size, 2, "and its note is still there");
}

#[test]
fn the_next_log_begins_with_the_final_note_and_what_is_in_force() {
    let (folder, store) = (tempfile::tempdir().unwrap(), InMemory::new());
    let uses = Account::Uses { authorisation: creditbay_crypto::hash::Digest([1; 32]) };
    let mut batch = Batch::default();
    orders::set_balance(&mut batch, &uses, &Balance { bits: 6, ..Balance::default() });
    store.commit(Tree::Log, batch).unwrap();
    let mut opened = open(&store, 1, folder.path()).unwrap();
    write(&mut opened, &[suspended(), retired()]);
    let head = layout::head(&store).unwrap().unwrap();

    let next = store.for_next_log();
    let mut opened = open(&next, 2, folder.path()).unwrap();
    opened.writer.begin().unwrap();
    opened.writer.begin().unwrap();
    assert_eq!(opened.writer.size(), 2, "it begins once");
    assert_eq!(event(&next, 0), Event::LogBegun { predecessor: origin(1), size: 2, root: head.root });
    assert_eq!(event(&next, 1), suspended());
    assert_eq!(orders::suspensions(&next).unwrap().len(), 1);
    assert_eq!(orders::balance(&next, &uses).unwrap().bits, 6, "what was spent stays spent");
    let began = layout::head(&next).unwrap().unwrap();
    assert!(began.time >= head.time && began.watermark >= head.watermark);
    let again = open(&next.reopen(), 2, folder.path()).unwrap();
    assert!(again.log.running().is_ok() && again.log.head().signed().checkpoint().size == 2);
}

#[test]
fn a_log_does_not_begin_behind_nothing_behind_another_or_behind_one_that_goes_on() {
    let (folder, store) = (tempfile::tempdir().unwrap(), InMemory::new());
    let refused = |store: &InMemory, number| match open(store, number, folder.path()).map(drop) {
        Err(LogError::NoPredecessor { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(refused(&store, 2).contains("no log before it"));
    let mut opened = open(&store, 1, folder.path()).unwrap();
    write(&mut opened, &[suspended()]);
    assert!(refused(&store.for_next_log(), 2).contains("not retired"));
    write(&mut opened, &[retired()]);
    assert!(refused(&store.for_next_log(), 3).contains("is gz.creditbay/log/1"));
    assert!(open(&store.for_next_log(), 2, folder.path()).is_ok());
}
