//! Auditors at work on real daemons' logs: what good networks, hostile peers, restored backups and forked stores look like to them.
//!
//! Forks and rollbacks are made of copies of a store that a daemon wrote. Not here: each single fault (`admin-cli`, `configs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};
use harness::archive::parse;
use harness::hostile::Rogue;
use harness::network::Network;
use harness::rewritten::write_log;
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

    /// A sample of a log, drawn and opened on its node: both files.
    fn drawn_and_opened(&self, city: &str, name: &str, count: &str) -> (String, String) {
        let file = |what: &str| self.folder.path().join(format!("{city}-{name}-{what}")).display().to_string();
        let (sample, openings) = (file("sample"), file("openings"));
        let (code, said) = self.log(&["sample", &self.url(city), "--region", city, "--count", count, "--out", &sample]);
        assert_eq!(code, 0, "{said}");
        let open = ["log", "open", "--sample", &sample, "--for", "audit", "--out", &openings, "--node", &self.path(city)];
        let ended = self.network.creditbay(open).unwrap();
        assert_eq!(ended.code, 0, "{ended:?}");
        (sample, openings)
    }

    /// Verifies a node's log with the openings of a sample, as an auditor who remembers nothing.
    fn verify_opened(&self, city: &str, sample: &str, openings: &str) -> (i32, Vec<String>, Value) {
        let (pack, url) = (self.path("rules/gba-2026.1.toml"), self.url(city));
        let (code, said) = self.log(&[
            "verify",
            &url,
            "--region",
            city,
            "--no-keep",
            "--rules",
            &pack,
            "--openings",
            openings,
            "--drawn",
            sample,
        ]);
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

/// The auditor draws, the operator opens in one go, the auditor verifies: what was drawn is opened, fits, and keeps the rules.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_auditor_draws_is_opened_in_one_go_and_judged() {
    let mut bay = Bay::start(&["gz", "hk"]);
    let files = copy_records("gz", &bay.folder.path().join("records")).unwrap();
    let ended = bay.network.import("gz", &files).unwrap();
    assert!(ended.code == 0 || ended.code == 5, "{ended:?}");
    let expected = Expected::load().unwrap();
    let of_hk = expected.questions.iter().filter(|question| question.asker == "hk" && question.issuer == "gz");
    for question in of_hk.step_by(3) {
        bay.network.query("hk", &question.body()).await.unwrap();
    }
    for city in ["gz", "hk"] {
        let (sample, openings) = bay.drawn_and_opened(city, "good", "5");
        let (code, faults, said) = bay.verify_opened(city, &sample, &openings);
        assert_eq!((code, faults), (0, vec![]), "{said}");
        let outcome = &said["rules"]["by_opening"]["openings"];
        assert_eq!((&outcome["opened"], &outcome["missing"], &outcome["shown_beyond"]), (&json!(5), &json!([]), &json!([])));
        assert_eq!(said["kinds"]["openings-shown"], 1, "one leaf says that all of it was shown: {said}");

        let lines: Vec<String> = fs::read_to_string(&openings).unwrap().lines().map(str::to_owned).collect();
        let forged = |name: &str, lines: &[String]| {
            let path = bay.folder.path().join(format!("{city}-{name}")).display().to_string();
            fs::write(&path, lines.join("\n")).unwrap();
            let (code, faults, said) = bay.verify_opened(city, &sample, &path);
            assert_eq!((code, &said["rules"]["from_leaves"]["breaches"]), (3, &json!(0)), "{said}");
            faults
        };
        let mut swapped = lines.clone();
        let [one, other]: [Value; 2] = [0, 1].map(|at| serde_json::from_str(&lines[at]).unwrap());
        swapped[0] = json!({"format": one["format"], "log": one["log"], "index": one["index"], "shown": one["shown"],
            "holds": other["holds"]})
        .to_string();
        assert_eq!(forged("swapped", &swapped), ["opening_unfit"]);
        assert_eq!(forged("short", &lines[1..]), ["not_opened", "other_shown"]);
        let (_, others) = bay.drawn_and_opened(city, "other", "9");
        let others: Vec<String> = fs::read_to_string(others).unwrap().lines().map(str::to_owned).collect();
        let faults = forged("other", &others);
        let count = |kind: &str| faults.iter().filter(|fault| *fault == kind).count();
        assert_eq!((count("not_drawn") - count("not_opened"), count("other_shown")), (4, 0), "of a later root: {faults:?}");
    }

    // A query that asks to live for an hour: its leaf keeps every rule, its message does not.
    bay.network.stop("hk").unwrap();
    let rogue = Rogue::take_over(&bay.network.config("hk")).await.unwrap();
    rogue.log(unending(&bay)).await.unwrap();
    rogue.withdraw().await;
    bay.network.launch("hk").unwrap();
    let (code, faults, said) = bay.verify("leaves", "hk", &bay.url("hk"), &[]);
    assert_eq!((code, faults), (0, vec![]), "from leaves alone: {said}");
    let (sample, openings) = bay.drawn_and_opened("hk", "all", "1000");
    let (code, faults, said) = bay.verify_opened("hk", &sample, &openings);
    assert_eq!((code, faults), (3, vec!["opened_lifetime".to_owned()]), "{said}");
}

