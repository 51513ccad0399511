//! Nodes that cosign one another, witnesses and logs of others, forks that are caught, and answers that wait for witnesses (promise 6).
//!
//! Not here: the published table of `add-checkpoint` (`protocol`), and one node alone (`node`).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use creditbay_configs::node::NodeConfig;
use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{Note, NoteVerifier};
use creditbay_node::exchange::fault::AskError;
use creditbay_node::exchange::network::LinkError;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_node::store::{Batch, Store, Tree};
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::proof::TlogProof;
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::refusal::{Fault, Refusal};
use harness::archive::parse;
use harness::hostile::Rogue;
use harness::http::{Door, Reply};
use harness::network::Network;
use harness::rules::add_section;
use harness::samples::Expected;
use harness::witness::{ForeignLog, ForeignWitness, Manner};
use serde_json::Value;
use tokio::runtime::Runtime;

/// How long what takes seconds may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

const WITNESSED: &str =
    "[witnessed]\nillustrative = true\nheld_by = \"leaves\"\npurposes = [\"FIN\"]\nquorum = 2\nwait_seconds = 4\n";

/// A question to gz about a company that nobody knows.
fn unknown() -> Value {
    Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().body()
}

fn directory(network: &Network) -> Directory {
    Directory::parse("network.toml", &fs::read_to_string(network.folder().join("network.toml")).unwrap()).unwrap()
}

fn witnesses(network: &Network, cities: &[&str]) -> Vec<NoteVerifier> {
    let directory = directory(network);
    let entry = |city: &&str| directory.entry(city.parse().unwrap()).unwrap().witness.clone();
    cities.iter().map(entry).collect()
}

async fn checkpoint(network: &Network, city: &str) -> Note {
    let door = Door::at(network.auditors_url(city).unwrap()).unwrap();
    Note::parse(&door.get("/checkpoint").await.unwrap().body).unwrap()
}

fn size_of(note: &Note) -> u64 {
    note.text.lines().nth(1).unwrap().parse().unwrap()
}

fn cosigners(note: &Note, known: &[NoteVerifier]) -> usize {
    note.verify(known).map_or(0, |lines| lines.len())
}

