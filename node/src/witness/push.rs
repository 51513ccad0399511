//! Offering this log's heads to witnesses: the newest one, at most once a second, at once where a witnessed answer waits (PROTOCOL 31.3).
//!
//! One task for each witness, so that one that answers slowly, wrongly or endlessly delays itself alone. Not here: what is published
//! (`heads`), how a connection is opened (`connect`).

use std::sync::Arc;
use std::time::Duration;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::NoteVerifier;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::name::Origin;
use creditbay_protocol::witness::{Submission, cosignatures};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connect::{Answer, ConnectError, Prefix, Way};
use super::door::Door;
use super::heads::Heads;
use crate::host::telemetry::Metrics;
use crate::log::Log;
use crate::log::fault::LogError;

/// The least time between two offers that nobody is in a hurry for.
const BETWEEN_OFFERS: Duration = Duration::from_secs(1);
/// How long one offer may take, with all that is said and answered again.
const OFFER_WAIT: Duration = Duration::from_secs(5);
/// How long the peers are asked at the start for notes that this witness cosigned.
const ADOPT_WAIT: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often one head is offered again with the proof that the witness asked for.
const TRIES: usize = 4;

/// A witness and the way to it.
pub struct Target {
    /// Its key.
    pub vkey: NoteVerifier,
    /// The way to its door.
    pub way: Box<dyn Way>,
}

/// Lets the peers hear of a head on their connections.
pub type Announce = Box<dyn Fn(&SignedHead) + Send + Sync>;

/// What offering needs.
pub struct Offering {
    /// This log.
    pub log: Log,
    /// Its key, to know its own notes again.
    pub log_key: NoteVerifier,
    /// What comes back.
    pub heads: Arc<Heads>,
    /// How peers hear of a head first.
    pub announce: Announce,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// Why an offer brought nothing.
#[derive(Debug, thiserror::Error)]
enum OfferError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("no answer within {} s", OFFER_WAIT.as_secs())]
    Slow,
    #[error("status {0}")]
    Refused(u16),
    #[error("an answer without a cosignature of this witness that verifies")]
    NoCosignature,
    #[error("it asks for another proof again and again")]
    Conflicts,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Begins to offer, for as long as the tasks run.
pub fn start(offering: Offering, targets: Vec<Target>, tasks: &mut JoinSet<()>) {
    let offering = Arc::new(offering);
    let mut offered = Vec::new();
    for target in targets {
        let (offers, heads) = watch::channel(offering.log.head());
        offered.push(offers);
        tasks.spawn(keep_offering(offering.clone(), target, heads));
    }
    tasks.spawn(async move { offering.choose_heads(&offered).await });
}

/// Asks the peers for published notes that bear this witness's cosignature, at most so long: a witness whose store was restored goes on
/// from there.
pub async fn adopt_own(door: Arc<Door>, peers: Vec<(Origin, Prefix)>) {
    let mut asking = JoinSet::new();
    for (origin, prefix) in peers {
        let door = door.clone();
        asking.spawn(async move {
            let asked = async { prefix.open().await?.call(&prefix, "GET", "/checkpoint", Vec::new()).await };
            if let Ok(Ok(Answer { status: 200, body })) = tokio::time::timeout(ADOPT_WAIT, asked).await
                && let Err(error) = door.adopt(&origin, &body).await
            {
                tracing::warn!(log = %origin, "a note that this witness cosigned could not be taken up: {error}");
            }
        });
    }
    while asking.join_next().await.is_some() {}
}

impl Offering {
    /// Offers the newest head whenever there is one, and tells the peers of it on their connections.
    async fn choose_heads(&self, offered: &[watch::Sender<Arc<SignedHead>>]) {
        let mut heads = self.log.heads();
        loop {
            let head = heads.borrow_and_update().clone();
            (self.announce)(&head);
            self.heads.offer(&head);
            offered.iter().for_each(|to| drop(to.send_replace(head.clone())));
            let rested = tokio::time::sleep(BETWEEN_OFFERS);
            if heads.changed().await.is_err() {
                return;
            }
            tokio::select! { biased; () = self.heads.hurried() => {} () = rested => {} }
        }
    }

    /// Offers a head; answers a conflict with the proof that the witness asks for. Gives the size that the witness cosigned last.
    async fn offer(&self, to: &mut Witness, head: &SignedHead) -> Result<(), OfferError> {
        let (checkpoint, text) = (*head.signed().checkpoint(), &head.signed().note().text);
        for _ in 0..TRIES {
            if to.latest > checkpoint.size {
                // A newer head than this one was offered or announced meanwhile; if there is none, this log is not what it was.
                return if to.latest > self.log.head().signed().checkpoint().size { self.examine(to).await } else { Ok(()) };
            }
            let proof = if to.latest == 0 { Vec::new() } else { self.log.consistency(to.latest, head)? };
            let body = Submission::new(to.latest, proof, head.signed().note_bytes()).body();
            let answer = to.target.way.call("POST", "/add-checkpoint", body).await?;
            match answer.status {
                200 => {
                    let lines = cosignatures(&answer.body, text, &to.target.vkey);
                    let line = lines.into_iter().next().ok_or(OfferError::NoCosignature)?;
                    to.latest = checkpoint.size;
                    self.heads.cosigned(to.target.vkey.name(), checkpoint.size, line);
                    self.metrics.count("creditbay_cosignatures_received_total", &[("witness", to.target.vkey.name().as_str())]);
                    return Ok(());
                }
                409 => to.latest = size_of(&answer.body).ok_or(OfferError::Refused(409))?,
                422 => {
                    self.examine(to).await?;
                    return Err(OfferError::Refused(422));
                }
                status => return Err(OfferError::Refused(status)),
            }
        }
        Err(OfferError::Conflicts)
    }

    /// A witness that saw more of this log than there is, or something else: its word is nothing, but a note with this log's own
    /// signature is. This log stops where that contradicts it.
    async fn examine(&self, to: &mut Witness) -> Result<(), OfferError> {
        let path = format!("/{}/checkpoint", Digest::of(self.log.origin().to_string().as_bytes()));
        let answer = to.target.way.call("GET", &path, Vec::new()).await?;
        if answer.status == 200
            && let Ok(shown) = SignedCheckpoint::verify(&answer.body, self.log.origin(), &self.log_key)
        {
            self.log.refuse_contradiction(&shown, &self.log_key)?;
        }
        Ok(())
    }
}

/// A witness as its task holds it.
struct Witness {
    target: Target,
    /// The size that it cosigned last, as far as is known.
    latest: u64,
}

async fn keep_offering(offering: Arc<Offering>, target: Target, mut offered: watch::Receiver<Arc<SignedHead>>) {
    let name = target.vkey.name().clone();
    let mut to = Witness { target, latest: 0 };
    let mut pause = FIRST_PAUSE;
    loop {
        let head = offered.borrow_and_update().clone();
        let offer = tokio::time::timeout(OFFER_WAIT, offering.offer(&mut to, &head)).await;
        let lag = offering.log.head().signed().checkpoint().size.saturating_sub(offering.heads.cosigned_by(&name).unwrap_or(0));
        offering.metrics.set("creditbay_witness_lag_leaves", &[("witness", name.as_str())], lag);
        match offer.map_err(|_| OfferError::Slow).flatten() {
            Ok(()) => {
                pause = FIRST_PAUSE;
                if offered.changed().await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(witness = %name, "not cosigned: {error}");
                offering.metrics.count("creditbay_witness_errors_total", &[("witness", name.as_str())]);
                offering.heads.out_of_reach(&name);
                to.target.way.begin_anew();
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn size_of(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}
