//! What this node has seen of its peers' logs: one chain of checkpoints for each, under one lock, whatever connection they come by.
//!
//! Proof of a fork, or a proof withheld, suspends trust in that log until an operator decides. Not here: connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::NoteVerifier;
use creditbay_protocol::chain::{Chain, ChainFault, TrustedRoot};
use creditbay_protocol::limits::CHECKPOINT_WAIT_MS;
use creditbay_protocol::name::Origin;
use tokio::sync::Notify;

use crate::host::clock::Clock;
use crate::host::telemetry::Metrics;
use crate::store::log as layout;
use crate::store::{Store, StoreError};

struct Known {
    chain: Chain,
    suspended: Option<String>,
}

/// The chains of all peers.
pub struct Seen {
    chains: Mutex<BTreeMap<Origin, Known>>,
    news: Notify,
    clock: Arc<Clock>,
    metrics: Arc<Metrics>,
}

impl Seen {
    /// Goes on from what the store kept of these logs.
    pub fn recover(
        store: &dyn Store,
        peers: &[(Origin, NoteVerifier)],
        clock: Arc<Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StoreError> {
        let mut chains = BTreeMap::new();
        for (origin, log) in peers {
            let kept = layout::seen(store, origin)?;
            let resume = kept.map(|note| Chain::resume(*origin, log.clone(), &note, clock.now()));
            let (chain, suspended) = match resume {
                None => (Chain::unseen(*origin, log.clone()), None),
                Some(Ok(chain)) => (chain, None),
                Some(Err(error)) => {
                    (Chain::unseen(*origin, log.clone()), Some(format!("the note kept of it does not verify: {error}")))
                }
            };
            chains.insert(*origin, Known { chain, suspended });
        }
        Ok(Self { chains: Mutex::new(chains), news: Notify::new(), clock, metrics })
    }

    /// Takes the next note of a log, with a proof that begins at size `from`. `None` for a log that the directory does not name.
    pub fn hear(&self, origin: &Origin, from: u64, note: &[u8], proof: &[Digest]) -> Option<Result<TrustedRoot, ChainFault>> {
        let mut chains = self.chains();
        let known = chains.get_mut(origin)?;
        let heard = known.chain.advance_from(from, note, proof, self.clock.now());
        match &heard {
            Ok(_) => self.news.notify_waiters(),
            Err(ChainFault::Fork { .. } | ChainFault::Withheld { .. }) if known.suspended.is_none() => {
                let fault = heard.as_ref().err().map(ToString::to_string).unwrap_or_default();
                tracing::warn!(log = %origin, "ALARM {fault}; trust in this log is suspended until an operator decides");
                self.metrics.count("creditbay_alarms_total", &[("log", &origin.to_string())]);
                known.suspended = Some(fault);
            }
            Err(_) => {}
        }
        Some(heard)
    }

    /// Whether a note of this log was heard that is larger than the proof in hand reaches: the size seen.
    pub fn size(&self, origin: &Origin) -> u64 {
        self.chains().get(origin).map_or(0, |known| known.chain.size())
    }

    /// The newest note seen of a log, with the size that it signs.
    pub fn newest(&self, origin: &Origin) -> Option<(u64, Vec<u8>)> {
        let chains = self.chains();
        let signed = chains.get(origin)?.chain.newest()?;
        Some((signed.checkpoint().size, signed.note_bytes()))
    }

    /// Why trust in a log is suspended, if it is.
    pub fn suspended(&self, origin: &Origin) -> Option<String> {
        self.chains().get(origin)?.suspended.clone()
    }

    /// The root of a log at a size; waits up to a second for its checkpoint.
    pub async fn root(&self, origin: &Origin, size: u64) -> Option<TrustedRoot> {
        let wait = async {
            loop {
                let news = self.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                if let Some(root) = self.root_now(origin, size) {
                    return root;
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_millis(CHECKPOINT_WAIT_MS), wait).await.ok()
    }

    /// Notes that are newer than the sizes in `written`.
    pub fn newer_than(&self, written: &BTreeMap<Origin, u64>) -> Vec<(Origin, u64, Vec<u8>)> {
        let chains = self.chains();
        let newest = chains.iter().filter_map(|(origin, known)| Some((origin, known.chain.newest()?)));
        newest
            .filter(|(origin, signed)| written.get(origin) != Some(&signed.checkpoint().size))
            .map(|(origin, signed)| (*origin, signed.checkpoint().size, signed.note_bytes()))
            .collect()
    }

    fn root_now(&self, origin: &Origin, size: u64) -> Option<TrustedRoot> {
        self.chains().get(origin)?.chain.root_at(size)
    }

    fn chains(&self) -> MutexGuard<'_, BTreeMap<Origin, Known>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
