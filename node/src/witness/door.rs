//! `add-checkpoint` of C2SP tlog-witness: check, persist, answer, as one step for each log (PROTOCOL 31.2).
//!
//! One lock for each log is held from the check to the flush, so that of two submissions the later sees what the earlier left. Of a peer's
//! log nothing is cosigned but what is tied to the chain that its own connection showed (`log::seen`), so no other way leads around it.
//! Not here: HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{Note, NoteError, NoteSigner, NoteVerifier};
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::fork::{Alarm, Evidence};
use creditbay_protocol::name::Origin;
use creditbay_protocol::witness::{Offered, Submission, Tree, WitnessFault};
use tokio::sync::Mutex;

use crate::host::aside::aside;
use crate::host::clock::Clock;
use crate::host::telemetry::Metrics;
use crate::log::seen::{Seen, Standing};
use crate::store::witness as layout;
use crate::store::{Batch, Durable, Store, StoreError, Tree as StoreTree};

/// Why nothing was cosigned.
#[derive(Debug, thiserror::Error)]
pub enum DoorFault {
    /// The submission does not deserve it.
    #[error(transparent)]
    Refused(#[from] WitnessFault),
    /// The state could not be kept; nothing leaves before it is.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cosignature could not be made.
    #[error("the cosignature could not be made: {0}")]
    Signing(NoteError),
}

struct Served {
    log: NoteVerifier,
    /// The log's name as a peer's, where it is one.
    peer: Option<Origin>,
    latest: Mutex<Latest>,
}

struct Latest {
    tree: Tree,
    note: Option<Note>,
}

/// The logs that are served, and what was cosigned of each.
pub struct Door {
    logs: BTreeMap<String, Served>,
    signer: Arc<NoteSigner>,
    seen: Arc<Seen>,
    store: Arc<dyn Store>,
    clock: Arc<Clock>,
    metrics: Arc<Metrics>,
}

impl Door {
    /// Goes on from what the store kept about these logs.
    pub fn recover(
        peers: impl IntoIterator<Item = (Origin, NoteVerifier)>,
        foreign: impl IntoIterator<Item = NoteVerifier>,
        signer: Arc<NoteSigner>,
        seen: Arc<Seen>,
        clock: Arc<Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, DoorFault> {
        let store = seen.trust().store().clone();
        let peers = peers.into_iter().map(|(origin, log)| (Some(origin), log));
        let mut logs = BTreeMap::new();
        for (peer, log) in peers.chain(foreign.into_iter().map(|log| (None, log))) {
            let origin = log.name().to_string();
            let latest = match layout::latest(&*store, &origin)? {
                None => Latest { tree: Tree::empty(), note: None },
                Some(kept) => {
                    let (tree, note) = Offered::kept(&kept, &log)?;
                    Latest { tree, note: Some(note) }
                }
            };
            logs.entry(origin).or_insert(Served { log, peer, latest: Mutex::new(latest) });
        }
        Ok(Self { logs, signer, seen, store, clock, metrics })
    }

    /// The cosignature over a submitted checkpoint: a signature line with its newline. It is durable when this returns.
    pub async fn add_checkpoint(&self, body: &[u8]) -> Result<String, DoorFault> {
        let added = self.add(body).await;
        match &added {
            Ok(_) => self.metrics.count("creditbay_cosignatures_given_total", &[]),
            Err(DoorFault::Refused(fault)) => {
                let status = fault.status().to_string();
                self.metrics.count("creditbay_cosignatures_refused_total", &[("status", &status)]);
            }
            Err(_) => self.metrics.count("creditbay_cosignatures_refused_total", &[("status", "500")]),
        }
        added
    }

    async fn add(&self, body: &[u8]) -> Result<String, DoorFault> {
        let submission = Submission::parse(body)?;
        let served = submission.origin().and_then(|origin| self.logs.get(origin)).ok_or(WitnessFault::UnknownLog)?;
        let offered = submission.signed_by(&served.log)?;
        if served.peer.is_some_and(|peer| self.seen.suspended(&peer).is_some()) {
            return Err(WitnessFault::NotSigned(NoteError::NoKnownKey).into());
        }
        let mut latest = served.latest.lock().await;
        if let Err(fault) = offered.follows(&latest.tree) {
            self.keep_fork(served, &offered, &latest, &fault);
            return Err(fault.into());
        }
        if let Some(peer) = &served.peer {
            self.tie(peer, served, &offered, &mut latest).await?;
        }
        let seconds = (self.clock.now().0 / 1000).max(1);
        let line = self.signer.cosign(&offered.note().text, seconds).map_err(DoorFault::Signing)?;
        let mut note = offered.note().clone();
        note.lines.push(line.clone());
        self.persist(served, *offered.tree(), note, &mut latest).await?;
        Ok(format!("{line}\n"))
    }

    /// Nothing of a peer's log is cosigned that its own connection did not show, or that does not continue what it showed.
    async fn tie(&self, peer: &Origin, served: &Served, offered: &Offered, latest: &mut Latest) -> Result<(), DoorFault> {
        let tree = *offered.tree();
        let signed = SignedCheckpoint::verify(offered.note().to_string().as_bytes(), peer, &served.log);
        let signed = signed.map_err(|_| WitnessFault::Checkpoint)?;
        // Announced on the connection at the time of the offer, it may be a moment behind.
        let ahead = tree.size > self.seen.size(peer);
        if ahead && self.seen.size(peer) != 0 {
            drop(self.seen.root(peer, tree.size).await);
        }
        match self.seen.stand(peer, latest.tree.size, &signed, offered.proof()) {
            Standing::Linked(_) => Ok(()),
            Standing::Fork => Err(WitnessFault::OtherRoot { size: tree.size }.into()),
            Standing::Unlinked => {
                // From the newest that was seen a proof would tie it: that counts as cosigned last from now on.
                let newest = self.seen.newest(peer).and_then(|(_, note)| Offered::kept(&note, &served.log).ok());
                if let Some((newest, mut note)) = newest.filter(|(newest, _)| newest.size > latest.tree.size) {
                    let line = self.signer.cosign(&note.text, (self.clock.now().0 / 1000).max(1)).map_err(DoorFault::Signing)?;
                    note.lines.retain(|line| line.name == *served.log.name());
                    note.lines.push(line);
                    self.persist(served, newest, note, latest).await?;
                }
                Err(WitnessFault::Conflict { latest: latest.tree.size }.into())
            }
        }
    }

    /// On disk first, then in memory; whoever asks gets the answer after both.
    async fn persist(&self, served: &Served, tree: Tree, note: Note, latest: &mut Latest) -> Result<(), DoorFault> {
        let mut batch = Batch::default();
        layout::set_latest(&mut batch, served.log.name().as_str(), note.to_string().into_bytes());
        let store = self.store.clone();
        let committed = aside(move || store.commit(StoreTree::Witness, batch)).await;
        let Durable { .. } = committed.map_err(|_| StoreError::Stopped)??;
        *latest = Latest { tree, note: Some(note) };
        Ok(())
    }

    /// A signed note of the size that was cosigned last, with another root, proves a fork whoever brought it.
    fn keep_fork(&self, served: &Served, offered: &Offered, latest: &Latest, fault: &WitnessFault) {
        let (WitnessFault::OtherRoot { size }, Some(peer), Some(note)) = (fault, &served.peer, &latest.note) else { return };
        let read = |note: &Note| SignedCheckpoint::verify(note.to_string().as_bytes(), peer, &served.log);
        if let (Ok(seen), Ok(offered)) = (read(note), read(offered.note())) {
            let evidence = Evidence::new(Alarm::Fork, &served.log, [&seen, &offered], &[]);
            self.seen.trust().alarm(peer, *size, &format!("FORK: log {peer} signed two roots at size {size}"), &evidence);
        }
    }

    /// The newest note of a log that was cosigned here, by the SHA-256 of the log's origin in hex.
    pub async fn newest(&self, origin_sha256: &str) -> Option<Vec<u8>> {
        let served = self.logs.iter().find(|(origin, _)| Digest::of(origin.as_bytes()).to_string() == origin_sha256);
        let latest = served?.1.latest.lock().await;
        latest.note.as_ref().map(|note| note.to_string().into_bytes())
    }

    /// Takes a published note of a peer's log that bears this witness's own cosignature and is newer than what is kept: what this node
    /// cosigned before its store was restored holds.
    pub async fn adopt(&self, peer: &Origin, published: &[u8]) -> Result<bool, DoorFault> {
        let Some(served) = self.logs.get(&peer.to_string()) else { return Ok(false) };
        let Ok((tree, mut note)) = Offered::kept(published, &served.log) else { return Ok(false) };
        if note.verify(&[self.signer.verifier().clone()]).is_err() {
            return Ok(false);
        }
        let own = self.signer.verifier();
        note.lines.retain(|line| line.name == *served.log.name() || (line.name == *own.name() && line.key_id == own.key_id()));
        let mut latest = served.latest.lock().await;
        if tree.size <= latest.tree.size {
            return Ok(false);
        }
        let shown = note.to_string();
        self.persist(served, tree, note, &mut latest).await?;
        self.seen.adopt(peer, shown.as_bytes());
        tracing::info!(log = %peer, size = tree.size, "a note that this witness cosigned before was taken up again");
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
