//! A peer that has a region's keys and no node: a log of leaves that it makes up, notes over whatever tree, and hellos, control messages and
//! frames written by hand. So it can lie in every way that the protocol has a check for.
//!
//! Not here: a peer that shares the daemon's rooms and breaks one rule (`hostile`).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::levels;
use creditbay_crypto::merkle::tree::{Frontier, Window, consistency, inclusion, root};
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::{PublicKey, SigningKey};
use creditbay_node::host::keys::read_signing_key;
use creditbay_node::quic::endpoint::{dial_config, listen};
use creditbay_node::quic::identity::Form;
use creditbay_protocol::answer::Answer;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::control::{Control, Hashes, Hello, NoteBytes};
use creditbay_protocol::frame::{Kind, Message};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::{BODY_BYTES, MAX_FRAME_BYTES, PROTOCOL_VERSION};
use creditbay_protocol::name::{Name, Origin, Region};
use creditbay_protocol::notice::{Notice, Noticed};
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::wire;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, ReadError, ReadToEndError, RecvStream, SendStream};

use super::foreign::read;
use super::network::Network;

/// A company that no register holds.
const UNKNOWN: &str = "91440106YL19999995";
/// How long a peer may take to close what it closes at once.
const WAIT: Duration = Duration::from_secs(20);

/// A region's keys, and a log that nobody keeps.
pub struct Forger {
    /// Which region it says it is.
    pub region: Region,
    /// The log that it says it has.
    pub origin: Origin,
    tls: SigningKey,
    signer: NoteSigner,
    leaves: Window,
    directory: Directory,
    pack: Digest,
}

/// What is said in a frame beside its message.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    /// The time of the leaf.
    pub time: Millis,
    /// The seed of the leaf.
    pub seed: [u8; 32],
    /// The log that it is said to stand in.
    pub origin: Origin,
    /// Its index there.
    pub index: u64,
    /// The size of the tree that proves it.
    pub size: u64,
}

impl Forger {
    /// With the keys of a region of this network, whose node does not run.
    pub fn of(network: &Network, region: &str) -> Result<Self> {
        let keys = network.folder().join(region).join("keys");
        let text = fs::read_to_string(network.folder().join("network.toml"))?;
        let directory = Directory::parse("network.toml", &text)?;
        let region = region.parse()?;
        let origin = directory.entry(region).context("a region of the directory")?.log_origin;
        let signer = NoteSigner::new(origin.to_string().parse()?, KeyKind::Ed25519, read_signing_key(&keys.join("log.pem"))?);
        let pack = RulePack::parse("pack", &fs::read_to_string(network.folder().join("rules/gba-2026.1.toml"))?)?.digest();
        let leaves = Window::from_frontier(&Frontier::empty());
        Ok(Self { region, origin, tls: read_signing_key(&keys.join("tls.pem"))?, signer, leaves, directory, pack })
    }

    /// The key that it proves in a handshake.
    pub fn tls(&self) -> &SigningKey {
        &self.tls
    }

    /// What the directory says of a region.
    pub fn entry(&self, region: &str) -> Result<&RegionEntry> {
        self.directory.entry(region.parse()?).with_context(|| format!("the directory has no region {region}"))
    }

    /// Leaves in its log.
    pub fn size(&self) -> u64 {
        self.leaves.size()
    }

    /// Adds a leaf; its index.
    pub fn push(&mut self, leaf: Digest) -> u64 {
        self.leaves.push(leaf);
        self.leaves.size() - 1
    }

    /// Adds leaves of nothing; those of another `salt` make another history.
    pub fn fill(mut self, count: u64, salt: u8) -> Self {
        (0..count).for_each(|leaf| self.leaves.push(Digest::of(&[&[salt], leaf.to_le_bytes().as_slice()].concat())));
        self
    }

    /// Its checkpoint over the first `size` leaves.
    pub fn head(&self, size: u64) -> Result<Checkpoint> {
        Ok(Checkpoint { origin: self.origin, size, root: root(size, &self.leaves)? })
    }

