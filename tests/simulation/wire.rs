//! How messages cross between two processes: control streams in order, frames in any order, all as bytes.
//!
//! Hello, link and checkpoints are the daemon's own (`node::quic::session`), over pipes in place of QUIC's streams. Not here: frames on
//! their way (`post`), and what befalls a message (`weather`).

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use creditbay_node::exchange::answer::Peer;
use creditbay_node::exchange::network::{LinkError, Network, Reply};
use creditbay_node::log::entry::Appended;
use creditbay_node::log::fault::LogError;
use creditbay_node::quic::fault::STREAM_WAIT;
use creditbay_node::quic::session::{Announced, Greeted, greet, read_checkpoints, write_control};
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::control::Control;
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::name::Region;
use creditbay_protocol::notice::Noticed;
use creditbay_protocol::requester::Asked;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::bay::{Bay, Captured, lock, unless};
use super::gate::Gate;
use super::post::send_frame;
use super::process::Process;

/// Bytes that a pipe holds; more than any control message has.
const PIPE: usize = 64 * 1024;
/// Checkpoints that may wait to be written to a control stream.
const CONTROL_QUEUE: usize = 1_024;
/// How long the other side may take to erase what a notice names.
const NOTICE_WAIT: Duration = Duration::from_secs(120);

/// A connection.
pub(crate) struct Link {
    /// Open once it has ended.
    pub(crate) closed: Gate,
    near: End,
    far: End,
}

/// One end of a connection.
pub(crate) struct End {
    /// Whose.
    pub(crate) process: Arc<Process>,
    /// Who is at the other one.
    pub(crate) peer: Peer,
    announced: Mutex<Announced>,
    control: mpsc::Sender<Vec<u8>>,
    /// How many may look at one query at once: two, since a third would wake in an order that no seed decides.
    pub(crate) looking: Mutex<BTreeMap<u64, Arc<Semaphore>>>,
}

impl Link {
    /// The end of a region.
    pub(crate) fn end(&self, of: Region) -> &End {
        if self.near.process.local.region == of { &self.near } else { &self.far }
    }
}

impl End {
    /// Makes sure that the peer has, or will have first, the checkpoint of a leaf.
    pub(crate) fn announce(&self, link: &Link, appended: &Appended) -> Result<Appended, LogError> {
        let (appended, checkpoint) = lock(&self.announced).announce(&self.process.local.log, appended)?;
        checkpoint.map_or(Ok(()), |checkpoint| self.say(link, &checkpoint))?;
        Ok(appended)
    }

    /// Makes sure that the peer hears of a head, so that it can cosign it.
    pub(crate) fn announce_head(&self, link: &Link, head: &SignedHead) -> Result<(), LogError> {
        let mut announced = lock(&self.announced);
        if head.signed().checkpoint().size <= announced.newest() {
            return Ok(());
        }
        let checkpoint = announced.checkpoint(&self.process.local.log, head, head.signed())?;
        self.say(link, &checkpoint)
    }

    /// Sends the note of a head again with the cosignatures that it has gathered.
    pub(crate) fn announce_cosigned(&self, link: &Link, head: &SignedHead, note: &SignedCheckpoint) -> Result<(), LogError> {
        let checkpoint = lock(&self.announced).checkpoint(&self.process.local.log, head, note)?;
        self.say(link, &checkpoint)
    }

    fn say(&self, link: &Link, checkpoint: &Control) -> Result<(), LogError> {
        if self.control.try_send(checkpoint.framed()).is_err() {
            link.closed.open();
            return Err(LogError::Closed);
        }
        Ok(())
    }
}

/// The way of one node to its peers.
pub(crate) struct Wire {
    /// The network.
    pub(crate) bay: Weak<Bay>,
    /// Whose.
    pub(crate) me: Region,
}

impl Network for Wire {
    fn exchange<'a>(&'a self, issuer: Region, asked: &'a Asked, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let bay = self.bay.upgrade().ok_or(LinkError::Lost)?;
            let connected = tokio::time::timeout(STREAM_WAIT, bay.link(self.me, issuer)).await;
            let link = connected.map_err(|_| LinkError::Unreachable)?;
            let appended = link.end(self.me).announce(&link, appended).map_err(|_| LinkError::Lost)?;
            let frame = asked.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            bay.model.query_released(self.me, &frame);
            lock(&bay.captured).push(Captured { from: self.me, to: issuer, frame: frame.clone() });
            let (answered, reply) = oneshot::channel();
            send_frame(&bay, &link, issuer, "query on its way", frame, answered);
            let reply = unless(&link.closed, reply).await;
            reply.and_then(Result::ok).unwrap_or(Err(LinkError::Lost))
        })
    }

    fn tell<'a>(&'a self, receiver: Region, noticed: &'a Noticed, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let bay = self.bay.upgrade().ok_or(LinkError::Lost)?;
            let link = bay.link_now(self.me, receiver).ok_or(LinkError::Unreachable)?;
            let appended = link.end(self.me).announce(&link, appended).map_err(|_| LinkError::Lost)?;
            let frame = noticed.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            bay.model.notice_released(self.me, &frame);
            let (answered, reply) = oneshot::channel();
            send_frame(&bay, &link, receiver, "notice on its way", frame, answered);
            let reply = tokio::time::timeout(NOTICE_WAIT, unless(&link.closed, reply)).await.ok().flatten();
            reply.and_then(Result::ok).unwrap_or(Err(LinkError::Lost))
        })
    }
}

