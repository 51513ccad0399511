//! Every commit of a story that writes all that a node ever writes, failing in both ways, alone and again at the commits of the recovery
//! that follows (design 5; PROTOCOL 21.3). After each failure the same code starts the node, what is durable is held against every word
//! that was given, and the story goes on to the same end.
//!
//! Not here: a restore from an archive, whose commits fail in tests of its own (`restore`), and what a disk does below the seam
//! (`tests/torn.rs`).

#![expect(clippy::print_stderr, reason = "the table of the points that failed is told")]

mod asking;
mod check;
mod disk;
mod erasing;
mod ground;
mod machine;
mod sea;
mod steps;
mod telling;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use self::check::{Logged, both_sides, erased, hold};
use self::disk::{Plan, Point, Struck, Trial, Way};
use self::machine::Machine;
use self::sea::Sea;
use self::steps::Step;
use crate::store::Tree;
use crate::store::in_memory::Failure;

/// Commits after a restart of which one fails too.
const AGAIN: usize = 3;
/// How often a step is begun.
const MOST_TIMES: usize = 5;
const MINUTE_MS: u64 = 61_000;
const WAYS: [Way; 2] = [Way::Fails(Failure::NotPersisted), Way::Fails(Failure::ReportedAsFailed)];
/// Every kind of key that a node's stores have, but the mark of a restore under way.
const KINDS: [(Tree, &[&str]); 5] = [
    (Tree::Log, &["A", "B", "D", "E", "F", "H", "N", "O", "P", "S", "T", "U", "W", "X", "Xl", "Xm", "Xn", "Xp", "Xt", "Y"]),
    (Tree::Ended(1), &["S"]),
    (Tree::Records, &["C", "G", "K", "N", "P", "R"]),
    (Tree::Persons, &["C", "N"]),
    (Tree::Witness, &["C", "E", "L"]),
];

/// What a run came to.
struct Played {
    said: Vec<String>,
    points: Vec<Point>,
    struck: Vec<Struck>,
}

/// Plays the story to its end, whatever the trial lets fail.
fn play(trial: Option<Trial>) -> Result<Played, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let sea = Sea::new(Plan::new(trial));
        sea.around.plan.at("the first start");
        sea.mend().await?;
        let mut said = Vec::new();
        for (step, name) in Step::ALL {
            sea.around.plan.at(name);
            said.push(persist(&sea, step, name).await?);
            if matches!(step, Step::Withheld | Step::Retention) {
                together(&sea).map_err(|error| format!("after {name}: {error}"))?;
            }
        }
        finish(&sea)?;
        Ok(Played { said, points: sea.around.plan.points(), struck: sea.around.plan.struck() })
    })
}

/// A step is begun until it comes to its end; it is begun again only where something failed.
async fn persist(sea: &Arc<Sea>, step: Step, name: &str) -> Result<String, String> {
    let mut reasons = Vec::new();
    for _ in 0..MOST_TIMES {
        // A peer's refusals cost a minute's budget.
        sea.around.time.fetch_add(MINUTE_MS, Ordering::AcqRel);
        let before = sea.around.plan.struck().len();
        let ended = sea.attended(step.act(sea)).await;
        sea.note_heads();
        sea.mend().await.map_err(|error| format!("{name}: {error}"))?;
        match ended {
            Ok(said) => return Ok(said),
            Err(reason) if sea.around.plan.struck().len() > before => reasons.push(reason),
            Err(reason) if !reasons.is_empty() => reasons.push(reason),
            Err(reason) => return Err(format!("{name}: {reason}")),
        }
    }
    Err(format!("{name}: begun {MOST_TIMES} times, {reasons:?}"))
}

fn logged(machine: &Machine) -> Result<Logged, String> {
    let [store, _] = machine.durable();
    Logged::read(&machine.origin(), &store, &machine.seals())
}

/// Both logs together, while there is something to be seen in both.
fn together(sea: &Sea) -> Result<(), String> {
    let [gz, hk] = &sea.machines;
    both_sides(&logged(gz)?, &logged(hk)?)
}

/// Each log in the end.
fn finish(sea: &Sea) -> Result<(), String> {
    let words = sea.around.words.lock().unwrap();
    for machine in &sea.machines {
        let [store, apart] = machine.durable();
        hold(&machine.origin(), [&store, &apart], (&machine.seals(), machine.record_keys()), &words)?;
        erased(&store, &logged(machine)?)?;
    }
    Ok(())
}

/// Every first failure alone, and with every second one at a commit of the recovery.
fn trials(points: usize) -> Vec<Trial> {
    let seconds = || (0..AGAIN).flat_map(|nth| WAYS.map(|way| Some((nth, way))));
    let of = |first| std::iter::once(None).chain(seconds()).map(move |again| Trial { first, again });
    (0..points).flat_map(|at| WAYS.map(|way| (at, way))).flat_map(of).collect()
}

