//! One node: opens everything from the ground up, and shuts down from the top.
//!
//! Before its first signature the node hears from the peers that answer, so that a store that was rolled back is noticed. Not here: what
//! any room does.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use creditbay_configs::node::NodeConfig;
use creditbay_configs::peers::EndorsedDirectory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::rules::RulePack;
use creditbay_crypto::note::{NoteSigner, NoteVerifier};
use creditbay_crypto::sign::PublicKey;
use creditbay_protocol::name::{Origin, Region};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::doors::{Bound, Opening, open_doors, open_peer_doors, receive_and_dial, targets};
use crate::editions;
use crate::errands;
use crate::exchange::Exchange;
use crate::exchange::closing::Closing;
use crate::exchange::erasures::Erasures;
use crate::exchange::replay::Replay;
use crate::files::{Files, StartError, because, own_entry, read_files};
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::{EpochKeys, RecordKeys};
use crate::host::telemetry::Metrics;
use crate::log::Log;
use crate::log::append::{Item, Writer};
use crate::log::erase::Eraser;
use crate::log::fault::LogError;
use crate::log::recover::{OpenQuery, Parts, Recovered, recover};
use crate::log::reserve::Reserve;
use crate::log::seals::Seals;
use crate::log::seen::{Followed, Seen};
use crate::log::succession::carry_over;
use crate::log::trust::Trust;
use crate::log::witness::Witness;
use crate::policy::budget::RefusalBudget;
use crate::policy::ledger::Ledger;
use crate::policy::orders::Orders;
use crate::policy::tags::Tags;
use crate::quic::accept::Reception;
use crate::quic::dial::Links;
use crate::quic::endpoint::PeerDoor;
use crate::quic::session::Local;
use crate::quic::tls_server;
use crate::serve::peers;
use crate::store::Store;
use crate::store::log as layout;
use crate::store::on_disk::OnDisk;
use crate::store::records::Records;
use crate::store::witness;
use crate::witness::connect::{Http, Prefix};
use crate::witness::door::Door;
use crate::witness::heads::Heads;
use crate::witness::push::{self, Announce, Offering, Target as WitnessTarget};

/// A running node.
pub struct Node {
    /// The exchange; the whole-system tests ask through it.
    pub exchange: Arc<Exchange>,
    config: NodeConfig,
    doors: Bound,
    peer_doors: Vec<PeerDoor>,
    writer: JoinHandle<()>,
    tasks: JoinSet<()>,
    closing: watch::Sender<bool>,
    in_flight: Arc<Semaphore>,
}

/// SIGTERM and SIGINT, heard from the moment that this exists.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen: before anybody is told that the node is ready, since whoever was told may end it.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub async fn heard(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

impl Node {
    /// Opens everything.
    pub async fn start(config: &Path) -> Result<Self, StartError> {
        let Files { config, directory, packs, tls, log: log_signer, witness } = read_files(config)?;
        let me = config.region;
        let own = own_entry(&directory, me)?.clone();
        let others: Vec<_> = directory.regions().iter().filter(|entry| entry.name != me).cloned().collect();
        let acceptor = tls_server::acceptor(&config.doors.auditors_tls, &tls).map_err(because)?;
        let ground = open_ground(&config, log_signer, &directory, packs)?;
        let Ground { clock, entropy, metrics, seals, records, orders, ledger, log, mut writer, queue, unanswered, replay } =
            ground;

        let links = Arc::new(Links::to(others.iter().map(|entry| entry.name)));
        let local = local_of(me, &own, &log, &clock, &metrics);
        let witness = Witness::new(witness);
        let (door, witnesses) = open_witness(&config, &others, &witness, &log, &clock, &metrics)?;
        let heads = Arc::new(Heads::new(witnesses.iter().map(|to| to.vkey.clone()).collect(), log.head()));
        let (serve, sessions) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let peer_doors = open_peer_doors(&config, &tls, &others, &metrics)?;
        let reception = Reception::new(directory.clone(), local, links.clone(), serve);
        receive_and_dial(&peer_doors, targets(me, &tls, &others)?, &reception, &mut tasks);
        // A peer that holds a newer note of this log says so in its hello: listen before the first signature.
        let patience = Duration::from_secs(u64::from(config.limits.peer_wait_seconds));
        tokio::join!(links.heard_all(patience), push::adopt_own(door.clone(), origins_at(&others)));
        log.running().map_err(because)?;
        writer.begin().map_err(because)?;

        let writer = run_writer(writer, queue)?;
        let erasures = Erasures::new(Eraser::new(log.store().clone(), own.log_origin.number(), seals.clone(), entropy.clone()));
        let exchange = Arc::new(Exchange {
            me,
            directory,
            orders,
            ledger,
            log,
            seals,
            witness,
            heads: heads.clone(),
            records,
            replay,
            withholding: tokio::sync::Mutex::default(),
            closing: Closing::default(),
            refusals: RefusalBudget::new(config.limits.refusals_per_peer_per_minute),
            network: links.clone(),
            erasures,
            clock,
            entropy,
            metrics,
            query_lifetime_ms: u64::from(config.limits.query_lifetime_seconds) * 1000,
        });
        // The first pack takes over, or the one whose day came while the node was down, before any door opens.
        drop(exchange.orders.in_force(&exchange.log, exchange.clock.now()).await.map_err(because)?);
        // What was logged as erased before the last shutdown, or the last crash, is gone before any door opens.
        exchange.finish_all_erasures().await.map_err(because)?;
        tasks.spawn(peers::answer_all(exchange.clone(), sessions));
        errands::begin(&exchange, unanswered, &mut tasks);
        let (log, metrics) = (exchange.log.clone(), exchange.metrics.clone());
        push::start(Offering { log, log_key: own.log, heads, announce: announcing(&links), metrics }, witnesses, &mut tasks);
        let (closing, in_flight) = (watch::Sender::new(false), Arc::new(Semaphore::new(config.limits.max_in_flight as usize)));
        let opening = Opening {
            exchange: &exchange,
            links: &links,
            witness: &door,
            in_flight: &in_flight,
            closing: &closing,
            peers: &peer_doors[0],
            acceptor,
        };
        let doors = open_doors(&config, opening, &mut tasks).await?;
        Ok(Self { exchange, config, doors, peer_doors, writer, tasks, closing, in_flight })
    }

