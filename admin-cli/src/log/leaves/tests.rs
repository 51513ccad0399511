//! The leaves of a log, plausible and not.

use creditbay_crypto::hash::Digest;
use creditbay_protocol::brief::{Brief, Refers};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, RetirementGround};
use creditbay_protocol::leaf::{Leaf, LeafBody, LeafError};

use super::{Leaves, WINDOW, halves};
use crate::log::fault::{Fault, Faults};
use crate::log::sample::{abandoned, answer, query, region};

fn brief(entry: &[u8]) -> Result<Brief, LeafError> {
    Leaf::parse(entry).map(|leaf| Brief::of(&leaf))
}

fn read(owner: &str, entries: &[Vec<u8>]) -> (Vec<Fault>, Leaves) {
    let (mut leaves, mut faults) = (Leaves::of(region(owner)), Faults::new());
    for entry in entries {
        leaves.read(&brief(entry), &mut faults);
    }
    (faults.listed().to_vec(), leaves)
}

#[test]
fn a_plain_log_has_no_faults_and_is_counted() {
    let log = [query(5, "hk", "gz"), answer(5, "hk", "gz", 1), query(7, "hk", "gz"), abandoned(8, 2, "gz")];
    let (faults, leaves) = read("hk", &log);
    assert_eq!(faults, []);
    assert_eq!(
        leaves.counts().iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>(),
        ["abandoned 1", "answer 1", "query 2"]
    );
    assert_eq!(leaves.span(), Some((Millis(5), Millis(8))));
}

#[test]
fn a_log_begins_once_and_nothing_stands_behind_its_end() {
    let event = |time, event| Leaf::new(Millis(time), LeafBody::Event(event)).bytes();
    let predecessor = "hk.creditbay/log/1".parse().unwrap();
    let began = |time| event(time, Event::LogBegun { predecessor, size: 9, root: Digest([1; 32]) });
    let ends = |time| event(time, Event::LogRetired { ground: RetirementGround::Closure });
    let (faults, leaves) = read("hk", &[began(5), query(6, "hk", "gz"), ends(7)]);
    assert_eq!(faults, []);
    assert_eq!((leaves.began().map(|began| (began.log, began.size)), leaves.retired()), (Some((predecessor, 9)), Some(2)));
    let (faults, leaves) = read("hk", &[query(5, "hk", "gz"), began(6), ends(7), query(8, "hk", "gz")]);
    assert_eq!(faults, [Fault::BeginsAgain { index: 1 }, Fault::BehindRetirement { index: 3, retired: 2 }]);
    assert_eq!(leaves.began(), None);
}

#[test]
fn time_that_runs_backwards_is_named_where_it_turns() {
    let (faults, _) = read("hk", &[query(5, "hk", "gz"), query(9, "hk", "gz"), query(8, "hk", "gz"), query(9, "hk", "gz")]);
    assert_eq!(faults, [Fault::TimeBackwards { index: 2, time: Millis(8), before: Millis(9) }]);
    let forged = [query(5, "hk", "gz"), query(99, "hk", "gz"), query(6, "hk", "gz"), query(7, "hk", "gz")];
    let (faults, leaves) = read("hk", &forged);
    assert_eq!(faults, [Fault::TimeBackwards { index: 2, time: Millis(6), before: Millis(99) }], "one forged time is one fault");
    assert_eq!(leaves.span(), Some((Millis(5), Millis(99))));
}

#[test]
fn what_is_no_leaf_is_named_and_the_next_is_still_read() {
    let mut cut = query(5, "hk", "gz");
    cut.pop();
    let (faults, leaves) = read("hk", &[cut, query(6, "hk", "gz")]);
    assert!(matches!(faults[..], [Fault::Leaf { index: 0, .. }]), "{faults:?}");
    assert_eq!(leaves.counts()["query"], 1);
}

#[test]
fn messages_that_this_node_cannot_have_sent_are_named() {
    let (faults, _) = read("gz", &[query(5, "hk", "gz"), answer(6, "hk", "gz", 1), query(7, "gz", "gz")]);
    let other = |index, kind| Fault::OtherSender { index, kind, sender: region("hk"), owner: region("gz") };
    assert_eq!(faults, [other(0, "query"), other(1, "answer"), Fault::AsksItself { index: 2, region: region("gz") }]);
}

