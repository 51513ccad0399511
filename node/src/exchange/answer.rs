//! The responder's story (PROTOCOL 18).

use std::sync::Arc;

use creditbay_configs::rules::evaluate::{Facts, evaluate};
use creditbay_configs::rules::record::{Record, Report};
use creditbay_crypto::secret::Seed;
use creditbay_protocol::answer::{Indeterminate, Reply, Truth, Verdict};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::{Fault, Refusal};
use creditbay_protocol::responder::{AnsweredBefore, AskedHere, Fresh, Judged, Received};

use super::Exchange;
use super::replay::{Claim, Ticket};
use super::witnessed::Gate;
use crate::log::entry::{Appended, Entry};
use crate::log::fault::LogError;
use crate::log::find;
use crate::log::rows::Row;
use crate::policy;
use crate::policy::ledger::{Cost, Reservation, ReserveError, VolumeWarning};
use crate::policy::orders::InForce;
use crate::store::ledger::Waited;
use crate::store::records::RecordsError;

/// Who is at the other end of the connection, by the key that it proved.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its region.
    pub region: Region,
    /// Its log.
    pub log: Origin,
}

/// A reply that may leave: the message, the leaf under which it was logged, and the cosigned note where the rules ask for one.
pub struct Released {
    pronounced: Pronounced,
    appended: Appended,
    cosigned: Option<Box<SignedCheckpoint>>,
}

enum Pronounced {
    /// Now.
    Now(Arc<Judged>),
    /// Before; it is proved again.
    Before(Box<AnsweredBefore>),
}

impl Released {
    /// The frame, proved under `appended`: the leaf's own head, or a newer one that the peer has.
    pub fn frame(&self, appended: &Appended) -> Result<Vec<u8>, Fault> {
        match &self.pronounced {
            Pronounced::Now(judged) => judged.release(&appended.committed),
            Pronounced::Before(answered) => answered.release(&appended.committed),
        }
        .map_err(|_| Fault::LogStopped)
    }

    /// The leaf.
    pub fn appended(&self) -> &Appended {
        &self.appended
    }

    /// The note under which alone it may leave, with the cosignatures that the rules ask for.
    pub fn cosigned(&self) -> Option<&SignedCheckpoint> {
        self.cosigned.as_deref()
    }

    fn is_refusal(&self) -> bool {
        let answer = match &self.pronounced {
            Pronounced::Now(judged) => judged.answer(),
            Pronounced::Before(answered) => &answered.answer,
        };
        matches!(answer.reply, Reply::Refused(_))
    }

    fn now(judged: Arc<Judged>, appended: Appended) -> Self {
        Self { pronounced: Pronounced::Now(judged), appended, cosigned: None }
    }
}

impl Exchange {
    /// Answers one frame of a peer. Whatever is wrong before the query is verified is a fault and leaves no leaf.
    pub async fn answer(&self, peer: &Peer, frame: &[u8]) -> Result<Released, Fault> {
        self.log.running().map_err(|_| Fault::LogStopped)?;
        if self.log.seen().suspended(&peer.log).is_some() {
            return Err(Fault::TrustSuspended);
        }
        let identified = Received::parse(frame)?.identify(self.me, peer.region, &peer.log)?;
        let root = self.log.seen().root(&peer.log, identified.size()).await.ok_or(Fault::CheckpointMissing)?;
        let now = self.clock.sure_now(Millis(0)).map_err(|_| Fault::LogStopped)?;
        let fresh = identified.include(&root)?.fresh(now, self.log.watermark())?;
        let ticket = match self.claim(&fresh).await? {
            Claimed::New(ticket) => ticket,
            Claimed::Answered(index) => {
                let before = self.answer_again(index)?;
                return self
                    .release(before, &fresh.asked().query.clone(), fresh.asked().time, |refusal, seed| {
                        fresh.judge(Reply::Refused(refusal), seed)
                    })
                    .await;
            }
        };
        let (judged, appended) = self.pronounce(peer, fresh, now).await?;
        // From its leaf on the query is answered, whatever becomes of its release.
        ticket.settle(appended.committed.place().index);
        let (query, asked) = (judged.asked().query.clone(), judged.asked().time);
        let answer = Released::now(judged.clone(), appended);
        let released = self.release(answer, &query, asked, |refusal, seed| judged.refused_instead(refusal, seed)).await?;
        self.log.raise_watermark(self.replay.prune(now));
        Ok(released)
    }