    /// A checkpoint, signed by its log's key.
    pub fn sign(&self, checkpoint: Checkpoint) -> Result<NoteBytes> {
        NoteBytes::new(checkpoint.sign(&self.signer)?.note_bytes()).context("a note is short enough")
    }

    /// The hello that it would say if it were honest, over all of its leaves.
    pub fn hello(&self) -> Result<Hello> {
        let note = self.sign(self.head(self.size())?)?;
        Ok(Hello { version: PROTOCOL_VERSION, region: self.region, now: now(), note, seen: None })
    }

    /// The link from a size that the other side has seen.
    pub fn link(&self, from: u64) -> Result<Control> {
        Ok(Control::Link { consistency: self.consistency(from, self.size())? })
    }

    /// The checkpoint of all its leaves, after one of `from`.
    pub fn checkpoint(&self, from: u64) -> Result<Control> {
        let consistency = self.consistency(from, self.size())?;
        Ok(Control::Checkpoint { note: self.sign(self.head(self.size())?)?, consistency })
    }

    fn consistency(&self, from: u64, to: u64) -> Result<Hashes> {
        let proof = if from == 0 || from >= to { Vec::new() } else { consistency(from, to, &self.leaves)? };
        Hashes::new(proof).context("a proof is short enough")
    }

    /// A query to `issuer` that all rules admit.
    pub fn query(&self, issuer: &str) -> Result<Query> {
        Ok(Query {
            asker: self.region,
            issuer: issuer.parse()?,
            organisation: Name::new(&format!("bank.{}", self.region))?,
            operator: Name::new("a.chan")?,
            purpose: Purpose::Fin,
            subject: Subject::Entity(Identifier::parse(Scheme::Uscc, UNKNOWN)?),
            predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }])
                .context("one predicate is few enough")?,
            lane: Lane::Public,
            legal_basis: LegalBasis::CnPub,
            pack: self.pack,
            expires: now().plus(30_000),
            digest: None,
            authorisation: None,
            portfolio: None,
        })
    }

    /// Logs a query; what its frame says once the log's next checkpoint is known.
    pub fn log(&mut self, query: &Query, time: Millis) -> Said {
        let seed = self.seed();
        let leaf = Leaf::new(time, LeafBody::of_query(query, &Seed::from_bytes(seed))).hash();
        self.said(leaf, time, seed)
    }

    /// Logs a notice of an erasure.
    pub fn log_notice(&mut self, notice: &Notice, time: Millis) -> Said {
        let seed = self.seed();
        let leaf = Noticed::new(notice.clone(), Seed::from_bytes(seed)).leaf(time).hash();
        self.said(leaf, time, seed)
    }

    /// Logs an answer of its own.
    pub fn log_answer(&mut self, query: &Query, answer: &Answer, time: Millis) -> Said {
        let seed = self.seed();
        let leaf = Leaf::new(time, LeafBody::of_answer(query, answer, &Seed::from_bytes(seed))).hash();
        self.said(leaf, time, seed)
    }

    fn seed(&self) -> [u8; 32] {
        Digest::of(&[b"seed".as_slice(), &self.size().to_le_bytes()].concat()).0
    }

    fn said(&mut self, leaf: Digest, time: Millis, seed: [u8; 32]) -> Said {
        let index = self.push(leaf);
        Said { time, seed, origin: self.origin, index, size: self.size() }
    }

    /// The frame of a message, with the path that its log has for that index, whatever stands there.
    pub fn frame<M: Message>(&self, message: &M, said: &Said) -> Result<Vec<u8>> {
        let path = inclusion(said.index, said.size, &self.leaves)?;
        Ok(frame(message, said, &path))
    }
}

/// The frame of a message under a path of the caller's.
pub fn frame<M: Message>(message: &M, said: &Said, path: &[Digest]) -> Vec<u8> {
    let body = wire::encode(&(said.time, said.seed, said.origin, said.index, said.size, message));
    let slots = levels(said.size);
    let mut frame = PROTOCOL_VERSION.to_le_bytes().to_vec();
    frame.extend([slots as u8, u8::from(M::KIND == Kind::Erasure)]);
    frame.extend((body.len() as u32).to_le_bytes());
    let (head, padded) = (frame.len(), frame.len() + BODY_BYTES);
    frame.extend(body);
    frame.resize(padded, 0);
    path.iter().for_each(|hash| frame.extend(hash.0));
    frame.resize(head + BODY_BYTES + 32 * slots as usize, 0);
    frame
}

