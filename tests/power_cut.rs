//! A power cut at the moment of an acknowledgement: no acknowledged leaf is lost, whatever the page cache still held (promise 9).
//!
//! Guangzhou's data lies on ext4 in a loop image. While answers come in, the daemon is stopped where it stands and the image is copied:
//! what the kernel had issued to the device by then. The copy is mounted, its journal replayed, its store opened by the daemon's own
//! code, and every answer that a service had is looked up in it. A cache inside a device that lies is not modelled. Skipped with a notice
//! where loop devices cannot be mounted.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::Frontier;
use creditbay_node::store::Store;
use creditbay_node::store::log as layout;
use creditbay_node::store::on_disk::OnDisk;
use harness::loop_disk::{LoopDisk, run};
use harness::network::{Network, Services};
use harness::samples::Expected;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Power cuts; `CREDITBAY_POWER_CUTS` asks for another number.
const CUTS: usize = 31;
/// Leaves that the log has at least before the first cut: a node of sled's tree is full by then (design 5).
const LEAVES_BEFORE: usize = 10_000;
/// Questions in flight.
const ASKING: usize = 64;
/// More than the node keeps in reserve, and room for what the test writes.
const IMAGE_MIB: u64 = 1024;

/// The answers that reached a service: index and hash of the leaf in the issuer's log.
type Acknowledged = Arc<Mutex<Vec<(u64, Digest)>>>;

#[test]
fn a_power_cut_at_the_acknowledgement_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("gz.img");
    let made = LoopDisk::make_image(&image, IMAGE_MIB);
    let Some(disk) = made.then(|| LoopDisk::mount(&image, &folder.path().join("disk"))).flatten() else {
        eprintln!("power cuts are skipped: no loop image with ext4 can be mounted here");
        return;
    };
    let mut network = Network::lay_out_for_load(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    std::os::unix::fs::symlink(disk.folder(), network.folder().join("gz/data")).unwrap();
    network.launch("gz").unwrap();
    network.launch("hk").unwrap();
    network.await_peers("hk").unwrap();

    let runtime = Runtime::new().unwrap();
    let question = Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().body();
    let (acknowledged, over) = (Acknowledged::default(), Arc::new(AtomicBool::new(false)));
    for _ in 0..ASKING {
        let services = network.services("hk").unwrap();
        runtime.spawn(ask_until(services, question.clone(), acknowledged.clone(), over.clone()));
    }
    let told = || acknowledged.lock().unwrap().len();
    while told() < LEAVES_BEFORE {
        std::thread::sleep(Duration::from_millis(50));
    }
    let cuts = std::env::var("CREDITBAY_POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(CUTS);
    for cut in 0..cuts {
        let before = told();
        while told() == before {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(cut as u64 * 7 % 40));
        let copy = folder.path().join("copy.img");
        network.pause("gz").unwrap();
        let known = acknowledged.lock().unwrap().clone();
        assert!(run("cp", &["--sparse=always", &image.display().to_string(), &copy.display().to_string()]));
        network.resume("gz").unwrap();
        look_up(&known, &copy, &folder.path().join("mounted"), cut);
    }
    over.store(true, Ordering::Release);
    eprintln!("{cuts} power cuts; {} answers acknowledged in all, none lost", told());
}

fn look_up(known: &[(u64, Digest)], copy: &Path, at: &Path, cut: usize) {
    let mounted = LoopDisk::mount(copy, at).unwrap_or_else(|| panic!("cut {cut}: the copy does not mount"));
    {
        let store = OnDisk::open(&at.join("store"), 16).unwrap_or_else(|error| panic!("cut {cut}: {error}"));
        let head = layout::head(&store as &dyn Store).unwrap().unwrap_or_else(|| panic!("cut {cut}: no head"));
        let leaves = layout::read_leaves(&store, 0, head.size).unwrap_or_else(|error| panic!("cut {cut}: {error}"));
        let mut frontier = Frontier::empty();
        let hashes: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        hashes.iter().for_each(|hash| frontier.push(*hash));
        assert_eq!(frontier.root(), head.root, "cut {cut}: the root is not that of the leaves");
        for (index, id) in known {
            let held = usize::try_from(*index).ok().and_then(|index| hashes.get(index));
            assert_eq!(held, Some(id), "cut {cut}: acknowledged leaf {index} of {} is lost", head.size);
        }
    }
    drop(mounted);
}

async fn ask_until(services: Services, question: Value, acknowledged: Acknowledged, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Acquire) {
        match services.ask(&question).await {
            Ok(said) if said.status == 200 => {
                let attestation = &said.body["attestation"];
                let id = attestation["id"].as_str().and_then(|id| Digest::from_hex(id).ok()).unwrap();
                let proof = attestation["answer"]["tlog_proof"].as_str().unwrap();
                let index = proof.lines().find_map(|line| line.strip_prefix("index ")?.parse().ok()).unwrap();
                acknowledged.lock().unwrap().push((index, id));
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
