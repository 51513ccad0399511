//! A city's machine, and the process of its node: started from what is durable, stopped like a process that is killed.
//!
//! A node is put together as `node::node` does it, with a simulated clock, chance, disk and network. Not here: connections (`wire`).

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::sign::PublicKey;
use creditbay_node::errands::{retain_each_day, send_notices, take_up};
use creditbay_node::exchange::Exchange;
use creditbay_node::exchange::closing::Closing;
use creditbay_node::exchange::erasures::Erasures;
use creditbay_node::exchange::replay::Replay;
use creditbay_node::host::clock::Clock;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::host::telemetry::Metrics;
use creditbay_node::log::append::{BATCH, Item, Writer};
use creditbay_node::log::erase::Eraser;
use creditbay_node::log::fault::LogError;
use creditbay_node::log::recover::{OpenQuery, Parts, Recovered, recover};
use creditbay_node::log::seals::Seals;
use creditbay_node::log::seen::{Followed, Seen};
use creditbay_node::log::succession::carry_over;
use creditbay_node::log::trust::Trust;
use creditbay_node::log::witness::Witness;
use creditbay_node::policy::budget::RefusalBudget;
use creditbay_node::policy::ledger::Ledger;
use creditbay_node::policy::orders::Orders;
use creditbay_node::policy::tags::Tags;
use creditbay_node::quic::session::Local;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::log as layout;
use creditbay_node::store::records::Records;
use creditbay_node::store::{Batch, Store, Tree, erasure};
use creditbay_node::witness::door::Door;
use creditbay_node::witness::heads::Heads;
use creditbay_node::witness::push::{self, Offering, Target};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::name::{Origin, Region};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::bay::{Bay, lock};
use super::cosign::ToWitness;
use super::disk::Disk;
use super::gate::Gate;
use super::ground::Ground;
use super::machine::Machine;
use super::mutant::Mutant;
use super::regions::{log_key, signed};
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
    /// Which directory the operator has installed.
    pub(crate) directory: AtomicUsize,
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
    /// The key of its connections.
    pub(crate) tls: PublicKey,
    /// Cosigns others' heads.
    pub(crate) door: Arc<Door>,
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
            directory: AtomicUsize::new(0),
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

    /// What its witness's store holds.
    pub(crate) fn witnessed(&self) -> InMemory {
        self.apart.clone()
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
        let directory = bay.directories.at(self.directory.load(Ordering::Acquire));
        let log = directory.entry(self.region).context("no entry")?.log_origin;
        self.open_log(bay, log)?;
        bay.model.started(self.region, &directory);
        match bay.mutant {
            Some(Mutant::LosesTheTail) => self.lose_the_tail(bay),
            Some(Mutant::KeepsKeys) => self.put_keys_back()?,
            Some(Mutant::ForgetsNotices) => self.forget_notices()?,
            Some(Mutant::ForgetsAlarms) => self.forget_alarms()?,
            _ => {}
        }
        bay.model.hold_alarms(self.region, &self.apart);
        bay.model.look(self.region, &self.durable(), true);
        let Started { process, writer, queue, unanswered } = self.put_together(bay, directory)?;
        *lock(&self.process) = Some(process.clone());
        let (bay, region) = (bay.clone(), self.region);
        let beginning = process.clone();
        process.spawn(async move { begin(&bay, region, &beginning, writer, queue, unanswered).await });
        Ok(())
    }

    /// Opens the store for this log, as the daemon does by the log's number.
    fn open_log(&self, bay: &Bay, log: Origin) -> Result<()> {
        let mut durable = lock(&self.durable);
        if layout::head(&*durable)?.is_some_and(|head| head.origin.number() < log.number()) {
            *durable = durable.for_next_log();
            bay.model.begins_next(self.region, log);
        }
        Ok(())
    }

    fn put_together(&self, bay: &Arc<Bay>, directory: Arc<EndorsedDirectory>) -> Result<Started> {
        let (ground, mutant) = (bay.ground, bay.mutant);
        let directory = match mutant {
            Some(Mutant::KeepsOldChannels) => Arc::new(with_first_channels(&directory, ground)?),
            _ => directory,
        };
        let own = directory.entry(self.region).context("no entry")?.clone();
        let (clock, metrics) = (Arc::new(self.machine.clock()), Arc::new(Metrics::default()));
        let entropy = Arc::new(Entropy::seeded(bay.chance.number()));
        let store: Arc<dyn Store> = self.disk(bay);
        if mutant != Some(Mutant::CarriesNothingOver) {
            carry_over(&*store, own.log_origin)?;
        }
        let seen = Arc::new(self.seen(&directory, mutant, &*store, &clock, &metrics)?);
        let seals = Arc::new(Seals::new(EpochKeys::in_folder(self.keys())?)?);
        let log_name = own.log_origin.to_string().parse().context("a name")?;
        let believed =
            if mutant == Some(Mutant::BelievesAnyClock) { Arc::new(self.machine.credulous_clock()) } else { clock.clone() };
        let Recovered { log, mut writer, queue } = recover(Parts {
            store: store.clone(),
            origin: own.log_origin,
            signer: NoteSigner::new(log_name, KeyKind::Ed25519, log_key(self.region, &own.log_origin)),
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
        let local = Local {
            region: self.region,
            log: log.clone(),
            log_key: own.log.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        };
        let erasures = Erasures::new(Eraser::new(store.clone(), seals.clone(), entropy.clone()));
        let others = || directory.regions().iter().filter(|entry| entry.name != self.region);
        let heads = Arc::new(Heads::new(others().map(|entry| entry.witness.clone()).collect(), log.head()));
        let cosigns = (own.witness.name().clone(), bay.directories.witness_key(&own));
        let witness = Witness::new(NoteSigner::new(cosigns.0, KeyKind::CosignatureV1, cosigns.1));
        let peers = others().map(|entry| (entry.log_origin, entry.log.clone()));
        let (cosigner, seen) = (witness.signer().clone(), log.seen().clone());
        let door = Arc::new(Door::recover(peers, [], cosigner, seen, clock.clone(), metrics.clone())?);
        let exchange = Exchange {
            me: self.region,
            heads,
            erasures,
            withholding: tokio::sync::Mutex::default(),
            closing: Closing::default(),
            directory: directory.clone(),
            orders: Orders::recover(ordered, packs, clock.now())?,
            ledger: Ledger::new(spent, Tags::new(EpochKeys::of(self.keys(), "budgets")?, entropy.clone())),
            log,
            seals,
            witness,
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
            tls: own.tls,
            door,
            serving: Gate::default(),
            ended: Gate::default(),
            story: bay.story.clone(),
            tasks: Mutex::default(),
        };
        Ok(Started { process: Arc::new(process), writer, queue, unanswered })
    }

    /// What was seen of the peers' logs; the witness's store lies apart.
    fn seen(
        &self,
        directory: &Directory,
        mutant: Option<Mutant>,
        store: &dyn Store,
        clock: &Arc<Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<Seen> {
        let regions = directory.regions();
        let apart: Arc<dyn Store> = match mutant {
            Some(Mutant::CosignsBeforeDurable) => Arc::new(Disk::lying(self.apart.clone(), Box::new(|_| {}))),
            _ => Arc::new(self.apart.clone()),
        };
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

    /// Puts back every key that was there at a start before this one, and keeps a copy of those that are there now.
    fn put_keys_back(&self) -> Result<()> {
        let (keys, copies) = (self.keys().join("openings"), self.keys().join("copies"));
        std::fs::create_dir_all(&keys)?;
        std::fs::create_dir_all(&copies)?;
        for (from, to) in [(&copies, &keys), (&keys, &copies)] {
            for file in std::fs::read_dir(from)? {
                let file = file?;
                if !to.join(file.file_name()).exists() {
                    std::fs::copy(file.path(), to.join(file.file_name()))?;
                }
            }
        }
        Ok(())
    }

    /// Removes every notice that waits.
    fn forget_notices(&self) -> Result<()> {
        let (durable, mut batch) = (self.durable(), Batch::default());
        erasure::outgoing(&durable, 0)?.into_iter().for_each(|(leaf, _)| erasure::remove_outgoing(&mut batch, leaf));
        Ok(durable.commit(Tree::Log, batch).map(drop)?)
    }

    /// Removes every case against others.
    fn forget_alarms(&self) -> Result<()> {
        let mut batch = Batch::default();
        let cases = self.apart.range(Tree::Witness, b"C", b"D", usize::MAX)?;
        cases.into_iter().for_each(|(key, _)| batch.remove(key));
        Ok(self.apart.commit(Tree::Witness, batch).map(drop)?)
    }

    /// Another copy of the store is put in the place of this one; what lay there. For a node that does not run.
    pub(crate) fn put_in_place(&self, copy: InMemory) -> InMemory {
        std::mem::replace(&mut lock(&self.durable), copy)
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
    if let Err(LogError::Retired { origin }) = exchange.log.running() {
        return bay.story.tell("not begun", format_args!("{region}: {origin} is retired"));
    }
    if let (Err(error), true) = (exchange.log.running(), bay.culprit == Some(region)) {
        return bay.story.tell("found out", format_args!("{region}: {error}"));
    }
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
    if let Err(error) = exchange.finish_erasures().await {
        return bay.story.tell("not begun", format_args!("{region}: {error}"));
    }
    bay.story.tell("serving", region);
    process.serving.open();
    process.spawn(take_up(exchange.clone(), unanswered));
    process.spawn(send_notices(exchange.clone()));
    process.spawn(retain_each_day(exchange.clone()));
    offer(bay, process);
    let reporting = exchange.clone();
    process.spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
            reporting.report_turned_away().await;
        }
    });
}

/// A directory in which every channel has the key that it had first.
fn with_first_channels(of: &EndorsedDirectory, ground: &Ground) -> Result<EndorsedDirectory> {
    signed(of, |regions| {
        for entry in regions {
            entry.channels = ground.directory.entry(entry.name).context("no entry")?.channels.clone();
        }
        Ok(())
    })
}

/// Offers this log's heads to the witnesses of the others, which hear of them on their connections first.
fn offer(bay: &Arc<Bay>, process: &Arc<Process>) {
    let exchange = &process.exchange;
    let (me, announcing) = (exchange.me, Arc::downgrade(bay));
    let announce = move |head: &SignedHead| {
        let Some(bay) = announcing.upgrade() else { return };
        let links = bay.regions().into_iter().filter_map(|peer| bay.link_now(me, peer));
        links.for_each(|link| drop(link.end(me).announce_head(&link, head)));
    };
    let others = exchange.directory.regions().iter().filter(|entry| entry.name != me);
    let to = |entry: &RegionEntry| Target {
        vkey: entry.witness.clone(),
        way: Box::new(ToWitness { bay: Arc::downgrade(bay), from: me, to: entry.name }),
    };
    let offering = Offering {
        log: exchange.log.clone(),
        log_key: process.local.log_key.clone(),
        heads: exchange.heads.clone(),
        announce: Box::new(announce),
        metrics: exchange.metrics.clone(),
    };
    push::start(offering, others.map(to).collect(), &mut lock(&process.tasks));
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
