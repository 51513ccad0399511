//! Erasing what opens leaves: a leaf first, then the notices, then the keys (PROTOCOL 32.4).
//!
//! From its leaf on an erasure is carried through, whatever happens to the process. Nothing that may still be used is erased before the
//! other side was told. Not here: which rows are meant (`kept`), the destroying (`log::erase`), the peers (`notify`).

use std::collections::BTreeSet;
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::erasure::{ErasedEntry, ErasedPart, ErasureGround, ErasureList, ErasureScope};
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::name::Origin;

use super::Exchange;
use super::kept::{Found, LeafAt, Walk, Wanted};
use crate::host::aside::aside;
use crate::log::entry::{Appended, Entry, Erasing};
use crate::log::erase::Done;
use crate::log::fault::LogError;
use crate::store::before::Before;
use crate::store::erasure::{self as rows, Pending, ToTell};
use crate::store::records::RecordsError;

/// Where a walk over all that is kept begins.
pub(super) const START: LeafAt = LeafAt { log: 0, index: 0 };

/// What an operator orders to be erased.
#[derive(Debug, Clone)]
pub enum Target {
    /// One leaf of this log.
    Leaf(u64),
    /// One leaf of a log of this region, this one or one that has ended.
    LeafOf(Origin, u64),
    /// All exchanges about a subject.
    Subject(Identifier),
    /// All leaves of before a day.
    Before(Day),
}

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Answers that may still be used.
    #[error(
        "{count} of the answers may still be used, until {until}; wait, or, on the ground of a request or an order, give --force-early: then \
         the other side is told first, and the bytes are destroyed once it has acknowledged"
    )]
    StillUsable {
        /// How many.
        count: u64,
        /// Until when.
        until: Day,
    },
    /// Exchanges under way.
    #[error("{count} of the exchanges may still be under way; try again in three minutes")]
    UnderWay {
        /// How many.
        count: u64,
    },
    /// A ground that an operator cannot give.
    #[error("a peer's notice is no ground of an operator; give subject_request, order or retention_over")]
    NotAnOperatorsGround,
    /// No such leaf.
    #[error("the log has {size} leaves, and so none of index {index}")]
    NoLeaf {
        /// Which.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// No log of this region that the store holds.
    #[error("this node has no log {0}: it is neither the current one nor one before it that the store holds")]
    OtherLog(Origin),
    /// This node's log takes or gives nothing.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The records cannot be read or written.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasureReport {
    /// The leaves that say so.
    pub leaves: Vec<u64>,
    /// Exchanges of which nothing is left that opens them.
    pub exchanges: u64,
    /// Receipts.
    pub receipts: u64,
    /// Leaves of peers that they are told of.
    pub told: u64,
    /// Whether the bytes stay until the peers acknowledged.
    pub waits: bool,
    /// Keys that were destroyed.
    pub keys: u64,
    /// Values that were sealed anew.
    pub sealed_anew: u64,
}

/// What a choice comes to, before anything is logged.
#[derive(Debug, Default)]
struct Survey {
    usable: u64,
    until: Option<Day>,
    busy: u64,
}

impl Survey {
    fn add(&mut self, found: &Found, now: Millis) {
        for kept in found.kept.values() {
            self.busy += u64::from(kept.busy_until >= now);
            if let Some(until) = kept.usable_until.filter(|until| *until >= now.day()) {
                self.usable += 1;
                self.until = self.until.max(Some(until));
            }
        }
    }
}

