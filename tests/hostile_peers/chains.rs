//! A region's keys in wrong hands speak on the control stream: hellos, links and checkpoints that are not what they must be. Each ends the
//! connection with its words, and is counted under its name.
//!
//! Not here: histories that two copies of a store make (`witness`).

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::control::{Control, Hashes, Hello, NoteBytes};
use creditbay_protocol::limits::{MAX_CONTROL_BYTES, PROTOCOL_VERSION};
use creditbay_protocol::name::Origin;
use creditbay_protocol::refusal::Fault;
use harness::counters::Counters;
use harness::forger::{Forger, Line, Said, now};
use harness::hostile::strangers_key;
use harness::network::Network;

use super::{alone, refused};
use crate::refusal::copy;

/// The code with which a connection ends whose peer broke the control stream or its chain.
const BROKEN: u64 = 1;

fn broken(why: &str) -> (String, u64) {
    (format!("creditbay_sessions_broken_total{{peer=\"mo\",why=\"{why}\"}}"), 1)
}

fn chain_fault(fault: &str) -> (String, u64) {
    (format!("creditbay_chain_faults_total{{peer=\"mo\",fault=\"{fault}\"}}"), 1)
}

async fn dial(mo: &Forger) -> Line {
    let gz = mo.entry("gz").unwrap();
    Line::dial(gz.address, mo.tls(), gz.tls).await.unwrap()
}

/// Says this and nothing more: how the connection ends, and what was counted meanwhile.
async fn say(network: &Network, line: &mut Line, words: &[Vec<u8>]) -> (u64, String, BTreeMap<String, u64>) {
    let before = Counters::read(network, "gz").await.unwrap();
    for said in words {
        // The other side may have ended it meanwhile.
        if line.say_bytes(said).await.is_err() {
            break;
        }
    }
    let (code, reason) = line.ended().await.unwrap();
    (code, reason, refused(network, "gz", &before).await)
}

fn no_proof() -> Hashes {
    Hashes::new(Vec::new()).unwrap()
}

