//! Floods: what somebody with a peer's keys, or with none, can throw at a node for as long as it likes.
//!
//! Each runs on a thread of its own with a runtime of its own, so that whoever measures shares nothing with it but the machine. Not here:
//! single lies, each with its name (`forger`, `disguise`).

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use creditbay_crypto::hash::Digest;
use creditbay_node::quic::endpoint::{STREAMS, listen};
use creditbay_node::quic::held::PER_PEER;
use creditbay_node::quic::identity::Form;
use creditbay_protocol::control::Control;
use creditbay_protocol::limits::MAX_FRAME_BYTES;
use quinn::{Endpoint, TransportConfig, VarInt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::disguise::Disguise;
use super::forger::{Forger, Line, Said, now};
use super::hostile::strangers_key;
use super::http::Door;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Handshakes with a key that nobody knows.
    Handshakes,
    /// Streams on which one byte comes and then nothing.
    EmptyStreams,
    /// A stream that never ends.
    EndlessStream,
    /// Frames that are one byte too long.
    Oversized,
    /// Questions whose answers nobody reads.
    SlowReader,
    /// Datagrams of noise, half of which look like the beginning of a connection.
    Garbage,
    /// Questions at the services' door without a token.
    Tokenless,
    /// Requests at the services' door whose heads never end.
    EndlessHeads,
}

/// All of them.
pub const ALL: [Attack; 8] = [
    Attack::Handshakes,
    Attack::EmptyStreams,
    Attack::EndlessStream,
    Attack::Oversized,
    Attack::SlowReader,
    Attack::Garbage,
    Attack::Tokenless,
    Attack::EndlessHeads,
];

/// Things at once, where one after the other would be no flood.
const AT_ONCE: usize = 32;
/// How often a peer that was turned away comes again, ten times a second.
const PATIENCE: u32 = 100;
/// Visitors with endless heads: more than the door lets in.
const VISITORS: usize = 600;

/// An attack under way.
pub struct Waging {
    state: Arc<State>,
    thread: JoinHandle<Result<Forger>>,
}

struct State {
    stop: AtomicBool,
    attempts: AtomicU64,
    /// Whose door.
    peers: SocketAddr,
    services: SocketAddr,
}

impl State {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Acquire)
    }

    fn count(&self) {
        self.attempts.fetch_add(1, Ordering::AcqRel);
    }
}

impl Attack {
    /// Begins, with the keys of a peer of `region`, whose services' door is at this URL.
    pub fn begin(self, mut forger: Forger, region: &str, services: &str) -> Result<Waging> {
        let services = services.strip_prefix("http://").context("an http URL")?.parse()?;
        let peers = forger.entry(region)?.address;
        let state = Arc::new(State { stop: AtomicBool::new(false), attempts: AtomicU64::new(0), peers, services });
        let (waging, region) = (state.clone(), region.to_owned());
        let thread = std::thread::Builder::new().name(format!("{self:?}")).spawn(move || {
            if self == Self::Garbage {
                garbage(&waging)?;
            } else {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(self.wage(&mut forger, &region, &waging))?;
            }
            Ok(forger)
        })?;
        Ok(Waging { state, thread })
    }

    async fn wage(self, forger: &mut Forger, region: &str, state: &Arc<State>) -> Result<()> {
        match self {
            Self::Handshakes => handshakes(forger, region, state).await,
            Self::EmptyStreams => empty_streams(forger, region, state).await,
            Self::EndlessStream => endless_stream(forger, region, state).await,
            Self::Oversized => oversized(forger, region, state).await,
            Self::SlowReader => slow_reader(forger, region, state).await,
            Self::Garbage => Ok(()),
            Self::Tokenless => tokenless(state).await,
            Self::EndlessHeads => endless_heads(state).await,
        }
    }
}

impl Waging {
    /// Waits until it was tried once, or broke off, which `end` tells.
    pub async fn begun(&self) {
        while self.attempts() == 0 && !self.thread.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How often it was tried so far.
    pub fn attempts(&self) -> u64 {
        self.state.attempts.load(Ordering::Acquire)
    }

    /// Ends it: how often it was tried, and the log as it has become, which the next attack goes on with.
    pub fn end(self) -> Result<(u64, Forger)> {
        self.state.stop.store(true, Ordering::Release);
        let forger = self.thread.join().map_err(|_| anyhow!("the attack broke off"))??;
        Ok((self.state.attempts.load(Ordering::Acquire), forger))
    }
}

/// So many of one thing at once, until it is time to stop.
async fn many<F: Future<Output = Result<()>>>(state: &Arc<State>, one: impl Fn() -> F) -> Result<()> {
    let one = &one;
    let each = (0..AT_ONCE).map(|_| async move {
        while state.goes_on() {
            one().await?;
            state.count();
        }
        anyhow::Ok(())
    });
    let mut all: Vec<_> = each.map(Box::pin).collect();
    std::future::poll_fn(move |context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(Ok(())) } else { std::task::Poll::Pending }
    })
    .await
}

async fn handshakes(forger: &Forger, region: &str, state: &Arc<State>) -> Result<()> {
    let (stranger, server) = (strangers_key(), forger.entry(region)?.tls);
    let endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let config = Disguise::of(&stranger).config(server)?;
    many(state, async || {
        if let Ok(connection) = endpoint.connect_with(config.clone(), state.peers, "creditbay")?.await {
            connection.closed().await;
        }
        Ok(())
    })
    .await
}

