//! The published log across real processes: the auditors' door with and without TLS, the archive that follows it, a rolled back store that
//! comes back from the archive, and a log that ends and the next one that goes on from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use creditbay_protocol::tile::TilePath;
use harness::directory;
use harness::http::{Door, Reply};
use harness::network::{Ended, Network, terminate};
use serde_json::{Value, json};

/// Suspends hk at a node and lifts that, in turns: a leaf each.
fn grow(network: &Network, city: &str, leaves: usize) {
    for number in 0..leaves {
        let act = if number.is_multiple_of(2) { "suspend" } else { "resume" };
        let node = network.folder().join(city).display().to_string();
        let ended = network.creditbay(["rules", act, "--node", &node, "--type", "TAX_GRADE"]).unwrap();
        assert_eq!(ended.code, 0, "{ended:?}");
    }
}

/// A command of `creditbay log` with whom to believe and who reads.
fn log_arguments(network: &Network, command: &[&str], city: &str) -> Vec<String> {
    let folder = network.folder();
    let file = |name: &str| folder.join(name).display().to_string();
    let mut arguments: Vec<String> = ["--json", "log"].iter().chain(command).map(ToString::to_string).collect();
    for (option, value) in [
        ("--region", city.to_owned()),
        ("--network", file("network.toml")),
        ("--network-note", file("network.note")),
        ("--auditor-key", file("auditor/auditor.pem")),
    ] {
        arguments.extend([option.to_owned(), value]);
    }
    arguments
}

fn log(network: &Network, command: &[&str], city: &str) -> Ended {
    network.creditbay(log_arguments(network, command, city)).unwrap()
}

fn said(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn size_of(folder: &Path) -> u64 {
    let note = fs::read_to_string(folder.join("checkpoint")).unwrap_or_default();
    note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0)
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_of_a_small_log_is_served_as_the_specification_says() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    grow(&network, "gz", 4);
    let door = Door::at(&network.published_url("gz").unwrap()).unwrap();
    let auditor = network.auditor().unwrap();
    let checkpoint = door.get("/checkpoint").await.unwrap();
    let size: u64 = String::from_utf8_lossy(&checkpoint.body).lines().nth(1).unwrap().parse().unwrap();
    assert!(size >= 5 && checkpoint.header("content-type") == "text/plain; charset=utf-8", "{size}");
    assert_eq!(checkpoint.header("cache-control"), "max-age=1");

    let immutable = "max-age=31536000, immutable";
    for width in 1..=size {
        let hashes = door.get(&format!("/tile/0/000.p/{width}")).await.unwrap();
        assert_eq!((hashes.status, hashes.body.len() as u64), (200, 32 * width), "the tile of every size there was");
        assert_eq!((hashes.header("content-type"), hashes.header("cache-control")), ("application/octet-stream", immutable));
        let path = TilePath { level: None, index: 0, width: width as u16 }.to_string();
        let entries = auditor.get(&door, &path).await.unwrap();
        assert_eq!((entries.status, entries.header("cache-control")), (200, &*format!("private, {immutable}")));
        let stranger = door.get(&format!("/{path}")).await.unwrap();
        assert_eq!((stranger.status, stranger.header("www-authenticate")), (401, "CreditBay-Auditor"));
        assert_eq!(stranger.header("cache-control"), "no-store");
    }
    let beyond = format!("/tile/0/000.p/{}", size + 1);
    let absent = ["/tile/0/000", "/tile/1/000", "/tile/1/000.p/1", "/tile/0/001", "/tile/0/000.p/0", "/tile/0/000.p/256"];
    for path in absent.into_iter().chain([beyond.as_str(), "/tile/64/000", "/tile/0/0", "/tile/data/000", "/tile/0/x000/000"]) {
        let reply = door.get(path).await.unwrap();
        assert_eq!((reply.status, reply.header("cache-control")), (404, "no-store"), "{path}");
    }

    let call = async |method: &str, headers: &[(&str, &str)], path: &str| -> Reply {
        door.call(method, path, headers, "").await.unwrap()
    };
    for path in ["/checkpoint", "/tile/0/000.p/5"] {
        let whole = call("GET", &[], path).await;
        let head = call("HEAD", &[], path).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["etag", "content-type", "cache-control", "content-length"] {
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
        let again = call("GET", &[("if-none-match", whole.header("etag"))], path).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, whole.header("etag")), "{path}");
        assert_eq!(call("GET", &[("if-none-match", "\"other\"")], path).await.status, 200);
        assert_eq!(call("PUT", &[], path).await.status, 405);
    }
}