    /// What may leave of a reply: itself, or where the rules ask for witnesses and too few have cosigned in time, a refusal.
    async fn release(
        &self,
        mut reply: Released,
        query: &Query,
        asked: Millis,
        refused: impl FnOnce(Refusal, Seed) -> Judged,
    ) -> Result<Released, Fault> {
        if reply.is_refusal() {
            return Ok(reply);
        }
        let index = reply.appended.committed.place().index;
        let gate = match self.waited(index).map_err(|error| self.refuse_leaf(&error))? {
            Some(Waited::Withheld) => Gate::Shut,
            Some(Waited::Left) | None => self.gate(query, asked, index).await,
        };
        match gate {
            Gate::Open => Ok(reply),
            Gate::Cosigned(head) if self.lets_out(index).await.map_err(|error| self.refuse_leaf(&error))? => {
                reply.appended = self.log.prove(index, &head.head).map_err(|error| self.refuse_leaf(&error))?;
                reply.cosigned = Some(Box::new(head.note));
                Ok(reply)
            }
            Gate::Cosigned(_) | Gate::Shut => {
                self.withhold(query, index, Arc::new(refused(Refusal::NotWitnessed, self.entropy.seed()))).await
            }
        }
    }

    /// The answer stays in the log and never leaves: a leaf says so, and the refusal has one of its own.
    async fn withhold(&self, query: &Query, answer: u64, refusal: Arc<Judged>) -> Result<Released, Fault> {
        let _once = self.withholding.lock().await;
        let key = &refusal.asked().place;
        if let Some(before) = self.replay.answered(key.origin, key.index).filter(|index| *index != answer) {
            return self.answer_again(before);
        }
        let waited = self.waited(answer).map_err(|error| self.refuse_leaf(&error))?;
        // It left once, so it is no other answer that its asker gets now: the same, as soon as witnesses are in reach again.
        if waited == Some(Waited::Left) {
            return Err(Fault::LogStopped);
        }
        let pronounce = async {
            if waited.is_none() {
                self.note_withheld(query, answer).await?;
            }
            self.log.append(Entry::Answer(refusal.clone())).await
        };
        let appended = pronounce.await.map_err(|error| self.refuse_leaf(&error))?;
        self.replay.answer_instead(key.origin, key.index, appended.committed.place().index);
        Ok(Released::now(refusal, appended))
    }

    /// From a query that was verified and is new to a reply whose leaf is durable, with what it spends.
    pub async fn pronounce(&self, peer: &Peer, fresh: Fresh, now: Millis) -> Result<(Arc<Judged>, Appended), Fault> {
        let in_force = self.orders.in_force(&self.log, now).await.map_err(|error| self.refuse_leaf(&error))?;
        let (reply, reservation) = self.judge(peer, &in_force, fresh.asked())?;
        let judged = Arc::new(fresh.judge(reply, self.entropy.seed()));
        let spendings = reservation.as_ref().map(|reservation| reservation.spendings().to_vec()).unwrap_or_default();
        let submitted = self.log.submit(Entry::Answer(judged.clone()), spendings).await;
        // The leaf has its place: whatever is ordered from here on stands behind it.
        drop(in_force);
        let appended = match submitted {
            Ok(submitted) => submitted.durable().await,
            Err(error) => Err(error),
        };
        let appended = appended.map_err(|error| self.refuse_leaf(&error))?;
        if let Some(reservation) = reservation {
            reservation.settle();
        }
        Ok((judged, appended))
    }

    /// Waits while somebody else answers the same query.
    async fn claim(&self, fresh: &Fresh) -> Result<Claimed, Fault> {
        loop {
            match self.replay.claim(fresh.asked()) {
                Claim::New(ticket) => return Ok(Claimed::New(ticket)),
                Claim::Answered(index) => return Ok(Claimed::Answered(index)),
                Claim::OtherBytes(answer) => return Err(self.two_leaves(fresh.asked(), answer)),
                Claim::Lost => return Err(Fault::Expired),
                Claim::InFlight(mut wait) => while wait.changed().await.is_ok() {},
            }
        }
    }

