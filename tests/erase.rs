//! Openings shown and erased across real processes: what opens before, opens nowhere after, in no file and under no key that is left.
//!
//! Not here: a write that fails in the middle of an erasure, and retention under a clock that is moved (`node`, exchange/tests).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_node::store::{Store, Tree};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use harness::archive::parse;
use harness::network::{Ended, Network, files_below, files_with};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Whose exchanges are erased, and whose stay.
const ERASED: &str = "91440101MA9XTEAT0A";
const KEPT: &str = "91440104YL1000014F";

struct Bay {
    network: Network,
    folder: TempDir,
    runtime: Runtime,
}

impl Bay {
    /// Two cities whose queries live for a second, so that an exchange is soon over.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
        for city in ["gz", "hk"] {
            network.configure(city, "query_lifetime_seconds = 30", "query_lifetime_seconds = 5").unwrap();
            network.launch(city).unwrap();
        }
        network.await_peers("hk").unwrap();
        Self { network, folder, runtime: Runtime::new().unwrap() }
    }

    fn ask(&self, company: &str) {
        let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": {"scheme": "uscc", "value": company},
            "predicates": [{"shape": "not_listed", "of": "SER_ANY", "window_months": 0}]});
        let said = self.runtime.block_on(self.network.query("hk", &question)).unwrap();
        assert_eq!(said.status, 200, "{}", said.body);
    }

    fn home(&self, city: &str) -> String {
        self.network.folder().join(city).display().to_string()
    }

    fn run(&self, city: &str, arguments: &[&str]) -> Ended {
        self.network.creditbay(arguments.iter().copied().chain(["--node", &self.home(city)])).unwrap()
    }

    fn done(&self, city: &str, arguments: &[&str]) -> Value {
        let ended = self.run(city, &[&["--json"], arguments].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// The log as static files, verified.
    fn export(&self, city: &str, name: &str) -> (PathBuf, Vec<Vec<u8>>) {
        let copy = self.folder.path().join(name).join(city);
        let leaves = self.runtime.block_on(self.network.export(city, &copy)).unwrap();
        let network = self.network.folder().join("network.toml").display().to_string();
        let verify = ["log", "verify", &copy.display().to_string(), "--region", city, "--network", &network];
        let verified = self.network.creditbay(verify).unwrap();
        assert_eq!(verified.code, 0, "{city}'s log does not verify: {}{}", verified.stdout, verified.stderr);
        (copy, leaves)
    }

    /// Opens a leaf's subject into a file, and holds it against the exported log.
    fn opened(&self, city: &str, index: u64, name: &str) -> (Value, Ended) {
        let file = self.folder.path().join(format!("{name}-{city}-{index}")).display().to_string();
        let opened = self.done(city, &["log", "open", &index.to_string(), "--for", "a test", "--out", &file]);
        let (copy, _) = self.export(city, &format!("log-{name}-{index}"));
        let check = ["log", "check-opening", &file, "--leaf-from", &copy.display().to_string()];
        (opened, self.network.creditbay(check).unwrap())
    }

    fn until_acknowledged(&self, city: &str) {
        let since = Instant::now();
        loop {
            let standing = self.done(city, &["erase", "--outstanding"]);
            if standing["outstanding"] == json!([]) && standing["pending"] == 0 {
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(120), "{city} waits: {standing}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from).unwrap() {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

/// What any key in the folder opens of a store's sealed rows, whatever key the rows say they were sealed under.
fn opened_by_any_key(store: &Path, keys: &Path) -> Vec<u8> {
    let keys: Vec<_> = files_below(keys)
        .unwrap()
        .iter()
        .filter_map(|file| <[u8; 32]>::try_from(fs::read(file).unwrap()).ok().map(SealingKey::from_bytes))
        .collect();
    assert!(!keys.is_empty());
    let store = OnDisk::open(store, 16).unwrap();
    let mut plain = Vec::new();
    for (key, value) in store.range(Tree::Log, b"S", b"T", usize::MAX).unwrap() {
        let place = [&key[9..17], &[0; 6], &key[17..19]].concat();
        for sealing in &keys {
            plain.extend(sealing.open(Label::SEAL_OPENING, &place, &value[12..]).unwrap_or_default());
        }
    }
    plain
}

fn holds(bytes: &[u8], company: &str) -> bool {
    bytes.windows(company.len()).any(|window| window == company.as_bytes())
}

#[test]
fn an_opening_proves_what_it_says_and_a_forged_one_is_refused() {
    let bay = Bay::start();
    bay.ask(ERASED);
    bay.ask(KEPT);
    let (opened, checked) = bay.opened("hk", 1, "good");
    assert_eq!((opened["index"].as_u64(), checked.code), (Some(1), 0), "{checked:?}");
    assert!(checked.stdout.contains(ERASED), "{}", checked.stdout);
    let (_, leaves) = bay.export("hk", "shown");
    let shown = usize::try_from(opened["shown"].as_u64().unwrap()).unwrap();
    assert_eq!(parse(&leaves).unwrap()[shown].body.kind(), "openings-shown", "showing is a leaf");

    let file = bay.folder.path().join("forged");
    let mut forged = opened.clone();
    forged["index"] = json!(2);
    fs::write(&file, forged.to_string()).unwrap();
    let (copy, _) = bay.export("hk", "forged-log");
    let check = ["log", "check-opening", &file.display().to_string(), "--leaf-from", &copy.display().to_string()];
    let refused = bay.network.creditbay(check).unwrap();
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stdout.contains("does not open leaf 2"), "{}", refused.stdout);
    let nowhere = bay.run("hk", &["log", "open", "999", "--for", "a test"]);
    assert!(nowhere.code == 1 && nowhere.stderr.contains("none of index 999"), "{nowhere:?}");
}

#[test]
fn a_subject_is_erased_on_both_sides_though_the_peer_was_down_and_both_were_killed() {
    let mut bay = Bay::start();
    bay.ask(ERASED);
    bay.ask(KEPT);
    bay.ask(ERASED);
    for city in ["gz", "hk"] {
        bay.network.stop(city).unwrap();
        let data = bay.network.folder().join(city).join("data");
        copy(&data.join("store"), &bay.folder.path().join("before").join(city));
        let plain = opened_by_any_key(&bay.folder.path().join("before").join(city), &data.join("keys/openings"));
        assert!(holds(&plain, ERASED) && holds(&plain, KEPT), "the search finds what is there");
    }

    // The other side is down: the erasure is logged, and waits, over a kill.
    bay.network.launch("hk").unwrap();
    let early = bay.run("hk", &["erase", "--subject", &format!("uscc:{ERASED}"), "--ground", "subject_request"]);
    assert!(early.code == 1 && early.stderr.contains("may still be used"), "{early:?}");
    let subject = format!("uscc:{ERASED}");
    let erased = bay.done("hk", &["erase", "--subject", &subject, "--ground", "subject_request", "--force-early"]);
    assert_eq!((erased["exchanges"].as_u64(), erased["waits_for_peers"].as_bool()), (Some(2), Some(true)), "{erased}");
    let leaf = erased["leaves"][0].as_u64().unwrap();
    bay.network.kill("hk").unwrap();
    bay.network.launch("hk").unwrap();
    let standing = bay.done("hk", &["erase", "--outstanding"]);
    assert_eq!((&standing["outstanding"][0]["peer"], &standing["pending"]), (&json!("gz"), &json!(1)), "{standing}");
    assert_eq!(bay.done("hk", &["status"])["erasure"]["outstanding"], standing["outstanding"]);
    bay.network.launch("gz").unwrap();
    bay.until_acknowledged("hk");

    for city in ["gz", "hk"] {
        let (opened, checked) = bay.opened(city, 1, "erased");
        assert!(opened["holds"]["erased"]["leaf"].is_u64() && checked.code == 0, "{opened} {checked:?}");
        assert!(checked.stdout.contains("erased"), "{}", checked.stdout);
        let (_, checked) = bay.opened(city, 2, "kept");
        assert!(checked.code == 0 && checked.stdout.contains(KEPT), "{checked:?}");
        let kinds: Vec<_> = parse(&bay.export(city, "after").1).unwrap().iter().map(|leaf| leaf.body.kind()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "erased").count(), 1, "{city}: {kinds:?}");
    }
    let (_, leaves) = bay.export("hk", "at-last");
    assert!(matches!(parse(&leaves).unwrap()[usize::try_from(leaf).unwrap()].body, LeafBody::Event(_)));

    for city in ["gz", "hk"] {
        bay.network.kill(city).unwrap();
        bay.network.launch(city).unwrap();
        bay.network.stop(city).unwrap();
        search(&bay, city);
    }
}

/// Looks for the subject in every file of a node's data, and under every key that is left.
fn search(bay: &Bay, city: &str) {
    let data = bay.network.folder().join(city).join("data");
    let files = files_below(&data).unwrap();
    assert!(files.iter().any(|file| file.ends_with("db")) && files.iter().any(|file| file.to_string_lossy().contains("snap.")));
    let company = Identifier::parse(Scheme::Uscc, ERASED).unwrap();
    let record_key = fs::read(data.join("keys/records.key")).unwrap();
    let index = Digest::hmac(&record_key, &[Label::INDEX_SUBJECT.as_bytes()]);
    let keyed = Digest::hmac(&index.0, &[&company.canonical_bytes()]);
    let plain: [&[u8]; 4] = [ERASED.as_bytes(), &company.canonical_bytes(), &keyed.0, &Digest::of(&company.canonical_bytes()).0];
    for secret in plain {
        assert_eq!(files_with(&files, secret).unwrap(), Vec::<PathBuf>::new(), "{city}");
    }
    // sled keeps what was deleted in its file; a copy of before is what a thief of the disk could put together at best.
    let keys = data.join("keys/openings");
    let before = opened_by_any_key(&bay.folder.path().join("before").join(city), &keys);
    assert!(before.is_empty(), "{city}: a key that is left opens what lay there before");
    let now = opened_by_any_key(&data.join("store"), &keys);
    assert!(holds(&now, KEPT) && !holds(&now, ERASED), "{city}: what stays opens, what is erased does not");
}

#[test]
fn an_erasure_by_index_at_the_issuer_reaches_the_asker_and_cannot_be_undone_by_a_second_one() {
    let bay = Bay::start();
    bay.ask(ERASED);
    bay.ask(KEPT);
    let since = Instant::now();
    let erased = loop {
        let ended = bay.run("gz", &["--json", "erase", "--index", "1", "--ground", "order", "--force-early"]);
        if ended.code == 0 {
            break serde_json::from_str::<Value>(&ended.stdout).unwrap();
        }
        assert!(ended.stderr.contains("under way") && since.elapsed() < Duration::from_secs(120), "{ended:?}");
        std::thread::sleep(Duration::from_millis(500));
    };
    assert_eq!(erased["exchanges"], 1, "{erased}");
    bay.until_acknowledged("gz");
    let (opened, checked) = bay.opened("hk", 1, "asker");
    assert!(opened["holds"]["erased"]["leaf"].is_u64() && checked.code == 0, "{opened} {checked:?}");
    let again = bay.done("gz", &["erase", "--index", "1", "--ground", "order", "--force-early"]);
    assert_eq!((&again["leaves"], &again["exchanges"]), (&json!([]), &json!(0)), "{again}");
    let status = bay.run("gz", &["status"]);
    assert!(status.stdout.contains("0 notices not acknowledged"), "{}", status.stdout);
    let told = bay.run("gz", &["log", "show", bay.network.auditors_url("gz").unwrap()]);
    assert_ne!(told.code, 0, "entries are for auditors alone");
}
