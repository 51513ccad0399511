//! The sockets of a peers' door: one for each address that the directory names, one for everybody else (PROTOCOL 24.1).
//!
//! The system sorts what comes: a datagram from a peer's address waits in that peer's own queue, which strangers cannot fill. What the
//! others' socket may cost is bounded; beyond that it is not read, and the system drops what finds no room. Deliberately not here: what
//! the datagrams are (`endpoint`), and who is let in (`accept`).

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::time::{Sleep, sleep_until};

use crate::host::telemetry::Metrics;

/// What reading a datagram costs, in units of a short one that belongs to a connection or to none.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Units a second, and at most at once.
    pub units: u32,
    /// For a long header: it may begin a connection, for which keys are derived before anything can be told of it.
    pub long: u32,
}

/// 2 000 beginnings of connections a second: more than the places for handshakes let through (64 a second, of some six datagrams).
pub const OTHERS: Allowance = Allowance { units: 200_000, long: 100 };
/// The first bit of a long header (RFC 9000, 17.2).
const LONG_HEADER: u8 = 0x80;

/// A door's sockets, read in turns.
pub struct Lanes {
    others: Arc<dyn AsyncUdpSocket>,
    of_peers: Vec<Arc<dyn AsyncUdpSocket>>,
    next: AtomicUsize,
    allowance: Allowance,
    spent: Mutex<Spent>,
    metrics: Arc<Metrics>,
}

/// When what was read of the others' socket is paid for.
struct Spent {
    paid: Instant,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Lanes {
    /// Binds the address, and a socket of its own for each of the peers' addresses that can be reached from it.
    pub fn open(address: SocketAddr, peers: &[SocketAddr], allowance: Allowance, metrics: Arc<Metrics>) -> io::Result<Arc<Self>> {
        let others = UdpSocket::bind(address)?;
        let here = others.local_addr()?;
        // The port may be shared only while this door's own sockets are bound.
        SockRef::from(&others).set_reuse_port(true)?;
        let of_peers = peers.iter().filter_map(|peer| match lane(here, seen_from(here, *peer)) {
            Ok(socket) => Some(TokioRuntime.wrap_udp_socket(socket)),
            Err(error) => {
                tracing::warn!("{peer} has no socket of its own at the peers' door: {error}");
                None
            }
        });
        let of_peers = of_peers.collect::<io::Result<_>>()?;
        SockRef::from(&others).set_reuse_port(false)?;
        let spent = Mutex::new(Spent { paid: TokioRuntime.now(), pause: None });
        let others = TokioRuntime.wrap_udp_socket(others)?;
        Ok(Arc::new(Self { others, of_peers, next: AtomicUsize::new(0), allowance, spent, metrics }))
    }

    /// Reads the others' socket, unless what was read before is not paid for yet.
    fn poll_others(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pause) = &mut spent.pause {
            ready!(pause.as_mut().poll(context));
            spent.pause = None;
        }
        let count = ready!(self.others.poll_recv(context, buffers, meta))?;
        let cost: u32 = buffers.iter().zip(&*meta).take(count).map(|(bytes, meta)| self.allowance.cost(bytes, meta)).sum();
        if let Some(until) = spent.pay(cost, self.allowance, TokioRuntime.now()) {
            self.metrics.count("creditbay_peers_door_pauses_total", &[]);
            spent.pause = Some(Box::pin(sleep_until(until.into())));
        }
        Poll::Ready(Ok(count))
    }
}

impl Allowance {
    /// What the datagrams cost that lie behind one another in a buffer.
    fn cost(self, bytes: &[u8], meta: &RecvMeta) -> u32 {
        let datagrams = bytes[..meta.len].chunks(meta.stride.max(1));
        datagrams.map(|datagram| if datagram[0] & LONG_HEADER == 0 { 1 } else { self.long }).sum()
    }
}

impl Spent {
    /// Pays for what was read now. Until when nothing more may be read, where that is more than there is.
    fn pay(&mut self, cost: u32, allowance: Allowance, now: Instant) -> Option<Instant> {
        let full = Duration::from_secs(1);
        self.paid = self.paid.max(now - full) + full * cost / allowance.units;
        (self.paid > now).then_some(self.paid)
    }
}

/// The peer's address as a socket at this door has it: one of IPv6 sees those of IPv4 mapped (RFC 4291, 2.5.5.2).
fn seen_from(here: SocketAddr, peer: SocketAddr) -> SocketAddr {
    match peer {
        SocketAddr::V4(four) if here.is_ipv6() => SocketAddr::from((four.ip().to_ipv6_mapped(), four.port())),
        other => other,
    }
}

/// A socket at this door to which the system gives what comes from the peer.
fn lane(here: SocketAddr, peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(here), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    socket.bind(&here.into())?;
    socket.connect(&peer.into())?;
    socket.set_reuse_port(false)?;
    Ok(socket.into())
}

impl AsyncUdpSocket for Lanes {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.others.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.others.try_send(transmit)
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (all, first) = (self.of_peers.len() + 1, self.next.load(Ordering::Relaxed));
        for at in (first..first + all).map(|turn| turn % all) {
            let came = match self.of_peers.get(at) {
                Some(lane) => lane.poll_recv(context, buffers, meta),
                None => self.poll_others(context, buffers, meta),
            };
            if came.is_ready() {
                self.next.store(at + 1, Ordering::Relaxed);
                return came;
            }
        }
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.others.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.others.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.others.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.others.may_fragment()
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("others", &self.others).field("of_peers", &self.of_peers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
