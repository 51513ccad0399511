//! The command line as scripts and people call it: exit codes, what it says, what it leaves on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use harness::network::{Ended, Network};
use harness::samples::{Expected, copy_records};
use serde_json::Value;

use crate::exchange::four_cities;

const QUESTION: [&str; 6] = ["--purpose", "FIN", "--subject", "uscc:91440104YL1000014F", "--ask", "not_listed(SER_ANY)"];

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn run(network: &Network, arguments: &[&str]) -> Ended {
    network.creditbay(arguments).unwrap()
}

#[track_caller]
fn assert_ends(ended: &Ended, code: i32, said: &str) {
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains(said), "no {said:?} in\n{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_command_line_that_cannot_be_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    for arguments in [
        vec![],
        vec!["records", "import"],
        vec!["network", "new", "/nowhere", "--cities", "gz,xx"],
        vec!["query", "--node", "x", "--purpose", "NONE", "--subject", "uscc:1", "--ask", "not_listed(SER_ANY)"],
        vec!["query", "--node", "x", "--purpose", "FIN", "--subject", "uscc:1", "--ask", "listed(SER_ANY)"],
    ] {
        let ended = run(&network, &arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {ended:?}");
    }
    assert_ends(&run(&network, &["--help"]), 0, "attestation");
}

#[test]
fn what_cannot_be_done_ends_with_1_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let gz = shown(&network.folder().join("gz"));
    assert_ends(&run(&network, &["status", "--node", &gz]), 1, "admin.sock");
    assert_ends(&run(&network, &["network", "new", &shown(network.folder())]), 1, "not empty");
    assert_ends(
        &run(&network, &["attestation", "verify", "/nowhere", "--network", &shown(&network.folder().join("network.toml"))]),
        1,
        "/nowhere",
    );
}

#[test]
fn a_new_networks_keys_are_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let mut keys = 0;
    for file in harness::network::files_below(network.folder()).unwrap() {
        if file.extension().is_some_and(|extension| extension == "pem" || extension == "token") {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
            keys += 1;
        }
    }
    assert_eq!(
        keys,
        2 * (3 + 1 + 1 + 2) + 1,
        "for each city three role keys, governance, the channel and two tokens; and the auditor's"
    );
}

#[test]
fn an_import_counts_every_row_and_a_second_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(&folder.path().join("n"), &["gz", "sz", "hk", "mo"]).unwrap();
    let expected = Expected::load().unwrap();
    for city in ["gz", "sz", "hk", "mo"] {
        let files = copy_records(city, &folder.path().join("records").join(city)).unwrap();
        for file in &files {
            let name = file.file_name().unwrap().to_str().unwrap();
            let wanted = &expected.counts[city][name];
            let first = network.import(city, std::slice::from_ref(file)).unwrap();
            let said: Value = serde_json::from_str(&first.stdout).unwrap_or_else(|_| panic!("{city}/{name}: {first:?}"));
            let done = &said["done"];
            let counts = ["rows", "good", "rejected", "duplicates", "persons"].map(|key| done[key].as_u64().unwrap());
            assert_eq!(counts, [wanted.rows, wanted.good, wanted.rejected, wanted.duplicates, wanted.persons], "{city}/{name}");
            assert_eq!(first.code, if wanted.rejected > 0 { 5 } else { 0 }, "{city}/{name}");
            assert_eq!(said["rejected"].as_array().unwrap().len() as u64, wanted.rejected);

            let rejected = file.with_file_name(format!("{name}.rejected.csv"));
            assert_eq!(rejected.exists(), wanted.rejected > 0, "{city}/{name}");
            if rejected.exists() {
                assert_eq!(fs::metadata(&rejected).unwrap().permissions().mode() & 0o777, 0o600);
            }
            let again = network.import(city, std::slice::from_ref(file)).unwrap();
            let said: Value = serde_json::from_str(&again.stdout).unwrap();
            assert_eq!(said["done"]["added"], 0, "{city}/{name}: {again:?}");
        }
    }
}

#[test]
fn strict_takes_over_nothing_of_a_file_with_a_bad_row() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let files = copy_records("gz", &folder.path().join("records")).unwrap();
    let file = files.iter().find(|file| file.ends_with("penalties-1-history.csv")).unwrap();
    let gz = shown(&network.folder().join("gz"));
    let strict = run(&network, &["records", "import", &shown(file), "--node", &gz, "--strict"]);
    assert_eq!(strict.code, 1, "{strict:?}");
    let status = run(&network, &["--json", "records", "status", "--node", &gz]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["subjects"], 0, "{status}");
    let lax = network.import("gz", std::slice::from_ref(file)).unwrap();
    let lax: Value = serde_json::from_str(&lax.stdout).unwrap();
    assert!(lax["done"]["added"].as_u64().unwrap() > 0, "{lax}");
}

