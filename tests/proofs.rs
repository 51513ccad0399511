//! What our daemons publish and hand out, in other people's tools: Go's x/mod sumdb packages, and ct-merkle with ring. Whatever they take
//! for genuine is genuine for us; of what was tampered with, all three refuse every kind.
//!
//! Not here: the tools (`other_hands`, `foreign/audit.go`), the kinds of tampering (`tampering`), mutations by chance (`mutations`).

mod mutations;
mod other_hands;
mod tampering;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use harness::network::Network;
use serde_json::{Value, json};
use tempfile::TempDir;

use other_hands::{Go, read_keys};
use tampering::{Forger, copy};

/// Exchanges: more than a tile is wide.
const EXCHANGES: usize = 300;

/// Two cities that have dealt with each other: their logs as static files, some of the answers, and a policy of their keys.
pub(crate) struct Published {
    network: Network,
    folder: TempDir,
}

static PUBLISHED: Mutex<Weak<Published>> = Mutex::new(Weak::new());

/// The shared one; the last test that holds it takes it down.
fn published() -> Arc<Published> {
    let mut shared = PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let made = Arc::new(Published::make());
        *shared = Arc::downgrade(&made);
        made
    })
}

impl Published {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::start_for_load(&folder.path().join("n"), &["gz", "hk"]).unwrap();
        let made = Self { network, folder };
        let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": {"scheme": "uscc", "value": "91440106YL19999995"},
            "predicates": [{"shape": "not_listed", "of": "SER_ANY", "window_months": 0}]});
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for number in 0..EXCHANGES {
            let said = runtime.block_on(made.network.query("hk", &question)).unwrap();
            assert_eq!(said.status, 200, "{}", said.body);
            if number % 60 == 7 {
                fs::write(made.attestation(number), said.body["attestation"].to_string()).unwrap();
            }
        }
        for city in ["gz", "hk"] {
            let url = made.network.published_url(city).unwrap();
            let key = made.network.folder().join("auditor/auditor.pem");
            made.creditbay(
                &["log", "export", &url, &text(&made.log(city)), "--region", city, "--auditor-key", &text(&key)],
                true,
            );
        }
        made.creditbay(&["network", "policy", &text(&made.policy()), "--quorum", "1"], true);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn attestation(&self, number: usize) -> PathBuf {
        self.path(&format!("{number}.attestation.json"))
    }

    fn attestations(&self) -> Vec<PathBuf> {
        (0..EXCHANGES).filter(|number| number % 60 == 7).map(|number| self.attestation(number)).collect()
    }

    fn log(&self, city: &str) -> PathBuf {
        self.path(&format!("logs-{city}"))
    }

    fn policy(&self) -> PathBuf {
        self.path("x.policy")
    }

    /// Runs `creditbay`, with the network directory where it is needed; gives its exit code and what it said.
    fn creditbay(&self, arguments: &[&str], with_network: bool) -> (i32, Value) {
        let network = text(&self.network.folder().join("network.toml"));
        let trust = if with_network { vec!["--network", &network] } else { Vec::new() };
        let ended = self.network.creditbay([&["--json"], arguments, &trust].concat()).unwrap();
        assert!([0, 3].contains(&ended.code), "{arguments:?}: {ended:?}");
        (ended.code, serde_json::from_str(&ended.stdout).unwrap())
    }

    /// The bare proof and leaf of a kept answer.
    fn proof(&self, attestation: &Path) -> (PathBuf, PathBuf) {
        let said = self.creditbay(&["attestation", "proof", &text(attestation)], false).1;
        (said["proof"].as_str().unwrap().into(), said["leaf"].as_str().unwrap().into())
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn go_takes_our_logs_and_proofs_for_genuine() {
    let Some(go) = Go::build() else { return };
    let published = published();
    for (city, entries) in [("gz", 301), ("hk", 301)] {
        let said = go.log(&published.policy(), &published.log(city)).unwrap();
        assert!(said.starts_with(&format!("{city}.creditbay/log/1: {entries} entries, 10 earlier sizes")), "{said}");
    }
    for file in published.attestations() {
        let (proof, leaf) = published.proof(&file);
        let said = go.proof(&published.policy(), &proof, &leaf).unwrap();
        assert!(said.starts_with("gz.creditbay/log/1: leaf ") && said.contains(", 1 cosignatures"), "{said}");
    }
}

#[test]
fn a_crate_of_other_hands_takes_our_logs_and_proofs_for_genuine() {
    let published = published();
    let keys = read_keys(&published.policy());
    for city in ["gz", "hk"] {
        assert_eq!(other_hands::log(&keys, &published.log(city)), Ok(301));
    }
    for file in published.attestations() {
        let (proof, leaf) = published.proof(&file);
        let proved = other_hands::proof(&keys, &fs::read(proof).unwrap(), &fs::read(leaf).unwrap()).unwrap();
        // The tree of the proof is the beginning of the published one.
        assert_eq!(other_hands::continues(&published.log("gz"), proved), Ok(()));
    }
}

#[test]
fn every_kind_of_tampering_with_a_log_is_refused_by_all() {
    let published = published();
    let (go, keys) = (Go::build(), read_keys(&published.policy()));
    let forger = Forger { gz: published.log("gz"), hk: published.log("hk") };
    let mut kinds = 0;
    for (kind, tamper) in tampering::LOGS {
        let forged = published.path(&format!("forged-{kinds}"));
        copy(&forger.gz, &forged);
        tamper(&forger, &forged);
        assert!(other_hands::log(&keys, &forged).is_err(), "ct-merkle and ring take it: {kind}");
        let (code, said) = published.creditbay(&["log", "verify", &text(&forged), "--region", "gz"], true);
        assert_eq!(code, 3, "{kind}: {said}");
        if let Some(go) = &go {
            let refused = go.log(&published.policy(), &forged).expect_err(kind);
            assert!(refused.starts_with("refused: "), "{kind}: {refused}");
        }
        kinds += 1;
    }
    assert!(kinds >= 10, "{kinds}");
}

#[test]
fn every_kind_of_tampering_with_a_proof_is_refused_by_all() {
    let published = published();
    let (go, keys) = (Go::build(), read_keys(&published.policy()));
    let [first, second] = [0, 1].map(|at| published.attestations()[at].clone());
    let [(proof, leaf), (other, _)] = [&first, &second].map(|file| published.proof(file));
    let leaf_bytes = fs::read(&leaf).unwrap();
    let [text_of, other] = [&proof, &other].map(|path| fs::read_to_string(path).unwrap());
    let query: Value = serde_json::from_slice(&fs::read(&first).unwrap()).unwrap();
    let query = query["query"]["tlog_proof"].as_str().unwrap().to_owned();
    let (forged, forged_file) = (published.path("forged.tlog-proof"), published.path("forged.attestation.json"));
    let mut kinds = 0;
    for (kind, tamper) in tampering::PROOFS {
        let tampered = tamper(&text_of, &other, &query);
        assert_ne!(tampered, text_of, "{kind}");
        fs::write(&forged, &tampered).unwrap();
        assert!(other_hands::proof(&keys, tampered.as_bytes(), &leaf_bytes).is_err(), "ct-merkle and ring take it: {kind}");
        let mut file: Value = serde_json::from_slice(&fs::read(&first).unwrap()).unwrap();
        file["answer"]["tlog_proof"] = tampered.into();
        fs::write(&forged_file, file.to_string()).unwrap();
        let verify = ["attestation", "verify", &text(&forged_file), "--policy", &text(&published.policy())];
        let (code, said) = published.creditbay(&verify, false);
        assert_eq!(code, 3, "{kind}: {said}");
        if let Some(go) = &go {
            assert!(go.proof(&published.policy(), &forged, &leaf).is_err(), "Go takes it: {kind}");
        }
        kinds += 1;
    }
    assert!(kinds >= 10, "{kinds}");
    let mut flipped = leaf_bytes;
    flipped[20] ^= 1;
    assert!(other_hands::proof(&keys, text_of.as_bytes(), &flipped).is_err());
    fs::write(published.path("forged.leaf"), flipped).unwrap();
    if let Some(go) = &go {
        assert!(go.proof(&published.policy(), &proof, &published.path("forged.leaf")).is_err());
    }
}

#[test]
fn a_thousand_mutations_are_refused_by_name_or_change_nothing() {
    let ends = mutations::run(&published());
    let mut faults = std::collections::BTreeMap::new();
    for ((kind, end), count) in &ends {
        *faults.entry(end.as_str()).or_insert(0) += count;
        eprintln!("{count:>5}  {kind:<40} {end}");
    }
    eprintln!("\nby fault: {faults:#?}");
    let same = faults["the same verdict"];
    assert!(faults.values().sum::<u64>() >= 1_000 && faults.len() >= 12, "{faults:?}");
    let strangers = ends.iter().filter(|((kind, end), _)| kind.ends_with("of a stranger") && end == "the same verdict");
    assert_eq!(
        strangers.map(|(_, count)| count).sum::<u64>(),
        ends.iter().filter(|((kind, _), _)| kind.ends_with("of a stranger")).map(|(_, count)| count).sum::<u64>()
    );
    assert!(same > 0 && same < 300, "{same} of them change nothing");
}

/// The whole way of a third party: the answer as it was given, a policy, the published log, a newer proof.
#[test]
fn an_answer_is_refreshed_from_its_issuers_door_and_stays_what_it_is() {
    let published = published();
    let file = published.path("refreshed.attestation.json");
    fs::copy(&published.attestations()[0], &file).unwrap();
    let before: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    // The newest checkpoint that hk cosigned is that of the last answer.
    let (newest, _) = published.proof(published.attestations().last().unwrap());
    let newest = fs::read_to_string(newest).unwrap();
    let place = published.path("cosigned");
    copy(&published.log("gz"), &place);
    let note = newest.split_once("\n\n").unwrap().1;
    fs::write(place.join("checkpoint"), note).unwrap();
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    // Partial tiles of that size, as the log served them then.
    other_hands::cut_tiles(&place, size);
    let policy = text(&published.policy());
    let (code, said) =
        published.creditbay(&["attestation", "refresh", &text(&file), "--from", &text(&place), "--policy", &policy], false);
    assert_eq!((code, said["parts"][0]["to_size"].as_u64()), (0, Some(size)), "{said}");
    let after: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!((&after["id"], &after["content"]), (&before["id"], &before["content"]));
    assert_ne!(after["answer"]["tlog_proof"], before["answer"]["tlog_proof"]);
    let (code, said) = published.creditbay(&["attestation", "verify", &text(&file), "--policy", &policy], false);
    assert_eq!((code, said["policy"]["quorum_without_parties"].as_bool()), (0, Some(false)), "{said}");
    assert_eq!(said["policy"]["cosigners"][0]["party"], "hk");
}
