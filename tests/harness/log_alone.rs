//! A node's log alone, for benches: what the three commits of one exchange cost at rest, and its batches against a plain file.
//!
//! Not here: what is printed of it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::exchange::Exchange;
use creditbay_node::host::clock::Clock;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::host::telemetry::Metrics;
use creditbay_node::log::append::{Item, Writer};
use creditbay_node::log::entry::{Appended, Entry};
use creditbay_node::log::recover::{Parts, recover};
use creditbay_node::log::seals::Seals;
use creditbay_node::log::seen::Seen;
use creditbay_node::log::trust::Trust;
use creditbay_node::log::witness::Witness;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_node::store::{Batch, Durable, Pair, Store, StoreError, Tree};
use creditbay_protocol::answer::{Reply, Verdicts};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::chain::{Chain, TrustedRoot};
use creditbay_protocol::predicate::LawOfOrigin;
use creditbay_protocol::requester::{Asked, Replied, Verified};
use creditbay_protocol::responder::{Judged, Received};
use tokio::sync::oneshot;

use crate::questions::query;

const ROUNDS: usize = 60;
const BATCHES: usize = 60;
const BATCH: usize = 256;
const PACK: Digest = Digest([1; 32]);
/// Exchanges whose three parts share a batch.
const PART: usize = BATCH / 3;

/// The sum of the medians of the three commits, in microseconds: query, answer, receipt, one after the other with nothing else running.
/// All three go to one store: in an exchange, too, the other store stands still meanwhile.
pub async fn three_commits(exchange: &Exchange) -> Result<f64> {
    let own = exchange.directory.entry(exchange.me).context("a node is in its directory")?;
    let mut micros = [Vec::new(), Vec::new(), Vec::new()];
    let pack = exchange.orders.read().await.pack().digest();
    for _ in 0..ROUNDS {
        let asked = Arc::new(Asked::new(query(own.name, own.name, pack, &exchange.clock), exchange.entropy.seed()));
        let began = Instant::now();
        let query = exchange.log.append(Entry::Query(asked.clone())).await?;
        micros[0].push(began.elapsed().as_micros() as u64);

        let judged = judge(own, &asked, &query, &trust(&query, own, &exchange.clock)?, exchange.entropy.seed())?;
        let began = Instant::now();
        let answer = exchange.log.append(Entry::Answer(judged.clone())).await?;
        micros[1].push(began.elapsed().as_micros() as u64);

        let root = trust(&answer, own, &exchange.clock)?;
        let verified = receive(own, &asked, &query, &judged, &answer, &root)?;
        let note = exchange.witness.cosign(&root)?;
        let began = Instant::now();
        exchange.log.keep_receipt(query.committed.place().index, verified, note).await?;
        micros[2].push(began.elapsed().as_micros() as u64);
    }
    let medians = micros.map(|mut micros| {
        micros.sort_unstable();
        micros[micros.len() / 2] as f64
    });
    Ok(medians.iter().sum())
}

/// The answer to a query of this log, by the same node.
fn judge(own: &RegionEntry, asked: &Asked, query: &Appended, root: &TrustedRoot, seed: Seed) -> Result<Arc<Judged>> {
    let fresh = Received::parse(&asked.release(&query.committed)?)
        .and_then(|query| query.identify(own.name, own.name, &own.log_origin))
        .and_then(|query| query.include(root))
        .and_then(|received| received.fresh(query.committed.time(), Millis(0)))
        .map_err(|fault| anyhow::anyhow!("{fault}"))?;
    Ok(Arc::new(fresh.judge(said(asked), seed)))
}

fn receive(
    own: &RegionEntry,
    asked: &Asked,
    query: &Appended,
    judged: &Judged,
    answer: &Appended,
    root: &TrustedRoot,
) -> Result<Arc<Verified>> {
    Replied::parse(&judged.release(&answer.committed)?)
        .and_then(|reply| reply.attribute(asked, query.committed.leaf(), &own.log_origin))
        .and_then(|reply| reply.include(asked, root))
        .map(Arc::new)
        .map_err(|fault| anyhow::anyhow!("{fault}"))
}

fn said(asked: &Asked) -> Reply {
    let day = "2026-11-23".parse().expect("invariant: a date");
    let verdict = creditbay_protocol::answer::Verdict {
        truth: creditbay_protocol::answer::Truth::True,
        band: None,
        contested: false,
        valid_until: day,
        coverage: 0,
    };
    let verdicts = vec![verdict; asked.query().predicates.as_slice().len()];
    Reply::Answered(Verdicts { verdicts, coverage: Vec::new(), law_of_origin: LawOfOrigin::Cn, as_of: day })
}

fn trust(appended: &Appended, own: &RegionEntry, clock: &Clock) -> Result<TrustedRoot> {
    let note = appended.head.signed().note_bytes();
    Ok(Chain::unseen(own.log_origin, own.log.clone()).advance(&note, &[], clock.now())?)
}

/// The store, which keeps a copy of the last batch for the plain file, and how long it took.
struct Copied {
    store: OnDisk,
    last: Mutex<(Vec<u8>, u128)>,
}

impl Store for Copied {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(tree, key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.store.range(tree, from, to, limit)
    }

    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.store.last(tree, from, to)
    }

    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.0.clear();
        for (key, value) in batch.writes() {
            last.0.extend_from_slice(key);
            last.0.extend_from_slice(value);
        }
        let began = Instant::now();
        let durable = self.store.commit(tree, batch);
        last.1 = began.elapsed().as_micros();
        durable
    }
}

/// What batches cost, medians in microseconds.
pub struct Batches {
    /// Items of a batch.
    pub items: usize,
    /// Bytes of keys and values of a batch, the mean.
    pub bytes: usize,
    /// The log's writer.
    pub log_us: u128,
    /// The store's part of it.
    pub store_us: u128,
    /// The same bytes appended to a plain file, with fdatasync.
    pub file_us: u128,
}

