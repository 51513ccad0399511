//! One connection after its hello: who it is with, which checkpoints were announced on it, and the frames that pass (PROTOCOL 16 and 24).
//!
//! Nothing counts as connected before both hellos were read and both logs linked: a client whose key was refused learns so only here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{Note, NoteVerifier};
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::control::{Control, Hashes, Hello, NoteBytes};
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::limits::{MAX_CONTROL_BYTES, MAX_FRAME_BYTES, PROTOCOL_VERSION, RECENT_ROOTS};
use creditbay_protocol::name::Region;
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::succession::{Succession, predecessor};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::exchange::answer::Peer;
use crate::exchange::network::LinkError;
use crate::host::clock::Clock;
use crate::host::telemetry::Metrics;
use crate::log::Log;
use crate::log::entry::Appended;
use crate::log::fault::LogError;

use super::fault::{ControlFault, STREAM_WAIT, SessionError};
use super::inbound::Inbound;

/// Checkpoints that may wait to be written to a control stream.
const CONTROL_QUEUE: usize = 1_024;

/// What a session needs of the node.
pub struct Local {
    /// This node's region.
    pub region: Region,
    /// This node's log.
    pub log: Log,
    /// The log's key, to know this log's own notes again.
    pub log_key: NoteVerifier,
    /// Time.
    pub clock: Arc<Clock>,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// A connection that is ready for exchanges.
pub struct Session {
    connection: Connection,
    peer: Peer,
    local: Arc<Local>,
    announced: Mutex<Announced>,
    heard: AtomicU64,
    control: mpsc::Sender<Vec<u8>>,
}

/// Which checkpoints the peer has, or will have first, by the control stream.
pub struct Announced {
    newest: u64,
    sizes: VecDeque<u64>,
}

/// What both sides know after hello and link.
pub struct Greeted {
    /// What the peer knows of this log.
    pub announced: Announced,
    /// The size of the peer's log that was heard.
    pub heard: u64,
}

impl Session {
    /// Exchanges hellos and links, then keeps the control streams going in the background.
    pub async fn establish(connection: Connection, peer: Peer, local: Arc<Local>) -> Result<Arc<Self>, SessionError> {
        let (ending, counting) = (connection.clone(), local.clone());
        let greeted = tokio::time::timeout(STREAM_WAIT, Self::greet(connection, peer, local)).await;
        let greeted = greeted.unwrap_or(Err(SessionError::Slow));
        let (session, control, queue, stream) = greeted.inspect_err(|error| end(&ending, &counting, &peer, error))?;
        tokio::spawn(write_control(stream, queue));
        let listening = session.clone();
        tokio::spawn(async move {
            let ended = read_checkpoints(control, &listening.heard, &listening.local, &listening.peer).await;
            if let Err(error) = ended {
                end(&listening.connection, &listening.local, &listening.peer, &error);
            }
        });
        Ok(session)
    }