/// Messages that are none: what comes before them may be right.
fn bad_messages() -> [(&'static str, Vec<u8>, &'static str); 2] {
    let too_long = (MAX_CONTROL_BYTES as u32 + 1).to_le_bytes().to_vec();
    [
        ("a message over its bound", too_long, "too_long"),
        ("a message that cannot be read", [8u32.to_le_bytes(), [0xff; 4], [0xff; 4]].concat(), "unreadable"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn first_words_that_are_not_the_protocols_end_the_connection_under_their_names() {
    let (_folder, network) = alone("gz", &["gz", "hk", "mo"]);
    let mo = Forger::of(&network, "mo").unwrap().fill(5, 0);
    let (hello, link) = (mo.hello().unwrap(), mo.link(0).unwrap().framed());
    let of = |hello: Hello| Control::Hello(hello).framed();
    let gz = Checkpoint { origin: mo.entry("gz").unwrap().log_origin, ..mo.head(5).unwrap() };
    let never_signed = Hello { seen: Some(mo.sign(gz).unwrap()), ..hello.clone() };
    let mut cases = vec![
        ("another message", vec![link.clone()], "no_hello", "the first message is not a hello"),
        (
            "a hello of another version",
            vec![of(Hello { version: PROTOCOL_VERSION + 1, ..hello.clone() })],
            "other_hello",
            "another version",
        ),
        (
            "another region's hello",
            vec![of(Hello { region: "hk".parse().unwrap(), ..hello.clone() })],
            "other_hello",
            "or region",
        ),
        ("no link", vec![of(hello.clone()), mo.checkpoint(0).unwrap().framed()], "no_link", "not a link"),
        ("a note of gz's log that gz never signed", vec![of(never_signed)], "not_our_note", "never signed"),
    ];
    for (what, bytes, why) in bad_messages() {
        cases.push((what, vec![bytes], why, what));
    }
    for (what, words, why, reason) in cases {
        let (code, said, counted) = say(&network, &mut dial(&mo).await, &words).await;
        assert_eq!((code, counted), (BROKEN, BTreeMap::from([broken(why)])), "{what}: {said}");
        assert!(said.contains(reason), "{what}: {said}");
    }

    // Silence, and half a hello: both wait five seconds.
    let before = Counters::read(&network, "gz").await.unwrap();
    let (silent, mut half) = (dial(&mo).await, dial(&mo).await);
    half.say_bytes(&of(hello)[..50]).await.unwrap();
    for line in [silent, half] {
        assert_eq!(line.ended().await.unwrap(), (BROKEN, "the peer took longer than 5 s".to_owned()));
    }
    assert_eq!(refused(&network, "gz", &before).await, BTreeMap::from([(broken("slow").0, 2)]));
    Line::greeted(&mo, "gz", 0).await.unwrap();
}

/// Notes that are no notes of mo's log, of a tree that continues what was seen.
fn bad_notes(mo: &Forger, head: Checkpoint) -> Vec<(&'static str, Vec<u8>)> {
    let note = mo.sign(head).unwrap().as_slice().to_vec();
    let stranger = NoteSigner::new(mo.origin.to_string().parse().unwrap(), KeyKind::Ed25519, strangers_key());
    let text = String::from_utf8(note.clone()).unwrap();
    let other = Checkpoint { origin: Origin::new(mo.origin.owner(), 2).unwrap(), ..head };
    let bent = text.replacen(&format!("\n{}\n", head.size), &format!("\n{}\n", head.size + 1), 1);
    vec![
        ("not_signed", head.sign(&stranger).unwrap().note_bytes()),
        ("other_log", mo.sign(other).unwrap().as_slice().to_vec()),
        ("signature", bent.into_bytes()),
        ("note", note[..note.len() - 2].to_vec()),
        ("note", vec![0xff; 300]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_that_do_not_continue_what_was_seen_are_named_and_some_are_alarms() {
    let (_folder, network) = alone("gz", &["gz", "mo"]);
    let mut mo = Forger::of(&network, "mo").unwrap().fill(5, 0);
    let mut first = Line::greeted(&mo, "gz", 0).await.unwrap();

    // Notes that are none, in the hello and behind the link.
    let next = Forger::of(&network, "mo").unwrap().fill(7, 0);
    for (fault, note) in bad_notes(&mo, next.head(7).unwrap()) {
        let note = NoteBytes::new(note).unwrap();
        let hello = Control::Hello(Hello { note: note.clone(), ..mo.hello().unwrap() }).framed();
        let expected = BTreeMap::from([broken("chain"), chain_fault(fault)]);
        let (code, said, counted) = say(&network, &mut dial(&mo).await, &[hello, mo.link(0).unwrap().framed()]).await;
        assert_eq!((code, &counted), (BROKEN, &expected), "in a hello: {said}");
        let mut line = Line::greeted(&mo, "gz", 5).await.unwrap();
        let checkpoint = Control::Checkpoint { note, consistency: no_proof() }.framed();
        let (code, said, counted) = say(&network, &mut line, &[checkpoint]).await;
        assert_eq!((code, &counted), (BROKEN, &expected), "behind the link: {said}");
    }
    for (what, bytes, why) in
        bad_messages().into_iter().chain([("another hello", Control::Hello(mo.hello().unwrap()).framed(), "out_of_turn")])
    {
        let mut line = Line::greeted(&mo, "gz", 5).await.unwrap();
        let (code, said, counted) = say(&network, &mut line, &[bytes]).await;
        assert_eq!((code, counted), (BROKEN, BTreeMap::from([broken(why)])), "{what}: {said}");
    }

    // A smaller tree than was shown: a log that was rolled back.
    let behind = Forger::of(&network, "mo").unwrap().fill(3, 0);
    let shrunk = [Control::Hello(behind.hello().unwrap()).framed(), behind.link(0).unwrap().framed()];
    let (code, said, counted) = say(&network, &mut dial(&mo).await, &shrunk).await;
    assert_eq!((code, counted), (BROKEN, BTreeMap::from([broken("chain"), chain_fault("shrunk")])), "{said}");

    // Two connections, each honest, of which one does not know what the other said: it begins anew, and nobody is to blame.
    let mut second = Line::greeted(&mo, "gz", 5).await.unwrap();
    let query = mo.query("gz").unwrap();
    let asked = mo.log(&query, now());
    let frame = mo.frame(&query, &asked).unwrap();
    first.say(&mo.checkpoint(5).unwrap()).await.unwrap();
    assert!(first.send(&frame).await.unwrap().is_ok(), "the first connection was kept all along");
    mo.push(Digest([1; 32]));
    let late = mo.checkpoint(5).unwrap().framed();
    let (code, said, counted) = say(&network, &mut second, &[late]).await;
    assert_eq!((code, counted), (BROKEN, BTreeMap::from([broken("chain"), chain_fault("out_of_turn")])), "{said}");

    alarms(&network, &mut mo, first).await;
}

/// Proofs that are withheld or false, and a fork: the first of them ends trust, and every query after it has that fault.
async fn alarms(network: &Network, mo: &mut Forger, mut line: Line) {
    let (seen, alarm) = (mo.size() - 1, format!("creditbay_alarms_total{{log=\"{}\"}}", mo.origin));
    let query = mo.query("gz").unwrap();
    let said = mo.log(&query, now());
    let frame = mo.frame(&query, &Said { size: mo.size(), ..said }).unwrap();
    let withheld = Control::Checkpoint { note: mo.sign(mo.head(mo.size()).unwrap()).unwrap(), consistency: no_proof() };
    let (code, words, mut counted) = say(network, &mut line, &[withheld.framed()]).await;
    assert_eq!(counted.remove(&alarm), Some(1), "{words}");
    assert_eq!((code, counted), (BROKEN, BTreeMap::from([broken("chain"), chain_fault("consistency_withheld")])), "{words}");

    let twin = Forger::of(network, "mo").unwrap().fill(seen, 1);
    let fork = [Control::Hello(twin.hello().unwrap()).framed(), twin.link(0).unwrap().framed()];
    let (code, words, counted) = say(network, &mut dial(mo).await, &fork).await;
    assert!(words.contains("FORK"), "{words}");
    let expected = BTreeMap::from([broken("chain"), chain_fault("fork")]);
    assert_eq!((code, counted), (BROKEN, expected), "trust had ended already: no second alarm");

    // The truth, and too late: what proves it is taken, and the log is not trusted.
    let line = Line::greeted(mo, "gz", seen).await.unwrap();
    let before = Counters::read(network, "gz").await.unwrap();
    for _ in 0..3 {
        assert_eq!(line.send(&frame).await.unwrap(), Err(Fault::TrustSuspended));
    }
    let fault = "creditbay_faults_total{peer=\"mo\",fault=\"trust_suspended\"}".to_owned();
    assert_eq!(refused(network, "gz", &before).await, BTreeMap::from([(fault, 3)]));
    let size = network.log_size("gz").await.unwrap();
    assert_eq!(size, 2, "the pack's activation, and the one question that was answered");
}

/// Put back to an earlier state while no peer was there to say so, a node starts. The first peer that has seen more stops it, before it has
/// signed anything new.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_rolled_back_unseen_stops_at_the_first_hello_that_knows_more() {
    let (folder, mut network) = alone("gz", &["gz", "mo"]);
    let mut mo = Forger::of(&network, "mo").unwrap();
    let (data, kept) = (network.folder().join("gz/data"), folder.path().join("kept"));
    network.stop("gz").unwrap();
    copy(&data, &kept);
    network.launch("gz").unwrap();
    let (good, time) = (mo.query("gz").unwrap(), now());
    let [first, second] = [mo.log(&good, time), mo.log(&good, time)].map(|said| Said { size: 2, ..said });
    let line = Line::greeted(&mo, "gz", 0).await.unwrap();
    assert!(line.send(&mo.frame(&good, &first).unwrap()).await.unwrap().is_ok());
    let mut line = dial(&mo).await;
    line.say(&Control::Hello(mo.hello().unwrap())).await.unwrap();
    let Control::Hello(Hello { note: newer, .. }) = line.hear().await.unwrap() else { panic!("no hello") };

    network.stop("gz").unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&kept, &data);
    network.launch("gz").unwrap();
    let behind = network.status("gz").await.unwrap()["log"].clone();
    let knowing = Control::Hello(Hello { seen: Some(newer), ..mo.hello().unwrap() }).framed();
    let (code, said, mut counted) = say(&network, &mut dial(&mo).await, &[knowing]).await;
    assert!(said.contains("ROLLBACK"), "{said}");
    assert_eq!(counted.remove("creditbay_alarms_total{log=\"own\"}"), Some(1));
    assert_eq!((code, counted), (BROKEN, BTreeMap::from([broken("own_log")])));

    let line = Line::greeted(&mo, "gz", 0).await.unwrap();
    let before = Counters::read(&network, "gz").await.unwrap();
    assert_eq!(line.send(&mo.frame(&good, &second).unwrap()).await.unwrap(), Err(Fault::LogStopped));
    let fault = "creditbay_faults_total{peer=\"mo\",fault=\"log_stopped\"}".to_owned();
    assert_eq!(refused(&network, "gz", &before).await, BTreeMap::from([(fault, 1)]));
    let status = network.status("gz").await.unwrap()["log"].clone();
    assert_eq!((&status["size"], &status["root"]), (&behind["size"], &behind["root"]), "nothing was signed: {status}");
    assert!(status["state"].as_str().unwrap().contains("ROLLBACK"), "{status}");
}