/// A log of its own with what its batches are made of.
pub struct Alone {
    writer: Writer,
    store: Arc<Copied>,
    own: RegionEntry,
    clock: Arc<Clock>,
    entropy: Arc<Entropy>,
    witness: Witness,
    asked: Vec<(Arc<Asked>, Appended)>,
    answered: Vec<(Arc<Asked>, Appended, Arc<Judged>, Appended)>,
}

impl Alone {
    fn open(folder: &Path) -> Result<Self> {
        let network = folder.join("network.toml");
        let directory = Directory::parse("network.toml", &std::fs::read_to_string(network)?)?;
        Self::of(directory.entry("gz".parse()?).context("no gz")?.clone(), folder)
    }

    /// The same in a folder without a network, opened as often as one likes.
    pub fn open_for_growth(folder: &Path) -> Result<Self> {
        let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/samples/network/network.toml");
        let directory = Directory::parse("network.toml", &std::fs::read_to_string(network)?)?;
        Self::of(directory.entry("gz".parse()?).context("no gz")?.clone(), folder)
    }

    /// Leaves in it.
    pub fn size(&self) -> u64 {
        self.writer.size()
    }

    fn of(mut own: RegionEntry, folder: &Path) -> Result<Self> {
        let key = |number| SigningKey::from_seed(Seed::from_bytes([number; 32]));
        let (clock, entropy, metrics) = (Arc::new(Clock::host()), Arc::new(Entropy::system()), Arc::new(Metrics::default()));
        let store = Arc::new(Copied { store: OnDisk::open(&folder.join("log-alone/store"), 32)?, last: Mutex::default() });
        let signer = NoteSigner::new(own.log.name().clone(), KeyKind::Ed25519, key(3));
        own.log = signer.verifier().clone();
        let trust = Arc::new(Trust::recover(store.clone(), None, [], clock.clone(), metrics.clone())?);
        let parts = Parts {
            store: store.clone(),
            origin: own.log_origin,
            signer,
            seals: Arc::new(Seals::new(EpochKeys::in_folder(&folder.join("log-alone/keys"))?)?),
            clock: clock.clone(),
            entropy: entropy.clone(),
            metrics: metrics.clone(),
            seen: Arc::new(Seen::recover(&*store, &[], Vec::new(), trust, clock.clone())?),
            reserve: None,
        };
        let writer = recover(parts)?.writer;
        let witness = Witness::new(NoteSigner::new(own.witness.name().clone(), KeyKind::CosignatureV1, key(4)));
        Ok(Self { writer, store, own, clock, entropy, witness, asked: Vec::new(), answered: Vec::new() })
    }

    /// Writes one batch: new queries, answers to the last batch's queries, receipts for its answers. Returns the microseconds.
    pub fn write(&mut self) -> Result<u128> {
        let (mut items, mut queries, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        if let Some((.., last)) = self.answered.first() {
            let root = trust(last, &self.own, &self.clock)?;
            let note = self.witness.cosign(&root)?;
            for (asked, query, judged, answer) in self.answered.drain(..) {
                let verified = receive(&self.own, &asked, &query, &judged, &answer, &root)?;
                let done = oneshot::channel().0;
                items.push(Item::Receipt { query: query.committed.place().index, verified, note: note.clone(), done });
            }
        }
        if let Some((_, last)) = self.asked.first() {
            let root = trust(last, &self.own, &self.clock)?;
            for (asked, query) in self.asked.drain(..) {
                let judged = judge(&self.own, &asked, &query, &root, self.entropy.seed())?;
                let (done, wait) = oneshot::channel();
                items.push(Item::Leaf { entry: Entry::Answer(judged.clone()), spendings: Vec::new(), done });
                answers.push((asked, query, judged, wait));
            }
        }
        for _ in 0..PART {
            let asked = Arc::new(Asked::new(query(self.own.name, self.own.name, PACK, &self.clock), self.entropy.seed()));
            let (done, wait) = oneshot::channel();
            items.push(Item::Leaf { entry: Entry::Query(asked.clone()), spendings: Vec::new(), done });
            queries.push((asked, wait));
        }
        let began = Instant::now();
        self.writer.write(items);
        let elapsed = began.elapsed().as_micros();
        for (asked, wait) in queries {
            self.asked.push((asked, wait.blocking_recv()??));
        }
        for (asked, query, judged, wait) in answers {
            self.answered.push((asked, query, judged, wait.blocking_recv()??));
        }
        Ok(elapsed)
    }
}

/// Batches of 256 with everything that exchanges store (a third each queries, answers and receipts) against the same bytes appended to a
/// plain file with fdatasync; interleaved, so that both meet the same noise.
pub fn against_a_file(folder: &Path) -> Result<Batches> {
    let mut log = Alone::open(folder)?;
    let mut file = File::create(folder.join("log-alone/plain"))?;
    for _ in 0..3 {
        log.write()?;
    }
    let (mut log_us, mut store_us, mut file_us, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..BATCHES {
        log_us.push(log.write()?);
        let last = log.store.last.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        file.write_all(&last.0)?;
        file.sync_data()?;
        file_us.push(began.elapsed().as_micros());
        store_us.push(last.1);
        bytes += last.0.len();
    }
    let (log_us, store_us, file_us) = (median(log_us), median(store_us), median(file_us));
    Ok(Batches { items: 3 * PART, bytes: bytes / BATCHES, log_us, store_us, file_us })
}

fn median(mut micros: Vec<u128>) -> u128 {
    micros.sort_unstable();
    micros[micros.len() / 2]
}
