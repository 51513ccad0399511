//! Logs that follow others across real processes: behind an end that was lost, by the decision of the other regions, with and without an
//! archive; and one that was put back and shows peers what it goes on from.
//!
//! Not here: a log that is retired in order (`publish`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::orphaned::OrphanedRange;
use harness::directory;
use harness::network::{Ended, Network};
use serde_json::{Value, json};
use tempfile::TempDir;

/// gz and hk, what they keep, and copies of it.
struct Bay {
    network: Network,
    folder: TempDir,
}

impl Bay {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
        Self { network, folder }
    }

    fn path(&self, below: &str) -> String {
        self.folder.path().join(below).display().to_string()
    }

    fn file(&self, below: &str) -> PathBuf {
        self.network.folder().join(below)
    }

    /// `creditbay log …` as an enrolled auditor who believes this directory; `--json` may be among the arguments.
    fn log_by(&self, directory: &str, arguments: &[&str]) -> Ended {
        let key = self.file("auditor/auditor.pem").display().to_string();
        let trust = ["--network", directory, "--auditor-key", &key];
        self.network.creditbay(arguments.iter().chain(&trust)).unwrap()
    }

    fn log(&self, arguments: &[&str]) -> (i32, Value) {
        let directory = self.file("network.toml").display().to_string();
        let ended = self.log_by(&directory, &["--json", "log"].iter().chain(arguments).copied().collect::<Vec<_>>());
        let said = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {ended:?}"));
        (ended.code, said)
    }

    fn url(&self, city: &str) -> String {
        self.network.published_url(city).unwrap()
    }

    fn export(&self, city: &str, to: &str) -> Checkpoint {
        let to = self.path(to);
        let (code, said) = self.log(&["export", &self.url(city), &to, "--region", city]);
        assert_eq!(code, 0, "{said}");
        checkpoint(Path::new(&to))
    }

    fn grow(&self, city: &str, leaves: usize) {
        for number in 0..leaves {
            let act = if number.is_multiple_of(2) { "suspend" } else { "resume" };
            let node = self.file(city).display().to_string();
            let ended = self.network.creditbay(["rules", act, "--node", &node, "--type", "TAX_GRADE"]).unwrap();
            assert_eq!(ended.code, 0, "{ended:?}");
        }
    }

    /// hk asks gz, whatever the answer: the HTTP status.
    fn ask(&self) -> u16 {
        let question = json!({
            "purpose": "FIN", "operator": "a.chan", "subject": { "scheme": "uscc", "value": "91440101MA9XTEAT0A" },
            "predicates": [{ "shape": "not_listed", "of": "SER_ANY", "window_months": 0 }], "issuer": "gz",
        });
        tokio::runtime::Runtime::new().unwrap().block_on(self.network.query("hk", &question)).unwrap().status
    }

    /// `creditbay-node` with the configuration of gz.
    fn node(&self, command: &str, arguments: &[&str]) -> Ended {
        let mut process = Command::new(&self.network.products().node);
        let output = process.arg(command).arg("--config").arg(self.network.config("gz")).args(arguments).output().unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What both nodes keep, and the directory, as it was when this was called.
    fn keep(&self, name: &str) {
        for part in ["gz/data", "hk/data"] {
            copy(&self.file(part), &self.folder.path().join(name).join(part));
        }
        for part in ["network.toml", "network.note", "gz/keys/log.pem"] {
            let to = self.folder.path().join(name).join(part);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(self.file(part), to).unwrap();
        }
    }

    fn back_to(&self, name: &str) {
        for part in ["gz/data", "hk/data"] {
            fs::remove_dir_all(self.file(part)).unwrap();
            copy(&self.folder.path().join(name).join(part), &self.file(part));
        }
        for part in ["network.toml", "network.note", "gz/keys/log.pem"] {
            fs::copy(self.folder.path().join(name).join(part), self.file(part)).unwrap();
        }
    }

    /// The directory names gz's second log, behind what is left of the first.
    fn decide(&self, range: OrphanedRange) {
        directory::next_log_after(self.network.folder(), self.network.cities(), "gz", 2, 42, &[range]).unwrap();
    }

    fn stop_both(&mut self) {
        self.network.stop("gz").unwrap();
        self.network.stop("hk").unwrap();
    }
}

