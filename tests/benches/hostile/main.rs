//! What others are served while somebody floods, as ratios out of one run: `cargo bench -p creditbay-tests --bench hostile [-- SECONDS] [FLOOD]`.
//!
//! Hong Kong's services ask Guangzhou through both daemons, four questions in flight, for SECONDS (2) at a time, in turn alone, beside a thread
//! that only computes, and beside a flood at Guangzhou's doors; three turns each, and a network of its own for each flood. The flood runs on
//! the same processors: what its own work takes from everybody is what the computing thread takes, and the second ratio leaves it out. Beside
//! them stands the processor time of Guangzhou's daemon that the questions do not explain.
#![allow(clippy::print_stdout)]

#[allow(dead_code, reason = "the exchange's bench has a use for the rest")]
#[path = "../exchange/load.rs"]
mod load;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use harness::attacks::{ALL, Attack};
use harness::forger::Forger;
use harness::network::Network;

use crate::load::drive_http;

const IN_FLIGHT: usize = 4;
const TURNS: usize = 3;
const BODY: &str = r#"{"purpose":"FIN","operator":"bench","subject":{"scheme":"uscc","value":"91440106YL19999995"},"predicates":[{"shape":"not_listed","of":"SER_ANY","window_months":0}]}"#;

/// What was measured in all turns of one kind.
#[derive(Default)]
struct Phase {
    answers: f64,
    elapsed: f64,
    processor: f64,
}

impl Phase {
    fn per_second(&self) -> f64 {
        self.answers / self.elapsed
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(2);
    let wanted = |attack: &Attack| {
        let name = format!("{attack:?}");
        arguments.iter().all(|argument| argument.parse::<u64>().is_ok() || *argument == name)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("                  served beside it, of what is served");
    println!("flood              alone  beside computing  attempts/s  answers/s alone  gz's processor  MiB before, most, after");
    for attack in ALL.into_iter().filter(wanted) {
        runtime.block_on(measure(attack, Duration::from_secs(seconds)))?;
    }
    Ok(())
}

async fn measure(attack: Attack, time: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut network = Network::lay_out_for_load(&folder.path().join("n"), &["gz", "hk", "mo"])?;
    for city in ["gz", "hk"] {
        network.configure(city, "peer_wait_seconds = 2", "peer_wait_seconds = 0")?;
        network.launch(city)?;
    }
    network.await_peers("hk")?;
    let mut warm_up = Phase::default();
    turn(&network, time, &mut warm_up).await?;
    let (before, _) = network.memory_mib("gz")?;
    let (mut alone, mut busy, mut flooded) = (Phase::default(), Phase::default(), Phase::default());
    let (mut mo, mut attempts) = (Forger::of(&network, "mo")?, 0);
    for _ in 0..TURNS {
        turn(&network, time, &mut alone).await?;
        beside_computing(turn(&network, time, &mut busy)).await?;
        let waging = attack.begin(mo, "gz", network.services_url("gz")?)?;
        waging.begun().await;
        turn(&network, time, &mut flooded).await?;
        let tried;
        (tried, mo) = waging.end()?;
        attempts += tried;
    }
    let (after, most) = network.memory_mib("gz")?;
    let of_questions = alone.processor / alone.answers * flooded.answers;
    println!(
        "{:<17} {:>6.2} {:>17.2} {:>11.0} {:>16.0} {:>13.0} % {:>11} {:>5} {:>6}",
        format!("{attack:?}"),
        flooded.per_second() / alone.per_second(),
        flooded.per_second() / busy.per_second(),
        attempts as f64 / flooded.elapsed,
        alone.per_second(),
        (flooded.processor - of_questions).max(0.0) / flooded.elapsed * 100.0,
        before,
        most,
        after
    );
    Ok(())
}

/// Waits for this beside a thread that has nothing to do with it and computes.
async fn beside_computing<T>(act: impl Future<Output = T>) -> T {
    let done = Arc::new(AtomicBool::new(false));
    let until = done.clone();
    let computing = std::thread::spawn(move || {
        let mut value = 0u64;
        while !until.load(Ordering::Relaxed) {
            value = std::hint::black_box(value.wrapping_mul(31).wrapping_add(1));
        }
    });
    let outcome = act.await;
    done.store(true, Ordering::Relaxed);
    let _ = computing.join();
    outcome
}

/// One turn of questions from hk to gz.
async fn turn(network: &Network, time: Duration, phase: &mut Phase) -> Result<()> {
    let hk = network.services("hk")?;
    let url = network.services_url("hk")?.strip_prefix("http://").context("an http URL")?.parse()?;
    let (began, processor) = (Instant::now(), network.processor_time("gz")?);
    let figures = drive_http(url, &hk.token, Bytes::from_static(BODY.as_bytes()), IN_FLIGHT, time).await?;
    let elapsed = began.elapsed().as_secs_f64();
    phase.answers += figures.per_second * elapsed;
    phase.elapsed += elapsed;
    phase.processor += (network.processor_time("gz")? - processor).as_secs_f64();
    Ok(())
}
