//! The whole network in one process, from one number: four nodes at message level on the real exchange, policy and log code, with the
//! store in memory and a seeded clock, chance and network; a model that sees the seams alone judges every step.
//!
//! `cargo run --release -p creditbay-tests --example simulate -- --schedules 10000` plays many, `--seed N` one, with its trace. Not here:
//! sled and QUIC, which the tests with real processes drive.

mod bay;
mod chance;
mod city;
mod cosign;
mod damage;
mod disk;
mod gate;
mod ground;
mod machine;
mod model;
pub mod mutant;
mod orders;
mod post;
mod process;
mod questions;
mod regions;
mod schedule;
pub mod story;
mod twice;
mod weather;
mod wire;

use std::collections::BTreeMap;

use anyhow::Result;
use creditbay_crypto::hash::Digest;

use self::mutant::Mutant;
use self::schedule::Schedule;
use self::story::Broken;

/// What one schedule came to.
pub struct Report {
    /// Its number.
    pub seed: u64,
    /// How often each kind of thing happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// The promise that was broken first.
    pub broken: Option<Broken>,
    /// A hash over the leaves of all logs.
    pub logs: Digest,
    /// A hash over the trace.
    pub trace: Digest,
    /// The trace.
    pub lines: Vec<String>,
}

/// Plays the schedule of this number, to the end or until a promise is broken.
pub fn play(seed: u64, mutant: Option<Mutant>) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let schedule = Schedule::begin(seed, mutant)?;
        schedule.play().await;
        let bay = schedule.bay();
        Ok(Report {
            seed,
            counts: bay.story.counts(),
            broken: bay.story.first_broken(),
            logs: bay.model.digest(),
            trace: bay.story.digest(),
            lines: bay.story.lines(),
        })
    })
}