fn checkpoint(folder: &Path) -> Checkpoint {
    Checkpoint::parse(&Note::parse(&fs::read(folder.join("checkpoint")).unwrap()).unwrap().text).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        let target = to.join(entry.file_name().unwrap());
        if kind.is_dir() {
            copy(&entry, &target);
        } else if kind.is_file() {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

/// What is left of a log, where `seen` was the newest note that others hold.
fn range(left: Option<&Checkpoint>, seen: &Checkpoint) -> OrphanedRange {
    let (size, root) = left.map_or((0, empty_root()), |left| (left.size, left.root));
    OrphanedRange { log: seen.origin, size, root, seen: seen.size, note: OrphanedRange::note_digest(seen) }
}

/// gz's store is gone; an archive has the beginning of its log, hk and an auditor's copy have seen more.
fn lose_gz(bay: &mut Bay) -> (Checkpoint, Checkpoint) {
    assert_eq!(bay.ask(), 200);
    let archived = bay.export("gz", "archive");
    bay.grow("gz", 3);
    assert_eq!(bay.ask(), 200);
    let seen = bay.export("gz", "seen");
    let status = tokio::runtime::Runtime::new().unwrap().block_on(bay.network.status("hk")).unwrap();
    assert_eq!(status["peers"][0]["seen_size"], seen.size, "hk has seen all of it: {status}");
    bay.stop_both();
    fs::remove_dir_all(bay.file("gz/data/store")).unwrap();
    bay.keep("lost");
    (archived, seen)
}

/// Both regions sign the directory by hand, into a note of their own, and are told what they give up.
fn sign_again(bay: &Bay, given_up: &str) {
    let (directory, note) = (bay.file("network.toml").display().to_string(), bay.path("by-hand.note"));
    let sign = |region: &str, key: &str| {
        let (key, name) =
            (bay.file(&format!("governance/{key}.pem")).display().to_string(), format!("{region}.creditbay/governance"));
        let ended =
            bay.network.creditbay(["--json", "network", "sign", &directory, "--key", &key, "--name", &name, "--note", &note]);
        let ended = ended.unwrap();
        (ended.code, serde_json::from_str::<Value>(&ended.stdout).unwrap_or_default(), ended.stderr)
    };
    let (code, _, why) = sign("hk", "gz");
    assert!(code == 1 && why.contains("lists no governance key"), "{why}");
    let (code, said, _) = sign("gz", "gz");
    assert_eq!((code, &said["orphaned"]), (0, &json!([given_up])), "{said}");
    assert!(said["missing"].as_str().unwrap().contains("region hk: 0 of 1"), "{said}");
    assert!(sign("gz", "gz").1["already"] == true && sign("hk", "hk").1["missing"] == "nobody: every region has signed");
    assert_eq!(fs::read(&note).unwrap(), fs::read(bay.file("network.note")).unwrap());
}

#[test]
fn a_log_whose_end_was_lost_is_gone_on_from_by_a_directory_that_the_others_signed() {
    let mut bay = Bay::start();
    let (archived, seen) = lose_gz(&mut bay);
    let (archive, all) = (bay.path("archive"), bay.path("seen"));
    let refused = |ended: Ended, why: &str| assert!(ended.code == 1 && ended.stderr.contains(why), "{why}: {ended:?}");
    refused(bay.node("succeed", &["--archive", &archive]), "lists no orphaned range");

    bay.decide(range(Some(&archived), &seen));
    sign_again(&bay, &format!("gz: gz.creditbay/log/1: leaves {} to {}", archived.size, seen.size - 1));
    refused(bay.node("run", &[]), "creditbay-node succeed");
    refused(bay.node("succeed", &[]), "--archive DIR");
    refused(bay.node("succeed", &["--archive", &all]), "none that is known may be given up");
    refused(bay.node("succeed", &["--archive", &bay.path("nothing")]), "log archive");
    let ended = bay.node("succeed", &["--archive", &archive]);
    let said = format!("behind=gz.creditbay/log/1 size={} orphaned={}", archived.size, seen.size - archived.size);
    assert!(ended.code == 0 && ended.stdout.contains(&said), "{ended:?}");
    bay.network.launch("hk").unwrap();
    bay.network.launch("gz").unwrap();
    bay.network.await_peers("gz").unwrap();
    assert_eq!(bay.ask(), 200, "hk takes the next log");

    // The range is shown for ever: by the nodes, to an auditor of the log, to one who reconciles.
    let lost = json!({
        "log": "gz.creditbay/log/1", "size": archived.size, "root": archived.root, "seen": seen.size,
        "lost": seen.size - archived.size, "note": OrphanedRange::note_digest(&seen),
    });
    for city in ["gz", "hk"] {
        let status = tokio::runtime::Runtime::new().unwrap().block_on(bay.network.status(city)).unwrap();
        assert_eq!(status["orphaned"][0]["seen"], seen.size, "{status}");
    }
    let url = bay.url("gz");
    for (before, found) in [(&archive, 0), (&all, seen.size - archived.size)] {
        let (code, said) = bay.log(&["verify", &url, "--region", "gz", "--predecessor", before]);
        assert_eq!((code, &said["orphaned"]), (0, &json!([lost])), "{said}");
        let before = json!({ "origin": "gz.creditbay/log/1", "size": archived.size, "checked": true, "orphaned_found": found });
        assert_eq!(said["goes_on_from"], json!([before]));
    }
    let (code, said) = bay.log(&["reconcile", &url, &bay.url("hk"), "--region-a", "gz", "--region-b", "hk"]);
    assert_eq!((code, &said["orphaned"]), (0, &json!([lost])), "{said}");
    let directory = bay.file("network.toml").display().to_string();
    let text = bay.log_by(&directory, &["log", "verify", &url, "--region", "gz"]).stdout;
    assert!(text.contains("orphaned") && text.contains("seen by others, lost"), "{text}");

    // A directory that does not list it: the region alone says so.
    let regions: Vec<_> = Directory::parse("n", &fs::read_to_string(&directory).unwrap()).unwrap().regions().to_vec();
    let silent: Vec<_> = regions.into_iter().map(|mut entry| (entry.orphaned = Vec::new(), entry).1).collect();
    fs::write(bay.path("silent.toml"), Directory::to_toml(3, &silent)).unwrap();
    let ended = bay.log_by(&bay.path("silent.toml"), &["--json", "log", "verify", &url, "--region", "gz"]);
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &said["faults"][0]["kind"]), (3, &json!("not_decided")), "{said}");

    // What was decided once is neither decided again nor taken back.
    bay.stop_both();
    refused(bay.node("succeed", &["--archive", &archive]), "has begun");
    for part in ["network.toml", "network.note"] {
        fs::copy(bay.folder.path().join("lost").join(part), bay.file(part)).unwrap();
    }
    refused(bay.network.launch_in_vain("hk").unwrap(), "this is edition 1, and this node acted on edition 2");
}

