//! A door behind TLS: who gets in, who does not, and that silence holds up nobody.

use axum::Router;
use axum::routing::get;
use creditbay_configs::node::AuditorsTls;
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::quic::tls_client::TlsTo;
use crate::quic::tls_server;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes([seed; 32]))
}

async fn open() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let acceptor = tls_server::acceptor(&AuditorsTls::Identity, &key(1)).unwrap().unwrap();
    let secured = Secured::new(listener, acceptor).unwrap();
    let address = axum::serve::Listener::local_addr(&secured).unwrap();
    let router = Router::new().route("/checkpoint", get(|| async { "a note" }));
    // Without the door's bound on silence: where time is virtual, it would pass while the network is waited for.
    tokio::spawn(async move { axum::serve(secured, router).await });
    address
}

async fn ask(address: SocketAddr, expected: &SigningKey) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    let mut stream = TlsTo::key(expected.public()).unwrap().over(stream).await?;
    stream.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: door\r\nconnection: close\r\n\r\n").await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    Ok(said)
}

#[tokio::test]
async fn a_visitor_who_pins_the_regions_key_is_served_and_one_who_pins_another_goes_away() {
    let address = open().await;
    assert!(ask(address, &key(1)).await.unwrap().ends_with("a note"));
    assert!(ask(address, &key(2)).await.is_err(), "another key");
    let mut clear = TcpStream::connect(address).await.unwrap();
    clear.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: door\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = clear.read_to_end(&mut said).await;
    assert!(!said.windows(6).any(|part| part == b"a note"), "nothing is said in clear");
    assert!(ask(address, &key(1)).await.unwrap().ends_with("a note"));
}

#[tokio::test(start_paused = true)]
async fn visitors_who_say_nothing_are_turned_out_and_the_next_one_is_served() {
    let address = open().await;
    let mut silent = Vec::new();
    for _ in 0..HANDSHAKES {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let asking = tokio::spawn(async move { ask(address, &key(1)).await });
    tokio::time::sleep(HANDSHAKE + Duration::from_secs(1)).await;
    tokio::time::resume();
    assert!(asking.await.unwrap().unwrap().ends_with("a note"));
    let mut byte = [0];
    for stream in &mut silent {
        assert_eq!(stream.read(&mut byte).await.unwrap_or(0), 0, "turned out");
    }
}