#[test]
fn a_door_behind_tls_is_known_by_the_directorys_key_or_by_an_authority_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out_with(&folder.path().join("n"), &["gz", "hk"], &["--auditors-tls"]).unwrap();
    network.launch("gz").unwrap();
    let url = network.published_url("gz").unwrap();
    assert!(url.starts_with("https://"), "{url}");
    let verified = log(&network, &["verify"], "gz");
    assert_eq!(verified.code, 0, "by the directory's own URL and key: {verified:?}");
    let refused = log(&network, &["verify", &url], "hk");
    assert!(refused.code == 1 && refused.stderr.contains("not who is expected there"), "hk's key: {refused:?}");
    let clear = log(&network, &["verify", &url.replace("https:", "http:")], "gz");
    assert_eq!(clear.code, 1, "in clear: {clear:?}");
    let unknown = network.creditbay(["log", "show", &url]).unwrap();
    assert!(unknown.code == 1 && unknown.stderr.contains("--ca"), "{unknown:?}");
    network.stop("gz").unwrap();

    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("chain.pem"), made.cert.pem()).unwrap();
    fs::write(file("other.pem"), other.cert.pem()).unwrap();
    fs::write(file("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(file("key.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let certificate = format!("auditors_tls = \"certificate\"\nauditors_certificate = {chain:?}\nauditors_key = {key:?}");
    network.configure("gz", "auditors_tls = \"identity\"", &certificate).unwrap();
    network.launch("gz").unwrap();
    assert_eq!(log(&network, &["verify", "--ca", &chain], "gz").code, 0);
    assert_eq!(log(&network, &["verify", "--ca", &file("other.pem")], "gz").code, 1, "another authority");
    assert_eq!(log(&network, &["verify"], "gz").code, 1, "not the region's own key");
}

#[test]
fn a_door_in_clear_beyond_loopback_does_not_open_unless_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let config = fs::read_to_string(network.config("gz")).unwrap();
    let line = config.lines().find(|line| line.starts_with("auditors = ")).unwrap().to_owned();
    network.configure("gz", &line, &line.replace("127.0.0.1", "0.0.0.0")).unwrap();
    let ended = network.launch_in_vain("gz").unwrap();
    assert!(ended.code != 0 && ended.stderr.contains("plain-beyond-loopback"), "{ended:?}");
}

/// An archive that follows a node.
struct Follower(Child);

impl Follower {
    fn start(network: &Network, city: &str, dir: &Path) -> Self {
        let url = network.auditors_url(city).unwrap();
        let dir = dir.display().to_string();
        let command = ["archive", "--follow", "--every", "1", "--prune-partials", url, &dir];
        let mut process = Command::new(&network.products().creditbay);
        process.args(log_arguments(network, &command, city)).stdin(Stdio::null()).stdout(Stdio::null());
        Self(process.spawn().unwrap())
    }

