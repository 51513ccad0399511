//! What the store becomes as the log grows: how fast leaves are appended, how long it takes to open, how much room it takes.
//!
//! `cargo bench -p creditbay-tests --bench growth -- 10000 100000 1000000`. Batches are those of exchanges: a third each queries, answers
//! and receipts. *Logical bytes* are all keys and values that the log's tree holds, each once: leaves, hashes, sealed rows, head.
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use creditbay_node::store::on_disk::{OnDisk, compact};
use creditbay_node::store::{Store, Tree};
use harness::log_alone::Alone;

const CACHE_MIB: u64 = 32;

fn main() -> Result<()> {
    let sizes: Vec<u64> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000] } else { sizes };
    let folder = tempfile::tempdir().context("a folder")?;
    println!("leaves    append/s  open ms  logical MB  disk MB  ratio  compacted MB  ratio  open ms  append/s");
    for size in sizes {
        measure(&folder.path().join(size.to_string()), size)?;
    }
    Ok(())
}

fn measure(folder: &Path, size: u64) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let store = folder.join("log-alone/store");
    let mut log = Alone::open_for_growth(folder)?;
    while log.size() < size {
        log.write()?;
    }
    let rate = rate(&mut log)?;
    drop(log);
    let open = open(folder)?;
    let logical = logical(&store)?;
    let (before, after) = compact(&store, CACHE_MIB)?;
    let reopen = self::open(folder)?;
    let mut log = Alone::open_for_growth(folder)?;
    let again = self::rate(&mut log)?;
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let ratio = |bytes: u64| bytes as f64 / logical as f64;
    println!(
        "{size:>9} {rate:>8.0} {open:>8.0} {:>11.1} {:>8.1} {:>6.2} {:>13.1} {:>6.2} {reopen:>8.0} {again:>9.0}",
        mb(logical),
        mb(before),
        ratio(before),
        mb(after),
        ratio(after)
    );
    Ok(())
}

/// Leaves a second over the next forty batches.
fn rate(log: &mut Alone) -> Result<f64> {
    let (before, mut micros) = (log.size(), 0);
    for _ in 0..40 {
        micros += log.write()?;
    }
    Ok((log.size() - before) as f64 * 1e6 / micros as f64)
}

/// Milliseconds from nothing to a writer that could begin.
fn open(folder: &Path) -> Result<f64> {
    let began = Instant::now();
    drop(Alone::open_for_growth(folder)?);
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn logical(store: &Path) -> Result<u64> {
    let store = OnDisk::open(store, CACHE_MIB)?;
    let (mut from, mut bytes) = (Vec::new(), 0);
    loop {
        let pairs = store.range(Tree::Log, &from, &[0xff], 1_024)?;
        let Some((last, _)) = pairs.last() else { return Ok(bytes) };
        from = [last.as_slice(), &[0]].concat();
        bytes += pairs.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
    }
}
