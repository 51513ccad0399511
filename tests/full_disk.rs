//! A disk that fills up or turns read-only under load: what cannot be written is refused and nothing leaves without its leaf; reading goes
//! on; with room again, or mended, so does the log (promise 9).
//!
//! Guangzhou's data lies on ext4 in a small loop image, where a quota is set on btrfs. Skipped with a notice where loop devices cannot be
//! mounted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::http::Door;
use harness::loop_disk::LoopDisk;
use harness::network::{Network, Said};
use harness::samples::Expected;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::crash::{Acknowledged, ask_until, export, hold};

/// Questions in flight.
const ASKING: usize = 32;
/// Answers before the disk fills.
const BEFORE: usize = 300;
/// How long the node may take to notice.
const WAIT: Duration = Duration::from_secs(60);

/// gz and hk, gz's folder `below` on a disk of its own, and services that ask on.
struct Load {
    network: Network,
    runtime: Runtime,
    acknowledged: Acknowledged,
    over: Arc<AtomicBool>,
    disk: LoopDisk,
    question: Value,
}

impl Load {
    fn start(folder: &Path, mib: u64, below: &str) -> Option<Self> {
        let image = folder.join("gz.img");
        let disk = LoopDisk::make_image(&image, mib).then(|| LoopDisk::mount(&image, &folder.join("disk"))).flatten();
        if disk.is_none() {
            eprintln!("the full disk is skipped: no loop image with ext4 can be mounted here");
        }
        Some(Self::start_on(disk?, folder, below))
    }

    fn start_on(disk: LoopDisk, folder: &Path, below: &str) -> Self {
        let mut network = Network::lay_out_for_load(&folder.join("n"), &["gz", "hk"]).unwrap();
        let link = network.folder().join("gz").join(below);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(disk.folder(), link).unwrap();
        network.configure("gz", "min_free_mib = 256", "min_free_mib = 64").unwrap();
        network.launch("gz").unwrap();
        network.launch("hk").unwrap();
        network.await_peers("hk").unwrap();
        let question = Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().body();
        let load = Self {
            network,
            runtime: Runtime::new().unwrap(),
            acknowledged: Acknowledged::default(),
            over: Arc::default(),
            disk,
            question,
        };
        for _ in 0..ASKING {
            let services = load.network.services("hk").unwrap();
            load.runtime.spawn(ask_until(services, load.question.clone(), load.acknowledged.clone(), load.over.clone()));
        }
        load.await_answers(BEFORE);
        load
    }