impl Exchange {
    /// Erases what an operator orders, and returns when it is done, or when it waits for the peers. `met` hears how many leaves the walk
    /// has passed.
    pub async fn erase(
        self: &Arc<Self>,
        target: Target,
        ground: ErasureGround,
        force_early: bool,
        met: impl Fn(u64) + Clone + Send + 'static,
    ) -> Result<ErasureReport, EraseError> {
        if ground == ErasureGround::PeerNotice {
            return Err(EraseError::NotAnOperatorsGround);
        }
        let (wanted, scope) = match target {
            Target::Leaf(index) => (Wanted::Leaf(self.at(*self.log.origin(), index)?), ErasureScope::Leaf),
            Target::LeafOf(log, index) => (Wanted::Leaf(self.at(log, index)?), ErasureScope::Leaf),
            Target::Subject(subject) => (Wanted::Subject(subject), ErasureScope::Subject),
            Target::Before(day) => (Wanted::Before(day), ErasureScope::Before(day)),
        };
        let wanted = Arc::new(wanted);
        let choosing = self.erasures.choosing.lock().await;
        let survey = self.survey(&wanted, met.clone()).await?;
        if survey.busy > 0 {
            return Err(EraseError::UnderWay { count: survey.busy });
        }
        if let (Some(until), false) = (survey.until, force_early && tells(ground)) {
            return Err(EraseError::StillUsable { count: survey.usable, until });
        }
        let mut report = self.log_erasures(&wanted, ground, scope, survey.usable > 0, met).await?;
        drop(choosing);
        let done = self.finish_erasures().await?;
        (report.keys, report.sealed_anew) = (done.keys, done.sealed_anew);
        Ok(report)
    }

    /// Logs the erasure of all that is wanted, in as many leaves as it takes.
    pub(super) async fn log_erasures(
        self: &Arc<Self>,
        wanted: &Arc<Wanted>,
        ground: ErasureGround,
        scope: ErasureScope,
        early: bool,
        met: impl Fn(u64) + Clone + Send + 'static,
    ) -> Result<ErasureReport, LogError> {
        let (mut report, mut taken) = (ErasureReport::default(), self.taken()?);
        let mut from = Some(START);
        while let Some(at) = from {
            let (found, back) = self.find(wanted.clone(), taken, at, met.clone()).await?;
            taken = back;
            from = found.next;
            if found.kept.is_empty() {
                continue;
            }
            taken.extend(found.entries());
            let appended = self.append_erasure(&found, ground, scope, early, None).await?;
            report.leaves.push(appended.committed.place().index);
            for kept in found.kept.values() {
                match kept.part {
                    ErasedPart::Exchange => report.exchanges += 1,
                    ErasedPart::Receipt => report.receipts += 1,
                }
                report.told += u64::from(tells(ground) && kept.told.is_some());
            }
            report.waits |= early;
        }
        Ok(report)
    }

    /// Logs one erasure, with what is found in the batch of its leaf.
    pub(super) async fn append_erasure(
        &self,
        found: &Found,
        ground: ErasureGround,
        scope: ErasureScope,
        early: bool,
        answers: Option<Digest>,
    ) -> Result<Appended, LogError> {
        let told = if tells(ground) { found.kept.values().filter_map(|kept| kept.told).collect() } else { Vec::new() };
        let list = ErasureList { seed: self.entropy.seed(), entries: found.entries() };
        let erased = list.erased(ground, scope, early);
        self.append_erasing(Erasing { erased, list, told, answers }).await
    }

    /// Logs that peers are to be told of what was erased before; nothing more is erased.
    pub(super) async fn append_notices(
        &self,
        told: Vec<ToTell>,
        ground: ErasureGround,
        scope: ErasureScope,
    ) -> Result<Appended, LogError> {
        let list = ErasureList { seed: self.entropy.seed(), entries: Vec::new() };
        let erased = list.erased(ground, scope, false);
        self.append_erasing(Erasing { erased, list, told, answers: None }).await
    }

    async fn append_erasing(&self, erasing: Erasing) -> Result<Appended, LogError> {
        self.metrics.count("creditbay_erasures_total", &[("ground", erasing.erased.ground.as_str())]);
        self.log.append(Entry::Erasure(Arc::new(erasing))).await
    }

    /// Gives the notices of logged erasures their leaves, and destroys what is due. Also done at every start.
    pub async fn finish_erasures(self: &Arc<Self>) -> Result<Done, LogError> {
        self.give_notices().await?;
        let exchange = self.clone();
        let done = blocking(move || exchange.erasures.eraser.carry_through()).await?;
        if done.erasures > 0 {
            let Done { erasures, rows, sealed_anew, keys } = done;
            tracing::info!(erasures, rows, sealed_anew, keys, "erased");
            self.metrics.add("creditbay_erased_rows_total", &[], rows);
        }
        self.erasures.to_send.notify_one();
        Ok(done)
    }