#[test]
fn a_log_that_was_lost_altogether_is_gone_on_from_and_a_range_that_ends_too_early_is_not_taken() {
    let mut bay = Bay::start();
    let (archived, seen) = lose_gz(&mut bay);
    // hk saw more than the range says: gz begins, and hk does not take it.
    bay.decide(range(None, &archived));
    assert_eq!(bay.node("succeed", &[]).code, 0);
    bay.network.launch("hk").unwrap();
    bay.network.launch("gz").unwrap();
    let said = |bay: &Bay| fs::read_to_string(bay.network.log_file("hk")).unwrap();
    let since = std::time::Instant::now();
    let alarm = format!("ORPHANED: {} leaves of gz.creditbay/log/1 were seen", seen.size);
    while !said(&bay).contains(&alarm) {
        assert!(since.elapsed().as_secs() < 60, "{}", said(&bay));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_ne!(bay.ask(), 200);
    bay.stop_both();

    // Nor does anybody take a directory that gz signed alone.
    bay.back_to("lost");
    bay.decide(range(None, &seen));
    let note = Note::parse(&fs::read(bay.file("network.note")).unwrap()).unwrap();
    let alone =
        Note { lines: note.lines.iter().filter(|line| line.name.as_str().starts_with("gz.")).cloned().collect(), ..note.clone() };
    fs::write(bay.file("network.note"), alone.to_string()).unwrap();
    for ended in [bay.network.launch_in_vain("hk").unwrap(), bay.node("succeed", &[])] {
        assert!(ended.code == 1 && ended.stderr.contains("region hk: 0 of 1 signatures"), "{ended:?}");
    }
    fs::write(bay.file("network.note"), note.to_string()).unwrap();
    assert_eq!(bay.node("succeed", &[]).code, 0);
    bay.network.launch("hk").unwrap();
    bay.network.launch("gz").unwrap();
    bay.network.await_peers("gz").unwrap();
    assert_eq!(bay.ask(), 200);
    let (code, said) = bay.log(&["verify", &bay.url("gz"), "--region", "gz"]);
    assert_eq!((code, &said["orphaned"][0]["lost"]), (0, &json!(seen.size)), "{said}");
    // A folder that holds another history than the note that the regions named.
    let (other, forged) = (bay.path("seen"), Checkpoint { root: Digest([7; 32]), ..seen });
    fs::write(Path::new(&other).join("checkpoint"), format!("{}\n— x AAAA\n", forged.text())).unwrap();
    let (code, said) = bay.log(&["verify", &bay.url("gz"), "--region", "gz", "--predecessor", &other]);
    assert_eq!((code, &said["faults"][0]["kind"]), (3, &json!("other_predecessor")), "{said}");
}

#[test]
fn a_second_log_that_was_put_back_shows_peers_what_it_goes_on_from() {
    let mut bay = Bay::start();
    assert_eq!(bay.ask(), 200);
    bay.network.stop("hk").unwrap();
    let hk = bay.file("hk/data");
    copy(&hk, Path::new(&bay.path("hk")));
    bay.grow("gz", 3);
    let node = bay.file("gz").display().to_string();
    let retire = ["log", "retire", "--node", &node, "--log", "gz.creditbay/log/1", "--ground", "store"];
    assert_eq!(bay.network.creditbay(retire).unwrap().code, 0);
    let last = bay.export("gz", "first");
    bay.network.stop("gz").unwrap();
    directory::next_log(bay.network.folder(), bay.network.cities(), "gz", 2, 42).unwrap();
    bay.network.launch("hk").unwrap();
    bay.network.launch("gz").unwrap();
    bay.network.await_peers("gz").unwrap();
    bay.export("gz", "second");
    bay.stop_both();

    // gz's store is lost, and hk's is one that knows half of the first log and nothing of the second.
    fs::remove_dir_all(bay.file("gz/data/store")).unwrap();
    fs::remove_dir_all(&hk).unwrap();
    copy(Path::new(&bay.path("hk")), &hk);
    let (first, second) = (bay.path("first"), bay.path("second"));
    let early = bay.node("restore", &["--predecessor", &first]);
    assert!(early.code == 1 && early.stderr.contains("put this log back first"), "{early:?}");
    assert_eq!(bay.node("restore", &["--archive", &second]).code, 0);
    let other = bay.node("restore", &["--predecessor", &second]);
    assert!(other.code == 1 && other.stderr.contains("not a checkpoint of gz.creditbay/log/1"), "{other:?}");
    let restored = bay.node("restore", &["--predecessor", &first]);
    assert!(restored.code == 0 && restored.stdout.contains(&format!("size={} ", last.size)), "{restored:?}");
    bay.network.launch("hk").unwrap();
    bay.network.launch("gz").unwrap();
    bay.network.await_peers("gz").unwrap();
    assert_eq!(bay.ask(), 200, "hk was shown how the second log goes on from the half of the first that it knew");
}
