//! Who comes to the peers' door without being a peer, too often, or without ever ending the handshake.
//!
//! Not here: the listener for certificates (`foreign`), and floods (`floods`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use creditbay_node::quic::endpoint::{dial_config, listen};
use creditbay_node::quic::held::PER_PEER;
use creditbay_node::quic::identity::Form;
use creditbay_node::quic::places::OTHERS;
use creditbay_protocol::control::Control;
use creditbay_protocol::limits::ALPN;
use harness::counters::Counters;
use harness::disguise::{Disguise, Narrow};
use harness::forger::{Forger, Line, now};
use harness::hostile::{knock, strangers_key};

use super::{alone, refused};

/// How often each is tried.
const TIMES: u64 = 3;
/// The code that closes one connection too many.
const TOO_MANY: u64 = 3;
/// How long what happens at once may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn handshakes(why: &str) -> String {
    format!("creditbay_handshakes_refused_total{{why=\"{why}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_peer_hears_nothing_and_is_counted_by_what_was_wrong() {
    let (_folder, network) = alone("gz", &["gz", "mo"]);
    let mo = Forger::of(&network, "mo").unwrap();
    let (gz, stranger) = (mo.entry("gz").unwrap(), strangers_key());
    let stolen = || Disguise { shown: Some((mo.tls().public(), &stranger)), ..Disguise::of(&stranger) };
    let nobody = || Disguise { shown: None, ..Disguise::of(&stranger) };
    let speaking = |alpn: Vec<Vec<u8>>| Disguise { alpn, ..Disguise::of(mo.tls()) };
    let before = Counters::read(&network, "gz").await.unwrap();
    for _ in 0..TIMES {
        for (what, disguise) in [
            ("a key that the directory does not name", Disguise::of(&stranger)),
            ("a peer's identity without its key", stolen()),
            ("no key", nobody()),
            ("the next version of the protocol", speaking(vec![b"creditbay/2".to_vec()])),
            ("no protocol", speaking(Vec::new())),
            ("HTTP/3", speaking(vec![b"h3".to_vec()])),
            ("a draft of QUIC", Disguise { version: 0xff00_001d, ..Disguise::of(mo.tls()) }),
        ] {
            let told = disguise.knock(gz.address, gz.tls).await.unwrap();
            assert!(told != "greeted" && told != "silence", "{what}: {told}");
        }
    }
    // Who has no key has no form of key to agree on either. A version that is not spoken is answered without a connection: there is none to
    // count.
    let expected =
        [("key", TIMES), ("tls", TIMES), ("signature", TIMES), ("alpn", 3 * TIMES)].map(|(why, count)| (handshakes(why), count));
    assert_eq!(refused(&network, "gz", &before).await, BTreeMap::from(expected));
    let told = speaking(vec![b"h3".to_vec(), ALPN.to_vec()]).knock(gz.address, gz.tls).await.unwrap();
    assert_eq!(told, "greeted", "the key, with its own signature and the protocol among others");
}

/// Whoever reads its own mail can begin handshakes and never end them. That takes the places of strangers, and of no peer.
#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_never_end_keep_out_strangers_and_no_peer() {
    let (_folder, network) = alone("gz", &["gz", "mo"]);
    let mo = Forger::of(&network, "mo").unwrap();
    let (gz, stranger) = (mo.entry("gz").unwrap(), strangers_key());
    let before = Counters::read(&network, "gz").await.unwrap();
    let mut stalled = Vec::new();
    for _ in 0..OTHERS {
        let way = Narrow::to(gz.address).await.unwrap();
        let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let config = Disguise::of(&stranger).config(gz.tls).unwrap();
        let connecting = endpoint.connect_with(config, way.address, "creditbay").unwrap();
        stalled.push((way, endpoint, tokio::spawn(connecting.into_future())));
    }
    // The last of them has its place once a stranger finds none.
    let since = Instant::now();
    while knock(gz.address, &stranger, gz.tls).await.unwrap() != "aborted by peer: the server refused to accept a new connection"
    {
        assert!(since.elapsed() < PATIENCE, "strangers still find a place");
    }
    let own = mo.entry("mo").unwrap().address;
    let endpoint = listen(own, mo.tls(), [gz.tls], Form::RawPublicKey).unwrap();
    let config = dial_config(mo.tls(), gz.tls, Form::RawPublicKey).unwrap();
    let mut line = Line::through(endpoint, gz.address, config).await.unwrap();
    line.say(&Control::Hello(mo.hello().unwrap())).await.unwrap();
    line.say(&mo.link(0).unwrap()).await.unwrap();
    assert!(
        matches!(line.hear().await.unwrap(), Control::Hello(_)),
        "a peer that dials from its own address is greeted meanwhile"
    );
    let counted = refused(&network, "gz", &before).await;
    assert!(counted["creditbay_handshakes_turned_away_total"] >= 1, "{counted:?}");

    // Every place was taken by a handshake that came to nothing: by a stalled one, or by one of the strangers who came before it was full.
    let since = Instant::now();
    let ended = async || {
        let counters = Counters::read(&network, "gz").await.unwrap();
        counters.of(&handshakes("slow")) + counters.of(&handshakes("key"))
    };
    while ended().await < OTHERS as u64 {
        assert!(since.elapsed() < PATIENCE, "{:?}", refused(&network, "gz", &before).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_connections_than_a_peer_may_have_the_oldest_is_closed() {
    let (_folder, network) = alone("gz", &["gz", "mo"]);
    let mut mo = Forger::of(&network, "mo").unwrap();
    let query = mo.query("gz").unwrap();
    let asked = mo.log(&query, now());
    let frame = mo.frame(&query, &asked).unwrap();
    let before = Counters::read(&network, "gz").await.unwrap();
    let mut lines = Vec::new();
    for number in 0..2 * PER_PEER {
        lines.push(Line::greeted(&mo, "gz", if number == 0 { 0 } else { 1 }).await.unwrap());
    }
    for line in &lines[..PER_PEER] {
        assert_eq!(line.ended().await.unwrap(), (TOO_MANY, "more connections than one peer may have".to_owned()));
    }
    for line in &lines[PER_PEER..] {
        assert!(line.send(&frame).await.unwrap().is_ok());
    }
    let counted = "creditbay_connections_over_bound_total{peer=\"mo\"}".to_owned();
    assert_eq!(refused(&network, "gz", &before).await, BTreeMap::from([(counted, PER_PEER as u64)]));
}