/// A line from an address of no peer's: the places for such may still be taken by the strangers of another flood.
async fn let_in(forger: &Forger, region: &str) -> Result<Line> {
    for _ in 0..PATIENCE {
        if let Ok(line) = Line::greeted(forger, region, forger.size()).await {
            return Ok(line);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Line::greeted(forger, region, forger.size()).await
}

async fn empty_streams(forger: &Forger, region: &str, state: &Arc<State>) -> Result<()> {
    let line = let_in(forger, region).await?;
    let mut open = VecDeque::new();
    while state.goes_on() {
        // Where all are open, one waits until the oldest is closed.
        let next = tokio::time::timeout(Duration::from_millis(100), line.connection.open_bi()).await;
        if let Ok(stream) = next {
            let (mut send, recv) = stream?;
            send.write_all(&[1]).await?;
            open.push_back((send, recv));
            state.count();
        }
        if open.len() > STREAMS as usize {
            open.pop_front();
        }
    }
    Ok(())
}

async fn endless_stream(forger: &Forger, region: &str, state: &Arc<State>) -> Result<()> {
    let line = let_in(forger, region).await?;
    let piece = vec![0x5a; 64 * 1024];
    while state.goes_on() {
        let (mut send, _recv) = line.connection.open_bi().await?;
        while state.goes_on() && send.write_all(&piece).await.is_ok() {}
        state.count();
    }
    Ok(())
}

async fn oversized(forger: &Forger, region: &str, state: &Arc<State>) -> Result<()> {
    let line = let_in(forger, region).await?;
    let frame = vec![0; MAX_FRAME_BYTES + 1];
    many(state, async || line.send(&frame).await.map(drop)).await
}

/// As many connections as a peer may have, with as many questions on each, and room for not one answer.
async fn slow_reader(forger: &mut Forger, region: &str, state: &Arc<State>) -> Result<()> {
    let (query, seen) = (forger.query(region)?, forger.size());
    let asked: Vec<_> = (0..STREAMS).map(|_| forger.log(&query, now())).collect();
    let size = forger.size();
    let frames = asked.iter().map(|said| forger.frame(&query, &Said { size, ..*said })).collect::<Result<Vec<_>>>()?;
    let (server, mut lines, mut held) = (forger.entry(region)?.tls, Vec::new(), Vec::new());
    for number in 0..PER_PEER {
        let endpoint = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), forger.tls(), [server], Form::RawPublicKey)?;
        let mut config = Disguise::of(forger.tls()).config(server)?;
        let mut narrow = TransportConfig::default();
        narrow.stream_receive_window(VarInt::from_u32(4_096)).receive_window(VarInt::from_u32(8_192));
        config.transport_config(Arc::new(narrow));
        let mut line = Line::through(endpoint, state.peers, config).await?;
        line.say(&Control::Hello(forger.hello()?)).await?;
        line.say(&forger.link(if number == 0 { seen } else { size })?).await?;
        line.hear().await?;
        line.hear().await?;
        for frame in &frames {
            let (mut send, recv) = line.connection.open_bi().await?;
            send.write_all(frame).await?;
            send.finish()?;
            held.push((send, recv));
            state.count();
        }
        lines.push(line);
    }
    while state.goes_on() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn garbage(state: &State) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(state.peers)?;
    let noise: Vec<u8> = (0..38u8).flat_map(|part| Digest::of(&[part]).0).take(1_200).collect();
    let mut number = 0u64;
    while state.goes_on() {
        let mut datagram = noise.clone();
        datagram[16..24].copy_from_slice(&number.to_le_bytes());
        if number.is_multiple_of(2) {
            // A long header, Initial, version 1, a connection id of eight bytes: the receiver derives keys before it sees that it is noise.
            datagram[..6].copy_from_slice(&[0xc3, 0, 0, 0, 1, 8]);
            datagram[6..14].copy_from_slice(&number.to_le_bytes());
            datagram[14..18].copy_from_slice(&[0, 0, 0x44, 0x90]);
        }
        number += 1;
        // The receiver's queue may be full, or its port closed for a moment.
        let _ = socket.send(&datagram);
        state.count();
    }
    Ok(())
}

async fn tokenless(state: &Arc<State>) -> Result<()> {
    let door = Door::Tcp(state.services);
    many(state, async || {
        let reply = door.call("POST", "/v1/queries", &[("content-type", "application/json")], vec![b' '; 2_000]).await?;
        anyhow::ensure!(reply.status == 401, "{}", reply.status);
        Ok(())
    })
    .await
}

async fn endless_heads(state: &Arc<State>) -> Result<()> {
    let visit = async || -> Result<TcpStream> {
        let mut stream = TcpStream::connect(state.services).await?;
        stream.write_all(b"POST /v1/queries HTTP/1.1\r\nhost: creditbay\r\n").await?;
        Ok(stream)
    };
    let mut visitors = Vec::new();
    for _ in 0..VISITORS {
        visitors.push(visit().await?);
    }
    let line = [b"x: ".as_slice(), &[b'y'; 4_000], b"\r\n"].concat();
    while state.goes_on() {
        for stream in &mut visitors {
            match stream.try_write(&line) {
                Ok(_) => state.count(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Whoever was put out comes again.
                Err(_) => *stream = visit().await?,
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
