//! The end of one log and the beginning of the next, also where the end was lost.

use std::path::Path;
use std::sync::Arc;

use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::event::{RetirementGround, Suspended};
use creditbay_protocol::name::Region;
use creditbay_protocol::orphaned::OrphanedRange;
use tokio::sync::oneshot;

use super::*;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::host::telemetry::Metrics;
use crate::log::append::Item;
use crate::log::entry::{Appended, Entry};
use crate::log::recover::{Parts, Recovered, recover, recover_to_put_back};
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

/// What the regions decided of the first log: so many leaves are left.
fn decided(size: u64, root: Digest) -> Loss {
    let range = OrphanedRange { log: origin(1), size, root, seen: size + 5, note: Digest([4; 32]) };
    Loss { range, serial: 2, directory: Digest([5; 32]), at: Millis(1_000) }
}

fn mark(store: &InMemory, loss: &Loss) {
    let mut batch = Batch::default();
    layout::set_loss(&mut batch, loss);
    store.commit(Tree::Log, batch).unwrap();
}

#[test]
fn behind_a_lost_end_the_next_log_begins_with_what_is_left_and_the_decision() {
    let folder = tempfile::tempdir().unwrap();
    for leaves in [0, 1, 2] {
        let store = InMemory::new();
        let mut opened = open(&store, 1, folder.path()).unwrap();
        if leaves > 0 {
            write(&mut opened, &[suspended(), suspended()][..leaves]);
        }
        let root = layout::head(&store).unwrap().map_or_else(empty_root, |head| head.root);
        let next = store.for_next_log();
        assert!(matches!(open(&next, 2, folder.path()).map(drop), Err(LogError::NoPredecessor { .. })), "not without the mark");
        let loss = decided(leaves as u64, root);
        mark(&next, &loss);
        let mut opened = open(&next, 2, folder.path()).unwrap();
        assert_eq!(opened.log.begun_after_loss().unwrap(), Some(Millis(1_000)), "the mark holds before there is a leaf");
        opened.writer.begin().unwrap();
        let began = Event::LogBegunAfterLoss { range: loss.range, serial: 2, directory: loss.directory };
        assert_eq!(event(&next, 0), began, "{leaves} left");
        assert_eq!(orders::suspensions(&next).unwrap().len(), usize::from(leaves > 0), "what is in force goes over");
        let again = open(&next.reopen(), 2, folder.path()).unwrap();
        assert!(again.log.begun_after_loss().unwrap() > Some(Millis(1_000)), "from its first leaf on, that counts");
        for seen in 0..leaves as u64 + 5 {
            let shown = Checkpoint { origin: origin(1), size: seen, root };
            let head = again.log.head();
            let succession = again.log.succession(Some(&shown), &head).unwrap().unwrap();
            let seen = (seen == 0 || seen >= leaves as u64).then_some(shown).filter(|shown| shown.size > 0);
            assert_eq!(succession.check(head.signed().checkpoint(), seen.as_ref(), Some(&loss.range)), Ok(()));
        }
    }
}

#[test]
fn a_decision_about_other_leaves_than_are_left_begins_nothing() {
    let (folder, store) = (tempfile::tempdir().unwrap(), InMemory::new());
    let mut opened = open(&store, 1, folder.path()).unwrap();
    write(&mut opened, &[suspended(), suspended()]);
    let root = layout::head(&store).unwrap().unwrap().root;
    for loss in [decided(1, root), decided(3, root), decided(2, Digest([9; 32])), decided(0, empty_root())] {
        let next = store.for_next_log();
        mark(&next, &loss);
        let refused = open(&next, 2, folder.path()).map(drop);
        assert!(
            matches!(&refused, Err(LogError::NoPredecessor { reason, .. }) if reason.contains("goes on from")),
            "{refused:?}"
        );
    }
    let empty = InMemory::new();
    mark(&empty, &decided(2, root));
    assert!(matches!(open(&empty, 2, folder.path()).map(drop), Err(LogError::NoPredecessor { .. })), "its leaves are not here");
}

#[test]
fn a_log_that_was_put_back_alone_shows_its_beginning_to_all_but_those_who_saw_half_of_the_one_before() {
    let (folder, store) = (tempfile::tempdir().unwrap(), InMemory::new());
    let mut opened = open(&store, 1, folder.path()).unwrap();
    write(&mut opened, &[suspended(), suspended(), retired()]);
    let final_note = *opened.log.head().signed().checkpoint();
    let next = store.for_next_log();
    let mut opened = open(&next, 2, folder.path()).unwrap();
    opened.writer.begin().unwrap();
    let entries = layout::read_leaves(&next, 0, opened.writer.size()).unwrap();

    let alone = InMemory::new();
    let parts = |store: &InMemory| {
        let (clock, metrics) = (Arc::new(Clock::host()), Arc::new(Metrics::default()));
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        Parts {
            seen: Arc::new(Seen::of_nobody(shared.clone(), clock.clone(), metrics.clone()).unwrap()),
            store: shared,
            origin: origin(2),
            signer: NoteSigner::new(
                origin(2).to_string().parse().unwrap(),
                KeyKind::Ed25519,
                SigningKey::from_seed(Seed::from_bytes([7; 32])),
            ),
            seals: Arc::new(Seals::new(EpochKeys::in_folder(folder.path()).unwrap()).unwrap()),
            clock,
            entropy: Arc::new(Entropy::system()),
            metrics,
            reserve: None,
        }
    };
    recover_to_put_back(parts(&alone)).unwrap().writer.put_back(&entries, true).unwrap();
    let again = open(&alone.reopen(), 2, folder.path()).unwrap();
    let head = again.log.head();
    for seen in [None, Some(&final_note)] {
        let succession = again.log.succession(seen, &head).unwrap().unwrap();
        assert_eq!(succession.check(head.signed().checkpoint(), seen, None), Ok(()), "{seen:?}");
    }
    let half = Checkpoint { size: 2, ..final_note };
    let refused = again.log.succession(Some(&half), &head);
    assert!(matches!(refused, Err(LogError::PredecessorGone { from: 2, .. })), "{refused:?}");
}