    async fn greet(
        connection: Connection,
        peer: Peer,
        local: Arc<Local>,
    ) -> Result<(Arc<Self>, RecvStream, mpsc::Receiver<Vec<u8>>, SendStream), SessionError> {
        let mut speaking = connection.open_uni().await.map_err(transport)?;
        let hearing = async { connection.accept_uni().await.map_err(transport) };
        let (Greeted { announced, heard }, hearing) = greet(&local, &peer, &mut speaking, hearing).await?;
        let (control, queue) = mpsc::channel(CONTROL_QUEUE);
        let announced = Mutex::new(announced);
        let session = Self { connection, peer, local, announced, heard: AtomicU64::new(heard), control };
        Ok((Arc::new(session), hearing, queue, speaking))
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes sure that the peer has, or will have first, the checkpoint that a leaf is proved under. Where a newer one went out before,
    /// the leaf is proved again under that.
    pub fn announce(&self, appended: &Appended) -> Result<Appended, LogError> {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let (appended, checkpoint) = announced.announce(&self.local.log, appended)?;
        match checkpoint {
            Some(checkpoint) => self.send(&checkpoint).map(|()| appended),
            None => Ok(appended),
        }
    }

    /// Makes sure that the peer hears of a head although no message needs it, so that it can cosign it. Nothing for an older one than the
    /// newest announced.
    pub fn announce_head(&self, head: &SignedHead) -> Result<(), LogError> {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if head.signed().checkpoint().size <= announced.newest {
            return Ok(());
        }
        let checkpoint = announced.checkpoint(&self.local.log, head, head.signed())?;
        self.send(&checkpoint)
    }

    /// Sends the note of a head again with the cosignatures that it has gathered.
    pub fn announce_cosigned(&self, head: &SignedHead, note: &SignedCheckpoint) -> Result<(), LogError> {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let checkpoint = announced.checkpoint(&self.local.log, head, note)?;
        self.send(&checkpoint)
    }

    fn send(&self, checkpoint: &Control) -> Result<(), LogError> {
        if self.control.try_send(checkpoint.framed()).is_err() {
            let labels = [("peer", self.peer.region.as_str()), ("why", "stalled")];
            self.local.metrics.count("creditbay_sessions_broken_total", &labels);
            self.connection.close(VarInt::from_u32(2), b"control stream stalled");
            return Err(LogError::Closed);
        }
        Ok(())
    }

    /// Sends a frame on a stream of its own and waits for the reply's frame.
    pub async fn exchange(&self, frame: &[u8]) -> Result<Vec<u8>, LinkError> {
        let (mut send, mut recv) = self.connection.open_bi().await.map_err(|_| LinkError::Lost)?;
        send.write_all(frame).await.map_err(|_| LinkError::Lost)?;
        send.finish().map_err(|_| LinkError::Lost)?;
        recv.read_to_end(MAX_FRAME_BYTES).await.map_err(|error| match error {
            quinn::ReadToEndError::TooLong => LinkError::Fault(Fault::Oversized),
            quinn::ReadToEndError::Read(quinn::ReadError::Reset(code)) => {
                u8::try_from(code.into_inner()).ok().and_then(Fault::from_code).map_or(LinkError::Lost, LinkError::Fault)
            }
            quinn::ReadToEndError::Read(_) => LinkError::Lost,
        })
    }

    /// The next exchange that the peer begins; `None` when the connection has ended.
    pub async fn next(&self) -> Option<Inbound> {
        let (send, recv) = self.connection.accept_bi().await.ok()?;
        Some(Inbound::of(send, recv))
    }
}

impl Announced {
    /// The leaf under a head that the peer has or will have first, and the checkpoint that has to go before it, if one has to.
    pub fn announce(&mut self, log: &Log, appended: &Appended) -> Result<(Appended, Option<Control>), LogError> {
        let size = appended.head.signed().checkpoint().size;
        if self.sizes.binary_search(&size).is_ok() {
            return Ok((appended.clone(), None));
        }
        if size < self.newest {
            let again = log.prove(appended.committed.place().index, &log.head())?;
            return self.announce(log, &again);
        }
        let checkpoint = self.checkpoint(log, &appended.head, appended.head.signed())?;
        Ok((appended.clone(), Some(checkpoint)))
    }

