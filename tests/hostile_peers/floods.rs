//! Floods of every kind at one node, one after the other: another peer is served meanwhile, and memory stays within its bound.
//!
//! Not here: how much slower the others are (`benches/hostile`).

use std::time::{Duration, Instant};

use harness::attacks::ALL;
use harness::forger::Forger;
use harness::network::Network;
use serde_json::json;

/// How long each flood lasts at least.
const LONG: Duration = Duration::from_millis(1_500);
/// MiB that all floods together may add to what a node has at rest. The sum behind it: of one peer 4 connections of 8 MiB of windows; at the
/// services' door 512 visitors with 16 KiB of head each, in buffers that grow by doubling and so may have twice as much; and as much
/// again as both for handshakes, tasks, and what the allocator keeps.
const BOUND_MIB: u64 = 2 * (32 + 512 * 2 * 16 / 1_024);

#[tokio::test(flavor = "multi_thread")]
async fn while_somebody_floods_others_are_served_and_memory_stays_within_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out_for_load(&folder.path().join("n"), &["gz", "hk", "mo"]).unwrap();
    for city in ["gz", "hk"] {
        network.configure(city, "peer_wait_seconds = 2", "peer_wait_seconds = 0").unwrap();
        network.launch(city).unwrap();
    }
    network.await_peers("hk").unwrap();
    let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": {"scheme": "uscc", "value": "91440106YL19999995"},
        "predicates": [{"shape": "not_listed", "of": "SER_ANY", "window_months": 0}]});
    let asked = async || assert_eq!(network.query("hk", &question).await.unwrap().status, 200);
    for _ in 0..50 {
        asked().await;
    }
    let (rest, _) = network.memory_mib("gz").unwrap();
    let mut mo = Forger::of(&network, "mo").unwrap();
    for attack in ALL {
        let waging = attack.begin(mo, "gz", network.services_url("gz").unwrap()).unwrap();
        waging.begun().await;
        let (since, mut served) = (Instant::now(), 0);
        while since.elapsed() < LONG {
            asked().await;
            served += 1;
        }
        let attempts;
        (attempts, mo) = waging.end().unwrap();
        let (now, highest) = network.memory_mib("gz").unwrap();
        eprintln!(
            "{attack:?}: {attempts} attempts, {served} questions of another peer's answered, {rest} MiB at rest, {now} now, {highest} at most"
        );
        assert!(highest <= rest + BOUND_MIB, "{attack:?}: {highest} MiB, at rest {rest}");
    }
    network.stop("gz").unwrap();
}
