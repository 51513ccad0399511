//! Peers that share no code with the daemon's own dialling: the X.509 listener, and a peer that shows two histories of its log.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::{Digest, base64_encode};
use creditbay_crypto::key_file;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::exchange::network::LinkError;
use creditbay_node::host::keys::read_signing_key;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::control::{Control, Hello, NoteBytes};
use creditbay_protocol::frame::{self, Logged};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::PROTOCOL_VERSION;
use creditbay_protocol::name::Region;
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::requester::Replied;
use harness::foreign::{certificate_pem, dial, greet};
use harness::forger::{Forger, Line, now};
use harness::hostile::{self, Rogue, how_shut, knock, send, strangers_key};
use harness::http::Door;
use harness::network::Network;
use tempfile::TempDir;

use crate::refusal::{admitted, log_size};

/// MiB that noise may cost: what quinn keeps for connections that it could not know to be none.
const NOISE_MIB: u64 = 16;

/// gz with a listener for certificates, and mo, which does not run: where that listener is.
fn with_listener() -> (TempDir, Network, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out(&folder.path().join("n"), &["gz", "mo"]).unwrap();
    let directory = std::fs::read_to_string(network.folder().join("network.toml")).unwrap();
    let directory = Directory::parse("network.toml", &directory).unwrap();
    let mut listener = directory.entry(Region::new("gz").unwrap()).unwrap().address;
    // Of a city's ten ports, three are the doors that `network new` lays out.
    listener.set_port(listener.port() + 3);
    network.configure("gz", "[doors]\n", &format!("[doors]\npeers_x509 = \"{listener}\"\n")).unwrap();
    network.launch("gz").unwrap();
    (folder, network, listener)
}

async fn metrics(network: &Network, city: &str) -> String {
    let reply = Door::at(network.services_url(city).unwrap()).unwrap().get("/metrics").await.unwrap();
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_around_an_enrolled_key_is_greeted_and_answered() {
    let (_folder, network, listener) = with_listener();
    let rogue = Rogue::take_over(&network.config("mo")).await.unwrap();
    let (_endpoint, connection) = dial(listener, rogue.tls(), rogue.entry("gz").unwrap().tls).await.unwrap();
    let session = rogue.session_over(connection, "gz").await.unwrap();
    let (asked, appended) = rogue.log(admitted(&rogue).await).await.unwrap();
    let reply = send(&session, &hostile::frame(&session, &asked, &appended).unwrap()).await.unwrap();
    let gz = rogue.entry("gz").unwrap().log_origin;
    let attributed = Replied::parse(&reply).unwrap().attribute(&asked, appended.committed.leaf(), &gz).unwrap();
    let root = rogue.exchange().log.seen().root(&gz, attributed.size()).await.unwrap();
    assert_eq!(attributed.include(&asked, &root).unwrap().place().index, 1);
    assert_eq!(log_size(&network, "gz").await, 1);
    rogue.withdraw().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_listener_for_certificates_strangers_and_raw_keys_get_nothing() {
    let (_folder, network, listener) = with_listener();
    let rogue = Rogue::take_over(&network.config("mo")).await.unwrap();
    let gz = rogue.entry("gz").unwrap().tls;
    let told = match dial(listener, &strangers_key(), gz).await {
        Ok((_endpoint, connection)) => how_shut(&connection).await,
        Err(refused) => refused.to_string(),
    };
    assert!(told != "greeted" && told != "silence", "a stranger's certificate: {told}");
    let told = knock(listener, rogue.tls(), gz).await.unwrap();
    assert!(told != "greeted" && told != "silence", "an enrolled key without a certificate: {told}");
    // And a certificate at the door for raw keys.
    let told = match dial(rogue.entry("gz").unwrap().address, rogue.tls(), gz).await {
        Ok((_endpoint, connection)) => how_shut(&connection).await,
        Err(refused) => refused.to_string(),
    };
    assert!(told != "greeted" && told != "silence", "a certificate where raw keys are shown: {told}");
    let counted = metrics(&network, "gz").await;
    let refused = counted.lines().filter_map(|line| line.strip_prefix("creditbay_handshakes_refused_total{")?.rsplit_once(' '));
    assert_eq!(refused.map(|(_, count)| count.parse::<u32>().unwrap()).sum::<u32>(), 3, "each is counted: {counted}");
    assert_eq!(log_size(&network, "gz").await, 0);
    let (_endpoint, connection) = dial(listener, rogue.tls(), gz).await.unwrap();
    assert_eq!(how_shut(&connection).await, "greeted", "the same key in a certificate is let in");
    rogue.withdraw().await;
}

/// Runs a script of tests/foreign: its exit code, what it said, and what it complained of.
fn python(script: &str, arguments: &[OsString]) -> (Option<i32>, String, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(script);
    let output = Command::new(python3()).arg(script).args(arguments).output().unwrap();
    let [said, erred] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), said.trim().to_owned(), erred)
}