/// A query that no rule was asked about, wanted for an hour.
fn unending(bay: &Bay) -> Query {
    Query {
        asker: Name::new("hk").unwrap(),
        issuer: Name::new("gz").unwrap(),
        organisation: Name::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: Purpose::Fin,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }]).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: Digest::of(&fs::read(bay.path("rules/gba-2026.1.toml")).unwrap()),
        expires: now().plus(3_600_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

/// Each of the two logs below verifies by itself, signed by the node that hides something; the other node's log tells.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_of_two_logs_hides_is_named_by_reconciling_them() {
    let bay = Bay::start(&["gz", "hk"]);
    for _ in 0..3 {
        assert_eq!(bay.network.query("hk", &question()).await.unwrap().status, 200);
    }
    let copy = |city: &str| bay.folder.path().join("as-it-is").join(city);
    let gz = bay.network.export("gz", &copy("gz")).await.unwrap();
    let hk = bay.network.export("hk", &copy("hk")).await.unwrap();
    let at = |leaves: &[Vec<u8>], kind: &str| -> Vec<usize> {
        let parsed = parse(leaves).unwrap();
        (0..parsed.len()).filter(|at| parsed[*at].body.kind() == kind).collect()
    };
    let (queries, answers) = (at(&hk, "query"), at(&gz, "answer"));
    assert_eq!((queries.len(), answers.len()), (3, 3));
    // Some minutes later, so that nothing is in flight any more.
    let later = |leaves: &[Vec<u8>]| {
        let at = parse(leaves).unwrap().last().unwrap().time.plus(600_000);
        let event = Event::TurnedAway { peer: "mo".parse().unwrap(), since: at, count: 1 };
        [leaves, &[Leaf::new(at, LeafBody::Event(event)).bytes()]].concat()
    };
    let without = |leaves: &[Vec<u8>], at: usize| [&leaves[..at], &leaves[at + 1..]].concat();
    let reconciled = |name: &str, gz: &[Vec<u8>], hk: &[Vec<u8>]| {
        let place = |city: &str| bay.folder.path().join(name).join(city);
        for (city, leaves) in [("gz", gz), ("hk", hk)] {
            write_log(&bay.network, city, &later(leaves), &place(city)).unwrap();
            let (code, faults, said) = bay.verify(&format!("{name}-{city}"), city, &place(city).display().to_string(), &[]);
            assert_eq!((code, faults), (0, vec![]), "alone it holds: {said}");
        }
        let [a, b] = ["gz", "hk"].map(|city| place(city).display().to_string());
        let (code, said) = bay.log(&["reconcile", &a, &b, "--region-a", "gz", "--region-b", "hk"]);
        let named = said["mismatches"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap().to_owned());
        (code, named.collect::<Vec<_>>(), said)
    };
    let (code, named, said) = reconciled("whole", &gz, &hk);
    assert_eq!((code, named), (0, vec![]), "{said}");
    let (code, named, said) = reconciled("lost-answer", &without(&gz, answers[1]), &hk);
    assert_eq!((code, named), (3, vec!["query_unanswered".to_owned()]), "{said}");
    assert_eq!(said["mismatches"][0]["query"], queries[1]);
    let (code, named, said) = reconciled("hidden-query", &gz, &without(&hk, queries[1]));
    assert_eq!((code, named), (3, vec!["answer_without_query".to_owned()]), "{said}");
    assert_eq!(said["mismatches"][0]["answer"], answers[1]);
    let stranger = Leaf::new(parse(&hk).unwrap().last().unwrap().time, parse(&hk).unwrap()[queries[0]].body.clone());
    let (code, named, said) = reconciled("one-sided-query", &gz, &[hk.as_slice(), &[stranger.bytes()]].concat());
    assert_eq!((code, named), (3, vec!["query_unanswered".to_owned()]), "{said}");
}
