//! What a proof of inclusion costs in a large log: from a tree in memory, and through the node's own log on a real store, where one level of
//! eight is kept. Each with its ratio to a SHA-256 of 1 KiB in the same run.
//!
//! `cargo bench -p creditbay-tests --bench proof [-- LEAVES]`, a million by default. Goal: a proof in 100 us. Trust the ratios of one run, not
//! the times of two. Not here: a limit that fails.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::{Frontier, Window, inclusion};
use creditbay_crypto::merkle::verify::verify_inclusion;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::host::clock::Clock;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::host::telemetry::Metrics;
use creditbay_node::log::append::Item;
use creditbay_node::log::entry::Entry;
use creditbay_node::log::recover::{Parts, Recovered, recover};
use creditbay_node::log::seals::Seals;
use creditbay_node::log::seen::Seen;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::Event;
use creditbay_protocol::name::Region;
use tokio::sync::oneshot;

const GOAL_MICROS: f64 = 100.0;
/// Leaves of one batch while the log is filled.
const BATCH: u64 = 4_096;
/// Proofs of one round, and rounds of which the median counts.
const CALLS: u64 = 500;
const ROUNDS: usize = 15;

fn main() -> Result<()> {
    let leaves = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let kilobyte = [7u8; 1024];
    let hash = median(|_| Ok(Digest::of(black_box(&kilobyte))))?;
    println!("  SHA-256 of 1 KiB                  {hash:>8.2} us");
    tell("from a tree in memory", in_memory(leaves)?, hash);
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    fill(folder.path(), leaves)?;
    println!("  (a log of {leaves} leaves was written in {:.1} s)", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let log = open(folder.path())?.log;
    println!("  (and opened again in {:.2} s)", began.elapsed().as_secs_f64());
    let head = log.head();
    tell("through the node's log, on disk", median(|index| Ok(log.prove(index % leaves, &head)?))?, hash);
    Ok(())
}

fn tell(what: &str, micros: f64, hash: f64) {
    let ratio = micros / hash;
    println!("  {what:<33} {micros:>8.2} us   {ratio:>6.1} x SHA-256 of 1 KiB   {:>5.2} of the goal", micros / GOAL_MICROS);
}

/// Microseconds of one call, the median of the rounds; each call gets another number, spread over all.
fn median<T>(mut call: impl FnMut(u64) -> Result<T>) -> Result<f64> {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS as u64 {
        let began = Instant::now();
        for number in 0..CALLS {
            black_box(call((round * CALLS + number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8)?);
        }
        rounds.push(began.elapsed().as_secs_f64() * 1e6 / CALLS as f64);
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[ROUNDS / 2])
}

fn in_memory(leaves: u64) -> Result<f64> {
    let mut window = Window::from_frontier(&Frontier::empty());
    (0..leaves).for_each(|index| window.push(leaf_hash(&index.to_le_bytes())));
    let root = window.root();
    let path = inclusion(leaves / 3, leaves, &window)?;
    verify_inclusion(&leaf_hash(&(leaves / 3).to_le_bytes()), leaves / 3, leaves, &path, &root)?;
    median(|index| Ok(inclusion(index % leaves, leaves, &window)?))
}

/// The log in a folder, as a node opens it.
fn open(folder: &Path) -> Result<Recovered> {
    let (clock, entropy, metrics) = (Arc::new(Clock::host()), Arc::new(Entropy::system()), Arc::new(Metrics::default()));
    let store = Arc::new(OnDisk::open(&folder.join("store"), 64)?);
    let origin = "gz.creditbay/log/1";
    Ok(recover(Parts {
        store: store.clone(),
        origin: origin.parse()?,
        signer: NoteSigner::new(origin.parse()?, KeyKind::Ed25519, SigningKey::from_seed(Seed::from_bytes([3; 32]))),
        seals: Arc::new(Seals::new(EpochKeys::in_folder(&folder.join("keys"))?)?),
        clock: clock.clone(),
        entropy,
        metrics: metrics.clone(),
        seen: Arc::new(Seen::of_nobody(store.clone(), clock, metrics)?),
        reserve: None,
    })?)
}

/// Writes leaves that say nothing of interest.
fn fill(folder: &Path, leaves: u64) -> Result<()> {
    let mut recovered = open(folder)?;
    let peer = Region::new("hk")?;
    let mut written = 0;
    while written < leaves {
        let count = BATCH.min(leaves - written);
        let (mut items, mut last) = (Vec::new(), None);
        for number in 0..count {
            let (done, wait) = oneshot::channel();
            let entry = Entry::Event(Event::TurnedAway { peer, since: Millis(written + number), count: 1 });
            items.push(Item::Leaf { entry, spendings: Vec::new(), done });
            last = Some(wait);
        }
        recovered.writer.write(items);
        last.context("a batch has a last leaf")?.blocking_recv()??;
        written += count;
    }
    ensure!(recovered.log.head().signed().checkpoint().size == leaves, "the log has another size than {leaves}");
    Ok(())
}
