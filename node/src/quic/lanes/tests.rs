//! What comes from a peer's address comes, whatever strangers send meanwhile. Real sockets on loopback.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

/// One datagram of a stranger's is more than there is for hours.
const ALMOST_NOTHING: Allowance = Allowance { units: 1, long: 10_000 };
const SHORT: [u8; 4] = [0x40, 1, 2, 3];
const LONG: [u8; 4] = [0xc0, 1, 2, 3];

fn here() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(here()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn door(peers: &[SocketAddr], allowance: Allowance) -> (Arc<Lanes>, SocketAddr, Arc<Metrics>) {
    door_at(here(), peers, allowance)
}

fn door_at(at: SocketAddr, peers: &[SocketAddr], allowance: Allowance) -> (Arc<Lanes>, SocketAddr, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    let lanes = Lanes::open(at, peers, allowance, metrics.clone()).unwrap();
    let address = lanes.local_addr().unwrap();
    (lanes, address, metrics)
}

/// The senders of the next batch.
async fn next(lanes: &Lanes) -> Vec<SocketAddr> {
    let mut bytes = vec![[0; 2048]; 8];
    let mut meta = vec![RecvMeta::default(); 8];
    let mut buffers: Vec<_> = bytes.iter_mut().map(|bytes| IoSliceMut::new(bytes)).collect();
    let count = std::future::poll_fn(|context| lanes.poll_recv(context, &mut buffers, &mut meta)).await.unwrap();
    meta[..count].iter().map(|meta| meta.addr).collect()
}

/// Nothing comes, though the system says that there is something: a datagram of the peer's, sent after it, has come.
async fn only(lanes: &Lanes, peer: (&UdpSocket, SocketAddr), door: SocketAddr) {
    peer.0.send_to(&LONG, door).unwrap();
    assert_eq!(next(lanes).await, [peer.1]);
}

#[tokio::test]
async fn a_peers_datagrams_come_while_strangers_have_spent_what_there_is() {
    let ((peer, from), (stranger, strange)) = (socket(), socket());
    let (lanes, door, metrics) = door(&[from], ALMOST_NOTHING);
    stranger.send_to(&LONG, door).unwrap();
    assert_eq!(next(&lanes).await, [strange]);
    assert_eq!(metrics.counted("creditbay_peers_door_pauses_total", &[]), 1);
    for _ in 0..10 {
        stranger.send_to(&SHORT, door).unwrap();
        only(&lanes, (&peer, from), door).await;
    }
    assert_eq!(metrics.counted("creditbay_peers_door_pauses_total", &[]), 1, "and nothing of the strangers' was read");
}

#[tokio::test]
async fn a_door_of_every_address_keeps_peers_of_either_family_apart() {
    let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    // A machine without IPv6 has no such door.
    if UdpSocket::bind(everywhere).is_err() {
        return;
    }
    let ((peer, from), (stranger, strange)) = (socket(), socket());
    let (lanes, door, _) = door_at(everywhere, &[from], ALMOST_NOTHING);
    let door = SocketAddr::from((Ipv4Addr::LOCALHOST, door.port()));
    stranger.send_to(&LONG, door).unwrap();
    assert_eq!(next(&lanes).await, [seen_from(lanes.local_addr().unwrap(), strange)]);
    stranger.send_to(&SHORT, door).unwrap();
    peer.send_to(&LONG, door).unwrap();
    assert_eq!(next(&lanes).await, [seen_from(lanes.local_addr().unwrap(), from)]);
}

#[tokio::test]
async fn a_queue_that_strangers_have_filled_has_room_for_a_peer() {
    let ((peer, from), (stranger, strange)) = (socket(), socket());
    let (lanes, door, _) = door(&[from], OTHERS);
    for _ in 0..5_000 {
        stranger.send_to(&[0x40; 1_200], door).unwrap();
    }
    peer.send_to(&SHORT, door).unwrap();
    let first = [next(&lanes).await, next(&lanes).await].concat();
    assert!(first.contains(&from), "the peer's turn did not come: {first:?}");
    assert!(first.contains(&strange), "nor do peers keep others from theirs: {first:?}");
}

#[tokio::test]
async fn strangers_are_read_again_once_what_was_read_is_paid_for() {
    let (stranger, strange) = socket();
    let (lanes, door, metrics) = door(&[], Allowance { units: 1_000, long: 1_100 });
    for _ in 0..2 {
        stranger.send_to(&LONG, door).unwrap();
        assert_eq!(next(&lanes).await, [strange]);
    }
    assert_eq!(metrics.counted("creditbay_peers_door_pauses_total", &[]), 2);
}

#[test]
fn what_is_not_spent_is_saved_for_a_second_and_no_longer() {
    let (allowance, second) = (Allowance { units: 1_000, long: 50 }, Duration::from_secs(1));
    let begin = TokioRuntime.now();
    let mut spent = Spent { paid: begin, pause: None };
    let later = begin + 100 * second;
    assert_eq!(spent.pay(1_000, allowance, later), None);
    assert_eq!(spent.pay(500, allowance, later), Some(later + second / 2));
    assert_eq!(spent.pay(1, allowance, later + 2 * second), None);
}

#[test]
fn each_datagram_of_a_buffer_costs_what_its_header_is() {
    let buffer = [SHORT, LONG, SHORT].concat();
    let meta = RecvMeta { len: 10, stride: 4, ..RecvMeta::default() };
    assert_eq!(Allowance { units: 1, long: 50 }.cost(&buffer, &meta), 52);
    assert_eq!(Allowance { units: 1, long: 50 }.cost(&buffer, &RecvMeta { len: 0, stride: 0, ..meta }), 0);
}

#[tokio::test]
async fn a_peer_that_is_not_there_ends_nothing_and_is_heard_when_it_comes() {
    let (gone, from) = socket();
    drop(gone);
    let (lanes, door, _) = door(&[from], OTHERS);
    let refused = Transmit { destination: from, ecn: None, contents: &SHORT, segment_size: None, src_ip: None };
    let mut room = lanes.clone().create_io_poller();
    std::future::poll_fn(|context| room.as_mut().poll_writable(context)).await.unwrap();
    lanes.try_send(&refused).unwrap();
    let peer = UdpSocket::bind(from).unwrap();
    peer.send_to(&SHORT, door).unwrap();
    assert_eq!(next(&lanes).await, [from]);
}

#[tokio::test]
async fn nobody_else_binds_the_port_of_an_open_door() {
    let (_peer, from) = socket();
    let (_lanes, door, _) = door(&[from], OTHERS);
    assert_eq!(UdpSocket::bind(door).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(lane(door, from).unwrap_err().kind(), ErrorKind::AddrInUse, "not even who would share it");
    let taken = Lanes::open(door, &[from], OTHERS, Arc::default());
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
}
