//! A city's machine, and the process of its node: started from what is durable, stopped like a process that is killed.
//!
//! A node is put together as `node::node` does it, with a simulated clock, chance, disk and network. Not here: connections (`wire`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_node::errands::take_up;
use creditbay_node::exchange::Exchange;
use creditbay_node::exchange::erasures::Erasures;
use creditbay_node::exchange::replay::Replay;
use creditbay_node::host::clock::Clock;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::host::telemetry::Metrics;
use creditbay_node::log::append::{BATCH, Item, Writer};
use creditbay_node::log::erase::Eraser;
use creditbay_node::log::recover::{OpenQuery, Parts, Recovered, recover};
use creditbay_node::log::seals::Seals;
use creditbay_node::log::seen::{Followed, Seen};
use creditbay_node::log::trust::Trust;
use creditbay_node::log::witness::Witness;
use creditbay_node::policy::budget::RefusalBudget;
use creditbay_node::policy::ledger::Ledger;
use creditbay_node::policy::orders::Orders;
use creditbay_node::policy::tags::Tags;
use creditbay_node::quic::session::Local;
use creditbay_node::store::Store;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::records::Records;
use creditbay_node::witness::heads::Heads;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Region;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::bay::{Bay, lock};
use super::disk::Disk;
use super::gate::Gate;
use super::ground::{Ground, key};
use super::machine::Machine;
use super::mutant::Mutant;
use super::story::{Promise, Story};
use super::wire::Wire;

/// How long a node listens for its peers before its first signature.
const PEER_WAIT: Duration = Duration::from_secs(2);
/// How long a query lives.
const QUERY_LIFETIME_MS: u64 = 30_000;
/// Refusals that a peer gets a minute.
const REFUSALS: u32 = 6;

/// A machine with a disk, a clock, and at times a node.
pub(crate) struct City {
    /// Whose.
    pub(crate) region: Region,
    /// The clock.
    pub(crate) machine: Arc<Machine>,
    /// How long a flush may take, milliseconds.
    pub(crate) slow: AtomicU64,
    /// How many editions of the pack the operator has installed.
    pub(crate) editions: AtomicU64,
    keys: tempfile::TempDir,
    durable: Mutex<InMemory>,
    /// The witness's store.
    apart: InMemory,
    process: Mutex<Option<Arc<Process>>>,
}

/// A running node.
pub(crate) struct Process {
    /// The exchange.
    pub(crate) exchange: Arc<Exchange>,
    /// What its connections need.
    pub(crate) local: Arc<Local>,
    /// Open once it answers and asks.
    pub(crate) serving: Gate,
    /// Open once it was killed.
    pub(crate) ended: Gate,
    story: Arc<Story>,
    tasks: Mutex<JoinSet<()>>,
}

/// What a start puts together beside the process.
struct Started {
    process: Arc<Process>,
    writer: Writer,
    queue: mpsc::Receiver<Item>,
    unanswered: Vec<OpenQuery>,
}

impl Process {
    /// Runs something until it ends or the process is killed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while let Some(ended) = tasks.try_join_next() {
            if ended.is_err_and(|error| error.is_panic()) {
                self.story.broken(Promise::Sound, format_args!("{}: a task panicked", self.local.region));
            }
        }
        tasks.spawn(task);
    }
}

impl City {
    /// A machine that was never started.
    pub(crate) fn new(region: Region, ground: &Ground, machine: Arc<Machine>, keys: tempfile::TempDir, editions: u64) -> Self {
        Self {
            region,
            machine,
            slow: AtomicU64::new(0),
            editions: AtomicU64::new(editions),
            keys,
            durable: Mutex::new(ground.store(region)),
            apart: InMemory::new(),
            process: Mutex::default(),
        }
    }

    /// The node, if it runs.
    pub(crate) fn process(&self) -> Option<Arc<Process>> {
        lock(&self.process).clone()
    }

    /// What is durable.
    pub(crate) fn durable(&self) -> InMemory {
        lock(&self.durable).clone()
    }

    /// The folder of the keys that seal openings.
    pub(crate) fn keys(&self) -> &std::path::Path {
        self.keys.path()
    }

