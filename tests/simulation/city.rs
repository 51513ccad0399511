//! A city's machine: its node is started from what is durable, and stopped like a process that is killed.
//!
//! A node is put together as `node::node` does it, with a simulated clock, chance, disk and network. Not here: its process
//! (`process`), connections (`wire`).

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_node::exchange::Exchange;
use creditbay_node::exchange::closing::Closing;
use creditbay_node::exchange::erasures::Erasures;
use creditbay_node::exchange::replay::Replay;
use creditbay_node::host::clock::Clock;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::host::telemetry::Metrics;
use creditbay_node::log::Log;
use creditbay_node::log::append::{Item, Writer};
use creditbay_node::log::erase::Eraser;
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
use creditbay_node::store::Store;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::log as layout;
use creditbay_node::store::records::Records;
use creditbay_node::witness::door::Door;
use creditbay_node::witness::heads::Heads;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::{Origin, Region};
use tokio::sync::mpsc;

use super::bay::{Bay, lock};
use super::damage::{befall, with_first_channels};
use super::disk::Disk;
use super::gate::Gate;
use super::ground::{Ground, record_keys};
use super::machine::Machine;
use super::mutant::Mutant;
use super::process::{Process, begin};
use super::regions::log_key;
use super::wire::Wire;

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
    /// What seals its records.
    buckets: EpochKeys,
    durable: Mutex<InMemory>,
    /// The witness's store.
    apart: InMemory,
    process: Mutex<Option<Arc<Process>>>,
}

/// What a start puts together beside the process.
struct Started {
    process: Arc<Process>,
    writer: Writer,
    queue: mpsc::Receiver<Item>,
    unanswered: Vec<OpenQuery>,
}

impl City {
    /// A machine that was never started.
    pub(crate) fn new(region: Region, ground: &Ground, machine: Arc<Machine>, keys: tempfile::TempDir, editions: u64) -> Self {
        let (durable, buckets) = ground.store(region);
        Self {
            region,
            machine,
            slow: AtomicU64::new(0),
            editions: AtomicU64::new(editions),
            directory: AtomicUsize::new(0),
            keys,
            buckets,
            durable: Mutex::new(durable),
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
        befall(self, bay)?;
        bay.model.hold_alarms(self.region, &self.apart);
        bay.model.look(self.region, &self.durable(), true);
        let Started { process, writer, queue, unanswered } = self.put_together(
            bay,
            match bay.mutant {
                Some(Mutant::KeepsOldChannels) => Arc::new(with_first_channels(&directory, bay.ground)?),
                _ => directory,
            },
        )?;
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
        let own = directory.entry(self.region).context("no entry")?.clone();
        let (clock, metrics) = (Arc::new(self.machine.clock()), Arc::new(Metrics::default()));
        let entropy = Arc::new(Entropy::seeded(bay.chance.number()));
        let store: Arc<dyn Store> = self.disk(bay);
        if mutant != Some(Mutant::CarriesNothingOver) {
            carry_over(&*store, own.log_origin)?;
        }
        let seen = Arc::new(self.seen(&directory, mutant, &store, &clock, &metrics)?);
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
        let local = self.local(&own, &log, &clock, &metrics);
        let (witness, heads, door) = self.cosigner(bay, &directory, &log, &clock, &metrics)?;
        let exchange = Exchange {
            me: self.region,
            heads,
            erasures: Erasures::new(Eraser::new(store.clone(), own.log_origin.number(), seals.clone(), entropy.clone())),
            withholding: tokio::sync::Mutex::default(),
            closing: Closing::default(),
            directory: directory.clone(),
            orders: Orders::recover(ordered, packs, clock.now())?,
            ledger: Ledger::new(spent, Tags::new(EpochKeys::of(self.keys(), "budgets")?, entropy.clone())),
            log,
            seals,
            witness,
            records: Arc::new(Records::open(store, record_keys(&self.buckets), entropy.clone())?),
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

    fn local(&self, own: &RegionEntry, log: &Log, clock: &Arc<Clock>, metrics: &Arc<Metrics>) -> Local {
        let (log, log_key) = (log.clone(), own.log.clone());
        Local { region: self.region, log, log_key, clock: clock.clone(), metrics: metrics.clone() }
    }

    /// The witness, the heads that are offered to those of the others, and the door at which theirs are offered.
    fn cosigner(
        &self,
        bay: &Bay,
        directory: &Directory,
        log: &Log,
        clock: &Arc<Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<(Witness, Arc<Heads>, Arc<Door>)> {
        let own = directory.entry(self.region).context("no entry")?;
        let others = || directory.regions().iter().filter(|entry| entry.name != self.region);
        let heads = Arc::new(Heads::new(others().map(|entry| entry.witness.clone()).collect(), log.head()));
        let key = bay.directories.witness_key(own);
        let witness = Witness::new(NoteSigner::new(own.witness.name().clone(), KeyKind::CosignatureV1, key));
        let peers = others().map(|entry| (entry.log_origin, entry.log.clone()));
        let (signer, seen) = (witness.signer().clone(), log.seen().clone());
        let door = Door::recover(peers, [], signer, seen, clock.clone(), metrics.clone())?;
        Ok((witness, heads, Arc::new(door)))
    }

    /// What was seen of the peers' logs; the witness's store lies apart.
    fn seen(
        &self,
        directory: &Directory,
        mutant: Option<Mutant>,
        store: &Arc<dyn Store>,
        clock: &Arc<Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<Seen> {
        let regions = directory.regions();
        let apart: Arc<dyn Store> = match mutant {
            Some(Mutant::CosignsBeforeDurable) => Arc::new(Disk::lying(self.apart.clone(), Box::new(|_| {}))),
            _ => Arc::new(self.apart.clone()),
        };
        let origins = regions.iter().map(|entry| entry.log_origin);
        let trust = Trust::recover(apart, Some(store.clone()), origins, clock.clone(), metrics.clone())?;
        let others = regions.iter().filter(|entry| entry.name != self.region);
        let peers: Vec<_> = others.map(|entry| Followed { origin: entry.log_origin, log: entry.log.clone() }).collect();
        let witnesses = regions.iter().map(|entry| entry.witness.clone()).collect();
        Ok(Seen::recover(&**store, &peers, witnesses, Arc::new(trust), clock.clone())?)
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

    /// Another copy of the store is put in the place of this one; what lay there. For a node that does not run.
    pub(crate) fn put_in_place(&self, copy: InMemory) -> InMemory {
        std::mem::replace(&mut lock(&self.durable), copy)
    }
}

/// How far a machine's clock stands behind the last leaf of its log.
pub(crate) fn behind(last: Millis, wall: Millis) -> u64 {
    last.0.saturating_sub(wall.0)
}
