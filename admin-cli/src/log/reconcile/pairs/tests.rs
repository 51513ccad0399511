//! Two logs that fit, and each way in which they may not.

use creditbay_configs::rules::replay::LATEST_ANSWER_MS;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, Overlap};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::FRESHNESS_MS;
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::refusal::{OutcomeClass, RefusalClass};

use super::{Counts, Pairs};
use crate::log::sample::{PACK, abandoned, query, region};

const LATER: Millis = Millis(u64::MAX / 2);
/// A query takes so long to be answered here.
const SOON: u64 = 40;

/// Two logs as they grow, and what was found meanwhile.
struct Logs {
    pairs: Pairs,
    asker: Vec<Leaf>,
    issuer: Vec<Leaf>,
    found: Vec<&'static str>,
}

impl Logs {
    fn new() -> Self {
        let mut logs =
            Self { pairs: Pairs::new(region("hk"), region("gz")), asker: Vec::new(), issuer: Vec::new(), found: Vec::new() };
        logs.issue(Leaf::new(Millis(1), activated(PACK, None)));
        logs
    }

    fn ask(&mut self, leaf: Leaf) -> Digest {
        let hash = leaf.hash();
        self.found.extend(self.pairs.of_asker(self.asker.len() as u64, hash, &leaf).iter().map(super::Mismatch::kind));
        self.asker.push(leaf);
        hash
    }

    fn issue(&mut self, leaf: Leaf) {
        self.found.extend(self.pairs.of_issuer(self.issuer.len() as u64, &leaf).iter().map(super::Mismatch::kind));
        self.issuer.push(leaf);
    }

    /// A query at this time, and its answer as it is when nothing is wrong.
    fn asked(&mut self, at: u64) -> Leaf {
        let hash = self.ask(asking(at));
        Leaf::new(Millis(at + SOON), answering(hash))
    }

    fn end(mut self, asker: Millis, issuer: Millis) -> (Vec<&'static str>, Counts) {
        let (rest, counts) = self.pairs.end(asker, issuer);
        self.found.extend(rest.iter().map(super::Mismatch::kind));
        (self.found, counts)
    }
}

fn asking(at: u64) -> Leaf {
    Leaf::parse(&query(at, "hk", "gz")).unwrap()
}

fn answering(query: Digest) -> LeafBody {
    let LeafBody::Query { terms, commitments } = asking(1).body else { panic!("a query") };
    LeafBody::Answer { terms, outcome: OutcomeClass::Answered, query, commitments }
}

fn activated(pack: Digest, overlap: Option<Overlap>) -> LeafBody {
    LeafBody::Event(Event::PackActivated { pack, serial: 1, overlap })
}

fn counts(matched: u64, not_delivered: u64, abandoned: u64, in_flight: u64) -> Counts {
    Counts { matched, not_delivered, abandoned, in_flight, earlier: 0 }
}

#[test]
fn what_both_say_the_same_of_is_matched_whichever_is_read_first() {
    let mut logs = Logs::new();
    let answer = logs.asked(1000);
    logs.issue(answer);
    let second = asking(2000);
    logs.issue(Leaf::new(Millis(2040), answering(second.hash())));
    logs.ask(second);
    let LeafBody::Answer { terms, query, commitments, .. } = logs.asked(3000).body else { panic!("an answer") };
    let refused = LeafBody::Answer { terms, outcome: OutcomeClass::Refused(RefusalClass::Policy), query, commitments };
    logs.issue(Leaf::new(Millis(3040), refused));
    assert_eq!(logs.end(LATER, LATER), (vec![], counts(3, 0, 0, 0)));
}

#[test]
fn leaves_of_others_are_none_of_these_logs_business() {
    let mut logs = Logs::new();
    logs.ask(Leaf::parse(&query(5, "hk", "mo")).unwrap());
    let LeafBody::Answer { mut terms, outcome, query, commitments } = answering(Digest([9; 32])) else { panic!("an answer") };
    terms.asker = region("mo");
    logs.issue(Leaf::new(Millis(6), LeafBody::Answer { terms, outcome, query, commitments }));
    assert_eq!(logs.end(LATER, LATER), (vec![], counts(0, 0, 0, 0)));
}