    /// Kills the node: what was durable stays, everything else is gone, a write that was to fail with it.
    pub(crate) fn kill(&self) -> bool {
        let process = lock(&self.process).take();
        if let Some(process) = &process {
            process.ended.open();
            lock(&process.tasks).abort_all();
        }
        let mut durable = lock(&self.durable);
        *durable = durable.reopen();
        process.is_some()
    }

    /// Starts the node; it serves once it has heard its peers and taken up what was open.
    pub(crate) fn start(&self, bay: &Arc<Bay>) -> Result<()> {
        self.machine.boot();
        if bay.mutant == Some(Mutant::LosesTheTail) {
            self.lose_the_tail(bay);
        }
        bay.model.look(self.region, &self.durable(), true);
        let Started { process, writer, queue, unanswered } = self.put_together(bay)?;
        *lock(&self.process) = Some(process.clone());
        let (bay, region) = (bay.clone(), self.region);
        let beginning = process.clone();
        process.spawn(async move { begin(&bay, region, &beginning, writer, queue, unanswered).await });
        Ok(())
    }

    fn put_together(&self, bay: &Arc<Bay>) -> Result<Started> {
        let (ground, mutant) = (bay.ground, bay.mutant);
        let own = ground.directory.entry(self.region).context("no entry")?.clone();
        let (clock, metrics) = (Arc::new(self.machine.clock()), Arc::new(Metrics::default()));
        let entropy = Arc::new(Entropy::seeded(bay.chance.number()));
        let store: Arc<dyn Store> = self.disk(bay);
        let seen = Arc::new(self.seen(ground, &*store, &clock, &metrics)?);
        let seals = Arc::new(Seals::new(EpochKeys::in_folder(self.keys())?)?);
        let signer = |role, name: &str, kind| -> Result<NoteSigner> {
            Ok(NoteSigner::new(name.parse().context("a name")?, kind, key(self.region, role)))
        };
        let believed =
            if mutant == Some(Mutant::BelievesAnyClock) { Arc::new(self.machine.credulous_clock()) } else { clock.clone() };
        let Recovered { log, mut writer, queue } = recover(Parts {
            store: store.clone(),
            origin: own.log_origin,
            signer: signer("log", &own.log_origin.to_string(), KeyKind::Ed25519)?,
            seals: seals.clone(),
            clock: believed,
            entropy: entropy.clone(),
            metrics: metrics.clone(),
            seen,
            reserve: None,
        })?;
        let unanswered = if mutant == Some(Mutant::LeavesQueriesOpen) { Vec::new() } else { writer.unanswered()? };
        let replay = Replay::default();
        if mutant != Some(Mutant::ForgetsReplayKeys) {
            replay.recover(&log, &seals)?;
        }
        let empty: Arc<dyn Store> = Arc::new(InMemory::new());
        let spent = if mutant == Some(Mutant::ForgetsWhatWasSpent) { empty.clone() } else { store.clone() };
        let ordered = if mutant == Some(Mutant::ForgetsOrders) { &*empty } else { &*store };
        let editions = self.editions.load(Ordering::Acquire) as usize;
        let packs = ground.packs.iter().take(editions).cloned().collect();
        let local =
            Local { region: self.region, log: log.clone(), log_key: own.log, clock: clock.clone(), metrics: metrics.clone() };
        let heads = Arc::new(Heads::new(Vec::new(), log.head()));
        let erasures = Erasures::new(Eraser::new(store.clone(), seals.clone(), entropy.clone()));
        let exchange = Exchange {
            me: self.region,
            heads,
            erasures,
            withholding: tokio::sync::Mutex::default(),
            directory: ground.directory.clone(),
            orders: Orders::recover(ordered, packs, clock.now())?,
            ledger: Ledger::new(spent, Tags::new(EpochKeys::of(self.keys(), "budgets")?, entropy.clone())),
            log,
            seals,
            witness: Witness::new(signer("witness", &format!("{}.creditbay/witness", self.region), KeyKind::CosignatureV1)?),
            records: Arc::new(Records::open(store, ground.record_keys(), entropy.clone())?),
            replay,
            refusals: RefusalBudget::new(REFUSALS),
            network: Arc::new(Wire { bay: Arc::downgrade(bay), me: self.region }),
            clock,
            entropy,
            metrics,
            query_lifetime_ms: QUERY_LIFETIME_MS,
        };
        let process = Process {
            exchange: Arc::new(exchange),
            local: Arc::new(local),
            serving: Gate::default(),
            ended: Gate::default(),
            story: bay.story.clone(),
            tasks: Mutex::default(),
        };
        Ok(Started { process: Arc::new(process), writer, queue, unanswered })
    }