/// `CREDITBAY_PYTHON` names a python3 that has aioquic.
fn python3() -> String {
    std::env::var("CREDITBAY_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// The same door, opened from aioquic: hello and link in both directions and a question with its answer; nothing with a stranger's key.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_shares_no_code_is_greeted_with_the_enrolled_key_alone() {
    if !Command::new(python3()).args(["-c", "import aioquic"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("the foreign QUIC stack is skipped: {} has no aioquic (pip install aioquic)", python3());
        return;
    }
    let (folder, network, listener) = with_listener();
    let mut mo = Forger::of(&network, "mo").unwrap();
    let gz = mo.entry("gz").unwrap().clone();
    let file = |name: &str| folder.path().join(name);
    let (host, port) = (listener.ip().to_string(), listener.port().to_string());
    let knock = |key: &SigningKey, files: &[&str]| {
        std::fs::write(file("knock.crt"), certificate_pem(key).unwrap()).unwrap();
        std::fs::write(file("knock.pem"), key_file::to_pem(key).as_bytes()).unwrap();
        let (server, log) = (base64_encode(gz.tls.as_bytes()), gz.log.to_string());
        let mut arguments: Vec<_> = [&host, &port].into_iter().map(OsString::from).collect();
        arguments.extend([file("knock.crt").into(), file("knock.pem").into(), server.into(), log.into()]);
        arguments.extend(files.iter().map(|name| file(name).into_os_string()));
        python("knock.py", &arguments)
    };
    let query = mo.query("gz").unwrap();
    let asked = mo.log(&query, now());
    let words = [Control::Hello(mo.hello().unwrap()).framed(), mo.link(0).unwrap().framed()].concat();
    std::fs::write(file("words"), words).unwrap();
    std::fs::write(file("frame"), mo.frame(&query, &asked).unwrap()).unwrap();
    let (code, said, erred) = knock(mo.tls(), &["words", "frame", "reply"]);
    assert_eq!(code, Some(0), "{said} {erred}");
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said[..2], ["hello gz 1", "link 0"], "the hello was read, and a link is said only to a hello that was taken");
    let answer: Logged<Answer> = frame::decode(&std::fs::read(file("reply")).unwrap()).unwrap();
    let leaf = Leaf::new(asked.time, LeafBody::of_query(&query, &Seed::from_bytes(asked.seed))).hash();
    assert_eq!((answer.message.query, answer.place.origin), (leaf, gz.log_origin), "the answer is to that question");

    let (code, said, erred) = knock(&strangers_key(), &[]);
    assert!(code == Some(3) && said.starts_with("shut: ConnectionError"), "{code:?} {said} {erred}");
    assert_eq!(log_size(&network, "gz").await, 1);
}

/// Noise from a hand that shares nothing with the node, thrown at both of its doors: it costs no memory and no leaf, and whoever has a key is
/// served as before.
#[tokio::test(flavor = "multi_thread")]
async fn noise_at_the_peers_doors_changes_nothing() {
    if !Command::new(python3()).arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("no noise is thrown: there is no {}", python3());
        return;
    }
    let (_folder, network, listener) = with_listener();
    let mut mo = Forger::of(&network, "mo").unwrap();
    let (raw, query, time) = (mo.entry("gz").unwrap().address, mo.query("gz").unwrap(), now());
    let asked = mo.log(&query, time);
    let whole = mo.frame(&query, &asked).unwrap();
    let line = Line::greeted(&mo, "gz", 0).await.unwrap();
    assert!(line.send(&whole).await.unwrap().is_ok());
    let (_, before) = network.memory_mib("gz").unwrap();
    let count = std::env::var("CREDITBAY_DATAGRAMS").unwrap_or_else(|_| "20000".to_owned());
    for door in [listener, raw] {
        let arguments = [door.ip().to_string(), door.port().to_string(), count.clone()].map(OsString::from);
        let (code, said, erred) = python("throw.py", &arguments);
        assert_eq!((code, said), (Some(0), format!("thrown {count}")), "{erred}");
    }
    assert!(line.send(&whole).await.unwrap().is_ok(), "a connection that stood is still there");
    let again = Line::greeted(&mo, "gz", 1).await.unwrap();
    assert!(again.send(&whole).await.unwrap().is_ok(), "and a new one comes about");
    let (_, after) = network.memory_mib("gz").unwrap();
    assert!(after <= before + NOISE_MIB, "{before} MiB before, {after} after");
    assert_eq!(log_size(&network, "gz").await, 1);
}