    /// The size of the newest head that the peer has or will have.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The checkpoint with which the peer gets to know a head, or more cosignatures of one that it knows.
    pub fn checkpoint(&mut self, log: &Log, head: &SignedHead, note: &SignedCheckpoint) -> Result<Control, LogError> {
        let size = head.signed().checkpoint().size;
        let grows = size > self.newest;
        let consistency = if grows { log.consistency(self.newest, head)? } else { Vec::new() };
        let checkpoint = Control::Checkpoint {
            note: NoteBytes::new(note.note_bytes()).ok_or(LogError::Closed)?,
            consistency: Hashes::new(consistency).ok_or(LogError::Closed)?,
        };
        if grows {
            self.newest = size;
            self.sizes.push_back(size);
            if self.sizes.len() > RECENT_ROOTS {
                self.sizes.pop_front();
            }
        }
        Ok(checkpoint)
    }
}

/// Ends a connection and says why. What the peer broke is counted.
fn end(connection: &Connection, local: &Local, peer: &Peer, error: &SessionError) {
    if let Some(why) = error.name() {
        local.metrics.count("creditbay_sessions_broken_total", &[("peer", peer.region.as_str()), ("why", why)]);
    }
    connection.close(VarInt::from_u32(1), error.to_string().as_bytes());
}

/// Hello and link in both directions. What the peer says comes by `hearing`, once it began to speak.
pub async fn greet<R: AsyncRead + Unpin>(
    local: &Local,
    peer: &Peer,
    speaking: &mut (impl AsyncWrite + Unpin),
    hearing: impl Future<Output = Result<R, SessionError>>,
) -> Result<(Greeted, R), SessionError> {
    let head = local.log.head();
    let seen = local.log.seen().newest(&peer.log);
    // A log that was not heard of yet must show that it goes on from the one that was.
    let before = if seen.is_none() { local.log.kept_before(&peer.log) } else { None };
    let must_succeed = seen.is_none() && predecessor(&peer.log).is_some();
    let from = seen.as_ref().map_or(0, |(size, _)| *size);
    let hello = Hello {
        version: PROTOCOL_VERSION,
        region: local.region,
        now: local.clock.now(),
        note: note_bytes(head.signed())?,
        seen: seen.or_else(|| before.clone().map(|(of, note)| (of.size, note))).and_then(|(_, note)| NoteBytes::new(note)),
    };
    speaking.write_all(&Control::Hello(hello).framed()).await.map_err(transport)?;
    let mut hearing = hearing.await?;
    let Control::Hello(theirs) = read_control(&mut hearing).await? else {
        return Err(SessionError::Control(ControlFault::NoHello));
    };
    if theirs.version != PROTOCOL_VERSION || theirs.region != peer.region {
        return Err(SessionError::Control(ControlFault::OtherHello));
    }
    local.clock.heard(peer.region, theirs.now);

    let shown = theirs.seen.as_ref().and_then(shown);
    let knows_us = shown.is_some_and(|shown| shown.origin == *local.log.origin());
    if !knows_us && let Some(succession) = local.log.succession(shown.as_ref(), &head)? {
        speaking.write_all(&framed(succession)?).await.map_err(transport)?;
    }
    let seen_of_us = theirs.seen.as_ref().filter(|_| knows_us || predecessor(local.log.origin()).is_none());
    let linked = link(local, seen_of_us, &head)?;
    let link = Control::Link { consistency: Hashes::new(linked).ok_or(SessionError::Control(ControlFault::OwnTooLong))? };
    speaking.write_all(&link.framed()).await.map_err(transport)?;
    if must_succeed {
        let Control::Succession { leaf, inclusion, consistency } = read_control(&mut hearing).await? else {
            return Err(SessionError::Control(ControlFault::NoSuccession));
        };
        let (leaf, inclusion, consistency) =
            (leaf.as_slice().to_vec(), inclusion.as_slice().to_vec(), consistency.as_slice().to_vec());
        let succession = Succession { leaf, inclusion, consistency };
        succeed(local, peer, &theirs.note, &succession, before.as_ref().map(|(of, _)| of))?;
    }
    let Control::Link { consistency } = read_control(&mut hearing).await? else {
        return Err(SessionError::Control(ControlFault::NoLink));
    };
    let heard = hear(local, peer, from, theirs.note.as_slice(), consistency.as_slice())?;
    let size = head.signed().checkpoint().size;
    Ok((Greeted { announced: Announced { newest: size, sizes: VecDeque::from([size]) }, heard }, hearing))
}

/// The message that shows what this log goes on from.
fn framed(succession: Succession) -> Result<Vec<u8>, SessionError> {
    let Succession { leaf, inclusion, consistency } = succession;
    match (NoteBytes::new(leaf), Hashes::new(inclusion), Hashes::new(consistency)) {
        (Some(leaf), Some(inclusion), Some(consistency)) => Ok(Control::Succession { leaf, inclusion, consistency }.framed()),
        _ => Err(SessionError::Control(ControlFault::OwnTooLong)),
    }
}

/// Takes the peer's checkpoints as they come; ends with what ended the control stream.
pub async fn read_checkpoints(
    mut control: impl AsyncRead + Unpin,
    heard: &AtomicU64,
    local: &Local,
    peer: &Peer,
) -> Result<(), SessionError> {
    loop {
        let Control::Checkpoint { note, consistency } = read_control(&mut control).await? else {
            return Err(SessionError::Control(ControlFault::OutOfTurn));
        };
        let from = heard.load(Ordering::Acquire);
        let now = hear(local, peer, from, note.as_slice(), consistency.as_slice())?;
        heard.fetch_max(now, Ordering::AcqRel);
    }
}

/// What the peer says that it has seen of this log: more than there is, or something else, means that this store was rolled back or copied.
fn link(local: &Local, seen: Option<&NoteBytes>, head: &SignedHead) -> Result<Vec<Digest>, SessionError> {
    let Some(seen) = seen else { return Ok(Vec::new()) };
    let Ok(seen) = SignedCheckpoint::verify(seen.as_slice(), local.log.origin(), &local.log_key) else {
        return Err(SessionError::Control(ControlFault::NotOurNote));
    };
    local.log.refuse_contradiction(&seen, &local.log_key)?;
    let seen = *seen.checkpoint();
    if seen.size == 0 || seen.size >= head.signed().checkpoint().size {
        return Ok(Vec::new());
    }
    Ok(local.log.consistency(seen.size, head)?)
}

/// What a note says, before anybody looked at its signature.
fn shown(note: &NoteBytes) -> Option<Checkpoint> {
    Checkpoint::parse(&Note::parse(note.as_slice()).ok()?.text).ok()
}

/// Holds a peer's log that was not heard of before against the log that it goes on from.
fn succeed(
    local: &Local,
    peer: &Peer,
    note: &NoteBytes,
    succession: &Succession,
    before: Option<&Checkpoint>,
) -> Result<(), SessionError> {
    let note = shown(note).filter(|note| note.origin == peer.log).ok_or(SessionError::Control(ControlFault::OtherLog))?;
    let decided = predecessor(&peer.log).and_then(|before| local.log.seen().decided(&before).copied());
    succession.check(&note, before, decided.as_ref()).map_err(|fault| {
        tracing::warn!(log = %peer.log, "ALARM {fault}; this log is not taken for the one that was known");
        local.metrics.count("creditbay_alarms_total", &[("log", &peer.log.to_string())]);
        SessionError::Chain(fault.to_string())
    })
}

/// Takes the peer's next note, whose proof begins at `from`; the size that was heard.
fn hear(local: &Local, peer: &Peer, from: u64, note: &[u8], consistency: &[Digest]) -> Result<u64, SessionError> {
    match local.log.seen().hear(&peer.log, from, note, consistency) {
        Some(Ok(root)) => Ok(root.size()),
        Some(Err(fault)) => {
            let labels = [("peer", peer.region.as_str()), ("fault", fault.kind())];
            local.metrics.count("creditbay_chain_faults_total", &labels);
            Err(SessionError::Chain(fault.to_string()))
        }
        None => Err(SessionError::Control(ControlFault::UnknownLog)),
    }
}

fn note_bytes(signed: &SignedCheckpoint) -> Result<NoteBytes, SessionError> {
    NoteBytes::new(signed.note_bytes()).ok_or(SessionError::Control(ControlFault::OwnTooLong))
}

fn transport(error: impl std::fmt::Display) -> SessionError {
    SessionError::Transport(error.to_string())
}

async fn read_control(stream: &mut (impl AsyncRead + Unpin)) -> Result<Control, SessionError> {
    let mut len = [0; 4];
    stream.read_exact(&mut len).await.map_err(transport)?;
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_CONTROL_BYTES {
        return Err(SessionError::Control(ControlFault::TooLong));
    }
    let mut message = vec![0; len];
    stream.read_exact(&mut message).await.map_err(transport)?;
    Control::parse(&message).map_err(|_| SessionError::Control(ControlFault::Unreadable))
}

/// Writes what waits to the control stream, until it ends or nobody is left to say anything.
pub async fn write_control(mut stream: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(message) = queue.recv().await {
        if stream.write_all(&message).await.is_err() {
            return;
        }
    }
}