    /// What the daemon says when all doors are open.
    pub fn ready_line(&self) -> String {
        let Bound { services, auditors, peers, admin } = &self.doors;
        let size = self.exchange.log.head().signed().checkpoint().size;
        format!(
            "ready region={} services=http://{services} auditors={auditors} peers={peers} admin={} log_size={size}",
            self.config.region,
            admin.display()
        )
    }

    /// Closes the doors, gives the exchanges in flight their time, lets the writer finish its batch, and ends.
    pub async fn shut_down(self) {
        tracing::info!("shutting down");
        let Self { exchange, config, doors, peer_doors, writer, mut tasks, closing, in_flight } = self;
        closing.send_replace(true);
        let grace = Duration::from_secs(u64::from(config.limits.shutdown_grace_seconds));
        let _ = tokio::time::timeout(grace, in_flight.acquire_many(config.limits.max_in_flight)).await;
        exchange.log.stop(LogError::Closed);
        for door in peer_doors {
            door.close().await;
        }
        tasks.shutdown().await;
        let _ = fs::remove_file(&doors.admin);
        drop(exchange);
        let _ = tokio::time::timeout(grace, tokio::task::spawn_blocking(move || writer.join())).await;
    }
}

/// The rooms at the bottom, open.
struct Ground {
    clock: Arc<Clock>,
    entropy: Arc<Entropy>,
    metrics: Arc<Metrics>,
    seals: Arc<Seals>,
    records: Arc<Records>,
    orders: Orders,
    ledger: Ledger,
    log: Log,
    writer: Writer,
    queue: mpsc::Receiver<Item>,
    unanswered: Vec<OpenQuery>,
    replay: Replay,
}

