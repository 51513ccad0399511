//! A log and a witness that are nobody's peers: they speak C2SP tlog-witness and nothing else of ours.
//!
//! The witness is the smallest HTTP/1.1 server; it remembers what it cosigned in memory, and shows it to whoever asks. Not here: tools from other hands.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::tree::{Frontier, Window, consistency, root};
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::witness::{Submission, Tree, WitnessFault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

fn signer(name: &str, kind: KeyKind, seed: u8) -> Result<NoteSigner> {
    Ok(NoteSigner::new(name.parse()?, kind, SigningKey::from_seed(Seed::from_bytes([seed; 32]))))
}

/// A log of 256 leaves, any size of which can be submitted.
pub struct ForeignLog {
    signer: NoteSigner,
    nodes: Window,
}

impl ForeignLog {
    /// A log with this origin; logs of other `leaves` have other trees under the same key.
    pub fn new(origin: &str, leaves: u8) -> Result<Self> {
        let mut nodes = Window::from_frontier(&Frontier::empty());
        (0..=u8::MAX).for_each(|leaf| nodes.push(Digest::of(&[leaves, leaf])));
        Ok(Self { signer: signer(origin, KeyKind::Ed25519, 0x21)?, nodes })
    }

    /// Its key.
    pub fn vkey(&self) -> &NoteVerifier {
        self.signer.verifier()
    }

    /// The checkpoint's text at a size.
    pub fn text(&self, size: u64) -> Result<String> {
        Ok(format!("{}\n{size}\n{}\n", self.vkey().name(), root(size, &self.nodes)?.to_base64()))
    }

    /// The body of `add-checkpoint` from one size to another.
    pub fn submission(&self, old: u64, size: u64) -> Result<Vec<u8>> {
        let text = self.text(size)?;
        let note = Note { lines: vec![self.signer.sign(&text)?], text }.to_string().into_bytes();
        let proof = if old == 0 || old > size { Vec::new() } else { consistency(old, size, &self.nodes)? };
        Ok(Submission::new(old, proof, note).body())
    }
}

/// How a witness of the tests behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It cosigns as the specification says.
    Honest,
    /// It takes the request and says nothing.
    Silent,
    /// It answers without end.
    Endless,
    /// It answers with the cosignature of another text.
    Wrong,
}

/// A witness that runs until it is dropped.
pub struct ForeignWitness {
    vkey: NoteVerifier,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

struct State {
    signer: NoteSigner,
    log: NoteVerifier,
    latest: Mutex<(Tree, String)>,
    manner: Manner,
}

impl ForeignWitness {
    /// Serves one log.
    pub async fn start(name: &str, seed: u8, log: NoteVerifier, manner: Manner) -> Result<Self> {
        let signer = signer(name, KeyKind::CosignatureV1, seed)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (vkey, address) = (signer.verifier().clone(), listener.local_addr()?);
        let state = Arc::new(State { signer, log, latest: Mutex::new((Tree::empty(), String::new())), manner });
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move { state.serve(stream).await });
            }
        });
        Ok(Self { vkey, address, serving })
    }

    /// The section of node.toml that names it.
    pub fn section(&self) -> String {
        format!("[[witnesses]]\nvkey = \"{}\"\nurl = \"http://{}/w\"\n", self.vkey, self.address)
    }

    /// Its key.
    pub fn vkey(&self) -> &NoteVerifier {
        &self.vkey
    }
}

impl Drop for ForeignWitness {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    async fn serve(&self, mut stream: TcpStream) -> Result<()> {
        let mut buffer = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                    break at + 4;
                }
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0").trim();
            let total = end + length.parse::<usize>().context("a length")?;
            while buffer.len() < total {
                anyhow::ensure!(stream.read_buf(&mut buffer).await? > 0, "the request broke off");
            }
            let body: Vec<u8> = buffer.drain(..total).skip(end).collect();
            match self.manner {
                Manner::Silent => return std::future::pending().await,
                Manner::Endless => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
                    loop {
                        stream.write_all(&[b'a'; 4096]).await?;
                    }
                }
                Manner::Honest | Manner::Wrong => {
                    let shown = format!("get /w/{}/checkpoint ", Digest::of(self.log.name().as_str().as_bytes()));
                    let (status, answer) = if head.starts_with("post /w/add-checkpoint ") {
                        self.judge(&body)
                    } else if head.starts_with(&shown) {
                        (200, self.latest.lock().unwrap_or_else(PoisonError::into_inner).1.clone())
                    } else {
                        (404, String::new())
                    };
                    let reply = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
                    stream.write_all(reply.as_bytes()).await?;
                }
            }
        }
    }

    fn judge(&self, body: &[u8]) -> (u16, String) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cosign = || -> Result<String, WitnessFault> {
            let offered = Submission::parse(body)?.signed_by(&self.log)?;
            offered.follows(&latest.0)?;
            *latest = (*offered.tree(), offered.note().to_string());
            let text = if self.manner == Manner::Wrong { "another text\n" } else { &offered.note().text };
            Ok(format!("{}\n", self.signer.cosign(text, 1_795_406_400).map_err(WitnessFault::NotSigned)?))
        };
        let cosign = cosign();
        match cosign {
            Ok(line) => (200, line),
            Err(WitnessFault::Conflict { latest }) => (409, format!("{latest}\n")),
            Err(fault) => (fault.status(), fault.to_string()),
        }
    }
}