/// Waits until a node publishes its newest head with the cosignatures of all these; how long it took.
async fn await_cosigned(network: &Network, city: &str, known: &[NoteVerifier]) -> Duration {
    let size = network.log_size(city).await.unwrap();
    let since = Instant::now();
    loop {
        let note = checkpoint(network, city).await;
        if size_of(&note) >= size && cosigners(&note, known) == known.len() {
            return since.elapsed();
        }
        assert!(since.elapsed() < PATIENCE, "{city} at {size}: {note}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn add(network: &Network, city: &str, body: Vec<u8>) -> Reply {
    Door::at(network.auditors_url(city).unwrap()).unwrap().call("POST", "/add-checkpoint", &[], body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_nodes_cosign_one_another_unasked_and_one_that_is_down_only_delays() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "sz", "hk", "mo"]).unwrap();
    assert_eq!(network.query("hk", &unknown()).await.unwrap().status, 200);
    await_cosigned(&network, "gz", &witnesses(&network, &["sz", "hk", "mo"])).await;
    await_cosigned(&network, "hk", &witnesses(&network, &["gz", "sz", "mo"])).await;

    // What hk cosigned, it shows: the log's signature and its own line.
    let gz = directory(&network).entry("gz".parse().unwrap()).unwrap().clone();
    let hk = Door::at(network.auditors_url("hk").unwrap()).unwrap();
    let path = format!("/{}/checkpoint", Digest::of(gz.log_origin.to_string().as_bytes()));
    let shown = Note::parse(&hk.get(&path).await.unwrap().body).unwrap();
    assert_eq!(shown.verify(&[gz.log.clone(), witnesses(&network, &["hk"])[0].clone()]).unwrap().len(), 2);
    assert_eq!(hk.get(&format!("/{}/checkpoint", Digest::of(b"nobody's log"))).await.unwrap().status, 404);

    network.stop("mo").unwrap();
    assert_eq!(network.query("hk", &unknown()).await.unwrap().status, 200);
    await_cosigned(&network, "gz", &witnesses(&network, &["sz", "hk"])).await;
    assert_eq!(cosigners(&checkpoint(&network, "gz").await, &witnesses(&network, &["mo"])), 0);
    network.launch("mo").unwrap();
    await_cosigned(&network, "gz", &witnesses(&network, &["sz", "hk", "mo"])).await;

    let metrics = Door::at(network.services_url("gz").unwrap()).unwrap().get("/metrics").await.unwrap();
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    for series in ["creditbay_cosignatures_given_total", "creditbay_cosignatures_received_total", "creditbay_witness_lag_leaves"]
    {
        assert!(metrics.contains(series), "{series} in {metrics}");
    }
}

/// Writes sections at the end of a node's configuration, before its limits or anything.
fn configure(network: &Network, city: &str, sections: &str) {
    let text = fs::read_to_string(network.config(city)).unwrap();
    fs::write(network.config(city), format!("{text}\n{sections}")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_from_outside_is_one_more_cosigner_and_bad_ones_delay_themselves_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let gz = directory(&network).entry("gz".parse().unwrap()).unwrap().log.clone();
    let mut outside = Vec::new();
    for (seed, manner) in (0x31..).zip([Manner::Honest, Manner::Silent, Manner::Endless, Manner::Wrong]) {
        let name = format!("witness.example/{seed}");
        outside.push(ForeignWitness::start(&name, seed, gz.clone(), manner).await.unwrap());
        configure(&network, "gz", &outside.last().unwrap().section());
    }
    for city in ["gz", "hk"] {
        network.launch(city).unwrap();
    }
    network.await_peers("gz").unwrap();
    let mut known = witnesses(&network, &["hk"]);
    known.push(outside[0].vkey().clone());
    for _ in 0..3 {
        assert_eq!(network.query("hk", &unknown()).await.unwrap().status, 200);
        await_cosigned(&network, "gz", &known).await;
    }
    let bad: Vec<_> = outside[1..].iter().map(|witness| witness.vkey().clone()).collect();
    assert_eq!(cosigners(&checkpoint(&network, "gz").await, &bad), 0);
}

/// One node that cosigns a foreign log.
async fn with_foreign_log(folder: &Path) -> (Network, ForeignLog) {
    let mut network = Network::lay_out(&folder.join("n"), &["gz", "hk"]).unwrap();
    let log = ForeignLog::new("log.example/disclosures", 1).unwrap();
    configure(&network, "gz", &format!("[[witnessed_logs]]\nvkey = \"{}\"\n", log.vkey()));
    network.launch("gz").unwrap();
    (network, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_log_is_cosigned_with_the_statuses_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let (network, log) = with_foreign_log(folder.path()).await;
    let own = witnesses(&network, &["gz"]);
    let reply = add(&network, "gz", log.submission(0, 3).unwrap()).await;
    assert_eq!(reply.status, 200);
    let note = format!("{}\n{}", log.text(3).unwrap(), String::from_utf8_lossy(&reply.body));
    assert_eq!(cosigners(&Note::parse(note.as_bytes()).unwrap(), &own), 1, "the line is gz's cosignature: {note}");

    let conflict = add(&network, "gz", log.submission(0, 5).unwrap()).await;
    let said = (conflict.status, conflict.content_type.as_str(), &conflict.body[..]);
    assert_eq!(said, (409, "text/x.tlog.size", &b"3\n"[..]));
    let (twin, stranger) =
        (ForeignLog::new("log.example/disclosures", 2).unwrap(), ForeignLog::new("log.example/other", 1).unwrap());
    for (what, body, status) in [
        ("another root at the size cosigned last", twin.submission(3, 3).unwrap(), 422),
        ("a tree that does not continue it", twin.submission(3, 5).unwrap(), 422),
        ("a log that nobody added", stranger.submission(0, 3).unwrap(), 404),
        ("an old size above the new one", log.submission(8, 5).unwrap(), 400),
        ("no submission", b"old 3\n".to_vec(), 400),
        ("too much of one", vec![b'a'; 100_000], 413),
        ("the same again", log.submission(3, 3).unwrap(), 200),
        ("the next", log.submission(3, 5).unwrap(), 200),
    ] {
        assert_eq!(add(&network, "gz", body).await.status, status, "{what}");
    }
}

/// Of many submissions at once each sees what the one before it left: no answer goes out for a size below one that went out before.
#[tokio::test(flavor = "multi_thread")]
async fn of_submissions_that_race_none_rolls_another_back() {
    let folder = tempfile::tempdir().unwrap();
    let (network, log) = with_foreign_log(folder.path()).await;
    assert_eq!(add(&network, "gz", log.submission(0, 1).unwrap()).await.status, 200);
    let mut latest = 1;
    for round in 0..20 {
        let sizes = [latest + 1, latest + 5, latest + 2, latest + 4];
        let bodies = sizes.map(|size| log.submission(latest, size).unwrap());
        let [a, b, c, d] = bodies.map(|body| add(&network, "gz", body));
        let (a, b, c, d) = tokio::join!(a, b, c, d);
        let given: Vec<_> =
            sizes.iter().zip([a, b, c, d]).filter(|(_, reply)| reply.status == 200).map(|(size, _)| *size).collect();
        assert_eq!(given.len(), 1, "round {round}: {given:?}");
        latest = given[0];
    }
}

/// Killed at any moment, a witness that answered remembers it, and one that did not may have moved on: never are two roots of one size cosigned.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_killed_cosigns_no_second_tree_of_a_size() {
    let folder = tempfile::tempdir().unwrap();
    let (mut network, log) = with_foreign_log(folder.path()).await;
    let twin = ForeignLog::new("log.example/disclosures", 2).unwrap();
    let mut answered = 0;
    for kill in 0..8u64 {
        let (door, old) = (Door::at(network.auditors_url("gz").unwrap()).unwrap(), answered);
        let bodies: Vec<_> = (old..old + 20).map(|size| log.submission(size, size + 1).unwrap()).collect();
        let submitting = tokio::spawn(async move {
            let mut latest = old;
            for body in bodies {
                match door.call("POST", "/add-checkpoint", &[], body).await {
                    Ok(reply) if reply.status == 200 => latest += 1,
                    _ => break,
                }
            }
            latest
        });
        tokio::time::sleep(Duration::from_millis(3 + kill * 5)).await;
        network.kill("gz").unwrap();
        let told = submitting.await.unwrap();
        network.launch("gz").unwrap();
        let conflict = add(&network, "gz", log.submission(0, 250).unwrap()).await;
        answered = if conflict.status == 200 { 250 } else { String::from_utf8_lossy(&conflict.body).trim().parse().unwrap() };
        assert!((told..=told + 1).contains(&answered) || told == 0, "told {told}, kept {answered}");
        if answered > 0 {
            assert_eq!(add(&network, "gz", twin.submission(answered, answered).unwrap()).await.status, 422);
        }
        if answered == 250 {
            break;
        }
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_tree(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Why a node trusts a peer's log no more.
async fn why_suspended(network: &Network, city: &str, peer: &str) -> Option<String> {
    let status = network.status(city).await.unwrap();
    let peers = status["peers"].as_array().unwrap().clone();
    peers.iter().find(|listed| listed["region"] == peer).unwrap()["suspended"].as_str().map(str::to_owned)
}

/// Two copies of one store run one after the other, each with another peer: two histories under one key, without a changed byte.
#[test]
fn two_copies_of_a_store_are_a_fork_that_is_kept_shown_and_decided() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk", "mo"]).unwrap();
    let ask = |network: &Network, city: &str| runtime.block_on(network.query(city, &unknown())).unwrap();
    assert_eq!(ask(&network, "hk").status, 200);
    for city in ["gz", "mo"] {
        network.stop(city).unwrap();
    }
    let data = NodeConfig::parse(&network.config("gz"), &fs::read_to_string(network.config("gz")).unwrap()).unwrap().data_dir;
    let copy = folder.path().join("copy");
    copy_tree(&data, &copy);
    network.launch("gz").unwrap();
    network.await_peers("hk").unwrap();
    assert_eq!(ask(&network, "hk").status, 200);
    for city in ["gz", "hk"] {
        network.stop(city).unwrap();
    }
    fs::remove_dir_all(&data).unwrap();
    copy_tree(&copy, &data);
    for city in ["mo", "gz"] {
        network.launch(city).unwrap();
    }
    network.await_peers("mo").unwrap();
    assert_eq!(ask(&network, "mo").status, 200, "mo knows nothing of the first history");

    // hk comes back: it holds the first history, gz shows the second.
    network.launch("hk").unwrap();
    let suspended = |network: &Network| runtime.block_on(why_suspended(network, "hk", "gz"));
    let since = Instant::now();
    while suspended(&network).is_none() {
        assert!(since.elapsed() < PATIENCE, "hk raises no alarm");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(suspended(&network).unwrap().contains("FORK"), "{:?}", suspended(&network));
    let said = ask(&network, "hk");
    assert_ne!(said.status, 200, "{}", said.body);

    // Over a restart, with the evidence, which verifies with the directory alone.
    network.kill("hk").unwrap();
    network.launch("hk").unwrap();
    assert!(suspended(&network).unwrap().contains("FORK"));
    let node = network.folder().join("hk").display().to_string();
    let out = folder.path().join("evidence");
    let run = |arguments: &[&str]| network.creditbay(arguments).unwrap();
    let ended = run(&["trust", "show", "--node", &node]);
    assert!(ended.code == 0 && ended.stdout.contains("FORK") && ended.stdout.contains("not yet"), "{ended:?}");
    let ended = run(&["--json", "trust", "export", "--node", &node, "--out", &out.display().to_string()]);
    let written: Value = serde_json::from_str(&ended.stdout).unwrap();
    let file = written["written"][0].as_str().unwrap().to_owned();
    let directory = network.folder().join("network.toml").display().to_string();
    let ended = run(&["trust", "verify", &file, "--network", &directory]);
    assert!(ended.code == 0 && ended.stdout.contains("two roots"), "{ended:?}");
    let forged = fs::read_to_string(&file).unwrap().replacen("\\n", "\\n1", 1);
    fs::write(&file, forged).unwrap();
    assert_eq!(run(&["trust", "verify", &file, "--network", &directory]).code, 3);

    // As long as gz shows the second history, each connection would be the next alarm.
    network.kill("gz").unwrap();
    let run = |arguments: &[&str]| network.creditbay(arguments).unwrap();
    let ended = run(&["trust", "restore", "--node", &node, "--peer", "gz", "--reason", "gz retires its log"]);
    assert!(ended.code == 0, "{ended:?}");
    assert_eq!(suspended(&network), None);
    let leaves = runtime.block_on(network.export("hk", &folder.path().join("log"))).unwrap();
    assert_eq!(parse(&leaves).unwrap().last().unwrap().body.kind(), "trust-decided");
    let again = run(&["trust", "restore", "--node", &node, "--peer", "gz", "--reason", "twice"]);
    assert!(again.code == 1 && again.stderr.contains("not suspended"), "{again:?}");
}

/// Makes a node that does not run forget every note that it saw and cosigned of a log, as if neither had become durable.
fn forget(data: &Path, origin: &str) {
    for (store, tree, key) in [("store", Tree::Log, format!("N{origin}")), ("witness", Tree::Witness, format!("L{origin}"))] {
        let store = OnDisk::open(&data.join(store), 16).unwrap();
        assert!(store.get(tree, key.as_bytes()).unwrap().is_some(), "{key}");
        let mut batch = Batch::default();
        batch.remove(key.into_bytes());
        store.commit(tree, batch).unwrap();
    }
}

/// A question of hk's to gz, wanted for long enough that gz remembers it over a restart.
fn asked(network: &Network, purpose: Purpose) -> Query {
    let pack = fs::read(network.folder().join("rules/gba-2026.1.toml")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Query {
        asker: "hk".parse().unwrap(),
        issuer: "gz".parse().unwrap(),
        organisation: "bank.hk".parse().unwrap(),
        operator: "a.chan".parse().unwrap(),
        purpose,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, "91440101MA9XTEAT0A").unwrap()),
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }]).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: Digest::of(&pack),
        expires: Millis(u64::try_from(now).unwrap()).plus(110_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

/// A peer that shows a second history to a node which lost the notes of the first: what it answered tells, with both proofs.
#[test]
fn two_queries_under_one_index_are_a_fork_though_no_two_notes_tell() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    network.stop("hk").unwrap();
    let data = |city: &str| {
        NodeConfig::parse(&network.config(city), &fs::read_to_string(network.config(city)).unwrap()).unwrap().data_dir
    };
    let (of_gz, of_hk, copy) = (data("gz"), data("hk"), folder.path().join("copy"));
    copy_tree(&of_hk, &copy);
    let config = network.config("hk");
    let first = runtime.block_on(async {
        let rogue = Rogue::take_over(&config).await.unwrap();
        let (asked, appended) = rogue.log(asked(&network, Purpose::Fin)).await.unwrap();
        let index = appended.committed.place().index;
        rogue.exchange().carry_through(asked, appended).await.unwrap();
        rogue.withdraw().await;
        index
    });
    network.stop("gz").unwrap();
    forget(&of_gz, "hk.creditbay/log/1");
    fs::remove_dir_all(&of_hk).unwrap();
    copy_tree(&copy, &of_hk);
    network.launch("gz").unwrap();
    let ended = runtime.block_on(async {
        let rogue = Rogue::take_over(&config).await.unwrap();
        let (other, appended) = rogue.log(asked(&network, Purpose::Inv)).await.unwrap();
        assert_eq!(appended.committed.place().index, first, "two histories");
        rogue.log(asked(&network, Purpose::Inv)).await.unwrap();
        let log = &rogue.exchange().log;
        let under_a_larger_tree = log.prove(first, &log.head()).unwrap();
        let ended = rogue.exchange().carry_through(other, under_a_larger_tree).await.err().unwrap();
        rogue.withdraw().await;
        ended
    });
    assert!(matches!(ended, AskError::NoAnswer(LinkError::Fault(Fault::OtherBytesUnderIndex))), "{ended}");

    // As with two notes of one size: trust has ended over a restart, what proves it verifies offline, and the operator decides.
    network.kill("gz").unwrap();
    network.launch("gz").unwrap();
    let why = runtime.block_on(why_suspended(&network, "gz", "hk")).unwrap();
    assert!(why.contains("FORK") && why.contains(&format!("two leaves at index {first}")), "{why}");
    let node = network.folder().join("gz").display().to_string();
    let out = folder.path().join("evidence").display().to_string();
    let run = |arguments: &[&str]| network.creditbay(arguments).unwrap();
    let ended = run(&["--json", "trust", "export", "--node", &node, "--out", &out]);
    let written: Value = serde_json::from_str(&ended.stdout).unwrap();
    let file = written["written"][0].as_str().unwrap().to_owned();
    let directory = network.folder().join("network.toml").display().to_string();
    let ended = run(&["trust", "verify", &file, "--network", &directory]);
    assert!(ended.code == 0 && ended.stdout.contains("different leaves at"), "{ended:?}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("91440101MA9XTEAT0A"), "evidence names no subject");
    let mut forged: Value = serde_json::from_str(&text).unwrap();
    forged["positions"]["index"] = (first + 1).into();
    fs::write(&file, forged.to_string()).unwrap();
    assert_eq!(run(&["trust", "verify", &file, "--network", &directory]).code, 3);
    let ended = run(&["trust", "restore", "--node", &node, "--peer", "hk", "--reason", "hk retires its log"]);
    assert_eq!((ended.code, runtime.block_on(why_suspended(&network, "gz", "hk"))), (0, None));
}

/// No peer tells a node that its store was rolled back, and a witness that is nobody's peer does.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rolled_back_is_stopped_by_what_a_witness_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let gz = directory(&network).entry("gz".parse().unwrap()).unwrap().log.clone();
    let outside = ForeignWitness::start("witness.example/1", 0x31, gz, Manner::Honest).await.unwrap();
    configure(&network, "gz", &outside.section());
    let order = |network: &Network, of: &str| {
        let node = network.folder().join("gz").display().to_string();
        network.creditbay(["rules", "suspend", "--type", of, "--node", &node]).unwrap()
    };
    network.launch("gz").unwrap();
    assert_eq!(order(&network, "TAX_GRADE").code, 0);
    network.stop("gz").unwrap();
    let data = network.folder().join("gz/data");
    copy_tree(&data, &folder.path().join("backup"));
    network.launch("gz").unwrap();
    for of in ["PUB_GRADE", "PERMIT"] {
        assert_eq!(order(&network, of).code, 0);
    }
    await_cosigned(&network, "gz", std::slice::from_ref(outside.vkey())).await;
    network.stop("gz").unwrap();
    fs::remove_dir_all(&data).unwrap();
    copy_tree(&folder.path().join("backup"), &data);

    network.launch("gz").unwrap();
    let since = Instant::now();
    let stopped = loop {
        let status = network.status("gz").await.unwrap();
        let state = status["log"]["state"].as_str().unwrap();
        if state != "running" {
            break state.to_owned();
        }
        assert!(since.elapsed() < PATIENCE, "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(stopped.contains("ROLLBACK"), "{stopped}");
    let refused = order(&network, "QUAL_GRADE");
    assert!(refused.code == 1 && refused.stderr.contains("ROLLBACK"), "it signs nothing more: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_witnesses_and_is_withheld_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out(&folder.path().join("n"), &["gz", "sz", "hk", "mo"]).unwrap();
    let cities = network.cities().to_vec();
    add_section(network.folder(), &cities, WITNESSED).unwrap();
    for city in &cities {
        network.launch(city).unwrap();
    }
    for city in &cities {
        network.await_peers(city).unwrap();
    }
    let third = witnesses(&network, &["sz", "mo"]);
    await_cosigned(&network, "gz", &third).await;
    let said = network.query("hk", &unknown()).await.unwrap();
    assert_eq!(said.status, 200, "{}", said.body);
    let attestation: Attestation = serde_json::from_value(said.body["attestation"].clone()).unwrap();
    assert_eq!(attestation.content.refusal, None, "{}", said.body);
    attestation.verify(&directory(&network).known_logs()).unwrap();
    let note = Note::parse(&TlogProof::parse(&attestation.answer.tlog_proof).unwrap().note).unwrap();
    assert_eq!(cosigners(&note, &third), 2, "both others cosigned it before it was released: {note}");
    assert_eq!(cosigners(&note, &witnesses(&network, &["hk"])), 1, "and the asker, with its receipt");
    let file = folder.path().join("a.attestation.json");
    fs::write(&file, serde_json::to_string(&attestation).unwrap()).unwrap();
    let network_toml = network.folder().join("network.toml").display().to_string();
    let ended = network.creditbay(["attestation", "verify", &file.display().to_string(), "--network", &network_toml]).unwrap();
    assert!(
        ended.code == 0 && ended.stdout.contains("sz.creditbay/witness") && ended.stdout.contains("mo.creditbay/witness"),
        "{ended:?}"
    );

    network.stop("mo").unwrap();
    let said = network.query("hk", &unknown()).await.unwrap();
    let attestation: Attestation = serde_json::from_value(said.body["attestation"].clone()).unwrap();
    assert_eq!(attestation.content.refusal, Some(Refusal::NotWitnessed), "{}", said.body);
    assert!(said.took >= Duration::from_secs(4), "it waits as long as the rules say");
    let leaves = parse(&network.export("gz", &folder.path().join("log")).await.unwrap()).unwrap();
    let kinds: Vec<_> = leaves.iter().map(|leaf| leaf.body.kind()).collect();
    assert_eq!(kinds[kinds.len() - 3..], ["answer", "withheld", "refusal"]);
    let [.., answer, withheld, refusal] = leaves.as_slice() else { panic!("{kinds:?}") };
    let LeafBody::Event(creditbay_protocol::event::Event::Withheld { answer: index }) = withheld.body else {
        panic!("{withheld:?}")
    };
    assert_eq!(index as usize, leaves.len() - 3);
    let (LeafBody::Answer { query: asked, .. }, LeafBody::Answer { query, .. }) = (&answer.body, &refusal.body) else {
        panic!("{answer:?} {refusal:?}")
    };
    assert_eq!(asked, query, "the refusal answers the same query");

    network.launch("mo").unwrap();
    await_cosigned(&network, "gz", &third).await;
    let said = network.query("hk", &unknown()).await.unwrap();
    assert!(said.body["attestation"]["content"]["refusal"].is_null(), "{}", said.body);
}