fn open_ground(
    config: &NodeConfig,
    signer: NoteSigner,
    directory: &EndorsedDirectory,
    packs: Vec<Arc<RulePack>>,
) -> Result<Ground, StartError> {
    let own = own_entry(directory, config.region)?;
    let others = || directory.regions().iter().filter(|entry| entry.name != own.name);
    let (clock, entropy, metrics) = (Arc::new(Clock::host()), Arc::new(Entropy::system()), Arc::new(Metrics::default()));
    let data = config.data_dir.clone();
    let keys_at = data.join("keys");
    let store: Arc<dyn Store> = Arc::new(
        OnDisk::open_log(&data.join("store"), u64::from(config.limits.cache_mib), own.log_origin.number()).map_err(because)?,
    );
    if layout::restoring(&*store).map_err(because)? {
        return Err(because(LogError::HalfRestored));
    }
    // The witness has a store and a flush of its own: it waits for nobody, and the log's writer never for it.
    let apart: Arc<dyn Store> = Arc::new(witness::open(&data).map_err(because)?);
    editions::accept(&*apart, directory).map_err(because)?;
    carry_over(&*store, own.log_origin).map_err(because)?;
    let record_keys = RecordKeys::in_folder(&keys_at, &entropy).map_err(because)?;
    let ledger = Ledger::new(store.clone(), Tags::new(EpochKeys::of(&keys_at, "budgets").map_err(because)?, entropy.clone()));
    let orders = Orders::recover(&*store, packs, clock.now()).map_err(because)?;
    let records = Arc::new(Records::open(store.clone(), record_keys, entropy.clone()).map_err(because)?);
    let seals = Arc::new(Seals::new(EpochKeys::in_folder(&keys_at).map_err(because)?).map_err(because)?);
    let followed: Vec<_> = others().map(|entry| Followed { origin: entry.log_origin, log: entry.log.clone() }).collect();
    let origins = others().map(|entry| entry.log_origin).chain([own.log_origin]);
    let trust = Trust::recover(apart, Some(store.clone()), origins, clock.clone(), metrics.clone()).map_err(because)?;
    let witnesses = others().chain([own]).map(|entry| entry.witness.clone()).collect();
    let seen = Seen::recover(&*store, &followed, witnesses, Arc::new(trust), clock.clone()).map_err(because)?;
    let seen = Arc::new(seen.with_decisions(directory.orphaned().map(|(_, range)| *range).collect()));
    let parts = Parts {
        store,
        origin: own.log_origin,
        signer,
        seals: seals.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        metrics: metrics.clone(),
        seen,
        reserve: Some(Reserve { folder: data, least_mib: u64::from(config.limits.min_free_mib) }),
    };
    let Recovered { log, mut writer, queue } = recover(parts).map_err(because)?;
    let unanswered = writer.unanswered().map_err(because)?;
    let replay = Replay::default();
    replay.recover(&log, &seals).map_err(because)?;
    Ok(Ground { clock, entropy, metrics, seals, records, orders, ledger, log, writer, queue, unanswered, replay })
}

/// The writer, on a thread of its own.
fn run_writer(writer: Writer, queue: mpsc::Receiver<Item>) -> Result<JoinHandle<()>, StartError> {
    let thread = std::thread::Builder::new().name("log-writer".to_owned());
    thread.spawn(move || writer.run(queue)).map_err(because)
}

/// What a session needs of this node.
fn local_of(region: Region, own: &RegionEntry, log: &Log, clock: &Arc<Clock>, metrics: &Arc<Metrics>) -> Arc<Local> {
    let (log, log_key) = (log.clone(), own.log.clone());
    Arc::new(Local { region, log, log_key, clock: clock.clone(), metrics: metrics.clone() })
}

/// The witness's door with what it cosigned so far, and the witnesses to which this log's heads are offered.
fn open_witness(
    config: &NodeConfig,
    others: &[RegionEntry],
    witness: &Witness,
    log: &Log,
    clock: &Arc<Clock>,
    metrics: &Arc<Metrics>,
) -> Result<(Arc<Door>, Vec<WitnessTarget>), StartError> {
    let peers = others.iter().map(|entry| (entry.log_origin, entry.log.clone()));
    let (signer, seen) = (witness.signer().clone(), log.seen().clone());
    let door = Door::recover(peers, config.witnessed_logs.clone(), signer, seen, clock.clone(), metrics.clone());
    let peers = others.iter().map(|entry| (&entry.witness, &entry.auditors, Some(entry.tls)));
    let foreign = config.witnesses.iter().map(|witness| (&witness.vkey, &witness.url, None));
    let target = |(vkey, url, key): (&NoteVerifier, &String, Option<PublicKey>)| match Prefix::parse(url, key) {
        Ok(prefix) => Some(WitnessTarget { vkey: vkey.clone(), way: Box::new(Http::to(prefix)) }),
        Err(error) => {
            tracing::warn!(witness = %vkey.name(), "this log's heads are not offered to it: {error}");
            None
        }
    };
    Ok((Arc::new(door.map_err(because)?), peers.chain(foreign).filter_map(target).collect()))
}

/// Lets every connected peer hear of a head.
fn announcing(links: &Arc<Links>) -> Announce {
    let links = links.clone();
    Box::new(move |head| links.announce(head))
}

/// The auditors' doors of the peers whose URLs are spoken here.
fn origins_at(others: &[RegionEntry]) -> Vec<(Origin, Prefix)> {
    others.iter().filter_map(|entry| Some((entry.log_origin, Prefix::parse(&entry.auditors, Some(entry.tls)).ok()?))).collect()
}