    /// What was seen of the peers' logs; the witness's store lies apart.
    fn seen(&self, ground: &Ground, store: &dyn Store, clock: &Arc<Clock>, metrics: &Arc<Metrics>) -> Result<Seen> {
        let regions = ground.directory.regions();
        let apart: Arc<dyn Store> = Arc::new(self.apart.clone());
        let trust = Trust::recover(apart, regions.iter().map(|entry| entry.log_origin), clock.clone(), metrics.clone())?;
        let others = regions.iter().filter(|entry| entry.name != self.region);
        let peers: Vec<_> = others.map(|entry| Followed { origin: entry.log_origin, log: entry.log.clone() }).collect();
        let witnesses = regions.iter().map(|entry| entry.witness.clone()).collect();
        Ok(Seen::recover(store, &peers, witnesses, Arc::new(trust), clock.clone())?)
    }

    fn disk(&self, bay: &Arc<Bay>) -> Arc<Disk> {
        let (model, region) = (bay.model.clone(), self.region);
        let watcher = Box::new(move |durable: &InMemory| model.look(region, durable, false));
        let durable = self.durable();
        Arc::new(match bay.mutant {
            Some(Mutant::ReleasesBeforeDurable) => Disk::lying(durable, watcher),
            _ => Disk::honest(durable, watcher),
        })
    }

    /// Puts back what was durable at the start before this one, if the log was the same then.
    fn lose_the_tail(&self, bay: &Arc<Bay>) {
        let mut durable = lock(&self.durable);
        let mut copies = lock(&bay.copies);
        if let Some(before) = copies.insert(self.region, durable.reopen()) {
            *durable = before;
        }
    }
}

/// The order of a start: the peers first, then the writer, the pack in force, and what was open.
async fn begin(
    bay: &Arc<Bay>,
    region: Region,
    process: &Arc<Process>,
    mut writer: Writer,
    queue: mpsc::Receiver<Item>,
    unanswered: Vec<OpenQuery>,
) {
    let _ = tokio::time::timeout(PEER_WAIT, bay.all_links(region)).await;
    let exchange = &process.exchange;
    if let Err(error) = exchange.log.running() {
        return bay.story.broken(Promise::Sound, format_args!("{region}: an honest node does not start: {error}"));
    }
    if let Err(error) = writer.begin() {
        return bay.story.tell("not begun", format_args!("{region}: {error}"));
    }
    process.spawn(write(bay.clone(), region, writer, queue));
    if let Err(error) = exchange.orders.in_force(&exchange.log, exchange.clock.now()).await.map(drop) {
        return bay.story.tell("not begun", format_args!("{region}: {error}"));
    }
    bay.story.tell("serving", region);
    process.serving.open();
    process.spawn(take_up(exchange.clone(), unanswered));
    let reporting = exchange.clone();
    process.spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
            reporting.report_turned_away().await;
        }
    });
}

/// The writer as a task, on a disk that takes its time.
async fn write(bay: Arc<Bay>, region: Region, mut writer: Writer, mut queue: mpsc::Receiver<Item>) {
    while let Some(first) = queue.recv().await {
        let mut items = vec![first];
        while items.len() < BATCH
            && let Ok(item) = queue.try_recv()
        {
            items.push(item);
        }
        let slow = bay.city(region).slow.load(Ordering::Acquire);
        if slow > 0 {
            tokio::time::sleep(Duration::from_millis(bay.chance.between(1, slow))).await;
        }
        writer.write(items);
    }
}

/// How far a machine's clock stands behind the last leaf of its log.
pub(crate) fn behind(last: Millis, wall: Millis) -> u64 {
    last.0.saturating_sub(wall.0)
}
