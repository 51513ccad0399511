//! Schedules of the whole network in one process: two hundred of them hold, one number is one history, and every mutant is caught.
//!
//! Not here: the long run (`--example simulate`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "what was played is told, and what failed with its trace")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use harness::simulation::mutant::Mutant;
use harness::simulation::story::Promise;
use harness::simulation::{Report, play};

/// Schedules of one run of the tests.
const SCHEDULES: u64 = 200;
/// Lines of a failing schedule's trace that are shown.
const SHOWN: usize = 60;

#[test]
fn two_runs_of_one_seed_are_one_history() {
    for seed in 0..6 {
        let (one, two) = (play(seed, None).unwrap(), play(seed, None).unwrap());
        assert_eq!((one.logs, one.trace), (two.logs, two.trace), "seed {seed}");
    }
}

#[test]
fn every_promise_holds_in_two_hundred_schedules() {
    let (next, counts) = (AtomicU64::new(0), Mutex::new(BTreeMap::<&str, u64>::new()));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SCHEDULES {
                        return;
                    }
                    let report = play(seed, None).unwrap();
                    let mut counts = counts.lock().unwrap();
                    report.counts.iter().for_each(|(kind, count)| *counts.entry(kind).or_default() += count);
                    if report.broken.is_some() {
                        failed.lock().unwrap().push(report);
                    }
                }
            });
        }
    });
    let counts = counts.into_inner().unwrap();
    eprintln!("{SCHEDULES} schedules, {} steps: {counts:?}", counts.values().sum::<u64>());
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.iter().map(told).collect::<Vec<_>>().join("\n"));
    for kind in [
        "served",
        "killed",
        "started",
        "cut",
        "write will fail",
        "clock",
        "disk",
        "repeated",
        "suspension",
        "withdrawal",
        "erased",
        "acknowledged",
        "shown",
        "witnessed",
        "withheld",
        "days",
        "new key",
        "next log",
        "changed places",
    ] {
        assert!(counts.get(kind).is_some_and(|count| *count > 20), "{kind} came hardly: {counts:?}");
    }
}

/// A failing schedule with the end of its trace, and the command that replays it.
fn told(report: &Report) -> String {
    let Report { seed, lines, broken, .. } = report;
    let broken = broken.as_ref().map(ToString::to_string).unwrap_or_default();
    let end = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
    format!("{end}\nseed {seed}: {broken}\n    cargo run --release -p creditbay-tests --example simulate -- --seed {seed}")
}

/// The first schedule from this one on, out of a hundred, in which a mutant breaks this promise before any other.
fn caught(mutant: Mutant, promise: Promise, from: u64) -> Option<u64> {
    let breaks = |seed: &u64| play(*seed, Some(mutant)).unwrap().broken.is_some_and(|broken| broken.promise == promise);
    (from..from + 100).find(breaks)
}

#[test]
fn every_mutant_is_caught_by_the_promise_that_it_breaks() {
    // Each with a schedule shortly before one that catches it, so that the search is short.
    for (mutant, promise, from) in [
        (Mutant::ReleasesBeforeDurable, Promise::LogThenRelease, 60),
        (Mutant::ForgetsReplayKeys, Promise::AnsweredOnce, 0),
        (Mutant::AnswersTwice, Promise::AnsweredOnce, 0),
        (Mutant::LosesTheTail, Promise::OneHistory, 0),
        (Mutant::ForgetsWhatWasSpent, Promise::Budgets, 8),
        (Mutant::BelievesAnyClock, Promise::Closed, 6),
        (Mutant::ForgetsOrders, Promise::Closed, 13),
        (Mutant::LeavesQueriesOpen, Promise::Settled, 0),
        (Mutant::KeepsKeys, Promise::Erased, 0),
        (Mutant::ForgetsNotices, Promise::Erased, 8),
        (Mutant::WaitsForNoWitness, Promise::Witnessed, 1),
        (Mutant::CosignsBeforeDurable, Promise::Witnessed, 0),
        (Mutant::CarriesNothingOver, Promise::Budgets, 90),
        (Mutant::KeepsOldChannels, Promise::Closed, 33),
        (Mutant::ForgetsAlarms, Promise::Evident, 9),
    ] {
        let seed = caught(mutant, promise, from).unwrap_or_else(|| panic!("{mutant:?} was not caught"));
        eprintln!("{mutant:?}: {promise:?}, seed {seed}");
    }
}