    /// Rules, then records, then budgets. The look-up is made whatever the rules say, so that a refusal takes the same way.
    fn judge(&self, peer: &Peer, in_force: &InForce<'_>, asked: &AskedHere) -> Result<(Reply, Option<Reservation>), Fault> {
        let query = &asked.query;
        let (records, report) = self.look_up(query)?;
        let law = self.directory.entry(self.me).map(|entry| entry.law).ok_or(Fault::LogStopped)?;
        let judged = policy::may_answer(in_force, &self.directory, self.me, query, asked.time).map(|pack| {
            let registers = self.records.registers();
            let now = self.clock.now();
            let facts = Facts { records: &records, report: report.as_ref() };
            let verdicts = evaluate(pack, query.predicates.as_slice(), law, &facts, &registers, now);
            let unknown = |verdict: &Verdict| verdict.truth == Truth::Indeterminate(Indeterminate::NoSource);
            let cost = Cost { unknown: verdicts.verdicts.iter().all(unknown) };
            (verdicts, self.ledger.reserve_answer(pack.budgets(), pack.volumes(), query, cost, now))
        });
        match judged {
            Ok((verdicts, Ok((reservation, warning)))) => {
                self.metrics.count("creditbay_answers_total", &[("peer", peer.region.as_str())]);
                if let Some(VolumeWarning { peer, persons, threshold }) = warning {
                    self.metrics.count("creditbay_volume_warnings_total", &[("peer", peer.as_str())]);
                    tracing::warn!(%peer, persons, threshold, "answers about natural persons in this year come near a threshold");
                }
                Ok((Reply::Answered(verdicts), Some(reservation)))
            }
            Ok((_, Err(ReserveError::Unreadable(error)))) => Err(self.refuse_leaf(&LogError::Rows(error))),
            Ok((_, Err(ReserveError::Key(error)))) => Err(self.refuse_leaf(&LogError::Sealing(error.to_string()))),
            Ok((_, Err(ReserveError::Spent(refusal)))) | Err(refusal) => self.refuse(peer, refusal),
        }
    }

    /// The records of the subject, and the report with the digest that came, if it was given out to this subject.
    fn look_up(&self, query: &Query) -> Result<(Vec<Record>, Option<Report>), Fault> {
        let subject = query.subject.entity();
        let look_up = || -> Result<_, RecordsError> {
            let records = subject.map_or(Ok(Vec::new()), |subject| self.records.of(subject))?;
            let report = query.digest.map_or(Ok(None), |file| self.records.report(&file, subject))?;
            Ok((records, report))
        };
        look_up().map_err(|error| {
            tracing::error!("{error}");
            Fault::LogStopped
        })
    }

    fn refuse(&self, peer: &Peer, refusal: Refusal) -> Result<(Reply, Option<Reservation>), Fault> {
        if !self.refusals.take(peer.region, self.clock.now()) {
            return Err(Fault::LeafBudgetSpent);
        }
        self.metrics.count("creditbay_refusals_total", &[("peer", peer.region.as_str()), ("reason", refusal.name())]);
        Ok((Reply::Refused(refusal), None))
    }

    /// The same answer under a fresh proof. Where what opens it was erased, nothing can be said again.
    fn answer_again(&self, index: u64) -> Result<Released, Fault> {
        self.metrics.count("creditbay_answers_again_total", &[]);
        let row = find::row(&**self.log.store(), &self.seals, index).map_err(|error| self.refuse_leaf(&error))?;
        let Some(Row::Answer { seed, answer, query, .. }) = row else { return Err(Fault::Expired) };
        let appended = self.log.prove(index, &self.log.head()).map_err(|error| self.refuse_leaf(&error))?;
        let body = LeafBody::of_answer(&query, &answer, &seed);
        let before = AnsweredBefore { answer, seed, body };
        Ok(Released { pronounced: Pronounced::Before(Box::new(before)), appended, cosigned: None })
    }

    pub(super) fn refuse_leaf(&self, error: &LogError) -> Fault {
        tracing::warn!("a query was not answered: {error}");
        Fault::LogStopped
    }
}

enum Claimed {
    New(Ticket),
    Answered(u64),
}