    async fn survey(
        self: &Arc<Self>,
        wanted: &Arc<Wanted>,
        met: impl Fn(u64) + Clone + Send + 'static,
    ) -> Result<Survey, LogError> {
        // A clock that is not sure would call exchanges over that are under way.
        let now = self.clock.sure_now(Millis(0))?;
        let (mut survey, mut taken) = (Survey::default(), self.taken()?);
        let mut from = Some(START);
        while let Some(at) = from {
            let (found, back) = self.find(wanted.clone(), taken, at, met.clone()).await?;
            taken = back;
            taken.extend(found.entries());
            survey.add(&found, now);
            from = found.next;
        }
        Ok(survey)
    }

    /// Walks over the logs of this region, the oldest first, on a thread that may wait for the disk.
    pub(super) async fn find(
        self: &Arc<Self>,
        wanted: Arc<Wanted>,
        taken: BTreeSet<ErasedEntry>,
        from: LeafAt,
        met: impl Fn(u64) + Send + 'static,
    ) -> Result<(Found, BTreeSet<ErasedEntry>), LogError> {
        let exchange = self.clone();
        blocking(move || {
            let (store, seals) = (&**exchange.log.store(), &exchange.seals);
            let (mut found, mut before) = (Found::default(), 0);
            let walk = |walk: Walk<'_>, before: u64, found: &mut Found| {
                if found.next.is_some() || walk.log.number() < from.log {
                    return Ok(());
                }
                let index = if walk.log.number() == from.log { from.index } else { 0 };
                walk.find(&wanted, &taken, index, &mut |size| met(before + size), found)
            };
            for (back, head) in exchange.log.ended()?.into_iter().rev() {
                walk(Walk { store: &Before { store, back }, seals, log: head.origin }, before, &mut found)?;
                before += head.size;
            }
            walk(Walk { store, seals, log: *exchange.log.origin() }, before, &mut found)?;
            Ok((found, taken))
        })
        .await
    }

    fn at(&self, log: Origin, index: u64) -> Result<LeafAt, EraseError> {
        let size = self.size_of(&log)?.ok_or(EraseError::OtherLog(log))?;
        if index < size { Ok(LeafAt { log: log.number(), index }) } else { Err(EraseError::NoLeaf { index, size }) }
    }

    /// How many leaves a log of this region has that the store holds.
    pub(super) fn size_of(&self, log: &Origin) -> Result<Option<u64>, LogError> {
        if log == self.log.origin() {
            return Ok(Some(self.log.head().signed().checkpoint().size));
        }
        Ok(self.log.ended()?.into_iter().find(|(_, head)| head.origin == *log).map(|(_, head)| head.size))
    }

    /// How many leaves the logs of this region have that the store holds.
    pub fn leaves(&self) -> Result<u64, LogError> {
        let ended: u64 = self.log.ended()?.iter().map(|(_, head)| head.size).sum();
        Ok(ended + self.log.head().signed().checkpoint().size)
    }

    /// What is erased by its leaf and may still be there.
    pub(super) fn taken(&self) -> Result<BTreeSet<ErasedEntry>, LogError> {
        self.taken_where(|_| true)
    }

    /// The same of erasures that wait for no peer.
    pub(super) fn taken_for_good(&self) -> Result<BTreeSet<ErasedEntry>, LogError> {
        self.taken_where(|pending| !pending.early)
    }

    fn taken_where(&self, counts: impl Fn(&Pending) -> bool) -> Result<BTreeSet<ErasedEntry>, LogError> {
        let store = &**self.log.store();
        let mut taken = BTreeSet::new();
        for (erasure, _) in rows::pending(store)?.into_iter().filter(|(_, pending)| counts(pending)) {
            taken.extend(rows::list(store, erasure)?.map(|list| list.entries).unwrap_or_default());
        }
        Ok(taken)
    }
}

/// Whether the other side is told: it keeps what it has by the same periods, and it knows of its own notices.
fn tells(ground: ErasureGround) -> bool {
    matches!(ground, ErasureGround::SubjectRequest | ErasureGround::Order)
}

pub(super) async fn blocking<T: Send + 'static, E: From<LogError> + Send + 'static>(
    act: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    aside(act).await.map_err(|_| E::from(LogError::Closed))?
}
