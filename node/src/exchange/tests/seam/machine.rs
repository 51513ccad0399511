//! A city's machine: two disks, a folder of keys, and at times a node, which starts in the order of `node::node`.
//!
//! Not here: connections (`sea`), and what must hold of what a start finds (`check`).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use creditbay_crypto::note::{KeyKind, NoteSigner, NoteVerifier};
use creditbay_protocol::name::{Origin, Region};
use tokio::sync::mpsc;

use super::super::super::Exchange;
use super::super::super::closing::Closing;
use super::super::super::erasures::Erasures;
use super::super::super::network::Network;
use super::super::super::replay::Replay;
use super::super::bay::sample_key;
use super::check::hold;
use super::disk::{Disk, Life, Plan};
use super::ground::{editions, everybody};
use super::words::Words;
use crate::errands::take_up;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::{EpochKeys, RecordKeys};
use crate::host::telemetry::Metrics;
use crate::log::append::{Item, Writer};
use crate::log::erase::Eraser;
use crate::log::fault::LogError;
use crate::log::recover::{OpenQuery, Parts, Recovered, recover};
use crate::log::seals::Seals;
use crate::log::seen::{Followed, Seen};
use crate::log::succession::carry_over;
use crate::log::trust::Trust;
use crate::log::witness::Witness;
use crate::policy::budget::RefusalBudget;
use crate::policy::ledger::Ledger;
use crate::policy::orders::Orders;
use crate::policy::tags::Tags;
use crate::store::Store;
use crate::store::in_memory::InMemory;
use crate::store::records::Records;
use crate::witness::door::Door;
use crate::witness::heads::Heads;

/// Why a node does not start.
pub(super) enum NotStarted {
    /// Its log is retired: the directory has to name the next one.
    Retired,
    /// Something else.
    Because(String),
}

impl<E: std::fmt::Display> From<E> for NotStarted {
    fn from(error: E) -> Self {
        Self::Because(error.to_string())
    }
}

/// A running node.
pub(super) struct Process {
    /// The exchange.
    pub(super) exchange: Arc<Exchange>,
    /// Where others ask for cosignatures.
    pub(super) door: Door,
}

/// What lies around a machine.
pub(super) struct Around {
    /// What fails.
    pub(super) plan: Arc<Plan>,
    /// What nodes said.
    pub(super) words: Arc<Mutex<Words>>,
    /// The time that all clocks show.
    pub(super) time: Arc<AtomicU64>,
}

/// What a start puts together before the first leaf.
struct Opened {
    process: Process,
    writer: Writer,
    queue: mpsc::Receiver<Item>,
    unanswered: Vec<OpenQuery>,
}

/// A machine.
pub(super) struct Machine {
    /// Whose.
    pub(super) region: Region,
    keys: tempfile::TempDir,
    /// The store and the witness's store, as they survive a process.
    durable: Mutex<[InMemory; 2]>,
    /// The number of the region's log.
    number: AtomicU32,
    starts: AtomicU64,
    process: Mutex<Option<Arc<Process>>>,
    life: Mutex<Arc<Life>>,
}

impl Machine {
    /// A machine that was never started. Keys are synced: where there is a file system in memory they lie there.
    pub(super) fn new(region: Region) -> Self {
        Self {
            region,
            keys: tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap(),
            durable: Mutex::default(),
            number: AtomicU32::new(1),
            starts: AtomicU64::new(0),
            process: Mutex::default(),
            life: Mutex::default(),
        }
    }

    /// The node, if it runs.
    pub(super) fn process(&self) -> Option<Arc<Process>> {
        self.process.lock().unwrap().clone()
    }

    /// Whether a disk of the node has failed, so that the operator has to start it again.
    pub(super) fn has_failed(&self) -> bool {
        self.life.lock().unwrap().has_failed()
    }

    /// The store, and the witness's store.
    pub(super) fn durable(&self) -> [InMemory; 2] {
        self.durable.lock().unwrap().clone()
    }

    /// What opens the rows.
    pub(super) fn seals(&self) -> Seals {
        Seals::new(EpochKeys::in_folder(self.keys.path()).unwrap()).unwrap()
    }

    /// What finds and seals its records.
    pub(super) fn record_keys(&self) -> RecordKeys {
        RecordKeys::in_folder(self.keys.path(), &Entropy::seeded(7)).unwrap()
    }

    /// The number of the region's log.
    pub(super) fn number(&self) -> u32 {
        self.number.load(Ordering::Acquire)
    }

    /// The region's log.
    pub(super) fn origin(&self) -> Origin {
        format!("{}.creditbay/log/{}", self.region, self.number()).parse().unwrap()
    }

    /// Kills the node: what is durable stays, and nothing else.
    pub(super) fn kill(&self) {
        self.life.lock().unwrap().end();
        if let Some(process) = self.process.lock().unwrap().take() {
            process.exchange.log.stop(LogError::Closed);
        }
        let mut durable = self.durable.lock().unwrap();
        *durable = std::array::from_fn(|at| durable[at].reopen());
    }

    /// The directory names the next log of this region.
    pub(super) fn next_log(&self) {
        self.kill();
        self.number.fetch_add(1, Ordering::AcqRel);
        let mut durable = self.durable.lock().unwrap();
        durable[0] = durable[0].for_next_log();
    }

