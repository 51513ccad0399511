//! Two machines, what lies between them, and what left them: every word that a node gave is noted here, and held against its log.
//!
//! An operator stands by: a node whose disk failed is started again, as often as it takes. Not here: the story (`steps`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use creditbay_protocol::name::Region;
use creditbay_protocol::notice::Noticed;
use creditbay_protocol::requester::Asked;

use super::super::super::Exchange;
use super::super::super::answer::Peer;
use super::super::super::network::{LinkError, Network, Reply};
use super::super::bay::{NOON, carry_checkpoint, region};
use super::disk::Plan;
use super::machine::{Around, Machine, NotStarted, Process};
use crate::log::entry::Appended;

/// Starts of a node, one after the other, that may fail.
const MOST_STARTS: usize = 5;
/// How often the operator looks.
const LOOK: Duration = Duration::from_millis(50);

/// Everything.
pub(super) struct Sea {
    /// The issuer's machine, and the asker's.
    pub(super) machines: [Machine; 2],
    /// What lies around them.
    pub(super) around: Around,
    /// Whether the next reply arrives with a bit flipped.
    pub(super) spoil: AtomicBool,
    /// The query that is erased early, once it was asked.
    pub(super) early: Mutex<Option<u64>>,
    /// The answer that the issuer erases by force before its log ends, once it was given.
    pub(super) left_over: Mutex<Option<u64>>,
}

impl Sea {
    /// Two machines of which none was started, at noon.
    pub(super) fn new(plan: Plan) -> Arc<Self> {
        let time = Arc::new(AtomicU64::new(NOON));
        let ticking = time.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                ticking.fetch_add(100, Ordering::AcqRel);
            }
        });
        Arc::new(Self {
            machines: ["gz", "hk"].map(|name| Machine::new(region(name))),
            around: Around { plan: Arc::new(plan), words: Arc::default(), time },
            spoil: AtomicBool::new(false),
            early: Mutex::default(),
            left_over: Mutex::default(),
        })
    }

    /// The machine of a region.
    pub(super) fn machine(&self, of: Region) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.region == of)
    }

    /// The node of a machine that runs.
    pub(super) fn node(&self, at: usize) -> Result<Arc<Process>, String> {
        self.machines[at].process().ok_or_else(|| format!("{} does not run", self.machines[at].region))
    }

    /// The issuer.
    pub(super) fn gz(&self) -> Result<Arc<Exchange>, String> {
        Ok(self.node(0)?.exchange.clone())
    }

    /// The asker.
    pub(super) fn hk(&self) -> Result<Arc<Exchange>, String> {
        Ok(self.node(1)?.exchange.clone())
    }

    /// Shows a node's newest head to the other.
    pub(super) fn show(&self, from: &Exchange, to: &Exchange) -> Result<(), String> {
        let head = from.log.head();
        let appended = from.log.prove(0, &head).map_err(|error| error.to_string())?;
        self.carry(from, to, &appended);
        Ok(())
    }

    /// Notes the heads that the nodes show.
    pub(super) fn note_heads(&self) {
        for process in self.machines.iter().filter_map(Machine::process) {
            self.note_head(&process.exchange);
        }
    }

    fn note_head(&self, exchange: &Exchange) {
        let head = *exchange.log.head().signed().checkpoint();
        self.around.words.lock().unwrap().heads.insert((head.origin, head.size, head.root));
    }

    fn note_released(&self, appended: &Appended) {
        let place = appended.committed.place();
        self.around.words.lock().unwrap().released.insert((place.origin, place.index, *appended.committed.leaf()));
    }

    /// Starts every node whose disk failed, or that does not run; whether there was one.
    pub(super) async fn mend(self: &Arc<Self>) -> Result<bool, String> {
        let mut mended = false;
        for machine in &self.machines {
            let mut starts = 0;
            while machine.has_failed() || machine.process().is_none() {
                if starts == MOST_STARTS {
                    return Err(format!("{} fails again and again without a cause", machine.region));
                }
                (mended, starts) = (true, starts + 1);
                self.note_heads();
                machine.kill();
                self.around.plan.starts(machine.region, true);
                let network = Arc::new(Wire { sea: Arc::downgrade(self), me: machine.region });
                let failures = self.around.plan.struck().len();
                let started = Box::pin(machine.start(&self.around, network)).await;
                self.around.plan.starts(machine.region, false);
                match started {
                    Ok(()) => {}
                    Err(NotStarted::Retired) => machine.next_log(),
                    Err(NotStarted::Because(_)) if self.around.plan.struck().len() > failures => machine.kill(),
                    Err(NotStarted::Because(error)) => return Err(format!("{} does not start: {error}", machine.region)),
                }
            }
        }
        Ok(mended)
    }

    /// Does something while the operator stands by.
    pub(super) async fn attended(self: &Arc<Self>, act: impl Future<Output = Result<String, String>>) -> Result<String, String> {
        let mut act = std::pin::pin!(act);
        loop {
            tokio::select! {
                biased;
                ended = &mut act => return ended,
                () = tokio::time::sleep(LOOK) => drop(self.mend().await?),
            }
        }
    }
}

