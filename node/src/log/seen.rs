//! What this node has seen of its peers' logs: one chain of checkpoints for each, under one lock, whatever connection they come by.
//!
//! Proof of a fork, or a proof withheld, suspends trust in that log until an operator decides (`trust`). Not here: connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{Note, NoteVerifier};
use creditbay_protocol::chain::{Chain, ChainFault, TrustedRoot};
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::fork::{Alarm, Evidence};
use creditbay_protocol::limits::CHECKPOINT_WAIT_MS;
use creditbay_protocol::name::Origin;
use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::succession;
use tokio::sync::Notify;

use super::trust::Trust;
use crate::host::clock::Clock;
use crate::host::telemetry::Metrics;
use crate::store::log::{self as layout, RowError};
use crate::store::witness as cosigned;
use crate::store::{Store, StoreError};

/// A log that is followed.
#[derive(Clone)]
pub struct Followed {
    /// Which.
    pub origin: Origin,
    /// Its key.
    pub log: NoteVerifier,
}

struct Known {
    chain: Chain,
    log: NoteVerifier,
}

/// The chains of all peers.
pub struct Seen {
    chains: Mutex<BTreeMap<Origin, Known>>,
    /// Whose cosignatures are kept with a note.
    witnesses: Vec<NoteVerifier>,
    news: Notify,
    trust: Arc<Trust>,
    clock: Arc<Clock>,
    /// What the regions decided about logs whose end was lost.
    decided: Vec<OrphanedRange>,
}

/// How a note that came by another way than its log's connection stands to what was seen.
pub enum Standing {
    /// It is one of the notes seen, or continues the newest.
    Linked(TrustedRoot),
    /// Its log signed another root at this size: trust has ended.
    Fork,
    /// Nothing ties it to what was seen.
    Unlinked,
}

impl Seen {
    /// Goes on from what the stores kept of these logs: the newest note seen, or the newest cosigned if that is larger.
    pub fn recover(
        store: &dyn Store,
        peers: &[Followed],
        witnesses: Vec<NoteVerifier>,
        trust: Arc<Trust>,
        clock: Arc<Clock>,
    ) -> Result<Self, StoreError> {
        let mut chains = BTreeMap::new();
        for Followed { origin, log } in peers {
            let mut chain = Chain::unseen(*origin, log.clone());
            let kept = [layout::seen(store, origin)?, cosigned::latest(&**trust.store(), &origin.to_string())?];
            for note in kept.into_iter().flatten() {
                match Chain::resume(*origin, log.clone(), &note, clock.now()) {
                    Ok(resumed) if resumed.size() >= chain.size() => chain = resumed,
                    Ok(_) => {}
                    Err(error) => trust.suspend(*origin, format!("the note kept of it does not verify: {error}")),
                }
            }
            chains.insert(*origin, Known { chain, log: log.clone() });
        }
        Ok(Self { chains: Mutex::new(chains), witnesses, news: Notify::new(), trust, clock, decided: Vec::new() })
    }

    /// The same with what the network directory lists as orphaned.
    pub fn with_decisions(self, decided: Vec<OrphanedRange>) -> Self {
        Self { decided, ..self }
    }

    /// What the regions decided about the end of a log, if they did.
    pub fn decided(&self, log: &Origin) -> Option<&OrphanedRange> {
        self.decided.iter().find(|range| range.log == *log)
    }

    /// For a log that is opened without peers: nothing was seen, and nobody is heard.
    pub fn of_nobody(store: Arc<dyn Store>, clock: Arc<Clock>, metrics: Arc<Metrics>) -> Result<Self, RowError> {
        let trust = Arc::new(Trust::recover(store.clone(), None, [], clock.clone(), metrics)?);
        Ok(Self::recover(&*store, &[], Vec::new(), trust, clock)?)
    }

