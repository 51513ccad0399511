//! Answers that the rules let out only once others have cosigned them (PROTOCOL 31.5).
//!
//! The release of that answer waits, never the writer. Without a quorum in time a `withheld` leaf names the answer's leaf, and a refusal
//! is pronounced in its place, with a leaf of its own. What left once is never withheld. Not here: gathering cosignatures (`node::witness`).

use std::time::Duration;

use creditbay_configs::rules::witnessed::Witnessed;
use creditbay_crypto::note::NoteVerifier;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::event::Event;
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::Refusal;

use super::Exchange;
use super::erase::blocking;
use crate::log::entry::{Appended, Entry};
use crate::log::fault::LogError;
use crate::store::ledger::{self, Waited};
use crate::store::{Batch, Tree};
use crate::witness::heads::CosignedHead;

/// Whether an answer may leave.
pub(super) enum Gate {
    /// The rules ask for no witness.
    Open,
    /// Enough have cosigned this head, which covers the answer.
    Cosigned(Box<CosignedHead>),
    /// Not enough have, in the time that the rules give.
    Shut,
}

impl Exchange {
    /// Waits for the quorum, where the rules of the query's pack ask for one.
    pub(super) async fn gate(&self, query: &Query, asked: Millis, index: u64) -> Gate {
        let demand = match self.demand(query, asked).await {
            Ok(None) => return Gate::Open,
            Ok(Some(demand)) => demand,
            Err(_) => return Gate::Shut,
        };
        let third = self.third_parties(query);
        self.heads.hurry();
        let covering = self.heads.covering(index, |note| count(note, &third) >= demand.quorum);
        match tokio::time::timeout(Duration::from_secs(u64::from(demand.wait_seconds)), covering).await {
            Ok(head) => Gate::Cosigned(Box::new(head)),
            Err(_) => Gate::Shut,
        }
    }

    /// Whether a note bears what the rules ask for of an answer to this query.
    pub(super) fn is_witnessed(&self, query: &Query, demand: &Witnessed, note: &SignedCheckpoint) -> bool {
        count(note, &self.third_parties(query)) >= demand.quorum
    }

    /// What the query's pack asks for.
    pub(super) async fn demand(&self, query: &Query, asked: Millis) -> Result<Option<Witnessed>, Refusal> {
        let in_force = self.orders.read().await;
        let pack = in_force.pack_for(query.pack, asked)?;
        Ok(pack.witnessed().filter(|witnessed| witnessed.purposes.contains(&query.purpose)).cloned())
    }

    /// Neither issuer nor asker counts: each could lie about this exchange.
    fn third_parties(&self, query: &Query) -> Vec<NoteVerifier> {
        let regions = self.directory.regions().iter();
        let third = regions.filter(|entry| entry.name != query.issuer && entry.name != query.asker);
        third.map(|entry| entry.witness.clone()).collect()
    }

    /// What became of an answer that waited for witnesses.
    pub(super) fn waited(&self, answer: u64) -> Result<Option<Waited>, LogError> {
        Ok(ledger::waited(&**self.log.store(), answer)?)
    }

    /// Whether an answer may leave that enough have cosigned; that it does is durable before. Not where it was withheld meanwhile.
    pub(super) async fn lets_out(&self, answer: u64) -> Result<bool, LogError> {
        let _once = self.withholding.lock().await;
        match self.waited(answer)? {
            Some(waited) => Ok(waited == Waited::Left),
            None => {
                let store = self.log.store().clone();
                let mut batch = Batch::default();
                ledger::set_left(&mut batch, answer);
                blocking(move || Ok(store.commit(Tree::Log, batch)?)).await.map(|_durable| true)
            }
        }
    }

    /// The leaf that says that an answer was not released; once, whoever asks for it.
    pub(super) async fn note_withheld(&self, query: &Query, answer: u64) -> Result<Appended, LogError> {
        self.metrics.count("creditbay_withheld_total", &[("peer", query.asker.as_str())]);
        tracing::warn!(answer, peer = %query.asker, "an answer was withheld: no quorum of witnesses cosigned it in time");
        self.log.append(Entry::Event(Event::Withheld { answer })).await
    }
}

fn count(note: &SignedCheckpoint, witnesses: &[NoteVerifier]) -> u32 {
    note.note().verify(witnesses).map_or(0, |verified| verified.len() as u32)
}
