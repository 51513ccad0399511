//! Auditors at work on real daemons' logs: what good networks, hostile peers, restored backups and forked stores look like to them.
//!
//! Forks and rollbacks are made of copies of a store that a daemon wrote. Not here: each single fault (`admin-cli`, `configs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};
use harness::hostile::Rogue;
use harness::network::Network;
use harness::samples::{Expected, copy_records};
use serde_json::{Value, json};
use tempfile::TempDir;

const COMPANY: &str = "91440101MA9XTEAT0A";

/// A network and its auditors, each with a memory of its own.
struct Bay {
    network: Network,
    folder: TempDir,
}

impl Bay {
    fn start(cities: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::start(&folder.path().join("n"), cities).unwrap();
        Self { network, folder }
    }

    fn path(&self, below: &str) -> String {
        self.network.folder().join(below).display().to_string()
    }

    /// `creditbay --json log …` as an enrolled auditor who believes the directory.
    fn log(&self, arguments: &[&str]) -> (i32, Value) {
        let (network, note) = (self.path("network.toml"), self.path("network.note"));
        let (key, name) = (self.path("auditor/auditor.pem"), self.network.auditor().unwrap().name);
        let trust = ["--network", &network, "--network-note", &note, "--auditor-key", &key, "--auditor-name", &name];
        let ended = self.network.creditbay(["--json", "log"].iter().chain(arguments).chain(&trust)).unwrap();
        let said = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {ended:?}"));
        (ended.code, said)
    }

    /// Verifies a log as the auditor who remembers in `memory`, with the rules.
    fn verify(&self, auditor: &str, city: &str, place: &str, also: &[&str]) -> (i32, Vec<String>, Value) {
        let kept = self.folder.path().join(auditor).display().to_string();
        let (pack, note) = (self.path("rules/gba-2026.1.toml"), self.path("rules/gba-2026.1.note"));
        let mut arguments = vec!["verify", place, "--region", city, "--kept", &kept, "--rules", &pack, "--rules-note", &note];
        arguments.extend(also.iter().flat_map(|source| ["--also", source]));
        let (code, said) = self.log(&arguments);
        let faults = said["faults"].as_array().unwrap().iter().map(|fault| fault["kind"].as_str().unwrap().to_owned());
        (code, faults.collect(), said)
    }

    /// The auditors' door, once it shows every leaf that there is.
    fn url(&self, city: &str) -> String {
        self.network.published_url(city).unwrap()
    }

    /// Has a node write one leaf more.
    fn order(&self, city: &str, of: &str) {
        let ended = self.network.creditbay(["rules", "suspend", "--type", of, "--node", &self.path(city)]).unwrap();
        assert_eq!(ended.code, 0, "{ended:?}");
    }

    /// The folder of everything that a node keeps, or a copy of it.
    fn data(&self, city: &str) -> PathBuf {
        self.network.folder().join(city).join("data")
    }

    fn back_up(&self, city: &str, name: &str) -> PathBuf {
        let to = self.folder.path().join(name);
        copy(&self.data(city), &to);
        to
    }

    fn restore(&self, city: &str, from: &Path) {
        fs::remove_dir_all(self.data(city)).unwrap();
        copy(from, &self.data(city));
    }