    fn answers(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    fn await_answers(&self, count: usize) {
        let since = Instant::now();
        while self.answers() < count {
            assert!(since.elapsed() < WAIT, "{} answers of {count} came", self.answers());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What gz's own door says to a question of its own, which would be a leaf of gz's.
    fn ask_gz(&self) -> Said {
        let subject = json!({"scheme": "hk-brn", "value": "99000001"});
        let predicates = [json!({"shape": "status_in", "of": "REG_STATUS", "statuses": ["active"]})];
        let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": subject, "predicates": predicates});
        self.runtime.block_on(self.network.query("gz", &question)).unwrap()
    }

    /// Waits until gz's log takes nothing, and tells the reason.
    fn await_refusal(&self) -> Said {
        let since = Instant::now();
        loop {
            let said = self.ask_gz();
            if said.status == 503 {
                return said;
            }
            assert!(since.elapsed() < WAIT, "gz writes on: {}", said.body);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// While nothing can be written: the checkpoint, every tile, metrics and status are served, the log stays as it is, and whatever was
    /// released stands in it.
    fn assert_reads_go_on(&self, folder: &Path) {
        let before = export(&self.network, &self.runtime, "gz", folder);
        let door = Door::at(self.network.services_url("gz").unwrap()).unwrap();
        let metrics = self.runtime.block_on(door.get("/metrics")).unwrap();
        assert!(
            String::from_utf8_lossy(&metrics.body).contains("creditbay_log_refused_batches_total"),
            "refused writes are counted"
        );
        let gz = self.network.folder().join("gz").display().to_string();
        let status = self.network.creditbay(["--json", "status", "--node", &gz]).unwrap();
        assert_eq!(status.code, 0, "{status:?}");
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(status["log"]["size"], before.len(), "{status}");
        assert_eq!(export(&self.network, &self.runtime, "gz", folder), before, "nothing was logged meanwhile");
        let told = self.acknowledged.lock().unwrap().clone();
        hold(&told, &before, &export(&self.network, &self.runtime, "hk", folder), "while the disk is full");
    }

    /// While the file system is broken: status is told, and tiles come whole, or, where sled takes no reads any more either, are refused by name.
    fn assert_reads_are_right_or_refused(&self, folder: &Path) {
        let gz = self.network.folder().join("gz").display().to_string();
        let status = self.network.creditbay(["--json", "status", "--node", &gz]).unwrap();
        assert_eq!(status.code, 0, "{status:?}");
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        match self.runtime.block_on(self.network.export("gz", &folder.join("broken"))) {
            Ok(leaves) => assert_eq!(status["log"]["size"], leaves.len(), "{status}"),
            Err(refused) => assert!(refused.to_string().contains("503 {\"type\":\"log_stopped\""), "{refused}"),
        }
    }

    /// The services stop asking; every answer that they got stands in both logs, which verify.
    fn assert_all_logged(self, folder: &Path) {
        self.over.store(true, Ordering::Release);
        drop(self.runtime);
        let runtime = Runtime::new().unwrap();
        let told = self.acknowledged.lock().unwrap().clone();
        let [gz, hk] = ["gz", "hk"].map(|city| export(&self.network, &runtime, city, folder));
        hold(&told, &gz, &hk, "after the disk was full");
        eprintln!("{} answers acknowledged around a full disk, none lost; gz {} leaves", told.len(), gz.len());
    }
}

#[test]
fn below_the_reserve_nothing_is_written_until_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(load) = Load::start(folder.path(), 256, "data") else { return };
    load.disk.fill(48).unwrap();
    let refused = load.await_refusal();
    assert_eq!(refused.body["type"], "disk_low", "{}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains("64 are kept in reserve"), "{}", refused.body);
    load.assert_reads_go_on(folder.path());
    load.disk.free().unwrap();
    // Without a restart: nothing was half written.
    load.await_answers(load.answers() + BEFORE);
    assert_eq!(load.ask_gz().status, 200);
    load.assert_all_logged(folder.path());
}

/// The reserve looks at the folder of the data; here the store inside it lies on a disk that fills to its last block.
#[test]
fn a_disk_that_is_full_stops_the_log_and_a_restart_with_room_continues_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut load) = Load::start(folder.path(), 96, "data/store") else { return };
    load.disk.fill(0).unwrap();
    let refused = load.await_refusal();
    assert_eq!(refused.body["type"], "log_stopped", "{}", refused.body);
    load.assert_reads_go_on(folder.path());
    load.network.stop("gz").unwrap();
    load.disk.free().unwrap();
    load.network.launch("gz").unwrap();
    load.network.await_peers("hk").unwrap();
    load.await_answers(load.answers() + BEFORE);
    load.assert_all_logged(folder.path());
}

/// A quota is no full disk: there is room, and the daemon gets none of it.
#[test]
fn a_quota_that_is_spent_stops_the_log_and_a_restart_with_more_of_it_continues_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = LoopDisk::with_quota(&folder.path().join("gz.img"), 256, &folder.path().join("disk")) else {
        return eprintln!("the quota is skipped: no loop image with btrfs can be mounted here, or there is no mkfs.btrfs");
    };
    let mut load = Load::start_on(disk, folder.path(), "data");
    load.disk.limit(Some(24)).unwrap();
    let refused = load.await_refusal();
    assert_eq!(refused.body["type"], "log_stopped", "{}", refused.body);
    load.assert_reads_go_on(folder.path());
    load.network.stop("gz").unwrap();
    load.disk.limit(None).unwrap();
    load.network.launch("gz").unwrap();
    load.network.await_peers("hk").unwrap();
    load.await_answers(load.answers() + BEFORE);
    load.assert_all_logged(folder.path());
}

/// What a broken disk does to ext4 with `errors=remount-ro`, the default of most systems: everything on it is open, and no write is taken.
#[test]
fn a_disk_that_turns_read_only_stops_the_log_and_a_restart_on_the_mended_one_continues_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut load) = Load::start(folder.path(), 96, "data") else { return };
    if !load.disk.turn_read_only() {
        eprintln!("the read-only disk is skipped: this kernel lets nobody report an error of a file system");
        return load.over.store(true, Ordering::Release);
    }
    let refused = load.await_refusal();
    assert_eq!(refused.body["type"], "log_stopped", "{}", refused.body);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("the store") || detail.contains("since an earlier one failed"), "{detail}");
    load.assert_reads_are_right_or_refused(folder.path());
    load.network.stop("gz").unwrap();
    let ended = load.network.launch_in_vain("gz").unwrap();
    assert!(ended.code == 1 && ended.stderr.to_lowercase().contains("read-only"), "{ended:?}");
    load.disk.mend().unwrap();
    load.network.launch("gz").unwrap();
    load.network.await_peers("hk").unwrap();
    load.await_answers(load.answers() + BEFORE);
    load.assert_all_logged(folder.path());
}
