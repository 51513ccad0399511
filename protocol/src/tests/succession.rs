//! A log that goes on from another: taken by who saw no more than its final note, refused by who saw more, or something else; and one that
//! goes on behind a lost end, taken by whom the regions' decision covers and by nobody else.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::{Frontier, Window, consistency, inclusion};

use super::sample::NOW;
use crate::checkpoint::Checkpoint;
use crate::event::{Event, RetirementGround};
use crate::leaf::{Leaf, LeafBody};
use crate::orphaned::{OrphanedRange, OutsideRange};
use crate::succession::{Succession, SuccessionFault, predecessor};

/// A tree over leaves with these bytes.
fn tree(leaves: &[Vec<u8>]) -> Window {
    let mut window = Window::from_frontier(&Frontier::empty());
    leaves.iter().for_each(|leaf| window.push(leaf_hash(leaf)));
    window
}

fn checkpoint(number: u32, tree: &Window) -> Checkpoint {
    Checkpoint { origin: format!("gz.creditbay/log/{number}").parse().unwrap(), size: tree.size(), root: tree.root() }
}

fn event(event: Event) -> Vec<u8> {
    Leaf::new(NOW, LeafBody::Event(event)).bytes()
}

fn old(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(|number| number.to_be_bytes().to_vec()).collect()
}

/// The next log behind this one, as it is shown to who has seen the first `seen` leaves.
fn shown(before: &Window, leaves: u64, seen: u64) -> (Succession, Checkpoint) {
    let Checkpoint { origin, size, root } = checkpoint(1, before);
    let first = event(Event::LogBegun { predecessor: origin, size, root });
    let others = (1..leaves).map(|_| event(Event::LogRetired { ground: RetirementGround::Store }));
    let new = tree(&std::iter::once(first.clone()).chain(others).collect::<Vec<_>>());
    let path = inclusion(0, new.size(), &new).unwrap();
    let proof = consistency(seen, size, before).unwrap();
    (Succession { leaf: first, inclusion: path, consistency: proof }, checkpoint(2, &new))
}

#[test]
fn whoever_saw_any_beginning_of_the_retired_log_takes_the_next_one() {
    let before = tree(&old(13));
    for leaves in [1, 2, 5] {
        for seen in 0..=13 {
            let (succession, note) = shown(&before, leaves, seen);
            let seen = checkpoint(1, &tree(&old(seen)));
            assert_eq!(succession.check(&note, Some(&seen), None), Ok(()), "{} seen, {leaves} new", seen.size);
        }
        let (succession, note) = shown(&before, leaves, 0);
        assert_eq!(succession.check(&note, None, None), Ok(()), "nothing seen");
    }
}

#[test]
fn whoever_saw_more_or_another_history_does_not() {
    let before = tree(&old(13));
    let (succession, note) = shown(&before, 3, 9);
    let longer = checkpoint(1, &tree(&old(14)));
    assert!(matches!(succession.check(&note, Some(&longer), None), Err(SuccessionFault::Orphaned { last: 13, seen: 14, .. })));
    let mut other = old(9);
    other[3] = b"another".to_vec();
    let other = checkpoint(1, &tree(&other));
    assert!(matches!(succession.check(&note, Some(&other), None), Err(SuccessionFault::OtherHistory { .. })));
    let seen = checkpoint(1, &tree(&old(9)));
    assert_eq!(succession.check(&note, Some(&seen), None), Ok(()));
    for cut in 0..succession.consistency.len() {
        let consistency = succession.consistency[..cut].to_vec();
        let short = Succession { consistency, ..succession.clone() };
        assert!(matches!(short.check(&note, Some(&seen), None), Err(SuccessionFault::OtherHistory { .. })), "cut at {cut}");
    }
}

#[test]
fn a_leaf_that_is_not_the_first_or_names_another_log_begins_nothing() {
    let before = tree(&old(13));
    let (succession, note) = shown(&before, 3, 9);
    let seen = checkpoint(1, &tree(&old(9)));
    let refused = |succession: &Succession, note: &Checkpoint| succession.check(note, Some(&seen), None).unwrap_err();
    let other_root = Checkpoint { root: Digest([1; 32]), ..note };
    assert!(matches!(refused(&succession, &other_root), SuccessionFault::NotFirst(_)));
    let third = Checkpoint { origin: "gz.creditbay/log/3".parse().unwrap(), ..note };
    assert!(matches!(refused(&succession, &third), SuccessionFault::NoBeginning { .. }));
    let ends = event(Event::LogRetired { ground: RetirementGround::Store });
    let no_beginning = Succession { leaf: ends, ..succession.clone() };
    assert!(matches!(refused(&no_beginning, &note), SuccessionFault::NoBeginning { .. }));
    let cut = Succession { leaf: succession.leaf[1..].to_vec(), ..succession };
    assert!(matches!(refused(&cut, &note), SuccessionFault::NoBeginning { .. }));
    assert_eq!(predecessor(&"gz.creditbay/log/1".parse().unwrap()), None);
}