#[test]
fn one_sided_leaves_are_named() {
    let mut logs = Logs::new();
    logs.asked(1000);
    assert_eq!(logs.end(LATER, LATER), (vec!["query_unanswered"], counts(0, 0, 0, 0)));
    let mut logs = Logs::new();
    logs.issue(Leaf::new(Millis(1000), answering(Digest([9; 32]))));
    assert_eq!(logs.end(LATER, LATER), (vec!["answer_without_query"], counts(0, 0, 0, 0)));
}

#[test]
fn an_answer_that_no_query_can_come_for_is_named_while_the_logs_are_read() {
    let mut logs = Logs::new();
    logs.issue(Leaf::new(Millis(1000), answering(Digest([9; 32]))));
    assert!(logs.pairs.read_up_to(Millis(1000 + FRESHNESS_MS), LATER).is_empty());
    let found = logs.pairs.read_up_to(Millis(1001 + FRESHNESS_MS), LATER);
    assert_eq!(found.iter().map(super::Mismatch::kind).collect::<Vec<_>>(), ["answer_without_query"]);
    assert!(logs.pairs.answers.is_empty() && logs.pairs.answers_in_order.is_empty());
}

#[test]
fn what_was_abandoned_needs_no_answer_and_may_have_one_that_never_came_through() {
    let close = |logs: &mut Logs, at, query| {
        logs.ask(Leaf::parse(&abandoned(at, query, "gz")).unwrap());
    };
    let mut logs = Logs::new();
    logs.asked(1000);
    close(&mut logs, 2000, 0);
    assert_eq!(logs.end(LATER, LATER), (vec![], counts(0, 0, 1, 0)));
    let mut logs = Logs::new();
    let answer = logs.asked(1000);
    close(&mut logs, 2000, 0);
    logs.issue(answer);
    let answer = logs.asked(3000);
    logs.issue(answer);
    close(&mut logs, 4000, 2);
    assert_eq!(logs.end(LATER, LATER), (vec![], counts(2, 2, 0, 0)));
}

#[test]
fn other_terms_are_named() {
    let mut logs = Logs::new();
    let LeafBody::Answer { mut terms, outcome, query, commitments } = logs.asked(1000).body else { panic!("an answer") };
    terms.purpose = Purpose::Inv;
    logs.issue(Leaf::new(Millis(1040), LeafBody::Answer { terms, outcome, query, commitments }));
    assert_eq!(logs.end(LATER, LATER), (vec!["terms_differ"], counts(0, 0, 0, 0)));
}

#[test]
fn an_answer_comes_neither_before_its_query_nor_long_after() {
    let at = |answered: u64| {
        let mut logs = Logs::new();
        let answer = logs.asked(100_000);
        logs.issue(Leaf::new(Millis(answered), answer.body));
        logs.end(LATER, LATER).0
    };
    assert_eq!(at(100_000 - FRESHNESS_MS), [""; 0], "clocks may differ");
    assert_eq!(at(100_000 - FRESHNESS_MS - 1), ["answer_early"]);
    assert_eq!(at(100_000 + LATEST_ANSWER_MS), [""; 0]);
    assert_eq!(at(100_000 + LATEST_ANSWER_MS + 1), ["answer_late"]);
}

#[test]
fn a_second_answer_is_named_as_long_as_it_could_come() {
    let mut logs = Logs::new();
    let answer = logs.asked(1000);
    logs.issue(answer.clone());
    assert!(logs.pairs.read_up_to(Millis(5000), Millis(5000)).is_empty());
    logs.issue(answer);
    assert_eq!(logs.end(LATER, LATER), (vec!["answered_twice"], counts(1, 0, 0, 0)));
    let mut logs = Logs::new();
    let answer = logs.asked(1000);
    logs.issue(answer);
    logs.pairs.read_up_to(LATER, LATER);
    assert!(logs.pairs.matched.is_empty() && logs.pairs.matched_leaves.is_empty(), "and is forgotten then");
}

