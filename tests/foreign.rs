//! Peers that share no code with the daemon's own dialling: the X.509 listener, and a peer that shows two histories of its log.

use std::net::SocketAddr;
use std::process::Command;

use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::{Digest, base64_encode};
use creditbay_crypto::key_file;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::sign::SigningKey;
use creditbay_node::exchange::network::LinkError;
use creditbay_node::host::keys::read_signing_key;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::control::{Hello, NoteBytes};
use creditbay_protocol::limits::PROTOCOL_VERSION;
use creditbay_protocol::name::Region;
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::requester::Replied;
use harness::foreign::{certificate_pem, dial, greet};
use harness::hostile::{Rogue, frame, how_shut, knock, send, strangers_key};
use harness::http::Door;
use harness::network::Network;
use tempfile::TempDir;

use crate::refusal::{admitted, log_size};

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
    let reply = send(&session, &frame(&session, &asked, &appended).unwrap()).await.unwrap();
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
    assert!(metrics(&network, "gz").await.contains("creditbay_handshakes_refused_total 3"), "each is counted");
    assert_eq!(log_size(&network, "gz").await, 0);
    let (_endpoint, connection) = dial(listener, rogue.tls(), gz).await.unwrap();
    assert_eq!(how_shut(&connection).await, "greeted", "the same key in a certificate is let in");
    rogue.withdraw().await;
}

/// The same door, opened from aioquic: it reads the hello and verifies the note in it. `CREDITBAY_PYTHON` names a python3 that has aioquic.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_shares_no_code_is_greeted_with_the_enrolled_key_alone() {
    let python = std::env::var("CREDITBAY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !Command::new(&python).args(["-c", "import aioquic"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("the foreign QUIC stack is skipped: {python} has no aioquic (pip install aioquic)");
        return;
    }
    let (folder, network, listener) = with_listener();
    let directory = std::fs::read_to_string(network.folder().join("network.toml")).unwrap();
    let directory = Directory::parse("network.toml", &directory).unwrap();
    let gz = directory.entry(Region::new("gz").unwrap()).unwrap();
    let knock = |key: &SigningKey| {
        let [certificate, pem] = ["knock.crt", "knock.pem"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, certificate_pem(key).unwrap()).unwrap();
        std::fs::write(&pem, key_file::to_pem(key).as_bytes()).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/knock.py");
        let mut command = Command::new(&python);
        command.arg(script).arg(listener.ip().to_string()).arg(listener.port().to_string()).args([certificate, pem]);
        let output = command.arg(base64_encode(gz.tls.as_bytes())).arg(gz.log.to_string()).output().unwrap();
        let [said, erred] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (output.status.code(), said.trim().to_owned(), erred)
    };
    let enrolled = read_signing_key(&network.folder().join("mo/keys/tls.pem")).unwrap();
    let (code, said, erred) = knock(&enrolled);
    assert_eq!((code, said.as_str()), (Some(0), "hello gz 0"), "{erred}");
    let (code, said, erred) = knock(&strangers_key());
    assert!(code == Some(3) && said.starts_with("shut: ConnectionError"), "{code:?} {said} {erred}");
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
    let refused = send(&session, &frame(&session, &asked, &appended).unwrap()).await;
    assert_eq!(refused, Err(LinkError::Fault(Fault::TrustSuspended)));
    assert_eq!(log_size(&network, "gz").await, 1);
    rogue.withdraw().await;
}
