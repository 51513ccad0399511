//! Peers and clients that lie, flood and stall, at the doors of real daemons: each rejection has a name, and its counter moves by as many as
//! there were attempts (promises 2, 7 and 10).
//!
//! Not here: what the limits are worth under load (`benches/hostile`), and peers from other hands (`foreign`).

mod askers;
mod chains;
mod doors;
mod floods;

mod issuers;

use std::collections::BTreeMap;

use harness::counters::Counters;
use harness::network::Network;
use tempfile::TempDir;

/// Refusals that one peer may cause in a minute.
const REFUSALS: u64 = 3;

/// A network in which this city alone runs, and does not wait for the others when it starts: their keys are for forgers.
fn alone(city: &str, cities: &[&str]) -> (TempDir, Network) {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out(&folder.path().join("n"), cities).unwrap();
    network.configure(city, "peer_wait_seconds = 2", "peer_wait_seconds = 0").unwrap();
    let refusals = format!("refusals_per_peer_per_minute = {REFUSALS}");
    network.configure(city, "refusals_per_peer_per_minute = 600", &refusals).unwrap();
    network.launch(city).unwrap();
    (folder, network)
}

/// What a city's daemon counted as refused since this reading.
async fn refused(network: &Network, city: &str, before: &Counters) -> BTreeMap<String, u64> {
    Counters::read(network, city).await.unwrap().refused_since(before)
}
