//! `cargo run --release -p creditbay-tests --example simulate -- [--schedules N] [--from SEED]`: plays schedules of the whole network in one
//! process (`simulation`), on every processor; a failing seed is printed with the command that replays it.
//!
//! `--seed SEED` plays that schedule alone and prints its trace, `--mutants` plays nodes with one thing wrong until each is caught. Not here:
//! what is played.
#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use harness::simulation::mutant::Mutant;
use harness::simulation::{Report, play};

const USAGE: &str = "usage: simulate [--schedules N] [--from SEED] | --seed SEED | --mutants";

struct Wanted {
    schedules: u64,
    from: u64,
    seed: Option<u64>,
    mutants: bool,
}

fn main() -> Result<ExitCode> {
    let wanted = arguments(std::env::args().skip(1))?;
    match wanted.seed {
        Some(seed) => tell(&play(seed, None)?),
        None if wanted.mutants => catch_mutants(&wanted),
        None => play_many(&wanted),
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Wanted> {
    let mut wanted = Wanted { schedules: 200, from: 0, seed: None, mutants: false };
    while let Some(argument) = given.next() {
        let mut number = || -> Result<u64> { Ok(given.next().with_context(|| format!("{argument} needs a number"))?.parse()?) };
        match argument.as_str() {
            "--schedules" => wanted.schedules = number()?,
            "--from" => wanted.from = number()?,
            "--seed" => wanted.seed = Some(number()?),
            "--mutants" => wanted.mutants = true,
            other => bail!("unknown argument {other}; {USAGE}"),
        }
    }
    Ok(wanted)
}

/// One schedule with all that happened in it.
fn tell(report: &Report) -> Result<ExitCode> {
    report.lines.iter().for_each(|line| println!("{line}"));
    println!("logs {}\ntrace {}", report.logs, report.trace);
    match &report.broken {
        None => Ok(ExitCode::SUCCESS),
        Some(broken) => {
            println!("seed {}: {broken}", report.seed);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Each mutant, with the first schedule in which it breaks a promise.
fn catch_mutants(wanted: &Wanted) -> Result<ExitCode> {
    let mut escaped = false;
    for mutant in Mutant::ALL {
        let seeds = wanted.from..wanted.from + wanted.schedules;
        let caught = seeds
            .map(|seed| play(seed, Some(mutant)))
            .find(|played| played.as_ref().map_or(true, |report| report.broken.is_some()));
        match caught.transpose()? {
            Some(Report { seed, broken: Some(broken), .. }) => println!("{mutant:?}: seed {seed}, {broken}"),
            _ => {
                escaped = true;
                println!("{mutant:?}: NOT caught in {} schedules", wanted.schedules);
            }
        }
    }
    Ok(if escaped { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn play_many(wanted: &Wanted) -> Result<ExitCode> {
    let since = Instant::now();
    let next = AtomicU64::new(wanted.from);
    let end = wanted.from + wanted.schedules;
    let (counts, failed) = (Mutex::new(BTreeMap::<&str, u64>::new()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    match play(seed, None) {
                        Ok(report) => note(report, &counts, &failed),
                        Err(error) => failed.lock().expect("no panic").push((seed, format!("{error:#}"))),
                    }
                }
            });
        }
    });
    let counts = counts.into_inner()?;
    let steps: u64 = counts.values().sum();
    println!("{} schedules, {steps} steps, {:.1} s on {threads} threads", wanted.schedules, since.elapsed().as_secs_f64());
    counts.iter().for_each(|(kind, count)| println!("    {count:>9}  {kind}"));
    let failed = failed.into_inner()?;
    for (seed, how) in &failed {
        println!("seed {seed}: {how}\n    cargo run --release -p creditbay-tests --example simulate -- --seed {seed}");
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn note(report: Report, counts: &Mutex<BTreeMap<&'static str, u64>>, failed: &Mutex<Vec<(u64, String)>>) {
    let mut counts = counts.lock().expect("no panic");
    for (kind, count) in report.counts {
        *counts.entry(kind).or_default() += count;
    }
    if let Some(broken) = report.broken {
        failed.lock().expect("no panic").push((report.seed, broken.to_string()));
    }
}