/// What the clock says.
pub fn now() -> Millis {
    Millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
}

/// A connection with its control streams, on which nothing is said that the caller does not say.
pub struct Line {
    _endpoint: Endpoint,
    /// The connection.
    pub connection: Connection,
    speaking: SendStream,
    hearing: Option<RecvStream>,
}

impl Line {
    /// Dials with a raw public key, as nodes do, and from a port of its own.
    pub async fn dial(address: SocketAddr, key: &SigningKey, server: PublicKey) -> Result<Self> {
        let endpoint = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), key, [server], Form::RawPublicKey)?;
        Self::through(endpoint, address, dial_config(key, server, Form::RawPublicKey)?).await
    }

    /// Dials from an endpoint.
    pub async fn through(endpoint: Endpoint, address: SocketAddr, config: ClientConfig) -> Result<Self> {
        let connection = endpoint.connect_with(config, address, "creditbay")?.await?;
        let speaking = connection.open_uni().await?;
        Ok(Self { _endpoint: endpoint, connection, speaking, hearing: None })
    }

    /// Dials a region as `forger` and greets it honestly, from the size that it has seen.
    pub async fn greeted(forger: &Forger, region: &str, seen: u64) -> Result<Self> {
        let entry = forger.entry(region)?;
        let mut line = Self::dial(entry.address, &forger.tls, entry.tls).await?;
        line.say(&Control::Hello(forger.hello()?)).await?;
        line.say(&forger.link(seen)?).await?;
        line.hear().await.context("no hello")?;
        line.hear().await.context("no link")?;
        Ok(line)
    }

    /// Says a control message.
    pub async fn say(&mut self, control: &Control) -> Result<()> {
        self.say_bytes(&control.framed()).await
    }

    /// Says any bytes on the control stream.
    pub async fn say_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.speaking.write_all(bytes).await?)
    }

    /// Ends the control stream.
    pub fn fall_silent(&mut self) -> Result<()> {
        Ok(self.speaking.finish()?)
    }

    /// The next control message of the other side.
    pub async fn hear(&mut self) -> Result<Control> {
        if self.hearing.is_none() {
            self.hearing = Some(self.connection.accept_uni().await?);
        }
        read(self.hearing.as_mut().context("set above")?).await
    }

    /// Sends a frame on a stream of its own: the reply, or the fault with which the stream was closed.
    pub async fn send(&self, frame: &[u8]) -> Result<Result<Vec<u8>, Fault>> {
        let (mut send, mut recv) = self.connection.open_bi().await?;
        // Whoever refuses early stops reading; the fault is in the answer.
        if send.write_all(frame).await.is_ok() {
            let _ = send.finish();
        }
        answer(&mut recv).await
    }

    /// How the other side ended the connection: its code, and its words.
    pub async fn ended(&self) -> Result<(u64, String)> {
        match tokio::time::timeout(WAIT, self.connection.closed()).await.context("the connection stays open")? {
            ConnectionError::ApplicationClosed(closed) => {
                Ok((closed.error_code.into_inner(), String::from_utf8_lossy(&closed.reason).into_owned()))
            }
            other => anyhow::bail!("ended otherwise: {other}"),
        }
    }
}

/// The reply on a stream, or the fault with which it was closed.
pub async fn answer(recv: &mut RecvStream) -> Result<Result<Vec<u8>, Fault>> {
    match recv.read_to_end(MAX_FRAME_BYTES).await {
        Ok(reply) => Ok(Ok(reply)),
        Err(ReadToEndError::Read(ReadError::Reset(code))) => {
            let code = u8::try_from(code.into_inner())?;
            Ok(Err(Fault::from_code(code).with_context(|| format!("no fault has the code {code}"))?))
        }
        Err(error) => Err(error.into()),
    }
}