/// Two processes greet one another, and then have a connection.
pub(crate) async fn connect(bay: &Arc<Bay>, near: &Arc<Process>, far: &Arc<Process>) -> Result<Arc<Link>> {
    let (a, b) = (near.local.region, far.local.region);
    let over = Arc::new(Gate::default());
    let (mut near_speaks, far_hears) = piped(bay, a, b, &over);
    let (mut far_speaks, near_hears) = piped(bay, b, a, &over);
    let (near_peer, far_peer) = (peer(near, far)?, peer(far, near)?);
    let greeting = async {
        tokio::join!(
            greet(&near.local, &near_peer, &mut near_speaks, async { Ok(near_hears) }),
            greet(&far.local, &far_peer, &mut far_speaks, async { Ok(far_hears) }),
        )
    };
    let Ok((near_greeted, far_greeted)) = tokio::time::timeout(STREAM_WAIT, greeting).await else {
        over.open();
        bail!("too slow");
    };
    let (near_greeted, far_greeted) = match (near_greeted, far_greeted) {
        (Ok(near), Ok(far)) => (near, far),
        (Err(error), _) | (_, Err(error)) => {
            over.open();
            bail!("{error}");
        }
    };
    let (near_control, near_queue) = mpsc::channel(CONTROL_QUEUE);
    let (far_control, far_queue) = mpsc::channel(CONTROL_QUEUE);
    let (Greeted { announced: near_announced, heard: near_heard }, near_hears) = near_greeted;
    let (Greeted { announced: far_announced, heard: far_heard }, far_hears) = far_greeted;
    let end = |process: &Arc<Process>, peer, announced, control| End {
        process: process.clone(),
        peer,
        announced: Mutex::new(announced),
        control,
        looking: Mutex::default(),
    };
    let link = Arc::new(Link {
        closed: Gate::default(),
        near: end(near, near_peer, near_announced, near_control),
        far: end(far, far_peer, far_announced, far_control),
    });
    near.spawn(write_control(near_speaks, near_queue));
    far.spawn(write_control(far_speaks, far_queue));
    listen(bay, &link, a, near_hears, near_heard);
    listen(bay, &link, b, far_hears, far_heard);
    let ending = link.clone();
    bay.carry(async move {
        ending.closed.wait().await;
        over.open();
    });
    Ok(link)
}

/// Who is at the other end, by the directory of this process and the key that the other one proves.
fn peer(by: &Process, other: &Process) -> Result<Peer> {
    let entry = by.exchange.directory.by_tls(&other.tls).context("no such key in the directory")?;
    Ok(Peer { region: entry.name, log: entry.log_origin })
}

/// Takes the checkpoints of the other end; what is wrong with one ends the connection.
fn listen(bay: &Arc<Bay>, link: &Arc<Link>, at: Region, hears: DuplexStream, heard: u64) {
    let (bay, link) = (bay.clone(), link.clone());
    let process = link.end(at).process.clone();
    let local = process.local.clone();
    process.spawn(async move {
        let heard = AtomicU64::new(heard);
        let ended = read_checkpoints(hears, &heard, &local, &link.end(at).peer).await;
        if let Err(error) = ended {
            bay.story.tell("control stream ended", format_args!("{at}: {error}"));
        }
        link.closed.open();
    });
}

/// A pipe from one region to another that keeps order and takes its time.
fn piped(bay: &Arc<Bay>, from: Region, to: Region, over: &Arc<Gate>) -> (DuplexStream, DuplexStream) {
    let (speaks, relay_in) = duplex(PIPE);
    let (relay_out, hears) = duplex(PIPE);
    let (relaying, over) = (bay.clone(), over.clone());
    bay.carry(async move {
        unless(&over, relay(&relaying, from, to, relay_in, relay_out)).await;
    });
    (speaks, hears)
}

async fn relay(bay: &Bay, from: Region, to: Region, mut read: DuplexStream, mut write: DuplexStream) -> Option<()> {
    loop {
        let mut len = [0; 4];
        read.read_exact(&mut len).await.ok()?;
        let mut message = vec![0; u32::from_le_bytes(len) as usize];
        read.read_exact(&mut message).await.ok()?;
        bay.model.control_sent(from, to, &Control::parse(&message).ok()?);
        let delay = lock(&bay.weather).delay(&bay.chance);
        tokio::time::sleep(delay).await;
        write.write_all(&len).await.ok()?;
        write.write_all(&message).await.ok()?;
    }
}