    /// Takes the next note of a log, with a proof that begins at size `from`. `None` for a log that the directory does not name.
    pub fn hear(&self, origin: &Origin, from: u64, note: &[u8], proof: &[Digest]) -> Option<Result<TrustedRoot, ChainFault>> {
        let note = self.without_strangers(note);
        let mut chains = self.chains();
        let known = chains.get_mut(origin)?;
        let before = known.chain.newest().cloned();
        let heard = known.chain.advance_from(from, &note, proof, self.clock.now());
        match &heard {
            Ok(_) => self.news.notify_waiters(),
            Err(fault @ ChainFault::Fork { seen, offered }) => {
                let evidence = Evidence::new(Alarm::Fork, &known.log, [seen, offered], proof);
                self.trust.alarm(origin, offered.checkpoint().size, &fault.to_string(), &evidence);
            }
            Err(fault @ ChainFault::Withheld { offered: size, .. }) => {
                let offered = SignedCheckpoint::verify(&note, origin, &known.log);
                if let (Some(seen), Ok(offered)) = (before, offered) {
                    let evidence = Evidence::new(Alarm::ConsistencyWithheld, &known.log, [&seen, &offered], proof);
                    self.trust.alarm(origin, *size, &fault.to_string(), &evidence);
                }
            }
            Err(_) => {}
        }
        Some(heard)
    }

    /// Holds a note that did not come by its log's own connection against what was seen. Where that ends at `from`, the proof continues
    /// it. Another root is a fork; a proof that fails is none, since anybody may have sent it. A log that follows another begins on its own
    /// connection alone, where it shows what it goes on from.
    pub fn stand(&self, origin: &Origin, from: u64, signed: &SignedCheckpoint, proof: &[Digest]) -> Standing {
        let checkpoint = *signed.checkpoint();
        let mut chains = self.chains();
        let Some(known) = chains.get_mut(origin) else { return Standing::Unlinked };
        match known.chain.root_at(checkpoint.size) {
            Some(root) if *root.root() == checkpoint.root => Standing::Linked(root),
            Some(other) => {
                let evidence = Evidence::new(Alarm::Fork, &known.log, [other.signed(), signed], proof);
                let what = format!("FORK: log {origin} signed two roots at size {}", checkpoint.size);
                self.trust.alarm(origin, checkpoint.size, &what, &evidence);
                Standing::Fork
            }
            None if known.chain.newest().is_none() && succession::predecessor(origin).is_some() => Standing::Unlinked,
            None if known.chain.size() == from => {
                match known.chain.advance_from(from, &signed.note_bytes(), proof, self.clock.now()) {
                    Ok(root) => {
                        self.news.notify_waiters();
                        Standing::Linked(root)
                    }
                    Err(_) => Standing::Unlinked,
                }
            }
            None => Standing::Unlinked,
        }
    }

    /// Goes on from a note that bears this node's own cosignature, of before its store was restored, say.
    pub fn adopt(&self, origin: &Origin, note: &[u8]) -> bool {
        let mut chains = self.chains();
        let Some(known) = chains.get_mut(origin) else { return false };
        match Chain::resume(*origin, known.log.clone(), note, self.clock.now()) {
            Ok(resumed) if resumed.size() > known.chain.size() => {
                known.chain = resumed;
                true
            }
            _ => false,
        }
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

    /// Which logs are trusted no more.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// Why trust in a log is suspended, if it is.
    pub fn suspended(&self, origin: &Origin) -> Option<String> {
        self.trust.suspended(origin)
    }

    /// The root of a log at a size; waits up to a second for its checkpoint.
    pub async fn root(&self, origin: &Origin, size: u64) -> Option<TrustedRoot> {
        self.root_such(origin, size, |_| true).await
    }

    /// The root of a log at a size once its note is such; waits up to a second for it.
    pub async fn root_such(&self, origin: &Origin, size: u64, such: impl Fn(&SignedCheckpoint) -> bool) -> Option<TrustedRoot> {
        let wait = async {
            loop {
                let news = self.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                if let Some(root) = self.root_now(origin, size).filter(|root| such(root.signed())) {
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

    /// The note without lines that neither its log nor a known witness made: one that does not verify would spoil what is kept of it.
    fn without_strangers(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(mut note) = Note::parse(bytes) else { return bytes.to_vec() };
        let text = note.text.clone();
        note.lines.retain(|line| {
            let alone = Note { text: text.clone(), lines: vec![line.clone()] };
            text.starts_with(&format!("{}\n", line.name)) || alone.verify(&self.witnesses).is_ok()
        });
        if note.lines.is_empty() { bytes.to_vec() } else { note.to_string().into_bytes() }
    }

    fn chains(&self) -> MutexGuard<'_, BTreeMap<Origin, Known>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