/// The one who holds a region's keys can sign two trees of one size. Whoever saw both has the proof of it, and deals with that log no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_signs_two_trees_of_one_size_is_an_alarm_and_is_answered_no_more() {
    let (_folder, network, listener) = with_listener();
    let rogue = Rogue::take_over(&network.config("mo")).await.unwrap();
    assert_eq!(rogue.ask(admitted(&rogue).await).await.unwrap().attestation().content.refusal, None);
    let (tls, gz, origin) = (
        read_signing_key(&network.folder().join("mo/keys/tls.pem")).unwrap(),
        rogue.entry("gz").unwrap().tls,
        *rogue.exchange().log.origin(),
    );
    let newest = *rogue.exchange().log.head().signed().checkpoint();
    let now = rogue.exchange().clock.now();
    rogue.withdraw().await;

    let key = read_signing_key(&network.folder().join("mo/keys/log.pem")).unwrap();
    let signer = NoteSigner::new(origin.to_string().parse().unwrap(), KeyKind::Ed25519, key);
    let hello = |root: Digest| {
        let note = Checkpoint { root, ..newest }.sign(&signer).unwrap().note_bytes();
        Hello {
            version: PROTOCOL_VERSION,
            region: Region::new("mo").unwrap(),
            now,
            note: NoteBytes::new(note).unwrap(),
            seen: None,
        }
    };
    let alarms = format!("creditbay_alarms_total{{log=\"{origin}\"}} 1");
    let (_endpoint, connection) = dial(listener, &tls, gz).await.unwrap();
    let theirs = greet(&connection, hello(newest.root)).await.unwrap();
    assert!(theirs.seen.is_some(), "gz shows what it saw: with another note of that size the fork is proved");
    assert!(!metrics(&network, "gz").await.contains("creditbay_alarms_total"), "the tree that gz knows is no alarm");

    let (_endpoint, connection) = dial(listener, &tls, gz).await.unwrap();
    // gz may close before its own words have arrived.
    let _ = greet(&connection, hello(Digest([9; 32]))).await;
    connection.closed().await;
    assert!(metrics(&network, "gz").await.contains(&alarms), "{}", metrics(&network, "gz").await);
    assert!(std::fs::read_to_string(network.log_file("gz")).unwrap().contains("ALARM FORK"));

    // Back to the first history: it does not help.
    let rogue = Rogue::take_over(&network.config("mo")).await.unwrap();
    let session = rogue.session("gz").await.unwrap();
    let (asked, appended) = rogue.log(admitted(&rogue).await).await.unwrap();
    let refused = send(&session, &hostile::frame(&session, &asked, &appended).unwrap()).await;
    assert_eq!(refused, Err(LinkError::Fault(Fault::TrustSuspended)));
    assert_eq!(log_size(&network, "gz").await, 1);
    rogue.withdraw().await;
}
