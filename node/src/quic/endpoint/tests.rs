//! That the limits bound what a peer can do, seen from a peer that would like to do more.
//!
//! Each future is polled once: what there is credit for is ready at once, and what there is none for waits.

use std::net::Ipv4Addr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use creditbay_crypto::secret::Seed;
use quinn::{Connection, SendDatagramError, SendStream};

use super::*;

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes([byte; 32]))
}

fn here() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A connection from a dialling peer that sets itself no limits, and its other end, which keeps ours.
async fn greedy_peer() -> [(Endpoint, Connection); 2] {
    let mut greedy = TransportConfig::default();
    greedy.send_window(1 << 30).datagram_receive_buffer_size(Some(1 << 20));
    let mut config = dial_config(&key(1), key(2).public(), Form::RawPublicKey).unwrap();
    config.transport_config(Arc::new(greedy));
    connect(config).await
}

/// A connection between two that keep our limits.
async fn two_of_us() -> [(Endpoint, Connection); 2] {
    connect(dial_config(&key(1), key(2).public(), Form::RawPublicKey).unwrap()).await
}

async fn connect(config: ClientConfig) -> [(Endpoint, Connection); 2] {
    let door = listen(here(), &key(2), [key(1).public()], Form::RawPublicKey).unwrap();
    let peer = listen(here(), &key(1), [key(2).public()], Form::RawPublicKey).unwrap();
    let dialled = peer.connect_with(config, door.local_addr().unwrap(), "creditbay").unwrap();
    let (ours, theirs) = tokio::join!(async { door.accept().await.unwrap().await.unwrap() }, async { dialled.await.unwrap() });
    [(peer, theirs), (door, ours)]
}

/// Writes until there is no credit left, and tells how many bytes there was credit for.
fn write_all_credit(stream: &mut SendStream) -> u64 {
    let piece = vec![0x5a; 1 << 20];
    let mut written = 0;
    loop {
        match once(stream.write(&piece)) {
            Poll::Ready(Ok(count)) => written += count as u64,
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => return written,
        }
    }
}

#[tokio::test]
async fn a_peer_opens_as_many_streams_as_it_may_and_waits_for_the_next() {
    let [(_peer, theirs), (_door, ours)] = greedy_peer().await;
    let mut open = Vec::new();
    for number in 0..STREAMS {
        let Poll::Ready(stream) = once(theirs.open_bi()) else { panic!("stream {number} had to wait") };
        open.push(stream.unwrap());
    }
    assert!(once(theirs.open_bi()).is_pending(), "{STREAMS} are open and one more was not held back");
    let _control = theirs.open_uni().await.unwrap();
    assert!(once(theirs.open_uni()).is_pending(), "a second control stream was not held back");

    // Streams that end give their places to the next, an eighth of all at a time.
    for (mut send, mut recv) in open.drain(..=STREAMS as usize / 8) {
        send.finish().unwrap();
        let (mut answer, mut question) = ours.accept_bi().await.unwrap();
        assert_eq!(question.read_to_end(1).await.unwrap(), [0; 0]);
        answer.finish().unwrap();
        assert_eq!(recv.read_to_end(1).await.unwrap(), [0; 0]);
    }
    theirs.open_bi().await.unwrap();
}

#[tokio::test]
async fn the_dialling_side_bounds_streams_too() {
    let [(_peer, theirs), (_door, ours)] = two_of_us().await;
    for number in 0..STREAMS {
        assert!(once(ours.open_bi()).is_ready(), "stream {number} had to wait");
    }
    assert!(once(ours.open_bi()).is_pending());
    assert!(once(ours.open_uni()).is_ready());
    assert!(once(ours.open_uni()).is_pending());
    drop(theirs);
}

#[tokio::test]
async fn what_nobody_reads_fills_a_window_and_no_more() {
    let [(_peer, theirs), (_door, ours)] = greedy_peer().await;
    let (mut first, _recv) = theirs.open_bi().await.unwrap();
    assert_eq!(write_all_credit(&mut first), u64::from(STREAM_WINDOW));

    let mut all = u64::from(STREAM_WINDOW);
    let mut open = Vec::new();
    for _ in 0..2 * CONNECTION_WINDOW / STREAM_WINDOW {
        let (mut send, recv) = theirs.open_bi().await.unwrap();
        all += write_all_credit(&mut send);
        open.push((send, recv));
    }
    assert_eq!(all, u64::from(CONNECTION_WINDOW));

    // Reading makes room again, an eighth of the window at a time.
    for _ in 0..CONNECTION_WINDOW / STREAM_WINDOW / 8 {
        let (_answer, mut question) = ours.accept_bi().await.unwrap();
        question.read_exact(&mut [0; STREAM_WINDOW as usize]).await.unwrap();
    }
    let (mut send, _recv) = open.pop().unwrap();
    send.write_all(&[0; 1024]).await.unwrap();
}

/// A node sends no more than its own window before the peer has taken it, whatever the peer would take.
#[tokio::test]
async fn a_node_keeps_a_window_of_its_own_for_what_it_sends() {
    let [(_peer, theirs), (_door, ours)] = greedy_peer().await;
    let mut all = 0;
    let mut open = Vec::new();
    for _ in 0..8 {
        // Nothing may be sent and acknowledged meanwhile: the test's one thread goes on without a pause.
        let Poll::Ready(Ok((mut send, recv))) = once(ours.open_bi()) else { panic!("no stream") };
        all += write_all_credit(&mut send);
        open.push((send, recv));
    }
    assert_eq!(all, u64::from(CONNECTION_WINDOW));
    drop(theirs);
}

#[tokio::test]
async fn datagrams_are_not_taken() {
    let [(_peer, theirs), (_door, ours)] = greedy_peer().await;
    let refused = theirs.send_datagram(bytes::Bytes::from_static(b"x"));
    assert!(matches!(refused, Err(SendDatagramError::UnsupportedByPeer)), "{refused:?}");
    drop(ours);
}