    /// Starts the node, and takes up what the one before left.
    pub(super) async fn start(&self, around: &Around, network: Arc<dyn Network>) -> Result<(), NotStarted> {
        let [store, apart] = self.durable();
        hold(&self.origin(), [&store, &apart], (&self.seals(), self.record_keys()), &around.words.lock().unwrap())?;
        let life = Arc::new(Life::default());
        *self.life.lock().unwrap() = life.clone();
        let disks = [store, apart]
            .map(|durable| Arc::new(Disk::new(self.region, durable, around.plan.clone(), life.clone())) as Arc<dyn Store>);
        let Opened { process, mut writer, queue, unanswered } = self.open(around, network, disks)?;
        let exchange = process.exchange.clone();
        match exchange.log.running() {
            Err(LogError::Retired { .. }) => return Err(NotStarted::Retired),
            running => running?,
        }
        writer.begin()?;
        tokio::spawn(writer.run_as_task(queue));
        drop(exchange.orders.in_force(&exchange.log, exchange.clock.now()).await?);
        exchange.finish_all_erasures().await?;
        *self.process.lock().unwrap() = Some(Arc::new(process));
        take_up(exchange.clone(), unanswered).await;
        exchange.send_notices().await?;
        Ok(())
    }

    fn open(&self, around: &Around, network: Arc<dyn Network>, disks: [Arc<dyn Store>; 2]) -> Result<Opened, NotStarted> {
        let [store, apart] = disks;
        carry_over(&*store, self.origin())?;
        let (clock, metrics) = (Arc::new(Clock::manual(around.time.clone())), Arc::new(Metrics::default()));
        // A node that is started again draws other numbers than before: a key would come back.
        let drawn = u64::from(self.region.as_str().as_bytes()[0]) << 32 | self.starts.fetch_add(1, Ordering::AcqRel);
        let entropy = Arc::new(Entropy::seeded(drawn));
        let seen = self.seen(&store, apart, &clock, &metrics)?;
        let seals = Arc::new(self.seals());
        let Recovered { log, mut writer, queue } = recover(Parts {
            store: store.clone(),
            origin: self.origin(),
            signer: self.signer("log", &self.origin().to_string(), KeyKind::Ed25519),
            seals: seals.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            metrics: metrics.clone(),
            seen: seen.clone(),
            reserve: None,
        })?;
        let unanswered = writer.unanswered()?;
        let replay = Replay::default();
        replay.recover(&log, &seals)?;
        let witness = Witness::new(self.signer("witness", &format!("{}.creditbay/witness", self.region), KeyKind::CosignatureV1));
        let others = everybody().regions().iter().filter(|entry| entry.name != self.region);
        let peers = others.map(|entry| (entry.log_origin, entry.log.clone()));
        let door = Door::recover(peers, [], witness.signer().clone(), seen, clock.clone(), metrics.clone())?;
        let exchange = Arc::new(Exchange {
            me: self.region,
            heads: Arc::new(Heads::new(Vec::new(), log.head())),
            directory: everybody().clone(),
            orders: Orders::recover(&*store, editions().to_vec(), clock.now())?,
            ledger: Ledger::new(store.clone(), Tags::new(EpochKeys::of(self.keys.path(), "budgets")?, entropy.clone())),
            log,
            witness,
            records: Arc::new(Records::open(store.clone(), self.record_keys(), entropy.clone())?),
            replay,
            withholding: tokio::sync::Mutex::default(),
            closing: Closing::default(),
            refusals: RefusalBudget::new(3),
            network,
            erasures: Erasures::new(Eraser::new(store, self.origin().number(), seals.clone(), entropy.clone())),
            seals,
            clock,
            entropy,
            metrics,
            query_lifetime_ms: 30_000,
        });
        Ok(Opened { process: Process { exchange, door }, writer, queue, unanswered })
    }

    fn signer(&self, role: &str, name: &str, kind: KeyKind) -> NoteSigner {
        NoteSigner::new(name.parse().unwrap(), kind, sample_key(self.region.as_str(), role))
    }

    fn seen(
        &self,
        store: &Arc<dyn Store>,
        apart: Arc<dyn Store>,
        clock: &Arc<Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<Arc<Seen>, NotStarted> {
        let regions = everybody().regions();
        let origins = regions.iter().map(|entry| entry.log_origin);
        let trust = Arc::new(Trust::recover(apart, Some(store.clone()), origins, clock.clone(), metrics.clone())?);
        let others = regions.iter().filter(|entry| entry.name != self.region);
        // Of each the next log, too, so that the directory need not change.
        let followed = others.flat_map(|entry| {
            [1, 2].map(|number| {
                let origin = Origin::new(entry.log_origin.owner(), number).unwrap();
                let key = sample_key(entry.name.as_str(), "log").public();
                let log = NoteVerifier::new(origin.to_string().parse().unwrap(), KeyKind::Ed25519, key);
                Followed { origin, log }
            })
        });
        let followed: Vec<_> = followed.collect();
        let witnesses = regions.iter().map(|entry| entry.witness.clone()).collect();
        Ok(Arc::new(Seen::recover(&**store, &followed, witnesses, trust, clock.clone())?))
    }
}