/// The sea, the node that sends, and the one that receives.
type Crossing = (Arc<Sea>, Arc<Process>, Arc<Process>);

/// The way of one node to the other.
pub(super) struct Wire {
    sea: Weak<Sea>,
    me: Region,
}

impl Wire {
    /// The sea, this node and the other one, if both run; the checkpoint of a leaf goes first.
    fn cross(&self, to: Region, appended: &Appended) -> Result<Crossing, LinkError> {
        let sea = self.sea.upgrade().ok_or(LinkError::Lost)?;
        let node = |of| sea.machine(of).and_then(Machine::process).ok_or(LinkError::Unreachable);
        let (me, other) = (node(self.me)?, node(to)?);
        sea.carry(&me.exchange, &other.exchange, appended);
        Ok((sea, me, other))
    }
}

impl Sea {
    /// Brings a checkpoint to the other side, ahead of what it covers.
    fn carry(&self, from: &Exchange, to: &Exchange, appended: &Appended) {
        let head = *appended.head.signed().checkpoint();
        self.around.words.lock().unwrap().heads.insert((head.origin, head.size, head.root));
        carry_checkpoint(from, to, appended);
    }

    fn spoiled(&self, mut frame: Vec<u8>) -> Vec<u8> {
        if self.spoil.swap(false, Ordering::AcqRel) {
            frame[200] ^= 1;
        }
        frame
    }
}

fn peer(of: &Exchange) -> Peer {
    Peer { region: of.me, log: *of.log.origin() }
}

impl Network for Wire {
    fn exchange<'a>(&'a self, issuer: Region, asked: &'a Asked, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let (sea, me, other) = self.cross(issuer, appended)?;
            let frame = asked.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            sea.note_released(appended);
            let released = other.exchange.answer(&peer(&me.exchange), &frame).await.map_err(LinkError::Fault)?;
            sea.carry(&other.exchange, &me.exchange, released.appended());
            let frame = released.frame(released.appended()).map_err(LinkError::Fault)?;
            sea.note_released(released.appended());
            Ok(sea.spoiled(frame))
        })
    }

    fn tell<'a>(&'a self, receiver: Region, noticed: &'a Noticed, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let (sea, me, other) = self.cross(receiver, appended)?;
            let frame = noticed.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            sea.note_released(appended);
            let word = other.exchange.take_notice(&peer(&me.exchange), &frame).await.map_err(LinkError::Fault)?;
            sea.carry(&other.exchange, &me.exchange, word.appended());
            let frame = word.frame(word.appended(), &other.exchange.entropy.seed()).map_err(LinkError::Fault)?;
            sea.note_released(word.appended());
            Ok(frame)
        })
    }
}
