//! What the pushes of witnesses cost an exchange: two pairs of nodes, asked in turns. In one, each node cosigns the other's heads; in the
//! other, nobody finds the witnesses' doors. The requester's own cosignature, which every answer bears, is in both.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use creditbay_node::node::Node;
use harness::http::Door;
use harness::network::Network;
use harness::samples;

use crate::ask;

const ROUNDS: usize = 9;
const IN_FLIGHT: usize = 256;

/// Hong Kong's node in this process, Guangzhou's as a daemon.
struct Pair {
    network: Network,
    hk: Arc<Node>,
}

impl Pair {
    async fn start(folder: &Path, witnessed: bool) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut network = Network::lay_out_for_load(folder, &["gz", "hk"])?;
        if !witnessed {
            for city in ["gz", "hk"] {
                let config = std::fs::read_to_string(network.config(city))?;
                let door = config.lines().find(|line| line.starts_with("auditors = ")).context("no auditors' door")?;
                network.configure(city, door, "auditors = \"127.0.0.1:0\"")?;
            }
        }
        network.launch("gz")?;
        let files = samples::copy_records("gz", folder)?;
        let imported = network.import("gz", &files)?;
        ensure!(imported.code == 0 || imported.code == 5, "the import ended with {}: {}", imported.code, imported.stderr);
        let hk = Arc::new(Node::start(&network.config("hk")).await?);
        Ok(Self { network, hk })
    }

    /// Cosignatures on this log's heads that others pushed.
    async fn received(&self) -> Result<u64> {
        let metrics = Door::at(self.network.services_url("gz")?)?.get("/metrics").await?;
        let metrics = String::from_utf8_lossy(&metrics.body);
        let lines = metrics.lines().filter(|line| line.starts_with("creditbay_cosignatures_received_total"));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    async fn stop(mut self) -> Result<()> {
        self.network.stop("gz")?;
        match Arc::try_unwrap(self.hk) {
            Ok(hk) => hk.shut_down().await,
            Err(_) => bail!("a task still holds the node"),
        }
        Ok(())
    }
}

/// Prints the median of the rounds' ratios.
pub(crate) async fn measure(time: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let with = Pair::start(&folder.path().join("with"), true).await?;
    let without = Pair::start(&folder.path().join("without"), false).await?;
    println!("exchanges per second at {IN_FLIGHT} in flight, in turns: with witnesses, without");
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let (first, second) = if round % 2 == 0 { (&with, &without) } else { (&without, &with) };
        let first = ask(first.hk.clone(), IN_FLIGHT, time).await?.per_second;
        let second = ask(second.hk.clone(), IN_FLIGHT, time).await?.per_second;
        let (with, without) = if round % 2 == 0 { (first, second) } else { (second, first) };
        println!("  {with:>8.0} {without:>8.0}   {:.3}", with / without);
        ratios.push(with / without);
    }
    ratios.sort_by(f64::total_cmp);
    let (received, none) = (with.received().await?, without.received().await?);
    ensure!(received > 0 && none == 0, "{received} cosignatures with witnesses and {none} without");
    println!("  ({received} cosignatures were pushed to Guangzhou's log meanwhile)");
    crate::ratio("exchanges with witnesses over exchanges without", ratios[ROUNDS / 2], ">= 0.95");
    println!("the rounds: {:.3} to {:.3}", ratios[0], ratios[ROUNDS - 1]);
    with.stop().await?;
    without.stop().await
}