/// How often a commit of this kind failed, and how often a second one of the recovery or of what follows it.
#[derive(Default)]
struct Counted {
    points: usize,
    failed: usize,
    while_starting: usize,
    later: usize,
}

type Table = BTreeMap<(String, String), Counted>;

fn row(point: &Point) -> (String, String) {
    let kinds: Vec<_> = point.kinds.iter().map(String::as_str).collect();
    let step = Step::ALL.iter().position(|(_, name)| *name == point.step).map_or(0, |at| at + 1);
    (format!("{step:2} {}", point.step), format!("{} {:?}: {}", point.city, point.tree, kinds.join(" ")))
}

fn count(table: &mut Table, struck: &[Struck]) {
    for (nth, struck) in struck.iter().enumerate() {
        let counted = table.entry(row(&struck.point)).or_default();
        match (nth, struck.starting) {
            (0, _) => counted.failed += 1,
            (_, true) => counted.while_starting += 1,
            (_, false) => counted.later += 1,
        }
    }
}

fn print(table: &Table) {
    let mut before = "";
    for ((step, commit), counted) in table {
        if step != before {
            eprintln!("{step}");
        }
        before = step;
        let Counted { points, failed, while_starting, later } = counted;
        eprintln!(
            "    {points:3} commits, failed {failed:3}, as a second failure {while_starting:3} in recovery {later:3} later   {commit}"
        );
    }
}

#[test]
fn every_commit_fails_in_both_ways_alone_and_again_in_recovery_and_no_promise_is_broken() {
    let told = play(None).unwrap();
    let again = play(None).unwrap();
    assert_eq!((&told.said, &told.points), (&again.said, &again.points), "the story is the same each time");
    for (tree, kinds) in KINDS {
        let written: BTreeSet<_> =
            told.points.iter().filter(|point| point.tree == tree).flat_map(|point| &point.kinds).map(String::as_str).collect();
        let written: Vec<_> = written.into_iter().filter(|kind| !kind.starts_with('-')).collect();
        assert_eq!(written, kinds, "{tree:?}: the story writes everything that a node writes");
    }
    let trials = trials(told.points.len());
    let mut table = Table::new();
    told.points.iter().for_each(|point| table.entry(row(point)).or_default().points += 1);
    let (next, table, broken) = (AtomicUsize::new(0), Mutex::new(table), Mutex::new(Vec::new()));
    let work = || {
        while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
            match std::panic::catch_unwind(|| play(Some(*trial))).unwrap_or_else(|_| Err("a panic".to_owned())) {
                Ok(played) if played.said != told.said => {
                    broken.lock().unwrap().push(format!("{trial:?}: other answers: {:?}", played.said));
                }
                Ok(played) => count(&mut table.lock().unwrap(), &played.struck),
                Err(error) => broken.lock().unwrap().push(format!("{trial:?} at {:?}: {error}", told.points[trial.first.0])),
            }
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(work);
        work();
    });
    let (table, broken) = (table.into_inner().unwrap(), broken.into_inner().unwrap());
    print(&table);
    eprintln!("{} commits, {} trials; the story: {:?}", told.points.len(), trials.len(), told.said);
    assert!(broken.is_empty(), "{} of {} trials broke a promise:\n{}", broken.len(), trials.len(), broken.join("\n"));
    let failed: usize = table.values().map(|counted| counted.failed).sum();
    assert_eq!(failed, trials.len(), "every trial's failure came");
}

/// What the checks are worth: a disk that forgets what it confirmed breaks a promise with every leaf and every cosignature. Of an import
/// nobody is told before its last commit.
#[test]
fn a_disk_that_forgets_what_it_confirmed_is_seen() {
    let told = play(None).unwrap();
    let matters = |point: &Point| match point.tree {
        Tree::Log | Tree::Ended(_) => point.kinds.contains("E"),
        Tree::Records => false,
        Tree::Persons => true,
        Tree::Witness => point.kinds.contains("L"),
    };
    let forgotten = |at: usize| play(Some(Trial { first: (at, Way::Forgotten), again: None }));
    // Of what a node writes while it starts nobody was told yet.
    let seen = |at: usize| match std::panic::catch_unwind(|| forgotten(at)) {
        Ok(played) => played.map_or(true, |played| played.struck[0].starting),
        Err(_) => false,
    };
    let points: Vec<_> = told.points.iter().enumerate().filter(|(_, point)| matters(point)).collect();
    let unseen: Vec<_> = points.iter().filter(|(at, _)| !seen(*at)).collect();
    assert!(
        points.len() > 50 && unseen.is_empty(),
        "of {} commits these were forgotten, and nobody noticed: {unseen:?}",
        points.len()
    );
}
