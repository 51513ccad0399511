//! A daemon that is killed where it stands, again and again under load, forgets nothing that it acknowledged and released nothing that
//! it did not log (promises 1 and 9).
//!
//! Not here: power cuts, which take more than a process with them (`power_cut`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::leaf::LeafBody;
use harness::archive::parse;
use harness::network::{Network, Services};
use harness::samples::Expected;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Questions in flight.
const ASKING: usize = 16;
/// How often a daemon is killed; `CREDITBAY_KILLS` asks for another number.
const KILLS: u64 = 31;
/// Kills of one network; more of them go to another one, since a start takes longer the longer a log is.
const KILLS_EACH: u64 = 200;
/// After so many kills both logs are fetched and verified whole.
const LOOK_EVERY: u64 = 10;
/// Answers before the first kill: the store is past its first pages by then (design 5).
const ANSWERS_BEFORE: usize = 10_000;

/// The answers that reached a service, by the hash of their leaf.
pub(crate) type Acknowledged = Arc<Mutex<BTreeSet<Digest>>>;

#[test]
fn a_killed_node_keeps_every_acknowledged_leaf_and_released_nothing_unlogged() {
    let mut left = std::env::var("CREDITBAY_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    while left > 0 {
        let kills = left.min(KILLS_EACH);
        killed(kills);
        left -= kills;
    }
}

/// Kills the nodes of a network so often, and holds what they acknowledged against what they have.
fn killed(kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start_for_load(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let runtime = Runtime::new().unwrap();
    let question = Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().body();
    let acknowledged = Acknowledged::default();
    let over = Arc::new(AtomicBool::new(false));
    for _ in 0..ASKING {
        let (services, question) = (network.services("hk").unwrap(), question.clone());
        runtime.spawn(ask_until(services, question, acknowledged.clone(), over.clone()));
    }

    let mut before: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let told = || acknowledged.lock().unwrap().len();
    while told() < ANSWERS_BEFORE {
        std::thread::sleep(Duration::from_millis(50));
    }
    for kill in 0..kills {
        // Both sides in turn, each time at another moment of its work.
        let city = if kill % 2 == 0 { "gz" } else { "hk" };
        std::thread::sleep(Duration::from_millis(150 + kill * 61 % 400));
        let told = acknowledged.lock().unwrap().clone();
        network.kill(city).unwrap();
        network.launch(city).unwrap();
        if kill % LOOK_EVERY != 0 {
            continue;
        }
        for city in ["gz", "hk"] {
            let leaves = export(&network, &runtime, city, folder.path());
            if let Some(earlier) = before.get(city) {
                assert!(
                    leaves.len() >= earlier.len(),
                    "kill {kill}: {city}'s log shrank from {} to {} leaves",
                    earlier.len(),
                    leaves.len()
                );
                assert!(leaves[..earlier.len()] == earlier[..], "kill {kill}: {city}'s log has another beginning");
            }
            before.insert(city, leaves);
        }
        hold(&told, &before["gz"], &before["hk"], &format!("kill {kill}"));
    }
    network.await_peers("hk").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    over.store(true, Ordering::Release);
    drop(runtime);

    let runtime = Runtime::new().unwrap();
    let told = acknowledged.lock().unwrap().clone();
    assert!(told.len() > 100, "only {} answers came through", told.len());
    let (gz, hk) = (export(&network, &runtime, "gz", folder.path()), export(&network, &runtime, "hk", folder.path()));
    hold(&told, &gz, &hk, "at the end");
    eprintln!("{} answers acknowledged over {kills} kills; gz {} leaves, hk {} leaves", told.len(), gz.len(), hk.len());
}

pub(crate) async fn ask_until(services: Services, question: Value, acknowledged: Acknowledged, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Acquire) {
        match services.ask(&question).await {
            Ok(said) if said.status == 200 => {
                let id = said.body["attestation"]["id"].as_str().and_then(|id| Digest::from_hex(id).ok()).unwrap();
                acknowledged.lock().unwrap().insert(id);
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

pub(crate) fn export(network: &Network, runtime: &Runtime, city: &str, folder: &Path) -> Vec<Vec<u8>> {
    let copy = folder.join("copy").join(city);
    let leaves = runtime.block_on(network.export(city, &copy)).unwrap();
    let shown = [&copy, &network.folder().join("network.toml")].map(|path| path.display().to_string());
    let verified = network.creditbay(["log", "verify", "--region", city, &shown[0], "--network", &shown[1]]).unwrap();
    assert_eq!(verified.code, 0, "{city}'s log does not verify: {}{}", verified.stdout, verified.stderr);
    std::fs::remove_dir_all(copy).unwrap();
    leaves
}

/// Every answer that a service got stands in the issuer's log, and the query that it names in the asker's.
pub(crate) fn hold(acknowledged: &BTreeSet<Digest>, issuer: &[Vec<u8>], asker: &[Vec<u8>], when: &str) {
    let answers: BTreeMap<_, _> = parse(issuer)
        .unwrap()
        .into_iter()
        .filter_map(|leaf| match &leaf.body {
            LeafBody::Answer { query, .. } => Some((leaf.hash(), *query)),
            _ => None,
        })
        .collect();
    let queries: BTreeSet<_> = parse(asker).unwrap().iter().map(|leaf| leaf.hash()).collect();
    for id in acknowledged {
        let query =
            answers.get(id).unwrap_or_else(|| panic!("{when}: an answer was released that the issuer's log does not have"));
        assert!(queries.contains(query), "{when}: the query of an acknowledged answer is not in the asker's log");
    }
}
