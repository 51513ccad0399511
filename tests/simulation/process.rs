//! The process of a city's node: what it holds, in which order it begins, and what it does beside answering and asking.
//!
//! Not here: putting it together (`city`).

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::sign::PublicKey;
use creditbay_node::errands::{retain_each_day, send_notices, take_up};
use creditbay_node::exchange::Exchange;
use creditbay_node::log::append::{BATCH, Item, Writer};
use creditbay_node::log::fault::LogError;
use creditbay_node::log::recover::OpenQuery;
use creditbay_node::quic::session::Local;
use creditbay_node::witness::door::Door;
use creditbay_node::witness::push::{self, Offering, Target};
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::name::Region;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::bay::{Bay, lock};
use super::cosign::ToWitness;
use super::gate::Gate;
use super::story::{Promise, Story};

/// How long a node listens for its peers before its first signature.
const PEER_WAIT: Duration = Duration::from_secs(2);

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
    /// Where it is told what happens.
    pub(crate) story: Arc<Story>,
    /// What it runs.
    pub(crate) tasks: Mutex<JoinSet<()>>,
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

/// The order of a start: the peers first, then the writer, the pack in force, and what was open.
pub(crate) async fn begin(
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
    if let Err(error) = exchange.finish_all_erasures().await {
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