#[test]
fn an_answer_names_a_query_that_no_other_answers() {
    let (faults, _) = read("gz", &[answer(5, "gz", "hk", 1), answer(6, "gz", "hk", 0), answer(7, "gz", "hk", 1)]);
    assert_eq!(faults, [Fault::AnswerWithoutQuery { index: 1 }, Fault::AnsweredTwice { index: 2, first: 0 }]);
}

#[test]
fn what_was_withheld_is_answered_once_more_by_the_refusal_in_its_place() {
    let withheld = |time, answer| Leaf::new(Millis(time), LeafBody::Event(Event::Withheld { answer })).bytes();
    let (faults, _) = read("gz", &[answer(5, "gz", "hk", 1), withheld(6, 0), answer(7, "gz", "hk", 1), answer(8, "gz", "hk", 1)]);
    assert_eq!(faults, [Fault::AnsweredTwice { index: 3, first: 2 }]);
}

#[test]
fn what_is_abandoned_is_a_query_to_that_region_that_stands_before_and_only_once() {
    let log = [
        query(1, "hk", "gz"),
        abandoned(2, 0, "mo"),
        abandoned(3, 3, "gz"),
        abandoned(4, 9, "gz"),
        abandoned(5, 1, "gz"),
        abandoned(6, 0, "gz"),
        abandoned(7, 0, "gz"),
    ];
    let (faults, _) = read("hk", &log);
    let none = |index, query, issuer| Fault::AbandonsNoQuery { index, query, issuer: region(issuer) };
    assert_eq!(
        faults,
        [none(1, 0, "mo"), none(2, 3, "gz"), none(3, 9, "gz"), none(4, 1, "gz"), Fault::AbandonedTwice { index: 6, query: 0 }]
    );
}

#[test]
fn an_entry_that_is_missing_may_have_been_the_query() {
    let (mut leaves, mut faults) = (Leaves::of(region("hk")), Faults::new());
    leaves.skip(256);
    leaves.read(&brief(&abandoned(1, 3, "gz")), &mut faults);
    leaves.read(&brief(&abandoned(2, 256, "gz")), &mut faults);
    assert_eq!(faults.listed(), [Fault::AbandonsNoQuery { index: 257, query: 256, issuer: region("gz") }]);
}

#[test]
fn memory_stays_within_the_window() {
    let (mut leaves, mut faults) = (Leaves::of(region("gz")), Faults::new());
    leaves.read(&brief(&answer(1, "gz", "hk", 1)), &mut faults);
    leaves.skip(WINDOW as u64 - 1);
    assert_eq!((leaves.answered.old.len(), leaves.recent.len()), (1, WINDOW), "the oldest is remembered");
    leaves.skip(1);
    assert!(leaves.answered.young.is_empty() && leaves.answered.old.is_empty() && leaves.recent.len() == WINDOW);
    leaves.read(&brief(&abandoned(2, 0, "hk")), &mut faults);
    leaves.read(&brief(&answer(3, "gz", "hk", 1)), &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn queries_that_share_a_number_are_not_taken_for_one_another() {
    let under = |last: u8| Digest([[0; 8], [last; 8], [0; 8], [last; 8]].concat().try_into().unwrap());
    let answer = |query| Ok(Brief { refers: Refers::Answers(query), ..brief(&answer(1, "gz", "hk", 1)).unwrap() });
    let (mut leaves, mut faults) = (Leaves::of(region("gz")), Faults::new());
    leaves.answered.keys = [0; 2];
    let number = |query| leaves.answered.number(&halves(&query).0);
    assert_eq!(number(under(1)), number(under(2)));
    for query in [under(1), under(2), under(2)] {
        leaves.read(&answer(query), &mut faults);
    }
    assert_eq!(faults.listed(), [Fault::AnsweredTwice { index: 2, first: 1 }]);
    assert_ne!(Leaves::of(region("gz")).answered.keys, Leaves::of(region("gz")).answered.keys, "nobody knows the keys before");
}
