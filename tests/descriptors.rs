//! A daemon that may open few files, and visitors who take more connections than it has: they wait outside, and what the log, the keys and
//! the peers need stays free (promise 10).
//!
//! Not here: what one visitor may send (`refusal`).

use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::http::Door;
use harness::network::Network;
use harness::samples::Expected;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Files that gz's daemon may open.
const MOST: u64 = 400;
/// What it keeps for itself: 256, and what its doors do not share out.
const KEPT: u64 = 200;
/// Connections that say nothing, at each of its doors at most.
const SILENT: usize = 500;
/// How long something may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

fn question() -> Value {
    Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().body()
}

/// Connections that say nothing, until the system's queue before the door is full too.
fn as_many_as_come_in(url: &str) -> Vec<TcpStream> {
    let address = url.split("://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
    (0..SILENT).map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok()).collect()
}

/// Asks until an answer comes.
fn answered(network: &Network, runtime: &Runtime) {
    let since = Instant::now();
    loop {
        let said = runtime.block_on(network.query("hk", &question())).unwrap();
        if said.status == 200 {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{}", said.body);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a door says anything within a second.
fn speaks(runtime: &Runtime, url: &str, path: &str) -> bool {
    let door = Door::at(url).unwrap();
    let asked = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), door.get(path)).await });
    asked.is_ok_and(|reply| reply.is_ok())
}

fn await_voice(runtime: &Runtime, url: &str, path: &str) {
    let since = Instant::now();
    while !speaks(runtime, url, path) {
        assert!(since.elapsed() < PATIENCE, "{url} says nothing");
    }
}

fn network(folder: &std::path::Path) -> Network {
    let mut network = Network::lay_out_for_load(folder, &["gz", "hk"]).unwrap();
    network.limit_files("gz", MOST);
    network.launch("gz").unwrap();
    network.launch("hk").unwrap();
    network.await_peers("hk").unwrap();
    network
}

#[test]
fn visitors_beyond_what_a_daemon_may_open_wait_outside_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (network, runtime) = (network(&folder.path().join("n")), Runtime::new().unwrap());
    answered(&network, &runtime);
    let (services, auditors) = (network.services_url("gz").unwrap(), network.auditors_url("gz").unwrap());
    let silent: Vec<_> = [services, auditors].iter().flat_map(|url| as_many_as_come_in(url)).collect();
    assert!(silent.len() > 150, "only {} came as far as the queues", silent.len());
    assert!(!speaks(&runtime, auditors, "/checkpoint") && !speaks(&runtime, services, "/metrics"), "both doors are full");
    let open = network.open_files("gz").unwrap();
    assert!(open + KEPT <= MOST, "{open} of {MOST} files are open");
    (0..20).for_each(|_| answered(&network, &runtime));
    let gz = network.folder().join("gz").display().to_string();
    let status = network.creditbay(["--json", "status", "--node", &gz]).unwrap();
    assert_eq!(status.code, 0, "the operator gets in: {status:?}");
    drop(silent);
    await_voice(&runtime, auditors, "/checkpoint");
    await_voice(&runtime, services, "/metrics");
    let exported = runtime.block_on(network.export("gz", &folder.path().join("copy"))).unwrap();
    assert!(exported.len() > 20, "{} leaves", exported.len());
    eprintln!("silent visitors until both queues were full, {open} of {MOST} files open");
}

/// Whatever else takes the last one: nothing breaks that is open, and what was refused is served once there are files again.
#[test]
fn a_daemon_that_can_open_nothing_more_answers_on_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (network, runtime) = (network(&folder.path().join("n")), Runtime::new().unwrap());
    answered(&network, &runtime);
    // A number that is taken already: no file gets a higher one.
    network.limit_files_now("gz", 10).unwrap();
    (0..20).for_each(|_| answered(&network, &runtime));
    assert!(!speaks(&runtime, network.auditors_url("gz").unwrap(), "/checkpoint"));
    network.limit_files_now("gz", MOST).unwrap();
    await_voice(&runtime, network.auditors_url("gz").unwrap(), "/checkpoint");
    answered(&network, &runtime);
}

#[test]
fn a_daemon_that_may_open_too_few_files_does_not_start_and_says_how_many_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    network.limit_files("gz", 300);
    let ended = network.launch_in_vain("gz").unwrap();
    assert!(ended.code == 1 && ended.stderr.contains("may open 300 files, and a node needs 320"), "{ended:?}");
}