    fn terminate(mut self) -> Option<i32> {
        terminate(&self.0).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_archive_that_is_killed_at_any_moment_verifies_and_a_rolled_back_store_comes_back_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let archive = folder.path().join("archive");
    let shown = archive.display().to_string();
    for kill in 0..8u64 {
        let follower = Follower::start(&network, "gz", &archive);
        grow(&network, "gz", 1);
        std::thread::sleep(Duration::from_millis(17 * kill));
        drop(follower);
        if archive.join("checkpoint").exists() {
            let verified = log(&network, &["verify", &shown], "gz");
            assert_eq!(verified.code, 0, "killed for the {kill}th time: {verified:?}");
        }
    }
    network.stop("gz").unwrap();
    let (data, backup) = (network.folder().join("gz/data"), folder.path().join("backup"));
    copy_folder(&data, &backup);
    network.launch("gz").unwrap();
    network.await_peers("gz").unwrap();

    let follower = Follower::start(&network, "gz", &archive);
    grow(&network, "gz", 5);
    let asked = ask(&network);
    assert_eq!(asked["status"], 200, "{asked}");
    let url = network.published_url("gz").unwrap();
    let size = said(&log(&network, &["verify", &url], "gz"))["size"].as_u64().unwrap();
    until("the archive", || size_of(&archive) == size);
    let status: Value = serde_json::from_str(&fs::read_to_string(archive.join("archive.json")).unwrap()).unwrap();
    assert!(status["origin"] == "gz.creditbay/log/1" && status["checkpoint_age_seconds"].is_u64(), "{status}");
    assert_eq!(follower.terminate(), Some(0), "SIGTERM ends it in order");

    // The store of some hours ago: hk holds a larger note of this log, and says so before anything is signed.
    network.stop("gz").unwrap();
    fs::remove_dir_all(&data).unwrap();
    copy_folder(&backup, &data);
    let ended = network.launch_in_vain("gz").unwrap();
    assert!(ended.code != 0 && ended.stderr.contains("ROLLBACK"), "{ended:?}");

    assert!(restore(&network, "gz", &archive, &[]).stderr.contains("--tail"));
    let restored = restore(&network, "gz", &archive, &["--tail"]);
    assert!(restored.code == 0 && restored.stdout.contains(&format!("size={size} ")), "{restored:?}");
    network.launch("gz").unwrap();
    network.await_peers("gz").unwrap();
    assert_eq!(ask(&network)["status"], 200, "hk takes up where it was");
    let verified = log(&network, &["verify", &url, "--earlier", &archive.join("checkpoint").display().to_string()], "gz");
    assert_eq!(verified.code, 0, "and the log goes on from the archived one: {verified:?}");

    // The same store lost altogether.
    network.stop("gz").unwrap();
    assert_eq!(log(&network, &["export", &shown, &folder.path().join("second").display().to_string()], "gz").code, 0);
    fs::remove_dir_all(data.join("store")).unwrap();
    assert_eq!(restore(&network, "gz", &archive, &[]).code, 0);
}

fn restore(network: &Network, city: &str, archive: &Path, options: &[&str]) -> Ended {
    let output = Command::new(&network.products().node)
        .args(["restore", "--config"])
        .arg(network.config(city))
        .arg("--archive")
        .arg(archive)
        .args(options)
        .output()
        .unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// hk asks gz, whatever the answer.
fn ask(network: &Network) -> Value {
    let question = json!({
        "purpose": "FIN", "operator": "a.chan", "subject": { "scheme": "uscc", "value": "91440101MA9XTEAT0A" },
        "predicates": [{ "shape": "not_listed", "of": "SER_ANY", "window_months": 0 }], "issuer": "gz",
    });
    let said = tokio::runtime::Runtime::new().unwrap().block_on(network.query("hk", &question)).unwrap();
    json!({ "status": said.status, "body": said.body })
}

#[test]
fn a_log_ends_and_the_next_one_goes_on_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    assert_eq!(ask(&network)["status"], 200);
    grow(&network, "gz", 3);
    let node = network.folder().join("gz").display().to_string();
    let retire = |log: &str| {
        let note = folder.path().join("final.note").display().to_string();
        network.creditbay([
            "--json",
            "log",
            "retire",
            "--node",
            &node,
            "--log",
            log,
            "--ground",
            "key-change",
            "--final-note",
            &note,
        ])
    };
    assert_eq!(retire("hk.creditbay/log/1").unwrap().code, 1, "the wrong log is not retired");
    let retired = retire("gz.creditbay/log/1").unwrap();
    assert_eq!(retired.code, 0, "{retired:?}");
    let (size, root) = (said(&retired)["size"].as_u64().unwrap(), said(&retired)["root"].clone());
    let (first, second) = (folder.path().join("log-1"), folder.path().join("log-2"));
    let path = |path: &PathBuf| path.display().to_string();
    let url = network.published_url("gz").unwrap();
    assert_eq!(log(&network, &["export", &url, &path(&first)], "gz").code, 0, "the retired log is served to its end");
    let (published, last) = (fs::read(first.join("checkpoint")).unwrap(), fs::read(folder.path().join("final.note")).unwrap());
    assert!(published.starts_with(&last), "the final note, and what others cosigned");
    let refused = network.creditbay(["rules", "suspend", "--node", &node, "--type", "TAX_GRADE"]).unwrap();
    assert!(refused.code == 1 && refused.stderr.contains("is retired"), "{refused:?}");
    for city in ["gz", "hk"] {
        network.stop(city).unwrap();
    }
    assert!(network.launch_in_vain("gz").unwrap().stderr.contains("is retired"));

    directory::next_log(network.folder(), network.cities(), "gz", 2, 42).unwrap();
    for city in ["gz", "hk"] {
        network.launch(city).unwrap();
    }
    network.await_peers("gz").unwrap();
    assert_eq!(ask(&network)["status"], 200, "hk takes the next log for the one it knew");
    let url = network.published_url("gz").unwrap();
    assert_eq!(log(&network, &["export", &url, &path(&second)], "gz").code, 0);
    let verified = log(&network, &["verify", &path(&second), "--predecessor", &path(&first)], "gz");
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(said(&verified)["goes_on_from"][0], json!({ "origin": "gz.creditbay/log/1", "size": size, "checked": true }));

    open_earlier(&network, &first, folder.path());

    // A retired log that is not the one that the next one names.
    let leaf = fs::read(first.join("tile/entries").join(format!("000.p/{size}"))).unwrap();
    let mut forged = leaf.clone();
    *forged.last_mut().unwrap() ^= 1;
    fs::write(first.join("tile/entries").join(format!("000.p/{size}")), forged).unwrap();
    let refused = log(&network, &["verify", &path(&second), "--predecessor", &path(&first)], "gz");
    assert!(refused.code == 3 && said(&refused)["faults"][0]["kind"] == "in_predecessor", "{refused:?}");
    let refused = log(&network, &["verify", &path(&second), "--predecessor", &path(&second)], "gz");
    assert!(refused.code == 3 && said(&refused)["faults"][0]["kind"] == "other_predecessor", "{refused:?} {root}");
}

/// Leaves of the retired log are opened by the node of the next one, also once an erasure of this one destroyed a key that sealed rows of
/// the day on which both were written.
fn open_earlier(network: &Network, first: &Path, folder: &Path) {
    let (node, retired) = (network.folder().join("gz").display().to_string(), first.display().to_string());
    let shown = network.creditbay(["--json", "log", "show", &retired, "--from", "0"]).unwrap();
    let answer =
        shown.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|leaf| leaf["kind"] == "answer");
    let answer = answer.unwrap_or_else(|| panic!("{shown:?}"))["index"].to_string();
    let open = |log: &str, out: &str| {
        let out = folder.join(out).display().to_string();
        let asked =
            ["log", "open", &answer, "--log", log, "--node", &node, "--for", "audit", "--field", "message", "--out", &out];
        (network.creditbay(asked).unwrap(), out)
    };
    let (refused, _) = open("gz.creditbay/log/3", "none");
    assert!(
        refused.code == 1 && refused.stderr.contains("neither the current one nor one before it that the store holds"),
        "{refused:?}"
    );
    for (log, reason) in [("gz.creditbay/log/1", "under way"), ("gz.creditbay/log/3", "no log gz.creditbay/log/3")] {
        let erase = ["erase", "--node", &node, "--index", &answer, "--log", log, "--ground", "order", "--force-early"];
        let refused = network.creditbay(erase).unwrap();
        assert!(refused.code == 1 && refused.stderr.contains(reason), "what was answered just now is not over: {refused:?}");
    }
    let check = |out: &str| network.creditbay(["log", "check-opening", out, "--leaf-from", &retired]).unwrap();
    let (opened, out) = open("gz.creditbay/log/1", "one");
    assert_eq!((opened.code, check(&out).code), (0, 0), "{opened:?}");
    let url = network.published_url("gz").unwrap();
    let key = network.folder().join("auditor/auditor.pem").display().to_string();
    let current = network.creditbay(["--json", "log", "show", &url, "--auditor-key", &key, "--from", "0"]).unwrap();
    let leaves: Vec<Value> = current.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let showing = leaves.iter().find(|leaf| leaf["kind"] == "earlier-openings-shown").unwrap()["index"].to_string();
    let erase = ["erase", "--node", &node, "--index", &showing, "--ground", "order"];
    let erased = network.creditbay(erase).unwrap();
    assert_eq!(erased.code, 0, "{erased:?}");
    let keys = network.folder().join("gz/data/keys/openings");
    until("the key to be destroyed", || {
        !fs::read_dir(&keys).unwrap().any(|key| {
            let name = key.unwrap().file_name().to_string_lossy().into_owned();
            name.strip_suffix(".key").and_then(|number| number.parse().ok()).is_some_and(|number: u32| number < 1 << 16)
        })
    });
    let (opened, out) = open("gz.creditbay/log/1", "two");
    assert_eq!((opened.code, check(&out).code), (0, 0), "what the other log keeps is still there: {opened:?}");
}