/// What the regions decided: the first `size` leaves count, notes of up to `seen` leaves are known.
fn range(size: u64, seen: u64) -> OrphanedRange {
    let (known, newest) = (tree(&old(size)), checkpoint(1, &tree(&old(seen))));
    OrphanedRange { log: newest.origin, size, root: known.root(), seen, note: OrphanedRange::note_digest(&newest) }
}

/// The next log behind a lost end, as it is shown to who has seen the first `seen` leaves.
fn shown_after_loss(range: OrphanedRange, seen: u64) -> (Succession, Checkpoint) {
    let first = event(Event::LogBegunAfterLoss { range, serial: 2, directory: Digest([2; 32]) });
    let new = tree(&[first.clone(), event(Event::LogRetired { ground: RetirementGround::Store })]);
    let proof = if seen <= range.size { consistency(seen, range.size, &tree(&old(range.size))).unwrap() } else { Vec::new() };
    (Succession { leaf: first, inclusion: inclusion(0, new.size(), &new).unwrap(), consistency: proof }, checkpoint(2, &new))
}

#[test]
fn behind_a_lost_end_a_log_is_taken_by_whoever_the_decision_covers() {
    for (size, newest) in [(9, 13), (0, 13), (12, 13), (13, 13)] {
        let decided = range(size, newest);
        for seen in 0..=newest {
            let (succession, note) = shown_after_loss(decided, seen);
            let seen = checkpoint(1, &tree(&old(seen)));
            assert_eq!(succession.check(&note, Some(&seen), Some(&decided)), Ok(()), "{} of {newest}, {size} known", seen.size);
        }
        let (succession, note) = shown_after_loss(decided, 0);
        assert_eq!(succession.check(&note, None, Some(&decided)), Ok(()));
    }
}

#[test]
fn a_decision_does_not_cover_who_saw_more_or_another_history() {
    let decided = range(9, 13);
    let (succession, note) = shown_after_loss(decided, 20);
    let refused = |seen: &Checkpoint| succession.check(&note, Some(seen), Some(&decided)).unwrap_err();
    let more = checkpoint(1, &tree(&old(14)));
    assert!(matches!(refused(&more), SuccessionFault::Orphaned { last: 13, seen: 14, .. }));
    let mut forked = old(13);
    forked[11] = b"another".to_vec();
    assert!(matches!(refused(&checkpoint(1, &tree(&forked))), SuccessionFault::OtherNote { size: 13, .. }));
    assert_eq!(decided.covers(&checkpoint(2, &tree(&old(11)))), Err(OutsideRange::OtherLog));
    let (succession, note) = shown_after_loss(decided, 8);
    forked.truncate(8);
    forked[3] = b"another".to_vec();
    let other = checkpoint(1, &tree(&forked));
    assert!(matches!(succession.check(&note, Some(&other), Some(&decided)), Err(SuccessionFault::OtherHistory { .. })));
}

#[test]
fn nobody_orphans_a_range_alone_and_a_decision_is_followed_to_the_letter() {
    let decided = range(9, 13);
    let seen = checkpoint(1, &tree(&old(11)));
    let (succession, note) = shown_after_loss(decided, 11);
    let not_decided = |succession: &Succession, note: &Checkpoint, decided: Option<&OrphanedRange>| {
        matches!(succession.check(note, Some(&seen), decided), Err(SuccessionFault::NotDecided { .. }))
    };
    assert!(not_decided(&succession, &note, None), "the log alone says so");
    let others = [
        OrphanedRange { size: 8, ..decided },
        OrphanedRange { seen: 14, ..decided },
        OrphanedRange { root: Digest([1; 32]), ..decided },
        OrphanedRange { note: Digest([1; 32]), ..decided },
    ];
    for other in others {
        assert!(not_decided(&succession, &note, Some(&other)), "{other:?}");
    }
    let (ordinary, note) = shown(&tree(&old(13)), 2, 11);
    assert!(not_decided(&ordinary, &note, Some(&decided)), "a final note where the regions decided that there is none");
    let foreign = OrphanedRange { log: "sz.creditbay/log/1".parse().unwrap(), ..decided };
    let (succession, note) = shown_after_loss(foreign, 11);
    assert!(matches!(succession.check(&note, Some(&seen), Some(&foreign)), Err(SuccessionFault::NoBeginning { .. })));
}