#[test]
fn a_question_is_asked_kept_shown_and_verified() {
    let shared = four_cities();
    let network = &shared.network;
    let (hk, directory) = (shown(&network.folder().join("hk")), shown(&network.folder().join("network.toml")));
    let file = shared.folder.path().join("answer.attestation.json");
    let asked = run(network, &[&["query", "--node", &hk, "--out", &shown(&file)], &QUESTION[..]].concat());
    assert_ends(&asked, 0, "FALSE");
    let declined = run(network, &["query", "--node", &hk, "--purpose", "PROF", "--subject", QUESTION[3], "--ask", QUESTION[5]]);
    assert_ends(&declined, 4, "may not ask");

    assert_ends(&run(network, &["attestation", "show", &shown(&file)]), 0, "FALSE");
    assert_ends(&run(network, &["attestation", "verify", &shown(&file), "--network", &directory]), 0, "gz.creditbay/log/1");
    let text = fs::read_to_string(&file).unwrap();
    for (what, from, to, fault) in [
        ("the readable answer", "\"FALSE\"", "\"TRUE\"", "content"),
        ("the purpose", "\"FIN\"", "\"INV\"", "content"),
        ("the time", "\"answered_at\": \"2", "\"answered_at\": \"1", "content"),
        ("the log", "\"log\": \"gz.creditbay/log/1\"", "\"log\": \"sz.creditbay/log/1\"", "log"),
        ("the checkpoint", "gz.creditbay/log/1\\n", "gz.creditbay/log/2\\n", "tlog_proof"),
    ] {
        let forged = text.replacen(from, to, 1);
        assert_ne!(forged, text, "{what}: nothing was changed");
        let copy = shared.folder.path().join("forged.attestation.json");
        fs::write(&copy, forged).unwrap();
        assert_ends(&run(network, &["attestation", "verify", &shown(&copy), "--network", &directory]), 3, fault);
    }
    let strangers = tempfile::tempdir().unwrap();
    let other = Network::lay_out(&strangers.path().join("n"), &["gz", "hk"]).unwrap();
    let other = shown(&other.folder().join("network.toml"));
    assert_ends(&run(network, &["attestation", "verify", &shown(&file), "--network", &other]), 3, "proof");
}

#[test]
fn a_log_verifies_from_its_door_and_from_a_copy_and_a_changed_copy_does_not() {
    let shared = four_cities();
    let network = &shared.network;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let question = shared.expected.question("hk-gz-fin-not-listed-ser-any-0-gz-clean").unwrap();
    assert_eq!(runtime.block_on(network.query("hk", &question.body())).unwrap().status, 200);
    let directory = shown(&network.folder().join("network.toml"));
    let key = shown(&network.folder().join("auditor/auditor.pem"));
    let name = network.auditor().unwrap().name;
    let url = network.auditors_url("gz").unwrap().to_owned();
    let live = run(
        network,
        &["log", "verify", "--region", "gz", &url, "--network", &directory, "--auditor-key", &key, "--auditor-name", &name],
    );
    assert_ends(&live, 0, "gz.creditbay/log/1");

    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("gz");
    runtime.block_on(network.export("gz", &copy)).unwrap();
    assert_ends(
        &run(network, &["log", "verify", "--region", "gz", &shown(&copy), "--network", &directory]),
        0,
        "gz.creditbay/log/1",
    );
    for file in harness::network::files_below(&copy).unwrap() {
        let original = fs::read(&file).unwrap();
        let mut changed = original.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&file, &changed).unwrap();
        let refused = run(network, &["log", "verify", "--region", "gz", &shown(&copy), "--network", &directory]);
        assert_eq!(refused.code, 3, "{}: {}{}", file.display(), refused.stdout, refused.stderr);
        fs::write(&file, &original[..original.len() - 1]).unwrap();
        let refused = run(network, &["log", "verify", "--region", "gz", &shown(&copy), "--network", &directory]);
        assert_eq!(refused.code, 3, "{} cut: {}{}", file.display(), refused.stdout, refused.stderr);
        fs::write(&file, original).unwrap();
    }
}

#[test]
fn programs_get_json() {
    let shared = four_cities();
    let network = &shared.network;
    let gz = shown(&network.folder().join("gz"));
    for arguments in [&["--json", "status", "--node", &gz][..], &["--json", "records", "status", "--node", &gz]] {
        let ended = run(network, arguments);
        let said: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {ended:?}"));
        assert!(said["registers"].as_array().is_some_and(|registers| registers.len() >= 10), "{said}");
    }
    let hk = shown(&network.folder().join("hk"));
    let ended = run(network, &[&["--json", "query", "--node", &hk], &QUESTION[..]].concat());
    let said: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert!(said.to_string().contains("FALSE"), "{said}");
}