    fn export(&self, city: &str, name: &str) -> String {
        let to = self.folder.path().join(name).display().to_string();
        let (code, said) = self.log(&["export", &self.url(city), &to, "--region", city]);
        assert_eq!(code, 0, "{said}");
        to
    }
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

fn now() -> Millis {
    Millis(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

fn question() -> Value {
    json!({"purpose": "FIN", "operator": "a.chan", "issuer": "gz", "subject": {"scheme": "uscc", "value": COMPANY},
        "predicates": [{"shape": "not_listed", "of": "SER_ANY", "window_months": 0}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_network_audits_clean_by_its_rules_and_reconciles_pairwise() {
    let bay = Bay::start(&["gz", "sz", "hk", "mo"]);
    let cities = bay.network.cities().to_vec();
    for city in &cities {
        let files = copy_records(city, &bay.folder.path().join("records").join(city)).unwrap();
        let ended = bay.network.import(city, &files).unwrap();
        assert!(ended.code == 0 || ended.code == 5, "{city}: {ended:?}");
    }
    let expected = Expected::load().unwrap();
    let mut asked = 0;
    for question in expected.questions.iter().step_by(7) {
        asked += u64::from(bay.network.query(&question.asker, &question.body()).await.unwrap().status == 200);
    }
    assert!(asked > 10, "{asked}");
    let (mut queries, mut answers) = (0, 0);
    for city in &cities {
        let (code, faults, said) = bay.verify("one", city, &bay.url(city), &[]);
        assert_eq!((code, faults), (0, vec![]), "{city}: {said}");
        let judged = &said["rules"]["from_leaves"]["judged"];
        queries += judged["queries"].as_u64().unwrap();
        answers += judged["answers"].as_u64().unwrap() + judged["refusals"].as_u64().unwrap();
    }
    assert_eq!((queries, answers), (asked, asked));
    let mut matched = 0;
    for (position, a) in cities.iter().enumerate() {
        for b in &cities[position + 1..] {
            let (code, said) = bay.log(&["reconcile", &bay.url(a), &bay.url(b), "--region-a", a, "--region-b", b]);
            assert_eq!((code, &said["mismatch_count"]), (0, &json!(0)), "{a} {b}: {said}");
            matched +=
                said["exchanges"].as_array().unwrap().iter().map(|one| one["counts"]["matched"].as_u64().unwrap()).sum::<u64>();
        }
    }
    assert_eq!(matched, asked);
    let (code, said) = bay.log(&["report", &bay.url("gz"), "--region", "gz"]);
    let kinds = &said["kinds"];
    let counted: u64 = ["query", "answer", "refusal", "declined"].iter().filter_map(|kind| kinds[kind].as_u64()).sum();
    assert_eq!((code, said["messages"].as_u64()), (0, Some(counted)), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_skips_its_own_rules_shows_in_its_own_log_and_not_in_the_other() {
    let mut bay = Bay::start(&["gz", "hk"]);
    bay.network.stop("hk").unwrap();
    let rogue = Rogue::take_over(&bay.network.config("hk")).await.unwrap();
    let answer = rogue
        .ask(Query {
            asker: Name::new("hk").unwrap(),
            issuer: Name::new("gz").unwrap(),
            organisation: Name::new("bank.hk").unwrap(),
            operator: Name::new("a.chan").unwrap(),
            // No professional's business.
            purpose: Purpose::Prof,
            subject: Subject::Entity(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
            predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }]).unwrap(),
            lane: Lane::Public,
            legal_basis: LegalBasis::CnPub,
            pack: Digest::of(&fs::read(bay.path("rules/gba-2026.1.toml")).unwrap()),
            expires: now().plus(30_000),
            digest: None,
            authorisation: None,
            portfolio: None,
        })
        .await
        .unwrap();
    assert!(answer.attestation().content.refusal.is_some(), "gz keeps the rules");
    rogue.withdraw().await;
    bay.network.launch("hk").unwrap();
    let (code, faults, said) = bay.verify("one", "hk", &bay.url("hk"), &[]);
    assert_eq!((code, faults), (3, vec!["not_admitted".to_owned()]), "{said}");
    let (code, faults, said) = bay.verify("one", "gz", &bay.url("gz"), &[]);
    assert_eq!((code, faults), (0, vec![]), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_restored_from_an_old_backup_is_seen_by_whoever_saw_more() {
    let mut bay = Bay::start(&["gz", "hk"]);
    assert_eq!(bay.network.query("hk", &question()).await.unwrap().status, 200);
    let early = bay.verify("early", "gz", &bay.url("gz"), &[]);
    assert_eq!(early.0, 0, "{}", early.2);
    bay.network.stop("gz").unwrap();
    let backup = bay.back_up("gz", "backup");
    bay.network.launch("gz").unwrap();
    bay.network.await_peers("hk").unwrap();
    assert_eq!(bay.network.query("hk", &question()).await.unwrap().status, 200);
    assert_eq!(bay.verify("late", "gz", &bay.url("gz"), &[]).0, 0);
    bay.network.stop("hk").unwrap();
    bay.network.stop("gz").unwrap();
    bay.restore("gz", &backup);
    bay.network.launch("gz").unwrap();
    let (code, faults, said) = bay.verify("late", "gz", &bay.url("gz"), &[]);
    assert_eq!((code, faults), (3, vec!["shrunk".to_owned()]), "{said}");
    let evidence: Value = serde_json::from_str(&fs::read_to_string(said["evidence"][0].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!((evidence["what"].as_str(), evidence["notes"].as_array().unwrap().len()), (Some("shrunk"), 2), "{evidence}");
    // It writes on, past what it had: whoever saw the old history sees another one.
    for of in ["TAX_GRADE", "PUB_GRADE", "PERMIT"] {
        bay.order("gz", of);
    }
    let (code, faults, said) = bay.verify("late", "gz", &bay.url("gz"), &[]);
    assert_eq!((code, faults), (3, vec!["rewritten".to_owned()]), "{said}");
    assert_eq!(bay.verify("early", "gz", &bay.url("gz"), &[]).0, 0, "the older checkpoint alone shows nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_shows_different_trees_to_different_callers_is_found_out() {
    let mut bay = Bay::start(&["gz", "hk"]);
    assert_eq!(bay.network.query("hk", &question()).await.unwrap().status, 200);
    bay.network.stop("hk").unwrap();
    bay.network.stop("gz").unwrap();
    let store = bay.back_up("gz", "copy");
    // Two copies of one store run one after the other; each is shown to another auditor.
    bay.network.launch("gz").unwrap();
    bay.order("gz", "TAX_GRADE");
    let first = bay.export("gz", "first");
    assert_eq!(bay.verify("one", "gz", &bay.url("gz"), &[]).0, 0);
    bay.network.stop("gz").unwrap();
    bay.restore("gz", &store);
    bay.network.launch("gz").unwrap();
    bay.order("gz", "PUB_GRADE");
    let (code, faults, said) = bay.verify("two", "gz", &bay.url("gz"), &[]);
    assert_eq!((code, faults), (0, vec![]), "alone each history holds: {said}");
    let (code, faults, said) = bay.verify("one", "gz", &bay.url("gz"), &[]);
    assert_eq!((code, faults), (3, vec!["rewritten".to_owned()]), "{said}");
    let (code, faults, said) = bay.verify("three", "gz", &bay.url("gz"), &[&first]);
    assert_eq!((code, faults), (3, vec!["split_view".to_owned()]), "{said}");
    bay.order("gz", "PERMIT");
    let (code, faults, said) = bay.verify("four", "gz", &first, &[&bay.url("gz")]);
    assert_eq!((code, faults), (3, vec!["split_view".to_owned()]), "of another size: {said}");
    let evidence: Value = serde_json::from_str(&fs::read_to_string(said["evidence"][0].as_str().unwrap()).unwrap()).unwrap();
    let notes: Vec<_> = evidence["notes"].as_array().unwrap().iter().map(|noted| noted["note"].as_str().unwrap()).collect();
    assert!(notes.len() == 2 && notes.iter().all(|note| note.contains("— gz.creditbay/log/1 ")), "{evidence}");
}