#[test]
fn a_store_is_rewritten_between_two_loads_and_never_under_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start_for_load(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let compact = |network: &Network| {
        let mut command = Command::new(&network.products().node);
        let output = command.args(["compact", "--config"]).arg(network.config("gz")).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let load = |network: &Network, of: usize| {
        let asked: Vec<_> = (0..of).map(|_| ask(network)["status"].as_u64().unwrap()).collect();
        assert_eq!(asked, vec![200; of]);
    };
    std::thread::scope(|scope| {
        let loaded = scope.spawn(|| load(&network, 20));
        let refused = compact(&network);
        assert!(refused.0 == Some(1) && refused.1.contains("another daemon holds this store"), "under load: {refused:?}");
        loaded.join().unwrap();
    });
    let archive = folder.path().join("archive").display().to_string();
    let url = network.published_url("gz").unwrap();
    assert_eq!(log(&network, &["export", &url, &archive], "gz").code, 0);
    network.stop("gz").unwrap();
    let (code, said) = compact(&network);
    assert!(code == Some(0) && said.contains("compacted before="), "{said}");
    network.launch("gz").unwrap();
    network.await_peers("gz").unwrap();
    load(&network, 10);
    let url = network.published_url("gz").unwrap();
    let verified = log(&network, &["verify", &url, "--earlier", &format!("{archive}/checkpoint")], "gz");
    assert_eq!(verified.code, 0, "the log goes on from what it was: {verified:?}");
    assert_eq!(log(&network, &["export", &url, &archive], "gz").code, 0, "and so does its copy");
    assert_eq!(log(&network, &["verify", &archive], "gz").code, 0);
}

#[test]
fn behind_tls_logs_are_archived_and_heads_cosigned_under_the_directorys_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out_with(&folder.path().join("n"), &["gz", "hk"], &["--auditors-tls"]).unwrap();
    let cosigners = |network: &Network, city: &str| -> Vec<String> {
        let status = tokio::runtime::Runtime::new().unwrap().block_on(network.status(city)).unwrap();
        let names = status["published"]["cosigned_by"].as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    for city in ["gz", "hk"] {
        network.launch(city).unwrap();
    }
    network.await_peers("gz").unwrap();
    assert!(network.auditors_url("hk").unwrap().starts_with("https://"));
    grow(&network, "gz", 2);
    until("hk's cosignature", || cosigners(&network, "gz") == ["hk.creditbay/witness"]);
    let archive = folder.path().join("archive");
    let url = network.published_url("gz").unwrap();
    let follower = Follower::start(&network, "gz", &archive);
    grow(&network, "gz", 2);
    let size = said(&log(&network, &["verify", &network.published_url("gz").unwrap()], "gz"))["size"].as_u64().unwrap();
    until("the archive", || size_of(&archive) == size);
    assert_eq!(follower.terminate(), Some(0));
    assert_eq!(log(&network, &["verify", &archive.display().to_string()], "gz").code, 0);
    let other = folder.path().join("other").display().to_string();
    let refused = log(&network, &["archive", &url, &other], "hk");
    assert!(refused.code == 1 && refused.stderr.contains("not who is expected there"), "hk's key at gz's door: {refused:?}");

    // hk's door shows another key than the directory names: gz offers nothing to whoever is there.
    network.stop("hk").unwrap();
    network.stop("gz").unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("chain.pem"), made.cert.pem()).unwrap();
    fs::write(file("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(file("key.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let shown = format!("auditors_tls = \"certificate\"\nauditors_certificate = {chain:?}\nauditors_key = {key:?}");
    network.configure("hk", "auditors_tls = \"identity\"", &shown).unwrap();
    for city in ["gz", "hk"] {
        network.launch(city).unwrap();
    }
    network.await_peers("gz").unwrap();
    grow(&network, "gz", 2);
    // hk's head goes to gz's door, whose key is the right one, and is cosigned after as many offers as gz had for its own.
    grow(&network, "hk", 2);
    until("gz's cosignature", || cosigners(&network, "hk") == ["gz.creditbay/witness"]);
    network.published_url("gz").unwrap();
    assert_eq!(cosigners(&network, "gz"), Vec::<String>::new());
    let metrics = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let door = Door::at(network.services_url("gz").unwrap()).unwrap();
        String::from_utf8_lossy(&door.get("/metrics").await.unwrap().body).into_owned()
    });
    assert!(!metrics.contains("creditbay_cosignatures_received_total"), "{metrics}");
}