#[test]
fn an_answer_that_was_withheld_has_a_refusal_in_its_place_and_no_third() {
    let mut logs = Logs::new();
    let answer = logs.asked(1000);
    logs.issue(answer.clone());
    let withheld = logs.issuer.len() as u64 - 1;
    logs.issue(Leaf::new(answer.time, LeafBody::Event(Event::Withheld { answer: withheld })));
    logs.issue(answer.clone());
    logs.issue(answer);
    assert_eq!(logs.end(LATER, LATER), (vec!["answered_twice"], counts(1, 1, 0, 0)));
}

#[test]
fn the_pack_is_good_at_the_issuer_when_the_query_was_asked() {
    let (other, noon) = (Digest([8; 32]), 10_000_000);
    let taken_over = |logs: &mut Logs, until| {
        logs.issue(Leaf::new(Millis(noon), activated(other, Some(Overlap { pack: PACK, until: Millis(until) }))));
    };
    let asked_at = |at: u64, until: u64| {
        let mut logs = Logs::new();
        taken_over(&mut logs, until);
        let answer = logs.asked(at);
        logs.issue(answer);
        logs.end(LATER, LATER).0
    };
    assert_eq!(asked_at(noon + 100, noon + 100), [""; 0]);
    assert_eq!(asked_at(noon + 101, noon + 100), ["pack_not_good"]);
    let mut logs =
        Logs { issuer: Vec::new(), pairs: Pairs::new(region("hk"), region("gz")), asker: Vec::new(), found: Vec::new() };
    let answer = logs.asked(1000);
    logs.issue(answer);
    assert_eq!(logs.end(LATER, LATER).0, ["pack_not_good"], "it was never activated");
}

#[test]
fn what_the_checkpoints_are_too_old_for_is_in_flight() {
    let query_only = |asker: u64, issuer: u64| {
        let mut logs = Logs::new();
        logs.asked(1000);
        logs.end(Millis(asker), Millis(issuer))
    };
    let late = 1001 + LATEST_ANSWER_MS;
    assert_eq!(query_only(late, late).0, ["query_unanswered"]);
    assert_eq!(query_only(late - 1, late), (vec![], counts(0, 0, 0, 1)), "the asker may abandon it yet");
    assert_eq!(query_only(late, late - 1), (vec![], counts(0, 0, 0, 1)), "the issuer may answer it yet");
    let answer_only = |asker: u64| {
        let mut logs = Logs::new();
        logs.issue(Leaf::new(Millis(1000), answering(Digest([9; 32]))));
        logs.end(Millis(asker), LATER)
    };
    assert_eq!(answer_only(1000 + FRESHNESS_MS), (vec![], counts(0, 0, 0, 1)), "the query's log is from before it");
    assert_eq!(answer_only(1001 + FRESHNESS_MS).0, ["answer_without_query"]);
}

#[test]
fn what_stands_in_an_earlier_log_is_counted_and_no_mismatch() {
    let began = 1_000_000;
    let begins = |of: &str| LeafBody::Event(Event::LogBegun { predecessor: of.parse().unwrap(), size: 5, root: Digest([1; 32]) });
    // The issuer's log began later than the query that it does not answer.
    for (at, found, earlier) in
        [(began - 1, vec![], 1), (began + FRESHNESS_MS - 1, vec![], 1), (began + FRESHNESS_MS, vec!["query_unanswered"], 0)]
    {
        let pairs = Pairs::new(region("hk"), region("gz"));
        let mut logs = Logs { pairs, asker: Vec::new(), issuer: Vec::new(), found: Vec::new() };
        logs.issue(Leaf::new(Millis(began), begins("gz.creditbay/log/1")));
        logs.ask(asking(at));
        assert_eq!(logs.end(LATER, LATER), (found, Counts { earlier, ..Counts::default() }), "{at}");
    }
    // The asker's log began later than the query of the answer.
    for (at, found, earlier) in
        [(began + LATEST_ANSWER_MS - 1, vec![], 1), (began + LATEST_ANSWER_MS, vec!["answer_without_query"], 0)]
    {
        let mut logs = Logs::new();
        logs.ask(Leaf::new(Millis(began), begins("hk.creditbay/log/1")));
        logs.issue(Leaf::new(Millis(at), answering(Digest([7; 32]))));
        assert_eq!(logs.end(LATER, LATER), (found, Counts { earlier, ..Counts::default() }), "{at}");
    }
}
